//! What operators tell the head beside jobs, and whether it is remembered.

use bramble_protocol::Order;
use bramble_scheduler::core::{Event, Scheduler};

use super::users::{Question, Users};
use super::world::{Happening, World};

impl World {
    pub(super) fn drains(&mut self, node: usize) {
        let reason = "its fan is to be replaced".into();
        self.order_about(node, Order::Drain { node: format!("n{node}"), reason });
        let calm = self.users.trouble_until.saturating_sub(self.now);
        let delay = self.dice.between(100, calm.max(100));
        self.after(delay, Happening::Undrains { node });
    }

    /// Until somebody says that it is done.
    pub(super) fn undrains(&mut self, node: usize) {
        if self.users.drained.get(&node) != Some(&false) {
            self.order_about(node, Order::Undrain { node: format!("n{node}") });
            self.after(5_000, Happening::Undrains { node });
        }
    }

    fn order_about(&mut self, node: usize, order: Order) {
        if self.head.core().is_some() {
            let drained = matches!(order, Order::Drain { .. });
            // Until it is answered, either may be so: also when the head dies before it answers.
            self.users.drained.remove(&node);
            let token = self.users.ask(Question::Drain { node, drained });
            self.tell(Event::Order { token, order: Box::new(order) });
        }
    }
}

impl Users {
    pub(super) fn check_drained(&self, core: &Scheduler) -> Result<(), String> {
        for view in core.nodes() {
            let node: Option<usize> = view.name[1..].parse().ok();
            let told = node.and_then(|node| self.drained.get(&node).copied());
            if told.is_some_and(|drained| drained != view.draining.is_some()) {
                return Err(format!("node {} is drained: {told:?} was promised", view.name));
            }
        }
        Ok(())
    }
}
