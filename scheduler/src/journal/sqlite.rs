//! The journal's file.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use bramble_protocol::JobId;
use bramble_protocol::api::LogEntry;
use bramble_protocol::version::JOURNAL_FORMAT;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, params};

use super::{Group, JournalError, filesystem, log, row};
use crate::core::{Config, Scheduler};

const SCHEMA: &str = "
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE records (
        seq INTEGER PRIMARY KEY,
        at_ms INTEGER NOT NULL,
        job INTEGER,
        kind TEXT NOT NULL,
        body TEXT NOT NULL,
        subject TEXT,
        sum BLOB
    );
    CREATE INDEX records_by_job ON records (job) WHERE job IS NOT NULL;
    CREATE INDEX records_by_subject ON records (kind, subject) WHERE subject IS NOT NULL;
    CREATE TABLE logs (seq INTEGER PRIMARY KEY, job INTEGER NOT NULL, body TEXT NOT NULL);
    CREATE INDEX logs_by_job ON logs (job);
";

/// An open journal. Only one process can have it open.
#[derive(Debug)]
pub struct Journal {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
}

/// What a journal held when it was opened.
#[derive(Debug)]
pub struct Restored {
    /// The state that its records lead to. [`Scheduler::start`] must follow.
    pub scheduler: Scheduler,
    /// The time of the latest record, in milliseconds since 1970.
    pub latest_at_ms: u64,
}

impl Journal {
    /// Opens a journal, or creates an empty one where there is no file.
    ///
    /// # Errors
    /// When the file lies where no journal should, is in use, too new or damaged. It is never
    /// changed then.
    pub fn open(path: &Path, network_filesystem_allowed: bool) -> Result<Self, JournalError> {
        if !network_filesystem_allowed {
            filesystem::check(path)?;
        }
        if !path.exists() {
            create(path)?;
        }
        let damaged = |detail: String| JournalError::Damaged { path: path.to_owned(), detail };
        let metadata = fs::metadata(path)
            .map_err(|source| JournalError::Create { path: path.to_owned(), source })?;
        if metadata.mode() & 0o077 != 0 {
            // Earlier versions left it readable. Where that cannot be changed, it stays so.
            let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o600));
        }
        // SQLite would take an empty file for a new database, and all jobs would be forgotten.
        if metadata.len() == 0 {
            return Err(damaged("the file is empty".into()));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(path, flags).map_err(|error| opening_error(path, error))?;
        let mut journal = Self { connection, path: path.to_owned() };
        // Closing would write a log into the file that may be damaged, and remove it.
        journal.keep_log(true)?;
        let found = journal.check_format()?;
        journal.check_log()?;
        journal.keep_log(false)?;
        journal.set_up().and_then(|()| journal.check())?;
        if found < JOURNAL_FORMAT {
            journal.raise_format(found)?;
        }
        Ok(journal)
    }

    fn keep_log(&self, keep: bool) -> Result<(), JournalError> {
        self.connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep)
            .map(drop)
            .map_err(|error| opening_error(&self.path, error))
    }

    fn check_log(&self) -> Result<(), JournalError> {
        let mut log = self.path.as_os_str().to_owned();
        log.push("-wal");
        let read = |source| JournalError::Create { path: self.path.clone(), source };
        match log::damage(Path::new(&log)).map_err(read)? {
            Some(detail) => Err(self.damaged(detail)),
            None => Ok(()),
        }
    }

    fn check_format(&self) -> Result<u32, JournalError> {
        let opening = |error| opening_error(&self.path, error);
        // Before anything else: it takes the lock, and so keeps a second head from reading.
        self.connection.pragma_update(None, "locking_mode", "EXCLUSIVE").map_err(opening)?;
        let format: String = self
            .connection
            .query_row("SELECT value FROM meta WHERE key = 'format'", [], |row| row.get(0))
            .map_err(opening)?;
        match format.parse::<u32>() {
            Ok(found) if found > JOURNAL_FORMAT => {
                Err(JournalError::NewerFormat { path: self.path.clone(), found })
            }
            Ok(found) => Ok(found),
            Err(_) => Err(self.damaged(format!("its format is `{format}`"))),
        }
    }

    /// Gives the records of an older format what this one has, so that from now on an older
    /// program, which would misread newer ones, refuses the file.
    fn raise_format(&mut self, found: u32) -> Result<(), JournalError> {
        let raise = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            if found < row::SUMS_SINCE {
                row::add_columns(&transaction)?;
            }
            transaction.execute(
                "UPDATE meta SET value = ?1 WHERE key = 'format'",
                [JOURNAL_FORMAT.to_string()],
            )?;
            transaction.commit()
        };
        raise(&mut self.connection).map_err(|error| opening_error(&self.path, error))
    }

    fn set_up(&self) -> Result<(), JournalError> {
        let opening = |error| opening_error(&self.path, error);
        self.connection
            .query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0))
            .map_err(opening)?;
        self.connection.pragma_update(None, "synchronous", "FULL").map_err(opening)
    }

    fn check(&self) -> Result<(), JournalError> {
        let verdict: String = self
            .connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(|error| opening_error(&self.path, error))?;
        if verdict == "ok" { Ok(()) } else { Err(self.damaged(verdict)) }
    }

    /// Reads all records and restores the state that they lead to.
    ///
    /// # Errors
    /// When they cannot be read or contradict one another.
    pub fn restore(&self, config: Config) -> Result<Restored, JournalError> {
        let reading = |error| opening_error(&self.path, error);
        let contradiction =
            |source| JournalError::Contradiction { path: self.path.clone(), source };
        let mut scheduler = Scheduler::new(config);
        let mut latest_at_ms = 0;
        let mut statement = self.connection.prepare(row::SELECT).map_err(reading)?;
        let mut rows = statement.query([]).map_err(reading)?;
        while let Some(row) = rows.next().map_err(reading)? {
            let (at_ms, record) = row::read(row).map_err(|unreadable| match unreadable {
                row::Unreadable::Sqlite(error) => reading(error),
                row::Unreadable::Damaged(detail) => self.damaged(detail),
            })?;
            scheduler.replay(record).map_err(contradiction)?;
            latest_at_ms = latest_at_ms.max(at_ms);
        }
        scheduler.finish_replay().map_err(contradiction)?;
        Ok(Restored { scheduler, latest_at_ms })
    }

    /// Writes a group. It is on disk when this returns, whole; or not at all, on an error.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn append(&mut self, group: &Group) -> Result<(), JournalError> {
        let write = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            for (at_ms, record) in &group.records {
                row::append(&transaction, *at_ms, record)?;
            }
            for (job, entry) in &group.logs {
                transaction
                    .prepare_cached("INSERT INTO logs (job, body) VALUES (?1, ?2)")?
                    .execute(params![job.0 as i64, row::json(entry)])?;
            }
            transaction.commit()
        };
        write(&mut self.connection).map_err(|source| JournalError::Sqlite {
            what: "write",
            path: self.path.clone(),
            source,
        })
    }

    /// What the attempts of a job logged, in order.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn logs(&self, job: JobId) -> Result<Vec<LogEntry>, JournalError> {
        let reading = |source| JournalError::Sqlite {
            what: "read logs from",
            path: self.path.clone(),
            source,
        };
        let mut statement = self
            .connection
            .prepare_cached("SELECT body FROM logs WHERE job = ?1 ORDER BY seq")
            .map_err(reading)?;
        let bodies = statement
            .query_map([job.0 as i64], |row| row.get::<_, String>(0))
            .map_err(reading)?
            .collect::<Result<Vec<_>, _>>()
            .map_err(reading)?;
        let parse = |body: &String| {
            serde_json::from_str(body)
                .map_err(|error| self.damaged(format!("a log entry of job {job}: {error}")))
        };
        bodies.iter().map(parse).collect()
    }

    /// Writes all that the journal holds now into a new file beside it, whose path is returned.
    /// An earlier copy is replaced.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn copy(&self) -> Result<PathBuf, JournalError> {
        let mut path = self.path.as_os_str().to_owned();
        path.push(".copy");
        let path = PathBuf::from(path);
        let creating = |source| JournalError::Create { path: path.clone(), source };
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(creating(error)),
            _ => {}
        }
        // SQLite takes an empty file for none, and leaves it to its owner alone.
        create_private(&path).map_err(creating)?;
        let name = path.to_string_lossy();
        self.connection.execute("VACUUM INTO ?1", [name.as_ref()]).map_err(|source| {
            JournalError::Sqlite { what: "copy the journal into", path: path.clone(), source }
        })?;
        File::open(&path).and_then(|file| file.sync_all()).map_err(creating)?;
        Ok(path)
    }

    /// Lets the file grow no further, as a full disk does.
    #[cfg(test)]
    pub(crate) fn fill_disk(&self) {
        let pages: i64 =
            self.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        self.connection
            .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get::<_, i64>(0))
            .unwrap();
    }

    fn damaged(&self, detail: String) -> JournalError {
        JournalError::Damaged { path: self.path.clone(), detail }
    }
}

