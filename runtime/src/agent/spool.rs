//! Reports on disk: those that the head could not take, for this process and for the next one.
//!
//! While a head answers, a report is on its way for a moment only and is kept in memory. When the
//! head is away it may stay away for long, and whoever restarts the head may restart the nodes
//! too. So what ended is written down, and the agent that is started next delivers it.
//!
//! The file is made of lines: the head that the reports are for, then one report each, both
//! behind a checksum. It is read up to the first line that is not whole.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bramble_protocol::LeaseId;
use bramble_protocol::agent::AttemptReport;

use super::pin::Pin;
use super::{AgentConfig, AgentError};

/// Where reports wait, in the store's directory.
const SPOOL_DIR: &str = "spool";
/// The most bytes the file may have. Reports beyond are kept in memory only.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Hexadecimal digits of a line's checksum.
const CHECKSUM_DIGITS: usize = 16;

/// Shared by the driver and the committer.
#[derive(Clone)]
pub(super) struct Spool {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Absent when there is none that could be used.
    file: Option<File>,
    /// Which head the reports are for: what only that head can have.
    head: Option<String>,
    /// Leases whose reports are in the file and not acknowledged.
    kept: BTreeSet<LeaseId>,
    bytes: u64,
    bytes_max: u64,
}

impl Spool {
    /// The spool of a node for its head, and what a process before this one left in it. The head
    /// is told from others by what only it has: the store that it shares, or else its key.
    ///
    /// # Errors
    /// When the file of known heads cannot be read.
    pub(super) fn of(
        config: &AgentConfig,
        store_id: Option<String>,
        pin: &Pin,
    ) -> Result<(Self, Vec<AttemptReport>), AgentError> {
        let head = match (store_id, &config.heads_file) {
            (None, Some(file)) => {
                let known = pin.known();
                let known =
                    known.map_err(|source| AgentError::Pin { path: file.clone(), source })?;
                known.map(|key| key.to_string())
            }
            (store_id, _) => store_id,
        };
        let path = config.store.dir().join(SPOOL_DIR).join(format!("{}.reports", config.name));
        let (spool, inherited) = Self::open(&path, head);
        if !inherited.is_empty() {
            tracing::info!(reports = inherited.len(), "an agent before this one left reports");
        }
        Ok((spool, inherited))
    }

    /// Opens the file, or makes it; returns the reports in it that are for `head`. An agent whose
    /// file cannot be used works without: it only does some work again after a crash.
    fn open(path: &Path, head: Option<String>) -> (Self, Vec<AttemptReport>) {
        Self::open_bounded(path, head, FILE_BYTES_MAX)
    }

    fn open_bounded(
        path: &Path,
        head: Option<String>,
        bytes_max: u64,
    ) -> (Self, Vec<AttemptReport>) {
        let mut state = State { head, bytes_max, ..State::default() };
        let reports = match open_file(path) {
            Ok(file) => {
                state.file = Some(file);
                state.read().unwrap_or_else(|error| state.cannot("read", &error))
            }
            Err(error) => state.cannot("open", &error),
        };
        (Self { state: Arc::new(Mutex::new(state)) }, reports)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells which head the reports are for, once that is known.
    pub(super) fn is_for(&self, head: impl FnOnce() -> String) {
        self.state().head.get_or_insert_with(head);
    }

    /// Writes down those reports that are not there yet. When this returns they are durable.
    pub(super) fn keep<'a>(&self, reports: impl Iterator<Item = &'a AttemptReport>) {
        // The file stays open: a disk that is full now may have room for the next ones.
        if let Err(error) = self.state().append(reports) {
            tracing::warn!("cannot write down reports for a head that is away: {error}");
        }
    }

    /// The head has taken note of a report, or wants none. The file is emptied with the last.
    pub(super) fn forget(&self, lease: LeaseId) {
        let mut state = self.state();
        if state.kept.remove(&lease)
            && state.kept.is_empty()
            && let Err(error) = state.empty()
        {
            let () = state.cannot("empty", &error);
        }
    }
}

