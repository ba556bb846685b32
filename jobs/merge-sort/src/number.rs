//! Decimal numbers of any length as text: reading and comparing them.
//!
//! A number is digits with an optional sign before and an optional fraction after a point, as in
//! `7`, `-0.5`, `+12.50`, `.5`. Blanks, tabs and a carriage return around it do not matter.

use std::cmp::Ordering;

/// The whole part of a number, cut to what fits into 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Never above that of a larger number.
    pub value: i64,
    /// Whether that is the number itself.
    pub is_exact: bool,
}

/// The parts of a number, without what does not change its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parts<'a> {
    is_negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
}

/// Reads the whole part. None when the text is not a number.
#[inline]
pub fn whole(text: &[u8]) -> Option<Whole> {
    whole_of_short(text).or_else(|| whole_of_any(text))
}

/// The usual case: up to 18 digits and perhaps a minus sign, nothing else.
#[inline]
fn whole_of_short(text: &[u8]) -> Option<Whole> {
    const DIGITS_MAX: usize = 18;
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > DIGITS_MAX {
        return None;
    }
    let mut value = 0i64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(Whole { value: if is_negative { -value } else { value }, is_exact: true })
}

#[cold]
fn whole_of_any(text: &[u8]) -> Option<Whole> {
    let parts = parts(text)?;
    let mut value = 0i64;
    let mut fits = true;
    for byte in parts.whole {
        let digit = i64::from(byte - b'0');
        // Negative numbers reach further, so their digits are taken away from zero.
        let next = value.checked_mul(10).and_then(|tens| match parts.is_negative {
            true => tens.checked_sub(digit),
            false => tens.checked_add(digit),
        });
        let limit = if parts.is_negative { i64::MIN } else { i64::MAX };
        fits &= next.is_some();
        value = if fits { next.unwrap_or(limit) } else { limit };
    }
    Some(Whole { value, is_exact: fits && parts.fraction.is_empty() })
}

/// Compares two numbers by value.
///
/// # Panics
/// When one of the texts is not a number.
pub fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let [a, b] = [a, b].map(|text| parts(text).expect("only numbers are compared"));
    match (a.is_negative, b.is_negative) {
        (false, false) => compare_sizes(a, b),
        (true, true) => compare_sizes(b, a),
        (a_negative, _) if a_negative => Ordering::Less,
        _ => Ordering::Greater,
    }
}

fn compare_sizes(a: Parts<'_>, b: Parts<'_>) -> Ordering {
    // Without leading zeros the longer whole part is the larger one; without zeros at their ends
    // fractions compare like words.
    (a.whole.len().cmp(&b.whole.len()))
        .then_with(|| a.whole.cmp(b.whole))
        .then_with(|| a.fraction.cmp(b.fraction))
}

fn parts(text: &[u8]) -> Option<Parts<'_>> {
    let text = text.trim_ascii();
    let (has_minus, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let point = unsigned.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = match point {
        Some(point) => (&unsigned[..point], &unsigned[point + 1..]),
        None => (unsigned, &unsigned[unsigned.len()..]),
    };
    let all_digits = whole.iter().chain(fraction).all(u8::is_ascii_digit);
    if !all_digits || whole.len() + fraction.len() == 0 {
        return None;
    }
    let leading = whole.iter().take_while(|digit| **digit == b'0').count();
    let trailing = fraction.iter().rev().take_while(|digit| **digit == b'0').count();
    let whole = &whole[leading..];
    let fraction = &fraction[..fraction.len() - trailing];
    // There is one zero: `-0` is not less than `0`.
    let is_negative = has_minus && whole.len() + fraction.len() > 0;
    Some(Parts { is_negative, whole, fraction })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_of_every_spelling_are_in_order() {
        // Each line is one value in several spellings; later lines are larger.
        let ascending: [&[&str]; 15] = [
            &["-100000000000000000000000", "-0100000000000000000000000.0"],
            &["-9223372036854775809"],
            &["-9223372036854775808", "-9223372036854775808.000"],
            &["-9223372036854775807.5"],
            &["-12"],
            &["-2.5", "-2.50", " -02.5\r"],
            &["-0.25", "-.25"],
            &["0", "-0", "+0", "0.", ".0", "-0.00", "\t0 "],
            &["0.1", ".10"],
            &["0.11"],
            &["7", "+7", "007", "7.0"],
            &["10"],
            &["9223372036854775807"],
            &["9223372036854775808"],
            &["123456789012345678901234567890.5"],
        ];
        let flat: Vec<(usize, &str)> = ascending
            .iter()
            .enumerate()
            .flat_map(|(rank, texts)| texts.iter().map(move |text| (rank, *text)))
            .collect();
        for (rank_a, a) in &flat {
            for (rank_b, b) in &flat {
                let expected = rank_a.cmp(rank_b);
                assert_eq!(compare(a.as_bytes(), b.as_bytes()), expected, "{a} and {b}");
                let [a, b] = [a, b].map(|text| whole(text.as_bytes()).unwrap());
                let by_whole = a.value.cmp(&b.value);
                let is_sure = a.is_exact && b.is_exact;
                assert!(by_whole == expected || (by_whole.is_eq() && !is_sure), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn what_is_not_a_number_is_told() {
        for text in ["", " ", "-", "+", ".", "-.", "1.2.3", "1e5", "0x10", "1 2", "--1", "½", "1,5"]
        {
            assert_eq!(whole(text.as_bytes()), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn integers_are_read_exactly(value: i64) {
            let read = whole(value.to_string().as_bytes());
            prop_assert_eq!(read, Some(Whole { value, is_exact: true }));
        }

        #[test]
        fn fractions_compare_like_fixed_point_numbers(a in -99_999i64..99_999, b in -99_999i64..99_999) {
            let text = |value: i64| {
                let sign = if value < 0 { "-" } else { "" };
                format!("{sign}{}.{:03}", value.abs() / 1000, value.abs() % 1000)
            };
            prop_assert_eq!(compare(text(a).as_bytes(), text(b).as_bytes()), a.cmp(&b));
        }
    }
}
