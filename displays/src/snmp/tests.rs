//! What is answered, and that walks are complete and in order.

use bramble_protocol::NodeState;
use bramble_protocol::board::PowerSource;
use proptest::prelude::*;

use super::*;
use crate::shown::{ClusterPower, JobCounts};

fn node(index: u32, name: &str) -> NodeRow {
    NodeRow {
        index,
        name: name.into(),
        state: NodeState::Idle,
        power_state: None,
        temperature_millicelsius: None,
        throttle_word: None,
        memory_kib_total: None,
        memory_kib_available: None,
        load_milli: None,
        slots: 4,
        tasks: 0,
        tasks_succeeded: 0,
        tasks_failed: 0,
        rx_bytes: None,
        tx_bytes: None,
        power_milliwatts: None,
        power_source: None,
        uptime_s: None,
    }
}

fn snapshot() -> Snapshot {
    Snapshot {
        version: "0.1.0".into(),
        slots: 8,
        jobs: Some(JobCounts { running: 1, waiting: 2 }),
        power: Some(ClusterPower { milliwatts: 12_340, source: PowerSource::Measured }),
        alarm: Some("p3 weak-supply-now".into()),
        nodes: vec![
            NodeRow { temperature_millicelsius: Some(-5_250), ..node(2, "p2") },
            NodeRow {
                power_state: Some(PowerState::Off),
                state: NodeState::Lost,
                ..node(10, "p10")
            },
        ],
    }
}

fn asked(questions: &str) -> String {
    let tree = Arc::new(Tree::new(&Oid::default(), &snapshot()));
    let mut output = Vec::new();
    serve(questions.as_bytes(), &mut output, || Arc::clone(&tree)).unwrap();
    String::from_utf8(output).unwrap()
}

const B: &str = ".1.3.6.1.4.1.8072.9999.9999";

#[test]
fn it_answers_as_net_snmp_wants_it() {
    assert_eq!(asked("PING\n"), "PONG\n");
    assert_eq!(asked(&format!("get\n{B}.1.1.1.0\n")), format!("{B}.1.1.1.0\nstring\n0.1.0\n"));
    assert_eq!(asked(&format!("get\n{B}.1.2.1.5.2\n")), format!("{B}.1.2.1.5.2\ninteger\n-5250\n"));
    assert_eq!(asked(&format!("get\n{B}.1.2.1.5.10\n")), "NONE\n", "no sensor, and not zero");
    assert_eq!(asked(&format!("getnext\n{B}\n")), format!("{B}.1.1.1.0\nstring\n0.1.0\n"));
    assert_eq!(asked(&format!("set\n{B}.1.1.1.0\nstring \"x\"\n")), "not-writable\n");
}

#[test]
fn one_question_follows_the_other_until_an_empty_line() {
    let answers = asked(&format!("PING\nset\n{B}.1\ninteger 1\nget\nnonsense\nPING\n\nPING\n"));
    assert_eq!(answers, "PONG\nnot-writable\nNONE\nPONG\n");
    assert_eq!(asked("dance\nPING"), "NONE\nPONG\n");
    assert_eq!(asked("get\n"), "", "snmpd ended in the middle");
}

#[test]
fn the_next_of_a_column_s_last_is_the_first_of_the_next_column() {
    assert_eq!(
        asked(&format!("getnext\n{B}.1.2.1.2.2\ngetnext\n{B}.1.2.1.2.10\n")),
        format!("{B}.1.2.1.2.10\nstring\np10\n{B}.1.2.1.3.2\ninteger\n1\n")
    );
    assert_eq!(asked(&format!("getnext\n{B}.1.2.1.18\n")), "NONE\n", "nobody knows since when");
}

#[test]
fn a_node_that_somebody_switched_off_is_not_lost() {
    let tree = Tree::new(&Oid::default(), &snapshot());
    let at = |number| tree.get(&Oid::default().with(&[1, 1, number, 0])).cloned();
    let gauge = |number| Some(SnmpValue::Gauge(number));
    assert_eq!([at(2), at(3), at(4)], [gauge(2), gauge(1), gauge(0)]);
}

#[test]
fn texts_are_of_one_line_and_numbers_stick_at_their_limits() {
    let power = Some(ClusterPower { milliwatts: u64::MAX, source: PowerSource::Estimated });
    let alarm = Some("a\nNONE\r\u{7}".to_owned() + &"ж".repeat(200));
    let uptime = NodeRow { uptime_s: Some(42_949_673), ..node(1, "p1") };
    let nodes = vec![uptime, node(0, "none"), node(u32::MAX, "too large")];
    let tree = Tree::new(&Oid::default(), &Snapshot { power, alarm, nodes, ..snapshot() });
    let at = |numbers: &[u32]| tree.get(&Oid::default().with(numbers)).unwrap().text();
    assert_eq!(at(&[1, 1, 8, 0]), u32::MAX.to_string());
    let alarm = at(&[1, 1, 10, 0]);
    assert!(alarm.starts_with("a NONE  ж") && alarm.len() <= 255, "{alarm}");
    assert_eq!(at(&[1, 2, 1, 18, 1]), "4");
    assert_eq!(tree.iter().filter(|(oid, _)| oid.to_string().contains(".1.2.1.2.")).count(), 1);
}

