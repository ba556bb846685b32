//! A manifest that is read is sound in itself and is written again as the same.
#![no_main]

use bramble_protocol::Manifest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(manifest) = Manifest::decode(bytes) {
        let sum: u128 = manifest.chunks.iter().map(|chunk| u128::from(chunk.size)).sum();
        assert_eq!(sum, u128::from(manifest.total_bytes));
        let again = Manifest::decode(&manifest.encode()).expect("what is written can be read");
        assert_eq!(again, manifest);
    }
});
