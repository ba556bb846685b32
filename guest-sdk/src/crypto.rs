//! Ciphers of the host, whose keys a job uses without seeing them: fast where the processor has
//! instructions for AES, and of use with secrets given by `--sealed`, which the job cannot read.
//!
//! ```no_run
//! use bramble_guest::crypto::{Aead, Blocks, Key};
//! use bramble_guest::prelude::*;
//!
//! fn map(task: &Task, chunk: &[u8]) -> JobResult<Vec<u8>> {
//!     let salt = param("salt").unwrap_or_default();
//!     let (key, _) = Key::from_secret("key")?.hkdf_expand(Default::default(), salt.as_bytes(), 0)?;
//!     let blocks = Blocks { first: task.offset / 1024, ..Blocks::of(1024, [0; 12]) };
//!     Ok(key.seal(Aead::Aes256Gcm, &blocks, b"", chunk)?)
//! }
//! # bramble_guest::job! {
//! #     name: "seal", about: "Seals.", split: Split::Records(1024),
//! #     params: [Param::new("key", "").secret(), Param::new("salt", "").random(16)],
//! #     map_bytes: map,
//! # }
//! # let run = bramble_guest::local::Run::new(&JOB).sealed("key", &[7; 32]);
//! # assert_eq!(run.whole(&[&[1; 2048]]).unwrap().len(), 2048 + 2 * 16);
//! ```
//!
//! Native tests of a job that uses them need the SDK's feature `crypto`:
//!
//! ```toml
//! [dev-dependencies]
//! bramble-guest = { workspace = true, features = ["crypto"] }
//! ```
//!
//! Two texts must not be sealed under one key and one nonce: whoever has both could read them.
//! Nothing here draws nonces by chance, because a task that is run again must give the same
//! bytes. Derive a key of its own for each job from a parameter with
//! [`random`](crate::Param::random), and number the blocks by their place in the input.

use crate::JobError;

#[cfg(target_family = "wasm")]
#[path = "crypto/guest.rs"]
mod side;
#[cfg(all(feature = "crypto", not(target_family = "wasm")))]
#[path = "crypto/native.rs"]
mod side;
#[cfg(not(any(feature = "crypto", target_family = "wasm")))]
#[path = "crypto/absent.rs"]
mod side;

/// Ciphers that also notice every change. Tags have 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aead {
    /// AES-256 in Galois/counter mode, nonces of 12 bytes.
    Aes256Gcm,
    /// RFC 8439, nonces of 12 bytes.
    ChaCha20Poly1305,
    /// The same with nonces of 24 bytes.
    XChaCha20Poly1305,
}

/// Hashes for deriving keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hash {
    /// 32 bytes.
    #[default]
    Sha256,
    /// 64 bytes.
    Sha512,
}

/// Digests of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// The usual one.
    Sha256,
    /// A faster one.
    Blake3,
}

/// What guessing a passphrase is to cost: each guess takes as much as the job itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB, up to 64 MiB and to what the task may have.
    pub memory_kib: u32,
    /// Passes over it, from 1 to 16.
    pub passes: u32,
    /// From 1 to 4.
    pub lanes: u32,
}

impl Default for Cost {
    /// 19 MiB, 2 passes: the least that OWASP's cheat sheet on passwords advises (2026-11), about
    /// 50 ms on a PC.
    fn default() -> Self {
        Self { memory_kib: 19 << 10, passes: 2, lanes: 1 }
    }
}

/// How a text is cut into blocks, each sealed by itself, and what nonce each gets: `nonce`, into
/// whose last 8 bytes the block's number is put by exclusive or.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// Bytes of text in each; the last may have fewer.
    pub len: u32,
    /// The nonce of the block of number 0.
    pub nonce: Vec<u8>,
    /// Number of the first block of this call.
    pub first: u64,
    /// From the number of one block to that of the next.
    pub step: u64,
}

impl Blocks {
    /// Blocks of this length, numbered from 0.
    pub fn of(len: u32, nonce: impl Into<Vec<u8>>) -> Self {
        Self { len, nonce: nonce.into(), first: 0, step: 1 }
    }

    /// A whole text as one block.
    pub fn one(nonce: impl Into<Vec<u8>>) -> Self {
        Self::of(TEXT_BYTES_MAX, nonce)
    }
}

