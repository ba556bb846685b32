//! The host's half of `bramble:crypto`: keys that a guest uses and never sees.
//!
//! A key lies in the table of handles of its task, and is cleared with it. Calls are counted and
//! bounded like all others; their time is the task's.

mod bindings;

use bramble_crypto::{Aead, Blocks, Cipher, CryptoError, Digest, Hash, Key};
use wasmtime::component::{HasSelf, Linker, Resource};
use zeroize::Zeroizing;

use self::bindings::bramble::crypto::ciphers;
use super::host::Host;

/// How many kinds of ciphers a key may be used with.
const AEADS: usize = 3;

/// A key, and the ciphers that were made of it.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct HeldKey {
    key: Key,
    ciphers: [Option<Cipher>; AEADS],
}

/// What a call answers, unless it ends the task.
type Answer<T> = wasmtime::Result<Result<T, ciphers::CryptoError>>;

/// Offers the interface to components.
pub(super) fn add_to_linker(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    ciphers::add_to_linker::<Host, HasSelf<Host>>(linker, |host| host)
}

impl HeldKey {
    fn new(key: Key) -> Self {
        Self { key, ciphers: [const { None }; AEADS] }
    }

    /// The cipher with this key; made once, for that takes as long as sealing some hundred bytes.
    fn cipher(&mut self, aead: ciphers::Aead) -> Result<&Cipher, CryptoError> {
        let (place, aead) = match aead {
            ciphers::Aead::Aes256Gcm => (0, Aead::Aes256Gcm),
            ciphers::Aead::Chacha20Poly1305 => (1, Aead::ChaCha20Poly1305),
            ciphers::Aead::Xchacha20Poly1305 => (2, Aead::XChaCha20Poly1305),
        };
        let cipher = match self.ciphers[place].take() {
            Some(cipher) => cipher,
            None => self.key.cipher(aead)?,
        };
        Ok(self.ciphers[place].insert(cipher))
    }
}

impl Host {
    fn secret_bytes(&self, name: &str) -> Result<&[u8], ciphers::CryptoError> {
        let secret = self.secrets.get(name);
        let missing = || ciphers::CryptoError::NoSecret(super::shown(name));
        secret.map(bramble_protocol::Secret::expose).ok_or_else(missing)
    }

    fn hold(&mut self, key: Key) -> wasmtime::Result<Resource<HeldKey>> {
        Ok(self.table().push(HeldKey::new(key))?)
    }

    fn derive(
        &mut self,
        key: &Resource<HeldKey>,
        given_bytes: usize,
        derive: impl FnOnce(&Key) -> Result<(Key, Vec<u8>), CryptoError>,
    ) -> Answer<(Resource<HeldKey>, Vec<u8>)> {
        self.called(given_bytes)?;
        match derive(&self.table().get(key)?.key) {
            Ok((key, rest)) => Ok(Ok((self.hold(key)?, rest))),
            Err(error) => Ok(Err(error.into())),
        }
    }
}

impl ciphers::Host for Host {
    fn digest_of(&mut self, digest: ciphers::Digest, bytes: Vec<u8>) -> wasmtime::Result<Vec<u8>> {
        self.called(bytes.len())?;
        let digest = match digest {
            ciphers::Digest::Sha256 => Digest::Sha256,
            ciphers::Digest::Blake3 => Digest::Blake3,
        };
        Ok(bramble_crypto::digest_of(digest, &bytes).to_vec())
    }
}

impl ciphers::HostKey for Host {
    fn from_secret(&mut self, name: String) -> Answer<Resource<HeldKey>> {
        self.called(name.len())?;
        let bytes = self.secret_bytes(&name).map(|bytes| Zeroizing::new(bytes.to_vec()));
        match bytes {
            Ok(bytes) => Ok(Ok(self.hold(Key::new(bytes))?)),
            Err(error) => Ok(Err(error)),
        }
    }

