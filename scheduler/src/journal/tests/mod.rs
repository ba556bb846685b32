//! The journal on real files.

mod damage;
mod length;

use std::fs;
use std::path::PathBuf;

use bramble_protocol::agent::{AttemptReport, FromAgent, ToAgent};
use bramble_protocol::{AttemptOutcome, ObjectRef, PhaseKind, TaskId, Usage, error_chain};
use tempfile::TempDir;

use super::*;
use crate::core::{Action, Config, ConnectionId, Event, RequestToken, Scheduler, Timestamp};
use crate::testing::{hello, job, map_module};

struct Place {
    _directory: TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.sqlite");
    Place { _directory: directory, path }
}

impl Place {
    fn open(&self) -> Result<Journal, JournalError> {
        // A test may run on any disk.
        Journal::open(&self.path, true)
    }

    fn restore(&self) -> Result<Restored, JournalError> {
        self.open()?.restore(Config::default())
    }
}

/// Feeds the core and writes what it wants written, one group for each event.
struct Life {
    journal: Journal,
    core: Scheduler,
    now: Timestamp,
    sent: Vec<ToAgent>,
}

impl Life {
    fn start(place: &Place) -> Self {
        let journal = place.open().unwrap();
        let restored = journal.restore(Config::default()).unwrap();
        let now = Timestamp(restored.latest_at_ms.max(5_000));
        let mut life = Self { journal, core: restored.scheduler, now, sent: Vec::new() };
        let started = life.core.start(life.now);
        life.perform(vec![Action::Append(started)]);
        life
    }

    fn apply(&mut self, event: Event) {
        self.now = self.now.plus_ms(10);
        let actions = self.core.apply(self.now, event);
        self.perform(actions);
    }

    fn perform(&mut self, actions: Vec<Action>) {
        let mut group = Group::default();
        let mut compiled = Vec::new();
        for action in actions {
            match action {
                Action::Append(record) => group.records.push((self.now.0, record)),
                Action::SaveLog { job, entry } => group.logs.push((job, *entry)),
                Action::Send { message, .. } => self.sent.push(message),
                Action::Compile { module, class, mode } => {
                    let artefact = ObjectRef::of(b"artefact");
                    compiled.push(Event::Compiled { module, class, mode, artefact });
                }
                _ => {}
            }
        }
        self.journal.append(&group).unwrap();
        compiled.into_iter().for_each(|event| self.apply(event));
    }

    fn submit(&mut self, chunks: u32) {
        let job = Box::new(job(&map_module(), chunks));
        self.apply(Event::Submit { token: RequestToken(0), job });
    }

    /// A job that does other work than those of other numbers.
    fn submit_numbered(&mut self, number: u32, chunks: u32) {
        let mut job = Box::new(job(&map_module(), chunks));
        job.spec.params.insert("number".into(), number.to_string());
        self.apply(Event::Submit { token: RequestToken(0), job });
    }

    fn connect(&mut self) {
        let hello = Box::new(hello("p1", 1, 2));
        self.apply(Event::AgentConnected { connection: ConnectionId(1), hello });
    }

    /// Ends `count` of the attempts that were given out.
    fn work(&mut self, count: usize) {
        for _ in 0..count {
            let mut leases = self.sent.iter_mut().find_map(|message| match message {
                ToAgent::Leases { leases } if !leases.is_empty() => Some(leases),
                _ => None,
            });
            let lease = leases.as_mut().unwrap().remove(0);
            let report = AttemptReport {
                lease: lease.id,
                attempt: lease.attempt,
                outcome: AttemptOutcome::Succeeded { outputs: lease.work.inputs },
                usage: Usage { cpu_us: 7, ..Usage::default() },
                log: "hello\n".into(),
                enough: false,
            };
            let message = FromAgent::Reports { reports: vec![report] };
            self.apply(Event::AgentMessage { connection: ConnectionId(1), message });
        }
    }
}

