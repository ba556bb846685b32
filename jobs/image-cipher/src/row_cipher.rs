//! Ciphers that work on one row of a picture at a time, for looking at ciphertext.
//!
//! A row is what a sector is for a disk: it is encrypted by itself, starting from its number. In
//! ECB and CBC mode a last block that the row does not fill is filled up with zeros and cut off
//! afterwards, because nobody wants to decrypt a picture that is made to be looked at.

use aes::Aes256;
use bramble_guest::{JobError, JobResult, quote};
use cbc::cipher::{
    Array, Block, BlockCipherEncrypt, BlockModeEncrypt, InnerIvInit, KeyInit, KeyIvInit,
    StreamCipher, StreamCipherCore,
};
use chacha20::{ChaCha20, XChaCha20};
use ctr::CtrCore;
use ctr::flavors::Ctr64BE;
use hkdf::Hkdf;
use kuznyechik::KuznyechikEnc;
use magma::Magma;
use sha2::Sha256;
use xts_mode::Xts128;

use crate::view::RowCipher;

/// The ciphers by name. Of those with authentication the picture shows the ciphertext, and their
/// tags are left out: what is left is a keystream in counter mode.
pub const NAMES: &[&str] = &[
    "aes-256-gcm",
    "aes-256-ctr-hmac",
    "aes-256-ctr",
    "aes-256-cbc",
    "aes-256-xts",
    "aes-256-ecb",
    "chacha20-poly1305",
    "xchacha20-poly1305",
    "kuznyechik-mgm",
    "kuznyechik-ctr",
    "kuznyechik-cbc",
    "kuznyechik-ecb",
    "magma-mgm",
    "magma-ctr",
    "magma-cbc",
    "magma-ecb",
];

/// Keys and nonces for pictures.
#[derive(Clone)]
pub struct Keys {
    key: [u8; 32],
    tweak_key: [u8; 32],
    nonces: [[u8; 16]; 2],
}

impl Keys {
    /// Derives them from the user's key, which may be empty where nothing is to be protected, and
    /// from the salt of the job, by HKDF with SHA-256 (RFC 5869).
    pub fn new(key: &[u8], salt: &[u8]) -> Self {
        let mut bytes = [0; 96];
        let derived = Hkdf::<Sha256>::new(Some(salt), key).expand(b"image-cipher rows", &mut bytes);
        derived.expect("HKDF gives up to 8,160 bytes");
        let part = |start: usize| <[u8; 32]>::try_from(&bytes[start..start + 32]);
        let nonce = |start: usize| <[u8; 16]>::try_from(&bytes[start..start + 16]);
        let in_range = "the parts lie within the bytes";
        Self {
            key: part(0).expect(in_range),
            tweak_key: part(32).expect(in_range),
            nonces: [nonce(64).expect(in_range), nonce(80).expect(in_range)],
        }
    }

    /// The cipher called `name` with the first or the second nonce (0, 1).
    ///
    /// # Errors
    /// When there is none of that name, with the list of those there are.
    pub fn cipher(&self, name: &str, nonce: usize) -> JobResult<Box<dyn RowCipher>> {
        let nonce = self.nonces[nonce];
        if name == "aes-256-xts" {
            let [data, tweak] = [&self.key, &self.tweak_key].map(|key| Aes256::new(key.into()));
            return Ok(Box::new(Xts(Xts128::new(data, tweak))));
        }
        if name == "chacha20-poly1305" {
            return Ok(Box::new(ChaCha { key: self.key, nonce }));
        }
        if name == "xchacha20-poly1305" {
            return Ok(Box::new(XChaCha { key: self.key, nonce }));
        }
        let found = match name.trim_end_matches("-hmac").rsplit_once('-') {
            Some(("aes-256", mode)) => self.block_cipher::<Aes256>(mode, nonce),
            Some(("kuznyechik", mode)) => self.block_cipher::<KuznyechikEnc>(mode, nonce),
            Some(("magma", mode)) => self.block_cipher::<Magma>(mode, nonce),
            _ => None,
        };
        found.filter(|_| NAMES.contains(&name)).ok_or_else(|| {
            let names = NAMES.join(", ");
            JobError::bad_param(format!("`cipher` is {}: use one of {names}", quote(name)))
        })
    }

