//! Boards that are switched on and off, by order and by what there is to do.

use bramble_protocol::power::{Outlet, PowerAct, PowerPolicy, PowerStage, PowerView, Supply};

use super::*;
use crate::testing::{job, map_module};

fn outlet(node: &str, supply: Supply) -> Outlet {
    Outlet {
        node: node.into(),
        driver: "simulated".into(),
        outlet: node.into(),
        milliwatts: 3_000,
        can_switch_off: true,
        warnings: Vec::new(),
        supply,
    }
}

fn found(head: &mut Head, outlets: &[(&str, Supply)], policy: PowerPolicy) {
    let outlets = outlets.iter().map(|(node, supply)| outlet(node, *supply)).collect();
    head.apply(Event::PowerFound { outlets, policy: Box::new(policy) });
}

fn power(head: &Head, node: &str) -> PowerView {
    let all = head.core.power().nodes;
    all.into_iter().find(|it| it.outlet.node == node).unwrap()
}

fn stage(head: &Head, node: &str) -> PowerStage {
    power(head, node).stage
}

fn ask(head: &mut Head, node: &str, act: PowerAct) -> Answer {
    head.order(Order::Power { node: node.into(), act, force: false })
}

fn done(head: &mut Head, node: &str, on: bool) {
    assert_eq!(head.switched, [(node.to_owned(), on)]);
    head.switched.clear();
    head.apply(Event::PowerSwitched { node: node.into(), on, fault: None });
}

fn was_told_to_shut_down(head: &mut Head, connection: ConnectionId) -> bool {
    let sent = head.sent.entry(connection).or_default();
    let before = sent.len();
    sent.retain(|message| !matches!(message, ToAgent::ShutDown));
    sent.len() < before
}

fn policy() -> PowerPolicy {
    PowerPolicy { idle_off_ms: Some(60_000), on_ms_min: 0, ..PowerPolicy::default() }
}

#[test]
fn boards_are_taken_as_they_are_found_and_none_is_switched_for_that() {
    let mut head = Head::new();
    found(&mut head, &[("p1", Supply::On), ("p2", Supply::Off)], PowerPolicy::default());
    head.wait(600_000);
    assert_eq!((stage(&head, "p1"), stage(&head, "p2")), (PowerStage::On, PowerStage::Off));
    assert!(head.switched.is_empty());
}

#[test]
fn a_board_is_drained_shut_down_and_only_then_cut_off() {
    let mut head = Head::new();
    found(&mut head, &[("p1", Supply::On)], PowerPolicy::default());
    let node = head.node("p1", 1);
    let id = head.submit(job(&map_module(), 2));
    let lease = head.lease(node);
    assert_eq!(ask(&mut head, "p1", PowerAct::Off), Answer::Done);
    head.wait(5_000);
    assert_eq!(stage(&head, "p1"), PowerStage::Draining);
    assert!(!was_told_to_shut_down(&mut head, node), "it has work");
    head.succeed(node, &lease);
    assert_eq!(head.leases(node), [], "no more for it");
    head.wait(250);
    assert!(was_told_to_shut_down(&mut head, node));
    assert!(head.switched.is_empty(), "its disk is still written to");
    head.disconnect(node);
    head.wait(4_000);
    assert!(head.switched.is_empty());
    head.wait(2_000);
    done(&mut head, "p1", false);
    head.wait(60_000);
    assert_eq!(stage(&head, "p1"), PowerStage::Off);
    assert!(head.switched.is_empty(), "off by order stays off, whatever waits");
    assert_eq!(head.view(id).tasks.succeeded, 1);
}

