//! Chunks are the input, cut only where the rule allows it.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like the tests")]

use std::io::{self, Read};

use bramble_protocol::{SplitRule, pack};
use bramble_store::cut::{CutError, CutOptions, Cutter, SpanCutter};
use proptest::prelude::*;

const LINES: SplitRule = SplitRule::Lines;

fn options(rule: SplitRule, chunk_bytes: u64) -> CutOptions {
    CutOptions { rule, chunk_bytes, sample_bytes_max: 256 << 10 }
}

fn cut(input: &[u8], rule: SplitRule, chunk_bytes: u64) -> Result<Vec<Vec<u8>>, CutError> {
    Cutter::new(input, options(rule, chunk_bytes))?.collect()
}

fn texts(chunks: &[Vec<u8>]) -> Vec<&str> {
    chunks.iter().map(|chunk| std::str::from_utf8(chunk).unwrap()).collect()
}

/// Hands out one byte at a time, with interruptions.
struct Dribble<'a>(&'a [u8], bool);

impl Read for Dribble<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let count = out.len().min(1);
        self.0.read(&mut out[..count])
    }
}

#[test]
fn lines_are_cut_after_the_last_one_that_fits() {
    let cases: &[(&str, u64, &[&str])] = &[
        ("a\nbb\nccc\n", 4, &["a\n", "bb\n", "ccc\n"]),
        ("a\nbb\nccc\n", 5, &["a\nbb\n", "ccc\n"]),
        ("a\nbb\nccc", 5, &["a\nbb\n", "ccc"]),
        ("a\nbb", 4, &["a\nbb"]),
        ("aaaa", 4, &["aaaa"]),
        ("a\r\nb\r\n", 5, &["a\r\n", "b\r\n"]),
        ("\n\n\n", 1, &["\n", "\n", "\n"]),
        ("\n\n\n", 2, &["\n\n", "\n"]),
        ("a\nb\n", 100, &["a\nb\n"]),
    ];
    for (input, chunk_bytes, expected) in cases {
        let chunks = cut(input.as_bytes(), LINES, *chunk_bytes).unwrap();
        assert_eq!(texts(&chunks), *expected, "{input:?} by {chunk_bytes}");
    }
}

#[test]
fn a_line_longer_than_a_chunk_is_named_with_its_place() {
    let mut cutter = Cutter::new(&b"ab\ncdefgh\n"[..], options(LINES, 5)).unwrap();
    assert_eq!(cutter.next().unwrap().unwrap(), b"ab\n");
    let refused = cutter.next().unwrap().unwrap_err();
    assert!(matches!(refused, CutError::LineTooLong { offset: 3, chunk_bytes: 5 }));
    assert!(refused.to_string().contains("choose a larger chunk size"), "{refused}");
    assert!(cutter.next().is_none(), "nothing follows an error");
    assert!(matches!(cut(b"abcde\n", LINES, 5), Err(CutError::LineTooLong { offset: 0, .. })));
}

#[test]
fn records_are_never_torn() {
    let records = SplitRule::Records { bytes: 3 };
    assert_eq!(texts(&cut(b"abcdefghi", records, 7).unwrap()), ["abcdef", "ghi"]);
    assert_eq!(texts(&cut(b"abcdef", records, 1).unwrap()), ["abc", "def"], "one at least");
    let refused = cut(b"abcdefgh", records, 3).unwrap_err();
    assert!(matches!(refused, CutError::PartialRecord { total: 8, record_bytes: 3 }));
}

#[test]
fn bytes_are_cut_anywhere() {
    assert_eq!(texts(&cut(b"abcdefg", SplitRule::Bytes, 3).unwrap()), ["abc", "def", "g"]);
    assert_eq!(texts(&cut(b"abcdef", SplitRule::Bytes, 3).unwrap()), ["abc", "def"]);
}

#[test]
fn options_that_cannot_work_are_refused_before_reading() {
    let cutter = |rule, chunk_bytes| Cutter::new(io::empty(), options(rule, chunk_bytes)).err();
    assert!(matches!(cutter(LINES, 0), Some(CutError::ChunkBytes { chunk_bytes: 0 })));
    assert!(cutter(LINES, pack::OBJECT_BYTES_MAX).is_none());
    assert!(matches!(cutter(LINES, pack::OBJECT_BYTES_MAX + 1), Some(CutError::ChunkBytes { .. })));
    for bytes in [0, 65 << 20] {
        let refused = cutter(SplitRule::Records { bytes }, 8);
        assert!(matches!(refused, Some(CutError::RecordBytes { .. })));
    }
    assert!(matches!(cutter(SplitRule::Guest, 8), Some(CutError::NeedsPlanner)));
}

