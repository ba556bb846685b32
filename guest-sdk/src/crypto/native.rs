//! The ciphers for native tests, by the crate that the host uses.

use super::{Aead, Blocks, Cost, CryptoError, Digest, Hash};
use crate::local;

pub(super) struct Key(bramble_crypto::Key);

fn secret(name: &str) -> Result<Vec<u8>, CryptoError> {
    local::host::any_secret(name).ok_or_else(|| CryptoError::NoSecret(name.into()))
}

pub(super) fn from_secret(name: &str) -> Result<Key, CryptoError> {
    Ok(Key(bramble_crypto::Key::new(secret(name)?.into())))
}

pub(super) fn from_passphrase(name: &str, salt: &[u8], cost: Cost) -> Result<Key, CryptoError> {
    let Cost { memory_kib, passes, lanes } = cost;
    let cost = bramble_crypto::Cost { memory_kib, passes, lanes };
    Ok(Key(bramble_crypto::Key::from_passphrase(&secret(name)?, salt, cost)?))
}

impl Key {
    pub(super) fn hkdf(
        &self,
        hash: Hash,
        salt: &[u8],
        info: &[u8],
        rest_len: u32,
    ) -> Result<(Self, Vec<u8>), CryptoError> {
        let (key, rest) = self.0.hkdf(hash.into(), salt, info, rest_len as usize)?;
        Ok((Self(key), rest))
    }

    pub(super) fn hkdf_expand(
        &self,
        hash: Hash,
        info: &[u8],
        rest_len: u32,
    ) -> Result<(Self, Vec<u8>), CryptoError> {
        let (key, rest) = self.0.hkdf_expand(hash.into(), info, rest_len as usize)?;
        Ok((Self(key), rest))
    }

    pub(super) fn seal(
        &self,
        aead: Aead,
        blocks: &Blocks,
        associated: &[u8],
        text: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        Ok(self.0.cipher(aead.into())?.seal(&of(blocks), associated, text)?)
    }

    pub(super) fn open(
        &self,
        aead: Aead,
        blocks: &Blocks,
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        Ok(self.0.cipher(aead.into())?.open(&of(blocks), associated, sealed)?)
    }

    pub(super) fn aes256_ctr(
        &self,
        counter: [u8; 16],
        bytes: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let mut bytes = bytes.to_vec();
        self.0.aes256_ctr(&counter, &mut bytes)?;
        Ok(bytes)
    }
}

pub(super) fn digest_of(digest: Digest, bytes: &[u8]) -> Vec<u8> {
    let digest = match digest {
        Digest::Sha256 => bramble_crypto::Digest::Sha256,
        Digest::Blake3 => bramble_crypto::Digest::Blake3,
    };
    bramble_crypto::digest_of(digest, bytes).to_vec()
}

fn of(blocks: &Blocks) -> bramble_crypto::Blocks<'_> {
    let Blocks { len, nonce, first, step } = blocks;
    bramble_crypto::Blocks { len: *len as usize, nonce, first: *first, step: *step }
}

impl From<Hash> for bramble_crypto::Hash {
    fn from(hash: Hash) -> Self {
        match hash {
            Hash::Sha256 => Self::Sha256,
            Hash::Sha512 => Self::Sha512,
        }
    }
}

impl From<Aead> for bramble_crypto::Aead {
    fn from(aead: Aead) -> Self {
        match aead {
            Aead::Aes256Gcm => Self::Aes256Gcm,
            Aead::ChaCha20Poly1305 => Self::ChaCha20Poly1305,
            Aead::XChaCha20Poly1305 => Self::XChaCha20Poly1305,
        }
    }
}

impl From<bramble_crypto::CryptoError> for CryptoError {
    fn from(error: bramble_crypto::CryptoError) -> Self {
        match error {
            bramble_crypto::CryptoError::Unfit(what) => Self::Unfit(what),
            bramble_crypto::CryptoError::NotAuthentic(block) => Self::NotAuthentic(block),
        }
    }
}
