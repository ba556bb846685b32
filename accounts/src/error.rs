//! Why something about accounts was not done.

use std::io;
use std::path::PathBuf;

/// Why something was not done. The later ones are what people are told.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// The file cannot be opened.
    #[error("cannot open the accounts in {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: rusqlite::Error,
    },
    /// A newer version has written the file.
    #[error("the accounts in {} are of format {found}, which is newer than this program", path.display())]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// The database failed.
    #[error("the accounts cannot be read or written")]
    Database(#[from] rusqlite::Error),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random(#[from] getrandom::Error),
    /// A token cannot be kept in its file.
    #[error("cannot keep a token in {}", path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The parameters of PINs are wrong, which no user can have caused.
    #[error("a PIN cannot be hashed: {0}")]
    Hash(argon2::Error),
    /// Nobody is called so.
    #[error("there is no account `{0}`")]
    NoSuchUser(String),
    /// No class is called so.
    #[error("there is no class `{0}`")]
    NoSuchClass(String),
    /// The session is over, or another's.
    #[error("there is no session {0} of yours")]
    NoSuchSession(u64),
    /// There is no join token of this number.
    #[error("there is no join token {0}")]
    NoSuchToken(u64),
    /// No node is called so.
    #[error("there is no node `{0}`")]
    NoSuchNode(String),
    /// Nobody asks with this code, or not any more.
    #[error("nobody waits with this code")]
    NoSuchCode,
    /// Somebody else is called so, or so alike that people would take one for the other.
    #[error("`{name}` is taken{}", other_name(.name, .other))]
    NameTaken {
        /// The new name.
        name: String,
        /// The one that there is.
        other: String,
    },
    /// The text cannot be a name.
    #[error("{0}")]
    BadName(String),
    /// The text cannot be a PIN.
    #[error("{0}")]
    BadPin(&'static str),
    /// One of the class's code, the name and the PIN is wrong; which one is not said.
    #[error("the class code, the name or the PIN is wrong")]
    WrongPin,
    /// The PIN is the one that was given.
    #[error("this PIN was for the first time only: choose one of your own")]
    NewPinNeeded,
    /// Too many tries.
    #[error("too many tries: wait {}", seconds(*.wait_ms))]
    TooManyTries {
        /// For how long there will be no other.
        wait_ms: u64,
    },
    /// A student without a class, or somebody else with one.
    #[error("{0}")]
    BadRole(&'static str),
    /// Somebody of another class, or with another role, is called so.
    #[error("`{0}` is an account already, and not of this class")]
    OfAnotherClass(String),
    /// The class is over.
    #[error("class `{0}` is closed")]
    ClassClosed(String),
    /// There must be somebody left who can do everything.
    #[error("`{0}` is the last admin")]
    LastAdmin(String),
    /// There is no room.
    #[error("there are {max} {what}, which is the most this head takes")]
    Full {
        /// Of what.
        what: &'static str,
        /// How many.
        max: usize,
    },
    /// The roster cannot be read.
    #[error("line {line} of the roster: {why}")]
    BadRoster {
        /// Where, counted from 1.
        line: u64,
        /// Why not.
        why: String,
    },
}

fn other_name(name: &str, other: &str) -> String {
    if name == other { String::new() } else { format!(": it looks like `{other}`") }
}

fn seconds(ms: u64) -> String {
    match ms.div_ceil(1000) {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}
