//! What processes of a local cluster write down of themselves, so that others find them.
//!
//! A record names its process by number and start time: a number alone may by now belong to
//! somebody else.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;

use bramble_tls::Fingerprint;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{CliError, CliResult};

/// The file in a data directory that says where its head listens.
pub(crate) const HEAD_FILE: &str = "head.json";
/// The file in a data directory that says who supervises it.
pub(crate) const UP_FILE: &str = "up.json";
/// The file in a data directory with a token by which its owner may do everything.
pub(crate) const ADMIN_TOKEN_FILE: &str = "admin.token";
/// A record longer than this, in bytes, is none of ours.
const RECORD_BYTES_MAX: u64 = 64 << 10;

/// A process, for as long as it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessMark {
    /// Its number.
    pub(crate) pid: u32,
    /// When it started, in clock ticks since the machine did.
    pub(crate) started_ticks: u64,
}

impl ProcessMark {
    /// This process.
    pub(crate) fn own() -> Self {
        let pid = std::process::id();
        Self { pid, started_ticks: started_ticks(pid).unwrap_or(0) }
    }

    /// Whether that very process still lives.
    pub(crate) fn is_alive(&self) -> bool {
        started_ticks(self.pid) == Some(self.started_ticks)
    }
}

/// When process `pid` started; `None` when there is none, or it has ended and only waits to be
/// collected.
fn started_ticks(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses and may contain anything.
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    // State is field 3, the start time field 22.
    fields.nth(18)?.parse().ok()
}

/// `head.json`: where a head listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeadRecord {
    /// Always `bramble.head-record/1`.
    pub(crate) schema: String,
    /// The head.
    #[serde(flatten)]
    pub(crate) process: ProcessMark,
    /// Its address for clients on this computer.
    pub(crate) url: String,
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// What those who connect by TLS know it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fingerprint: Option<Fingerprint>,
}

/// `up.json`: who supervises a local cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UpRecord {
    /// Always `bramble.up-record/1`.
    pub(crate) schema: String,
    /// The supervisor.
    #[serde(flatten)]
    pub(crate) process: ProcessMark,
    /// The head's address, once it listens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    /// Names of the nodes.
    pub(crate) nodes: Vec<String>,
    /// Slots on each.
    pub(crate) slots: u32,
    /// Whether all of it is ready.
    pub(crate) ready: bool,
}

/// Writes a record, whole or not at all.
///
/// # Errors
/// When the directory cannot be written.
pub(crate) fn write<T: Serialize>(dir: &Path, name: &str, record: &T) -> CliResult<()> {
    let path = dir.join(name);
    let text = serde_json::to_vec(record).expect("our own types hold nothing that JSON cannot");
    let failed = |error: std::io::Error| CliError::file("write", &path, &error);
    let mut file = tempfile::NamedTempFile::with_prefix_in(".record-", dir).map_err(failed)?;
    file.write_all(&text).map_err(failed)?;
    file.persist(&path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// The record of that name, if there is one that can be read.
pub(crate) fn read<T: DeserializeOwned>(dir: &Path, name: &str) -> Option<T> {
    let path = dir.join(name);
    let size = fs::metadata(&path).ok()?.len();
    if size > RECORD_BYTES_MAX {
        return None;
    }
    serde_json::from_slice(&fs::read(&path).ok()?).ok()
}

/// Removes a record; one that is not there is fine.
pub(crate) fn remove(dir: &Path, name: &str) {
    // What stays is harmless: its process is gone, which every reader checks.
    let _ = fs::remove_file(dir.join(name));
}

/// The head that now runs in `dir`, if one does.
pub(crate) fn running_head(dir: &Path) -> Option<HeadRecord> {
    read::<HeadRecord>(dir, HEAD_FILE).filter(|record| record.process.is_alive())
}

/// The supervisor that now runs in `dir`, if one does.
pub(crate) fn running_up(dir: &Path) -> Option<UpRecord> {
    read::<UpRecord>(dir, UP_FILE).filter(|record| record.process.is_alive())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(process: ProcessMark) -> HeadRecord {
        HeadRecord {
            schema: "bramble.head-record/1".into(),
            process,
            url: "http://h:1".into(),
            listen: ([127, 0, 0, 1], 1).into(),
            fingerprint: None,
        }
    }

    #[test]
    fn a_record_is_found_while_its_process_lives() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(running_head(dir.path()), None);
        let own = record(ProcessMark::own());
        write(dir.path(), HEAD_FILE, &own).unwrap();
        assert_eq!(running_head(dir.path()), Some(own));
        remove(dir.path(), HEAD_FILE);
        assert_eq!(running_head(dir.path()), None);
    }

    #[test]
    fn a_number_that_now_belongs_to_another_process_is_not_taken_for_ours() {
        let own = ProcessMark::own();
        let earlier = ProcessMark { started_ticks: own.started_ticks.wrapping_sub(1), ..own };
        assert!(own.is_alive() && !earlier.is_alive());
    }

    #[test]
    fn a_process_that_ended_is_dead_also_before_it_is_collected() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        // Reading until the state says so: the child needs a moment to end.
        while started_ticks(pid).is_some() {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert_eq!(started_ticks(pid), None);
    }

    #[test]
    fn a_file_that_is_no_record_is_as_good_as_none() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(UP_FILE), "{").unwrap();
        assert_eq!(running_up(dir.path()), None);
    }
}