impl State {
    /// Goes on without the file.
    fn cannot<T: Default>(&mut self, what: &str, error: &io::Error) -> T {
        tracing::warn!(
            "cannot {what} the file of reports that wait: {error}; should this agent end while \
             the head is away, what it finished meanwhile is done again"
        );
        self.file = None;
        T::default()
    }

    fn read(&mut self) -> io::Result<Vec<AttemptReport>> {
        let Some(file) = &mut self.file else { return Ok(Vec::new()) };
        let mut bytes = Vec::new();
        file.take(self.bytes_max).read_to_end(&mut bytes)?;
        let (head, reports, whole) = parse(&bytes);
        if head.is_none() || head != self.head || reports.is_empty() {
            self.empty()?;
            return Ok(Vec::new());
        }
        self.bytes = whole as u64;
        file.set_len(self.bytes)?;
        self.kept = reports.iter().map(|report| report.lease).collect();
        Ok(reports)
    }

    fn append<'a>(&mut self, reports: impl Iterator<Item = &'a AttemptReport>) -> io::Result<()> {
        let (Some(file), Some(head)) = (&mut self.file, &self.head) else { return Ok(()) };
        let mut bytes = if self.bytes == 0 { line(head)? } else { Vec::new() };
        let mut added = Vec::new();
        for report in reports.filter(|report| !self.kept.contains(&report.lease)) {
            let line = line(report)?;
            if self.bytes + (bytes.len() + line.len()) as u64 > self.bytes_max {
                tracing::warn!("the file of reports that wait is full: more are kept in memory");
                break;
            }
            bytes.extend(line);
            added.push(report.lease);
        }
        if added.is_empty() {
            return Ok(());
        }
        // At the known end: what a write before has left half done is written over.
        file.seek(SeekFrom::Start(self.bytes))?;
        file.write_all(&bytes)?;
        file.sync_data()?;
        self.bytes += bytes.len() as u64;
        self.kept.extend(added);
        Ok(())
    }

    fn empty(&mut self) -> io::Result<()> {
        self.kept.clear();
        self.bytes = 0;
        self.file.as_ref().map_or(Ok(()), |file| file.set_len(0))
    }
}

fn open_file(path: &Path) -> io::Result<File> {
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(io::Error::other("another agent of this name has it open"));
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // The names of the directory and of the file must outlive a crash as well.
    File::open(dir)?.sync_all()?;
    dir.parent().map_or(Ok(()), |above| File::open(above)?.sync_all())?;
    Ok(file)
}

fn line(value: &impl serde::Serialize) -> io::Result<Vec<u8>> {
    let json = serde_json::to_string(value)?;
    Ok(format!("{} {json}\n", checksum(json.as_bytes())).into_bytes())
}

fn checksum(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..CHECKSUM_DIGITS].to_owned()
}

/// The head that a file is for, its reports, and how many of its bytes are whole lines.
fn parse(bytes: &[u8]) -> (Option<String>, Vec<AttemptReport>, usize) {
    let mut head = None;
    let mut reports = Vec::new();
    let mut whole = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let Some(json) = checked(line) else { break };
        if head.is_none() {
            let Ok(read) = serde_json::from_slice(json) else { break };
            head = Some(read);
        } else {
            let Ok(read) = serde_json::from_slice(json) else { break };
            reports.push(read);
        }
        whole += line.len();
    }
    (head, reports, whole)
}

/// What a line says, if it is as it was written.
fn checked(line: &[u8]) -> Option<&[u8]> {
    let (sum, json) = line.strip_suffix(b"\n")?.split_at_checked(CHECKSUM_DIGITS)?;
    let json = json.strip_prefix(b" ")?;
    (sum == checksum(json).as_bytes()).then_some(json)
}

