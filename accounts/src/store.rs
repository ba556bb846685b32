//! The file: its tables, and opening it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use rusqlite::Connection;

use crate::cache::Cache;
use crate::codes::Codes;
use crate::tries::Tries;
use crate::{Accounts, AccountsError, Inner, Result, audit};

/// Counts what older programs would misread.
const FORMAT: u32 = 1;

const SCHEMA: &str = "
    CREATE TABLE classes (
        name TEXT PRIMARY KEY, alike TEXT NOT NULL UNIQUE, code TEXT UNIQUE, teacher TEXT NOT NULL,
        open INTEGER NOT NULL, created_at INTEGER NOT NULL, ends_at INTEGER, closed_at INTEGER
    );
    CREATE TABLE users (
        name TEXT PRIMARY KEY, alike TEXT NOT NULL UNIQUE, role TEXT NOT NULL, class TEXT,
        pin BLOB, initial INTEGER NOT NULL, created_at INTEGER NOT NULL, seen_at INTEGER
    );
    CREATE TABLE sessions (
        id INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL UNIQUE, user TEXT NOT NULL,
        kind TEXT NOT NULL, address TEXT NOT NULL, created_at INTEGER NOT NULL,
        seen_at INTEGER NOT NULL, expires_at INTEGER
    );
    CREATE TABLE holdings (
        user TEXT NOT NULL, digest BLOB NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (user, digest)
    ) WITHOUT ROWID;
    CREATE TABLE join_tokens (
        id INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL UNIQUE, made_by TEXT NOT NULL,
        expires_at INTEGER NOT NULL, uses_left INTEGER NOT NULL, model TEXT, approval INTEGER NOT NULL
    );
    CREATE TABLE nodes (
        name TEXT PRIMARY KEY, key BLOB NOT NULL UNIQUE, machine TEXT, state TEXT NOT NULL,
        joined_at INTEGER NOT NULL, seen_at INTEGER NOT NULL, address TEXT NOT NULL
    );
    CREATE TABLE audit (
        number INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, address TEXT NOT NULL,
        action TEXT NOT NULL, subject TEXT NOT NULL, detail TEXT NOT NULL, sum BLOB NOT NULL
    );
";

/// The open file.
pub(crate) struct Database {
    pub(crate) connection: Connection,
    /// The sum of the last entry of the audit log, and its number.
    pub(crate) last_deed: (u64, [u8; 32]),
}

impl Database {
    /// Has what follows synced to the disk, or not: then a power cut may undo the last of it,
    /// which is worth waiting for only where somebody is told that it is done.
    pub(crate) fn sync(&self, sync: bool) -> Result<()> {
        let value = if sync { "FULL" } else { "NORMAL" };
        Ok(self.connection.pragma_update(None, "synchronous", value)?)
    }
}

impl Accounts {
    /// Opens the accounts in the file `path`; makes it when there is none. Only one process may do
    /// so at a time, which the lock on a head's directory sees to.
    ///
    /// # Errors
    /// When it cannot be opened, or is of a newer format; it is not changed then.
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |source| AccountsError::Open { path: path.to_owned(), source };
        let connection = Connection::open(path).map_err(failed)?;
        // Hashes of PINs are for nobody else. A filesystem without permissions has none to give.
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o600));
        set_up(&connection, path)?;
        let last_deed = audit::last(&connection)?;
        let cache = Cache::load(&connection)?;
        Ok(Self(Arc::new(Inner {
            database: Mutex::new(Database { connection, last_deed }),
            cache: RwLock::new(cache),
            tries: Mutex::new(Tries::default()),
            codes: Mutex::new(Codes::default()),
        })))
    }

    /// Copies the file, whole and consistent, to `path`, where nothing may be.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn copy_to(&self, path: &Path) -> Result<()> {
        let text = path.to_string_lossy();
        self.database().connection.execute("VACUUM INTO ?1", [text.as_ref()])?;
        // The caller has made the directory for nobody else; the file is as the first one.
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o600));
        Ok(())
    }
}

fn set_up(connection: &Connection, path: &Path) -> Result<()> {
    let failed = |source| AccountsError::Open { path: path.to_owned(), source };
    connection.busy_timeout(Duration::from_secs(5)).map_err(failed)?;
    connection
        .query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0))
        .map_err(failed)?;
    let found: u32 =
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
    if found > FORMAT {
        return Err(AccountsError::NewerFormat { path: path.to_owned(), found });
    }
    if found == 0 {
        let all = [SCHEMA, audit::APPEND_ONLY].concat();
        let batch = format!("BEGIN; {all} PRAGMA user_version = {FORMAT}; COMMIT;");
        connection.execute_batch(&batch).map_err(failed)?;
    }
    Ok(())
}
