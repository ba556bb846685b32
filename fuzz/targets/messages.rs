//! Messages and bodies of the API: what is read is written again as the same.
#![no_main]

use std::fmt::Debug;

use bramble_protocol::agent::{FromAgent, ToAgent};
use bramble_protocol::api::{MissingRequest, SubmitRequest};
use bramble_protocol::module::Declared;
use serde::Serialize;
use serde::de::DeserializeOwned;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    again::<FromAgent>(bytes);
    again::<ToAgent>(bytes);
    again::<MissingRequest>(bytes);
    if let Some(request) = again::<SubmitRequest>(bytes) {
        // Must not overflow, whatever the limits are.
        let _ = request.spec.limits.fault();
        let _ = request.spec.limits.output_bytes_max_for(u64::MAX);
    }
    if let Some(declared) = again::<Declared>(bytes) {
        let params = Default::default();
        let _ = (declared.param_fault(&params), declared.split_rule(&params));
    }
});

fn again<T: DeserializeOwned + Serialize + PartialEq + Debug>(bytes: &[u8]) -> Option<T> {
    let value: T = serde_json::from_slice(bytes).ok()?;
    let written = serde_json::to_vec(&value).expect("what was JSON is JSON again");
    let read: T = serde_json::from_slice(&written).expect("what is written can be read");
    assert_eq!(read, value);
    Some(value)
}
