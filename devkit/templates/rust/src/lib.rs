//! Turns text into capitals.

use bramble_guest::prelude::*;

bramble_guest::job! {
    name: "{{name}}",
    about: "Turns text into capitals.",
    split: Split::Lines,
    map: shout,
}

fn shout(_task: &Task, input: &mut Input, output: &mut Output) -> JobResult {
    for line in input.text_lines() {
        writeln!(output, "{}", line?.to_uppercase())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_becomes_capitals() {
        let result = bramble_guest::local::Run::new(&JOB).whole(&[b"hey\n", b"you\n"]);
        assert_eq!(result.unwrap(), b"HEY\nYOU\n");
    }
}