/// The most bytes of text in one call.
pub const TEXT_BYTES_MAX: u32 = 4 << 20;
/// Length of the tag behind each sealed block, in bytes.
pub const TAG_BYTES: usize = 16;

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CryptoError {
    /// The job was given no secret of this name.
    NoSecret(String),
    /// A key, a nonce or a number is not as it must be.
    Unfit(String),
    /// The block of this number, counted from 0 in the call, was changed, or sealed with another
    /// key, nonce or associated data. Nothing of the text is given.
    NotAuthentic(u32),
}

impl std::fmt::Display for CryptoError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoSecret(name) => {
                write!(f, "the job needs the secret `{name}`: --secret {name}=@FILE")
            }
            Self::Unfit(what) => f.write_str(what),
            Self::NotAuthentic(block) => {
                write!(f, "block {block} was changed, or sealed with another key")
            }
        }
    }
}

impl std::error::Error for CryptoError {}

impl From<CryptoError> for JobError {
    fn from(error: CryptoError) -> Self {
        match error {
            CryptoError::NoSecret(_) => Self::bad_param(error.to_string()),
            CryptoError::NotAuthentic(_) => Self::bad_input(error.to_string()),
            CryptoError::Unfit(_) => Self::failed(error.to_string()),
        }
    }
}

/// A key that the host holds.
pub struct Key(side::Key);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(hidden)")
    }
}

impl Key {
    /// The bytes of a secret, given by `--secret` or by `--sealed`.
    ///
    /// # Errors
    /// [`CryptoError::NoSecret`]
    pub fn from_secret(name: &str) -> Result<Self, CryptoError> {
        side::from_secret(name).map(Self)
    }

    /// A key made of a secret that people can remember, by Argon2id. The salt has at least 8
    /// bytes, and is to be another one for each job.
    ///
    /// # Errors
    /// When there is no such secret, or salt or cost are out of bounds.
    pub fn from_passphrase(name: &str, salt: &[u8], cost: Cost) -> Result<Self, CryptoError> {
        side::from_passphrase(name, salt, cost).map(Self)
    }

    /// HKDF: the first 32 bytes are a new key, the `rest_len` bytes after them, at most 1,024, are
    /// given away.
    ///
    /// # Errors
    /// When something is too long.
    pub fn hkdf(
        &self,
        hash: Hash,
        salt: &[u8],
        info: &[u8],
        rest_len: usize,
    ) -> Result<(Self, Vec<u8>), CryptoError> {
        self.0.hkdf(hash, salt, info, length(rest_len)).map(|(key, rest)| (Self(key), rest))
    }

    /// The second step of HKDF alone, for keys that are as good as random.
    ///
    /// # Errors
    /// When something is too long.
    pub fn hkdf_expand(
        &self,
        hash: Hash,
        info: &[u8],
        rest_len: usize,
    ) -> Result<(Self, Vec<u8>), CryptoError> {
        self.0.hkdf_expand(hash, info, length(rest_len)).map(|(key, rest)| (Self(key), rest))
    }

    /// Seals each block: its bytes, then its tag. An empty text is one empty block.
    ///
    /// # Errors
    /// When key or nonce have another length than the cipher's, or there are too many bytes.
    pub fn seal(
        &self,
        aead: Aead,
        blocks: &Blocks,
        associated: &[u8],
        text: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.0.seal(aead, blocks, associated, text)
    }

    /// Opens what [`Key::seal`] gave.
    ///
    /// # Errors
    /// [`CryptoError::NotAuthentic`], or as for sealing.
    pub fn open(
        &self,
        aead: Aead,
        blocks: &Blocks,
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.0.open(aead, blocks, associated, sealed)
    }

    /// AES-256 in counter mode, both ways, from `counter`, counted big-endian. It notices no
    /// change.
    ///
    /// # Errors
    /// When the key has another length than 32 bytes, or there are too many bytes.
    pub fn aes256_ctr(&self, counter: [u8; 16], bytes: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.0.aes256_ctr(counter, bytes)
    }
}

/// 32 bytes that stand for these.
pub fn digest_of(digest: Digest, bytes: &[u8]) -> Vec<u8> {
    side::digest_of(digest, bytes)
}

/// A length that does not fit is refused like one that is too large.
fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
