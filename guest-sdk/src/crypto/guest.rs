//! The ciphers in a guest: calls of the host by `wit/deps/crypto`.

use super::{Aead, Blocks, Cost, CryptoError, Digest, Hash};

use bindings::bramble::crypto::ciphers;

/// Linked only into jobs that use them.
mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package bramble:guest; world crypto-user {
            include bramble:crypto/imports@0.1.0;
        }",
        world: "bramble:guest/crypto-user",
        generate_all,
    });
}

pub(super) struct Key(ciphers::Key);

pub(super) fn from_secret(name: &str) -> Result<Key, CryptoError> {
    Ok(Key(ciphers::Key::from_secret(name)?))
}

pub(super) fn from_passphrase(name: &str, salt: &[u8], cost: Cost) -> Result<Key, CryptoError> {
    let Cost { memory_kib, passes, lanes } = cost;
    let cost = ciphers::Cost { memory_kib, passes, lanes };
    Ok(Key(ciphers::Key::from_passphrase(name, salt, cost)?))
}

impl Key {
    pub(super) fn hkdf(
        &self,
        hash: Hash,
        salt: &[u8],
        info: &[u8],
        rest_len: u32,
    ) -> Result<(Self, Vec<u8>), CryptoError> {
        let (key, rest) = self.0.hkdf(hash.into(), salt, info, rest_len)?;
        Ok((Self(key), rest))
    }

    pub(super) fn hkdf_expand(
        &self,
        hash: Hash,
        info: &[u8],
        rest_len: u32,
    ) -> Result<(Self, Vec<u8>), CryptoError> {
        let (key, rest) = self.0.hkdf_expand(hash.into(), info, rest_len)?;
        Ok((Self(key), rest))
    }

    pub(super) fn seal(
        &self,
        aead: Aead,
        blocks: &Blocks,
        associated: &[u8],
        text: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        Ok(self.0.seal(aead.into(), &of(blocks), associated, text)?)
    }

    pub(super) fn open(
        &self,
        aead: Aead,
        blocks: &Blocks,
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        Ok(self.0.open(aead.into(), &of(blocks), associated, sealed)?)
    }

    pub(super) fn aes256_ctr(
        &self,
        counter: [u8; 16],
        bytes: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        Ok(self.0.aes256_ctr(&counter, bytes)?)
    }
}

pub(super) fn digest_of(digest: Digest, bytes: &[u8]) -> Vec<u8> {
    let digest = match digest {
        Digest::Sha256 => ciphers::Digest::Sha256,
        Digest::Blake3 => ciphers::Digest::Blake3,
    };
    ciphers::digest_of(digest, bytes)
}

fn of(blocks: &Blocks) -> ciphers::Blocks {
    let Blocks { len, nonce, first, step } = blocks.clone();
    ciphers::Blocks { len, nonce, first, step }
}

impl From<Hash> for ciphers::Hash {
    fn from(hash: Hash) -> Self {
        match hash {
            Hash::Sha256 => Self::Sha256,
            Hash::Sha512 => Self::Sha512,
        }
    }
}

impl From<Aead> for ciphers::Aead {
    fn from(aead: Aead) -> Self {
        match aead {
            Aead::Aes256Gcm => Self::Aes256Gcm,
            Aead::ChaCha20Poly1305 => Self::Chacha20Poly1305,
            Aead::XChaCha20Poly1305 => Self::Xchacha20Poly1305,
        }
    }
}

impl From<ciphers::CryptoError> for CryptoError {
    fn from(error: ciphers::CryptoError) -> Self {
        match error {
            ciphers::CryptoError::NoSecret(name) => Self::NoSecret(name),
            ciphers::CryptoError::Unfit(what) => Self::Unfit(what),
            ciphers::CryptoError::NotAuthentic(block) => Self::NotAuthentic(block),
        }
    }
}
