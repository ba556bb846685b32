//! Records as rows: what a record replaces, and how damage to a row is noticed.
//!
//! The journal holds what the state needs and no more: a record removes those that it makes
//! needless, in the transaction that writes it. So it is as long as the state, whatever its past,
//! and needs no snapshots beside it.

use bramble_protocol::{Digest, JobId};
use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use crate::core::Record;

/// All records in their order.
pub(super) const SELECT: &str =
    "SELECT seq, at_ms, job, kind, body, subject, sum FROM records ORDER BY seq";
/// The first format in which rows have sums.
pub(super) const SUMS_SINCE: u32 = 3;
/// Bytes of a digest that are kept as a row's sum.
const SUM_BYTES: usize = 16;

/// A row, but for its sum.
struct Cells<'a> {
    seq: i64,
    at_ms: i64,
    job: Option<i64>,
    kind: &'a str,
    body: &'a str,
    subject: Option<&'a str>,
}

impl Cells<'_> {
    /// Digest of all cells with their lengths. SQLite checks how pages hang together, not what is
    /// in them.
    fn sum(&self) -> [u8; SUM_BYTES] {
        let subject = self.subject.unwrap_or_default();
        let mut bytes = Vec::with_capacity(64 + self.body.len());
        for number in [self.seq, self.at_ms, self.job.unwrap_or(-1)] {
            bytes.extend(number.to_le_bytes());
        }
        for text in [self.kind, subject, self.body] {
            bytes.extend((text.len() as u64).to_le_bytes());
            bytes.extend(text.as_bytes());
        }
        bytes.push(self.subject.is_some().into());
        let mut sum = [0; SUM_BYTES];
        sum.copy_from_slice(&Digest::of(&bytes).as_bytes()[..SUM_BYTES]);
        sum
    }
}

/// Why a row is no record.
pub(super) enum Unreadable {
    Sqlite(rusqlite::Error),
    Damaged(String),
}

impl From<rusqlite::Error> for Unreadable {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// A row of [`SELECT`] as its time in milliseconds since 1970 and its record.
pub(super) fn read(row: &Row<'_>) -> Result<(u64, Record), Unreadable> {
    let seq: i64 = row.get(0)?;
    let damaged = |what: String| Unreadable::Damaged(format!("record {seq} {what}"));
    let changed = || damaged("is not what was written".into());
    let text = |index| match row.get_ref(index) {
        Ok(ValueRef::Text(bytes)) => std::str::from_utf8(bytes).ok(),
        _ => None,
    };
    let number = |index| match row.get_ref(index) {
        Ok(ValueRef::Integer(number)) => Some(number),
        _ => None,
    };
    let cells = Cells {
        seq,
        at_ms: number(1).ok_or_else(changed)?,
        job: number(2),
        kind: text(3).ok_or_else(changed)?,
        body: text(4).ok_or_else(changed)?,
        subject: text(5),
    };
    match row.get_ref(6)? {
        ValueRef::Blob(sum) if *sum == cells.sum() => {}
        _ => return Err(changed()),
    }
    let record: Record = serde_json::from_str(cells.body)
        .map_err(|error| damaged(format!("cannot be read: {error}")))?;
    Ok((cells.at_ms as u64, record))
}

/// Writes a record and removes those that it makes needless.
pub(super) fn append(
    transaction: &Transaction<'_>,
    at_ms: u64,
    record: &Record,
) -> rusqlite::Result<()> {
    match record {
        Record::JobEnded(ended) => shorten(transaction, ended.job)?,
        Record::JobForgotten { job, .. } => {
            for table in ["records", "logs"] {
                transaction
                    .prepare_cached(&format!("DELETE FROM {table} WHERE job = ?1"))?
                    .execute([job.0 as i64])?;
            }
        }
        _ => {}
    }
    let subject = record.subject();
    if let Some(subject) = &subject {
        if record.stays_in_place() && replace(transaction, at_ms, record, subject)? {
            return Ok(());
        }
        transaction
            .prepare_cached("DELETE FROM records WHERE kind = ?1 AND subject = ?2")?
            .execute(params![record.kind(), subject])?;
    }
    let seq: i64 = transaction
        .prepare_cached("SELECT ifnull(max(seq), 0) + 1 FROM records")?
        .query_row([], |row| row.get(0))?;
    let body = json(record);
    let cells = Cells {
        seq,
        at_ms: at_ms as i64,
        job: record.job().map(|job| job.0 as i64),
        kind: record.kind(),
        body: &body,
        subject: subject.as_deref(),
    };
    write(transaction, &cells)
}

fn write(transaction: &Transaction<'_>, cells: &Cells<'_>) -> rusqlite::Result<()> {
    let Cells { seq, at_ms, job, kind, body, subject } = cells;
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO records (seq, at_ms, job, kind, body, subject, sum) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![seq, at_ms, job, kind, body, subject, cells.sum()])?;
    Ok(())
}

