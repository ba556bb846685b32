//! Why something waits, and where it runs and why: in words, with the command that changes it.

use std::fmt::Write;

use bramble_protocol::api::{JobState, TaskCounts};
use bramble_protocol::explain::{AttemptAnswer, Explanation, NodeAnswer, Placement, Verdict};
use bramble_protocol::{AttemptId, JobId, JobPolicy, LeaseId, NodeId, NodeSelector};

use super::Scheduler;
use super::artefact::Artefact;
use super::enough::unneeded_text;
use super::event::Timestamp;
use super::job::{Body, Job, OpenJob};
use super::limits::{Hold, shown};
use super::node::{Link, Node};
use super::task::TaskState;

/// Something said, and the command that changes it.
pub(super) struct Said {
    pub(super) text: String,
    pub(super) help: Option<String>,
}

impl Said {
    fn so(text: impl Into<String>) -> Self {
        Self { text: text.into(), help: None }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

impl Scheduler {
    /// How a job stands, or one of its tasks, and the same for every node. `None` when there is
    /// no such job or task.
    pub fn explain(&self, id: JobId, task: Option<u32>) -> Option<Explanation> {
        self.explain_to(id, task, &|_| true)
    }

    /// The same for somebody who sees only those jobs of others that `may_see` says.
    pub fn explain_to(
        &self,
        id: JobId,
        task: Option<u32>,
        may_see: &dyn Fn(&JobPolicy) -> bool,
    ) -> Option<Explanation> {
        let job = self.jobs.get(&id)?;
        let mut answer = Explanation {
            schema: "bramble.explain/1".into(),
            job: id,
            task,
            text: String::new(),
            help: None,
            nodes: Vec::new(),
            attempts: Vec::new(),
        };
        let said = match (&job.body, task) {
            (Body::Ended(ended), task) => match task.filter(|index| *index >= ended.tasks.total) {
                Some(index) => Said::so(unneeded_text(ended.enough, index)?),
                None => ended_text(job, ended.reason.as_deref()),
            },
            (Body::Pending(_), Some(_)) => return None,
            (Body::Pending(pending), None) => {
                let first = pending.waits.first().map(|id| format!("bramble explain {id}"));
                let note = self.pending_note(pending).unwrap_or_else(|| "is about to start".into());
                Said { text: format!("job {id} {note}"), help: first }
            }
            (Body::Open(open), None) => self.job_text(job, open),
            (Body::Open(open), Some(index)) if index as usize >= open.tasks.len() => {
                Said::so(unneeded_text(open.enough(), index)?)
            }
            (Body::Open(open), Some(index)) => {
                answer.attempts = self.attempts(open, index);
                self.task_text(open, index)
            }
        };
        (answer.text, answer.help) = (said.text, said.help);
        let is_there = |open: &&OpenJob| task.is_none_or(|it| (it as usize) < open.tasks.len());
        if let Some(open) = job.open().filter(is_there) {
            let nodes = self.cluster.by_name();
            answer.nodes = nodes.map(|node| self.node_answer(open, task, node, may_see)).collect();
        }
        Some(answer)
    }

    /// Why none of a job's tasks is leased whatever the nodes do; `None` when they may be.
    pub(super) fn held_text(&self, open: &OpenJob) -> Option<Said> {
        if let Some((text, help)) = self.locked_text(open.id) {
            return Some(Said::so(text).help(help));
        }
        let policy = &open.spec.policy;
        if let Some((class, why)) = self.queue.pause(policy.class.as_deref()) {
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            return Some(match class {
                Some(class) => Said::so(format!("class {class} is paused{why}"))
                    .help(format!("bramble queue resume --class {class}")),
                None => Said::so(format!("the queue is paused{why}")).help("bramble queue resume"),
            });
        }
        let user = shown(&policy.user);
        let to_whom = if policy.user.is_empty() { "--default" } else { &policy.user };
        match self.queue.held(&policy.user)? {
            Hold::Cpu { max_us } => Some(
                Said::so(format!(
                    "{user} has used the {} s of processor time that a lesson allows",
                    max_us / 1_000_000
                ))
                .help(format!(
                    "bramble users limit {to_whom} --cpu TIME, or: bramble users lesson"
                )),
            ),
            Hold::Running { max } => Some(
                Said::so(format!(
                    "{user} has {} at work, which is as many as may be",
                    count(max, "task")
                ))
                .help(format!("bramble users limit {to_whom} --running N")),
            ),
        }
    }

    fn job_text(&self, job: &Job, open: &OpenJob) -> Said {
        let id = job.id;
        let TaskCounts { leased, ready, .. } = open.counts;
        if leased > 0 {
            let nodes = open.shares.values().filter(|share| share.leased > 0).count();
            let mut text = format!(
                "job {id} runs: {} on {}",
                count(leased.into(), "task"),
                count(nodes as u64, "node")
            );
            if ready > 0 {
                let _ = write!(text, ", {ready} more wait for a slot");
            }
            if let Some(enough) = open.enough() {
                let _ = write!(text, "; {}", enough.text());
            }
            return match self.held_text(open).filter(|_| ready > 0) {
                Some(why) => Said { text: format!("{text}, because {}", why.text), ..why },
                None => Said::so(text),
            };
        }
        if let Some(why) = self.held_text(open) {
            return Said { text: format!("job {id} waits: {}", why.text), ..why };
        }
        let note = self.note(open).unwrap_or_else(|| "nothing is ready".into());
        let waits = if note.starts_with("waits") { "" } else { "waits: " };
        let mut said = Said::so(format!("job {id} {waits}{note}"));
        if let Some(place) = self.queue.order().position(|other| other == id) {
            if place > 0 {
                let _ = write!(said.text, "; it is number {} in the order", place + 1);
                said = said.help(format!(
                    "see the order: bramble queue; go first: bramble priority {id} 10"
                ));
            }
        } else if open.counts.delayed > 0 {
            said.text = format!(
                "job {id} waits: {} failed a moment ago and will be tried again shortly",
                count(open.counts.delayed.into(), "task")
            );
        }
        said
    }

    fn task_text(&self, open: &OpenJob, index: u32) -> Said {
        let name = open.task_id(index);
        let (place, total) = open.plan.place(index);
        let phase = open.plan.phase(index).kind();
        let name = format!("task {} ({phase} {place} of {total})", name.index);
        match &open.tasks[index as usize].state {
            TaskState::Waiting { dependencies } => Said::so(format!(
                "{name} waits for {} of its job",
                count((*dependencies).into(), "other task")
            )),
            TaskState::Delayed { until } => Said::so(format!(
                "{name} failed and is tried again in {}",
                span(until.ms_since(self.now))
            ))
            .help(format!("why it failed: bramble logs {}", open.id)),
            TaskState::Succeeded { .. } => Said::so(format!("{name} is done")),
            TaskState::Failed => Said::so(format!("{name} has failed for good"))
                .help(format!("bramble logs {}", open.id)),
            TaskState::Leased => {
                let leases = open.trial(index).map_or(&[][..], |trial| &trial.leases);
                let names = leases.iter().map(|lent| self.cluster.get(lent.node).name.as_str());
                Said::so(format!("{name} is at work on {}", names.collect::<Vec<_>>().join(", ")))
            }
            TaskState::Ready => match self.held_text(open) {
                Some(why) => Said { text: format!("{name} waits: {}", why.text), ..why },
                None => Said::so(format!("{name} waits for a slot")),
            },
        }
    }

    /// Attempts of a task: those that failed, then those at work.
    fn attempts(&self, open: &OpenJob, index: u32) -> Vec<AttemptAnswer> {
        let Some(trial) = open.trial(index) else { return Vec::new() };
        let name = |node| self.cluster.get(node).name.clone();
        let failed = trial.failed_on.iter().map(|node| AttemptAnswer {
            number: None,
            node: name(*node),
            text: format!("failed; bramble logs {} says why", open.id),
            placement: None,
        });
        let at_work = trial.leases.iter().map(|lent| {
            let held = self.cluster.get(lent.node).leases.get(&lent.lease);
            let placement = held.and_then(|held| held.placement);
            let since = held.map_or(0, |held| self.now.ms_since(held.leased_at));
            let why = placement
                .map_or(String::new(), |why| format!("; it went there because {}", why.text()));
            AttemptAnswer {
                number: Some(lent.number),
                node: name(lent.node),
                text: format!("at work for {}{why}", span(since)),
                placement,
            }
        });
        failed.chain(at_work).collect()
    }

    /// Why a node is given a lease now.
    pub(super) fn placement(&self, node: NodeId, lease: LeaseId, attempt: AttemptId) -> Placement {
        let (open, node) = (self.open(attempt.task.job), self.cluster.get(node));
        let trial = open.trial(attempt.task.index);
        if self.lease_numbers.is_earlier(lease, 0) {
            return Placement::Adopted;
        }
        if let Some(trial) = trial {
            let compared = open.spec.policy.quorum > 1 && !trial.leases.is_empty();
            if compared || !trial.votes.is_empty() {
                return Placement::Verification;
            }
            if !trial.leases.is_empty() {
                return Placement::Duplicate;
            }
            if !trial.failed_on.is_empty() {
                return Placement::RetriedElsewhere;
            }
        }
        match node.free_slots() {
            _ if node.leases.is_empty() => Placement::Idle,
            0 => Placement::Ahead,
            _ => Placement::Next,
        }
    }

    fn node_answer(
        &self,
        open: &OpenJob,
        task: Option<u32>,
        node: &Node,
        may_see: &dyn Fn(&JobPolicy) -> bool,
    ) -> NodeAnswer {
        let runs = match task {
            None => node.jobs.get(&open.id).copied().unwrap_or(0),
            Some(index) => {
                let leases = open.trial(index).map_or(&[][..], |trial| &trial.leases);
                u32::from(leases.iter().any(|lent| lent.node == node.id))
            }
        };
        let (verdict, said) = if runs > 0 {
            let what = if task.is_some() {
                "runs it".into()
            } else {
                format!("runs {} of it", count(runs.into(), "task"))
            };
            (Verdict::Runs, Said::so(what))
        } else if let Some(said) = self.bar(open, task, node) {
            (Verdict::Cannot, said)
        } else {
            (Verdict::Could, self.turn_text(open, task, node, may_see))
        };
        NodeAnswer { node: node.name.clone(), verdict, text: said.text, help: said.help }
    }

    /// Why a node does not take a task of a job until something changes.
    fn bar(&self, open: &OpenJob, task: Option<u32>, node: &Node) -> Option<Said> {
        self.absence(node)
            .or_else(|| self.selection(open, node))
            .or_else(|| self.code(open, node))
            .or_else(|| self.history(open, task, node))
    }

    /// Why a node takes nothing of anybody.
    fn absence(&self, node: &Node) -> Option<Said> {
        let name = &node.name;
        if !matches!(node.link, Link::Up(_)) {
            let since = match node.seen_at {
                Timestamp(0) => "since the head was started".into(),
                seen_at => format!("for {}", span(self.now.ms_since(seen_at))),
            };
            if let Some(power) = self.power_text(name) {
                let said = Said::so(format!("has not been connected {since}: {power}"));
                return Some(said.help(format!("bramble power on {name}")));
            }
            return Some(
                Said::so(format!("has not been connected {since}"))
                    .help(format!("on {name}: bramble agent --head HOST:PORT")),
            );
        }
        if node.suspect {
            let silent = span(self.now.ms_since(node.seen_at));
            return Some(Said::so(format!("has been silent for {silent}")));
        }
        if let Some(quarantine) = node.quarantine.as_ref().filter(|_| node.is_quarantined()) {
            let left = span(quarantine.until.ms_since(self.now));
            let text = format!("is quarantined for another {left}: {}", quarantine.reason);
            return Some(Said::so(text).help(format!("bramble nodes undrain {name}")));
        }
        if let Some(ease) = node.care.ease.filter(|_| node.care.rests()) {
            let since = span(self.now.ms_since(Timestamp(ease.since_ms)));
            return Some(Said::so(format!("{}, since {since}", ease.text())).help(ease.help()));
        }
        if node.is_going {
            let why = self.power_text(name).unwrap_or_default();
            return Some(Said::so(format!("is being switched off: {why}")));
        }
        let reason = node.draining.as_ref()?;
        let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        Some(Said::so(format!("is drained{why}")).help(format!("bramble nodes undrain {name}")))
    }

    fn selection(&self, open: &OpenJob, node: &Node) -> Option<Said> {
        if open.admits(node.id, &node.name) {
            return None;
        }
        Some(match &open.spec.nodes {
            NodeSelector::AtMost(max) => {
                let members = open.members.iter().map(|id| self.cluster.get(*id).name.as_str());
                let members: Vec<&str> = members.collect();
                Said::so(format!(
                    "is not one of the {max} that the job may have: {}",
                    members.join(", ")
                ))
            }
            NodeSelector::Any | NodeSelector::Named(_) => {
                Said::so("is not among those that the job names with --nodes")
            }
        })
    }

    fn code(&self, open: &OpenJob, node: &Node) -> Option<Said> {
        let class = node.class;
        match self.artefact(&open.spec.module, class, open.spec.mode) {
            Some(Artefact::Ready(_)) => None,
            Some(Artefact::Failed { message }) => Some(Said::so(format!(
                "cannot run the module, which does not compile for {class}: {message}"
            ))),
            Some(Artefact::Postponed { attempt, .. }) => Some(Said::so(format!(
                "waits for the module, whose compilation for {class} failed {attempt} times and is tried again"
            ))),
            Some(Artefact::Compiling { .. }) => {
                Some(Said::so(format!("waits for the module to be compiled for {class}")))
            }
            None => Some(Said::so(format!("has no module yet: it is not compiled for {class}"))),
        }
    }

    fn history(&self, open: &OpenJob, task: Option<u32>, node: &Node) -> Option<Said> {
        let trial = open.trial(task?)?;
        if trial.bars(node.id) {
            return Some(Said::so(
                "has given its result already, and another node must confirm it",
            ));
        }
        let elsewhere = trial.has_failed_on(node.id) && self.has_other_node(open, &trial.failed_on);
        elsewhere.then(|| {
            Said::so("has failed at it, and others have not been tried")
                .help(format!("why: bramble logs {} --node {}", open.id, node.name))
        })
    }

    /// What a node waits for that may run a job.
    fn turn_text(
        &self,
        open: &OpenJob,
        task: Option<u32>,
        node: &Node,
        may_see: &dyn Fn(&JobPolicy) -> bool,
    ) -> Said {
        let ready = |index: u32| open.tasks[index as usize].state == TaskState::Ready;
        if task.map_or(open.counts.ready == 0, |index| !ready(index)) {
            return Said::so("may run it, but nothing is ready for a slot");
        }
        if self.awaits_comeback(open.restored) {
            return Said::so("may run it, when the nodes are back that ran it before the restart");
        }
        if self.held_text(open).is_some() {
            return Said::so("may run it, but the job is held back");
        }
        if node.free_slots() == 0 {
            let others = node.jobs.iter().filter(|(job, _)| **job != open.id).take(3);
            let busy = others.map(|(job, tasks)| {
                let policy = self.jobs.get(job).map(|job| &job.spec.policy);
                match policy.filter(|policy| may_see(policy)).map(|policy| policy.user.as_str()) {
                    None => format!("a job of somebody else ×{tasks}"),
                    Some("") => format!("job {job} ×{tasks}"),
                    Some(user) => format!("job {job} of {user} ×{tasks}"),
                }
            });
            let busy: Vec<String> = busy.collect();
            let busy = if busy.is_empty() { "this job".into() } else { busy.join(", ") };
            if let Some(ease) = &node.care.ease {
                return Said::so(format!("{}; it has: {busy}", ease.text())).help(ease.help());
            }
            return Said::so(format!("has no free slot: busy with {busy}"));
        }
        if !self.is_within_cap(node) {
            return Said::so(format!("has a free slot, but {}", self.cap_text()))
                .help("bramble power");
        }
        if self.is_too_costly(open, node) {
            return Said::so(
                "is left out: others draw less for the same work, and the job prefers to take little energy",
            )
            .help(format!("bramble nodes {}", node.name));
        }
        if self.is_better_left(open.id, node.id) {
            return Said::so(
                "is too slow just now: faster ones will have done all before it ends a task",
            );
        }
        Said::so("has a free slot and takes it next")
    }
}

fn ended_text(job: &Job, reason: Option<&str>) -> Said {
    let id = job.id;
    match job.state() {
        JobState::Done => Said::so(format!("job {id} is done")).help(format!("bramble get {id}")),
        JobState::Canceled => Said::so(format!("job {id} was cancelled")),
        _ => {
            let why = reason.map_or(String::new(), |reason| format!(": {reason}"));
            Said::so(format!("job {id} has failed{why}")).help(format!("bramble logs {id}"))
        }
    }
}

pub(super) fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// A length of time, roughly.
fn span(ms: u64) -> String {
    match ms / 1000 {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds if seconds < 7_200 => format!("{} min", seconds / 60),
        seconds if seconds < 172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}