    fn block_cipher<C>(&self, mode: &str, nonce: [u8; 16]) -> Option<Box<dyn RowCipher>>
    where
        C: BlockCipherEncrypt + KeyInit + 'static,
        Ctr64BE: ctr::CtrFlavor<C::BlockSize>,
    {
        let cipher = C::new_from_slice(&self.key).ok()?;
        Some(match mode {
            "ecb" => Box::new(Ecb(cipher)),
            "cbc" => Box::new(Cbc { cipher, nonce }),
            "ctr" | "gcm" | "mgm" => Box::new(Ctr { cipher, nonce }),
            _ => return None,
        })
    }
}

/// Whether the cipher called `name` begins from a nonce, or an initial vector, that must be new
/// each time.
pub fn has_nonce(name: &str) -> bool {
    !name.ends_with("-ecb") && !name.ends_with("-xts")
}

/// The name of the same block cipher in ECB mode. A stream cipher has none: AES stands in.
pub fn in_ecb_mode(name: &str) -> String {
    let block_cipher = name.rsplit_once('-').map_or("", |(cipher, _)| cipher);
    let known = matches!(block_cipher, "kuznyechik" | "magma");
    format!("{}-ecb", if known { block_cipher } else { "aes-256" })
}

/// The first block of row `y`: what is no secret, made unpredictable by the cipher itself
/// (NIST SP 800-38A, appendix C).
fn first_block<C: BlockCipherEncrypt>(cipher: &C, nonce: &[u8; 16], y: u32) -> Block<C> {
    let mut block = Block::<C>::default();
    let start = block.len() - 4;
    block[..start].copy_from_slice(&nonce[..start]);
    block[start..].copy_from_slice(&y.to_be_bytes());
    cipher.encrypt_block(&mut block);
    block
}

/// Calls `encrypt` for all blocks of a row, and then for a last one that is not full.
fn in_blocks<C: BlockCipherEncrypt>(row: &mut [u8], mut encrypt: impl FnMut(&mut [Block<C>])) {
    let (blocks, rest) = Array::slice_as_chunks_mut(row);
    encrypt(blocks);
    if !rest.is_empty() {
        let mut last = [Block::<C>::default()];
        last[0][..rest.len()].copy_from_slice(rest);
        encrypt(&mut last);
        rest.copy_from_slice(&last[0][..rest.len()]);
    }
}

/// Electronic codebook: each block by itself, so that equal blocks stay equal.
struct Ecb<C>(C);

impl<C: BlockCipherEncrypt> RowCipher for Ecb<C> {
    fn encrypt_row(&self, _y: u32, row: &mut [u8]) {
        in_blocks::<C>(row, |blocks| self.0.encrypt_blocks(blocks));
    }
}

/// Cipher block chaining: each block is mixed with the ciphertext of the one before it.
struct Cbc<C> {
    cipher: C,
    nonce: [u8; 16],
}

impl<C: BlockCipherEncrypt> RowCipher for Cbc<C> {
    fn encrypt_row(&self, y: u32, row: &mut [u8]) {
        let start = first_block(&self.cipher, &self.nonce, y);
        let mut chain = cbc::Encryptor::inner_iv_init(&self.cipher, &start);
        in_blocks::<C>(row, |blocks| chain.encrypt_blocks(blocks));
    }
}

/// Counter mode: the encrypted numbers of the blocks are the keystream.
struct Ctr<C> {
    cipher: C,
    nonce: [u8; 16],
}

impl<C: BlockCipherEncrypt> RowCipher for Ctr<C>
where
    Ctr64BE: ctr::CtrFlavor<C::BlockSize>,
{
    fn encrypt_row(&self, y: u32, row: &mut [u8]) {
        let start = first_block(&self.cipher, &self.nonce, y);
        let counter = CtrCore::<&C, Ctr64BE>::inner_iv_init(&self.cipher, &start);
        counter.apply_keystream_partial(row.into());
    }
}

/// XTS (IEEE 1619), whose sectors are the rows.
struct Xts(Xts128<Aes256>);

