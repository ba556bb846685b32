//! Orders: what people change besides jobs.

use bramble_protocol::Order;

use super::Scheduler;
use super::action::{Action, Answer, Rejection};
use super::attempt::truncated;
use super::event::RequestToken;
use super::mutant::{Mutant, mutated};
use super::record::Record;

impl Scheduler {
    pub(super) fn on_order(&mut self, token: RequestToken, order: Order) {
        let answer = match order {
            Order::Drain { node, reason } => {
                let reason = truncated(reason, Order::REASON_BYTES_MAX);
                self.set_draining(&node, Some(reason))
            }
            Order::Undrain { node } => self.set_draining(&node, None),
        };
        let answer = answer.unwrap_or_else(Answer::Rejected);
        self.step.actions.push(Action::Reply { token, answer });
    }

    fn set_draining(&mut self, name: &str, reason: Option<String>) -> Result<Answer, Rejection> {
        let Some(node) = self.cluster.find(name) else {
            return Err(Rejection::NoSuchNode(name.chars().take(80).collect()));
        };
        let id = node.id;
        if reason.is_none() {
            self.lift_quarantine(id);
        }
        if self.cluster.get(id).draining != reason {
            self.commit(Record::NodeDraining { node: id, reason });
            if mutated(Mutant::OrderNotJournalled) {
                self.step.actions.pop();
            }
            self.step.hungry.insert(id);
            self.step.more_ready = true;
        }
        Ok(Answer::Done)
    }
}
