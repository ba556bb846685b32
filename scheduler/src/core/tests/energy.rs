//! What the cluster draws: jobs that are to take little of it, the cap, and who took how much.

use bramble_protocol::Prefer;
use bramble_protocol::board::{BoardIdentity, BoardStatus, Power, PowerMethod, PowerModel};
use bramble_protocol::power::{Outlet, PowerPolicy, Supply};
use bramble_protocol::report::ReportBy;

use super::*;
use crate::testing::{job, map_module};

/// A board that is `times` slower than the reference core, and draws so much idle and busy.
fn board(head: &mut Head, name: &str, slots: u32, times: u64, draws: (u32, u32)) -> ConnectionId {
    let model =
        PowerModel { off_milliwatts: None, idle_milliwatts: draws.0, busy_milliwatts: draws.1 };
    let status = drawing(draws.0, Some(model));
    let speed = Some(u32::try_from(1_000 / times).unwrap());
    head.connect(Hello { status, speed, ..hello(name, 1, slots) })
}

fn drawing(milliwatts: u32, power_model: Option<PowerModel>) -> NodeStatus {
    let identity = BoardIdentity { power_model, ..BoardIdentity::default() };
    let power = Some(Power::by(PowerMethod::Meter, milliwatts));
    let board = BoardStatus { identity, power, ..BoardStatus::default() };
    NodeStatus { board: Some(Box::new(board)), ..NodeStatus::default() }
}

fn thrifty(chunks: u32) -> NewJob {
    let mut job = job(&map_module(), chunks);
    job.spec.policy.prefer = Prefer::Energy;
    job.spec.policy.cache = false;
    job
}

fn hasty(chunks: u32) -> NewJob {
    let mut job = thrifty(chunks);
    job.spec.policy.prefer = Prefer::Time;
    job
}

fn tells(head: &mut Head, connection: ConnectionId, status: NodeStatus) {
    let leases = head.core.held_leases(connection);
    head.say(connection, FromAgent::Heartbeat { status, leases, previews: Vec::new() });
}

#[test]
fn a_job_that_prefers_to_take_little_is_left_to_those_that_draw_little_for_their_work() {
    let mut head = Head::new();
    // 4 W for one reference core, and 8 W for two halves of one.
    let thrifty_one = board(&mut head, "zero", 1, 4, (600, 1_000));
    let fast = board(&mut head, "big", 2, 2, (2_000, 8_000));
    let silent = head.connect(Hello { speed: Some(1_000), ..hello("pc", 1, 4) });
    let id = head.submit(thrifty(3));
    let lease = head.lease(thrifty_one);
    assert_eq!((head.leases(fast), head.leases(silent)), (vec![], vec![]));
    let answer = head.core.explain_to(id, None, &|_| true).unwrap();
    let said = |node: &str| answer.nodes.iter().find(|it| it.node == node).unwrap().text.clone();
    assert!(said("big").contains("prefers to take little energy"), "{}", said("big"));
    head.succeed(thrifty_one, &lease);
    head.work(&[thrifty_one]);
    assert_eq!(head.view(id).nodes.len(), 1);
    // Any other job has them all.
    head.submit(hasty(70));
    let all = [thrifty_one, fast, silent].map(|node| head.leases(node).len());
    assert_eq!(all, [1, 2, 4]);
}

#[test]
fn it_goes_to_the_others_when_those_that_draw_little_are_gone_or_fail() {
    let mut head = Head::new();
    let zero = board(&mut head, "zero", 1, 4, (600, 1_000));
    let big = board(&mut head, "big", 2, 2, (2_000, 8_000));
    let id = head.submit(thrifty(2));
    let lease = head.lease(zero);
    head.report(zero, &lease, fault());
    head.wait(1_000);
    let mut retried = head.leases(big);
    retried.extend(head.leases(zero));
    assert!(retried.iter().any(|it| it.attempt.task == lease.attempt.task), "{retried:?}");
    head.disconnect(zero);
    head.wait(120_000);
    for lease in retried {
        if head.core.held_leases(big).contains(&lease.id) {
            head.succeed(big, &lease);
        }
    }
    head.work(&[big]);
    assert_eq!(head.view(id).tasks.succeeded, 2);
}

#[test]
fn what_a_board_is_seen_to_draw_at_full_work_counts_more_than_its_model() {
    let mut head = Head::new();
    let zero = board(&mut head, "zero", 1, 4, (600, 1_000));
    let other = board(&mut head, "other", 1, 4, (600, 1_900));
    let first = head.submit(thrifty(1));
    let lease = head.lease(zero);
    for _ in 0..3 {
        head.now = head.now.plus_ms(5_000);
        tells(&mut head, zero, drawing(4_000, None));
        tells(&mut head, other, drawing(600, None));
    }
    head.succeed(zero, &lease);
    assert_eq!(head.view(first).tasks.succeeded, 1);
    // The other one has no model any more, and is on an outlet for 3 W.
    let outlet = Outlet {
        node: "other".into(),
        driver: "simulated".into(),
        outlet: "1".into(),
        milliwatts: 3_000,
        can_switch_off: true,
        warnings: Vec::new(),
        supply: Supply::On,
    };
    let policy = Box::new(PowerPolicy::default());
    head.apply(Event::PowerFound { outlets: vec![outlet], policy });
    head.submit(thrifty(1));
    assert_eq!((head.leases(zero).len(), head.leases(other).len()), (0, 1));
}

