//! Whether jobs ended as they had to, and nothing is left of them.

use std::collections::BTreeSet;

use bramble_protocol::api::{JobState, JobView};
use bramble_protocol::{JobSpec, Manifest, NodeState};

use super::agents::CPU_US;
use super::jobs::{Link, Order};
use super::oracle::expected;
use super::world::World;

impl World {
    pub(super) fn check_ended(&self, view: &JobView) -> Result<(), String> {
        let id = view.id;
        let orders = &self.users.orders;
        if orders.iter().any(|order| order.refused.contains(&view.spec)) {
            // Nobody waits for it.
            return Ok(());
        }
        let order = orders.iter().find(|order| order.job.spec == view.spec);
        let order = order.ok_or(format!("nobody ordered job {id}"))?;
        let bad = self.users.is_bad(&view.spec.module);
        match view.state {
            JobState::Done if bad || self.needs_a_bad_chunk(view, order) => {
                Err(format!("job {id} cannot be done"))
            }
            JobState::Done => self.check_result(view, order),
            JobState::Failed if bad && view.failure.is_none() && view.note.is_some() => Ok(()),
            JobState::Failed if view.failure.is_none() && order.follows().is_some() => {
                self.check_upstream_lost(order)
            }
            JobState::Failed if view.failure.is_some() => check_given_up(view, order),
            JobState::Canceled if order.cancel_asked => Ok(()),
            state => Err(format!("job {id} ended as {}: {view:#?}", state.name())),
        }
    }

    /// Whether the job needed a chunk that nobody can work on. One that a task before it made
    /// unnecessary is none.
    fn needs_a_bad_chunk(&self, view: &JobView, order: &Order) -> bool {
        let chunks = &order.job.manifest.chunks;
        let needed = view.enough.map_or(chunks.len(), |enough| enough.chunk as usize + 1);
        chunks.iter().take(needed).any(|chunk| self.users.is_bad_chunk(&chunk.digest))
    }

    fn check_result(&self, view: &JobView, order: &Order) -> Result<(), String> {
        let id = view.id;
        let counts = view.tasks;
        if counts.succeeded != counts.total || counts.ended != 0 {
            return Err(format!("job {id} is done with {counts:?}"));
        }
        // One that was ordered twice does not run twice.
        let saved = view.saved.unwrap_or_default();
        let cpu_us = u64::from(counts.total - saved.tasks) * CPU_US;
        // Where later chunks were not needed, some of their tasks may have run.
        let once = match view.enough {
            None => view.usage.cpu_us == cpu_us,
            Some(_) => view.usage.cpu_us >= cpu_us,
        };
        if !once && !self.users.exaggerated.contains(&id) {
            return Err(format!("job {id}: not each task counted once: {:?}", view.usage));
        }
        let by_node: u32 = view.nodes.iter().map(|node| node.succeeded).sum();
        let needed = counts.total - saved.tasks;
        if by_node < needed || by_node > needed && view.enough.is_none() {
            return Err(format!("job {id}: its nodes did {by_node} of {} tasks", counts.total));
        }
        let Some(result) = self.head.core().and_then(|core| core.result(id).ok()) else {
            return Err(format!("job {id} is done without a result"));
        };
        let input = self.check_followed(view, order)?;
        let exports = order.job.module.exports;
        let merges = exports.reducer || (exports.merger && input.chunks.len() > 1);
        let partitions = self.head.partitions(id).ok_or(format!("job {id} is not journalled"))?;
        if result.manifest.chunks != expected(&input, &view.spec.params, merges, partitions) {
            return Err(format!("job {id} has a wrong result"));
        }
        Ok(())
    }

    /// The input of a job that is done, which did not start before what it follows was done.
    fn check_followed(&self, view: &JobView, order: &Order) -> Result<Manifest, String> {
        let Some((upstream, link)) = order.follows() else { return Ok(order.job.manifest.clone()) };
        let core = self.head.core().ok_or("there is no head")?;
        let earlier = core.job(upstream).ok_or(format!("job {upstream} is not known any more"))?;
        if earlier.state != JobState::Done || earlier.ended_at_ms > view.ended_at_ms {
            return Err(format!("job {} is done before job {upstream}", view.id));
        }
        let started = view.started_at_ms.zip(earlier.ended_at_ms);
        if started.is_some_and(|(started, ended)| started < ended) {
            return Err(format!("job {} began before job {upstream} was done", view.id));
        }
        match link {
            Link::After => Ok(order.job.manifest.clone()),
            Link::InputFrom => match core.result(upstream) {
                Ok(result) => Ok(result.manifest),
                Err(state) => Err(format!("job {upstream} has no result: {state:?}")),
            },
        }
    }

    /// Whether a job that follows another one had to fail with it.
    fn check_upstream_lost(&self, order: &Order) -> Result<(), String> {
        let (Some(core), Some((upstream, link))) = (self.head.core(), order.follows()) else {
            return Err("it follows nothing".into());
        };
        let state = core.job_state(upstream);
        let empty = link == Link::InputFrom
            && core.result(upstream).is_ok_and(|result| result.manifest.chunks.is_empty());
        if matches!(state, Some(JobState::Failed | JobState::Canceled)) || empty {
            return Ok(());
        }
        Err(format!("it failed because of job {upstream}, which is {state:?}"))
    }

    /// Whether everything is as it must be when all jobs have ended.
    pub(super) fn check_end(&mut self) {
        self.users.check_restored(&self.head).unwrap_or_else(|what| self.fail(&what));
        let Some(core) = self.head.core() else { self.fail("there is no head") };
        core.check().unwrap_or_else(|what| self.fail(&what));
        for id in self.users.orders.iter().filter(|it| it.encore).filter_map(|it| it.accepted) {
            let saved = core.job(id).map(|job| job.saved.unwrap_or_default().tasks);
            let total = core.job(id).map(|job| job.tasks.total);
            if saved != total {
                self.fail(&format!("job {id} was done before, and {saved:?} of {total:?} reused"));
            }
        }
        for view in core.jobs() {
            self.check_ended(&view).unwrap_or_else(|what| self.fail(&what));
            self.outcome.retried += u64::from(view.tasks.retried);
            match view.state {
                JobState::Done => self.outcome.done += 1,
                JobState::Failed => self.outcome.failed += 1,
                _ => self.outcome.canceled += 1,
            }
        }
        for node in core.nodes() {
            if node.leased > 0 || node.state == NodeState::Busy {
                self.fail(&format!("node {} still has leases", node.name));
            }
        }
    }
}

/// Whether it was right to give a job up for what happened to one task: because of what its guest
/// said, or because it broke down nodes, be it by chance.
fn check_given_up(view: &JobView, order: &Order) -> Result<(), String> {
    let Some(failure) = &view.failure else { return Err("a failure without a task".into()) };
    let nodes: BTreeSet<&String> = failure.brought_down.iter().collect();
    let by_guest = order.poisoned && failure.outcome.slug() == "bad-input";
    let JobSpec { policy, limits, .. } = &order.job.spec;
    // What is tried until there are no attempts left may fail by chance at the last of them.
    let fails_always = order.kills || order.poisoned && policy.retry_guest;
    let by_count = fails_always && failure.attempts >= limits.attempts_max;
    if by_guest || by_count || nodes.len() >= 3 {
        return Ok(());
    }
    Err(format!("it was not to be given up: {view:#?}"))
}