    fn from_passphrase(
        &mut self,
        name: String,
        salt: Vec<u8>,
        cost: ciphers::Cost,
    ) -> Answer<Resource<HeldKey>> {
        self.called(name.len() + salt.len())?;
        let ciphers::Cost { memory_kib, passes, lanes } = cost;
        let most_kib = self.memory.bytes_max() / 1024;
        if u64::from(memory_kib) > most_kib {
            let what = format!("{memory_kib} KiB for a passphrase; the task has {most_kib}");
            return Ok(Err(ciphers::CryptoError::Unfit(what)));
        }
        let passphrase = match self.secret_bytes(&name) {
            Ok(passphrase) => passphrase,
            Err(error) => return Ok(Err(error)),
        };
        let cost = bramble_crypto::Cost { memory_kib, passes, lanes };
        match Key::from_passphrase(passphrase, &salt, cost) {
            Ok(key) => Ok(Ok(self.hold(key)?)),
            Err(error) => Ok(Err(error.into())),
        }
    }

    fn hkdf(
        &mut self,
        key: Resource<HeldKey>,
        hash: ciphers::Hash,
        salt: Vec<u8>,
        info: Vec<u8>,
        rest_len: u32,
    ) -> Answer<(Resource<HeldKey>, Vec<u8>)> {
        self.derive(&key, salt.len() + info.len(), |key| {
            key.hkdf(hash.into(), &salt, &info, rest_len as usize)
        })
    }

    fn hkdf_expand(
        &mut self,
        key: Resource<HeldKey>,
        hash: ciphers::Hash,
        info: Vec<u8>,
        rest_len: u32,
    ) -> Answer<(Resource<HeldKey>, Vec<u8>)> {
        self.derive(&key, info.len(), |key| key.hkdf_expand(hash.into(), &info, rest_len as usize))
    }

    fn seal(
        &mut self,
        key: Resource<HeldKey>,
        aead: ciphers::Aead,
        blocks: ciphers::Blocks,
        associated: Vec<u8>,
        text: Vec<u8>,
    ) -> Answer<Vec<u8>> {
        // What comes back has about the same length.
        self.called(associated.len() + 2 * text.len())?;
        let key = self.table().get_mut(&key)?;
        let sealed = key.cipher(aead).and_then(|it| it.seal(&of(&blocks), &associated, &text));
        Ok(sealed.map_err(Into::into))
    }

    fn open(
        &mut self,
        key: Resource<HeldKey>,
        aead: ciphers::Aead,
        blocks: ciphers::Blocks,
        associated: Vec<u8>,
        sealed: Vec<u8>,
    ) -> Answer<Vec<u8>> {
        self.called(associated.len() + 2 * sealed.len())?;
        let key = self.table().get_mut(&key)?;
        let text = key.cipher(aead).and_then(|it| it.open(&of(&blocks), &associated, &sealed));
        Ok(text.map_err(Into::into))
    }

    fn aes256_ctr(
        &mut self,
        key: Resource<HeldKey>,
        counter: Vec<u8>,
        mut bytes: Vec<u8>,
    ) -> Answer<Vec<u8>> {
        self.called(counter.len() + 2 * bytes.len())?;
        let done = self.table().get(&key)?.key.aes256_ctr(&counter, &mut bytes);
        Ok(done.map(|()| bytes).map_err(Into::into))
    }

    fn drop(&mut self, key: Resource<HeldKey>) -> wasmtime::Result<()> {
        self.table().delete(key)?;
        Ok(())
    }
}

fn of(blocks: &ciphers::Blocks) -> Blocks<'_> {
    let ciphers::Blocks { len, nonce, first, step } = blocks;
    Blocks { len: *len as usize, nonce, first: *first, step: *step }
}

impl From<ciphers::Hash> for Hash {
    fn from(hash: ciphers::Hash) -> Self {
        match hash {
            ciphers::Hash::Sha256 => Self::Sha256,
            ciphers::Hash::Sha512 => Self::Sha512,
        }
    }
}

impl From<CryptoError> for ciphers::CryptoError {
    fn from(error: CryptoError) -> Self {
        match error {
            CryptoError::Unfit(what) => Self::Unfit(what),
            CryptoError::NotAuthentic(block) => Self::NotAuthentic(block),
        }
    }
}
