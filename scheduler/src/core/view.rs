//! What people and programs are shown.

use bramble_protocol::api::{JobState, JobView, NodeView, ResultView};
use bramble_protocol::power::PowerView;
use bramble_protocol::{JobId, Manifest, NodeSelector};

use super::Scheduler;
use super::artefact::Artefact;
use super::job::{Body, Job, OpenJob};
use super::node::Node;

impl Scheduler {
    /// One job.
    pub fn job(&self, id: JobId) -> Option<JobView> {
        self.jobs.get(&id).map(|job| self.job_view(job))
    }

    /// All jobs that are known, newest first.
    pub fn jobs(&self) -> Vec<JobView> {
        self.jobs.values().rev().map(|job| self.job_view(job)).collect()
    }

    /// Jobs that have not ended.
    pub fn open_jobs(&self) -> usize {
        self.open.len() + self.graph.pending.len()
    }

    /// All nodes that were ever connected, by name.
    pub fn nodes(&self) -> Vec<NodeView> {
        let nodes = self.cluster.by_name();
        nodes.map(|node| node_view(node, self.power_of(&node.name))).collect()
    }

    /// The result of a job that is done.
    ///
    /// # Errors
    /// The job's state, when it has none; `None` when there is no such job.
    pub fn result(&self, id: JobId) -> Result<ResultView, Option<JobState>> {
        let job = self.jobs.get(&id).ok_or(None)?;
        let Body::Ended(ended) = &job.body else { return Err(Some(job.state())) };
        let objects = ended.result.as_ref().ok_or(Some(ended.state))?;
        let name = if job.spec.result_name.is_empty() {
            format!("{}-{id}.out", job.spec.name)
        } else {
            job.spec.result_name.clone()
        };
        Ok(ResultView { id, name, manifest: Manifest::new(objects.clone(), None) })
    }

    pub(super) fn job_view(&self, job: &Job) -> JobView {
        let blank = JobView {
            schema: "bramble.job/1".into(),
            id: job.id,
            spec: (*job.spec).clone(),
            state: job.state(),
            note: None,
            tasks: Default::default(),
            phases: Vec::new(),
            nodes: Vec::new(),
            submitted_at_ms: job.submitted_at.0,
            started_at_ms: None,
            ended_at_ms: None,
            input_bytes: job.input_bytes,
            result_bytes: None,
            usage: Default::default(),
            failure: None,
            failures: Vec::new(),
            saved: None,
            enough: None,
        };
        match &job.body {
            Body::Pending(pending) => JobView { note: self.pending_note(pending), ..blank },
            Body::Open(open) => JobView {
                note: self.note(open),
                tasks: open.counts,
                phases: open.phases.clone(),
                nodes: open.node_views(|node| self.cluster.get(node).name.clone()),
                started_at_ms: open.started_at.map(|at| at.0),
                usage: open.usage,
                failures: open.failures.clone(),
                saved: open.saved(),
                enough: open.enough(),
                ..blank
            },
            Body::Ended(ended) => {
                let result = ended.result.as_ref();
                JobView {
                    note: ended.reason.clone(),
                    tasks: ended.tasks,
                    phases: ended.phases.clone(),
                    nodes: ended.nodes.clone(),
                    started_at_ms: ended.started_at_ms,
                    ended_at_ms: Some(ended.ended_at_ms),
                    result_bytes: result.map(|parts| parts.iter().map(|part| part.size).sum()),
                    usage: ended.usage,
                    failure: ended.failure.clone(),
                    failures: ended.failures.clone(),
                    saved: ended.saved,
                    enough: ended.enough,
                    ..blank
                }
            }
        }
    }

