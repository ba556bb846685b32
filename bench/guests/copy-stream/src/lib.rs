//! Copies its chunk, a block at a time.

use bramble_guest::prelude::*;

bramble_guest::job! {
    name: "copy-stream",
    about: "Copies bytes as a stream.",
    split: Split::Bytes,
    map: copy,
}

fn copy(_task: &Task, input: &mut Input, output: &mut Output) -> JobResult {
    let mut block = vec![0; 64 << 10];
    loop {
        let read = input.read(&mut block)?;
        if read == 0 {
            return Ok(());
        }
        output.write_all(&block[..read])?;
    }
}
