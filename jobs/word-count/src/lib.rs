//! Counts words: the classic job of a map and a merge.
//!
//! A word is letters and digits of any script, in lower case. The result has a line for each,
//! `word`, a tab and its count, in the order of the words.

use std::collections::HashMap;

use bramble_guest::prelude::*;

bramble_guest::job! {
    name: "word-count",
    about: "Counts how often each word occurs.",
    split: Split::Lines,
    map: map,
    ranges: ranges,
    merge: merge,
}

/// The words of a line, as they are counted.
fn words(line: &[u8]) -> Vec<String> {
    let line = String::from_utf8_lossy(line).to_lowercase();
    line.split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(str::to_owned)
        .collect()
}

fn map(_task: &Task, input: &mut Input, output: &mut Output) -> JobResult {
    let mut counts: HashMap<String, u64> = HashMap::new();
    while let Some(line) = input.next_line() {
        for word in words(line) {
            *counts.entry(word).or_default() += 1;
        }
    }
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort();
    let ranges = host::ranges();
    let splitters: Vec<&[u8]> = lines_of(&ranges).collect();
    for (word, count) in counts {
        let partition = partition_of(&word.as_bytes(), &splitters);
        writeln!(output.to(partition), "{word}\t{count}")?;
    }
    Ok(())
}

/// Splitters are words, one a line.
fn ranges(task: &Task, sample: &mut Input) -> JobResult<Vec<u8>> {
    let mut sampled = Vec::new();
    while let Some(line) = sample.next_line() {
        sampled.extend(words(line));
    }
    // Common words weigh no more than others: a part has one line for each.
    sampled.sort();
    sampled.dedup();
    let splitters = choose_splitters(&mut sampled, task.partitions);
    Ok(splitters.join("\n").into_bytes())
}

fn merge(_task: &Task, inputs: Vec<Input>, output: &mut Output) -> JobResult {
    let runs = inputs.into_iter().map(|input| KeyedLines::new(input, word_of)).collect();
    let mut current = (String::new(), 0);
    merge_sorted(runs, |run: &KeyedLines<_, _>| {
        let (word, count) = parse(run.line())?;
        if word != current.0 {
            put(&current, output)?;
            current = (word.to_owned(), 0);
        }
        current.1 += count;
        Ok(())
    })?;
    put(&current, output)
}

fn put((word, count): &(String, u64), output: &mut Output) -> JobResult {
    if *count > 0 {
        writeln!(output, "{word}\t{count}")?;
    }
    Ok(())
}

/// The word of a line `word`, tab, count.
fn word_of(line: &[u8]) -> JobResult<String> {
    Ok(parse(line)?.0.to_owned())
}

fn parse(line: &[u8]) -> JobResult<(&str, u64)> {
    let parts = std::str::from_utf8(line).ok().and_then(|line| line.split_once('\t'));
    let parsed = parts.and_then(|(word, count)| Some((word, count.parse().ok()?)));
    parsed.ok_or_else(|| JobError::failed("a part has a line that is not a word and its count"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use bramble_guest::local::Run;
    use proptest::prelude::*;

    #[test]
    fn words_of_all_chunks_are_counted_in_lower_case() {
        let result = Run::new(&JOB)
            .partitions(3)
            .whole(&["The cat, the DOG.\r\n".as_bytes(), "Привет, cat! привет2\n".as_bytes()])
            .unwrap();
        let expected = "cat\t2\ndog\t1\nthe\t2\nпривет\t1\nпривет2\t1\n";
        assert_eq!(String::from_utf8(result).unwrap(), expected);
    }

    #[test]
    fn no_words_give_an_empty_result() {
        for chunks in [&[][..], &[&b""[..]], &[b"\n -- \n", b"..."]] {
            assert_eq!(Run::new(&JOB).partitions(2).whole(chunks).unwrap(), b"");
        }
    }

    #[test]
    fn bytes_that_are_no_text_separate_words() {
        assert_eq!(Run::new(&JOB).whole(&[b"a\xffb a"]).unwrap(), b"a\t2\nb\t1\n");
    }

    #[test]
    fn a_part_that_is_not_its_own_is_refused() {
        for part in [&b"word"[..], b"word\tmany\n", b"\xff\t1\n"] {
            assert!(matches!(Run::new(&JOB).merge(&[part]), Err(JobError::Failed(_))));
        }
    }

    proptest! {
        #[test]
        fn counts_are_those_of_a_simple_count(
            chunks in prop::collection::vec("([abAB]{1,2}[ ,\n]){0,30}", 0..6),
            partitions in 1u32..5,
        ) {
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            for word in chunks.iter().flat_map(|chunk| chunk.split([' ', ',', '\n'])) {
                if !word.is_empty() {
                    *counts.entry(word.to_lowercase()).or_default() += 1;
                }
            }
            let expected: String =
                counts.iter().map(|(word, count)| format!("{word}\t{count}\n")).collect();
            let chunks: Vec<&[u8]> = chunks.iter().map(String::as_bytes).collect();
            let result = Run::new(&JOB).partitions(partitions).whole(&chunks).unwrap();
            prop_assert_eq!(String::from_utf8(result).unwrap(), expected);
        }
    }
}
