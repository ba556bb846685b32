//! Foreign bytes that are nearly right: read as what they say, or refused, and nothing worse.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use std::fmt::Debug;

use bramble_protocol::agent::{AttemptReport, FromAgent, HeldLease, ToAgent};
use bramble_protocol::api::SubmitRequest;
use bramble_protocol::{
    AttemptId, AttemptOutcome, Digest, JobId, JobSpec, LeaseId, Limits, Manifest, Mode, NodeId,
    NodeSelector, ObjectRef, Params, TaskId, TrapKind, Usage,
};
use proptest::collection::vec;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Where a byte is put over another, and which.
type Change = (prop::sample::Index, u8);

fn changed(whole: &[u8], changes: &[Change], keep: usize) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for (at, byte) in changes {
        let at = at.index(bytes.len());
        bytes[at] = *byte;
    }
    bytes.truncate(keep);
    bytes
}

/// A few bytes that mean something in JSON more often than not.
fn changes() -> impl Strategy<Value = Vec<Change>> {
    let meaningful = prop::sample::select(br#"{}[]",:0123456789-+eE.\u ntfN"#.to_vec());
    let byte = prop_oneof![4 => meaningful, 1 => any::<u8>()];
    vec((any::<prop::sample::Index>(), byte), 1..4)
}

/// How much is kept: mostly all.
fn keep() -> impl Strategy<Value = usize> {
    prop_oneof![9 => Just(usize::MAX), 1 => 0usize..400]
}

/// Reads a value, and sees to it that it is written again as the same.
fn again<T: DeserializeOwned + Serialize + PartialEq + Debug>(bytes: &[u8]) -> Option<T> {
    let value: T = serde_json::from_slice(bytes).ok()?;
    let written = serde_json::to_vec(&value).unwrap();
    assert_eq!(serde_json::from_slice::<T>(&written).unwrap(), value);
    Some(value)
}

fn messages() -> Vec<Vec<u8>> {
    let attempt = AttemptId { task: TaskId { job: JobId(7), index: 3 }, number: 2 };
    let report = AttemptReport {
        lease: LeaseId(9),
        attempt,
        outcome: AttemptOutcome::Trapped { trap: TrapKind::StackOverflow, message: "down".into() },
        usage: Usage { cpu_us: u64::MAX, ..Usage::default() },
        log: "one\ntwo\n".into(),
        enough: false,
    };
    let spec = JobSpec {
        name: "sort".into(),
        module: Digest::of(b"module"),
        input: Digest::of(b"input"),
        params: Params::from([("type".into(), "u64".into())]),
        args: vec!["-n".into()],
        command: Default::default(),
        nodes: NodeSelector::Named(vec!["p1".into()]),
        limits: Limits::default(),
        mode: Mode::Verify,
        partitions: Some(4),
        result_name: "sorted.txt".into(),
        secrets: None,
        clock_ms: None,
        policy: Default::default(),
    };
    let welcome = ToAgent::Welcome { node: NodeId(3), heartbeat_ms: 500, artefact_key: None };
    vec![
        serde_json::to_vec(&FromAgent::Reports { reports: vec![report] }).unwrap(),
        serde_json::to_vec(&HeldLease { lease: LeaseId(1), attempt }).unwrap(),
        serde_json::to_vec(&welcome).unwrap(),
        serde_json::to_vec(&ToAgent::Revoke { leases: vec![LeaseId(1), LeaseId(2)] }).unwrap(),
        serde_json::to_vec(&SubmitRequest { spec, secrets: Default::default() }).unwrap(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_changed_manifest_is_sound_in_itself_or_refused(changes in changes(), keep in keep()) {
        let chunks = (0..3u8).map(|number| ObjectRef::of(&[number; 9])).collect();
        let whole = Manifest::new(chunks, Some(ObjectRef::of(b"sample"))).encode();
        if let Ok(manifest) = Manifest::decode(&changed(&whole, &changes, keep)) {
            let sum: u128 = manifest.chunks.iter().map(|chunk| u128::from(chunk.size)).sum();
            prop_assert_eq!(sum, u128::from(manifest.total_bytes));
            prop_assert_eq!(Manifest::decode(&manifest.encode()).unwrap(), manifest);
        }
    }

    #[test]
    fn a_changed_message_is_read_as_what_it_says_or_refused(
        which in any::<prop::sample::Index>(),
        changes in changes(),
        keep in keep(),
    ) {
        let messages = messages();
        let bytes = changed(&messages[which.index(messages.len())], &changes, keep);
        again::<FromAgent>(&bytes);
        again::<ToAgent>(&bytes);
        again::<HeldLease>(&bytes);
        if let Some(request) = again::<SubmitRequest>(&bytes) {
            // Neither may overflow, whatever the limits say.
            let _ = request.spec.limits.fault();
            let _ = request.spec.limits.output_bytes_max_for(u64::MAX);
        }
    }

    #[test]
    fn sizes_that_overflow_a_sum_are_no_manifest(first in any::<u64>(), second in any::<u64>()) {
        let chunk = |size| ObjectRef { digest: Digest::of(b"x"), size };
        let manifest = Manifest {
            schema: Manifest::SCHEMA.into(),
            total_bytes: first.saturating_add(second),
            chunks: vec![chunk(first), chunk(second)],
            sample: None,
            look: None,
        };
        let read = Manifest::decode(&manifest.encode());
        prop_assert_eq!(read.is_ok(), first.checked_add(second).is_some());
    }
}

#[test]
fn json_nested_without_an_end_is_refused_and_not_followed() {
    let deep = "[".repeat(1_000_000);
    assert!(serde_json::from_str::<FromAgent>(&deep).is_err());
    assert!(Manifest::decode(deep.as_bytes()).is_err());
    let inside = format!(r#"{{"message":"reports","reports":{deep}"#);
    assert!(serde_json::from_str::<FromAgent>(&inside).is_err());
}