#[test]
fn boards_are_switched_on_one_after_the_other_and_within_the_budget() {
    let mut head = Head::new();
    let policy = PowerPolicy { budget_milliwatts: Some(7_000), ..PowerPolicy::default() };
    let off = Supply::Off;
    found(&mut head, &[("p1", off), ("p2", off), ("p3", off)], policy);
    for node in ["p1", "p2", "p3"] {
        ask(&mut head, node, PowerAct::On);
    }
    done(&mut head, "p1", true);
    assert!(head.switched.is_empty(), "not in the same second");
    head.wait(1_000);
    done(&mut head, "p2", true);
    head.wait(30_000);
    assert!(head.switched.is_empty());
    let waits = power(&head, "p3");
    assert_eq!(waits.stage, PowerStage::Queued);
    assert!(waits.note.unwrap().contains("of the 7.0 W"));
    head.node("p1", 1);
    head.node("p2", 1);
    head.wait(250);
    assert_eq!(stage(&head, "p1"), PowerStage::On);
    assert_eq!(power(&head, "p1").boot_ms, Some(31_250));
    assert_eq!(head.core.power().milliwatts, 6_000);
}

#[test]
fn a_board_that_does_not_come_up_is_tried_again_and_then_given_up_with_the_reason() {
    let mut head = Head::new();
    found(&mut head, &[("p1", Supply::Off)], PowerPolicy::default());
    ask(&mut head, "p1", PowerAct::On);
    done(&mut head, "p1", true);
    head.wait(181_000);
    done(&mut head, "p1", false);
    head.wait(1_250);
    done(&mut head, "p1", true);
    head.wait(400_000);
    let given_up = power(&head, "p1");
    assert_eq!(given_up.stage, PowerStage::Failed);
    assert!(given_up.note.unwrap().contains("bramble doctor p1"));
    assert!(head.switched.is_empty());
    // It comes after all.
    head.node("p1", 1);
    head.wait(250);
    assert_eq!(stage(&head, "p1"), PowerStage::On);
}

#[test]
fn a_fault_of_what_switches_is_told_and_not_tried_again_at_once() {
    let mut head = Head::new();
    found(&mut head, &[("p1", Supply::Off)], PowerPolicy::default());
    ask(&mut head, "p1", PowerAct::On);
    head.switched.clear();
    let fault = Some("no answer on the bus".into());
    head.apply(Event::PowerSwitched { node: "p1".into(), on: true, fault });
    assert!(power(&head, "p1").note.unwrap().contains("no answer on the bus"));
    head.wait(20_000);
    assert!(head.switched.is_empty());
    head.wait(15_000);
    done(&mut head, "p1", true);
}

#[test]
fn what_cannot_be_switched_is_refused_with_a_reason() {
    let mut head = Head::new();
    let wol = Outlet { can_switch_off: false, ..outlet("pc", Supply::On) };
    let policy = Box::<PowerPolicy>::default();
    head.apply(Event::PowerFound { outlets: vec![wol], policy });
    for (node, act) in [("p9", PowerAct::On), ("pc", PowerAct::Off), ("pc", PowerAct::Cycle)] {
        let answer = ask(&mut head, node, act);
        assert!(matches!(answer, Answer::Rejected(Rejection::Unsound { .. })), "{answer:?}");
    }
}

#[test]
fn a_wish_and_a_boot_are_known_to_the_next_head() {
    let mut head = Head::new();
    found(&mut head, &[("p1", Supply::Off)], policy());
    ask(&mut head, "p1", PowerAct::On);
    done(&mut head, "p1", true);
    head.wait(20_000);
    head.node("p1", 1);
    head.wait(250);
    head.restart();
    found(&mut head, &[("p1", Supply::On)], policy());
    head.node("p1", 1);
    let known = power(&head, "p1");
    assert_eq!((known.wish, known.boot_ms), (PowerAct::On, Some(20_250)));
    head.wait(600_000);
    assert!(head.switched.is_empty(), "on by order stays on");
}

#[test]
fn idle_boards_are_switched_off_but_not_the_last_ones() {
    let mut head = Head::new();
    let policy = PowerPolicy { keep_on: 1, ..policy() };
    found(&mut head, &[("p1", Supply::On), ("p2", Supply::On)], policy);
    let nodes = [head.node("p1", 1), head.node("p2", 1)];
    head.wait(59_000);
    assert_eq!(stage(&head, "p1"), PowerStage::On);
    head.wait(2_000);
    assert_eq!(
        (stage(&head, "p1"), stage(&head, "p2")),
        (PowerStage::ShuttingDown, PowerStage::On)
    );
    head.disconnect(nodes[0]);
    head.wait(6_000);
    done(&mut head, "p1", false);
    head.wait(600_000);
    assert_eq!((stage(&head, "p1"), stage(&head, "p2")), (PowerStage::Off, PowerStage::On));
}

