//! The handlers, one file for each thing they are about.

pub(crate) mod accounts;
pub(crate) mod agent;
pub(crate) mod attempts;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod bundle;
pub(crate) mod classes;
pub(crate) mod events;
pub(crate) mod gc;
pub(crate) mod head;
pub(crate) mod inputs;
pub(crate) mod jobs;
pub(crate) mod joining;
pub(crate) mod modules;
pub(crate) mod nodes;
pub(crate) mod objects;
pub(crate) mod previews;
pub(crate) mod queue;
pub(crate) mod result;
pub(crate) mod retry;
pub(crate) mod secrets;
pub(crate) mod sessions;
pub(crate) mod uploads;
pub(crate) mod views;

use std::time::{SystemTime, UNIX_EPOCH};

use bramble_protocol::JobId;
use bramble_scheduler::CommandError;

use crate::error::{ApiError, ApiResult};
use crate::state::Shared;

/// A job's number out of a path.
pub(crate) fn job_id(text: &str) -> ApiResult<JobId> {
    text.parse()
        .map_err(|_| ApiError::bad_request(format!("`{}` is not the number of a job", shown(text))))
}

/// The beginning of what was sent, for a message.
fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis().try_into().unwrap_or(u64::MAX)
}

impl Shared {
    /// Whether the scheduler answers at all: it says "nothing" also when it has stopped.
    ///
    /// # Errors
    /// When it has stopped.
    async fn alive(&self) -> ApiResult<()> {
        // Jobs are counted from 1.
        match self.handle.watch_job(JobId(0)).await {
            Err(CommandError::Stopped) => Err(CommandError::Stopped.into()),
            _ => Ok(()),
        }
    }
}
