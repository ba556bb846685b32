//! Values that are typed after flags: sizes, lengths of time, parameters, job numbers.

use std::ffi::OsString;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bramble_protocol::JobId;
use bramble_protocol::node::is_node_name;

/// Reads `4096`, `256k`, `64M`, `1.5G`, `64MiB`: powers of 1024, in bytes.
///
/// # Errors
/// In words for the user, when it is no size or more than 2^63 bytes.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let bad = || format!("`{text}` is not a size: use bytes, or a number with k, M, G or T");
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err(bad()),
    };
    if !number.contains('.') {
        let value: u64 = number.parse().map_err(|_| bad())?;
        return value.checked_mul(1 << shift).filter(|bytes| *bytes < 1 << 63).ok_or_else(bad);
    }
    let value: f64 = number.parse().map_err(|_| bad())?;
    let bytes = value * (1u64 << shift) as f64;
    if bytes.is_finite() && bytes < (1u64 << 63) as f64 {
        // A part of a byte means nothing: down to the whole one.
        Ok(bytes as u64)
    } else {
        Err(bad())
    }
}

/// The same, but not zero.
///
/// # Errors
/// In words for the user.
pub(crate) fn positive_size(text: &str) -> Result<u64, String> {
    match size(text)? {
        0 => Err("it must be at least one byte".into()),
        bytes => Ok(bytes),
    }
}

/// Reads what may name a node.
///
/// # Errors
/// In words for the user.
pub(crate) fn node_name(text: &str) -> Result<String, String> {
    if is_node_name(text) {
        Ok(text.to_owned())
    } else {
        Err("use 1 to 63 letters, digits, `-`, `_` or `.`, and not only digits".into())
    }
}

/// Reads `90`, `90s`, `1.5s`, `500ms`, `10m`, `2h`, `1h30m`; a bare number is seconds.
///
/// # Errors
/// In words for the user, when it is no length of time, zero, or more than a year.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is not a length of time: use 500ms, 60s, 5m, 2h or 1h30m");
    let mut seconds = 0.0;
    let mut rest = text;
    if rest.is_empty() {
        return Err(bad());
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let value: f64 = number.parse().map_err(|_| bad())?;
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        seconds += value
            * match unit {
                "ms" => 0.001,
                "" | "s" => 1.0,
                "m" | "min" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return Err(bad()),
            };
        rest = after;
    }
    if seconds < 0.001 {
        return Err("it must be at least a millisecond".into());
    }
    if seconds > 366.0 * 86_400.0 {
        return Err("it must be less than a year".into());
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// A task of a job: `17/3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FailedTask {
    /// The job.
    pub(crate) job: JobId,
    /// The task's number in it.
    pub(crate) index: u32,
}

impl FromStr for FailedTask {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(job, index)| {
            Some(Self { job: JobId(job.parse().ok()?), index: index.parse().ok()? })
        });
        parts.ok_or_else(|| format!("`{text}` names no task: use JOB/TASK, such as 17/3"))
    }
}

/// Where a virtual clock starts: `now`, or a time such as `2026-03-01T12:00:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// At the moment of the submission.
    Now,
    /// Then, in milliseconds since 1970.
    At(u64),
}

impl Clock {
    /// In milliseconds since 1970.
    pub(crate) fn ms(self) -> u64 {
        match self {
            Self::Now => crate::commands::now_ms(),
            Self::At(ms) => ms,
        }
    }
}

impl FromStr for Clock {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "now" {
            return Ok(Self::Now);
        }
        let time: jiff::Timestamp = text.parse().map_err(|_| {
            format!(
                "`{text}` is not a time: use now, or a time with its zone like 2026-03-01T12:00:00Z"
            )
        })?;
        match u64::try_from(time.as_millisecond()) {
            Ok(ms) if ms <= bramble_protocol::JobSpec::CLOCK_MS_MAX => Ok(Self::At(ms)),
            _ => Err("a clock starts between 1970 and 2286".into()),
        }
    }
}

/// A parameter as typed: `name=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Param {
    /// Before the first `=`.
    pub(crate) name: String,
    /// All that follows.
    pub(crate) value: String,
}

impl FromStr for Param {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((name, value)) = text.split_once('=') else {
            return Err(format!("`{text}` is not a parameter: use name=value"));
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
            return Err(format!(
                "`{name}` cannot name a parameter: use letters, digits, `-`, `_` and `.`"
            ));
        }
        if value.len() > 4 << 10 {
            return Err(format!("the value of `{name}` is longer than 4 KiB"));
        }
        Ok(Self { name: name.into(), value: value.into() })
    }
}

/// The number of one job: `17`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JobNumber(pub(crate) JobId);

impl FromStr for JobNumber {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(JobSelector::Range(first, last)) if first == last => Ok(Self(first)),
            _ => Err(format!("`{text}` is not the number of a job")),
        }
    }
}

/// Which jobs: `17`, `15-17`, `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobSelector {
    /// The newest.
    Last,
    /// These, both ends included; one job is a range of one.
    Range(JobId, JobId),
}

impl JobSelector {
    /// The most jobs that one range may name.
    pub(crate) const RANGE_MAX: u64 = 1000;
}