#[test]
fn a_line_without_end_ends_it() {
    let endless = vec![b'x'; 1 << 20];
    let error = serve(&endless[..], Vec::new(), Arc::default).unwrap_err();
    assert!(matches!(error, SnmpError::LineTooLong), "{error}");
}

#[test]
fn a_walk_goes_on_over_a_change_of_what_it_walks() {
    let full = Arc::new(Tree::new(&Oid::default(), &snapshot()));
    let mut trees = vec![Arc::default(), Arc::clone(&full)];
    let questions = format!("getnext\n{B}.1.2.1.2.2\ngetnext\n{B}.1.2.1.2.2\n");
    let mut output = Vec::new();
    serve(questions.as_bytes(), &mut output, || trees.pop().unwrap_or_default()).unwrap();
    assert_eq!(output, format!("{B}.1.2.1.2.10\nstring\np10\nNONE\n").into_bytes());
}

prop_compose! {
    fn any_node()(
        index in 0u32..40,
        temperature_millicelsius in any::<Option<i32>>(),
        throttle_word in any::<Option<u32>>(),
        rx_bytes in any::<Option<u64>>(),
        uptime_s in any::<Option<u64>>(),
        name in any::<String>(),
    ) -> NodeRow {
        let own = node(index, &name);
        NodeRow { temperature_millicelsius, throttle_word, rx_bytes, uptime_s, ..own }
    }
}

proptest! {
    /// What comes next, looked for in a list from its beginning, over text and over the protocol.
    #[test]
    fn what_comes_next_is_what_a_naive_walk_finds(
        nodes in prop::collection::vec(any_node(), 0..12),
        tail in prop::collection::vec(0u32..20, 0..6),
        base in prop::collection::vec(0u32..4, 1..5),
    ) {
        let base = Oid::from(base);
        let tree = Arc::new(Tree::new(&base, &Snapshot { nodes, ..snapshot() }));
        let mut all: Vec<(String, Vec<u32>)> = tree
            .iter()
            .map(|(oid, _)| oid.to_string())
            .map(|text| {
                let numbers = text[1..].split('.').map(|part| part.parse().unwrap()).collect();
                (text, numbers)
            })
            .collect();
        all.sort_by(|(_, a), (_, b)| a.iter().cmp(b.iter()));
        let at: Vec<u32> = base.with(&tail).to_string()[1..]
            .split('.')
            .map(|part| part.parse().unwrap())
            .collect();
        let naive = all.iter().find(|(_, numbers)| numbers.iter().gt(at.iter()));
        let question = format!("getnext\n{}\n", base.with(&tail));
        let mut output = Vec::new();
        serve(question.as_bytes(), &mut output, || Arc::clone(&tree)).unwrap();
        let answer = String::from_utf8(output).unwrap();
        let expected = naive.map_or("NONE", |(text, _)| text.as_str());
        prop_assert_eq!(answer.lines().next(), Some(expected));
    }

    #[test]
    fn a_walk_finds_all_there_is_once_and_in_order(
        nodes in prop::collection::vec(any_node(), 0..12),
    ) {
        let tree = Tree::new(&Oid::default(), &Snapshot { nodes, ..snapshot() });
        let mut walked = Vec::new();
        let mut at = Oid::default();
        while let Some((next, value)) = tree.next(&at) {
            prop_assert!(*next > at && tree.get(next) == Some(value));
            walked.push(next.clone());
            at = next.clone();
        }
        prop_assert!(tree.iter().map(|(oid, _)| oid).eq(walked.iter()));
    }

    #[test]
    fn whatever_is_asked_each_answer_has_the_lines_it_must_have(
        questions in "((get|getnext|set|PING|\u{0}|x)\n(\\.1(\\.[0-9]{1,3}){0,4})?\n?){0,6}",
    ) {
        let tree = Arc::new(Tree::new(&"1.1".parse().unwrap(), &snapshot()));
        let mut output = Vec::new();
        serve(questions.as_bytes(), &mut output, || Arc::clone(&tree)).unwrap();
        let text = String::from_utf8(output).unwrap();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if !["PONG", "NONE", "not-writable"].contains(&line) {
                prop_assert!(line.parse::<Oid>().is_ok(), "{line}");
                let kind = lines.next();
                prop_assert!(matches!(kind, Some("integer" | "gauge" | "string" | "counter64")));
                prop_assert!(lines.next().is_some());
            }
        }
    }
}
