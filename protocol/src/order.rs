//! What people tell the scheduler to do, besides submitting jobs and cancelling them.

use serde::{Deserialize, Serialize};

use crate::power::PowerAct;
use crate::{JobId, UserLimits};

/// One order. Each is journalled before it is acknowledged, and doing it twice changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", tag = "order")]
pub enum Order {
    /// Give a node no more work; what it runs goes on.
    Drain {
        /// Its name.
        node: String,
        /// Why, for those who see it.
        reason: String,
    },
    /// Give a node work again.
    Undrain {
        /// Its name.
        node: String,
    },
    /// Give a job another priority.
    Prioritise {
        /// Which.
        job: JobId,
        /// Higher ones go first: see [`crate::JobPolicy::priority`].
        priority: i32,
    },
    /// Give no more work of a class, or none at all; what runs goes on.
    Pause {
        /// The class; absent for the whole queue.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        class: Option<String>,
        /// Why, for those who see it.
        #[serde(default)]
        reason: String,
    },
    /// Take a pause back.
    Resume {
        /// The class; absent for the whole queue. Each pause is taken back by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        class: Option<String>,
    },
    /// Limit what a user may have, or each student of a class, or everybody.
    Limit {
        /// The user; absent for a class or the default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        /// The class; absent for a user or the default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        class: Option<String>,
        /// The limits to change; absent ones stay as they are.
        limits: UserLimits,
        /// Whether the limits from before are dropped first.
        #[serde(default)]
        reset: bool,
    },
    /// Switch a node on or off, or leave that to the policy again.
    Power {
        /// Its name.
        node: String,
        /// What is wanted.
        act: PowerAct,
        /// Whether its power is cut at once, with whatever it does and without shutting it down.
        #[serde(default)]
        force: bool,
    },
    /// Begin a new lesson: nobody has used any processor time in it yet.
    Lesson,
    /// Stop and forget all jobs of a user or of a class, and what they have used.
    Forget {
        /// The user; then without a class.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        /// The class; then without a user.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        class: Option<String>,
    },
}

impl Order {
    /// The longest reason, in bytes.
    pub const REASON_BYTES_MAX: usize = 200;
}

/// `POST /api/v1/nodes/{name}/drain`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DrainRequest {
    /// Why, for those who see it.
    pub reason: String,
}
