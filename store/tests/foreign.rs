//! Packs from others: whatever they say of themselves, what comes out is what was announced.

use bramble_protocol::{ObjectRef, pack};
use bramble_store::pack::{PackReader, PackWriter};
use proptest::collection::vec;
use proptest::prelude::*;

/// Reads a pack to its end or its fault, and says how many objects came out.
fn read(bytes: &[u8]) -> usize {
    let Ok(mut reader) = PackReader::new(bytes) else { return 0 };
    let mut count = 0;
    while let Ok(Some(entry)) = reader.next_entry() {
        let announced = entry.object();
        match entry.read_all() {
            Ok(object) => assert_eq!(ObjectRef::of(&object), announced),
            Err(error) => {
                assert!(error.is_malformed(), "{error}");
                break;
            }
        }
        count += 1;
    }
    count
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_after_the_first_line_are_read_or_refused(bytes in vec(any::<u8>(), 0..300)) {
        read(&[&pack::MAGIC[..], &bytes].concat());
    }

    #[test]
    fn a_changed_pack_gives_up_at_its_first_unsound_object(
        objects in vec(vec(any::<u8>(), 0..50), 1..6),
        at in any::<prop::sample::Index>(),
        mask in 1u8..,
    ) {
        let mut writer = PackWriter::new(Vec::new()).unwrap();
        for bytes in &objects {
            writer.push(&ObjectRef::of(bytes), bytes).unwrap();
        }
        let mut whole = writer.finish().unwrap();
        prop_assert_eq!(read(&whole), objects.len());
        let at = at.index(whole.len());
        whole[at] ^= mask;
        prop_assert!(read(&whole) < objects.len());
    }

    #[test]
    fn a_length_that_is_not_there_takes_no_memory(size in any::<u64>(), bytes in vec(any::<u8>(), 0..99)) {
        let announced = ObjectRef { size, ..ObjectRef::of(&bytes) };
        let whole = [&pack::MAGIC[..], &pack::entry(&announced), &bytes].concat();
        prop_assert_eq!(read(&whole), usize::from(size == bytes.len() as u64));
    }
}
