//! Keys and values as bytes.
//!
//! The host knows keys as bytes and sorts them so. The encoding of a [`Key`] keeps the order of
//! what it encodes: numbers by size, texts and bytes by their bytes, tuples by their first part,
//! then by their second.

/// Something that pairs are sorted and grouped by.
///
/// Numbers are big-endian, signed ones with the sign bit turned, floating-point ones in their
/// total order (-NaN, -∞ … -0, 0 … ∞, NaN). Text and bytes are as they are; within a tuple, when
/// another part follows, each zero byte becomes `0 255` and `0 0` ends them.
pub trait Key {
    /// Adds the encoding. `last` says that no other part of a tuple follows.
    fn encode(&self, into: &mut Vec<u8>, last: bool);
}

/// A [`Key`] that can be read back.
pub trait OwnedKey: Key + Sized {
    /// Takes the encoding off the start of `from`; all of it when it is the `last` part. `None`
    /// for bytes that are no such key.
    fn decode(from: &mut &[u8], last: bool) -> Option<Self>;
}

/// Something that belongs to a key.
///
/// Numbers are little-endian, text and bytes are as they are; within a tuple, when another part
/// follows, their length comes first (4 bytes, little-endian).
pub trait Value {
    /// Adds the encoding. `last` says that no other part of a tuple follows.
    fn encode(&self, into: &mut Vec<u8>, last: bool);
}

/// A [`Value`] that can be read back.
pub trait OwnedValue: Value + Sized {
    /// Takes the encoding off the start of `from`; all of it when it is the `last` part. `None`
    /// for bytes that are no such value.
    fn decode(from: &mut &[u8], last: bool) -> Option<Self>;
}

fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = from.split_first_chunk::<N>()?;
    *from = rest;
    Some(*first)
}

/// Numbers, each by an unsigned one that compares as it does.
macro_rules! numbers {
    ($($type:ty as $ordered:ty: $to:expr, $from:expr;)*) => { $(
        impl Key for $type {
            #[inline]
            fn encode(&self, into: &mut Vec<u8>, _last: bool) {
                let to: fn($type) -> $ordered = $to;
                into.extend_from_slice(&to(*self).to_be_bytes());
            }
        }

        impl OwnedKey for $type {
            #[inline]
            fn decode(from: &mut &[u8], _last: bool) -> Option<Self> {
                let back: fn($ordered) -> $type = $from;
                take(from).map(|bytes| back(<$ordered>::from_be_bytes(bytes)))
            }
        }

        impl Value for $type {
            #[inline]
            fn encode(&self, into: &mut Vec<u8>, _last: bool) {
                into.extend_from_slice(&self.to_le_bytes());
            }
        }

        impl OwnedValue for $type {
            #[inline]
            fn decode(from: &mut &[u8], _last: bool) -> Option<Self> {
                take(from).map(<$type>::from_le_bytes)
            }
        }
    )* };
}

numbers! {
    u8 as u8: |n| n, |n| n;
    u16 as u16: |n| n, |n| n;
    u32 as u32: |n| n, |n| n;
    u64 as u64: |n| n, |n| n;
    u128 as u128: |n| n, |n| n;
    i8 as u8: |n| n.cast_unsigned() ^ 1 << 7, |n| (n ^ 1 << 7).cast_signed();
    i16 as u16: |n| n.cast_unsigned() ^ 1 << 15, |n| (n ^ 1 << 15).cast_signed();
    i32 as u32: |n| n.cast_unsigned() ^ 1 << 31, |n| (n ^ 1 << 31).cast_signed();
    i64 as u64: |n| n.cast_unsigned() ^ 1 << 63, |n| (n ^ 1 << 63).cast_signed();
    i128 as u128: |n| n.cast_unsigned() ^ 1 << 127, |n| (n ^ 1 << 127).cast_signed();
    // Negative numbers are larger the further they are from zero, so all their bits turn.
    f32 as u32: |n| order32(n.to_bits()), |n| f32::from_bits(bits32(n));
    f64 as u64: |n| order64(n.to_bits()), |n| f64::from_bits(bits64(n));
}

fn order32(bits: u32) -> u32 {
    if bits >> 31 == 0 { bits ^ 1 << 31 } else { !bits }
}

fn bits32(ordered: u32) -> u32 {
    if ordered >> 31 == 0 { !ordered } else { ordered ^ 1 << 31 }
}

