//! Many objects in one request body.
//!
//! A pack is `bramble-pack/1` and a line feed, then for each object its digest (32 bytes), its
//! length (8 bytes, little-endian) and its bytes. It ends after an object.

use crate::{Digest, ObjectRef};

/// What every pack starts with.
pub const MAGIC: &[u8; 15] = b"bramble-pack/1\n";
/// Length of an entry's head in bytes.
pub const ENTRY_BYTES: usize = 40;
/// The largest object a pack may carry, in bytes.
pub const OBJECT_BYTES_MAX: u64 = 64 << 20;

/// The head of an entry, before the object's bytes.
pub fn entry(object: &ObjectRef) -> [u8; ENTRY_BYTES] {
    let mut bytes = [0u8; ENTRY_BYTES];
    bytes[..32].copy_from_slice(object.digest.as_bytes());
    bytes[32..].copy_from_slice(&object.size.to_le_bytes());
    bytes
}

/// Reads the head of an entry.
pub fn parse_entry(bytes: &[u8; ENTRY_BYTES]) -> ObjectRef {
    let (digest, size) = bytes.split_at(32);
    ObjectRef {
        digest: Digest::from_bytes(digest.try_into().expect("split at 32")),
        size: u64::from_le_bytes(size.try_into().expect("8 bytes are left")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_survives_encoding() {
        let object = ObjectRef::of(b"some bytes");
        assert_eq!(parse_entry(&entry(&object)), object);
    }
}