#[test]
fn a_board_that_has_power_and_is_not_heard_of_is_switched_off_and_on_again() {
    let mut head = Head::new();
    found(&mut head, &[("p1", Supply::On)], policy());
    let node = head.node("p1", 1);
    head.wait(1_000);
    head.disconnect(node);
    head.wait(179_000);
    assert!(head.switched.is_empty());
    head.wait(2_000);
    done(&mut head, "p1", false);
    head.wait(1_000);
    done(&mut head, "p1", true);
}

#[test]
fn a_board_is_woken_for_work_that_lasts_and_not_for_work_that_is_done_before() {
    let mut head = Head::new();
    found(&mut head, &[("p1", Supply::On), ("p2", Supply::Off)], policy());
    let node = head.node("p1", 1);
    // Ten tasks of a second each are done before a board has booted.
    let short = head.submit(job(&map_module(), 10));
    head.wait(1_000);
    assert_eq!(stage(&head, "p2"), PowerStage::Off);
    assert!(power(&head, "p2").note.unwrap().contains("to come up"));
    head.work(&[node]);
    assert_eq!(head.view(short).tasks.succeeded, 10);
    head.submit(job(&map_module(), 200));
    head.wait(250);
    done(&mut head, "p2", true);
    assert!(power(&head, "p2").note.unwrap().contains("tasks wait"));
}

#[test]
fn a_job_that_nothing_else_can_run_wakes_its_board() {
    let mut head = Head::new();
    found(&mut head, &[("p1", Supply::Off), ("p2", Supply::Off)], policy());
    let mut named = job(&map_module(), 1);
    named.spec.nodes = bramble_protocol::NodeSelector::Named(vec!["p2".into()]);
    head.submit(named);
    head.wait(250);
    done(&mut head, "p2", true);
    head.wait(10_000);
    assert_eq!(stage(&head, "p1"), PowerStage::Off);
}

#[test]
fn all_boards_are_up_when_a_lesson_begins_and_none_is_woken_at_night() {
    use bramble_protocol::power::Hours;
    let mut head = Head::new();
    let minute = |at: Timestamp| (at.0 / 60_000 % 1_440) as u16;
    let now = minute(head.now);
    let lesson = Hours { days: Vec::new(), from_minute: now + 10, to_minute: now + 55 };
    let night = Hours { days: Vec::new(), from_minute: now, to_minute: now + 4 };
    let policy = PowerPolicy { lessons: vec![lesson], quiet: vec![night], ..policy() };
    found(&mut head, &[("p1", Supply::Off)], policy);
    head.submit(job(&map_module(), 500));
    head.wait(60_000);
    assert!(head.switched.is_empty(), "it is night");
    head.cancel(JobId(1));
    head.wait(4 * 60_000 + 30_000);
    done(&mut head, "p1", true);
    assert!(power(&head, "p1").note.unwrap().contains("lesson"));
}

#[test]
fn a_hot_node_is_given_nothing_and_explain_says_so() {
    let mut head = Head::new();
    let node = head.node("p1", 2);
    let status = NodeStatus { temperature_millicelsius: Some(86_000), ..NodeStatus::default() };
    let heartbeat = FromAgent::Heartbeat { status, leases: Vec::new(), previews: Vec::new() };
    head.say(node, heartbeat);
    let id = head.submit(job(&map_module(), 2));
    assert_eq!(head.leases(node), []);
    assert!(head.view(id).note.unwrap().contains("cooled"));
    // It says nothing of its temperature any more, and is believed after a while.
    head.wait(25_000);
    assert_eq!(head.leases(node).len(), 1, "half of its slots");
}
