//! Jobs that make their own chunks, native.

use bramble_guest::local::Run;
use bramble_guest::prelude::*;

mod columns {
    use super::*;

    bramble_guest::job! {
        name: "columns",
        about: "Adds up the columns of a table of bytes, or writes it column by column.",
        input: InputKind::BINARY.about("rows of `width` bytes"),
        split: Split::Guest,
        params: [
            Param::new("width", "Bytes in a row.").default("4"),
            Param::new("do", "What to do.").default("turn").choices(&["turn", "add"]),
        ],
        result: ResultKind::by_param("do", &[("add", ResultKind::TEXT)]),
        map: map,
        merge: merge,
        merge_when: ("do", &["add"]),
        cut: cut,
    }

    fn cut(input: &mut Input, wanted_bytes: u64) -> JobResult<Vec<Vec<Piece>>> {
        let width: u64 = param_as("width")?;
        let rows = input.size() / width;
        let columns = (wanted_bytes / rows.max(1)).clamp(1, width);
        let starts = (0..width).step_by(columns as usize).filter(|_| rows > 0);
        Ok(starts
            .map(|offset| {
                let len = columns.min(width - offset);
                let head = (len as u32).to_le_bytes().to_vec();
                vec![Piece::Bytes(head), Piece::Rows { offset, len, stride: width, count: rows }]
            })
            .collect())
    }

    fn map(_: &Task, input: &mut Input, output: &mut Output) -> JobResult {
        let head = input.next_record::<4>()?.ok_or_else(|| JobError::failed("no head"))?;
        let columns = u32::from_le_bytes(head) as usize;
        let bytes = input.read_all();
        if param_or("do", "turn") == "add" {
            // One number, as a merged part has it.
            let sum: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
            writeln!(output, "{sum}")?;
            return Ok(());
        }
        for column in 0..columns {
            bytes.iter().skip(column).step_by(columns).for_each(|byte| output.put(&[*byte]));
        }
        Ok(())
    }

    fn merge(_: &Task, inputs: Vec<Input>, output: &mut Output) -> JobResult {
        let mut sum = 0;
        for mut input in inputs {
            while let Some(line) = input.next_line() {
                sum += std::str::from_utf8(line).unwrap_or("").parse::<u64>().unwrap_or(0);
            }
        }
        writeln!(output, "{sum}")?;
        Ok(())
    }
}

mod find {
    use super::*;

    bramble_guest::job! {
        name: "find",
        about: "Looks for the first multiple of a secret number.",
        input: InputKind::NONE,
        split: Split::Guest,
        params: [Param::new("number", "What to look for.").secret()],
        map: map,
        cut: cut,
    }

    fn cut(_: &mut Input, _: u64) -> JobResult<Vec<Vec<Piece>>> {
        Ok((0..10u32).map(|n| vec![Piece::Bytes((n * 100).to_le_bytes().to_vec())]).collect())
    }

    fn map(task: &Task, input: &mut Input, output: &mut Output) -> JobResult {
        let secret = host::secret("number").ok_or_else(|| JobError::bad_param("no number"))?;
        let number = u32::from(secret[0]) * 100;
        let start = input.numbers::<u32>().next().transpose()?.unwrap_or(0);
        writeln!(output, "chunk {}", task.index)?;
        host::preview("text/plain", format!("at {start}").as_bytes());
        if let Some(found) = (start.max(1)..start + 100).find(|n| n % number == 0) {
            writeln!(output, "found {found}")?;
            host::enough();
        }
        Ok(())
    }
}

#[test]
fn chunks_are_made_of_a_header_and_of_columns() {
    let run = Run::new(&columns::JOB);
    let table = b"abcdefghijkl";
    assert_eq!(run.made(table, 6).unwrap(), [&b"\x02\0\0\0abefij"[..], b"\x02\0\0\0cdghkl"]);
    assert_eq!(run.whole_in_any_chunks(table).unwrap(), b"aeibfjcgkdhl");
    assert_eq!(run.whole_in_any_chunks(b"").unwrap(), b"");
}

#[test]
fn a_job_merges_only_when_it_says_so() {
    let run = Run::new(&columns::JOB).arg("do", "add");
    assert_eq!(run.whole_in_any_chunks(&[1; 40]).unwrap(), b"40\n");
}

#[test]
fn a_job_without_input_stops_at_the_first_chunk_that_has_enough() {
    let run = Run::new(&find::JOB).secret("number", &[3]);
    let result = run.whole_in_any_chunks(b"").unwrap();
    assert_eq!(result, b"chunk 0\nchunk 1\nchunk 2\nchunk 3\nfound 300\n");
    assert_eq!(run.previews()[1], ("text/plain".to_owned(), b"at 100".to_vec()));
    assert!(Run::new(&find::JOB).whole_in_any_chunks(b"").is_err());
}
