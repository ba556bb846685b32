//! Shows what each line of its chunk says, a media type and a number of bytes: for tests of previews.

use bramble_guest::prelude::*;

bramble_guest::job! {
    name: "shows",
    about: "Shows previews of any kind and size.",
    split: Split::Lines,
    result: ResultKind::TEXT,
    map: map,
}

fn map(_task: &Task, input: &mut Input, output: &mut Output) -> JobResult {
    for line in input.text_lines() {
        let line = line?;
        let (media, bytes) = line.split_once(' ').unwrap_or((&line, "1"));
        let bytes = bytes.parse().map_err(|_| JobError::bad_input("not a number"))?;
        host::preview(media, &vec![b'<'; bytes]);
        writeln!(output, "{line}")?;
    }
    Ok(())
}
