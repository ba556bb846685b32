//! The `Range` header of RFC 9110, section 14: which bytes of something are wanted.

/// Bytes that follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// The first of them, counted from 0.
    pub(crate) from: u64,
    /// How many.
    pub(crate) length: u64,
}

impl Span {
    /// All of so many bytes.
    pub(crate) const fn whole(length: u64) -> Self {
        Self { from: 0, length }
    }
}

/// What a `Range` header comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All: it names no part, or in a way that is to be ignored.
    Whole,
    /// This part, which is there and not empty.
    Part(Span),
    /// A part that begins behind the end.
    Outside,
}

/// What the value of a `Range` header wants of `size` bytes.
///
/// Anything malformed, another unit than bytes, and more than one range want everything, as the
/// standard allows; so does any range of nothing, of which there is no part to name.
pub(crate) fn wanted(range: &str, size: u64) -> Wanted {
    let Some((unit, set)) = range.split_once('=') else { return Wanted::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") || size == 0 {
        return Wanted::Whole;
    }
    // A list may have empty elements.
    let mut specs = set.split(',').map(trimmed).filter(|spec| !spec.is_empty());
    let (Some(spec), None) = (specs.next(), specs.next()) else { return Wanted::Whole };
    match spec.split_once('-') {
        Some(("", last)) => match number(last) {
            Some(0) => Wanted::Outside,
            Some(length) => {
                let length = length.min(size);
                Wanted::Part(Span { from: size - length, length })
            }
            None => Wanted::Whole,
        },
        Some((first, last)) => between(first, last, size),
        None => Wanted::Whole,
    }
}

fn between(first: &str, last: &str, size: u64) -> Wanted {
    let Some(from) = number(first) else { return Wanted::Whole };
    let last = match last {
        "" => u64::MAX,
        last => match number(last) {
            Some(last) if last >= from => last,
            _ => return Wanted::Whole,
        },
    };
    if from >= size {
        return Wanted::Outside;
    }
    let last = last.min(size - 1);
    Wanted::Part(Span { from, length: last - from + 1 })
}

/// Digits as a number; one that is too large is as good as the largest.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn part(from: u64, length: u64) -> Wanted {
        Wanted::Part(Span { from, length })
    }

    /// The examples of RFC 9110, 14.1.2, for 10,000 bytes.
    #[test]
    fn ranges_are_read_as_in_the_examples_of_the_standard() {
        for (range, expected) in [
            ("bytes=0-499", part(0, 500)),
            ("bytes=500-999", part(500, 500)),
            ("bytes=-500", part(9500, 500)),
            ("bytes=9500-", part(9500, 500)),
            ("bytes=0-0,-1", Wanted::Whole),
            ("bytes= 0-0, -2", Wanted::Whole),
            ("bytes= 0-999, 4500-5499, -1000", Wanted::Whole),
        ] {
            assert_eq!(wanted(range, 10_000), expected, "{range}");
        }
    }

    #[test]
    fn what_is_malformed_is_ignored_and_what_lies_behind_the_end_is_not() {
        for (range, expected) in [
            ("", Wanted::Whole),
            ("bytes", Wanted::Whole),
            ("bytes=", Wanted::Whole),
            ("bytes=,", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=5", Wanted::Whole),
            ("bytes=5-4", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("bytes=1-2-3", Wanted::Whole),
            ("bytes=1 -2", Wanted::Whole),
            ("bytes=x-", Wanted::Whole),
            ("lines=0-1", Wanted::Whole),
            ("bytes=٣-", Wanted::Whole),
            ("BYTES=0-1", part(0, 2)),
            ("bytes=,0-1,", part(0, 2)),
            ("bytes=0-99999999999999999999999", part(0, 10)),
            ("bytes=-99999999999999999999999", part(0, 10)),
            ("bytes=10-", Wanted::Outside),
            ("bytes=99999999999999999999999-", Wanted::Outside),
            ("bytes=-0", Wanted::Outside),
        ] {
            assert_eq!(wanted(range, 10), expected, "{range}");
        }
        for range in ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=7-"] {
            assert_eq!(wanted(range, 0), Wanted::Whole, "{range} of nothing");
        }
    }

    /// Against a list of the bytes from which everything that a range excludes was taken out.
    #[test]
    fn every_range_of_every_small_size_names_the_bytes_that_it_says() {
        for size in 1..12u64 {
            let all: Vec<u64> = (0..size).collect();
            for a in 0..14u64 {
                let open: Vec<u64> = all.iter().copied().filter(|at| *at >= a).collect();
                same(&format!("bytes={a}-"), size, &open);
                let suffix: Vec<u64> = all.iter().rev().take(a as usize).rev().copied().collect();
                same(&format!("bytes=-{a}"), size, &suffix);
                for b in a..14 {
                    let closed: Vec<u64> = open.iter().copied().filter(|at| *at <= b).collect();
                    same(&format!("bytes={a}-{b}"), size, &closed);
                }
            }
        }
    }

    #[track_caller]
    fn same(range: &str, size: u64, expected: &[u64]) {
        let found: Vec<u64> = match wanted(range, size) {
            Wanted::Part(span) => (span.from..span.from + span.length).collect(),
            Wanted::Outside => vec![],
            Wanted::Whole => panic!("{range} of {size} is ignored"),
        };
        assert_eq!(found, expected, "{range} of {size}");
    }
}