/// Makes an empty file that only its owner can read: a journal names users and holds their logs.
/// SQLite's files beside it get the same permissions.
fn create_private(path: &Path) -> io::Result<()> {
    File::options().write(true).create_new(true).mode(0o600).open(path).map(drop)
}

/// Makes an empty journal under another name and then moves it to its place, so that a file of
/// the right name is never half made.
fn create(path: &Path) -> Result<(), JournalError> {
    let creating = |source| JournalError::Create { path: path.to_owned(), source };
    let sqlite = |source| JournalError::Sqlite { what: "create", path: path.to_owned(), source };
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    if temporary.exists() {
        fs::remove_file(&temporary).map_err(creating)?;
    }
    create_private(&temporary).map_err(creating)?;
    let connection = Connection::open(&temporary).map_err(sqlite)?;
    connection.execute_batch(SCHEMA).map_err(sqlite)?;
    connection
        .execute("INSERT INTO meta VALUES ('format', ?1)", [JOURNAL_FORMAT.to_string()])
        .map_err(sqlite)?;
    connection.close().map_err(|(_, error)| sqlite(error))?;
    File::open(&temporary).and_then(|file| file.sync_all()).map_err(creating)?;
    fs::rename(&temporary, path).map_err(creating)?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(creating)
}

/// Tells damage and a second head apart from other troubles.
fn opening_error(path: &Path, error: rusqlite::Error) -> JournalError {
    let path = path.to_owned();
    match &error {
        rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => JournalError::InUse { path },
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                JournalError::Damaged { path, detail: error.to_string() }
            }
            // A table that is not there.
            ErrorCode::Unknown => JournalError::Damaged { path, detail: error.to_string() },
            _ => JournalError::Sqlite { what: "open", path, source: error },
        },
        rusqlite::Error::QueryReturnedNoRows => {
            JournalError::Damaged { path, detail: "its format is missing".into() }
        }
        _ => JournalError::Sqlite { what: "read", path, source: error },
    }
}
