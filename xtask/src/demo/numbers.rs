//! The demo's input, and the result it must have.

use anyhow::{Context, Result};

/// Random whole numbers below a thousand million, some of them negative.
pub(crate) fn random(count: usize, seed: u64) -> Vec<i64> {
    let mut state = seed;
    (0..count).map(|_| (next(&mut state) % 2_000_000_000) as i64 - 1_000_000_000).collect()
}

/// SplitMix64, after Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The numbers, one a line.
pub(crate) fn text(values: &[i64]) -> Vec<u8> {
    let mut text = String::with_capacity(values.len() * 11);
    for value in values {
        text.push_str(&value.to_string());
        text.push('\n');
    }
    text.into_bytes()
}

/// What sorting `text` must give, found without anything of bramble.
///
/// # Errors
/// When a line is not a number.
pub(crate) fn sorted_text(text: &[u8]) -> Result<Vec<u8>> {
    let lines = std::str::from_utf8(text).context("the input is not text")?.lines();
    let mut values: Vec<i64> =
        lines.map(str::parse).collect::<Result<_, _>>().context("a line is not a number")?;
    values.sort_unstable();
    Ok(self::text(&values))
}

/// The first line, from 1, in which two texts differ.
pub(crate) fn first_difference(found: &[u8], expected: &[u8]) -> Option<usize> {
    if found == expected {
        return None;
    }
    let same = found.iter().zip(expected).take_while(|(a, b)| a == b).count();
    Some(1 + found[..same].iter().filter(|byte| **byte == b'\n').count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        assert_eq!(random(1000, 1), random(1000, 1));
        assert_ne!(random(1000, 1), random(1000, 2));
        assert!(random(1000, 1).iter().any(|value| *value < 0));
    }

    #[test]
    fn the_generator_is_the_published_one() {
        // First outputs for seed 1234567, as in the tables of other implementations.
        let mut state = 1_234_567;
        let first = [next(&mut state), next(&mut state)];
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn a_wrong_result_is_told_by_its_line() {
        let sorted = sorted_text(b"3\n-1\n20\n").unwrap();
        assert_eq!(sorted, b"-1\n3\n20\n");
        assert_eq!(first_difference(&sorted, &sorted), None);
        assert_eq!(first_difference(b"-1\n3\n21\n", &sorted), Some(3));
        assert_eq!(first_difference(b"-1\n", &sorted), Some(2));
        assert!(sorted_text(b"x\n").is_err());
    }
}
