//! Measures the GC content of sequences in FASTA: a job that cuts its input itself.
//!
//! A sequence may span any number of lines, so that an input cannot be cut at just any line feed:
//! [`plan`] cuts it before a header. The result has a line for each sequence, its name, length and
//! share of G and C in percent, with tabs between.

use bramble_guest::prelude::*;

bramble_guest::params! {
    struct Params {
        /// Leave out sequences with fewer letters.
        shortest: u64 = 1,
    }
}

bramble_guest::job! {
    name: "gc-content",
    about: "Measures the share of G and C in each sequence of a FASTA file.",
    input: InputKind::TEXT
        .about("sequences of nucleotides in FASTA format")
        .extensions(&["fa", "fasta", "fna"]),
    split: Split::Guest,
    params: Params::DECLARED,
    result: ResultKind::TABLE,
    map: map,
    plan: plan,
}

fn map(_task: &Task, input: &mut Input, output: &mut Output) -> JobResult {
    let params = Params::read()?;
    let mut sequence: Option<Sequence> = None;
    while let Some(line) = input.next_line() {
        match (line.strip_prefix(b">"), &mut sequence) {
            (Some(header), _) => {
                let done = sequence.replace(Sequence::new(header));
                write(done, &params, output)?;
            }
            (None, Some(sequence)) => sequence.add(line),
            (None, None) if line.trim_ascii().is_empty() => {}
            (None, None) => return Err(JobError::bad_input("letters before the first header")),
        }
    }
    write(sequence, &params, output)
}

struct Sequence {
    name: String,
    letters: u64,
    gc: u64,
}

impl Sequence {
    fn new(header: &[u8]) -> Self {
        let header = String::from_utf8_lossy(header);
        let name = header.split_whitespace().next().unwrap_or("").to_owned();
        Self { name, letters: 0, gc: 0 }
    }

    fn add(&mut self, line: &[u8]) {
        let letters = line.iter().filter(|letter| letter.is_ascii_alphabetic());
        self.letters += letters.count() as u64;
        self.gc += line.iter().filter(|letter| b"GCgc".contains(letter)).count() as u64;
    }
}

fn write(sequence: Option<Sequence>, params: &Params, output: &mut Output) -> JobResult {
    if let Some(Sequence { name, letters, gc }) = sequence
        && letters >= params.shortest
    {
        let percent = 100.0 * gc as f64 / letters.max(1) as f64;
        writeln!(output, "{name}\t{letters}\t{percent:.2}")?;
    }
    Ok(())
}

/// Cuts before the first header that comes after each `wanted_bytes`.
fn plan(input: &mut Input, wanted_bytes: u64) -> JobResult<Vec<Span>> {
    let mut spans = Vec::new();
    let mut offset = 0;
    while offset < input.size() {
        let end = next_header(input, offset + wanted_bytes.max(1));
        spans.push(Span { offset, len: end - offset });
        offset = end;
    }
    Ok(spans)
}

/// Where the first header at or after `from` starts; the input's end if there is none.
fn next_header(input: &Input, from: u64) -> u64 {
    const BLOCK_BYTES: usize = 64 << 10;
    // From the line feed before, and on with the last byte of each block: it may be one.
    let mut at = from - 1;
    while at + 1 < input.size() {
        let block = input.read_at(at, BLOCK_BYTES);
        if let Some(found) = block.windows(2).position(|two| two == b"\n>") {
            return at + found as u64 + 1;
        }
        at += block.len() as u64 - 1;
    }
    input.size()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bramble_guest::local::Run;

    const FASTA: &[u8] = b"\n>one first of all\nGATTACA\ngg\n>two\r\nAT\r\n>empty\n>three\nNNGC>\n";

    #[test]
    fn sequences_are_measured_whole_wherever_the_input_is_cut() {
        let expected = "one\t9\t44.44\ntwo\t2\t0.00\nthree\t4\t50.00\n";
        for block_bytes in [1, 2, 3, 100] {
            let run = Run::new(&JOB).block_bytes(block_bytes);
            let result = run.whole_in_any_chunks(FASTA).unwrap();
            assert_eq!(String::from_utf8(result).unwrap(), expected);
        }
    }

    #[test]
    fn short_sequences_are_left_out() {
        let run = |shortest: &str| Run::new(&JOB).arg("shortest", shortest);
        assert_eq!(run("5").whole(&[FASTA]).unwrap(), b"one\t9\t44.44\n");
        assert_eq!(run("0").whole(&[FASTA]).unwrap().split(|b| *b == b'\n').count(), 5);
        assert!(matches!(run("-1").whole(&[FASTA]), Err(JobError::BadParam(_))));
    }

    #[test]
    fn what_is_no_fasta_is_bad_input() {
        let run = Run::new(&JOB);
        assert!(matches!(run.whole(&[b"GATTACA\n"]), Err(JobError::BadInput(_))));
        assert_eq!(run.whole(&[b"\n\n"]).unwrap(), b"");
    }

    #[test]
    fn a_header_far_away_is_found() {
        let mut fasta = b">a\n".to_vec();
        fasta.extend(b"ACGT\n".repeat(60_000));
        let second = fasta.len() as u64;
        fasta.extend(b">b\nA");
        let spans = Run::new(&JOB).plan(&fasta, 1000).unwrap();
        let offsets: Vec<u64> = spans.iter().map(|span| span.offset).collect();
        assert_eq!(offsets, [0, second]);
    }
}