fn capped(head: &mut Head, cap_milliwatts: u64) {
    let policy = PowerPolicy { cap_milliwatts: Some(cap_milliwatts), ..PowerPolicy::default() };
    head.apply(Event::PowerFound { outlets: Vec::new(), policy: Box::new(policy) });
}

#[test]
fn work_waits_where_the_cluster_would_draw_more_than_it_may() {
    let mut head = Head::new();
    capped(&mut head, 5_000);
    // 1 W idle and 1 W more for each of the slots.
    let model = PowerModel { off_milliwatts: None, idle_milliwatts: 1_000, busy_milliwatts: 3_000 };
    let boards = ["a", "b", "c"].map(|name| board(&mut head, name, 2, 1, (1_000, 3_000)));
    let id = head.submit(hasty(10));
    let of = |head: &mut Head| boards.map(|it| head.leases(it));
    let leases = of(&mut head);
    assert_eq!(leases.iter().map(Vec::len).sum::<usize>(), 2, "3 W idle, and 2 W more");
    assert_eq!(head.core.power().drawn_milliwatts, 5_000);
    let answer = head.core.explain_to(id, None, &|_| true).unwrap();
    let waits = answer.nodes.iter().filter(|it| it.text.contains("draws 5.0 of the 5.0 W"));
    assert_eq!(waits.count(), 1, "{answer:?}");
    // What they tell once the work goes on is the same in other words, not something more.
    for _ in 0..2 {
        head.now = head.now.plus_ms(2_000);
        for (connection, leases) in boards.iter().zip(&leases) {
            let milliwatts = 1_000 + 1_000 * leases.len() as u32;
            tells(&mut head, *connection, drawing(milliwatts, Some(model)));
        }
    }
    head.wait(0);
    assert_eq!(head.core.power().drawn_milliwatts, 5_000);
    assert_eq!(of(&mut head).map(|it| it.len()), [0, 0, 0]);
    // With one less there is room for one.
    let place = leases.iter().position(|it| !it.is_empty()).unwrap();
    head.succeed(boards[place], &leases[place][0]);
    let milliwatts = 1_000 * leases[place].len() as u32;
    tells(&mut head, boards[place], drawing(milliwatts, Some(model)));
    head.apply(Event::Tick);
    assert_eq!(of(&mut head).iter().map(Vec::len).sum::<usize>(), 1);
}

#[test]
fn the_report_sums_up_by_user_class_job_and_node() {
    let mut head = Head::new();
    let zero = board(&mut head, "zero", 1, 4, (1_000, 1_000));
    for (user, chunks) in [("ann", 2), ("bob", 1), ("ann", 1)] {
        let mut job = job(&map_module(), chunks);
        job.spec.policy.user = user.into();
        job.spec.policy.class = (user == "bob").then(|| "8B".into());
        job.spec.policy.cache = false;
        head.submit(job);
        head.work(&[zero]);
        head.now = head.now.plus_ms(1_000);
    }
    let of = |by| {
        let view = head.core.report(by, 0, &|_| true);
        assert_eq!((view.total.jobs, view.total.tasks), (3, 4));
        // Each attempt took a second at 1 W.
        assert_eq!((view.total.energy_uj, view.total.energy_measured_uj), (4_000_000, 4_000_000));
        let rows = view.rows.into_iter();
        rows.map(|row| (row.name, row.jobs, row.tasks, row.energy_uj / 1_000_000))
            .collect::<Vec<_>>()
    };
    let row = |name: &str, jobs, tasks, joules| (name.to_owned(), jobs, tasks, joules);
    assert_eq!(of(ReportBy::User), [row("ann", 2, 3, 3), row("bob", 1, 1, 1)]);
    assert_eq!(of(ReportBy::Class), [row("", 2, 3, 3), row("8B", 1, 1, 1)]);
    assert_eq!(of(ReportBy::Node), [row("zero", 3, 4, 4)]);
    assert_eq!(of(ReportBy::Job).len(), 3);
    let later = head.core.report(ReportBy::User, head.now.0 - 500, &|_| true);
    assert_eq!((later.rows.len(), later.total.jobs), (0, 0));
    let own = head.core.report(ReportBy::User, 0, &|policy| policy.user == "bob");
    assert_eq!((own.rows.len(), own.total.jobs), (1, 1));
    head.restart();
    assert_eq!(head.core.report(ReportBy::Node, 0, &|_| true).rows[0].energy_uj, 4_000_000);
}

#[test]
fn nobody_is_woken_for_a_job_that_prefers_to_take_little_as_long_as_one_is_on() {
    let mut head = Head::new();
    let zero = board(&mut head, "zero", 1, 4, (600, 1_000));
    let outlet = |node: &str, supply| Outlet {
        node: node.into(),
        driver: "simulated".into(),
        outlet: node.into(),
        milliwatts: 3_000,
        can_switch_off: true,
        warnings: Vec::new(),
        supply,
    };
    let outlets = vec![outlet("zero", Supply::On), outlet("p2", Supply::Off)];
    let policy = PowerPolicy { idle_off_ms: Some(3_600_000), ..PowerPolicy::default() };
    head.apply(Event::PowerFound { outlets, policy: Box::new(policy) });
    head.submit(thrifty(500));
    assert_eq!(head.leases(zero).len(), 1);
    head.wait(30_000);
    assert!(head.switched.is_empty());
    head.submit(hasty(500));
    head.wait(30_000);
    assert_eq!(head.switched, [("p2".to_owned(), true)]);
}