#[test]
fn a_head_that_starts_again_finds_jobs_results_and_logs() {
    let place = place();
    let mut life = Life::start(&place);
    life.connect();
    life.submit(3);
    life.work(3);
    life.submit(4);
    life.work(1);
    let (before, now) = (life.core.jobs(), life.now);
    let result = life.core.result(JobId(1)).unwrap();
    drop(life);

    let life = Life::start(&place);
    assert_eq!(life.core.job(JobId(1)).as_ref(), before.last());
    assert_eq!(life.core.result(JobId(1)).unwrap(), result);
    assert_eq!(life.core.job(JobId(2)).unwrap().tasks.succeeded, 1);
    assert_eq!(life.now, now, "time goes on where it was");
    let logs = life.journal.logs(JobId(1)).unwrap();
    assert_eq!(logs.len(), 3);
    assert_eq!(logs[0].text, "hello\n");
    assert_eq!(logs[0].phase, PhaseKind::Map);
    assert_eq!(logs[0].task, TaskId { job: JobId(1), index: 0 });
    assert_eq!(life.journal.logs(JobId(99)).unwrap(), []);
}

#[test]
fn the_attempts_of_a_job_that_ended_leave_the_journal() {
    let place = place();
    let mut life = Life::start(&place);
    life.connect();
    life.submit(20);
    life.work(20);
    drop(life);
    let connection = rusqlite::Connection::open(&place.path).unwrap();
    let count = |kind: &str| -> i64 {
        let sql = "SELECT count(*) FROM records WHERE kind = ?1";
        connection.query_row(sql, [kind], |row| row.get(0)).unwrap()
    };
    assert_eq!((count("task-succeeded"), count("job-ended")), (0, 1));
}

#[test]
fn a_second_head_on_the_same_journal_is_refused() {
    let place = place();
    let first = place.open().unwrap();
    let refused = place.open();
    assert!(matches!(refused, Err(JournalError::InUse { .. })), "{refused:?}");
    drop(first);
    place.open().unwrap();
}

#[test]
fn a_journal_of_a_newer_version_is_refused_and_not_changed() {
    let place = place();
    drop(place.open().unwrap());
    let connection = rusqlite::Connection::open(&place.path).unwrap();
    connection.execute("UPDATE meta SET value = '99' WHERE key = 'format'", []).unwrap();
    connection.close().unwrap();
    let before = fs::read(&place.path).unwrap();
    let refused = place.open().unwrap_err();
    assert!(matches!(refused, JournalError::NewerFormat { found: 99, .. }), "{refused}");
    assert!(refused.to_string().contains("use the newer program"));
    assert_eq!(fs::read(&place.path).unwrap(), before);
}

#[test]
fn a_journal_of_an_older_version_is_read_and_then_kept_from_older_programs() {
    let place = place();
    let mut life = Life::start(&place);
    life.connect();
    life.submit(3);
    drop(life);
    let format = |connection: &rusqlite::Connection| -> String {
        let query = "SELECT value FROM meta WHERE key = 'format'";
        connection.query_row(query, [], |row| row.get(0)).unwrap()
    };
    let connection = rusqlite::Connection::open(&place.path).unwrap();
    assert_eq!(format(&connection), JOURNAL_FORMAT.to_string());
    let older = "UPDATE meta SET value = '1' WHERE key = 'format'; \
                 DROP INDEX records_by_subject; \
                 ALTER TABLE records DROP COLUMN subject; ALTER TABLE records DROP COLUMN sum;";
    connection.execute_batch(older).unwrap();
    connection.close().unwrap();
    assert_eq!(place.restore().unwrap().scheduler.jobs().len(), 1);
    let connection = rusqlite::Connection::open(&place.path).unwrap();
    assert_eq!(format(&connection), JOURNAL_FORMAT.to_string());
}

