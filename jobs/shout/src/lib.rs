//! Turns text into capitals: the smallest job that does something.

use bramble_guest::prelude::*;

bramble_guest::job! {
    name: "shout",
    about: "Turns text into capitals.",
    input: InputKind::TEXT.about("text in any language").extensions(&["txt", "md"]),
    split: Split::Lines,
    result: ResultKind::TEXT,
    map_bytes: shout,
}

fn shout(_task: &Task, text: &[u8]) -> JobResult<Vec<u8>> {
    let text = std::str::from_utf8(text)
        .map_err(|error| JobError::bad_input(format!("the input is not UTF-8 text: {error}")))?;
    Ok(text.to_uppercase().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bramble_guest::local;

    #[test]
    fn every_chunk_becomes_capitals_and_stays_in_its_place() {
        let run = local::Run::new(&JOB);
        assert_eq!(run.whole(&[b"hey\n", "stra\u{df}e".as_bytes()]).unwrap(), b"HEY\nSTRASSE");
        assert_eq!(run.whole(&[]).unwrap(), b"");
    }

    #[test]
    fn what_is_not_text_is_bad_input() {
        let error = local::Run::new(&JOB).map(b"\xff").unwrap_err();
        assert!(matches!(error, JobError::BadInput(message) if message.contains("UTF-8")));
    }
}
