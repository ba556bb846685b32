//! Makes an index of words, as at the end of a book: for each word the lines where it stands.
//!
//! A word is letters and digits of any script, in lower case. The result has a line for each, in
//! the order of the words: the word, a tab, and the numbers of its lines. Several documents can be
//! one input with a line `==> NAME <==` before each, as `tail -n +1 *.txt` writes them; lines are
//! then counted from there, and are written as `NAME:LINE`.
//!
//! A task cannot know which lines its chunk has, so [`cut`] counts them and tells each chunk. It
//! also looks at some of the words, so that all tasks agree on which words go to which reduce.

use bramble_guest::prelude::*;

bramble_guest::job! {
    name: "inverted-index",
    about: "Lists for each word the lines where it occurs.",
    input: InputKind::TEXT.about("text, or several texts as `tail -n +1 *.txt` joins them"),
    split: Split::Guest,
    result: ResultKind::TABLE,
    map_pairs: map,
    combine: combine,
    reduce: reduce,
    cut: cut,
}

/// Longer lists of lines are not combined: a value may have 4 MiB.
const COMBINED_BYTES: usize = 64 << 10;
/// Words that [`cut`] looks at, at most.
const SAMPLE_WORDS_MAX: usize = 50_000;
/// Into how many ranges the words can be divided.
const RANGES_MAX: u32 = 64;

/// Where in the documents a line stands.
#[derive(Default)]
struct Place {
    /// Empty before the first document that has a name.
    document: String,
    /// Lines of the document before this one.
    lines_before: u64,
}

impl Place {
    /// Goes past a line. Its number, unless it names a document.
    fn pass(&mut self, line: &[u8]) -> Option<u64> {
        let name = line.strip_prefix(b"==> ").and_then(|rest| rest.strip_suffix(b" <=="));
        if let Some(name) = name {
            let name = String::from_utf8_lossy(name).replace(char::is_whitespace, "_");
            *self = Self { document: name, lines_before: 0 };
            return None;
        }
        self.lines_before += 1;
        Some(self.lines_before)
    }

    /// What stands at the head of a chunk that begins here.
    fn head(&self) -> Piece {
        Piece::Bytes(format!("{} {}\n", self.lines_before, self.document).into_bytes())
    }

    fn from_head(head: &[u8]) -> JobResult<Self> {
        let text = String::from_utf8_lossy(head);
        let parsed = text.split_once(' ').and_then(|(lines, name)| {
            Some(Self { lines_before: lines.parse().ok()?, document: name.to_owned() })
        });
        parsed.ok_or_else(|| JobError::bad_input("the chunk does not begin with its place"))
    }
}

/// Chunks end after a line and begin with the place of their first, and the same words in each.
fn cut(input: &mut Input, wanted_bytes: u64) -> JobResult<Vec<Vec<Piece>>> {
    let size = input.size();
    let (mut place, mut sample) = (Place::default(), Sample::default());
    let mut cuts = Vec::new();
    let (mut head, mut start, mut end) = (place.head(), 0, 0);
    while let Some(line) = input.next_line() {
        // The last line may have no line feed.
        end = size.min(end + line.len() as u64 + 1);
        place.pass(line);
        sample.add(line);
        if end - start >= wanted_bytes || end == size {
            cuts.push((head, Piece::Input { offset: start, len: end - start }));
            (head, start) = (place.head(), end);
        }
    }
    let splitters = sample.splitters();
    Ok(cuts.into_iter().map(|(head, lines)| vec![head, splitters.clone(), lines]).collect())
}

/// Words from all over the input: those of every line at first, of every second line when they
/// become too many, and so on.
#[derive(Default)]
struct Sample {
    words: Vec<String>,
    lines: u64,
    passed_over: u64,
}

impl Sample {
    fn add(&mut self, line: &[u8]) {
        self.lines += 1;
        if !self.lines.is_multiple_of(self.passed_over + 1) {
            return;
        }
        self.words.extend(words_of(line));
        if self.words.len() > SAMPLE_WORDS_MAX {
            self.passed_over = 2 * self.passed_over + 1;
            let mut number = 0_u32;
            self.words.retain(|_| {
                number += 1;
                number.is_multiple_of(2)
            });
        }
    }

    /// A line of words that divide all words into ranges of about one size.
    fn splitters(mut self) -> Piece {
        let splitters = choose_splitters(&mut self.words, RANGES_MAX);
        Piece::Bytes(format!("{}\n", splitters.join(" ")).into_bytes())
    }
}

/// The words of a line, each once.
fn words_of(line: &[u8]) -> Vec<String> {
    let line = String::from_utf8_lossy(line).to_lowercase();
    let words = line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut words: Vec<String> = words.map(str::to_owned).collect();
    words.sort_unstable();
    words.dedup();
    words
}

fn map(_task: &Task, input: &mut Input, pairs: &mut Emitter) -> JobResult {
    let mut place = Place::from_head(input.next_line().unwrap_or_default())?;
    let words = String::from_utf8_lossy(input.next_line().unwrap_or_default()).into_owned();
    let mut words: Vec<&str> = words.split_whitespace().collect();
    let splitters = choose_splitters(&mut words, pairs.partitions() as u32);
    while let Some(line) = input.next_line() {
        let Some(number) = place.pass(line) else { continue };
        let at = match place.document.as_str() {
            "" => number.to_string(),
            name => format!("{name}:{number}"),
        };
        for word in words_of(line) {
            pairs.emit_to(partition_of(&word.as_str(), &splitters), word, at.as_str());
        }
    }
    Ok(())
}