fn order64(bits: u64) -> u64 {
    if bits >> 63 == 0 { bits ^ 1 << 63 } else { !bits }
}

fn bits64(ordered: u64) -> u64 {
    if ordered >> 63 == 0 { !ordered } else { ordered ^ 1 << 63 }
}

/// What is encoded by the bytes that it is or has.
fn encode_key_bytes(bytes: &[u8], into: &mut Vec<u8>, last: bool) {
    if last {
        return into.extend_from_slice(bytes);
    }
    for byte in bytes {
        into.push(*byte);
        if *byte == 0 {
            into.push(255);
        }
    }
    into.extend_from_slice(&[0, 0]);
}

fn decode_key_bytes(from: &mut &[u8], last: bool) -> Option<Vec<u8>> {
    if last {
        return Some(std::mem::take(from).to_vec());
    }
    let mut bytes = Vec::new();
    loop {
        match take(from)? {
            [0] => match take(from)? {
                [0] => return Some(bytes),
                [255] => bytes.push(0),
                _ => return None,
            },
            [byte] => bytes.push(byte),
        }
    }
}

fn encode_value_bytes(bytes: &[u8], into: &mut Vec<u8>, last: bool) {
    if !last {
        into.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    }
    into.extend_from_slice(bytes);
}

fn decode_value_bytes<'a>(from: &mut &'a [u8], last: bool) -> Option<&'a [u8]> {
    let len = if last { from.len() } else { u32::from_le_bytes(take(from)?) as usize };
    let (bytes, rest) = from.split_at_checked(len)?;
    *from = rest;
    Some(bytes)
}

macro_rules! bytes {
    ($($type:ty: $as_bytes:expr;)*) => { $(
        impl Key for $type {
            #[inline]
            fn encode(&self, into: &mut Vec<u8>, last: bool) {
                let as_bytes: fn(&$type) -> &[u8] = $as_bytes;
                encode_key_bytes(as_bytes(self), into, last);
            }
        }

        impl Value for $type {
            #[inline]
            fn encode(&self, into: &mut Vec<u8>, last: bool) {
                let as_bytes: fn(&$type) -> &[u8] = $as_bytes;
                encode_value_bytes(as_bytes(self), into, last);
            }
        }
    )* };
}

bytes! {
    str: str::as_bytes;
    String: String::as_bytes;
    [u8]: |bytes| bytes;
    Vec<u8>: Vec::as_slice;
}

impl OwnedKey for String {
    fn decode(from: &mut &[u8], last: bool) -> Option<Self> {
        Self::from_utf8(decode_key_bytes(from, last)?).ok()
    }
}

impl OwnedKey for Vec<u8> {
    fn decode(from: &mut &[u8], last: bool) -> Option<Self> {
        decode_key_bytes(from, last)
    }
}

impl OwnedValue for String {
    fn decode(from: &mut &[u8], last: bool) -> Option<Self> {
        Self::from_utf8(decode_value_bytes(from, last)?.to_vec()).ok()
    }
}

impl OwnedValue for Vec<u8> {
    fn decode(from: &mut &[u8], last: bool) -> Option<Self> {
        decode_value_bytes(from, last).map(<[u8]>::to_vec)
    }
}

macro_rules! others {
    ($encode:ident, $decode:ident) => {
        impl<T: $encode + ?Sized> $encode for &T {
            #[inline]
            fn encode(&self, into: &mut Vec<u8>, last: bool) {
                (**self).encode(into, last);
            }
        }

        impl $encode for () {
            fn encode(&self, _into: &mut Vec<u8>, _last: bool) {}
        }

        impl $decode for () {
            fn decode(_from: &mut &[u8], _last: bool) -> Option<Self> {
                Some(())
            }
        }

        impl $encode for bool {
            fn encode(&self, into: &mut Vec<u8>, _last: bool) {
                into.push((*self).into());
            }
        }

        impl $decode for bool {
            fn decode(from: &mut &[u8], _last: bool) -> Option<Self> {
                match take(from)? {
                    [0] => Some(false),
                    [1] => Some(true),
                    _ => None,
                }
            }
        }

        impl<A: $encode, B: $encode> $encode for (A, B) {
            fn encode(&self, into: &mut Vec<u8>, last: bool) {
                self.0.encode(into, false);
                self.1.encode(into, last);
            }
        }

        impl<A: $decode, B: $decode> $decode for (A, B) {
            fn decode(from: &mut &[u8], last: bool) -> Option<Self> {
                Some((A::decode(from, false)?, B::decode(from, last)?))
            }
        }

        impl<A: $encode, B: $encode, C: $encode> $encode for (A, B, C) {
            fn encode(&self, into: &mut Vec<u8>, last: bool) {
                self.0.encode(into, false);
                self.1.encode(into, false);
                self.2.encode(into, last);
            }
        }

        impl<A: $decode, B: $decode, C: $decode> $decode for (A, B, C) {
            fn decode(from: &mut &[u8], last: bool) -> Option<Self> {
                Some((A::decode(from, false)?, B::decode(from, false)?, C::decode(from, last)?))
            }
        }
    };
}

