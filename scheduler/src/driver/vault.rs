//! The secrets of jobs that have not ended: in memory only, and nowhere else on the head.

use std::collections::BTreeMap;

use bramble_protocol::agent::ToAgent;
use bramble_protocol::{Digest, JobSpec, Secrets};

/// By what stands for them in the job's description.
#[derive(Debug, Default)]
pub(super) struct Vault(BTreeMap<Digest, Secrets>);

impl Vault {
    pub(super) fn keep(&mut self, tag: Digest, secrets: Secrets) {
        self.0.insert(tag, secrets);
    }

    /// Clears those of a job that has ended.
    pub(super) fn drop_of(&mut self, spec: &JobSpec) {
        if let Some(names) = &spec.secrets {
            self.drop_tag(&names.tag);
        }
    }

    pub(super) fn drop_tag(&mut self, tag: &Digest) {
        self.0.remove(tag);
    }

    /// Joins the secrets to leases that are about to be sent.
    pub(super) fn join(&self, message: &mut ToAgent) {
        let ToAgent::Leases { leases } = message else { return };
        if self.0.is_empty() {
            return;
        }
        for work in leases.iter_mut().map(|lease| &mut lease.work) {
            if let Some(secrets) = work.secrets_tag.and_then(|tag| self.0.get(&tag)) {
                work.secrets = secrets.clone();
            }
        }
    }
}
