//! How far results of a node are believed: what comparisons with other nodes have shown.

use bramble_protocol::api::LogEntry;
use bramble_protocol::{JobId, NodeId, TaskId};

use super::Scheduler;
use super::action::Action;
use super::record::Record;

/// After so many wrong results a node gets no work.
const WRONG_MAX: u64 = 3;

/// What comparisons have shown of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trust {
    /// Results that others confirmed since the last wrong one, and since the head started.
    pub(crate) valid: u64,
    /// Results that others contradicted, ever.
    pub(crate) wrong: u64,
    /// What the last of these was.
    pub(crate) last_wrong: Option<String>,
}

impl Scheduler {
    /// Notes what a comparison has shown.
    pub(super) fn settle_trust(&mut self, task: TaskId, right: Vec<NodeId>, wrong: &[NodeId]) {
        let names: Vec<&str> = right.iter().map(|id| self.cluster.get(*id).name.as_str()).collect();
        let names = names.join(" and ");
        for id in right {
            self.cluster.update(id, |node| node.trust.valid += 1);
        }
        for id in wrong {
            let reason = format!("its result of task {task} differs from that of {names}");
            let total = self.cluster.get(*id).trust.wrong + 1;
            self.commit(Record::NodeDistrusted { node: *id, wrong: total, reason });
            if total.is_multiple_of(WRONG_MAX) && !self.cluster.get(*id).is_quarantined() {
                self.quarantine(*id, format!("gave {total} wrong results, the last of {task}"));
            }
        }
    }

    /// Tells the job's log of results that differ without anybody being shown to be wrong.
    pub(super) fn log_dispute(&mut self, task: TaskId, what: &str) {
        let open = self.open(task.job);
        let entry = LogEntry {
            task,
            attempt: open.tasks[task.index as usize].number,
            phase: open.plan.phase(task.index).kind(),
            index: open.plan.place(task.index).0,
            node: String::new(),
            at_ms: self.now.0,
            outcome: "disagreed".into(),
            error: Some(what.into()),
            text: String::new(),
            usage: Default::default(),
        };
        self.step.actions.push(Action::SaveLog { job: task.job, entry: Box::new(entry) });
    }

    /// Forgets the results of a job that others might use.
    pub(super) fn distrust_results(&mut self, job: JobId) {
        let keys = self.keys_of(job);
        if !keys.is_empty() {
            self.commit(Record::ResultsDropped { keys });
        }
    }

    /// Whether a task is among the few that are run again to be compared: the same ones whenever
    /// the question is asked.
    pub(super) fn is_spot_checked(&self, task: TaskId) -> bool {
        let mut mixed = task.job.0 << 32 | u64::from(task.index);
        // The finalizer of splitmix64, which spreads neighbours evenly.
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % 1000 < u64::from(self.config.spot_check_permille)
    }
}
