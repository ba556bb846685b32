//! How a job is treated beside others: whose it is, when its turn comes, what it waits for, and
//! what is done about failures and doubts.

use serde::{Deserialize, Serialize};

use crate::JobId;
#[cfg(doc)]
use crate::JobSpec;

/// How a job is treated beside others: everything but the work itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct JobPolicy {
    /// Who submitted it; whose share of the cluster it uses. Empty where nobody said.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// The class or course it belongs to, which a teacher may pause as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Higher ones are served first; 0 is usual. Between -100 and 100.
    #[serde(skip_serializing_if = "is_zero")]
    pub priority: i32,
    /// Jobs that must be done before it starts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<JobId>,
    /// The job whose result is its input; [`JobSpec::input`] is then [`JobSpec::NO_INPUT`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_from: Option<JobId>,
    /// The job that failed and that this one tries again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<JobId>,
    /// Whether results of earlier tasks are used and results of this one are kept for later ones.
    pub cache: bool,
    /// On how many different nodes each task must give the same bytes. 1 to
    /// [`JobPolicy::QUORUM_MAX`].
    pub quorum: u32,
    /// How many tasks may fail for good before the others are not run any more.
    #[serde(skip_serializing_if = "is_zero")]
    pub max_fails: u32,
    /// Whether failures that are the guest's own are tried again too.
    #[serde(skip_serializing_if = "is_zero")]
    pub retry_guest: bool,
    /// What is spared where both cannot be.
    #[serde(skip_serializing_if = "is_zero")]
    pub prefer: Prefer,
}

/// What a job's nodes are chosen by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Prefer {
    /// It is to be done soon: every node takes part that brings the end nearer.
    #[default]
    Time,
    /// It is to take little energy: only those nodes take part that draw little for what they
    /// do, and none is switched on for it as long as one is on.
    Energy,
}

impl Prefer {
    /// Its name. Never changes.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Energy => "energy",
        }
    }
}

impl Default for JobPolicy {
    fn default() -> Self {
        Self {
            user: String::new(),
            class: None,
            priority: 0,
            after: Vec::new(),
            input_from: None,
            retry_of: None,
            cache: true,
            quorum: 1,
            max_fails: 0,
            retry_guest: false,
            prefer: Prefer::Time,
        }
    }
}

impl JobPolicy {
    /// The most nodes on which each task may have to agree.
    pub const QUORUM_MAX: u32 = 3;
    /// The most jobs that one may wait for.
    pub const AFTER_MAX: usize = 64;
    /// The highest priority, and with a minus the lowest.
    pub const PRIORITY_MAX: i32 = 100;
    /// The longest name of a user or class, in bytes.
    pub const WHO_BYTES_MAX: usize = 63;

    /// The first thing that is out of bounds, in words for the user.
    pub fn fault(&self) -> Option<String> {
        let names = [("a user", Some(&self.user)), ("a class", self.class.as_ref())];
        for (what, name) in names {
            if let Some(name) = name.filter(|name| !is_who(name)) {
                let shown: String = name.chars().take(80).collect();
                return Some(format!(
                    "`{shown}` cannot name {what}: use up to {} letters, digits, `-`, `_`, `.` or \
                     `@`",
                    Self::WHO_BYTES_MAX
                ));
            }
        }
        if self.class.as_deref() == Some("") {
            return Some("a class needs a name".into());
        }
        if !(-Self::PRIORITY_MAX..=Self::PRIORITY_MAX).contains(&self.priority) {
            let max = Self::PRIORITY_MAX;
            return Some(format!("priority is {}, allowed is -{max} to {max}", self.priority));
        }
        if !(1..=Self::QUORUM_MAX).contains(&self.quorum) {
            let max = Self::QUORUM_MAX;
            return Some(format!("each task can be verified on 1 to {max} nodes"));
        }
        (self.after.len() > Self::AFTER_MAX)
            .then(|| format!("a job may wait for at most {} others", Self::AFTER_MAX))
    }
}

/// Whether a text may name a user or a class. Letters of every script are allowed: people are
/// called as they are called. Empty means nobody.
fn is_who(name: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    name.len() <= JobPolicy::WHO_BYTES_MAX && name.chars().all(allowed)
}

fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
