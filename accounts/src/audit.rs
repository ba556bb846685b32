//! The audit log: what was done, by whom, from where. Entries are only ever added, and each holds
//! a sum over itself and the one before, so that a changed or missing one is seen.

use bramble_protocol::account::{AuditEntry, AuditList};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{Accounts, From, Result, shown};

/// How many entries are kept; the oldest go first.
const ENTRIES_MAX: u64 = 200_000;
/// The longest text in an entry, in bytes.
const TEXT_BYTES_MAX: usize = 500;

/// What lets nobody change an entry by mistake. Whoever can write the file can do anything, which
/// the sums show.
pub(crate) const APPEND_ONLY: &str = "
    CREATE TRIGGER audit_keeps BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'audit entries are never changed'); END;
    CREATE TRIGGER audit_stays BEFORE DELETE ON audit
        WHEN OLD.number > (SELECT MAX(number) FROM audit) - 200000
        BEGIN SELECT RAISE(ABORT, 'audit entries are never removed'); END;
";

/// Something that was done.
#[derive(Clone, Debug)]
pub struct Deed<'a> {
    /// Who did it; empty for whoever had not signed in.
    pub who: &'a str,
    /// Where the request came from.
    pub from: From,
    /// What: `login`, `submit`, `user-add`.
    pub action: &'a str,
    /// To whom or what.
    pub subject: &'a str,
    /// How it ended, when not well; or what else there is to say.
    pub detail: &'a str,
}

/// Which entries to look at.
#[derive(Clone, Debug, Default)]
pub struct Deeds {
    /// At most so many.
    pub count: usize,
    /// Only those before this number.
    pub before: Option<u64>,
    /// Only of this person.
    pub who: Option<String>,
    /// Only of this kind.
    pub action: Option<String>,
}

/// The number and sum of the last entry.
pub(crate) fn last(connection: &Connection) -> Result<(u64, [u8; 32])> {
    let last = connection
        .query_row("SELECT number, sum FROM audit ORDER BY number DESC LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    Ok(last.unwrap_or((0, [0; 32])))
}

impl Accounts {
    /// Writes something down. It is on the disk with the next change of an account, or within
    /// seconds.
    ///
    /// # Errors
    /// When the database fails.
    pub fn record(&self, deed: &Deed<'_>, now_ms: u64) -> Result<()> {
        let mut database = self.database();
        let (number, before) = database.last_deed;
        let entry = AuditEntry {
            number: number + 1,
            at_ms: now_ms,
            who: short(deed.who),
            from: shown(deed.from),
            action: short(deed.action),
            subject: short(deed.subject),
            detail: short(deed.detail),
        };
        let sum = sum(&before, &entry);
        database.sync(false)?;
        database.connection.execute(
            "INSERT INTO audit (number, at, who, address, action, subject, detail, sum) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                entry.number,
                entry.at_ms,
                entry.who,
                entry.from,
                entry.action,
                entry.subject,
                entry.detail,
                sum
            ],
        )?;
        if entry.number.is_multiple_of(1_000) {
            let oldest = entry.number.saturating_sub(ENTRIES_MAX);
            database.connection.execute("DELETE FROM audit WHERE number <= ?1", [oldest])?;
        }
        database.last_deed = (entry.number, sum);
        Ok(())
    }

    /// Entries, the latest first, and whether all that are kept are as they were written.
    ///
    /// # Errors
    /// When the database fails.
    pub fn audit(&self, deeds: &Deeds) -> Result<AuditList> {
        let database = self.database();
        let mut query = database.connection.prepare(
            "SELECT number, at, who, address, action, subject, detail FROM audit \
             WHERE number < ?1 AND (?2 IS NULL OR who = ?2) AND (?3 IS NULL OR action = ?3) \
             ORDER BY number DESC LIMIT ?4",
        )?;
        let before = deeds.before.unwrap_or(i64::MAX as u64);
        let found =
            query.query_map(params![before, deeds.who, deeds.action, deeds.count as u64], entry)?;
        let entries = found.collect::<rusqlite::Result<_>>()?;
        let intact = is_intact(&database.connection, &database.last_deed)?;
        Ok(AuditList { entries, intact })
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    Ok(AuditEntry {
        number: row.get(0)?,
        at_ms: row.get(1)?,
        who: row.get(2)?,
        from: row.get(3)?,
        action: row.get(4)?,
        subject: row.get(5)?,
        detail: row.get(6)?,
    })
}

/// Whether each entry but the oldest follows from the one before, and the last is the one that was
/// written last.
fn is_intact(connection: &Connection, last: &(u64, [u8; 32])) -> Result<bool> {
    let mut query = connection.prepare(
        "SELECT number, at, who, address, action, subject, detail, sum FROM audit ORDER BY number",
    )?;
    let mut rows = query.query([])?;
    let mut before: Option<(u64, [u8; 32])> = None;
    while let Some(row) = rows.next()? {
        let (entry, found): (AuditEntry, [u8; 32]) = (entry(row)?, row.get(7)?);
        // What came before the oldest is gone, unless it is the very first.
        let from = match before {
            Some((number, sum)) if number + 1 == entry.number => Some(sum),
            Some(_) => return Ok(false),
            None => (entry.number == 1).then_some([0; 32]),
        };
        if from.is_some_and(|from| sum(&from, &entry) != found) {
            return Ok(false);
        }
        before = Some((entry.number, found));
    }
    Ok(before.unwrap_or((0, [0; 32])) == *last)
}

fn sum(before: &[u8; 32], entry: &AuditEntry) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(before);
    hasher.update(&entry.number.to_le_bytes());
    hasher.update(&entry.at_ms.to_le_bytes());
    let texts = [&entry.who, &entry.from, &entry.action, &entry.subject, &entry.detail];
    for text in texts {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

fn short(text: &str) -> String {
    text[..text.floor_char_boundary(TEXT_BYTES_MAX)].to_owned()
}