others!(Key, OwnedKey);
others!(Value, OwnedValue);

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;

    fn key(key: &impl Key) -> Vec<u8> {
        let mut bytes = Vec::new();
        key.encode(&mut bytes, true);
        bytes
    }

    /// Keys in their order: the encodings must have the same, and be read back.
    fn check<K: OwnedKey + OwnedValue + PartialEq + Debug>(keys: &[K]) {
        let encoded: Vec<Vec<u8>> = keys.iter().map(key).collect();
        for (pair, bytes) in keys.windows(2).zip(encoded.windows(2)) {
            assert!(bytes[0] < bytes[1], "{pair:?}");
        }
        for (key, bytes) in keys.iter().zip(&encoded) {
            let mut rest = &bytes[..];
            assert_eq!(<K as OwnedKey>::decode(&mut rest, true).as_ref(), Some(key));
            assert!(rest.is_empty());
            let mut bytes = Vec::new();
            Value::encode(key, &mut bytes, true);
            let mut rest = &bytes[..];
            assert_eq!(<K as OwnedValue>::decode(&mut rest, true).as_ref(), Some(key));
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn encoded_keys_have_the_order_of_what_they_encode() {
        check(&[0u8, 1, 255]);
        check(&[0u64, 1, 255, 256, u64::MAX]);
        check(&[i8::MIN, -1, 0, 1, i8::MAX]);
        check(&[i64::MIN, -256, -1, 0, 1, i64::MAX]);
        check(&[f64::NEG_INFINITY, -2.5, -f64::MIN_POSITIVE, -0.0, 0.0, 1e-9, 3.0, f64::INFINITY]);
        check(&[f32::MIN, -1.0, -0.0, 0.0, 1.0, f32::MAX]);
        check(&[false, true]);
        check(&["", "\0", "a", "a\0", "a\0b", "ab", "b", "ж"].map(str::to_owned));
        check(&[vec![], vec![0], vec![0, 0], vec![0, 255], vec![1]]);
    }

    #[test]
    fn tuples_are_ordered_part_by_part() {
        let text = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        check(&[text("", "b"), text("a", ""), text("a", "z"), text("a\0", ""), text("ab", "")]);
        check(&[(-1i32, String::new(), 9u8), (0, String::new(), 0), (0, "x".into(), 0)]);
        check(&[(("a".to_owned(), "b".to_owned()), 1u8), (("a".to_owned(), "c".to_owned()), 0)]);
        check(&[(vec![0u8], 2u16), (vec![0, 0], 1), (vec![0, 255], 0)]);
    }

    #[test]
    fn borrowed_and_owned_are_encoded_alike() {
        assert_eq!(key(&("a", 1u8)), key(&("a".to_owned(), 1u8)));
        assert_eq!(key(&&b"ab"[..]), key(&"ab"));
    }

    #[test]
    fn bytes_that_are_no_key_are_not_read_as_one() {
        assert_eq!(<u32 as OwnedKey>::decode(&mut &b"abc"[..], true), None);
        assert_eq!(<String as OwnedKey>::decode(&mut &b"\xff"[..], true), None);
        assert_eq!(<(String, u8) as OwnedKey>::decode(&mut &b"a\0\x01b"[..], true), None);
        assert_eq!(<(String, u8) as OwnedValue>::decode(&mut &b"\x09\0\0\0b"[..], true), None);
        assert_eq!(<bool as OwnedValue>::decode(&mut &b"\x02"[..], true), None);
    }
}
