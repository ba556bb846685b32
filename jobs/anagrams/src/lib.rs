//! Finds anagrams: words of the same letters.
//!
//! The result has a line for each set of two or more words, in the order of the words and with
//! blanks between. Which set comes first depends on the number of partitions, because keys go where
//! their digest says.

use bramble_guest::prelude::*;

bramble_guest::params! {
    struct Params {
        /// How many letters a word must have.
        letters: u32 = 3,
    }
}

bramble_guest::job! {
    name: "anagrams",
    about: "Finds words of the same letters.",
    input: InputKind::TEXT.about("text, or a list of words").extensions(&["txt"]),
    params: Params::DECLARED,
    result: ResultKind::TEXT,
    map_pairs: map,
    combine: combine,
    reduce: reduce,
}

fn map(_task: &Task, input: &mut Input, pairs: &mut Emitter) -> JobResult {
    let params = Params::read()?;
    for line in input.text_lines() {
        for word in line?.to_lowercase().split(|c: char| !c.is_alphabetic()) {
            let mut letters: Vec<char> = word.chars().collect();
            if letters.len() >= params.letters.max(1) as usize {
                letters.sort_unstable();
                pairs.emit(letters.into_iter().collect::<String>(), word);
            }
        }
    }
    Ok(())
}

fn combine(_task: &Task, groups: &mut Groups, pairs: &mut Emitter) -> JobResult {
    while let Some((letters, words)) = groups.next::<String, String>() {
        distinct(words).iter().for_each(|word| pairs.emit(&letters, word));
    }
    Ok(())
}

fn reduce(_task: &Task, groups: &mut Groups, output: &mut Output) -> JobResult {
    while let Some((_, words)) = groups.next::<String, String>() {
        let words = distinct(words);
        if words.len() > 1 {
            writeln!(output, "{}", words.join(" "))?;
        }
    }
    Ok(())
}

/// Each word once, in order.
fn distinct(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut words: Vec<String> = words.collect();
    words.sort();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use bramble_guest::local::Run;

    const TEXT: &[u8] = "Listen, silent night!\nThing: a NIGHT in\nenlist on no pots\nstop tops\n\
        листва свитла\n"
        .as_bytes();

    #[test]
    fn words_of_the_same_letters_stand_in_one_line() {
        let expected = "night thing\npots stop tops\nenlist listen silent\n";
        for run in [Run::new(&JOB), Run::new(&JOB).without_combine()] {
            let found = run.whole_in_any_chunks(TEXT).unwrap();
            let found = String::from_utf8(found).unwrap();
            let mut lines: Vec<&str> = found.lines().collect();
            let mut wanted: Vec<&str> = expected.lines().chain(["листва свитла"]).collect();
            lines.sort_unstable();
            wanted.sort_unstable();
            assert_eq!(lines, wanted);
        }
    }

    #[test]
    fn short_words_count_if_they_are_wanted() {
        let found = Run::new(&JOB).arg("letters", "2").whole(&[b"on no by"]).unwrap();
        assert_eq!(found, b"no on\n");
        assert_eq!(Run::new(&JOB).arg("letters", "0").whole(&[b"a a"]).unwrap(), b"");
    }
}
