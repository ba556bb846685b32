//! Keys: where they come from, and what others are derived from them.

use std::fmt;

use aes::Aes256;
use argon2::{Algorithm, Argon2, Params, Version};
use ctr::cipher::{KeyIvInit, StreamCipher};
use hkdf::hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha512};
use zeroize::{Zeroize, Zeroizing};

use crate::{Aead, BYTES_MAX, Cipher, CryptoError, EXTRA_BYTES_MAX, unfit, within};

/// Length of keys of ciphers, in bytes.
const KEY_BYTES: usize = 32;
/// The most bytes that one derivation gives away.
const REST_BYTES_MAX: usize = 1_024;
/// The most memory for a passphrase, in KiB.
const MEMORY_KIB_MAX: u32 = 64 << 10;
const PASSES_MAX: u32 = 16;
const LANES_MAX: u32 = 4;
/// Argon2's own bound.
const SALT_BYTES_MIN: usize = 8;

/// A key that cannot be looked at. Cleared when dropped.
pub struct Key(Zeroizing<Vec<u8>>);

/// Hashes for deriving keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// FIPS 180-4.
    Sha256,
    /// FIPS 180-4.
    Sha512,
}

/// What guessing a passphrase costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// How many can be worked on at a time.
    pub lanes: u32,
}

impl Key {
    /// Takes these bytes as a key.
    pub const fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// 32 bytes by Argon2id, version 1.3 (RFC 9106).
    ///
    /// # Errors
    /// When salt or cost are out of bounds.
    pub fn from_passphrase(
        passphrase: &[u8],
        salt: &[u8],
        cost: Cost,
    ) -> Result<Self, CryptoError> {
        let Cost { memory_kib, passes, lanes } = cost;
        if !(SALT_BYTES_MIN..=EXTRA_BYTES_MAX).contains(&salt.len()) {
            return unfit(format!("a salt of {} bytes; at least {SALT_BYTES_MIN}", salt.len()));
        }
        let fits = memory_kib <= MEMORY_KIB_MAX
            && (1..=PASSES_MAX).contains(&passes)
            && (1..=LANES_MAX).contains(&lanes)
            && memory_kib >= 8 * lanes;
        if !fits {
            return unfit(format!(
                "{memory_kib} KiB, {passes} passes, {lanes} lanes; at most {MEMORY_KIB_MAX} KiB, \
                 {PASSES_MAX} passes, {LANES_MAX} lanes, and 8 KiB for each lane"
            ));
        }
        let failed = |error: argon2::Error| CryptoError::Unfit(error.to_string());
        let params = Params::new(memory_kib, passes, lanes, Some(KEY_BYTES)).map_err(failed)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut key = Zeroizing::new(vec![0; KEY_BYTES]);
        argon2.hash_password_into(passphrase, salt, &mut key).map_err(failed)?;
        Ok(Self(key))
    }

    /// HKDF (RFC 5869): a new key of 32 bytes, and the `rest_len` bytes that follow it.
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
        within("a salt", salt.len(), EXTRA_BYTES_MAX)?;
        let extracted = Self(hash.mac(salt, &[&self.0]));
        extracted.hkdf_expand(hash, info, rest_len)
    }

    /// The second step of HKDF alone.
    ///
    /// The first 32 bytes are never given away, whatever else is asked of this key: they lie in
    /// the first block of the expansion, what is given away of it lies behind them, and blocks of
    /// other numbers are MACs of other texts, whatever the info is.
    ///
    /// # Errors
    /// When something is too long.
    pub fn hkdf_expand(
        &self,
        hash: Hash,
        info: &[u8],
        rest_len: usize,
    ) -> Result<(Self, Vec<u8>), CryptoError> {
        within("info", info.len(), EXTRA_BYTES_MAX)?;
        within("a rest", rest_len, REST_BYTES_MAX)?;
        let wanted = KEY_BYTES + rest_len;
        let mut all = Zeroizing::new(Vec::with_capacity(wanted + 48));
        let mut block = Zeroizing::new(Vec::new());
        for number in 1u8.. {
            block = hash.mac(&self.0, &[&block, info, &[number]]);
            all.extend_from_slice(&block);
            if all.len() >= wanted {
                break;
            }
        }
        let key = Zeroizing::new(all[..KEY_BYTES].to_vec());
        Ok((Self(key), all[KEY_BYTES..wanted].to_vec()))
    }

    /// The cipher with this key.
    ///
    /// # Errors
    /// When the key has another length than 32 bytes.
    pub fn cipher(&self, aead: Aead) -> Result<Cipher, CryptoError> {
        Ok(Cipher::new(aead, self.of_cipher()?))
    }

    /// AES-256 in counter mode over `bytes`, both ways, from `counter`, counted big-endian
    /// (NIST SP 800-38A).
    ///
    /// # Errors
    /// When the key has another length than 32 bytes, the counter than 16, or there are too many
    /// bytes.
    pub fn aes256_ctr(&self, counter: &[u8], bytes: &mut [u8]) -> Result<(), CryptoError> {
        within("a text", bytes.len(), BYTES_MAX)?;
        let Ok(counter) = <&[u8; 16]>::try_from(counter) else {
            return unfit(format!("a counter of {} bytes; it has 16", counter.len()));
        };
        let key = self.of_cipher()?;
        ctr::Ctr128BE::<Aes256>::new(key.into(), counter.into()).apply_keystream(bytes);
        Ok(())
    }

    fn of_cipher(&self) -> Result<&[u8; KEY_BYTES], CryptoError> {
        match self.0.as_slice().try_into() {
            Ok(key) => Ok(key),
            Err(_) => unfit(format!(
                "a key of {} bytes; a cipher's has {KEY_BYTES}: derive one by HKDF, or from a \
                 passphrase",
                self.0.len()
            )),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(hidden)")
    }
}

impl Hash {
    fn mac(self, key: &[u8], texts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Sha256 => mac::<Hmac<Sha256>>(key, texts),
            Self::Sha512 => mac::<Hmac<Sha512>>(key, texts),
        }
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], texts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    texts.iter().for_each(|text| mac.update(text));
    let mut bytes = mac.finalize().into_bytes();
    let copy = Zeroizing::new(bytes.to_vec());
    bytes.as_mut_slice().zeroize();
    copy
}
