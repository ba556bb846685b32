//! How often bytes or numbers occur, as a picture with its numbers beside it.

use maud::{Markup, html};

use crate::lang::Lang;

/// Bars of a histogram of numbers.
const BARS: usize = 40;

/// Entropy in bits a byte: Shannon, "A Mathematical Theory of Communication" (1948), section 6.
pub(super) fn entropy(counts: &[u64; 256]) -> f64 {
    let all = counts.iter().sum::<u64>() as f64;
    let part = |count: &u64| {
        let p = *count as f64 / all;
        -p * p.log2()
    };
    counts.iter().filter(|count| **count > 0).map(part).sum()
}

/// How often each byte occurs.
pub(super) fn counts(bytes: &[u8]) -> [u64; 256] {
    let mut counts = [0; 256];
    bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    counts
}

/// How often each byte occurs, and how much that says.
pub(super) fn of_bytes(lang: Lang, title: &str, counts: &[u64; 256]) -> Markup {
    let bits = lang.decimal(entropy(counts), 2);
    html! {
        figure {
            (bars(&counts.iter().map(|count| *count as f64).collect::<Vec<_>>(), title))
            figcaption { (title) ": " (lang.with("entropy", &[("bits", bits.into())])) }
        }
    }
}

/// How numbers are spread from the smallest to the largest.
pub(super) fn of_numbers(lang: Lang, numbers: &[f64]) -> Markup {
    let (low, high) = numbers
        .iter()
        .fold((f64::MAX, f64::MIN), |(low, high), number| (low.min(*number), high.max(*number)));
    let mut heights = vec![0.0; BARS];
    let width = (high - low) / BARS as f64;
    for number in numbers {
        let place = if width > 0.0 { ((number - low) / width) as usize } else { 0 };
        heights[place.min(BARS - 1)] += 1.0;
    }
    html! {
        figure {
            (bars(&heights, &lang.text("spread")))
            figcaption { (lang.text("spread")) }
        }
    }
}

/// Bars side by side, the highest as high as the picture.
fn bars(heights: &[f64], label: &str) -> Markup {
    const HEIGHT: f64 = 60.0;
    let most = heights.iter().copied().fold(1.0, f64::max);
    let mut path = String::new();
    for (place, height) in heights.iter().enumerate().filter(|(_, height)| **height > 0.0) {
        let height = (height / most * HEIGHT).max(0.5);
        path.push_str(&format!("M{place} {HEIGHT}v-{height:.1}h1v{height:.1}z"));
    }
    html! {
        svg.bars viewBox=(format!("0 0 {} {HEIGHT}", heights.len())) role="img"
            preserveAspectRatio="none" aria-label=(label) {
            path d=(path) {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_that_of_a_coin_a_die_and_of_noise() {
        assert_eq!(entropy(&counts(b"aaaa")), 0.0);
        assert_eq!(entropy(&counts(b"abab")), 1.0);
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(entropy(&counts(&all)), 8.0);
        // log2(6).
        assert!((entropy(&counts(b"123456")) - 2.584_962_5).abs() < 1e-6);
    }
}