impl RowCipher for Xts {
    fn encrypt_row(&self, y: u32, row: &mut [u8]) {
        const BLOCK_BYTES: usize = 16;
        let tweak = xts_mode::get_tweak_default(y.into());
        if row.len() >= BLOCK_BYTES {
            return self.0.encrypt_sector(row, tweak);
        }
        let mut block = [0; BLOCK_BYTES];
        block[..row.len()].copy_from_slice(row);
        self.0.encrypt_sector(&mut block, tweak);
        row.copy_from_slice(&block[..row.len()]);
    }
}

/// The stream cipher of RFC 8439, whose nonces hold the number of the row.
struct ChaCha {
    key: [u8; 32],
    nonce: [u8; 16],
}

impl RowCipher for ChaCha {
    fn encrypt_row(&self, y: u32, row: &mut [u8]) {
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&self.nonce[..8]);
        nonce[8..].copy_from_slice(&y.to_be_bytes());
        ChaCha20::new(&self.key.into(), &nonce.into()).apply_keystream(row);
    }
}

/// The same with nonces of 24 bytes (draft-irtf-cfrg-xchacha).
struct XChaCha {
    key: [u8; 32],
    nonce: [u8; 16],
}

impl RowCipher for XChaCha {
    fn encrypt_row(&self, y: u32, row: &mut [u8]) {
        let mut nonce = [0; 24];
        nonce[..16].copy_from_slice(&self.nonce);
        nonce[20..].copy_from_slice(&y.to_be_bytes());
        XChaCha20::new(&self.key.into(), &nonce.into()).apply_keystream(row);
    }
}

#[cfg(test)]
mod tests {
    use cbc::cipher::BlockCipherDecrypt;
    use kuznyechik::Kuznyechik;

    use super::*;
    use crate::hex::from_hex;
    use crate::standards::standards;

    /// What [`first_block`] makes into `start`: a nonce, and the number of a row.
    fn before<C: BlockCipherDecrypt + KeyInit>(key: &[u8], start: &[u8]) -> Option<Vec<u8>> {
        let mut block = Block::<C>::try_from(start).ok()?;
        C::new_from_slice(key).ok()?.decrypt_block(&mut block);
        Some(block.to_vec())
    }

    /// Keys, and the number of the row that is encrypted from `start`.
    fn starting_from(cipher: &str, key: &[u8], start: &[u8]) -> Option<(Keys, u32)> {
        let (key, tweak_key) = key.split_at_checked(32)?;
        let start = match cipher {
            "aes-256-ctr" | "aes-256-cbc" => before::<Aes256>(key, start)?,
            "kuznyechik-ctr" => before::<Kuznyechik>(key, start)?,
            "magma-ctr" => before::<Magma>(key, start)?,
            _ => start.to_vec(),
        };
        let (nonce, row) = start.split_last_chunk().unwrap_or((&[], &[0; 4]));
        let mut keys = Keys { key: key.try_into().ok()?, tweak_key: [0; 32], nonces: [[0; 16]; 2] };
        keys.tweak_key[..tweak_key.len()].copy_from_slice(tweak_key);
        keys.nonces[0][..nonce.len()].copy_from_slice(nonce);
        Some((keys, u32::from_be_bytes(*row)))
    }

    #[test]
    fn rows_are_encrypted_as_the_standards_say() {
        let mut checked = 0;
        for [source, cipher, key, start, text, sealed] in standards() {
            let [key, start, mut row] = [key, start, text].map(|digits| {
                from_hex(digits.as_bytes()).unwrap_or_else(|| panic!("{source}: {digits}"))
            });
            if cipher == "aes-256-gcm" {
                continue;
            }
            let (keys, y) = starting_from(cipher, &key, &start).expect(source);
            keys.cipher(cipher, 0).expect(source).encrypt_row(y, &mut row);
            // What no standard gives is left out.
            let given = sealed.trim_start_matches('-');
            let skipped = (sealed.len() - given.len()) / 2;
            assert_eq!(row[skipped..], from_hex(given.as_bytes()).expect(source), "{source}");
            checked += 1;
        }
        assert!(checked > 100, "only {checked} examples were found");
    }
}
