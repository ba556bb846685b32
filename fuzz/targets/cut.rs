//! Chunks cut from any bytes by any rule join to the same bytes, and none is too long.
#![no_main]

use bramble_protocol::SplitRule;
use bramble_store::cut::{CutOptions, Cutter};

libfuzzer_sys::fuzz_target!(|input: (u8, u8, u16, &[u8])| {
    let (rule, record, chunk, bytes) = input;
    let rule = match rule % 3 {
        0 => SplitRule::Bytes,
        1 => SplitRule::Lines,
        _ => SplitRule::Records { bytes: u32::from(record).max(1) },
    };
    let chunk_bytes = u64::from(chunk).max(1);
    let options = CutOptions { rule, chunk_bytes, sample_bytes_max: u64::from(record) };
    let mut joined = Vec::new();
    let Ok(mut cutter) = Cutter::new(bytes, options) else { return };
    for chunk in &mut cutter {
        // A line longer than a chunk, half a record, nothing at all: refused.
        let Ok(chunk) = chunk else { return };
        let longest = chunk_bytes.max(u64::from(record));
        assert!(!chunk.is_empty() && chunk.len() as u64 <= longest);
        joined.extend(chunk);
    }
    let sample = cutter.into_sample().unwrap_or_default();
    assert!(sample.len() <= usize::from(record));
    assert_eq!(joined, bytes);
});
