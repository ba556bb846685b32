//! Results that must agree: votes of different nodes on one task, and what follows from them.
//!
//! A job with a quorum takes no result before so many nodes gave the same bytes. Of other jobs a
//! few tasks are run twice, when a slot is idle: what counted is compared afterwards, and where
//! it differs a third node decides.

use bramble_protocol::{
    AttemptId, AttemptOutcome, JobSpec, Mode, NodeId, NodeSelector, ObjectRef, TaskId, Usage,
};

use super::Scheduler;
use super::job::OpenJob;
use super::node::Held;
use super::record::{Record, Voice};
use super::trial::{Lent, Vote};

/// A result counts against another one if so many nodes gave it.
const MAJORITY: usize = 2;
/// After so many different results, no further one is asked for.
const DIFFERENT_MAX: usize = 3;

/// What votes come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Another vote is needed.
    Open,
    /// This vote is right, and the nodes that voted otherwise are wrong.
    Agreed { winner: usize, wrong: Vec<NodeId> },
    /// So many nodes, so many results: the task is at fault.
    Hopeless,
}

/// What `votes` come to where `quorum` nodes must agree.
///
/// All of the first `quorum` votes must be the same. If they are not, the result that two nodes
/// gave is right, once as many votes are in.
pub(super) fn verdict(votes: &[Vote], quorum: u32) -> Verdict {
    let same = |one: &Vote, other: &Vote| one.says(&other.outputs, other.enough);
    let support = |vote: &Vote| votes.iter().filter(|it| same(it, vote)).count();
    let best = (0..votes.len()).max_by_key(|at| (support(&votes[*at]), usize::MAX - at));
    let Some(winner) = best else { return Verdict::Open };
    let agreeing = support(&votes[winner]);
    let differ = agreeing < votes.len();
    let needed = if differ { MAJORITY } else { quorum as usize };
    if votes.len() >= quorum as usize && agreeing >= needed {
        let others = votes.iter().filter(|it| !same(it, &votes[winner]));
        Verdict::Agreed { winner, wrong: others.map(|vote| vote.node).collect() }
    } else if agreeing == 1 && votes.len() >= DIFFERENT_MAX {
        Verdict::Hopeless
    } else {
        Verdict::Open
    }
}

/// What is wrong with a job's wish for agreement, in words for the user.
pub(super) fn fault(spec: &JobSpec) -> Option<String> {
    let quorum = spec.policy.quorum;
    if quorum < 2 {
        return None;
    }
    if spec.mode != Mode::Verify {
        return Some("results of different nodes can be compared only in mode `verify`".into());
    }
    let allowed = match &spec.nodes {
        NodeSelector::Any => return None,
        NodeSelector::AtMost(nodes) => *nodes as usize,
        NodeSelector::Named(names) => names.iter().collect::<std::collections::BTreeSet<_>>().len(),
    };
    let are = if allowed == 1 { "1 is" } else { "2 are" };
    (allowed < quorum as usize)
        .then(|| format!("--verify {quorum} needs {quorum} nodes that may run it, {are} allowed"))
}

impl OpenJob {
    /// Whether the same work must give the same bytes on two nodes: the bits of a NaN may depend
    /// on the kind of processor.
    fn is_comparable(&self, classes: [bramble_protocol::TargetClass; 2]) -> bool {
        self.spec.mode == Mode::Verify || classes[0] == classes[1]
    }
}

impl Scheduler {
    /// Whether results of two nodes for a job can be compared.
    pub(super) fn can_compare(&self, open: &OpenJob, one: NodeId, other: NodeId) -> bool {
        open.is_comparable([one, other].map(|id| self.cluster.get(id).class))
    }

    /// Takes a result of a job that wants several.
    pub(super) fn conclude_vote(
        &mut self,
        node: NodeId,
        held: Held,
        (outputs, enough): (Vec<ObjectRef>, bool),
        usage: Usage,
    ) {
        let Held { attempt, leased_at, .. } = held;
        let task = attempt.task;
        let at_ms = self.now.0;
        let leased_at_ms = leased_at.0;
        let vote = Record::TaskVoted { attempt, node, leased_at_ms, at_ms, outputs, usage, enough };
        self.commit(vote);
        self.clear_of_faults(node);
        let open = self.open(task.job);
        let votes = open.trial(task.index).map(|trial| trial.votes.clone()).unwrap_or_default();
        match verdict(&votes, open.spec.policy.quorum) {
            Verdict::Open => {}
            Verdict::Agreed { winner, wrong } => {
                self.revoke_all(task);
                let vote = votes[winner].clone();
                self.commit(Record::TaskSucceeded {
                    attempt: AttemptId { task, number: vote.number },
                    node: vote.node,
                    leased_at_ms: vote.leased_at.0,
                    at_ms,
                    outputs: vote.outputs.to_vec(),
                    usage: vote.usage,
                    enough: vote.enough,
                });
                let right = votes.iter().map(|vote| vote.node).filter(|id| !wrong.contains(id));
                self.settle_trust(task, right.collect(), &wrong);
            }
            Verdict::Hopeless => {
                self.revoke_all(task);
                self.commit(Record::AttemptFailed {
                    attempt,
                    node,
                    leased_at_ms,
                    at_ms,
                    outcome: AttemptOutcome::Disagreed { results: votes.len() as u32 },
                    fatal: true,
                    usage: None,
                    retry_at_ms: None,
                    brought_down: false,
                    poison: false,
                });
            }
        }
    }

