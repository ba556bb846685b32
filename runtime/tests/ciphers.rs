//! Guests that use `bramble:crypto`: what they can do with a key, and what they cannot.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/sdk.rs"]
mod sdk;
mod support;

use bramble_crypto::{Aead, Blocks, Hash, Key};
use bramble_protocol::agent::Work;
use bramble_protocol::{AttemptOutcome, Countable, ModuleKind, Secret, SecretAccess};
use support::{Bench, compiler};
use zeroize::Zeroizing;

const KEEPER: &str = include_str!("support/keeper.wat");
const TEXT: &[u8] = b"a text to be sealed";

fn module() -> Vec<u8> {
    sdk::cipher_module(KEEPER, &["mapper"], sdk::CRYPTO)
}

fn key_bytes() -> Vec<u8> {
    (0..32u8).map(|at| at.wrapping_mul(37).wrapping_add(11)).collect()
}

/// The chunk tells the guest what to look for without holding it.
fn complement() -> Vec<u8> {
    key_bytes().iter().map(|byte| !byte).collect()
}

fn with_secret(mut work: Work, access: SecretAccess) -> Work {
    work.secrets.insert("key".into(), Secret::new(Zeroizing::new(key_bytes()), access));
    work
}

/// What the guest should write: by the same crate, natively.
fn expected(was_read: bool) -> Vec<u8> {
    let key = Key::new(Zeroizing::new(key_bytes()));
    let (derived, rest) = key.hkdf_expand(Hash::Sha256, b"key", 44).unwrap();
    let seal = |key: &Key, aead, len| {
        let blocks = Blocks { len, ..Blocks::one(&[0; 12]) };
        let blocks = Blocks { step: 1, ..blocks };
        key.cipher(aead).unwrap().seal(&blocks, b"key", TEXT).unwrap()
    };
    let first = seal(&key, Aead::Aes256Gcm, 100);
    let second = seal(&derived, Aead::ChaCha20Poly1305, 8);
    [vec![was_read.into()], first, rest, second].concat()
}

#[test]
fn a_guest_seals_with_a_key_that_never_enters_its_memory() {
    let mut bench = Bench::new();
    let work = bench.work(&module(), ModuleKind::Job, &[&complement()]);
    let end = bench.sandbox.run(&with_secret(work, SecretAccess::Sealed));
    assert_eq!(bench.outputs(end), [expected(false)]);
}

#[test]
fn a_guest_that_may_read_the_secret_has_it_and_the_search_would_find_it() {
    let mut bench = Bench::new();
    let work = bench.work(&module(), ModuleKind::Job, &[&complement()]);
    let end = bench.sandbox.run(&with_secret(work.clone(), SecretAccess::Read));
    // The guest ends itself where it finds the key.
    let trapped = matches!(end.outcome, AttemptOutcome::Trapped { .. });
    assert!(trapped, "{:?}", end.outcome);
    let work = bench.work(&module(), ModuleKind::Job, &[b"something else, of some length"]);
    let end = bench.sandbox.run(&with_secret(work, SecretAccess::Read));
    assert_eq!(bench.outputs(end), [expected(true)]);
}

#[test]
fn a_secret_is_gone_with_its_task() {
    let mut bench = Bench::new();
    let work = bench.work(&module(), ModuleKind::Job, &[&complement()]);
    let end = bench.sandbox.run(&with_secret(work.clone(), SecretAccess::Sealed));
    assert_eq!(bench.outputs(end).len(), 1);
    // The same process, the next task: the guest ends itself where it has no key.
    let end = bench.sandbox.run(&work);
    assert!(matches!(end.outcome, AttemptOutcome::Trapped { .. }), "{:?}", end.outcome);
}

#[test]
fn keys_count_among_the_handles_of_a_task() {
    let mut bench = Bench::new();
    let work = bench.work(&module(), ModuleKind::Job, &[b"x"]);
    let end = bench.sandbox.run(&with_secret(work, SecretAccess::Sealed));
    let of = match end.outcome {
        AttemptOutcome::TooMuch { of, .. } => of,
        other => panic!("{other:?}"),
    };
    assert_eq!(of, Countable::Handles);
}

#[test]
fn a_module_may_import_the_ciphers_and_nothing_that_they_do_not_have() {
    assert!(compiler().inspect(&module()).unwrap().exports.mapper);
    let later = sdk::CRYPTO.replace("digest-of:", "reveal: func();\n  digest-of:");
    let import = "(import \"bramble:crypto/ciphers@0.1.0\" \"reveal\" (func))\n  (memory";
    let wat = KEEPER.replacen("(memory", import, 1);
    let refused = compiler().inspect(&sdk::cipher_module(&wat, &["mapper"], &later));
    let text = bramble_protocol::error_chain(&refused.unwrap_err());
    assert!(text.contains("`reveal` of `bramble:crypto/ciphers@0.1.0`"), "{text}");
}
