//! Boards that `bramble up --simulate` shows: their names, and the switch that they hang on.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use bramble_runtime::agent::BoardKind;

use crate::error::{CliError, CliResult};

/// More boards than this one computer does not have to be.
const BOARDS_MAX: usize = 64;
/// Where the configuration of the switch is, in the data directory: whoever wants another policy
/// changes it.
const CONFIG_FILE: &str = "simulated-power.toml";
/// Which outlets are on.
const OUTLETS_FILE: &str = "simulated-outlets";

/// Boards of some kinds, as typed: `4xZero2W`, `2x4B+4xZero2W`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fleet {
    typed: String,
    boards: Vec<BoardKind>,
}

impl FromStr for Fleet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut boards = Vec::new();
        for part in text.split(['+', ',']).map(str::trim) {
            let (count, kind) = match part.split_once(['x', 'X']) {
                Some((count, kind))
                    if !count.is_empty() && count.bytes().all(|c| c.is_ascii_digit()) =>
                {
                    (count.parse::<usize>().unwrap_or(usize::MAX), kind)
                }
                _ => (1, part),
            };
            let kind: BoardKind = kind
                .trim()
                .parse()
                .map_err(|why| format!("{why}; write them as 4xZero2W or 2x4B+4xZero2W"))?;
            if count == 0 || boards.len().saturating_add(count) > BOARDS_MAX {
                return Err(format!("1 to {BOARDS_MAX} boards can be simulated"));
            }
            boards.extend(std::iter::repeat_n(kind, count));
        }
        Ok(Self { typed: text.to_owned(), boards })
    }
}

impl Fleet {
    /// As it was typed.
    pub(crate) fn typed(&self) -> &str {
        &self.typed
    }

    /// The boards with a name for each: `zero2w-1`, `zero2w-2`, `pi4b-1`.
    pub(super) fn named(&self) -> Vec<(String, BoardKind)> {
        let number = |index: usize| {
            let same = self.boards[..=index].iter().filter(|kind| **kind == self.boards[index]);
            same.count()
        };
        let boards = self.boards.iter().enumerate();
        boards.map(|(index, kind)| (format!("{}-{}", kind.slug(), number(index)), *kind)).collect()
    }
}

/// The switch of simulated boards.
#[derive(Clone, Debug)]
pub(super) struct Bench {
    /// What the head reads of it.
    pub(super) config: PathBuf,
    outlets: PathBuf,
    /// How long a board takes from power to its agent.
    pub(super) boot: Duration,
}

impl Bench {
    /// Writes what the head reads, all boards with power. A configuration that somebody has changed
    /// stays, as long as it has all boards.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn set_up(
        dir: &Path,
        boards: &[(String, BoardKind)],
        boot: Duration,
    ) -> CliResult<Self> {
        let bench = Self { config: dir.join(CONFIG_FILE), outlets: dir.join(OUTLETS_FILE), boot };
        let write = |path: &Path, text: &str| {
            fs::write(path, text).map_err(|error| CliError::file("write", path, &error))
        };
        let known = fs::read_to_string(&bench.config).unwrap_or_default();
        let has_all = boards.iter().all(|(name, _)| known.contains(&format!("{name} =")));
        if !has_all {
            if !known.is_empty() {
                let old = bench.config.with_extension("toml.old");
                fs::rename(&bench.config, &old)
                    .map_err(|error| CliError::file("move", &bench.config, &error))?;
            }
            write(&bench.config, &config(boards, &bench.outlets))?;
        }
        write(&bench.outlets, &"1".repeat(boards.len()))?;
        Ok(bench)
    }

    /// Which outlets are on; nothing while that cannot be read.
    pub(super) fn on(&self) -> Option<Vec<bool>> {
        let text = fs::read_to_string(&self.outlets).ok()?;
        Some(text.trim().bytes().map(|byte| byte == b'1').collect())
    }
}

fn config(boards: &[(String, BoardKind)], outlets: &Path) -> String {
    let list = |of: &dyn Fn(usize, BoardKind) -> String| {
        let each = boards.iter().enumerate();
        let each = each.map(|(index, (name, kind))| format!("{name} = {}", of(index, *kind)));
        each.collect::<Vec<_>>().join(", ")
    };
    format!(
        "# Made by `bramble up --simulate`, and yours to change: docs/power.md\n\n\
         [policy]\n# idle-off = \"1min\"\n# budget-watts = 6\n# cap-watts = 5\n\
         boot-within = \"1min\"\nshutdown-within = \"20s\"\n\n\
         [[switch]]\ndriver = \"simulated\"\noutlets = {}\nfile = {:?}\nnodes = {{ {} }}\n\
         watts = {{ {} }}\n",
        boards.len(),
        outlets.display().to_string(),
        list(&|index, _| (index + 1).to_string()),
        list(&|_, kind| format!("{:.2}", kind.watts())),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fleets_are_read_and_their_boards_are_named() {
        let fleet: Fleet = "2xzero2w + 4B,1x5".parse().unwrap();
        let names: Vec<String> = fleet.named().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["zero2w-1", "zero2w-2", "pi4b-1", "pi5-1"]);
        let again: Fleet = fleet.typed().parse().unwrap();
        assert_eq!(again, fleet);
    }

    #[test]
    fn what_is_no_fleet_is_refused_with_what_there_is() {
        for (text, part) in [
            ("4xPentium", "Zero2W"),
            ("", "4xZero2W"),
            ("0xZero2W", "1 to 64"),
            ("65xZero2W", "1 to 64"),
            ("99999999999999999999999x5", "1 to 64"),
            ("x5", "4xZero2W"),
        ] {
            let said = text.parse::<Fleet>().unwrap_err();
            assert!(said.contains(part), "{text}: {said}");
        }
    }

    #[test]
    fn a_policy_that_somebody_wrote_stays_and_power_is_on_at_the_start() {
        let dir = tempfile::tempdir().unwrap();
        let boards = "2xZero2W".parse::<Fleet>().unwrap().named();
        let set_up = |boards: &[(String, BoardKind)]| {
            Bench::set_up(dir.path(), boards, Duration::from_secs(1)).unwrap()
        };
        let bench = set_up(&boards);
        assert_eq!(bench.on(), Some(vec![true, true]));
        let own = fs::read_to_string(&bench.config).unwrap().replace("# idle-off", "idle-off");
        fs::write(&bench.config, &own).unwrap();
        fs::write(dir.path().join(OUTLETS_FILE), "01").unwrap();
        assert_eq!(bench.on(), Some(vec![false, true]));
        assert_eq!(set_up(&boards).on(), Some(vec![true, true]));
        assert_eq!(fs::read_to_string(&bench.config).unwrap(), own);
        set_up(&"3xZero2W".parse::<Fleet>().unwrap().named());
        assert!(fs::read_to_string(&bench.config).unwrap().contains("zero2w-3 = 3"));
        assert_eq!(fs::read_to_string(bench.config.with_extension("toml.old")).unwrap(), own);
    }
}
