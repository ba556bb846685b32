//! Nodes: the tokens by which they join, the keys by which they are known, and who of them may work.

use bramble_protocol::Fingerprint;
use bramble_protocol::join::{JoinToken, JoinTokenView, NewJoinToken, NodeAdmission};
use rusqlite::{OptionalExtension, Row, Transaction, params};

use crate::store::Database;
use crate::{Accounts, AccountsError, From, Result, shown};

/// How many tokens there may be that can still be used.
const TOKENS_MAX: u64 = 100;
/// How many nodes may be remembered, removed ones among them.
const NODES_MAX: u64 = 4_096;
/// How long a token lasts when nobody says, in milliseconds.
const TOKEN_MS: u64 = 3_600_000;

/// What an agent says of itself when it connects, beside its key, which the connection proves.
#[derive(Clone, Copy, Debug)]
pub struct NodeSays<'a> {
    /// How it wants to be called.
    pub name: &'a str,
    /// Its key.
    pub key: Fingerprint,
    /// What is unique to its board, if anything is.
    pub machine: Option<&'a str>,
    /// What its board is called.
    pub model: Option<&'a str>,
    /// The secret of a token to join by.
    pub join: Option<&'a str>,
    /// Where it connects from.
    pub from: From,
}

/// Whether a node is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is one of ours.
    Known,
    /// It is one of ours from now on.
    Joined,
    /// Not now: somebody has to approve it first.
    Pending {
        /// What to tell it.
        reason: String,
    },
    /// Not at all.
    Refused {
        /// Why, and what to do.
        reason: String,
    },
}

/// A node as it is stored.
struct Stored {
    name: String,
    machine: Option<String>,
    state: NodeAdmission,
}

