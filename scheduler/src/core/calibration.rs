//! How fast nodes are. Each is measured once, when it joins, by a short job of the head's own that
//! its sandbox runs: what counts is the speed of compiled guests there, not of the processor.

use bramble_protocol::agent::{ToAgent, Work};
use bramble_protocol::node::speed_of;
use bramble_protocol::{Digest, Mode, ModuleKind, NodeId, ObjectRef, TargetClass};

use super::Scheduler;
use super::action::Action;
use super::artefact::Artefact;

/// The job that nodes are measured by: a WASI command over an empty chunk. Both are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calibration {
    /// The module.
    pub module: Digest,
    /// The chunk.
    pub input: ObjectRef,
}

impl Scheduler {
    /// Whether a module is kept without a job that needs it.
    pub(super) fn is_calibration(&self, module: &Digest) -> bool {
        self.config.calibration.is_some_and(|calibration| calibration.module == *module)
    }

    /// Asks a node how fast it is, unless it has said so or is at it.
    pub(super) fn calibrate(&mut self, id: NodeId) {
        let Some(calibration) = self.config.calibration else { return };
        let node = self.cluster.get(id);
        let Some(connection) = node.connection() else { return };
        if node.speed.is_some() || node.calibrating {
            return;
        }
        let Some(Artefact::Ready(artefact)) =
            self.artefact(&calibration.module, node.class, Mode::Fast)
        else {
            return;
        };
        let inputs = vec![calibration.input];
        let work = Box::new(Work::alone(*artefact, ModuleKind::Command, "calibration", inputs));
        self.cluster.update(id, |node| node.calibrating = true);
        let message = ToAgent::Calibrate { work };
        self.step.actions.push(Action::Send { connection, message });
    }

    /// Asks all nodes of a class, whose artefact has just been made.
    pub(super) fn calibrate_class(&mut self, class: TargetClass) {
        let present = self.cluster.index().present.iter();
        let nodes: Vec<NodeId> =
            present.copied().filter(|id| self.cluster.get(*id).class == class).collect();
        for node in nodes {
            self.calibrate(node);
        }
    }

    pub(super) fn on_calibrated(&mut self, id: NodeId, cpu_us: u64) {
        self.cluster.update(id, |node| {
            node.speed = Some(speed_of(cpu_us));
            node.calibrating = false;
        });
    }
}
