//! What each outlet should be: by order, by lesson, by what there is to do.

use bramble_protocol::power::{PowerAct, PowerStage};

use super::super::Scheduler;
use super::steps::{lasted, span};

/// So long before a lesson all nodes are switched on, in milliseconds.
const EARLY_MS: u64 = 5 * 60_000;

/// What an outlet should be, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    On(String),
    Off(String),
    /// As it is.
    Keep,
}

impl Scheduler {
    /// What each outlet should be now. The least useful nodes are the first to be switched off.
    pub(super) fn power_targets(&mut self) -> Vec<(String, Target)> {
        self.note_idleness();
        let names = self.rack.names();
        let mut targets: Vec<(String, Target)> = Vec::with_capacity(names.len());
        let weighed = self.rack.has_policy().then(|| self.weigh());
        let mut on = self.rack.outlets.values().filter(|it| stays(it.stage)).count() as u32;
        for name in names {
            let target = match self.rack.wish(&name) {
                PowerAct::On => Target::On("is on by order".into()),
                PowerAct::Off => Target::Off("is off by order".into()),
                PowerAct::Auto | PowerAct::Cycle => match &weighed {
                    Some(weighed) => self.policy_target(&name, &mut on, weighed),
                    None => self.finish_what_was_begun(&name),
                },
            };
            targets.push((name, target));
        }
        targets
    }

    /// Without a policy nothing is begun; but what was switched on goes on to be on.
    fn finish_what_was_begun(&self, name: &str) -> Target {
        match self.rack.outlets[name].stage {
            PowerStage::Queued => Target::On("is switched on by order".into()),
            _ => Target::Keep,
        }
    }

    fn policy_target(&self, name: &str, on: &mut u32, weighed: &super::weigh::Weighed) -> Target {
        let (policy, now) = (&self.rack.policy, self.now.0);
        let supplied = &self.rack.outlets[name];
        let is_off = matches!(supplied.stage, PowerStage::Off | PowerStage::Queued);
        if policy.excluded.iter().any(|excluded| excluded == name) {
            return self.finish_what_was_begun(name);
        }
        let offset = policy.utc_offset_s;
        let is_lesson = |at_ms| policy.lessons.iter().any(|it| it.contains(at_ms, offset));
        if is_lesson(now) || is_lesson(now + EARLY_MS) {
            return Target::On("a lesson begins soon, or is on".into());
        }
        let is_quiet = policy.quiet.iter().any(|hours| hours.contains(now, offset));
        if is_off {
            if let Some(why) = weighed.named.get(name) {
                return Target::On(why.clone());
            }
            if is_quiet {
                return Target::Off("stays off in the quiet hours".into());
            }
            if let Some(why) = weighed.wake.get(name) {
                return Target::On(why.clone());
            }
            if *on < policy.keep_on {
                *on += 1;
                return Target::On(format!("{} nodes are to be on always", policy.keep_on));
            }
            // What was queued for a cycle or an order is not work's to take back.
            return if supplied.stage == PowerStage::Queued && supplied.tries > 0 {
                Target::On("is tried again".into())
            } else {
                Target::Keep
            };
        }
        let idle_ms = lasted(self.now, supplied.idle_since);
        let idle_off_ms = policy.idle_off_ms.unwrap_or(u64::MAX);
        let is_idle = supplied.idle_since.is_some() && idle_ms >= idle_off_ms;
        let has_been_on = lasted(self.now, supplied.on_since) >= policy.on_ms_min;
        let going = supplied.stage == PowerStage::Draining;
        let may_go = supplied.outlet.can_switch_off && !weighed.is_needed(name);
        // One of no use makes room for one that is, also of those that are to be on always.
        let is_spare = *on > policy.keep_on || weighed.is_stuck;
        if may_go && (going || is_idle && has_been_on && is_spare) {
            *on = on.saturating_sub(u32::from(!going));
            return Target::Off(format!("has had nothing to do for {}", span(idle_ms)));
        }
        Target::Keep
    }

    /// Notes since when each node has had nothing to do.
    fn note_idleness(&mut self) {
        let now = self.now;
        for (name, supplied) in &mut self.rack.outlets {
            let node = self.cluster.find(name);
            let is_idle = supplied.stage == PowerStage::On
                && node.is_some_and(|node| node.connection().is_some() && node.leases.is_empty());
            supplied.idle_since =
                is_idle.then(|| supplied.idle_since.unwrap_or(now)).filter(|_| is_idle);
            if is_idle && supplied.on_since.is_none() {
                // It was on when this head was started.
                supplied.on_since = Some(supplied.since);
            }
        }
    }
}

/// Whether a node in this stage counts among those that are on.
const fn stays(stage: PowerStage) -> bool {
    matches!(
        stage,
        PowerStage::On | PowerStage::Booting | PowerStage::SwitchingOn | PowerStage::Queued
    )
}
