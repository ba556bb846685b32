//! The steps of each outlet from off to on and back.

use bramble_protocol::NodeId;
use bramble_protocol::agent::ToAgent;
use bramble_protocol::power::PowerStage;

use super::super::Scheduler;
use super::super::action::Action;
use super::super::event::Timestamp;
use super::super::node::Link;
use super::super::record::Record;
use super::policy::Target;

/// After a fault of what switches, nothing is tried for this time, in milliseconds.
pub(super) const AGAIN_MS: u64 = 30_000;
/// What switches has answered within this time, or it has not done it, in milliseconds.
const ANSWER_MS_MAX: u64 = 120_000;
/// From the loss of its link until a board has written what it had to, in milliseconds.
const SETTLE_MS: u64 = 5_000;
/// A boot that differs by less than this part, in thousandths, is not remembered anew.
const BOOT_PERMILLE_NEW: u64 = 200;

/// What an outlet's next step depends on.
struct Around {
    target: Target,
    node: Option<NodeId>,
    is_up: bool,
    is_idle: bool,
    silent_ms: u64,
}

impl Scheduler {
    /// Takes each outlet one step further, as far as it can go now.
    pub(in super::super) fn run_power(&mut self) {
        if self.rack.outlets.is_empty() {
            return;
        }
        let targets = self.power_targets();
        for (name, target) in targets {
            let around = self.around(&name, target);
            self.step_power(&name, &around);
        }
    }

    fn around(&self, name: &str, target: Target) -> Around {
        let node = self.cluster.find(name);
        Around {
            target,
            node: node.map(|node| node.id),
            is_up: node.is_some_and(|node| matches!(node.link, Link::Up(_))),
            is_idle: node.is_none_or(|node| node.leases.is_empty()),
            silent_ms: node.map_or(u64::MAX, |node| self.now.ms_since(node.seen_at)),
        }
    }

    fn step_power(&mut self, name: &str, around: &Around) {
        let now = self.now;
        let supplied = &self.rack.outlets[name];
        let (stage, waited_ms) = (supplied.stage, now.ms_since(supplied.since));
        let may_try = now >= supplied.not_before;
        let wants_off = supplied.again || matches!(around.target, Target::Off(_));
        let wants_on = !supplied.again && matches!(around.target, Target::On(_));
        match stage {
            _ if around.is_up && is_thought_gone(stage) => self.is_there(name),
            PowerStage::Off | PowerStage::Unknown if wants_on && may_try => {
                self.explain_power(name, &around.target);
                self.queue_on(name);
                self.step_power(name, around);
            }
            PowerStage::Queued if !wants_on => {
                let supplied = self.rack.outlets.get_mut(name).expect("it is there");
                supplied.enter(PowerStage::Off, now);
            }
            PowerStage::Queued if may_try => self.switch_on_if_it_may(name),
            PowerStage::SwitchingOn | PowerStage::SwitchingOff if waited_ms >= ANSWER_MS_MAX => {
                let on = stage == PowerStage::SwitchingOn;
                let fault = format!("no answer for {} s", waited_ms / 1000);
                self.on_power_switched(name, on, Some(fault));
            }
            PowerStage::Booting => self.wait_for_boot(name, waited_ms),
            PowerStage::On | PowerStage::Unknown if wants_off && may_try => {
                self.explain_power(name, &around.target);
                let supplied = self.rack.outlets.get_mut(name).expect("it is there");
                supplied.enter(PowerStage::Draining, now);
                self.mark_going(name);
                self.step_power(name, around);
            }
            // It has halted, or hangs.
            PowerStage::On if !around.is_up && self.rack.has_policy() => {
                self.wait_for_boot(name, waited_ms.min(around.silent_ms));
            }
            PowerStage::Draining if !wants_off => self.is_there(name),
            PowerStage::Draining
                if around.is_idle || waited_ms >= self.rack.policy.drain_ms_max =>
            {
                self.shut_down(name, around);
            }
            PowerStage::ShuttingDown => {
                if !around.is_up && around.silent_ms >= SETTLE_MS && waited_ms >= SETTLE_MS {
                    self.cut(name, "was shut down");
                } else if waited_ms >= self.rack.policy.shutdown_ms_max.max(SETTLE_MS) {
                    self.cut(name, "did not shut down by itself, so its power was cut");
                }
            }
            _ => {}
        }
    }

    /// A node that is connected has power, whatever was thought of it.
    fn is_there(&mut self, name: &str) {
        let now = self.now;
        let supplied = self.rack.outlets.get_mut(name).expect("it is there");
        let took = (supplied.stage == PowerStage::Booting).then(|| now.ms_since(supplied.since));
        let is_new = matches!(supplied.stage, PowerStage::Booting | PowerStage::SwitchingOn);
        supplied.enter(PowerStage::On, now);
        (supplied.tries, supplied.note) = (0, None);
        if is_new || supplied.on_since.is_none() {
            supplied.on_since = Some(now);
        }
        supplied.idle_since = Some(now);
        if let Some(ms) = took.filter(|ms| *ms > 0) {
            self.learn_boot(name, ms);
        }
        self.mark_going(name);
    }

