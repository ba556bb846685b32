//! Numbers, sizes and times as they are written in a language.

use super::Lang;

impl Lang {
    /// A whole number, its thousands apart where there are five digits and more.
    pub(crate) fn number(self, number: u64) -> String {
        let digits = number.to_string();
        if digits.len() < 5 {
            return digits;
        }
        let mut grouped = String::with_capacity(digits.len() * 2);
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                // A narrow space that no line breaks at: ISO 80000-1, 7.3.1, and right in both.
                grouped.push('\u{202f}');
            }
            grouped.push(digit);
        }
        grouped
    }

    /// A number with `places` decimals.
    pub(crate) fn decimal(self, number: f64, places: usize) -> String {
        let text = format!("{number:.places$}");
        match self {
            Self::Ru => text.replace('.', ","),
            Self::En | Self::Pseudo => text,
        }
    }

    /// A part of a whole, such as `64 %`.
    pub(crate) fn percent(self, part: f64) -> String {
        let percent = (part * 100.0).round() as u64;
        match self {
            Self::Ru => format!("{percent}\u{a0}%"),
            Self::En | Self::Pseudo => format!("{percent}%"),
        }
    }

    /// A length in bytes: `512 B`, `38 KiB`, `3.4 MiB`.
    pub(crate) fn bytes(self, bytes: u64) -> String {
        let units = match self {
            Self::Ru => ["Б", "КиБ", "МиБ", "ГиБ", "ТиБ"],
            Self::En | Self::Pseudo => ["B", "KiB", "MiB", "GiB", "TiB"],
        };
        let mut value = bytes as f64;
        let mut unit = 0;
        // 1023.95 and not 1024, or it would be shown as `1024.0 KiB`.
        while value >= 1023.95 && unit + 1 < units.len() {
            value /= 1024.0;
            unit += 1;
        }
        let places = usize::from(unit > 0 && value < 9.95);
        format!("{}\u{a0}{}", self.decimal(value, places), units[unit])
    }

    /// A length of time in milliseconds: `12 ms`, `0.3 s`, `41 s`, `3 min 40 s`, `2 h 05 min`.
    pub(crate) fn duration(self, ms: u64) -> String {
        let [short, second, minute, hour, day] = match self {
            Self::Ru => ["мс", "с", "мин", "ч", "д"],
            Self::En | Self::Pseudo => ["ms", "s", "min", "h", "d"],
        };
        let seconds = ms.saturating_add(500) / 1000;
        match seconds {
            _ if ms < 100 => format!("{ms}\u{a0}{short}"),
            0..10 => format!("{}\u{a0}{second}", self.decimal(ms as f64 / 1000.0, 1)),
            10..60 => format!("{seconds}\u{a0}{second}"),
            60..3600 => format!("{}\u{a0}{minute} {:02}\u{a0}{second}", seconds / 60, seconds % 60),
            3600..86_400 => {
                format!("{}\u{a0}{hour} {:02}\u{a0}{minute}", seconds / 3600, seconds % 3600 / 60)
            }
            _ => format!("{}\u{a0}{day} {}\u{a0}{hour}", seconds / 86_400, seconds % 86_400 / 3600),
        }
    }

    /// A length of time in microseconds: below ten milliseconds `1.2 ms`, else as
    /// [`Self::duration`] says it.
    pub(crate) fn duration_us(self, us: u64) -> String {
        if us >= 9_950 {
            return self.duration(us.saturating_add(500) / 1000);
        }
        let short = if self == Self::Ru { "мс" } else { "ms" };
        format!("{}\u{a0}{short}", self.decimal(us as f64 / 1000.0, usize::from(us > 0)))
    }

    /// A temperature in thousandths of a degree.
    pub(crate) fn temperature(self, millicelsius: i32) -> String {
        let degrees = (f64::from(millicelsius) / 1000.0).round() as i64;
        let sign = if degrees < 0 { "−" } else { "" };
        format!("{sign}{}\u{a0}°C", degrees.unsigned_abs())
    }

    /// A frequency in Hz.
    pub(crate) fn clock(self, hz: u64) -> String {
        let unit = match self {
            Self::Ru => "МГц",
            Self::En | Self::Pseudo => "MHz",
        };
        format!("{}\u{a0}{unit}", self.number((hz + 500_000) / 1_000_000))
    }
}

/// A time, as the attribute `datetime` of `<time>` wants it: RFC 3339 in UTC, in whole seconds.
/// Empty for what no calendar has.
pub(crate) fn rfc3339(at_ms: u64) -> String {
    let seconds = i64::try_from(at_ms / 1000).ok();
    let time = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map(|time| time.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_their_readers_write_them() {
        assert_eq!(Lang::En.number(9_999), "9999");
        assert_eq!(Lang::Ru.number(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(Lang::Ru.decimal(2.88, 1), "2,9");
        assert_eq!(Lang::En.bytes(512), "512\u{a0}B");
        assert_eq!(Lang::En.bytes(3_565_158), "3.4\u{a0}MiB");
        assert_eq!(Lang::Ru.bytes(38 << 10), "38\u{a0}КиБ");
        assert_eq!(Lang::En.bytes((1 << 20) - 1), "1.0\u{a0}MiB");
        assert_eq!(Lang::En.duration(6_940), "6.9\u{a0}s");
        assert_eq!(Lang::En.duration(12), "12\u{a0}ms");
        assert_eq!(Lang::En.duration_us(1_240), "1.2\u{a0}ms");
        assert_eq!(Lang::En.duration_us(9_960), "10\u{a0}ms");
        assert_eq!(Lang::En.duration(59_400), "59\u{a0}s");
        assert_eq!(Lang::En.duration(220_000), "3\u{a0}min 40\u{a0}s");
        assert_eq!(Lang::Ru.duration(7_500_000), "2\u{a0}ч 05\u{a0}мин");
        assert_eq!(Lang::En.temperature(-2_600), "−3\u{a0}°C");
        assert_eq!(Lang::En.percent(0.645), "65%");
    }

    #[test]
    fn times_are_in_utc_and_none_panics() {
        assert_eq!(rfc3339(951_782_400_999), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(u64::MAX), "");
    }
}
