//! The order of keys, and pairs of any kind through a whole job.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

use bramble_guest::local::Run;
use bramble_guest::prelude::*;
use bramble_guest::{Key, OwnedKey, OwnedValue, Value};
use proptest::prelude::*;

fn encoded(key: &impl Key) -> Vec<u8> {
    let mut bytes = Vec::new();
    key.encode(&mut bytes, true);
    bytes
}

/// Encodings are in the order of what they encode, differ when it does, and are read back.
fn check<K: OwnedKey + PartialOrd + std::fmt::Debug>(a: &K, b: &K) -> Result<(), TestCaseError> {
    let (bytes_a, bytes_b) = (encoded(a), encoded(b));
    prop_assert_eq!(a.partial_cmp(b), Some(bytes_a.cmp(&bytes_b)), "{:?} and {:?}", a, b);
    let mut rest = &bytes_a[..];
    let back = K::decode(&mut rest, true);
    prop_assert!(back.as_ref() == Some(a) && rest.is_empty(), "{:?}", back);
    Ok(())
}

/// Text with many zero bytes and common starts.
fn text() -> impl Strategy<Value = String> {
    "[\u{0}a\u{1}ж]{0,4}"
}

proptest! {
    #[test]
    fn numbers_keep_their_order(a in any::<(i64, u32, i8)>(), b in any::<(i64, u32, i8)>()) {
        check(&a, &b)?;
        check(&a.0, &b.0)?;
    }

    #[test]
    fn fractions_keep_their_order(a in any::<f64>(), b in any::<f64>()) {
        // 0.0 and -0.0 are equal and still two keys.
        prop_assume!(a != b);
        check(&a, &b)?;
    }

    #[test]
    fn texts_keep_their_order_alone_and_in_tuples(
        a in (text(), text(), any::<u8>()),
        b in (text(), text(), any::<u8>()),
    ) {
        check(&a.0, &b.0)?;
        check(&a, &b)?;
        check(&((a.0.clone(), a.1.clone()), a.2), &((b.0.clone(), b.1.clone()), b.2))?;
        check(&(a.2, a.1.into_bytes()), &(b.2, b.1.into_bytes()))?;
    }

    #[test]
    fn values_are_read_back(value in (text(), any::<(i16, f32, bool)>(), text())) {
        let mut bytes = Vec::new();
        Value::encode(&value, &mut bytes, true);
        let mut rest = &bytes[..];
        let back = <(String, (i16, f32, bool), String) as OwnedValue>::decode(&mut rest, true);
        prop_assert_eq!(back.map(|back| format!("{back:?}")), Some(format!("{value:?}")));
    }
}

bramble_guest::job! {
    name: "sums",
    about: "Sums up numbers by their sign and last digit.",
    split: Split::Records(4),
    map_pairs: map,
    combine: combine,
    reduce: reduce,
}

fn map(_: &Task, input: &mut Input, pairs: &mut Emitter) -> JobResult {
    for number in input.numbers::<i32>() {
        let number = number?;
        pairs.emit((number % 10, number < 0), i64::from(number));
    }
    Ok(())
}

fn combine(_: &Task, groups: &mut Groups, pairs: &mut Emitter) -> JobResult {
    while let Some((key, numbers)) = groups.next::<(i32, bool), i64>() {
        let sum: i64 = numbers.sum();
        pairs.emit(key, sum);
    }
    Ok(())
}

fn reduce(_: &Task, groups: &mut Groups, output: &mut Output) -> JobResult {
    while let Some(((digit, _), numbers)) = groups.next::<(i32, bool), i64>() {
        let sum: i64 = numbers.sum();
        output.number(digit);
        output.number(sum);
    }
    Ok(())
}

#[test]
fn groups_come_in_the_order_of_typed_keys() {
    let numbers: Vec<i32> = (0..5_000).map(|n: i32| n.wrapping_mul(48_271) % 1_000).collect();
    let input: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let mut expected = Vec::new();
    for digit in -9..10 {
        for negative in [false, true] {
            let mine = |number: &&i32| **number % 10 == digit && (**number < 0) == negative;
            let mine: Vec<i64> = numbers.iter().filter(mine).map(|n| i64::from(*n)).collect();
            if !mine.is_empty() {
                expected.extend(digit.to_le_bytes());
                expected.extend(mine.iter().sum::<i64>().to_le_bytes());
            }
        }
    }
    assert_eq!(Run::new(&JOB).whole_in_any_chunks(&input).unwrap(), expected);
    let found = Run::new(&JOB).without_combine().block_bytes(5).whole(&[&input]).unwrap();
    assert_eq!(found, expected);
}