    /// Why a job does not move; `None` when it does.
    pub(super) fn note(&self, open: &OpenJob) -> Option<String> {
        if open.counts.leased > 0 || open.fate.is_some() {
            return None;
        }
        if let Some((why, command)) = self.locked_text(open.id) {
            return Some(format!("waits: {why}; give them: {command}"));
        }
        if let Some(why) = self.held_text(open) {
            return Some(format!("waits: {}", why.text));
        }
        if self.awaits_comeback(open.restored) {
            return Some("waits for its nodes to come back, because the head was restarted".into());
        }
        let allowed: Vec<&Node> = match &open.spec.nodes {
            NodeSelector::Named(names) => {
                let present = |name: &String| {
                    self.cluster.find(name).filter(|node| node.connection().is_some())
                };
                let nodes: Vec<&Node> = names.iter().filter_map(present).collect();
                if nodes.is_empty() {
                    return Some(match names.as_slice() {
                        [name] => format!("needs node {name}, which is not connected"),
                        names => {
                            format!("needs one of {}: none is connected", names.join(", "))
                        }
                    });
                }
                nodes
            }
            NodeSelector::Any | NodeSelector::AtMost(_) => {
                let present = self.cluster.index().present.iter().map(|id| self.cluster.get(*id));
                present.filter(|node| node.connection().is_some()).collect()
            }
        };
        if let Some(node) = allowed.iter().find(|node| node.is_quarantined())
            && allowed.iter().all(|node| node.is_quarantined() || node.draining.is_some())
        {
            return Some(quarantined(node, allowed.len()));
        }
        if allowed.is_empty() {
            return Some("no node is connected".into());
        }
        if let Some((node, ease)) = allowed.iter().find_map(|node| Some((node, node.care.ease?)))
            && allowed.iter().all(|node| node.care.rests() || node.draining.is_some())
        {
            return Some(format!("all nodes that may run it rest: {} {}", node.name, ease.text()));
        }
        let compiling =
            |node: &&Node| match self.artefact(&open.spec.module, node.class, open.spec.mode) {
                Some(Artefact::Compiling { .. } | Artefact::Postponed { .. }) => true,
                Some(Artefact::Ready(_) | Artefact::Failed { .. }) | None => false,
            };
        if allowed.iter().any(compiling) && self.capacity(open).nodes == 0 {
            return Some("its module is being compiled".into());
        }
        let wanted = open.spec.policy.quorum;
        if (allowed.len() as u32) < wanted {
            let there = if allowed.len() == 1 { "1 is" } else { "2 are" };
            return Some(format!(
                "each task needs {wanted} nodes that may run it, to compare their results; {there} \
                 there"
            ));
        }
        if !open.disputed.is_empty() {
            return Some("waits for a third node, because two gave different results".into());
        }
        Some("waits for a free slot".into())
    }
}

/// Why nothing runs where the last node is quarantined.
fn quarantined(node: &Node, nodes: usize) -> String {
    let name = &node.name;
    let reason = node.quarantine.as_ref().map_or("", |it| &it.reason);
    let who = if nodes == 1 { format!("{name}, the only node,") } else { name.clone() };
    format!(
        "{who} is quarantined and no other node may run it: {reason}; mend it, then: bramble \
         nodes undrain {name}"
    )
}

fn node_view(node: &Node, power: Option<PowerView>) -> NodeView {
    NodeView {
        schema: "bramble.node/1".into(),
        id: node.id,
        name: node.name.clone(),
        state: node.state(),
        class: node.class,
        version: node.version.clone(),
        slots: node.slots,
        speed: node.speed,
        draining: node.draining.clone(),
        trust: bramble_protocol::api::TrustView {
            valid: node.trust.valid,
            wrong: node.trust.wrong,
            last_wrong: node.trust.last_wrong.clone(),
        },
        ease: node.care.ease,
        energy: node.meter.view(),
        power: power.map(Box::new),
        quarantined: node.quarantine.as_ref().map(|it| it.reason.clone()),
        leased: node.leased(),
        jobs: node.jobs.iter().map(|(job, count)| (*job, *count)).collect(),
        succeeded: node.succeeded,
        failed: node.failed,
        seen_at_ms: node.seen_at.0,
        status: node.status.clone(),
    }
}
