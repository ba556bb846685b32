//! Artefacts: compiled modules with the head's signature around them.
//!
//! Loading compiled code is running it: nothing checks what it does. So the head signs what it
//! compiled, and whoever loads it verifies the signature first, over bytes that are in its own
//! memory already. A stolen node holds no secret by which it could make code for the others.
//!
//! ```text
//! offset  length
//! 0       8       "bramble" and the format's number, 1
//! 8       4       length of the header, little-endian
//! 12      …       the header, JSON: what was compiled, for whom, and by what
//!         …       the code, as wasmtime made it
//! -96     32      the signer's public key
//! -64     64      ed25519 signature over the BLAKE3 (keyed by a context) of all before it
//! ```

mod key;

use bramble_protocol::{Digest, Mode, PublicKey, TargetClass};
use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};

pub use crate::sandbox::engine::artefact_version;
pub use key::{HeadKey, KeyError};

const MAGIC: [u8; 8] = *b"bramble\x01";
/// Separates these signatures from all others that the same key may ever make.
const CONTEXT: &str = "bramble 2026-11 artefact signature 1";
/// Magic and the header's length.
const PREFIX_BYTES: usize = 12;
/// Public key and signature.
const SEAL_BYTES: usize = 32 + 64;
/// Longest header, in bytes. Ours have about 250.
const HEADER_BYTES_MAX: usize = 4096;

/// What an artefact says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The module that was compiled, as it was uploaded.
    pub module: Digest,
    /// For which machines.
    pub class: TargetClass,
    /// To be run how.
    pub mode: Mode,
    /// By which engine and settings: [`artefact_version`].
    pub engine: String,
    /// Length of the code in bytes.
    pub code_bytes: u64,
}

/// Which artefacts are loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trust {
    /// For which class they are compiled.
    pub class: TargetClass,
    /// By whom they are signed.
    pub key: PublicKey,
}

/// Why an artefact is not loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArtefactError {
    /// It does not begin as one.
    #[error("the artefact is none: it does not begin as artefacts of this bramble do")]
    NoArtefact,
    /// It ends before its parts do, or goes on after them.
    #[error("the artefact is {found} bytes long, which does not fit its parts")]
    Length {
        /// Its length in bytes.
        found: u64,
    },
    /// Somebody else signed it.
    #[error("the artefact is signed by {found}…, but this node trusts {trusted}… alone")]
    ForeignKey {
        /// The first digits of the signer's key.
        found: String,
        /// The same of the key that is trusted.
        trusted: String,
    },
    /// The signature is not over these bytes.
    #[error("the artefact was changed after the head signed it: its signature does not fit")]
    BadSignature,
    /// It is signed, and its header is not understood.
    #[error("the artefact's header cannot be read: {reason}")]
    Header {
        /// Why not.
        reason: String,
    },
    /// It was compiled for other machines.
    #[error("the artefact is compiled for {found}, but this runner loads {wanted}")]
    Class {
        /// The artefact's class.
        found: TargetClass,
        /// The runner's.
        wanted: TargetClass,
    },
    /// It was compiled to be run otherwise.
    #[error("the artefact is compiled for mode {}, but the task is to run in mode {}", found.name(), wanted.name())]
    Mode {
        /// The artefact's mode.
        found: Mode,
        /// The task's.
        wanted: Mode,
    },
    /// It was compiled by another engine, or under other settings.
    #[error("the artefact is made for engine `{found:.80}`, but this bramble has `{wanted}`")]
    Engine {
        /// The artefact's.
        found: String,
        /// This program's.
        wanted: String,
    },
}

/// Puts a header, code and the head's signature together.
pub fn seal(module: Digest, class: TargetClass, mode: Mode, code: &[u8], key: &HeadKey) -> Vec<u8> {
    let engine = artefact_version();
    let header = Header { module, class, mode, engine, code_bytes: code.len() as u64 };
    seal_header(&header, code, key)
}

/// Whether bytes begin as an artefact does, whoever made them.
#[cfg(feature = "compile")]
pub(crate) fn is_artefact(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

fn seal_header(header: &Header, code: &[u8], key: &HeadKey) -> Vec<u8> {
    let header = serde_json::to_vec(header).expect("a header holds nothing that JSON cannot");
    let length = u32::try_from(header.len()).expect("headers are short");
    let mut artefact = Vec::with_capacity(PREFIX_BYTES + header.len() + code.len() + SEAL_BYTES);
    artefact.extend_from_slice(&MAGIC);
    artefact.extend_from_slice(&length.to_le_bytes());
    artefact.extend_from_slice(&header);
    artefact.extend_from_slice(code);
    artefact.extend_from_slice(key.public().as_bytes());
    let signature = key.sign(&signed_digest(&artefact));
    artefact.extend_from_slice(&signature);
    artefact
}

/// What is signed: a digest, so that one pass over the bytes will do on either side.
fn signed_digest(bytes: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(bytes);
    *hasher.finalize().as_bytes()
}

/// The code of an artefact, for a runner that trusts `trust` and runs tasks in `mode`.
///
/// Everything is checked here, the signature before anything else is believed. `bytes` must be in
/// memory that nobody else can write.
///
/// # Errors
/// When the artefact is not exactly what is trusted.
pub fn open<'a>(bytes: &'a [u8], trust: &Trust, mode: Mode) -> Result<&'a [u8], ArtefactError> {
    let (header, code) = verify(bytes, &trust.key)?;
    if header.engine != artefact_version() {
        let wanted = artefact_version();
        return Err(ArtefactError::Engine { found: header.engine, wanted });
    }
    if header.class != trust.class {
        return Err(ArtefactError::Class { found: header.class, wanted: trust.class });
    }
    if header.mode != mode {
        return Err(ArtefactError::Mode { found: header.mode, wanted: mode });
    }
    Ok(code)
}