impl FromStr for JobSelector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "last" {
            return Ok(Self::Last);
        }
        let bad = || format!("`{text}` names no job: use a number like 17, a range 15-17, or last");
        let number = |text: &str| match text.parse::<u64>() {
            Ok(number) if number > 0 && !text.starts_with('+') => Ok(JobId(number)),
            _ => Err(bad()),
        };
        let Some((first, last)) = text.split_once('-') else {
            return number(text).map(|id| Self::Range(id, id));
        };
        let (first, last) = (number(first)?, number(last)?);
        if first > last {
            return Err(format!("`{text}` ends before it starts"));
        }
        if last.0 - first.0 >= Self::RANGE_MAX {
            return Err(format!("`{text}` names more than {} jobs", Self::RANGE_MAX));
        }
        Ok(Self::Range(first, last))
    }
}

impl fmt::Display for JobSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Last => f.write_str("last"),
            Self::Range(first, last) if first == last => write!(f, "{first}"),
            Self::Range(first, last) => write!(f, "{first}-{last}"),
        }
    }
}

/// What was typed, with `--verify 2` as `--verify=2`: a number may be left out there, and a module
/// after it must not be taken for one.
pub(crate) fn with_counts(typed: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = Vec::new();
    let mut ended = false;
    for word in typed {
        let is_count = matches!(word.to_str(), Some("1" | "2" | "3"));
        match words.last_mut() {
            Some(last) if is_count && !ended && last == "--verify" => {
                last.push("=");
                last.push(&word);
            }
            _ => {
                ended |= word == "--";
                words.push(word);
            }
        }
    }
    words
}

/// A part of a whole, in thousandths: `1%`, `0.5%`, `0`.
pub(crate) fn permille(text: &str) -> Result<u32, String> {
    let fault = || format!("`{text}` is not a part such as 1% or 0.5%");
    if text == "0" {
        return Ok(0);
    }
    let percent: f64 = text.strip_suffix('%').and_then(|it| it.parse().ok()).ok_or_else(fault)?;
    let thousandths = percent * 10.0;
    let is_whole = (thousandths - thousandths.round()).abs() < 1e-6;
    if (0.0..=1000.0).contains(&thousandths) && is_whole {
        Ok(thousandths.round() as u32)
    } else {
        Err(format!("{}: between 0% and 100%, in steps of 0.1%", fault()))
    }
}

#[cfg(test)]
mod tests {
    use bramble_protocol::JobSpec;

    use super::*;

    #[test]
    fn sizes_are_powers_of_1024() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("256k", 256 << 10),
            ("64M", 64 << 20),
            ("64MiB", 64 << 20),
            ("1.5G", 3 << 29),
            ("2 T", 2 << 40),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for bad in ["", "k", "-1", "1x", "1.2.3k", "99999999T", "1e9", "٣"] {
            assert!(size(bad).is_err(), "{bad}");
        }
        assert!(positive_size("0k").is_err());
    }

    #[test]
    fn lengths_of_time_have_units_and_bounds() {
        for (text, ms) in [
            ("90", 90_000),
            ("60s", 60_000),
            ("500ms", 500),
            ("1.5s", 1500),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for bad in ["", "s", "-5s", "0", "0s", "5y", "10x", "1..5s", "9999d"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_clock_starts_now_or_at_a_time_with_a_zone() {
        assert_eq!("now".parse(), Ok(Clock::Now));
        assert_eq!("2026-01-01T00:00:00Z".parse(), Ok(Clock::At(JobSpec::CLOCK_MS)));
        assert_eq!("2026-01-01T02:00:00+02:00".parse(), Ok(Clock::At(JobSpec::CLOCK_MS)));
        for bad in ["", "noon", "2026-01-01", "1969-12-31T23:00:00Z", "2300-01-01T00:00:00Z"] {
            assert!(bad.parse::<Clock>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_parameter_is_cut_at_its_first_equals_sign() {
        let param: Param = "key=a=b".parse().unwrap();
        assert_eq!((param.name.as_str(), param.value.as_str()), ("key", "a=b"));
        assert_eq!("empty=".parse::<Param>().unwrap().value, "");
        for bad in ["key", "=value", "a b=c", ""] {
            assert!(bad.parse::<Param>().is_err(), "{bad}");
        }
    }

    #[test]
    fn job_selectors_are_numbers_ranges_and_last() {
        let range = |first, last| Ok(JobSelector::Range(JobId(first), JobId(last)));
        assert_eq!("17".parse(), range(17, 17));
        assert_eq!("15-17".parse(), range(15, 17));
        assert_eq!("last".parse(), Ok(JobSelector::Last));
        for bad in ["", "0", "-1", "17-15", "a", "1-2-3", "1-5000", "+4", "first"] {
            assert!(bad.parse::<JobSelector>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_job_selector_is_shown_as_it_was_typed() {
        for text in ["17", "15-17", "last"] {
            assert_eq!(text.parse::<JobSelector>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_number_after_verify_belongs_to_it_and_a_module_does_not() {
        let joined = |text: &str| {
            let words = with_counts(text.split(' ').map(OsString::from));
            words.join(std::ffi::OsStr::new(" ")).into_string().unwrap()
        };
        assert_eq!(joined("submit --verify 2 a.wasm"), "submit --verify=2 a.wasm");
        assert_eq!(joined("submit --verify a.wasm 2"), "submit --verify a.wasm 2");
        assert_eq!(joined("submit a.wasm -- --verify 2"), "submit a.wasm -- --verify 2");
    }

    #[test]
    fn parts_are_read_in_per_cent() {
        assert_eq!(["0", "1%", "0.5%", "100%"].map(permille), [Ok(0), Ok(10), Ok(5), Ok(1000)]);
        for bad in ["1", "-1%", "101%", "0.01%", "x%", ""] {
            assert!(permille(bad).is_err(), "{bad}");
        }
    }
}
