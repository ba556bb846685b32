//! Measuring nodes, and what their speed is good for.

use bramble_protocol::agent::{FromAgent, ToAgent};
use bramble_protocol::node::REFERENCE_US;
use bramble_protocol::{Digest, ObjectRef};

use super::Head;
use crate::core::{Calibration, Config, ConnectionId};
use crate::testing::{hello, job, map_module};

fn measuring() -> Head {
    let calibration = Calibration { module: Digest::of(b"calibration"), input: ObjectRef::of(b"") };
    Head::with(Config { calibration: Some(calibration), ..Config::default() })
}

impl Head {
    fn asked_to_calibrate(&mut self, connection: ConnectionId) -> usize {
        let sent = self.sent.entry(connection).or_default();
        sent.iter().filter(|message| matches!(message, ToAgent::Calibrate { .. })).count()
    }

    /// A node of which the head knows how many times slower than the reference core it is.
    fn slower(&mut self, name: &str, slots: u32, times: u64) -> ConnectionId {
        let connection = self.node(name, slots);
        self.say(connection, FromAgent::Calibrated { cpu_us: REFERENCE_US * times });
        connection
    }

    fn speed(&self, name: &str) -> Option<u32> {
        self.core.nodes().into_iter().find(|node| node.name == name).unwrap().speed
    }
}

#[test]
fn a_node_is_measured_once_and_its_speed_shown() {
    let mut head = measuring();
    let node = head.node("p1", 1);
    assert_eq!((head.asked_to_calibrate(node), head.speed("p1")), (1, None));
    head.say(node, FromAgent::Calibrated { cpu_us: REFERENCE_US * 4 });
    assert_eq!(head.speed("p1"), Some(250));
    head.disconnect(node);
    let again =
        head.connect(bramble_protocol::agent::Hello { speed: Some(250), ..hello("p1", 1, 1) });
    assert_eq!((head.asked_to_calibrate(again), head.speed("p1")), (0, Some(250)));
}

#[test]
fn a_node_whose_calibration_is_not_compiled_yet_is_measured_later_and_works_meanwhile() {
    let mut head = measuring();
    head.compiles_at_once = false;
    let node = head.node("p1", 1);
    assert_eq!(head.asked_to_calibrate(node), 0);
    let (module, class, mode) = head.compiling.remove(0);
    let artefact = ObjectRef::of(b"artefact");
    head.apply(crate::core::Event::Compiled { module, class, mode, artefact });
    assert_eq!(head.asked_to_calibrate(node), 1);
    head.compiles_at_once = true;
    let id = head.submit(job(&map_module(), 1));
    head.work(&[node]);
    assert_eq!(head.view(id).usage.reference_us, 0, "its speed is not known");
}

#[test]
fn processor_time_is_told_as_of_the_reference_core_too() {
    let mut head = measuring();
    let node = head.slower("p1", 1, 3);
    let id = head.submit(job(&map_module(), 2));
    head.work(&[node]);
    let usage = head.view(id).usage;
    assert_eq!((usage.cpu_us, usage.reference_us), (1_800_000, 599_400));
}

#[test]
fn the_fastest_idle_node_is_given_work_first() {
    let mut head = measuring();
    let (slow, fast) = (head.slower("p1", 1, 3), head.slower("p2", 1, 2));
    head.submit(job(&map_module(), 1));
    assert_eq!((head.leases(slow).len(), head.leases(fast).len()), (0, 1));
}

#[test]
fn a_very_slow_node_gets_none_of_the_last_tasks_but_its_share_of_many() {
    let mut head = measuring();
    let (slow, fast) = (head.slower("zero", 1, 100), head.slower("five", 4, 1));
    let few = head.submit(job(&map_module(), 20));
    assert_eq!((head.leases(slow).len(), head.leases(fast).len()), (0, 4));
    head.cancel(few);
    head.submit(job(&map_module(), 2_000));
    assert_eq!((head.leases(slow).len(), head.leases(fast).len()), (1, 4));
}

#[test]
fn a_task_that_was_held_back_is_given_out_when_the_faster_node_is_gone() {
    let mut head = measuring();
    let (slow, fast) = (head.slower("zero", 1, 100), head.slower("five", 1, 1));
    head.submit(job(&map_module(), 2));
    assert_eq!((head.leases(slow).len(), head.leases(fast).len()), (0, 1));
    head.silence(fast);
    head.wait(Config::default().suspect_ms + 500);
    assert_eq!(head.leases(slow).len(), 1);
}

#[test]
fn equal_nodes_share_the_last_tasks() {
    let mut head = measuring();
    let (one, two) = (head.slower("p1", 1, 2), head.slower("p2", 1, 2));
    head.submit(job(&map_module(), 2));
    assert_eq!((head.leases(one).len(), head.leases(two).len()), (1, 1));
}