impl Accounts {
    /// Makes a token by which nodes join, for the head whose key is `head`.
    ///
    /// # Errors
    /// When there are too many.
    pub fn new_join_token(
        &self,
        new: &NewJoinToken,
        by: &str,
        head: &Fingerprint,
        now_ms: u64,
    ) -> Result<(JoinToken, JoinTokenView)> {
        let mut secret = [0; JoinToken::SECRET_BYTES];
        getrandom::fill(&mut secret)?;
        let token = JoinToken::new(secret, head.prefix());
        let lasts = new.lasts_ms.unwrap_or(TOKEN_MS);
        let expires_at = now_ms.saturating_add(lasts).min(i64::MAX as u64);
        let uses = new.uses.unwrap_or(1).max(1);
        let database = self.database();
        database.sync(true)?;
        database
            .connection
            .execute("DELETE FROM join_tokens WHERE expires_at <= ?1 OR uses_left = 0", [now_ms])?;
        let count: u64 =
            database
                .connection
                .query_row("SELECT COUNT(*) FROM join_tokens", [], |it| it.get(0))?;
        if count >= TOKENS_MAX {
            return Err(AccountsError::Full { what: "join tokens", max: TOKENS_MAX as usize });
        }
        database.connection.execute(
            "INSERT INTO join_tokens (hash, made_by, expires_at, uses_left, model, approval) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                hash(token.secret().expose()),
                by,
                expires_at,
                uses,
                new.model,
                new.needs_approval
            ],
        )?;
        let id = database.connection.last_insert_rowid() as u64;
        let view = JoinTokenView {
            id,
            made_by: by.to_owned(),
            expires_at_ms: expires_at,
            uses_left: uses,
            model: new.model.clone(),
            needs_approval: new.needs_approval,
        };
        Ok((token, view))
    }

    /// The tokens that can still be used.
    ///
    /// # Errors
    /// When the database fails.
    pub fn join_tokens(&self, now_ms: u64) -> Result<Vec<JoinTokenView>> {
        let database = self.database();
        let mut query = database.connection.prepare(
            "SELECT id, made_by, expires_at, uses_left, model, approval FROM join_tokens \
             WHERE expires_at > ?1 AND uses_left > 0 ORDER BY id",
        )?;
        let found = query.query_map([now_ms], |row| {
            Ok(JoinTokenView {
                id: row.get(0)?,
                made_by: row.get(1)?,
                expires_at_ms: row.get(2)?,
                uses_left: row.get(3)?,
                model: row.get(4)?,
                needs_approval: row.get(5)?,
            })
        })?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }

    /// Makes a token useless.
    ///
    /// # Errors
    /// When there is none of this number.
    pub fn revoke_join_token(&self, id: u64) -> Result<()> {
        // SQLite counts to 2^63.
        let Ok(number) = i64::try_from(id) else { return Err(AccountsError::NoSuchToken(id)) };
        let database = self.database();
        database.sync(true)?;
        match database.connection.execute("DELETE FROM join_tokens WHERE id = ?1", [number])? {
            0 => Err(AccountsError::NoSuchToken(id)),
            _ => Ok(()),
        }
    }

    /// Whether an agent may work here. A token is used up only by a node that is new.
    ///
    /// # Errors
    /// When the database fails.
    pub fn admit_node(&self, says: &NodeSays<'_>, now_ms: u64) -> Result<Admission> {
        let mut database = self.database();
        database.sync(true)?;
        let transaction = database.connection.transaction()?;
        let by_key = find(&transaction, "key", says.key.as_bytes())?;
        let admission = match by_key {
            Some(node) => known(&transaction, &node, says, now_ms)?,
            None => new(&transaction, says, now_ms)?,
        };
        transaction.commit()?;
        Ok(admission)
    }

    /// Whether a key is that of a node that may work. Asked for each request of a node.
    ///
    /// # Errors
    /// When the database fails.
    pub fn node_of(&self, key: &Fingerprint) -> Result<Option<String>> {
        let database = self.database();
        let node = find_in(&database, key)?;
        Ok(node.filter(|node| node.state == NodeAdmission::Approved).map(|node| node.name))
    }

    /// What is known of all nodes that ever asked to join: name, whether they may work, from where.
    ///
    /// # Errors
    /// When the database fails.
    pub fn node_admissions(&self) -> Result<Vec<(String, NodeAdmission)>> {
        let database = self.database();
        let mut query =
            database.connection.prepare("SELECT name, machine, state FROM nodes ORDER BY name")?;
        let found = query.query_map([], stored)?;
        let nodes = found.collect::<rusqlite::Result<Vec<Stored>>>()?;
        Ok(nodes.into_iter().map(|node| (node.name, node.state)).collect())
    }

    /// Lets a node work that waits for that, or that has moved to another board.
    ///
    /// # Errors
    /// When none is called so.
    pub fn approve_node(&self, name: &str) -> Result<()> {
        // The next board that it connects from is its own.
        self.change_node(
            name,
            "UPDATE nodes SET state = 'approved', machine = NULL WHERE name = ?1",
        )
    }

    /// Refuses a node for good.
    ///
    /// # Errors
    /// When none is called so.
    pub fn reject_node(&self, name: &str) -> Result<()> {
        self.change_node(name, "UPDATE nodes SET state = 'rejected' WHERE name = ?1")
    }

    /// Removes a node: its key is dead, and its name is free.
    ///
    /// # Errors
    /// When none is called so.
    pub fn remove_node(&self, name: &str) -> Result<()> {
        let database = self.database();
        database.sync(true)?;
        // The key is remembered as one that is dead, under no name.
        let changed = database.connection.execute(
            "UPDATE nodes SET state = 'removed', name = name || ' ' || hex(substr(key, 1, 6)) \
             WHERE name = ?1",
            [name],
        )?;
        if changed == 0 {
            return Err(AccountsError::NoSuchNode(name.into()));
        }
        Ok(())
    }

    fn change_node(&self, name: &str, statement: &str) -> Result<()> {
        let database = self.database();
        database.sync(true)?;
        match database.connection.execute(statement, [name])? {
            0 => Err(AccountsError::NoSuchNode(name.into())),
            _ => Ok(()),
        }
    }
}

