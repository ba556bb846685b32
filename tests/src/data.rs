//! Inputs for tests, the same for the same seed, and what should come out for them, computed
//! without any of bramble's own code.

use std::collections::BTreeMap;
use std::fmt::Write;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// `count` lines, each a number below a million.
pub fn number_lines(seed: u64, count: usize) -> String {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut text = String::with_capacity(count * 7);
    for _ in 0..count {
        writeln!(text, "{}", random.next_u32() % 1_000_000).expect("a String takes all");
    }
    text
}

/// The lines of `text` in the order of their numbers.
pub fn sorted_number_lines(text: &str) -> String {
    let mut numbers: Vec<u64> =
        text.lines().map(|line| line.parse().expect("lines are numbers")).collect();
    numbers.sort_unstable();
    let mut sorted = String::with_capacity(text.len());
    for number in numbers {
        writeln!(sorted, "{number}").expect("a String takes all");
    }
    sorted
}

/// `count` random u64, little-endian.
pub fn u64_bytes(seed: u64, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count * 8];
    ChaCha8Rng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

/// The same numbers in order.
pub fn sorted_u64_bytes(bytes: &[u8]) -> Vec<u8> {
    let mut numbers: Vec<u64> = bytes
        .chunks_exact(8)
        .map(|number| u64::from_le_bytes(number.try_into().expect("chunks of 8")))
        .collect();
    numbers.sort_unstable();
    numbers.into_iter().flat_map(u64::to_le_bytes).collect()
}

/// `count` lines of a few words out of a small stock.
pub fn prose(seed: u64, count: usize) -> String {
    const WORDS: [&str; 12] = [
        "bramble", "Berry", "thorn", "leaf", "node", "HEAD", "chunk", "the", "a", "slot", "lease",
        "pi",
    ];
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut text = String::new();
    for _ in 0..count {
        for place in 0..3 + random.next_u32() % 9 {
            let word = WORDS[random.next_u32() as usize % WORDS.len()];
            let gap = if place == 0 { "" } else { " " };
            write!(text, "{gap}{word}").expect("a String takes all");
        }
        text.push_str(".\n");
    }
    text
}

/// `word<TAB>count` lines in the order of the words, all in lower case.
pub fn counted_words(text: &str) -> String {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
    counts.iter().map(|(word, count)| format!("{word}\t{count}\n")).collect()
}