/// Puts a record in the place of the one before it, if there is one.
fn replace(
    transaction: &Transaction<'_>,
    at_ms: u64,
    record: &Record,
    subject: &str,
) -> rusqlite::Result<bool> {
    let seq: Option<i64> = transaction
        .prepare_cached("SELECT seq FROM records WHERE kind = ?1 AND subject = ?2")?
        .query_row(params![record.kind(), subject], |row| row.get(0))
        .optional()?;
    let Some(seq) = seq else { return Ok(false) };
    let body = json(record);
    let job = record.job().map(|job| job.0 as i64);
    let (kind, subject) = (record.kind(), Some(subject));
    write(transaction, &Cells { seq, at_ms: at_ms as i64, job, kind, body: &body, subject })?;
    Ok(true)
}

/// Drops what the end of a job makes needless.
fn shorten(transaction: &Transaction<'_>, id: JobId) -> rusqlite::Result<()> {
    let job = id.0 as i64;
    transaction
        .prepare_cached(
            "DELETE FROM records WHERE job = ?1 \
             AND kind NOT IN ('job-submitted', 'job-prioritised')",
        )?
        .execute([job])?;
    let made: Option<(i64, i64, String)> = transaction
        .prepare_cached(
            "SELECT seq, at_ms, body FROM records WHERE job = ?1 AND kind = 'job-submitted'",
        )?
        .query_row([job], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    // One that cannot be read stays as it is, for the next start to complain of.
    if let Some((seq, at_ms, body)) = made
        && let Ok(Record::JobSubmitted(submitted)) = serde_json::from_str(&body)
    {
        let record = Record::JobSubmitted(Box::new(submitted.without_chunks()));
        let (kind, body) = (record.kind(), json(&record));
        let cells = Cells { seq, at_ms, job: Some(job), kind, body: &body, subject: None };
        write(transaction, &cells)?;
    }
    Ok(())
}

/// Gives the rows of an older journal their subjects and sums.
pub(super) fn add_columns(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "ALTER TABLE records ADD COLUMN subject TEXT;
         ALTER TABLE records ADD COLUMN sum BLOB;
         CREATE INDEX records_by_subject ON records (kind, subject) WHERE subject IS NOT NULL;",
    )?;
    let mut rows = transaction.prepare("SELECT seq, at_ms, job, kind, body FROM records")?;
    let mut update =
        transaction.prepare("UPDATE records SET subject = ?1, sum = ?2 WHERE seq = ?3")?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        let (kind, body): (String, String) = (row.get(3)?, row.get(4)?);
        let subject = serde_json::from_str::<Record>(&body).ok();
        let subject = subject.and_then(|record| record.subject());
        let cells = Cells {
            seq: row.get(0)?,
            at_ms: row.get(1)?,
            job: row.get(2)?,
            kind: &kind,
            body: &body,
            subject: subject.as_deref(),
        };
        update.execute(params![cells.subject, cells.sum(), cells.seq])?;
    }
    Ok(())
}

pub(super) fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("records and logs hold nothing that JSON cannot")
}
