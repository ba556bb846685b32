//! What tasks have shown, and what it takes to look for the fault of one.

use std::io::Read;

use bramble_protocol::api::PreviewList;
use bramble_protocol::{JobId, preview};

use super::Client;
use crate::error::CliResult;

impl Client {
    /// All about a task that failed, as a tar file.
    ///
    /// # Errors
    /// When the task has not failed, an object of it is gone, or the head cannot be reached.
    pub(crate) fn bundle(&self, id: JobId, task: u32) -> CliResult<impl Read + use<>> {
        let request = self.agent.get(self.path(&format!("/jobs/{id}/tasks/{task}/bundle")));
        let body = self.accepted(self.sent(request.call())?)?.into_body();
        Ok(body.into_with_config().limit(u64::MAX).reader())
    }

    /// What a job's tasks have shown last, as far as the head has kept it.
    ///
    /// # Errors
    /// When there is no such job, the head knows no previews, or cannot be reached.
    pub(crate) fn previews(&self, id: JobId) -> CliResult<PreviewList> {
        self.get(&format!("/jobs/{id}/previews"))
    }

    /// The bytes of one of them.
    ///
    /// # Errors
    /// When the head does not have it any more, or cannot be reached.
    pub(crate) fn preview(&self, id: JobId, task: u32) -> CliResult<Vec<u8>> {
        let request = self.agent.get(self.path(&format!("/jobs/{id}/previews/{task}")));
        let mut answer = self.accepted(self.sent(request.call())?)?;
        let body = answer.body_mut().with_config().limit(preview::BYTES_MAX as u64);
        body.read_to_vec().map_err(|error| self.unreachable(&error))
    }
}
