//! Counts words: the classic job of map and reduce.
//!
//! A word is letters and digits of any script, in lower case. The result has a line for each,
//! `word`, a tab and its count, in the order of the words.

use bramble_guest::prelude::*;

bramble_guest::job! {
    name: "word-count",
    about: "Counts how often each word occurs.",
    input: InputKind::TEXT.about("text in any language").extensions(&["txt", "md"]),
    split: Split::Lines,
    result: ResultKind::TABLE,
    map_pairs: map,
    combine: combine,
    reduce: reduce,
    ranges: ranges,
}

/// Calls `each` for every word of a line, as it is counted.
fn words(line: &[u8], mut each: impl FnMut(&str)) {
    let line = String::from_utf8_lossy(line).to_lowercase();
    line.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).for_each(&mut each);
}

fn map(_task: &Task, input: &mut Input, pairs: &mut Emitter) -> JobResult {
    let ranges = host::ranges();
    let splitters: Vec<&[u8]> = lines_of(&ranges).collect();
    while let Some(line) = input.next_line() {
        words(line, |word| {
            pairs.emit_to(partition_of(&word.as_bytes(), &splitters), word, 1u64);
        });
    }
    Ok(())
}

fn combine(_task: &Task, groups: &mut Groups, pairs: &mut Emitter) -> JobResult {
    while let Some((word, counts)) = groups.next::<String, u64>() {
        pairs.emit(word, counts.sum::<u64>());
    }
    Ok(())
}

fn reduce(_task: &Task, groups: &mut Groups, output: &mut Output) -> JobResult {
    while let Some((word, counts)) = groups.next::<String, u64>() {
        writeln!(output, "{word}\t{}", counts.sum::<u64>())?;
    }
    Ok(())
}

/// Key ranges keep the result in the order of the words. Splitters are words, one a line.
fn ranges(task: &Task, sample: &mut Input) -> JobResult<Vec<u8>> {
    let mut sampled = Vec::new();
    while let Some(line) = sample.next_line() {
        words(line, |word| sampled.push(word.to_owned()));
    }
    // Common words weigh no more than others: combined, each is one pair of a chunk.
    sampled.sort();
    sampled.dedup();
    let splitters = choose_splitters(&mut sampled, task.partitions);
    Ok(splitters.join("\n").into_bytes())
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

    proptest! {
        #[test]
        fn counts_are_those_of_a_simple_count(
            text in "([abAB]{1,2}[ ,\n]){0,200}",
            partitions in 1u32..5,
        ) {
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            for word in text.split([' ', ',', '\n']).filter(|word| !word.is_empty()) {
                *counts.entry(word.to_lowercase()).or_default() += 1;
            }
            let expected: String =
                counts.iter().map(|(word, count)| format!("{word}\t{count}\n")).collect();
            for run in [Run::new(&JOB), Run::new(&JOB).without_combine()] {
                let run = run.partitions(partitions);
                let result = run.whole_in_any_chunks(text.as_bytes()).unwrap();
                prop_assert_eq!(String::from_utf8(result).unwrap(), expected.clone());
            }
        }
    }
}
