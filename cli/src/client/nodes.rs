//! What the API says of how nodes join.

use bramble_protocol::join::{
    AdmissionList, AdmissionView, IssuedJoinToken, JoinTokenList, JoinTokenView, NewJoinToken,
};

use super::Client;
use crate::error::CliResult;

/// Each call fails when the head refuses it or cannot be reached.
impl Client {
    pub(crate) fn new_join_token(&self, new: &NewJoinToken) -> CliResult<IssuedJoinToken> {
        self.post("/nodes/tokens", new)
    }

    pub(crate) fn join_tokens(&self) -> CliResult<Vec<JoinTokenView>> {
        Ok(self.get::<JoinTokenList>("/nodes/tokens")?.tokens)
    }

    pub(crate) fn revoke_join_token(&self, id: u64) -> CliResult<()> {
        let request = self.agent.delete(self.path(&format!("/nodes/tokens/{id}")));
        self.accepted(self.sent(request.call())?).map(drop)
    }

    pub(crate) fn admissions(&self) -> CliResult<Vec<AdmissionView>> {
        Ok(self.get::<AdmissionList>("/nodes/admissions")?.nodes)
    }

    /// Approves, rejects or removes a node, as `what` says.
    pub(crate) fn change_node(&self, node: &str, what: &str) -> CliResult<AdmissionView> {
        self.post_nothing(&format!("/nodes/{node}/{what}"))
    }
}
