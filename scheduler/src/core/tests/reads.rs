//! What a node has a reason to ask for.

use bramble_protocol::NodeId;

use super::*;
use crate::core::Calibration;
use crate::testing::{job, map_module, sort_module};

/// All objects that a lease names.
fn named(lease: &Lease) -> Vec<Digest> {
    let work = &lease.work;
    let objects = work.inputs.iter().chain(&work.ranges).chain([&work.artefact]);
    objects.filter(|object| object.size > 0).map(|object| object.digest).collect()
}

impl Head {
    fn id(&self, name: &str) -> NodeId {
        self.core.nodes().into_iter().find(|node| node.name == name).unwrap().id
    }

    fn reads(&self, node: NodeId, digests: &[Digest]) -> usize {
        digests.iter().filter(|digest| self.core.node_reads(node, digest)).count()
    }
}

#[test]
fn a_node_reads_what_its_leases_name_and_another_node_does_not() {
    let mut head = Head::new();
    let (one, two) = (head.node("p1", 1), head.node("p2", 1));
    let (first, second) = (head.id("p1"), head.id("p2"));
    // With key ranges every phase there is reads something.
    head.submit(job(&sort_module(), 3));
    let mut phases = 0;
    loop {
        let (of_one, of_two) = (head.leases(one), head.leases(two));
        if of_one.is_empty() && of_two.is_empty() {
            break;
        }
        for (leases, own) in [(&of_one, first), (&of_two, second)] {
            for lease in leases {
                phases += 1;
                assert_eq!(head.reads(own, &named(lease)), named(lease).len(), "{lease:?}");
                assert!(head.core.node_tasks(own).contains(&lease.attempt.task));
                assert!(head.core.node_holds_leases(own));
            }
        }
        for (leases, other) in [(&of_one, second), (&of_two, first)] {
            for lease in leases.iter().filter(|lease| lease.work.inputs.len() == 1) {
                let input = lease.work.inputs[0].digest;
                let has_same = head.core.node_tasks(other).contains(&lease.attempt.task);
                assert_eq!(head.core.node_reads(other, &input), has_same, "{lease:?}");
            }
        }
        of_one.iter().for_each(|lease| head.succeed(one, lease));
        of_two.iter().for_each(|lease| head.succeed(two, lease));
    }
    assert!(phases > 6, "ranges, maps and merges: {phases}");
}

#[test]
fn a_node_reads_nothing_when_its_lease_is_over_or_was_never_its_own() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let id = head.id("p1");
    let before = head.submit(job(&map_module(), 1));
    let lease = head.lease(node);
    head.succeed(node, &lease);
    assert_eq!(head.reads(id, &named(&lease)), 0, "it is done");
    assert!(head.view(before).state.is_final());
    let mut other = job(&map_module(), 1);
    other.spec.params.insert("n".into(), "2".into());
    let canceled = head.submit(other);
    let lease = head.lease(node);
    assert_eq!(head.reads(id, &named(&lease)), 2);
    head.cancel(canceled);
    assert_eq!(head.reads(id, &named(&lease)), 0, "it was taken back");
    assert_eq!((head.core.node_tasks(id).len(), head.core.node_holds_leases(id)), (0, false));
    for nobody in [NodeId(0), NodeId(99)] {
        assert_eq!(head.reads(nobody, &named(&lease)), 0);
        assert!(!head.core.node_holds_leases(nobody));
    }
}

#[test]
fn a_node_that_is_measured_reads_what_it_is_measured_by_until_it_has_answered() {
    let calibration = Calibration { module: Digest::of(b"measure"), input: ObjectRef::of(b"") };
    let mut head = Head::with(Config { calibration: Some(calibration), ..Config::default() });
    let node = head.node("p1", 1);
    let id = head.id("p1");
    let objects = [calibration.module, calibration.input.digest, Digest::of(b"artefact")];
    assert_eq!(head.reads(id, &objects), 3);
    assert_eq!(head.reads(id, &[Digest::of(b"other")]), 0);
    head.say(node, FromAgent::Calibrated { cpu_us: 1_000 });
    assert_eq!(head.reads(id, &objects), 0);
}
