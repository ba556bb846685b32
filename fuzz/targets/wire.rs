//! What a runner that was taken over writes to the agent is read or refused.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bramble_runtime::fuzzing::read_frames(bytes));
