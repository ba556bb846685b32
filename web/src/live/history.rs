//! The last ten minutes of each node, for the small curves on its card: in memory only.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bramble_protocol::agent::FromAgent;
use bramble_protocol::{NodeId, NodeStatus};

/// How far apart the points of a curve are, in milliseconds.
const STEP_MS: u64 = 5_000;
/// Points of a curve: ten minutes.
pub(crate) const POINTS_MAX: usize = 120;
/// Nodes that are remembered; of others there are no curves. With all it is below 2 MB.
const NODES_MAX: usize = 1_000;

/// How a node did at some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Point {
    /// Part of all processor time that was used, in thousandths.
    pub(crate) cpu_permille: Option<u16>,
    /// In tenths of a degree Celsius.
    pub(crate) temperature_decicelsius: Option<i16>,
}

#[derive(Default)]
struct Curve {
    /// When the last point was taken.
    last_ms: u64,
    points: VecDeque<Point>,
}

/// The curves of all nodes.
#[derive(Default)]
pub(crate) struct History(Mutex<HashMap<NodeId, Curve>>);

impl History {
    /// Takes down what a node says of itself, if it is time for another point.
    pub(crate) fn note(&self, node: NodeId, message: &FromAgent, now_ms: u64) {
        let FromAgent::Heartbeat { status, .. } = message else { return };
        let mut curves = self.curves();
        if curves.len() >= NODES_MAX && !curves.contains_key(&node) {
            return;
        }
        let curve = curves.entry(node).or_default();
        let gap_ms = now_ms.abs_diff(curve.last_ms);
        if gap_ms < STEP_MS && !curve.points.is_empty() {
            return;
        }
        // While it was silent the curve is empty.
        let missed = if curve.points.is_empty() { 0 } else { gap_ms / STEP_MS - 1 };
        for _ in 0..missed.min(POINTS_MAX as u64) {
            curve.points.push_back(Point::default());
        }
        curve.points.push_back(Point::of(status));
        while curve.points.len() > POINTS_MAX {
            curve.points.pop_front();
        }
        curve.last_ms = now_ms;
    }

    /// The curve of a node, the oldest point first.
    pub(crate) fn of(&self, node: NodeId) -> Vec<Point> {
        self.curves()
            .get(&node)
            .map(|curve| curve.points.iter().copied().collect())
            .unwrap_or_default()
    }

    fn curves(&self) -> MutexGuard<'_, HashMap<NodeId, Curve>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Point {
    fn of(status: &NodeStatus) -> Self {
        let deci = |milli: i32| (milli / 100).clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        Self {
            cpu_permille: status.cpu_used_permille.map(|permille| permille.min(1000) as u16),
            temperature_decicelsius: status.temperature_millicelsius.map(deci),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(cpu: u32) -> FromAgent {
        let status = NodeStatus { cpu_used_permille: Some(cpu), ..NodeStatus::default() };
        FromAgent::Heartbeat { status, leases: Vec::new(), previews: Vec::new() }
    }

    #[test]
    fn a_curve_has_a_point_each_five_seconds_gaps_where_nothing_came_and_ten_minutes_at_most() {
        let (history, node) = (History::default(), NodeId(1));
        for at in [1_000, 2_000, 6_000, 26_000] {
            history.note(node, &says(500), at);
        }
        let shown: Vec<_> = history.of(node).iter().map(|point| point.cpu_permille).collect();
        assert_eq!(shown, [Some(500), Some(500), None, None, None, Some(500)]);
        history.note(node, &says(2_000_000), 90_000_000);
        assert_eq!(history.of(node).len(), POINTS_MAX);
        assert_eq!(history.of(node).last().unwrap().cpu_permille, Some(1000));
        assert!(history.of(NodeId(2)).is_empty());
    }
}
