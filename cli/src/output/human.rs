//! Numbers and texts as people read them.

use std::time::Duration;

/// A length in bytes: `512 B`, `38 KiB`, `3.4 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // 1023.95 and not 1024, or it would be shown as `1024.0 KiB`.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if value < 9.95 {
        format!("{value:.1} {}", UNITS[unit])
    } else {
        format!("{value:.0} {}", UNITS[unit])
    }
}

/// A length of time: `3 ms`, `0.6 s`, `42 s`, `1m04s`, `2h05m`, `3d 04h`.
pub(crate) fn duration(time: Duration) -> String {
    let ms = time.as_millis();
    let seconds = (ms + 500) / 1000;
    match ms {
        0..100 => format!("{ms} ms"),
        100..9950 => format!("{:.1} s", ms as f64 / 1000.0),
        _ if seconds < 60 => format!("{seconds} s"),
        _ if seconds < 3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ if seconds < 86_400 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d {:02}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// An amount of energy, to two or three digits.
pub(crate) fn joules(joules: f64) -> String {
    match joules {
        ..10.0 => format!("{joules:.2} J"),
        ..1_000.0 => format!("{joules:.0} J"),
        ..1e6 => format!("{:.1} kJ", joules / 1e3),
        _ => format!("{:.1} MJ", joules / 1e6),
    }
}

/// A moment in UTC, to the second.
pub(crate) fn moment(at_ms: u64) -> String {
    let moment =
        i64::try_from(at_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    moment.map_or_else(|| "?".into(), |moment| moment.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// A count with its noun: `1 chunk`, `14 chunks`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{} {noun}s", thousands(number)) }
}

/// A number with thin groups of three: `500 000`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) && digits.len() > 4 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// `text` with every character that could steer a terminal made visible: control characters
/// and those that change the direction of writing. Tabs stay.
pub(crate) fn safe(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => shown.push(c),
            c if steers(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// Whether a terminal obeys a character instead of showing it, or shows others in another order.
pub(crate) fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The same for one field of a table: tabs and line ends become blanks.
pub(crate) fn safe_field(text: &str) -> String {
    safe(&text.replace(['\t', '\n', '\r'], " "))
}

/// `text` cut to `columns` places on the screen, with `…` where something was cut.
pub(crate) fn shorten(text: &str, columns: usize) -> String {
    use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut width = 0;
    let mut short = String::new();
    for c in text.chars() {
        width += c.width().unwrap_or(0);
        if width + 1 > columns {
            break;
        }
        short.push(c);
    }
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_two_digits_and_a_unit() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (38 << 10, "38 KiB"),
            (3_565_158, "3.4 MiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (2_000_000_000, "1.9 GiB"),
            (u64::MAX, "16384 PiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn moments_are_shown_in_utc() {
        assert_eq!(moment(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(moment(u64::MAX), "?");
    }

    #[test]
    fn times_are_shown_in_the_unit_that_fits() {
        for (ms, text) in [
            (3, "3 ms"),
            (600, "0.6 s"),
            (6_900, "6.9 s"),
            (42_000, "42 s"),
            (59_700, "1m00s"),
            (64_000, "1m04s"),
            (7_500_000, "2h05m"),
            (273_600_000, "3d 04h"),
        ] {
            assert_eq!(duration(Duration::from_millis(ms)), text);
        }
    }

    #[test]
    fn nouns_follow_their_numbers() {
        assert_eq!(count(0, "chunk"), "0 chunks");
        assert_eq!(count(1, "chunk"), "1 chunk");
        assert_eq!(count(100_000, "chunk"), "100 000 chunks");
        assert_eq!(thousands(9999), "9999");
    }

    #[test]
    fn nothing_that_steers_a_terminal_gets_through() {
        assert_eq!(safe("plain text, 温度 ä\tok"), "plain text, 温度 ä\tok");
        assert_eq!(safe("\x1b[31mred"), "\\u{1b}[31mred");
        assert_eq!(safe("a\u{9b}2J\u{202e}b\r\n"), "a\\u{9b}2J\\u{202e}b\\u{d}\\u{a}");
        assert_eq!(safe_field("a\tb\nc\x07"), "a b c\\u{7}");
    }

    #[test]
    fn a_shortened_text_fits_its_columns_even_when_letters_are_wide() {
        assert_eq!(shorten("abc", 3), "abc");
        assert_eq!(shorten("abcd", 3), "ab…");
        assert_eq!(shorten("温度温度", 5), "温度…");
    }
}
