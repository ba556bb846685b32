//! Turns a table of bytes on its side: for tests of jobs that make their chunks themselves. Its
//! chunks are columns, each behind a header of its own.

use bramble_guest::prelude::*;

bramble_guest::job! {
    name: "columns",
    about: "Writes the columns of a table of bytes as rows, or adds them up.",
    input: InputKind::BINARY.about("a table of bytes, row by row").extensions(&["grid"]),
    split: Split::Guest,
    params: [
        Param::of::<u64>("width", "how many bytes a row has").default("4"),
        Param::new("do", "what is written").choices(&["turn", "sum"]).default("turn")
            .notes(&[("turn", "the columns as rows"), ("sum", "one number, of all bytes")]),
        Param::new("salt", "shows what is drawn at random").random(8),
    ],
    result: ResultKind::by_param(
        "do",
        &[("turn", ResultKind::BINARY.extension("turned")), ("sum", ResultKind::TEXT)],
    ),
    map: map,
    merge: merge,
    merge_when: ("do", &["sum"]),
    cut: cut,
}

fn cut(input: &mut Input, wanted_bytes: u64) -> JobResult<Vec<Vec<Piece>>> {
    let width: u64 = param("width").unwrap_or_default().parse().unwrap_or(4);
    let height = input.size() / width;
    if height * width != input.size() {
        return Err(JobError::bad_input(format!("the last row has no {width} bytes")));
    }
    if param("salt").is_none_or(|salt| salt.len() != 16) {
        return Err(JobError::bad_param("the salt was not drawn before the input is cut"));
    }
    let many = (wanted_bytes / height.max(1)).clamp(1, width);
    let columns = (0..width).step_by(many as usize).map(|from| {
        let mut pieces = vec![Piece::Bytes(height.to_le_bytes().into())];
        pieces.extend((from..width.min(from + many)).map(|column| Piece::Rows {
            offset: column,
            len: 1,
            stride: width,
            count: height,
        }));
        pieces
    });
    Ok(columns.collect())
}

fn map(_task: &Task, input: &mut Input, output: &mut Output) -> JobResult {
    let mut header = [0; 8];
    input.read_exact(&mut header)?;
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes)?;
    if !(bytes.len() as u64).is_multiple_of(u64::from_le_bytes(header)) {
        return Err(JobError::bad_input("the columns are not as long as their header says"));
    }
    match param("do").as_deref() {
        Some("sum") => {
            writeln!(output, "{}", bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>())?;
        }
        _ => output.write_all(&bytes)?,
    }
    Ok(())
}

fn merge(_task: &Task, parts: Vec<Input>, output: &mut Output) -> JobResult {
    let mut sum = 0;
    for mut part in parts {
        for line in part.text_lines() {
            sum += line?.parse::<u64>().map_err(|_| JobError::bad_input("a sum is no number"))?;
        }
    }
    writeln!(output, "{sum}")?;
    Ok(())
}
