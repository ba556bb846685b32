//! The ciphers behind `bramble:crypto`: for the sandbox, whose guests hold handles of keys, and for
//! native tests of jobs. No ciphers of our own: RustCrypto's, with bounds on everything.
//!
//! What is derived from a key falls into a part that stays a key and a part that is given away.
//! No call gives away what another keeps: see [`Key::hkdf_expand`].

mod aead;
mod key;

pub use aead::{Aead, Blocks, Cipher, TAG_BYTES};
pub use key::{Cost, Hash, Key};

/// The most bytes in one call.
pub const BYTES_MAX: usize = 4 << 20;
/// The most associated data, salt or info in one call, in bytes.
pub const EXTRA_BYTES_MAX: usize = 64 << 10;

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// A key, a nonce or a number is not as it must be.
    #[error("{0}")]
    Unfit(String),
    /// A block is not what was sealed with this key, nonce and associated data.
    #[error("block {0} was changed, or sealed with another key")]
    NotAuthentic(u32),
}

/// What digests there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// FIPS 180-4.
    Sha256,
    /// BLAKE3 without a key.
    Blake3,
}

/// 32 bytes that stand for `bytes`.
pub fn digest_of(digest: Digest, bytes: &[u8]) -> [u8; 32] {
    match digest {
        Digest::Sha256 => <sha2::Sha256 as sha2::Digest>::digest(bytes).into(),
        Digest::Blake3 => *blake3::hash(bytes).as_bytes(),
    }
}

fn unfit<T>(what: impl Into<String>) -> Result<T, CryptoError> {
    Err(CryptoError::Unfit(what.into()))
}

/// Refuses more than `most` bytes of something.
fn within(what: &str, bytes: usize, most: usize) -> Result<(), CryptoError> {
    if bytes <= most { Ok(()) } else { unfit(format!("{what} of {bytes} bytes; at most {most}")) }
}
