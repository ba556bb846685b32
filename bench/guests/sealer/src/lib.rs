//! Hides its chunk with a secret: for tests of secrets, and not how anything should be hidden.

use bramble_guest::prelude::*;

bramble_guest::job! {
    name: "sealer",
    about: "Hides bytes with a secret key, badly.",
    split: Split::Bytes,
    params: [
        Param::new("key", "the bytes that are added to those of the input, again and again")
            .secret(),
        Param::new("strictness", "whether an input that starts with `bad` is refused")
            .choices(&["lax", "strict"])
            .default("lax"),
    ],
    result: ResultKind::BINARY,
    map: seal,
}

fn seal(task: &Task, input: &mut Input, output: &mut Output) -> JobResult {
    let key = host::secret("key").unwrap_or_default();
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes)?;
    if param("strictness").as_deref() == Some("strict") && bytes.starts_with(b"bad") {
        return Err(JobError::bad_input("the input starts with `bad`"));
    }
    // As if the input had not been cut.
    let begin = (task.offset % (key.len() as u64).max(1)) as usize;
    for (byte, key) in bytes.iter_mut().zip(key.iter().cycle().skip(begin)) {
        *byte ^= key;
    }
    output.write_all(&bytes)?;
    Ok(())
}
