//! What the core wants switched, on its way to whoever holds the hardware.

use tokio::sync::mpsc;

use crate::core::Event;

/// A node's power is to be switched. The answer is
/// [`Handle::power_switched`](crate::Handle::power_switched).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// The node.
    pub node: String,
    /// Whether it is to have power.
    pub on: bool,
}

/// Who switches, once somebody has said that he does.
#[derive(Default)]
pub(super) struct Switches {
    switcher: Option<mpsc::Sender<Switch>>,
    faults: Vec<Event>,
}

impl Switches {
    pub(super) fn hand_to(&mut self, switcher: mpsc::Sender<Switch>) {
        self.switcher = Some(switcher);
    }

    /// Hands a switch on, without waiting for it.
    pub(super) fn ask(&mut self, node: String, on: bool) {
        let fault = match &self.switcher {
            None => Some("nothing here switches power"),
            Some(switcher) => {
                let sent = switcher.try_send(Switch { node: node.clone(), on });
                sent.is_err().then_some("what switches power does not answer")
            }
        };
        if let Some(fault) = fault.map(str::to_owned) {
            self.faults.push(Event::PowerSwitched { node, on, fault: Some(fault) });
        }
    }

    /// Those that could not be handed on.
    pub(super) fn take_faults(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.faults)
    }
}
