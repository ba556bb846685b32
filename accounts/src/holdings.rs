//! Who has sent which objects. Knowing a digest gives nobody anything: a job may only be made of
//! objects that its user has sent himself, and he is only told of those whether they are here.

use bramble_protocol::Digest;
use rusqlite::params;

use crate::{Accounts, Result};

/// How many objects are remembered of one user. Of more, the oldest are sent again.
const HELD_MAX: u64 = 500_000;

impl Accounts {
    /// Remembers that a user has sent objects.
    ///
    /// # Errors
    /// When the database fails.
    pub fn hold(&self, user: &str, digests: &[Digest], now_ms: u64) -> Result<()> {
        let mut database = self.database();
        // After a power cut they are sent again.
        database.sync(false)?;
        let transaction = database.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO holdings (user, digest, at) VALUES (?1, ?2, ?3) \
                 ON CONFLICT DO UPDATE SET at = excluded.at",
            )?;
            for digest in digests {
                insert.execute(params![user, digest.as_bytes(), now_ms])?;
            }
        }
        let held: u64 = match digests.len() {
            0..1_000 => 0,
            _ => transaction.query_row(
                "SELECT COUNT(*) FROM holdings WHERE user = ?1",
                [user],
                |row| row.get(0),
            )?,
        };
        if let Some(over @ 1..) = held.checked_sub(HELD_MAX) {
            transaction.execute(
                "DELETE FROM holdings WHERE user = ?1 AND digest IN \
                 (SELECT digest FROM holdings WHERE user = ?1 ORDER BY at LIMIT ?2)",
                params![user, over],
            )?;
        }
        Ok(transaction.commit()?)
    }

    /// Those of `digests` that the user has not sent.
    ///
    /// # Errors
    /// When the database fails.
    pub fn not_held(&self, user: &str, digests: &[Digest]) -> Result<Vec<Digest>> {
        let database = self.database();
        let mut query = database
            .connection
            .prepare_cached("SELECT 1 FROM holdings WHERE user = ?1 AND digest = ?2")?;
        let mut not_held = Vec::new();
        for digest in digests {
            if !query.exists(params![user, digest.as_bytes()])? {
                not_held.push(*digest);
            }
        }
        Ok(not_held)
    }

    /// Forgets who has sent objects that are gone.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget_objects(&self, digests: &[Digest]) -> Result<()> {
        let mut database = self.database();
        database.sync(false)?;
        let transaction = database.connection.transaction()?;
        {
            // There is no index by digest: the few users are.
            let users: Vec<String> = {
                let mut query = transaction.prepare("SELECT DISTINCT user FROM holdings")?;
                let users = query.query_map([], |row| row.get(0))?;
                users.collect::<rusqlite::Result<_>>()?
            };
            let mut delete = transaction
                .prepare_cached("DELETE FROM holdings WHERE user = ?1 AND digest = ?2")?;
            for user in &users {
                for digest in digests {
                    delete.execute(params![user, digest.as_bytes()])?;
                }
            }
        }
        Ok(transaction.commit()?)
    }
}
