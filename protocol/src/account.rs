//! Accounts, classes and sessions: who people are, as the API takes and shows them.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// What a person may do. Each role may do all that those before it may.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Look at the cluster, not at anybody's jobs.
    #[default]
    Viewer,
    /// Run jobs, and see his own.
    Student,
    /// See and stop the jobs of his classes, and say what they may have.
    Teacher,
    /// Everything.
    Admin,
}

impl Role {
    /// All roles, the one that may least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Student, Self::Teacher, Self::Admin];

    /// Its name, as shown and typed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Student => "student",
            Self::Teacher => "teacher",
            Self::Admin => "admin",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let role = Self::ALL.into_iter().find(|role| role.name() == text);
        role.ok_or_else(|| "use viewer, student, teacher or admin".into())
    }
}

/// A PIN, password or token: cannot be printed, and is cleared when it is dropped.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Hidden(#[cfg_attr(feature = "schema", schemars(with = "String"))] Zeroizing<String>);

impl Hidden {
    /// Takes the text.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text. Whoever asks must not keep or log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden")
    }
}

/// An account, as admins and teachers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccountView {
    /// Always `bramble.account/1`.
    pub schema: String,
    /// The person's name here.
    pub user: String,
    /// What he may do.
    pub role: Role,
    /// The class he belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Whether his PIN is still the one he was given.
    pub initial_pin: bool,
    /// How many sessions he has.
    pub sessions: u32,
    /// When the account was made.
    pub created_at_ms: u64,
    /// When he last did anything, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at_ms: Option<u64>,
}

/// `GET /api/v1/accounts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccountList {
    /// By name.
    pub accounts: Vec<AccountView>,
}

/// `POST /api/v1/accounts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NewAccount {
    /// What the person is to be called: letters, digits, `-`, `_`, `.` and `@`.
    pub user: String,
    /// What he may do.
    #[serde(default = "student")]
    pub role: Role,
    /// The class he belongs to. Students need one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
}

fn student() -> Role {
    Role::Student
}

/// A PIN that somebody is given to sign in with for the first time. It is shown this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IssuedPin {
    /// Whose it is.
    pub user: String,
    /// The PIN, which he must replace when he signs in.
    pub pin: Hidden,
}

/// `POST /api/v1/classes/{class}/roster`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RosterRequest {
    /// A name a line, or CSV with a column `name`.
    pub roster: String,
}

/// What became of a roster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RosterAnswer {
    /// Those who are new, with their first PINs.
    pub added: Vec<IssuedPin>,
    /// Those who were in the class already.
    pub known: Vec<String>,
}

/// A class, as its teacher sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClassView {
    /// Always `bramble.class/1`.
    pub schema: String,
    /// Its name.
    pub class: String,
    /// What students type to join, with their names and PINs; absent when it is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Whose class it is.
    pub teacher: String,
    /// Whether students may join who are not on the roster.
    pub open: bool,
    /// How many students it has.
    pub students: u32,
    /// How many of them are signed in.
    pub signed_in: u32,
    /// When it was made.
    pub created_at_ms: u64,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at_ms: Option<u64>,
    /// When it was closed, or ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at_ms: Option<u64>,
}

/// `GET /api/v1/classes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClassList {
    /// By name.
    pub classes: Vec<ClassView>,
}

/// `POST /api/v1/classes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NewClass {
    /// Its name.
    pub class: String,
    /// Whose class it is; whoever asks, when absent. Only admins may name another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teacher: Option<String>,
    /// Whether students may join who are not on the roster.
    #[serde(default)]
    pub open: bool,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at_ms: Option<u64>,
}

/// `POST /api/v1/login`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LoginRequest {
    /// The class's code, for students.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Who signs in.
    pub user: String,
    /// His PIN or password.
    pub pin: Hidden,
    /// What replaces it. Needed when it is the one he was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_pin: Option<Hidden>,
}

/// A session that has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LoginAnswer {
    /// Always `bramble.login/1`.
    pub schema: String,
    /// What requests carry: `Authorization: Bearer TOKEN`. Shown this once.
    pub token: Hidden,
    /// Who has signed in.
    pub user: String,
    /// What he may do.
    pub role: Role,
    /// The class he belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// When the session ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<u64>,
}

/// `GET /api/v1/me`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MeView {
    /// Always `bramble.me/1`.
    pub schema: String,
    /// Who asks; absent for whoever has not signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What he may do.
    pub role: Role,
    /// The class he belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// His sessions, the latest first.
    pub sessions: Vec<SessionView>,
}

/// A session, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SessionView {
    /// Its number.
    pub session: u64,
    /// What began it: `browser`, `command line`, `admin.token`.
    pub kind: String,
    /// The address it began from.
    pub from: String,
    /// When it began.
    pub created_at_ms: u64,
    /// When it was last used, to the minute.
    pub seen_at_ms: u64,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<u64>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// Answers `POST /api/v1/login/code`: a program asks to be let in from a browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CodeAnswer {
    /// What the person types in the browser: eight letters.
    pub code: String,
    /// What the program asks with.
    pub secret: Hidden,
    /// Until when.
    pub expires_at_ms: u64,
}

/// `POST /api/v1/login/code/poll`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CodePoll {
    /// As it was given.
    pub secret: Hidden,
}

/// Answers [`CodePoll`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CodePollAnswer {
    /// The session; absent until somebody has confirmed the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<LoginAnswer>,
}

/// `POST /api/v1/login/code/confirm`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CodeConfirm {
    /// The eight letters, as the program shows them.
    pub code: String,
}

/// What became of somebody's data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RemovedView {
    /// Always `bramble.removed/1`.
    pub schema: String,
    /// Whose accounts are gone.
    pub users: Vec<String>,
    /// Jobs that were stopped.
    pub canceled: u64,
    /// Jobs that are not known any more. What only they needed goes at the next collection.
    pub forgotten: u64,
}

/// What was done, for those who look into it later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditEntry {
    /// Counts from 1; none is missing but the oldest.
    pub number: u64,
    /// When.
    pub at_ms: u64,
    /// Who; empty for whoever had not signed in.
    pub who: String,
    /// From which address; empty for the head itself.
    pub from: String,
    /// What: `login`, `submit`, `user-add`.
    pub action: String,
    /// To whom or what.
    pub subject: String,
    /// How it ended, when not well; or what else there is to say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// `GET /api/v1/audit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditList {
    /// The latest first.
    pub entries: Vec<AuditEntry>,
    /// Whether no entry was changed or removed since it was written.
    pub intact: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_cannot_be_printed() {
        let request = LoginRequest {
            code: None,
            user: "anna".into(),
            pin: Hidden::new("4711".into()),
            new_pin: None,
        };
        assert!(!format!("{request:?}").contains("4711"));
    }

    #[test]
    fn roles_are_ordered_and_named() {
        assert!(Role::ALL.is_sorted());
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        }
    }
}