#[cfg(test)]
mod tests {
    use bramble_protocol::{AttemptId, AttemptOutcome, JobId, TaskId, Usage};

    use super::*;

    fn report(number: u64) -> AttemptReport {
        AttemptReport {
            lease: LeaseId(number),
            attempt: AttemptId { task: TaskId { job: JobId(1), index: 0 }, number: 1 },
            outcome: AttemptOutcome::Succeeded { outputs: vec![] },
            usage: Usage::default(),
            log: "a line\nand another\n".into(),
            enough: false,
        }
    }

    fn head() -> Option<String> {
        Some("store 1".into())
    }

    fn found(path: &Path) -> Vec<u64> {
        let (_, reports) = Spool::open(path, head());
        reports.iter().map(|report| report.lease.0).collect()
    }

    #[test]
    fn the_next_process_finds_what_was_not_acknowledged_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("spool/p1");
        let (spool, reports) = Spool::open(&path, None);
        assert_eq!(reports, []);
        spool.keep([report(9)].iter());
        spool.is_for(|| "store 1".into());
        spool.keep([report(1), report(2)].iter());
        spool.keep([report(2), report(3)].iter());
        drop(spool);
        let (spool, reports) = Spool::open(&path, head());
        assert_eq!(reports, [report(1), report(2), report(3)]);
        spool.forget(LeaseId(1));
        spool.keep([report(4)].iter());
        drop(spool);
        assert_eq!(found(&path), [1, 2, 3, 4]);
    }

    #[test]
    fn the_file_is_empty_once_all_is_acknowledged() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p1");
        let (spool, _) = Spool::open(&path, head());
        spool.keep([report(1), report(2)].iter());
        spool.forget(LeaseId(1));
        assert!(fs::metadata(&path).unwrap().len() > 0);
        spool.forget(LeaseId(2));
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
        spool.keep([report(3)].iter());
        drop(spool);
        assert_eq!(found(&path), [3]);
    }

    #[test]
    fn reports_for_another_head_are_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p1");
        let (spool, _) = Spool::open(&path, head());
        spool.keep([report(1)].iter());
        drop(spool);
        assert_eq!(Spool::open(&path, Some("store 2".into())).1, []);
        assert_eq!(found(&path), [0_u64; 0]);
    }

    #[test]
    fn a_file_cut_or_damaged_anywhere_gives_whole_reports_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p1");
        let (spool, _) = Spool::open(&path, head());
        spool.keep([report(1), report(2)].iter());
        drop(spool);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let (_, reports, _) = parse(&whole[..at]);
            assert!([report(1), report(2)].starts_with(&reports), "cut at {at}");
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            let (_, reports, _) = parse(&damaged);
            assert!(reports.len() < 2 && [report(1)].starts_with(&reports), "damaged at {at}");
        }
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        let (spool, reports) = Spool::open(&path, head());
        assert_eq!(reports, [report(1)]);
        spool.keep([report(3)].iter());
        drop(spool);
        assert_eq!(found(&path), [1, 3]);
    }

    #[test]
    fn the_file_does_not_grow_beyond_its_bound() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p1");
        let (spool, _) = Spool::open_bounded(&path, head(), 1_000);
        let reports: Vec<_> = (0..100).map(report).collect();
        spool.keep(reports.iter());
        spool.keep(reports.iter());
        drop(spool);
        assert!(fs::metadata(&path).unwrap().len() <= 1_000);
        assert_eq!(found(&path)[..2], [0, 1]);
    }

    #[test]
    fn an_agent_whose_file_another_has_open_works_without() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p1");
        let (first, _) = Spool::open(&path, head());
        let (second, _) = Spool::open(&path, head());
        first.keep([report(1)].iter());
        second.keep([report(2)].iter());
        second.forget(LeaseId(2));
        drop((first, second));
        assert_eq!(found(&path), [1]);
    }
}
