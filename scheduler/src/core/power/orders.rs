//! What people want of a node's power, and what its hardware says.

use bramble_protocol::power::{Outlet, PowerAct, PowerPolicy, PowerStage, Supply};

use super::super::Scheduler;
use super::super::action::{Action, Answer, Rejection};
use super::super::record::Record;

impl Scheduler {
    /// Takes the outlets there are, as the head's configuration and hardware describe them.
    pub(in super::super) fn on_power_found(&mut self, outlets: Vec<Outlet>, policy: PowerPolicy) {
        let now = self.now;
        self.rack.found(outlets, policy, now);
        self.run_power();
    }

    /// Takes an order about a node's power.
    pub(in super::super) fn order_power(
        &mut self,
        node: &str,
        act: PowerAct,
        force: bool,
    ) -> Result<Answer, Rejection> {
        let Some(supplied) = self.rack.outlets.get(node) else {
            return Err(Rejection::Unsound {
                reason: format!("nothing is known that switches `{node}`"),
                help: Some("bramble power status lists what can be switched".into()),
            });
        };
        let ends_off = matches!(act, PowerAct::Off | PowerAct::Cycle);
        if ends_off && !supplied.outlet.can_switch_off {
            let driver = &supplied.outlet.driver;
            return Err(Rejection::Unsound {
                reason: format!("{driver} can switch `{node}` on, but not off"),
                help: None,
            });
        }
        let wish = if act == PowerAct::Cycle { self.rack.wish(node) } else { act };
        if self.rack.wish(node) != wish {
            self.commit(Record::PowerWish { node: node.to_owned(), wish });
        }
        let now = self.now;
        let supplied = self.rack.outlets.get_mut(node).expect("it was there a moment ago");
        (supplied.tries, supplied.not_before, supplied.note) = (0, now, None);
        supplied.again = act == PowerAct::Cycle && supplied.stage.draws();
        if supplied.stage == PowerStage::Failed && !ends_off {
            supplied.enter(PowerStage::Off, now);
        }
        if force && ends_off && supplied.stage.draws() {
            self.cut(node, "its power was cut by an order");
        }
        if act == PowerAct::Cycle && !self.rack.outlets[node].stage.draws() {
            self.queue_on(node);
        }
        self.run_power();
        Ok(Answer::Done)
    }

    /// Takes what the hardware says of an outlet when it was looked at again.
    pub(in super::super) fn on_power_read(&mut self, node: &str, supply: Supply) {
        let now = self.now;
        let Some(supplied) = self.rack.outlets.get_mut(node) else { return };
        supplied.outlet.supply = supply;
        match (supplied.stage, supply) {
            (PowerStage::On | PowerStage::Booting | PowerStage::Unknown, Supply::Off) => {
                supplied.enter(PowerStage::Off, now);
                supplied.note = Some("was switched off, and not by this head".into());
            }
            (PowerStage::Off | PowerStage::Unknown, Supply::On) => {
                supplied.enter(PowerStage::Booting, now);
                supplied.note = Some("was switched on, and not by this head".into());
            }
            _ => {}
        }
    }

    /// Takes how switching an outlet ended.
    pub(in super::super) fn on_power_switched(
        &mut self,
        node: &str,
        on: bool,
        fault: Option<String>,
    ) {
        let (now, tries_max) = (self.now, self.rack.policy.tries_max.max(1));
        let Some(supplied) = self.rack.outlets.get_mut(node) else { return };
        match (supplied.stage, on, fault) {
            (PowerStage::SwitchingOn, true, None) => supplied.enter(PowerStage::Booting, now),
            (PowerStage::SwitchingOff, false, None) => {
                supplied.enter(PowerStage::Off, now);
                supplied.on_since = None;
                if std::mem::take(&mut supplied.again) {
                    supplied.enter(PowerStage::Queued, now);
                }
            }
            (PowerStage::SwitchingOn | PowerStage::SwitchingOff, _, Some(fault)) => {
                supplied.tries += 1;
                supplied.not_before = now.plus_ms(super::steps::AGAIN_MS);
                let way = if on { "on" } else { "off" };
                supplied.note = Some(format!("could not be switched {way}: {fault}"));
                let next = match on {
                    true if supplied.tries >= tries_max => PowerStage::Failed,
                    true => PowerStage::Off,
                    false => PowerStage::On,
                };
                supplied.enter(next, now);
            }
            _ => {}
        }
        self.run_power();
    }

    /// Has an outlet switched off at once.
    pub(super) fn cut(&mut self, node: &str, why: &str) {
        let now = self.now;
        let Some(supplied) = self.rack.outlets.get_mut(node) else { return };
        supplied.enter(PowerStage::SwitchingOff, now);
        supplied.note = Some(why.to_owned());
        self.step.actions.push(Action::Switch { node: node.to_owned(), on: false });
        self.mark_going(node);
    }

    pub(super) fn queue_on(&mut self, node: &str) {
        let now = self.now;
        if let Some(supplied) = self.rack.outlets.get_mut(node) {
            supplied.enter(PowerStage::Queued, now);
        }
    }
}