    /// Takes the result of a second or third attempt of a task that is done.
    pub(super) fn conclude_echo(
        &mut self,
        node: NodeId,
        attempt: AttemptId,
        outcome: &AttemptOutcome,
        enough: bool,
    ) {
        let task = attempt.task;
        self.recall(task, |lent| lent.node == node && lent.number == attempt.number);
        let AttemptOutcome::Succeeded { outputs } = outcome else { return };
        let open = self.open(task.job);
        let votes = open.trial(task.index).map(|trial| trial.votes.clone()).unwrap_or_default();
        match votes.as_slice() {
            [accepted] if !self.can_compare(open, accepted.node, node) => {}
            [accepted] if accepted.says(outputs, enough) => {
                self.forget_votes(task);
                self.settle_trust(task, vec![accepted.node, node], &[]);
            }
            [accepted] => {
                let Vote { number, node: first, enough: was_enough, .. } = *accepted;
                let accepted = Voice { number, node: first, enough: was_enough };
                let other = Voice { number: attempt.number, node, enough };
                let (at_ms, outputs) = (self.now.0, outputs.clone());
                self.commit(Record::TaskDisputed { task, at_ms, accepted, other, outputs });
            }
            [accepted, other] => {
                self.settle_dispute(task, [accepted, other], (node, outputs, enough));
            }
            _ => {}
        }
    }

    /// A third node has run a task of which two results differ.
    fn settle_dispute(
        &mut self,
        task: TaskId,
        [accepted, other]: [&Vote; 2],
        (node, outputs, enough): (NodeId, &[ObjectRef], bool),
    ) {
        self.commit(Record::TaskSettled { task, at_ms: self.now.0 });
        if accepted.says(outputs, enough) {
            self.settle_trust(task, vec![accepted.node, node], &[other.node]);
        } else if other.says(outputs, enough) {
            self.settle_trust(task, vec![other.node, node], &[accepted.node]);
            let name = |id: NodeId| self.cluster.get(id).name.clone();
            let reason = format!(
                "a check found that node {} gave a wrong result of task {}, which {} and {} \
                 contradict; other tasks have read it: submit the job again",
                name(accepted.node),
                task.index,
                name(other.node),
                name(node),
            );
            self.quarantine(accepted.node, format!("gave a wrong result of task {task}"));
            self.drop_result_of(task);
            self.fail_wrong(task, reason);
        } else {
            self.log_dispute(task, "three nodes gave three different results of it");
        }
    }

    /// Gives up a dispute that no node is there to settle.
    pub(super) fn leave_dispute(&mut self, task: TaskId) {
        self.commit(Record::TaskSettled { task, at_ms: self.now.0 });
        self.log_dispute(task, "two nodes gave different results of it, and there is no third");
        self.end_if_over(task.job);
    }

    /// Fails a job of which a task has a wrong result, and forgets all its results.
    fn fail_wrong(&mut self, task: TaskId, reason: String) {
        self.commit(Record::JobFailed { job: task.job, at_ms: self.now.0, reason });
        self.end_if_over(task.job);
        self.distrust_results(task.job);
    }

    fn forget_votes(&mut self, task: TaskId) {
        if let Some(open) = self.jobs.get_mut(&task.job).and_then(super::job::Job::open_mut) {
            open.forget_trial(task.index);
        }
    }

    /// Takes back all leases of a task.
    fn revoke_all(&mut self, task: TaskId) {
        for Lent { node, lease, .. } in self.recall(task, |_| true) {
            self.revoke_from(node, lease);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Timestamp;

    fn votes(results: &str) -> Vec<Vote> {
        let vote = |(at, result): (usize, char)| Vote {
            number: at as u32 + 1,
            node: NodeId(at as u32 + 1),
            leased_at: Timestamp(0),
            at: Timestamp(0),
            outputs: [ObjectRef::of(result.to_string().as_bytes())].into(),
            usage: Usage::default(),
            enough: false,
        };
        results.chars().enumerate().map(vote).collect()
    }

    fn agreed(winner: usize, wrong: &[u32]) -> Verdict {
        Verdict::Agreed { winner, wrong: wrong.iter().map(|id| NodeId(*id)).collect() }
    }

    #[test]
    fn votes_come_to_what_two_nodes_say_against_one() {
        let expected = [
            ("x", 2, Verdict::Open),
            ("xx", 2, agreed(0, &[])),
            ("xy", 2, Verdict::Open),
            ("xyx", 2, agreed(0, &[2])),
            ("xyy", 2, agreed(1, &[1])),
            ("xyz", 2, Verdict::Hopeless),
            ("xx", 3, Verdict::Open),
            ("xxx", 3, agreed(0, &[])),
            ("xxy", 3, agreed(0, &[3])),
            ("xy", 3, Verdict::Open),
            ("xyz", 3, Verdict::Hopeless),
        ];
        for (results, quorum, verdict_expected) in expected {
            assert_eq!(verdict(&votes(results), quorum), verdict_expected, "{results} of {quorum}");
        }
    }
}