#[test]
fn an_empty_input_is_refused() {
    for rule in [SplitRule::Bytes, LINES, SplitRule::Records { bytes: 8 }] {
        assert!(matches!(cut(b"", rule, 8), Err(CutError::Empty)), "{rule}");
    }
}

#[test]
fn an_input_that_cannot_be_read_says_where() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
    let mut cutter = Cutter::new((&b"a\nb\nc\n"[..]).chain(Broken), options(LINES, 2)).unwrap();
    assert_eq!(cutter.by_ref().take_while(Result::is_ok).count(), 2);
    let refused: Result<Vec<_>, _> =
        Cutter::new((&b"a\nb\nc\n"[..]).chain(Broken), options(LINES, 2)).unwrap().collect();
    assert!(matches!(refused, Err(CutError::Read { offset: 6, .. })));
    let directory = std::fs::File::open("/").unwrap();
    let refused = Cutter::new(directory, options(LINES, 2)).unwrap().next().unwrap();
    assert!(matches!(refused, Err(CutError::Read { offset: 0, .. })));
}

#[test]
fn spans_are_followed_exactly() {
    let chunks: Result<Vec<_>, _> =
        SpanCutter::new(&b"abcdef"[..], vec![(0, 1), (1, 3), (4, 2)]).unwrap().collect();
    assert_eq!(texts(&chunks.unwrap()), ["a", "bcd", "ef"]);
}

#[test]
fn plans_that_do_not_cover_the_input_are_refused() {
    let plan = |spans: &[(u64, u64)]| SpanCutter::new(&b"abcdef"[..], spans.to_vec());
    assert!(matches!(plan(&[]), Err(CutError::Empty)));
    let big = pack::OBJECT_BYTES_MAX + 1;
    let bad: [&[(u64, u64)]; 6] = [
        &[(1, 5)],
        &[(0, 2), (3, 3)],
        &[(0, 3), (2, 4)],
        &[(0, 0), (0, 6)],
        &[(0, big)],
        &[(0, u64::MAX), (u64::MAX, u64::MAX)],
    ];
    for spans in bad {
        assert!(matches!(plan(spans), Err(CutError::BadSpan { .. })), "{spans:?}");
    }
    let end = |spans: &[(u64, u64)]| plan(spans).unwrap().find_map(Result::err).unwrap();
    assert!(matches!(end(&[(0, 5)]), CutError::NotCovered { planned: 5, is_longer: true }));
    assert!(matches!(end(&[(0, 7)]), CutError::NotCovered { planned: 7, is_longer: false }));
}

fn rules() -> impl Strategy<Value = SplitRule> {
    prop_oneof![
        Just(SplitRule::Bytes),
        Just(LINES),
        (1..20u32).prop_map(|bytes| SplitRule::Records { bytes }),
    ]
}

proptest! {
    #[test]
    fn chunks_joined_are_the_input(
        input in prop::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 1..400),
        rule in rules(),
        chunk_bytes in 1..120u64,
    ) {
        let chunks = match cut(&input, rule, chunk_bytes) {
            Ok(chunks) => chunks,
            Err(CutError::LineTooLong { offset, .. }) => {
                prop_assert_eq!(rule, LINES);
                let line = input[offset as usize..].split_inclusive(|b| *b == b'\n').next();
                prop_assert!(line.unwrap().len() as u64 > chunk_bytes);
                return Ok(());
            }
            Err(CutError::PartialRecord { record_bytes, .. }) => {
                prop_assert_ne!(input.len() as u64 % record_bytes, 0);
                return Ok(());
            }
            Err(error) => panic!("{error}"),
        };
        prop_assert_eq!(chunks.concat(), input.clone());
        let (last, others) = chunks.split_last().unwrap();
        prop_assert!(!last.is_empty());
        for chunk in others {
            match rule {
                SplitRule::Bytes => prop_assert_eq!(chunk.len() as u64, chunk_bytes),
                SplitRule::Lines => {
                    prop_assert!(chunk.len() as u64 <= chunk_bytes);
                    prop_assert!(chunk.ends_with(b"\n"));
                }
                _ => prop_assert_eq!(chunk.len(), chunks[0].len()),
            }
        }
        let dribbled: Result<Vec<_>, _> =
            Cutter::new(Dribble(&input, false), options(rule, chunk_bytes)).unwrap().collect();
        prop_assert_eq!(dribbled.unwrap(), chunks, "cuts do not depend on how the input is read");
    }
}
