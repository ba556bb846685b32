//! Small inputs for the examples of the gallery, the same each time.

use std::fmt::Write;

use super::example;
use super::input::Input;

/// The drawing that the tests of the job use.
#[expect(unreachable_pub, reason = "it is public in the job")]
#[path = "../../../jobs/image-cipher/src/drawing.rs"]
mod drawing;

/// How many numbers the sample of the sorting example holds.
const SAMPLE_NUMBERS: usize = 100_000;
/// How wide and high the sample picture is.
const SAMPLE_PIXELS: u32 = 640;
/// How many lines the sample text holds.
const SAMPLE_LINES: usize = 20_000;
/// Rows and columns of each of the sample matrices.
const SAMPLE_SIDE: usize = 400;
/// What the sample text is made of.
const WORDS: [&str; 24] = [
    "bramble", "berry", "thorn", "hedge", "leaf", "root", "node", "chunk", "task", "job", "head",
    "slot", "the", "a", "of", "and", "many", "small", "boards", "work", "together", "on", "one",
    "problem",
];
/// How many sequences of nucleotides there are in the sample.
const SAMPLE_SEQUENCES: u64 = 200;
/// How many frequencies the sample observation has.
const SKY_CHANNELS: usize = 32_768;
/// How many moments the sample observation has.
const SKY_ROWS: usize = 16;

/// A small input for the example called `name`, the same each time.
pub(crate) fn sample(name: &str) -> Input {
    let (file, bytes) = bytes(name);
    Input::sample(&file, bytes)
}

/// What the file of a small input would be called, and its bytes.
pub(crate) fn bytes(name: &str) -> (String, Vec<u8>) {
    let (file, bytes) = match example::own_name(name) {
        "merge-sort" => ("numbers.txt", numbers().into_bytes()),
        "image-cipher" => ("penguin.ppm", drawing::penguin(SAMPLE_PIXELS, SAMPLE_PIXELS)),
        "matrix-multiply" => ("two.matrices", matrices()),
        "primes" => ("ranges.txt", ranges().into_bytes()),
        "gc-content" => ("sequences.fasta", sequences().into_bytes()),
        "signal-search" => ("sky.fil", sky()),
        _ => ("text.txt", text().into_bytes()),
    };
    (file.to_owned(), bytes)
}

/// Two matrices of whole numbers, as the example that multiplies reads them.
fn matrices() -> Vec<u8> {
    let mut random = SplitMix(3);
    let mut file = format!("matrices i64 {SAMPLE_SIDE} {SAMPLE_SIDE} {SAMPLE_SIDE}\n").into_bytes();
    for _ in 0..2 * SAMPLE_SIDE * SAMPLE_SIDE {
        file.extend((random.next() % 1000).to_le_bytes());
    }
    file
}

/// Ranges of numbers for the example that counts primes: two million each.
fn ranges() -> String {
    (0..20).map(|n| format!("{} {}\n", n * 2_000_000, (n + 1) * 2_000_000 - 1)).collect()
}

fn numbers() -> String {
    let mut random = SplitMix(1);
    let mut text = String::new();
    for _ in 0..SAMPLE_NUMBERS {
        writeln!(text, "{}", random.next() >> 32).expect("a String takes all");
    }
    text
}

fn text() -> String {
    let mut random = SplitMix(2);
    let mut text = String::new();
    for _ in 0..SAMPLE_LINES {
        let count = 4 + random.next() % 8;
        let words: Vec<&str> = (0..count)
            // The square makes some words common and others rare.
            .map(|_| {
                let (a, b) = (random.next() % 24, random.next() % 24);
                WORDS[(a * b / 24) as usize]
            })
            .collect();
        text.push_str(&words.join(" "));
        text.push('\n');
    }
    text
}

/// Sequences of nucleotides, in which G and C become more and more common.
fn sequences() -> String {
    let mut random = SplitMix(4);
    let mut text = String::new();
    for number in 0..SAMPLE_SEQUENCES {
        writeln!(text, ">sequence-{number}").expect("a String takes all");
        for _ in 0..20 + random.next() % 200 {
            let letters = (0..60).map(|_| {
                let pair = if random.next() % SAMPLE_SEQUENCES < number { "GC" } else { "AT" };
                char::from(pair.as_bytes()[(random.next() >> 63) as usize])
            });
            text.extend(letters);
            text.push('\n');
        }
    }
    text
}

/// An observation in SIGPROC filterbank format: noise, a signal that drifts by a channel a row, and
/// a transmitter on Earth, which does not.
fn sky() -> Vec<u8> {
    let mut file = Vec::new();
    let mut field = |name: &str, value: &[u8]| {
        file.extend((name.len() as u32).to_le_bytes());
        file.extend(name.as_bytes());
        file.extend(value);
    };
    field("HEADER_START", &[]);
    let integers = [("data_type", 1), ("nchans", SKY_CHANNELS as u32), ("nifs", 1), ("nbits", 8)];
    integers.into_iter().for_each(|(name, value)| field(name, &value.to_le_bytes()));
    // The 21 cm line of hydrogen, in the channels and rows of Breakthrough Listen.
    let numbers: [(_, f64); 4] =
        [("fch1", 1_420.405_751), ("foff", -2.8e-6), ("tsamp", 18.25), ("tstart", 60_000.0)];
    numbers.into_iter().for_each(|(name, value)| field(name, &value.to_le_bytes()));
    field("HEADER_END", &[]);
    let mut random = SplitMix(5);
    for row in 0..SKY_ROWS {
        let noise = (0..SKY_CHANNELS).map(|_| 68 + random.next().count_ones() as u8);
        let start = file.len();
        file.extend(noise);
        file[start + SKY_CHANNELS / 3 + row] += 24;
        file[start + SKY_CHANNELS * 2 / 3] += 40;
    }
    file
}

/// The `SplitMix64` generator: a counter and a mixing function.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_gives_its_published_numbers() {
        // First outputs of SplitMix64 for the seed 1234567.
        let mut random = SplitMix(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn samples_are_the_same_each_time_and_fit_their_example() {
        assert_eq!(numbers(), numbers());
        assert!(numbers().lines().all(|line| line.parse::<u32>().is_ok()));
        assert_eq!(numbers().lines().count(), SAMPLE_NUMBERS);
        assert_eq!(text().lines().count(), SAMPLE_LINES);
        assert_eq!(sample("sort").name(), "numbers.txt");
        assert_eq!(sample("image-cipher").name(), "penguin.ppm");
        assert_eq!(sample("caesar").name(), "text.txt");
        assert_eq!(sample("matrix").name(), "two.matrices");
        assert!(matrices().starts_with(b"matrices i64 400 400 400\n"));
        assert_eq!(matrices().len(), 25 + 2 * 400 * 400 * 8);
        assert_eq!(ranges().lines().count(), 20);
        assert_eq!(sequences().matches('>').count(), 200);
        assert_eq!(sample("gc-content").name(), "sequences.fasta");
        assert_eq!(sample("signal").name(), "sky.fil");
        assert_eq!(sky(), sky());
    }
}
