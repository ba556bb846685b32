//! What power.toml says of what is switched without being asked.

use bramble_protocol::power::{Hours, PowerPolicy};
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Policy {
    idle_off: Option<String>,
    #[serde(default)]
    keep_on: u32,
    min_on: Option<String>,
    spacing: Option<String>,
    budget_watts: Option<f64>,
    cap_watts: Option<f64>,
    boot_within: Option<String>,
    tries: Option<u32>,
    drain_within: Option<String>,
    shutdown_within: Option<String>,
    #[serde(default)]
    exclude: Vec<String>,
    #[serde(default)]
    quiet: Vec<String>,
    #[serde(default)]
    lessons: Vec<String>,
}

impl Policy {
    /// What is switched without being asked, for a head whose local time is so far ahead of UTC.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(crate) fn read(&self, utc_offset_s: i32) -> Result<PowerPolicy, String> {
        let usual = PowerPolicy::default();
        let said = self;
        let time =
            |text: &Option<String>, usual: u64| text.as_deref().map_or(Ok(usual), milliseconds);
        let hours =
            |texts: &[String]| texts.iter().map(|text| hours(text)).collect::<Result<Vec<_>, _>>();
        Ok(PowerPolicy {
            idle_off_ms: said.idle_off.as_deref().map(milliseconds).transpose()?,
            keep_on: said.keep_on,
            on_ms_min: time(&said.min_on, usual.on_ms_min)?,
            spacing_ms: time(&said.spacing, usual.spacing_ms)?,
            budget_milliwatts: milliwatts("budget-watts", said.budget_watts)?,
            cap_milliwatts: milliwatts("cap-watts", said.cap_watts)?,
            boot_ms_max: time(&said.boot_within, usual.boot_ms_max)?.max(1_000),
            tries_max: said.tries.unwrap_or(usual.tries_max).clamp(1, 10),
            drain_ms_max: time(&said.drain_within, usual.drain_ms_max)?,
            shutdown_ms_max: time(&said.shutdown_within, usual.shutdown_ms_max)?,
            excluded: said.exclude.clone(),
            quiet: hours(&said.quiet)?,
            lessons: hours(&said.lessons)?,
            utc_offset_s,
        })
    }
}

/// Watts that are more than 0.
fn milliwatts(key: &str, watts: Option<f64>) -> Result<Option<u64>, String> {
    if watts.is_some_and(|watts| !(watts > 0.0 && watts <= 1e6)) {
        return Err(format!("{key} must be more than 0 and at most 1000000"));
    }
    Ok(watts.map(|watts| (watts * 1000.0) as u64))
}

/// `90s`, `15min`, `2h`.
fn milliseconds(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "min" | "m" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    let number = number.parse::<u64>().ok().filter(|number| *number <= 1_000_000 && factor > 0);
    number
        .map(|number| number * factor)
        .ok_or_else(|| format!("`{text}` is no length of time: write it as `90s`, `15min` or `2h`"))
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// `mon,thu 08:00-09:35`, or without days for all.
fn hours(text: &str) -> Result<Hours, String> {
    let fault =
        || format!("`{text}` names no hours: write them as `mon,thu 08:00-09:35` or `22:00-06:00`");
    let (days, times) = match text.trim().split_once(' ') {
        Some((days, times)) => (days, times.trim()),
        None => ("", text.trim()),
    };
    let day = |name: &str| {
        let place = DAYS.iter().position(|day| *day == name.trim().to_lowercase());
        place.map(|place| place as u8).ok_or_else(fault)
    };
    let named = days.split(',').filter(|name| !name.is_empty());
    let days = named.map(day).collect::<Result<_, _>>()?;
    let minute = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
        (hour <= 24 && minute < 60 && hour * 60 + minute <= 1_440).then_some(hour * 60 + minute)
    };
    let (from, to) = times.split_once('-').ok_or_else(fault)?;
    let from_minute = minute(from.trim()).ok_or_else(fault)?;
    let to_minute = minute(to.trim()).ok_or_else(fault)?;
    Ok(Hours { days, from_minute, to_minute })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PowerPolicy, String> {
        let policy: Policy = toml::from_str(text).map_err(|error| error.to_string())?;
        policy.read(3_600)
    }

    #[test]
    fn what_is_said_is_understood_and_the_rest_is_as_usual() {
        let policy = parse(
            "idle-off = \"15min\"\nkeep-on = 1\nbudget-watts = 12.5\ncap-watts = 10\n\
             lessons = [\"mon,thu 08:00-09:35\"]\nquiet = [\"22:00-06:00\"]\n",
        )
        .unwrap();
        assert_eq!((policy.idle_off_ms, policy.budget_milliwatts), (Some(900_000), Some(12_500)));
        assert_eq!((policy.keep_on, policy.spacing_ms), (1, 1_000));
        assert_eq!(policy.cap_milliwatts, Some(10_000));
        let lesson = Hours { days: vec![0, 3], from_minute: 480, to_minute: 575 };
        assert_eq!((policy.lessons, policy.utc_offset_s), (vec![lesson], 3_600));
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_reason() {
        for (text, part) in [
            ("idle-off = \"soon\"", "`90s`"),
            ("quiet = [\"25:00-26:00\"]", "names no hours"),
            ("lessons = [\"someday 08:00-09:00\"]", "names no hours"),
            ("budget-watts = 0", "more than 0"),
            ("cap-watts = nan", "more than 0"),
            ("idle-of = \"1h\"", "unknown field"),
        ] {
            let said = parse(text).unwrap_err();
            assert!(said.contains(part), "{text}: {said}");
        }
    }
}
