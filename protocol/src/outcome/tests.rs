//! Outcomes in JSON and in words.

use std::collections::BTreeSet;

use super::*;

#[test]
fn an_outcome_is_tagged_by_its_slug_like_name_in_json() {
    let json = serde_json::to_string(&AttemptOutcome::TimedOut { limit_ms: 1500 }).unwrap();
    assert_eq!(json, r#"{"kind":"timed-out","limit_ms":1500}"#);
}

/// One outcome for each limit that can end a task.
fn limits() -> Vec<AttemptOutcome> {
    let mut all = vec![
        AttemptOutcome::OutOfTime { limit_ms: 1 },
        AttemptOutcome::TimedOut { limit_ms: 1 },
        AttemptOutcome::OutOfFuel { limit: 1 },
        AttemptOutcome::MemoryExceeded { wanted_bytes: 2, limit_bytes: 1, refusals: 3 },
        AttemptOutcome::OutputExceeded { limit_bytes: 1 },
        AttemptOutcome::Trapped { trap: TrapKind::StackOverflow, message: "deep".into() },
    ];
    all.extend(Countable::ALL.map(|of| AttemptOutcome::TooMuch { of, limit: 1 }));
    all
}

#[test]
fn each_limit_has_a_name_a_message_and_a_hint_of_its_own_and_survives_json() {
    let all = limits();
    let unique = |texts: Vec<String>| texts.into_iter().collect::<BTreeSet<_>>().len();
    assert_eq!(unique(all.iter().map(|it| it.slug().to_owned()).collect()), all.len());
    assert_eq!(unique(all.iter().map(AttemptOutcome::message).collect()), all.len());
    for outcome in all {
        assert!(outcome.hint().is_some(), "{outcome:?}");
        let json = serde_json::to_string(&outcome).unwrap();
        assert_eq!(serde_json::from_str::<AttemptOutcome>(&json).unwrap(), outcome);
    }
}

#[test]
fn a_refusal_of_memory_told_by_an_older_release_is_understood() {
    let old = r#"{"kind":"memory-exceeded","wanted_bytes":9,"limit_bytes":8}"#;
    let expected = AttemptOutcome::MemoryExceeded { wanted_bytes: 9, limit_bytes: 8, refusals: 0 };
    assert_eq!(serde_json::from_str::<AttemptOutcome>(old).unwrap(), expected);
}

#[test]
fn what_was_not_used_need_not_be_said() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Said(#[serde(serialize_with = "only_used")] Usage);
    let number = |field: usize| field as u64 + 1;
    let all = serde_json::to_value(Usage::default()).unwrap();
    let names: Vec<String> = all.as_object().unwrap().keys().cloned().collect();
    let some: serde_json::Map<String, serde_json::Value> =
        names.iter().enumerate().map(|(i, name)| (name.clone(), number(i).into())).collect();
    let full: Usage = serde_json::from_value(some.into()).unwrap();
    for usage in [Usage::default(), full, Usage { cpu_us: 7, ..Usage::default() }] {
        let text = serde_json::to_string(&Said(usage)).unwrap();
        assert_eq!(serde_json::from_str::<Said>(&text).unwrap(), Said(usage), "{text}");
    }
    assert_eq!(serde_json::to_string(&Said(Usage::default())).unwrap(), "{}");
}
