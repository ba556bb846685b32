//! Agents that lie: reports under leases that are not theirs, of attempts that are not theirs, of
//! outputs that cannot be, and of figures that nobody believes.

use bramble_protocol::agent::{AttemptReport, FromAgent, Lease};
use bramble_protocol::{AttemptId, AttemptOutcome, LeaseId, NodeStatus, ObjectRef, TaskId, Usage};

use super::network::Place;
use super::world::{Happening, World};

impl World {
    /// One lie, and the date of the next.
    pub(super) fn mischief(&mut self, index: usize) {
        if self.is_calm() {
            return;
        }
        let delay = self.dice.between(50, 4_000);
        self.after(delay, Happening::Mischief { node: index });
        let node = &self.nodes[index];
        let place = node.place();
        if !node.acts(place, self.now) || !node.welcome {
            return;
        }
        match self.dice.between(0, 9) {
            0 | 1 => self.takes_credit(place),
            2 | 3 => self.reports_another_attempt(place),
            4 => self.reports_wrong_outputs(place),
            5 => self.reports_absurd_usage(place),
            6 => self.invents_a_lease(place),
            7 => self.repeats_itself(place),
            8 => self.renews_all(place),
            _ => self.claims_a_faster_core(place),
        }
    }

    fn lie(&mut self, place: Place, message: FromAgent) {
        self.outcome.lies += 1;
        if let FromAgent::Reports { reports } = &message {
            // An acknowledgement of these may be one of the lie only.
            self.lied.extend(reports.iter().map(|report| report.lease));
        }
        if let Some(connection) = self.nodes[place.node].connection {
            self.say(connection, message);
        }
    }

    /// A lease of this head that another node was given: nothing of such a report may count.
    fn takes_credit(&mut self, place: Place) {
        let foreign = |world: &Self, id, node| {
            node != place.node && node != usize::MAX && world.is_of_this_head(id)
        };
        if let Some(lease) = self.some_lease(foreign) {
            let report = self.garbage(&lease);
            self.lie(place, FromAgent::Reports { reports: vec![report] });
        }
    }

    fn reports_another_attempt(&mut self, place: Place) {
        let Some(lease) = self.own_lease(place) else { return };
        // Others are taken on trust: the head has forgotten what they are for.
        if !self.is_of_this_head(lease.id) {
            return;
        }
        let TaskId { job, index } = lease.attempt.task;
        let number = lease.attempt.number;
        let attempt = match self.dice.between(0, 3) {
            0 => AttemptId { number: number + 1, ..lease.attempt },
            1 => AttemptId { number: number.wrapping_sub(1), ..lease.attempt },
            2 => AttemptId { task: TaskId { job, index: index + 1 }, number },
            _ => AttemptId { task: TaskId { job, index: u32::MAX }, number: u32::MAX },
        };
        let report = AttemptReport { attempt, ..self.garbage(&lease) };
        self.lie(place, FromAgent::Reports { reports: vec![report] });
    }

    fn reports_wrong_outputs(&mut self, place: Place) {
        let Some(lease) = self.own_lease(place) else { return };
        let mut report = self.garbage(&lease);
        let more = self.dice.permille(500);
        if let AttemptOutcome::Succeeded { outputs } = &mut report.outcome {
            let count = if more { outputs.len() + 1 } else { outputs.len() - 1 };
            outputs.resize(count, ObjectRef::of(b"too many"));
        }
        self.lie(place, FromAgent::Reports { reports: vec![report] });
    }

    /// The right result with figures that would overflow any sum.
    fn reports_absurd_usage(&mut self, place: Place) {
        let Some(lease) = self.own_lease(place) else { return };
        if lease.work.inputs.iter().any(|input| self.users.is_bad_chunk(&input.digest)) {
            return;
        }
        self.users.exaggerated.insert(lease.attempt.task.job);
        let mut report = self.garbage(&lease);
        report.outcome = AttemptOutcome::Succeeded { outputs: self.contents.run(&lease.work) };
        report.enough = self.says_enough(&lease);
        let most = u64::MAX - self.dice.between(0, 1);
        report.usage = Usage {
            wall_us: most,
            cpu_us: most,
            reference_us: most,
            read_us: most,
            write_us: most,
            memory_bytes_peak: most,
            bytes_in: most,
            bytes_out: most,
            log_bytes_dropped: most,
            log_lines_dropped: most,
            memory_refusals: most,
            host_calls: most,
            fuel_used: most,
            energy_uj: most,
            energy_measured_uj: most,
        };
        report.log = "x".repeat(200_000);
        self.lie(place, FromAgent::Reports { reports: vec![report] });
    }

    fn invents_a_lease(&mut self, place: Place) {
        let Some(lease) = self.some_lease(|_, _, _| true) else { return };
        let later = self.dice.between(1, 1_000);
        let ids = [LeaseId(0), LeaseId(u64::MAX), LeaseId(lease.id.0 + later), LeaseId(later)];
        // Not one that the attempt could have had: those are taken back from a head before.
        let attempt = AttemptId { number: 0, ..lease.attempt };
        let garbage = AttemptReport { attempt, ..self.garbage(&lease) };
        let reports = ids.map(|lease| AttemptReport { lease, ..garbage.clone() }).to_vec();
        self.lie(place, FromAgent::Reports { reports });
    }

    /// Reports again, and differently, what it reported long ago.
    fn repeats_itself(&mut self, place: Place) {
        let own = |world: &Self, id, node| {
            node == place.node && world.is_of_this_head(id) && world.acknowledged.contains(&id)
        };
        if let Some(lease) = self.some_lease(own) {
            let report = self.garbage(&lease);
            self.lie(place, FromAgent::Reports { reports: vec![report] });
        }
    }

    fn renews_all(&mut self, place: Place) {
        let leases = self.leases_given.keys().rev().take(500).copied().collect();
        self.lie(
            place,
            FromAgent::Heartbeat { status: NodeStatus::default(), leases, previews: Vec::new() },
        );
    }

    fn claims_a_faster_core(&mut self, place: Place) {
        let cpu_us = *self.dice.pick(&[0, 1, u64::MAX]);
        self.lie(place, FromAgent::Calibrated { cpu_us });
    }

    fn own_lease(&mut self, place: Place) -> Option<Lease> {
        let node = &self.nodes[place.node];
        let own: Vec<&Lease> = node.waiting.iter().chain(node.running.values()).collect();
        if own.is_empty() {
            return None;
        }
        Some((*self.dice.pick(&own)).clone())
    }

    /// One of the last leases that were given, if the condition holds for it.
    fn some_lease(&mut self, fits: impl Fn(&Self, LeaseId, usize) -> bool) -> Option<Lease> {
        let skipped = self.dice.between(0, 30) as usize;
        let mut latest = self.leases_given.iter().rev().skip(skipped).take(200);
        let found = latest.find(|(id, (_, node))| fits(self, **id, *node))?;
        Some(found.1.0.clone())
    }

    fn is_of_this_head(&self, lease: LeaseId) -> bool {
        lease.0 >> 40 == self.head.life
    }

    /// A report of a result that no task has.
    fn garbage(&mut self, of: &Lease) -> AttemptReport {
        let count = self.contents.run(&of.work).len();
        let outcome = AttemptOutcome::Succeeded { outputs: vec![ObjectRef::of(b"garbage"); count] };
        let (lease, attempt) = (of.id, of.attempt);
        let (usage, log) = Default::default();
        AttemptReport { lease, attempt, outcome, usage, log, enough: false }
    }
}
