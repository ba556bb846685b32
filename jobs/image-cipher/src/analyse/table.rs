//! The table of measures, each beside what a good cipher gives, with a verdict in words.
//!
//! A measure of random bytes is random too. What is "expected" is therefore a range, which random
//! bytes leave once in a thousand pictures. Only +, −, ×, ÷ and √ are used, which round the same
//! on every machine, and the logarithm of the `libm` crate.

use bramble_guest::{JobResult, Output};

use super::counts::{Changes, Counts, Pairs, PictureCounts};
use crate::pixels::Shape;

const HEADER: &str = "name\tvalue\texpected\tverdict\n";

/// Quantiles of the chi-square distribution with 255 degrees of freedom, at 0.0005, 0.9995 and
/// 0.999: `scipy.stats.chi2.ppf(p, 255)`.
const CHI_SQUARE_LOW: f64 = 187.170_807;
const CHI_SQUARE_HIGH: f64 = 335.916_650;
const CHI_SQUARE_ONE_SIDED: f64 = 330.519_744;
/// Quantiles of the normal distribution at 0.9995 and 0.999: `scipy.stats.norm.ppf(p)`.
const NORMAL_TWO_SIDED: f64 = 3.290_526_731;
const NORMAL_ONE_SIDED: f64 = 3.090_232_306;
/// Fewer bytes than five for each value say nothing (the usual rule for chi-square tests).
const BYTES_MIN: u64 = 5 * 256;

/// Whether these bytes are a table already.
pub(super) fn is_table(bytes: &[u8]) -> bool {
    bytes.starts_with(HEADER.as_bytes())
}

/// Writes the table: a line for each measure with its name, its value, the range in which random
/// bytes are, and a verdict.
///
/// # Errors
/// Never: the output takes all.
pub fn write_table(counts: &Counts, output: &mut Output<'_>) -> JobResult {
    output.put(HEADER.as_bytes());
    for (name, picture) in ["plain", "ecb", "cipher"].iter().zip(&counts.pictures) {
        write_picture(name, picture, output);
    }
    write_changes(counts, output);
    Ok(())
}

fn write_line(output: &mut Output<'_>, name: &str, value: &str, expected: &str, verdict: &str) {
    output.put(format!("{name}\t{value}\t{expected}\t{verdict}\n").as_bytes());
}

fn write_picture(name: &str, picture: &PictureCounts, output: &mut Output<'_>) {
    let bytes: u64 = picture.histogram.iter().sum();
    let enough = bytes >= BYTES_MIN;
    let judged = |verdict: &'static str| if enough { verdict } else { "too few bytes to tell" };

    let entropy = entropy(&picture.histogram);
    // 2 N ln 2 (8 − H) is distributed as chi-square with 255 degrees of freedom (the G-test).
    let least = 8.0 - CHI_SQUARE_ONE_SIDED / (2.0 * std::f64::consts::LN_2 * bytes as f64);
    let verdict = if entropy >= least { "as random" } else { "bytes can be guessed in part" };
    let expected = format!("8, at least {:.6}", least.max(0.0));
    let line = format!("{name}.entropy-bits-per-byte");
    write_line(output, &line, &format!("{entropy:.6}"), &expected, judged(verdict));

    let chi_square = chi_square(&picture.histogram);
    let verdict = match chi_square {
        _ if chi_square < CHI_SQUARE_LOW => "more even than random",
        _ if chi_square > CHI_SQUARE_HIGH => "some bytes are far more common than others",
        _ => "as random",
    };
    let expected = format!("255, {CHI_SQUARE_LOW:.2} to {CHI_SQUARE_HIGH:.2}");
    let line = format!("{name}.chi-square");
    write_line(output, &line, &format!("{chi_square:.2}"), &expected, judged(verdict));

    for (direction, pairs) in ["horizontal", "vertical", "diagonal"].iter().zip(&picture.pairs) {
        let line = format!("{name}.correlation-{direction}");
        let bound = NORMAL_TWO_SIDED / (pairs.count as f64).sqrt();
        let expected = if enough { format!("0, -{bound:.6} to {bound:.6}") } else { "0".into() };
        let (value, verdict) = match correlation(pairs) {
            None => ("-".into(), "all samples are the same"),
            Some(r) => {
                let verdict = match r {
                    _ if r > bound => "neighbours are alike",
                    _ if r < -bound => "neighbours are opposites",
                    _ => "as random",
                };
                (format!("{r:.6}"), judged(verdict))
            }
        };
        write_line(output, &line, &value, &expected, verdict);
    }
}

fn write_changes(counts: &Counts, output: &mut Output<'_>) {
    let shape = &counts.shape;
    let ecb = &counts.ecb_changes;
    let told = format!("the change shows: {} of {} samples differ", ecb.changed, shape.samples());
    write_change("ecb", ecb, shape, Some(&told), output);
    let same = &counts.same_nonce_changes;
    let told = format!(
        "a nonce used twice tells what was changed: {} of {} samples differ",
        same.changed,
        shape.samples()
    );
    match &counts.new_nonce_changes {
        None => write_change("cipher", same, shape, Some(&told_without_nonce(same, shape)), output),
        Some(new) => {
            write_change("cipher.same-nonce", same, shape, Some(&told), output);
            write_change("cipher.new-nonce", new, shape, None, output);
        }
    }
}

