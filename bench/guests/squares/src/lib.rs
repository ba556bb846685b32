//! Squares of numbers: for tests of jobs that work on no input. Its chunks are numbers in text.

use bramble_guest::prelude::*;

bramble_guest::job! {
    name: "squares",
    about: "Writes the squares of the first numbers.",
    input: InputKind::NONE,
    split: Split::Guest,
    params: [Param::of::<u64>("upto", "the last number").default("10")],
    result: ResultKind::TEXT,
    map: map,
    cut: cut,
}

fn cut(_input: &mut Input, wanted_bytes: u64) -> JobResult<Vec<Vec<Piece>>> {
    let upto: u64 = param("upto").and_then(|text| text.parse().ok()).unwrap_or(10);
    let many = (wanted_bytes / 4096).max(1) as usize;
    let numbers: Vec<u64> = (1..=upto).collect();
    let text =
        |numbers: &[u64]| numbers.iter().map(|number| format!("{number}\n")).collect::<String>();
    Ok(numbers.chunks(many).map(|some| vec![Piece::Bytes(text(some).into())]).collect())
}

fn map(_task: &Task, input: &mut Input, output: &mut Output) -> JobResult {
    for line in input.text_lines() {
        let number: u64 = line?.parse().map_err(|_| JobError::bad_input("not a number"))?;
        writeln!(output, "{}", number * number)?;
    }
    Ok(())
}