/// Joins lists of lines that are on their way, so that there are fewer pairs to sort and to send.
fn combine(_task: &Task, groups: &mut Groups, pairs: &mut Emitter) -> JobResult {
    while let Some((word, lists)) = groups.next::<String, String>() {
        let mut joined = String::new();
        for list in lists {
            if !joined.is_empty() && joined.len() + list.len() > COMBINED_BYTES {
                pairs.emit(word.as_str(), joined.as_str());
                joined.clear();
            }
            join(&mut joined, &list);
        }
        pairs.emit(word, joined);
    }
    Ok(())
}

fn join(joined: &mut String, list: &str) {
    if !joined.is_empty() {
        joined.push(' ');
    }
    joined.push_str(list);
}

/// Values come in the order of the chunks, so that the lines of a word are in order already.
fn reduce(_task: &Task, groups: &mut Groups, output: &mut Output) -> JobResult {
    while let Some((word, lists)) = groups.next::<String, String>() {
        output.put(word.as_bytes());
        for (number, list) in lists.enumerate() {
            output.put(if number == 0 { b"\t" } else { b" " });
            output.put(list.as_bytes());
        }
        output.put(b"\n");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use bramble_guest::local::Run;
    use proptest::prelude::*;

    fn index(text: &[u8]) -> String {
        let run = Run::new(&JOB).partitions(3).block_bytes(7);
        String::from_utf8(run.whole_in_any_chunks(text).unwrap()).unwrap()
    }

    #[test]
    fn each_word_has_the_numbers_of_its_lines() {
        let text = "The cat\nand the DOG, the end.\r\n\nпривет cat";
        let expected = "and\t2\ncat\t1 4\ndog\t2\nend\t2\nthe\t1 2\nпривет\t4\n";
        assert_eq!(index(text.as_bytes()), expected);
    }

    #[test]
    fn documents_are_told_apart_as_tail_joins_them() {
        // printf 'a b\nb\n' > one.txt; printf 'b' > 'my two.txt'; tail -n +1 one.txt 'my two.txt'
        let joined = b"==> one.txt <==\na b\nb\n\n==> my two.txt <==\nb";
        assert_eq!(index(joined), "a\tone.txt:1\nb\tone.txt:1 one.txt:2 my_two.txt:1\n");
    }

    #[test]
    fn texts_without_words_have_an_empty_index() {
        for text in [&b""[..], b"\n\n", b"-- ...\n", b"==> name <==\n", b"\xff\n"] {
            assert_eq!(index(text), "");
        }
    }

    #[test]
    fn a_word_on_very_many_lines_has_them_all_in_order() {
        let text = "same\n".repeat(40_000);
        let run = Run::new(&JOB);
        let chunks = run.chunks(text.as_bytes(), 50_000).unwrap();
        let borrowed: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        let numbers: Vec<String> = (1..=40_000).map(|number: u32| number.to_string()).collect();
        let expected = format!("same\t{}\n", numbers.join(" "));
        assert!(run.whole(&borrowed).unwrap() == expected.as_bytes());
        assert!(run.without_combine().whole(&borrowed).unwrap() == expected.as_bytes());
    }

    #[test]
    fn any_number_of_reduces_gives_the_same_index() {
        let text: String =
            (0..3000).map(|n| format!("w{} w{}\n", n * 7919 % 1009, n % 10)).collect();
        let of = |partitions| {
            let run = Run::new(&JOB).partitions(partitions);
            let chunks = run.chunks(text.as_bytes(), 4000).unwrap();
            let borrowed: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
            run.whole(&borrowed).unwrap()
        };
        assert!([2, 7, 64, 100].iter().all(|partitions| of(*partitions) == of(1)));
    }

    #[test]
    fn words_are_divided_evenly_however_many_there_are() {
        let mut sample = Sample::default();
        for number in 0..200_000_u32 {
            sample.add(format!("w{:06}", number * 7919 % 200_000).as_bytes());
        }
        assert!(sample.words.len() <= SAMPLE_WORDS_MAX && sample.words.len() > 10_000);
        let Piece::Bytes(line) = sample.splitters() else { panic!("it is a line of words") };
        let line = String::from_utf8(line).unwrap();
        let splitters: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(splitters.len(), 63);
        let middle: u32 = splitters[31][1..].parse().unwrap();
        assert!((90_000..110_000).contains(&middle), "{middle}");
    }

    #[test]
    fn a_chunk_without_its_place_is_bad_input() {
        let made = Run::new(&JOB).whole(&[b"just text\n"]);
        assert!(matches!(made, Err(JobError::BadInput(_))));
    }

    proptest! {
        #[test]
        fn the_index_is_that_of_a_simple_program(text in "([abAB]{1,2}[ ,\n]){0,200}") {
            let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for (number, line) in text.lines().enumerate() {
                for word in line.split([' ', ',']).filter(|word| !word.is_empty()) {
                    let found = lines.entry(word.to_lowercase()).or_default();
                    let number = (number + 1).to_string();
                    if found.last() != Some(&number) {
                        found.push(number);
                    }
                }
            }
            let expected: String =
                lines.iter().map(|(word, at)| format!("{word}\t{}\n", at.join(" "))).collect();
            prop_assert_eq!(index(text.as_bytes()), expected);
        }
    }
}
