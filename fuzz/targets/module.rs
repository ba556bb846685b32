//! What is uploaded as a module is recognised or refused, and nothing worse.
#![no_main]

use bramble_protocol::Digest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    match bramble_runtime::fuzzing::inspect(bytes) {
        Ok(info) => assert_eq!(info.digest, Digest::of(bytes)),
        Err(refusal) => assert!(!refusal.title.is_empty()),
    }
});