fn told_without_nonce(changes: &Changes, shape: &Shape) -> String {
    format!("the change shows: {} of {} samples differ", changes.changed, shape.samples())
}

/// Rates of change. `told` is the verdict where they are not as for random pictures.
fn write_change(
    name: &str,
    changes: &Changes,
    shape: &Shape,
    told: Option<&str>,
    output: &mut Output<'_>,
) {
    let samples = shape.samples();
    let ideal = Ideal::new(shape);
    let npcr = 100.0 * changes.changed as f64 / samples as f64;
    let uaci = 100.0 * changes.difference as f64 / (f64::from(shape.white()) * samples as f64);
    let enough = samples >= BYTES_MIN;
    let judge = |good: bool, bad: &str| match (enough, good) {
        (false, _) => "too few samples to tell".to_owned(),
        (true, true) => "as random".to_owned(),
        (true, false) => told.unwrap_or(bad).to_owned(),
    };
    let expected = format!("{:.4}, at least {:.4}", ideal.npcr, ideal.npcr_least);
    let verdict = judge(npcr >= ideal.npcr_least, "too many samples stay as they were");
    write_line(output, &format!("{name}.npcr-percent"), &format!("{npcr:.4}"), &expected, &verdict);
    let (low, high) = ideal.uaci_range;
    let expected = format!("{:.4}, {low:.4} to {high:.4}", ideal.uaci);
    let bad = "the samples change by more or less than random ones";
    let verdict = judge((low..=high).contains(&uaci), bad);
    write_line(output, &format!("{name}.uaci-percent"), &format!("{uaci:.4}"), &expected, &verdict);
}

/// NPCR and UACI of two random pictures, in percent.
///
/// Source: Y. Wu, J. P. Noonan, S. Agaian, "NPCR and UACI Randomness Tests for Image Encryption",
/// Cyber Journals: Journal of Selected Areas in Telecommunications, April 2011, pp. 31-38.
#[derive(Clone, Copy, Debug)]
struct Ideal {
    npcr: f64,
    npcr_least: f64,
    uaci: f64,
    uaci_range: (f64, f64),
}

impl Ideal {
    fn new(shape: &Shape) -> Self {
        let white = f64::from(shape.white());
        let samples = shape.samples() as f64;
        let npcr = white / (white + 1.0);
        let npcr_deviation = (white / samples).sqrt() / (white + 1.0);
        let uaci = (white + 2.0) / (3.0 * white + 3.0);
        let uaci_variance = (white + 2.0) * (white * white + 2.0 * white + 3.0)
            / (18.0 * (white + 1.0) * (white + 1.0) * white * samples);
        let by = NORMAL_TWO_SIDED * uaci_variance.sqrt();
        Self {
            npcr: 100.0 * npcr,
            npcr_least: 100.0 * (npcr - NORMAL_ONE_SIDED * npcr_deviation),
            uaci: 100.0 * uaci,
            uaci_range: (100.0 * (uaci - by), 100.0 * (uaci + by)),
        }
    }
}

/// Shannon's entropy, −Σ p log₂ p, in bits per byte.
fn entropy(histogram: &[u64; 256]) -> f64 {
    let bytes: u64 = histogram.iter().sum();
    let share = |count: &u64| *count as f64 / bytes as f64;
    let occurring = histogram.iter().filter(|count| **count > 0).map(share);
    // `fold` from 0.0: a sum of no or of zero terms must not be −0.
    occurring.fold(0.0, |sum, p| sum - p * libm::log2(p))
}

/// Pearson's Σ (count − N/256)² / (N/256), as (256 Σ count² − N²) / N.
fn chi_square(histogram: &[u64; 256]) -> f64 {
    let bytes: u128 = histogram.iter().copied().map(u128::from).sum();
    let squares: u128 = histogram.iter().map(|count| u128::from(*count).pow(2)).sum();
    (256 * squares - bytes * bytes) as f64 / bytes as f64
}

/// Pearson's correlation of x and y. None if all x, or all y, are the same.
fn correlation(pairs: &Pairs) -> Option<f64> {
    // Exact: with at most 2^36 pairs of 16 bits each product stays below 2^105.
    let signed = |product: u128| product as i128;
    let covariance = signed(pairs.count * pairs.xy) - signed(pairs.x * pairs.y);
    let variance_x = pairs.count * pairs.xx - pairs.x * pairs.x;
    let variance_y = pairs.count * pairs.yy - pairs.y * pairs.y;
    let deviations = (variance_x as f64).sqrt() * (variance_y as f64).sqrt();
    (variance_x > 0 && variance_y > 0).then(|| covariance as f64 / deviations)
}
