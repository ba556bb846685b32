//! Every object that comes out of a pack has the digest and the length it was announced with.
#![no_main]

use bramble_protocol::ObjectRef;
use bramble_store::pack::PackReader;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(mut reader) = PackReader::new(bytes) else { return };
    while let Ok(Some(entry)) = reader.next_entry() {
        let announced = entry.object();
        match entry.read_all() {
            Ok(object) => assert_eq!(ObjectRef::of(&object), announced),
            Err(error) => assert!(error.is_malformed()),
        }
    }
});