fn filled() -> (Place, Vec<u8>) {
    let place = place();
    let mut life = Life::start(&place);
    life.connect();
    for _ in 0..20 {
        life.submit(50);
    }
    drop(life);
    let bytes = fs::read(&place.path).unwrap();
    assert!(bytes.len() > 64 << 10, "{} bytes", bytes.len());
    (place, bytes)
}

fn assert_damaged(place: &Place) {
    let error = place.restore().unwrap_err();
    let damaged =
        matches!(error, JournalError::Damaged { .. } | JournalError::Contradiction { .. });
    assert!(damaged, "{}", error_chain(&error));
    assert!(error.to_string().contains("journal.sqlite is damaged"), "{error}");
    assert!(error.to_string().contains("`bramble restore`"), "{error}");
}

#[test]
fn a_journal_that_was_cut_off_is_refused_and_not_changed() {
    let (place, bytes) = filled();
    for length in [0, 1, 100, 5_000, bytes.len() / 2, bytes.len() - 4_096] {
        fs::write(&place.path, &bytes[..length]).unwrap();
        assert_damaged(&place);
        assert_eq!(fs::read(&place.path).unwrap(), &bytes[..length], "cut to {length}");
    }
}

#[test]
fn a_journal_with_garbled_pages_is_refused() {
    let (place, bytes) = filled();
    for page in [0, 1, 3, bytes.len() / 4_096 - 1] {
        let mut garbled = bytes.clone();
        garbled[page * 4_096..(page + 1) * 4_096].fill(0xA5);
        fs::write(&place.path, &garbled).unwrap();
        assert_damaged(&place);
    }
}

#[test]
fn something_else_than_a_journal_is_refused() {
    let place = place();
    fs::write(&place.path, "my shopping list").unwrap();
    assert_damaged(&place);
    fs::remove_file(&place.path).unwrap();
    let connection = rusqlite::Connection::open(&place.path).unwrap();
    connection.execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
    connection.close().unwrap();
    assert_damaged(&place);
}

#[test]
fn a_record_that_cannot_be_read_is_named() {
    let place = place();
    drop(Life::start(&place));
    let connection = rusqlite::Connection::open(&place.path).unwrap();
    let sql = "INSERT INTO records (seq, at_ms, kind, body) VALUES (77, 0, 'x', '{}')";
    connection.execute(sql, []).unwrap();
    connection.close().unwrap();
    let error = place.restore().unwrap_err();
    assert!(error.to_string().contains("record 77 is not what was written"), "{error}");
}

#[test]
fn records_that_contradict_one_another_are_refused_with_the_reason() {
    let place = place();
    let mut life = Life::start(&place);
    life.connect();
    life.submit(3);
    life.work(1);
    drop(life);
    let connection = rusqlite::Connection::open(&place.path).unwrap();
    connection.execute("DELETE FROM records WHERE kind = 'job-submitted'", []).unwrap();
    connection.close().unwrap();
    let error = place.restore().unwrap_err();
    assert!(error_chain(&error).contains("job 1, which is not open"), "{}", error_chain(&error));
    assert_damaged(&place);
}

#[test]
fn a_group_that_does_not_fit_on_the_disk_leaves_nothing_behind() {
    let place = place();
    let mut life = Life::start(&place);
    life.submit(3);
    life.journal.fill_disk();
    let job = Box::new(job(&map_module(), 5_000));
    let actions = life.core.apply(life.now, Event::Submit { token: RequestToken(0), job });
    let mut group = Group::default();
    for action in actions {
        if let Action::Append(record) = action {
            group.records.push((life.now.0, record));
        }
    }
    let error = life.journal.append(&group).unwrap_err();
    assert!(error_chain(&error).contains("full"), "{}", error_chain(&error));
    drop(life);
    assert_eq!(place.restore().unwrap().scheduler.jobs().len(), 1);
}

#[test]
fn a_journal_that_was_half_created_is_created_anew() {
    let place = place();
    fs::write(place.path.with_extension("sqlite.new"), "half").unwrap();
    assert_eq!(place.restore().unwrap().latest_at_ms, 0);
}