    fn learn_boot(&mut self, name: &str, ms: u64) {
        let known = self.rack.boots.get(name).copied();
        // Half of what it was and half of what it is: one slow boot says little.
        let next = known.map_or(ms, |known| known.midpoint(ms));
        let differs = known.is_none_or(|known| {
            known.abs_diff(next).saturating_mul(1000) > known * BOOT_PERMILLE_NEW
        });
        if differs {
            self.commit(Record::NodeBooted { node: name.to_owned(), ms: next });
        }
    }

    fn switch_on_if_it_may(&mut self, name: &str) {
        let now = self.now;
        let policy = &self.rack.policy;
        let is_spaced =
            self.rack.last_on.is_none_or(|last| now.ms_since(last) >= policy.spacing_ms);
        let is_switching = self.rack.outlets.values().any(|it| it.stage == PowerStage::SwitchingOn);
        let needs = u64::from(self.rack.outlets[name].outlet.milliwatts);
        let (drawn, budget) = (self.rack.drawn(), policy.budget_milliwatts);
        let supplied = self.rack.outlets.get_mut(name).expect("it is there");
        if let Some(budget) = budget.filter(|budget| drawn + needs > *budget) {
            supplied.note = Some(format!(
                "waits for power: with its {} W all would draw {} of the {} W that they may",
                watts(needs),
                watts(drawn + needs),
                watts(budget)
            ));
            return;
        }
        if is_spaced && !is_switching {
            supplied.enter(PowerStage::SwitchingOn, now);
            self.rack.last_on = Some(now);
            self.step.actions.push(Action::Switch { node: name.to_owned(), on: true });
        }
    }

    fn wait_for_boot(&mut self, name: &str, waited_ms: u64) {
        let usual = self.rack.boots.get(name).copied().unwrap_or(0);
        let limit = self.rack.policy.boot_ms_max.max(usual.saturating_mul(2));
        if waited_ms < limit {
            return;
        }
        let tries_max = self.rack.policy.tries_max.max(1);
        let now = self.now;
        let supplied = self.rack.outlets.get_mut(name).expect("it is there");
        supplied.tries += 1;
        let times = supplied.tries;
        let said = format!(
            "has power, but was not heard of within {} s ({times} of {tries_max} times); how far it \
             comes: bramble doctor {name}",
            waited_ms / 1000
        );
        if times < tries_max && supplied.outlet.can_switch_off {
            supplied.again = true;
            self.cut(name, &said);
        } else {
            supplied.enter(PowerStage::Failed, now);
            supplied.note = Some(said);
        }
    }

    /// The node has nothing to do any more, or has had its time.
    fn shut_down(&mut self, name: &str, around: &Around) {
        if let Some(node) = around.node {
            self.lose_leases_of(node);
            if let Some(connection) = self.cluster.get(node).connection() {
                let message = ToAgent::ShutDown;
                self.step.actions.push(Action::Send { connection, message });
                let now = self.now;
                let supplied = self.rack.outlets.get_mut(name).expect("it is there");
                supplied.enter(PowerStage::ShuttingDown, now);
                return;
            }
        }
        self.cut(name, "was not connected when it was switched off");
    }

    /// Has the node given no work while it is being switched off, and work again when not.
    pub(super) fn mark_going(&mut self, name: &str) {
        let is_going = self.rack.is_going(name);
        let Some(node) = self.cluster.find(name) else { return };
        let (id, was_going) = (node.id, node.is_going);
        if was_going != is_going {
            self.cluster.update(id, |node| node.is_going = is_going);
            self.step.more_ready = true;
            self.step.hungry.insert(id);
        }
    }

    fn explain_power(&mut self, name: &str, target: &Target) {
        if let (Target::On(why) | Target::Off(why), Some(supplied)) =
            (target, self.rack.outlets.get_mut(name))
        {
            supplied.note = Some(why.clone());
        }
    }
}

/// Whether a stage is one in which no node is connected.
const fn is_thought_gone(stage: PowerStage) -> bool {
    matches!(
        stage,
        PowerStage::Off
            | PowerStage::Queued
            | PowerStage::Booting
            | PowerStage::Failed
            | PowerStage::Unknown
    )
}

/// Thousandths of a watt as watts, rounded up to a tenth.
fn watts(milliwatts: u64) -> String {
    let tenths = milliwatts.div_ceil(100);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Time that something still takes, for people.
pub(super) fn span(ms: u64) -> String {
    match ms.div_ceil(1000) {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

/// When something happened that is not over.
pub(super) fn lasted(now: Timestamp, since: Option<Timestamp>) -> u64 {
    since.map_or(0, |since| now.ms_since(since))
}