fn verify<'a>(bytes: &'a [u8], trusted: &PublicKey) -> Result<(Header, &'a [u8]), ArtefactError> {
    let length = || ArtefactError::Length { found: bytes.len() as u64 };
    if !bytes.starts_with(&MAGIC) {
        return Err(ArtefactError::NoArtefact);
    }
    let (signed, signature) = bytes.split_last_chunk::<64>().ok_or_else(length)?;
    let (body, signer) = signed.split_last_chunk::<32>().ok_or_else(length)?;
    let signer = PublicKey::from_bytes(*signer);
    if signer != *trusted {
        let (found, trusted) = (signer.short(), trusted.short());
        return Err(ArtefactError::ForeignKey { found, trusted });
    }
    VerifyingKey::from_bytes(trusted.as_bytes())
        .and_then(|key| {
            key.verify_strict(&signed_digest(signed), &Signature::from_bytes(signature))
        })
        .map_err(|_| ArtefactError::BadSignature)?;
    // From here on the head itself has written what is read.
    let rest = body.get(PREFIX_BYTES..).ok_or_else(length)?;
    let header_bytes = body[8..PREFIX_BYTES].try_into().expect("four bytes");
    let header_bytes = u32::from_le_bytes(header_bytes) as usize;
    if header_bytes > HEADER_BYTES_MAX {
        return Err(length());
    }
    let (header, code) = rest.split_at_checked(header_bytes).ok_or_else(length)?;
    let header: Header = serde_json::from_slice(header)
        .map_err(|error| ArtefactError::Header { reason: error.to_string() })?;
    if header.code_bytes != code.len() as u64 {
        return Err(length());
    }
    Ok((header, code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(key: &HeadKey) -> Vec<u8> {
        seal(Digest::of(b"module"), TargetClass::Aarch64, Mode::Fast, b"the code", key)
    }

    #[test]
    fn what_is_sealed_opens_for_whom_it_was_made() {
        let key = HeadKey::ephemeral().unwrap();
        let artefact = sealed(&key);
        let trust = Trust { class: TargetClass::Aarch64, key: key.public() };
        assert_eq!(open(&artefact, &trust, Mode::Fast), Ok(&b"the code"[..]));
        let pc = Trust { class: TargetClass::X86_64, ..trust };
        assert!(matches!(open(&artefact, &pc, Mode::Fast), Err(ArtefactError::Class { .. })));
        assert!(matches!(open(&artefact, &trust, Mode::Verify), Err(ArtefactError::Mode { .. })));
        let stranger = Trust { key: HeadKey::ephemeral().unwrap().public(), ..trust };
        let foreign = open(&artefact, &stranger, Mode::Fast);
        assert!(matches!(foreign, Err(ArtefactError::ForeignKey { .. })));
    }

    #[test]
    fn code_of_another_engine_is_refused_though_the_head_signed_it() {
        let key = HeadKey::ephemeral().unwrap();
        let header = Header {
            module: Digest::of(b"module"),
            class: TargetClass::Aarch64,
            mode: Mode::Fast,
            engine: "wasmtime-48.0.7/1".into(),
            code_bytes: 4,
        };
        let artefact = seal_header(&header, b"code", &key);
        let trust = Trust { class: TargetClass::Aarch64, key: key.public() };
        let error = open(&artefact, &trust, Mode::Fast).unwrap_err();
        assert!(error.to_string().contains("48.0.7"), "{error}");
        let artefact = seal_header(&Header { code_bytes: 5, ..header }, b"code", &key);
        assert!(matches!(open(&artefact, &trust, Mode::Fast), Err(ArtefactError::Length { .. })));
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_refused() {
        let key = HeadKey::ephemeral().unwrap();
        let artefact = sealed(&key);
        let trust = Trust { class: TargetClass::Aarch64, key: key.public() };
        for at in 0..artefact.len() {
            for bit in 0..8 {
                let mut changed = artefact.clone();
                changed[at] ^= 1 << bit;
                let error = open(&changed, &trust, Mode::Fast).unwrap_err();
                let expected = match artefact.len() - at {
                    _ if at < MAGIC.len() => error == ArtefactError::NoArtefact,
                    65..=96 => matches!(error, ArtefactError::ForeignKey { .. }),
                    _ => error == ArtefactError::BadSignature,
                };
                assert!(expected, "byte {at}: {error}");
            }
            assert!(open(&artefact[..at], &trust, Mode::Fast).is_err(), "cut at {at}");
        }
        let longer = [&artefact[..], b"x"].concat();
        assert!(open(&longer, &trust, Mode::Fast).is_err());
    }
}