fn known(
    transaction: &Transaction<'_>,
    node: &Stored,
    says: &NodeSays<'_>,
    now_ms: u64,
) -> Result<Admission> {
    let name = &node.name;
    match node.state {
        NodeAdmission::Removed => {
            let reason = "this node was removed: to join again it needs a new key (remove the file \
                          node.key in its data directory) and a token: bramble nodes token";
            return Ok(Admission::Refused { reason: reason.into() });
        }
        NodeAdmission::Rejected => {
            let reason = format!("node `{name}` was rejected: bramble nodes approve {name}");
            return Ok(Admission::Refused { reason });
        }
        NodeAdmission::Pending => return Ok(pending(name)),
        NodeAdmission::Approved => {}
    }
    if says.name != name {
        let reason = format!(
            "this key is that of node `{name}`: start the agent with --name {name}, or give it \
             another data directory and a token for `{}`",
            says.name
        );
        return Ok(Admission::Refused { reason });
    }
    match (&node.machine, says.machine) {
        (Some(known), Some(now)) if known != now => {
            let reason = format!(
                "the key of node `{name}` was made on another board: is this a copy of its SD \
                 card? If so, remove the file node.key in the agent's data directory, choose \
                 another --name and join with a token. If the card was moved to this board: \
                 bramble nodes approve {name}"
            );
            return Ok(Admission::Refused { reason });
        }
        (None, Some(now)) => {
            transaction
                .execute("UPDATE nodes SET machine = ?2 WHERE name = ?1", params![name, now])?;
        }
        _ => {}
    }
    transaction.execute(
        "UPDATE nodes SET seen_at = ?2, address = ?3 WHERE name = ?1",
        params![name, now_ms, shown(says.from)],
    )?;
    Ok(Admission::Known)
}

fn new(transaction: &Transaction<'_>, says: &NodeSays<'_>, now_ms: u64) -> Result<Admission> {
    let refused = |reason: String| Ok(Admission::Refused { reason });
    let Some(secret) = says.join else {
        return refused(
            "this head does not know this node: make a token with `bramble nodes token` and start \
             the agent with --join-file"
                .into(),
        );
    };
    let token = transaction
        .query_row(
            "SELECT id, model, approval FROM join_tokens \
             WHERE hash = ?1 AND expires_at > ?2 AND uses_left > 0",
            params![hash(secret), now_ms],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    let token: Option<(u64, Option<String>, bool)> = token;
    let Some((id, model, needs_approval)) = token else {
        return refused(
            "the token is not one of this head, has been used up or has expired: \
             bramble nodes token"
                .into(),
        );
    };
    if let Some(wanted) = &model
        && !says.model.is_some_and(|model| model.starts_with(wanted.as_str()))
    {
        let found = says.model.unwrap_or("of an unknown model");
        return refused(format!("the token is for boards called {wanted}…, and this is {found}"));
    }
    if find(transaction, "name", says.name.as_bytes())?.is_some() {
        let name = says.name;
        return refused(format!(
            "another node is called `{name}`: remove that one (bramble nodes remove {name}), or \
             start this agent with another --name"
        ));
    }
    let count: u64 = transaction.query_row("SELECT COUNT(*) FROM nodes", [], |it| it.get(0))?;
    if count >= NODES_MAX {
        return refused(format!("this head remembers {NODES_MAX} nodes and takes no more"));
    }
    transaction.execute("UPDATE join_tokens SET uses_left = uses_left - 1 WHERE id = ?1", [id])?;
    let state = if needs_approval { NodeAdmission::Pending } else { NodeAdmission::Approved };
    transaction.execute(
        "INSERT INTO nodes (name, key, machine, state, joined_at, seen_at, address) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6)",
        params![
            says.name,
            says.key.as_bytes(),
            says.machine,
            state.name(),
            now_ms,
            shown(says.from)
        ],
    )?;
    Ok(if needs_approval { pending(says.name) } else { Admission::Joined })
}

fn pending(name: &str) -> Admission {
    let reason = format!("node `{name}` waits to be let in: bramble nodes approve {name}");
    Admission::Pending { reason }
}

fn find(transaction: &Transaction<'_>, column: &str, value: &[u8]) -> Result<Option<Stored>> {
    let query = match column {
        "key" => "SELECT name, machine, state FROM nodes WHERE key = ?1",
        _ => "SELECT name, machine, state FROM nodes WHERE name = CAST(?1 AS TEXT)",
    };
    Ok(transaction.query_row(query, [value], stored).optional()?)
}

fn find_in(database: &Database, key: &Fingerprint) -> Result<Option<Stored>> {
    let mut query = database
        .connection
        .prepare_cached("SELECT name, machine, state FROM nodes WHERE key = ?1")?;
    Ok(query.query_row([key.as_bytes()], stored).optional()?)
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let state: String = row.get(2)?;
    // A state that this version does not know lets nobody in.
    let state = state.parse().unwrap_or(NodeAdmission::Rejected);
    Ok(Stored { name: row.get(0)?, machine: row.get(1)?, state })
}

/// What is kept of a token's secret.
fn hash(secret: &str) -> [u8; 32] {
    *blake3::hash(secret.as_bytes()).as_bytes()
}
