//! The host's ciphers in native tests of jobs.

use bramble_guest::crypto::{Aead, Blocks, CryptoError, Digest, Hash, Key, TAG_BYTES, digest_of};
use bramble_guest::local::Run;
use bramble_guest::prelude::*;

bramble_guest::job! {
    name: "seal",
    about: "Seals records of 64 bytes.",
    split: Split::Records(64),
    params: [
        Param::new("key", "what to seal with").secret(),
        Param::new("do", "").choices(&["seal", "open"]).default("seal"),
    ],
    map_bytes: seal,
}

fn seal(task: &Task, chunk: &[u8]) -> JobResult<Vec<u8>> {
    assert_eq!(host::secret("key"), None, "it was given for ciphers only");
    let (key, nonce) = Key::from_secret("key")?.hkdf_expand(Hash::Sha256, b"test", 12)?;
    let number = |len: u64| task.offset / len;
    Ok(match param("do").as_deref() {
        Some("open") => {
            let blocks = Blocks { first: number(64 + 16), ..Blocks::of(64, nonce) };
            key.open(Aead::Aes256Gcm, &blocks, b"", chunk)?
        }
        _ => {
            let blocks = Blocks { first: number(64), ..Blocks::of(64, nonce) };
            key.seal(Aead::Aes256Gcm, &blocks, b"", chunk)?
        }
    })
}

#[test]
fn what_was_sealed_in_any_chunks_is_opened_again() {
    let text: Vec<u8> = (0..640u32).map(|at| at as u8).collect();
    let run = || Run::new(&JOB).sealed("key", &[7; 32]);
    let sealed = run().whole_in_any_chunks(&text).unwrap();
    assert_eq!(sealed.len(), text.len() + 10 * TAG_BYTES);
    assert_eq!(run().arg("do", "open").whole(&[&sealed]).unwrap(), text);
    let other = Run::new(&JOB).sealed("key", &[8; 32]).arg("do", "open").whole(&[&sealed]);
    assert!(other.unwrap_err().to_string().contains("block 0"));
}

#[test]
fn a_missing_secret_is_asked_for() {
    let error = Run::new(&JOB).whole(&[&[0; 64]]).unwrap_err().to_string();
    assert!(error.contains("--secret key=@FILE"), "{error}");
    assert_eq!(Key::from_secret("key").unwrap_err(), CryptoError::NoSecret("key".into()));
}

/// FIPS 180-4 by `printf abc | sha256sum`.
#[test]
fn a_digest_is_that_of_known_tools() {
    let digest = digest_of(Digest::Sha256, b"abc");
    assert_eq!(digest[..4], [0xba, 0x78, 0x16, 0xbf]);
}
