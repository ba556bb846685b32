//! What every request asks for, in memory: people, classes, sessions.

use std::collections::{BTreeMap, HashMap};

use bramble_protocol::account::Role;
use rusqlite::Connection;

use crate::pin::PinHash;
use crate::{AccountsError, Result};

/// Somebody.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) class: Option<String>,
    pub(crate) pin: Option<PinHash>,
    /// Whether the PIN is the one that was given.
    pub(crate) initial: bool,
    pub(crate) created_at: u64,
    pub(crate) seen_at: Option<u64>,
}

/// A class.
#[derive(Clone)]
pub(crate) struct Class {
    pub(crate) name: String,
    /// Absent once it is closed.
    pub(crate) code: Option<String>,
    pub(crate) teacher: String,
    pub(crate) open: bool,
    pub(crate) created_at: u64,
    pub(crate) ends_at: Option<u64>,
    pub(crate) closed_at: Option<u64>,
}

impl Class {
    /// Whether nobody may work in it any more.
    pub(crate) fn is_over(&self, now_ms: u64) -> bool {
        self.closed_at.is_some() || self.ends_at.is_some_and(|end| end <= now_ms)
    }
}

/// A session.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) id: u64,
    pub(crate) user: String,
    pub(crate) kind: String,
    pub(crate) from: String,
    pub(crate) created_at: u64,
    pub(crate) seen_at: u64,
    pub(crate) expires_at: Option<u64>,
}

impl Session {
    pub(crate) fn is_over(&self, now_ms: u64) -> bool {
        self.expires_at.is_some_and(|end| end <= now_ms)
    }
}

/// All of them.
#[derive(Default)]
pub(crate) struct Cache {
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) classes: BTreeMap<String, Class>,
    /// By the hash of their token.
    pub(crate) sessions: HashMap<[u8; 32], Session>,
    /// Names of people by what they look like.
    pub(crate) alike: HashMap<String, String>,
}

impl Cache {
    pub(crate) fn load(connection: &Connection) -> Result<Self> {
        let mut cache = Self::default();
        let mut query = connection.prepare(
            "SELECT name, alike, role, class, pin, initial, created_at, seen_at FROM users",
        )?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let role: String = row.get(2)?;
            let pin: Option<Vec<u8>> = row.get(4)?;
            let user = User {
                name: row.get(0)?,
                // A role that this version does not know may do least.
                role: role.parse().unwrap_or_default(),
                class: row.get(3)?,
                pin: pin.and_then(|bytes| PinHash::from_bytes(&bytes)),
                initial: row.get(5)?,
                created_at: row.get(6)?,
                seen_at: row.get(7)?,
            };
            cache.alike.insert(row.get(1)?, user.name.clone());
            cache.users.insert(user.name.clone(), user);
        }
        let mut query = connection.prepare(
            "SELECT name, code, teacher, open, created_at, ends_at, closed_at FROM classes",
        )?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let class = Class {
                name: row.get(0)?,
                code: row.get(1)?,
                teacher: row.get(2)?,
                open: row.get(3)?,
                created_at: row.get(4)?,
                ends_at: row.get(5)?,
                closed_at: row.get(6)?,
            };
            cache.classes.insert(class.name.clone(), class);
        }
        let mut query = connection.prepare(
            "SELECT hash, id, user, kind, address, created_at, seen_at, expires_at FROM sessions",
        )?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let session = Session {
                id: row.get(1)?,
                user: row.get(2)?,
                kind: row.get(3)?,
                from: row.get(4)?,
                created_at: row.get(5)?,
                seen_at: row.get(6)?,
                expires_at: row.get(7)?,
            };
            cache.sessions.insert(row.get(0)?, session);
        }
        Ok(cache)
    }

    pub(crate) fn user(&self, name: &str) -> Result<&User> {
        self.users.get(name).ok_or_else(|| AccountsError::NoSuchUser(name.into()))
    }

    pub(crate) fn class(&self, name: &str) -> Result<&Class> {
        self.classes.get(name).ok_or_else(|| AccountsError::NoSuchClass(name.into()))
    }

    /// The names of a class's students.
    pub(crate) fn students(&self, class: &str) -> impl Iterator<Item = &User> {
        let class = class.to_owned();
        self.users.values().filter(move |user| user.class.as_ref() == Some(&class))
    }

    pub(crate) fn sessions_of(&self, user: &str) -> impl Iterator<Item = &Session> {
        let user = user.to_owned();
        self.sessions.values().filter(move |session| session.user == user)
    }
}
