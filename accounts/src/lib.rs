//! Who people are to a head: accounts, classes, sessions, what each has sent, and what was done.
//!
//! Everything is in one SQLite file beside the journal, and what every request asks for also in
//! memory. No clock: each call is told the time. No network: whoever serves requests decides by
//! [`Identity`] what may be done. What takes long (PINs are hashed with Argon2id, changes are
//! synced to the disk) blocks; [`Accounts::authenticate`] does neither.

mod admin;
mod audit;
mod cache;
mod classes;
mod codes;
mod error;
mod holdings;
mod login;
mod names;
mod nodes;
mod pin;
pub mod roster;
mod sessions;
mod store;
mod tries;
mod users;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bramble_protocol::account::Role;

pub use admin::{ADMIN, AdminToken};
pub use audit::{Deed, Deeds};
pub use error::AccountsError;
pub use nodes::{Admission, NodeSays};
pub use sessions::SessionKind;

use cache::Cache;
use codes::Codes;
use store::Database;
use tries::Tries;

/// The result of everything here.
pub type Result<T> = std::result::Result<T, AccountsError>;

/// All accounts of a head. Cheap to clone.
#[derive(Clone)]
pub struct Accounts(Arc<Inner>);

struct Inner {
    /// Taken before the cache by whoever changes both.
    database: Mutex<Database>,
    cache: RwLock<Cache>,
    tries: Mutex<Tries>,
    codes: Mutex<Codes>,
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Accounts")
    }
}

/// Who asks, once that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// His name.
    pub user: String,
    /// What he may do.
    pub role: Role,
    /// The class he belongs to.
    pub class: Option<String>,
    /// The classes that are his as a teacher.
    pub teaches: Vec<String>,
    /// The session he asks by.
    pub session: u64,
}

impl Identity {
    /// Whether he may see and stop what belongs to `user` of `class`.
    pub fn may_see(&self, user: &str, class: Option<&str>) -> bool {
        match self.role {
            Role::Admin => true,
            Role::Teacher => self.user == user || self.is_teacher_of(class),
            Role::Student => self.user == user,
            Role::Viewer => false,
        }
    }

    /// Whether the class is his.
    pub fn is_teacher_of(&self, class: Option<&str>) -> bool {
        let is_his = |class: &str| self.teaches.iter().any(|it| it == class);
        self.role >= Role::Teacher && class.is_some_and(is_his)
    }
}

/// Where a request came from, when that is known.
pub type From = Option<IpAddr>;

impl Accounts {
    fn database(&self) -> MutexGuard<'_, Database> {
        self.0.database.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cache(&self) -> RwLockReadGuard<'_, Cache> {
        self.0.cache.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn cache_mut(&self) -> RwLockWriteGuard<'_, Cache> {
        self.0.cache.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn tries(&self) -> MutexGuard<'_, Tries> {
        self.0.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn codes(&self) -> MutexGuard<'_, Codes> {
        self.0.codes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An address as it is shown and kept: an IPv4 address is one however it was reached.
fn shown(from: From) -> String {
    from.map(|address| address.to_canonical().to_string()).unwrap_or_default()
}
