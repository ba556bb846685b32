//! What is kept of a job that ends.

use bramble_protocol::api::{JobNodeView, JobState, TaskCounts};
use bramble_protocol::{JobId, NodeId, Usage};

use super::event::Timestamp;
use super::job::{Fate, OpenJob};
use super::record::Ended;

impl Ended {
    /// The end of a job that never had tasks.
    pub(crate) fn blank(job: JobId, state: JobState, at: Timestamp) -> Self {
        Self {
            job,
            state,
            started_at_ms: None,
            ended_at_ms: at.0,
            tasks: TaskCounts::default(),
            phases: Vec::new(),
            nodes: Vec::new(),
            usage: Usage::default(),
            failure: None,
            failures: Vec::new(),
            failed_tasks: Vec::new(),
            reason: None,
            result: None,
            saved: None,
            enough: None,
            shape: None,
            results: Vec::new(),
        }
    }
}

impl OpenJob {
    /// All that is kept when the job ends now.
    pub(crate) fn summary(&self, at: Timestamp, name: impl Fn(NodeId) -> String) -> Ended {
        let state = self.state();
        let counts = self.counts;
        let open = counts.waiting + counts.ready + counts.delayed + counts.leased + counts.ended;
        let (failure, reason) = match &self.fate {
            Some(Fate::Failed(failure)) => (Some(failure.clone()), None),
            Some(Fate::Unrunnable(reason)) => (None, Some(reason.clone())),
            Some(Fate::Canceled) => (None, None),
            None => (self.failures.first().cloned(), None),
        };
        let mut nodes = self.node_views(name);
        for node in &mut nodes {
            node.leased = 0;
        }
        Ended {
            job: self.id,
            state,
            started_at_ms: self.started_at.map(|at| at.0),
            ended_at_ms: at.0,
            tasks: TaskCounts {
                waiting: 0,
                ready: 0,
                delayed: 0,
                leased: 0,
                ended: open,
                ..counts
            },
            phases: self.phases.clone(),
            nodes,
            usage: self.usage,
            failure,
            failures: self.failures.clone(),
            failed_tasks: self.failed_tasks(),
            reason,
            result: (state == JobState::Done).then(|| self.result()),
            saved: self.saved(),
            enough: self.enough(),
            shape: None,
            results: Vec::new(),
        }
    }

    /// Work by node, most tasks first.
    pub(crate) fn node_views(&self, name: impl Fn(NodeId) -> String) -> Vec<JobNodeView> {
        let mut views: Vec<_> = self
            .shares
            .iter()
            .map(|(node, share)| JobNodeView {
                name: name(*node),
                succeeded: share.succeeded,
                leased: share.leased,
                cpu_us: share.cpu_us,
                energy_uj: share.energy_uj,
                energy_measured_uj: share.energy_measured_uj,
            })
            .collect();
        views.sort_by(|a, b| b.succeeded.cmp(&a.succeeded).then_with(|| a.name.cmp(&b.name)));
        views
    }
}
