//! What people tell the scheduler to do, besides submitting jobs and cancelling them.

use serde::{Deserialize, Serialize};

/// One order. Each is journalled before it is acknowledged, and doing it twice changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

impl Order {
    /// The longest reason, in bytes.
    pub const REASON_BYTES_MAX: usize = 200;
}

/// `POST /api/v1/nodes/{name}/drain`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainRequest {
    /// Why, for those who see it.
    pub reason: String,
}
