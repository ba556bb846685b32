//! Sealing and opening texts in blocks, many in one call.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::consts::U16;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aead::{AeadCore, AeadInOut, KeyInit, Nonce};
use chacha20poly1305::{ChaCha20Poly1305, XChaCha20Poly1305};

use crate::{BYTES_MAX, CryptoError, EXTRA_BYTES_MAX, unfit, within};

/// Length of the tag behind each block, in bytes.
pub const TAG_BYTES: usize = 16;

/// Ciphers that also notice every change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aead {
    /// AES-256 in Galois/counter mode (NIST SP 800-38D), nonces of 12 bytes.
    Aes256Gcm,
    /// RFC 8439, nonces of 12 bytes.
    ChaCha20Poly1305,
    /// The same with nonces of 24 bytes.
    XChaCha20Poly1305,
}

/// How a text is cut into blocks, and what nonce each gets.
#[derive(Clone, Copy, Debug)]
pub struct Blocks<'a> {
    /// Bytes of text in each; the last may have fewer.
    pub len: usize,
    /// The nonce, into whose last 8 bytes the block's number is put by exclusive or.
    pub nonce: &'a [u8],
    /// Number of the first block of the call.
    pub first: u64,
    /// From the number of one block to that of the next.
    pub step: u64,
}

impl<'a> Blocks<'a> {
    /// A whole text as one block.
    pub const fn one(nonce: &'a [u8]) -> Self {
        Self { len: BYTES_MAX, nonce, first: 0, step: 0 }
    }

    fn check(&self) -> Result<(), CryptoError> {
        match self.len {
            0 => unfit("blocks of no bytes"),
            len => within("blocks", len, BYTES_MAX),
        }
    }

    fn nonce_of<A: AeadCore>(&self, block: usize) -> Result<Nonce<A>, CryptoError> {
        let Ok(mut nonce) = Nonce::<A>::try_from(self.nonce) else {
            let (got, wanted) = (self.nonce.len(), Nonce::<A>::default().len());
            return unfit(format!("a nonce of {got} bytes; this cipher's has {wanted}"));
        };
        let number = self.step.checked_mul(block as u64).and_then(|it| it.checked_add(self.first));
        let Some(number) = number else {
            return unfit("the number of a block does not fit into 64 bits");
        };
        let place = nonce.len() - 8;
        for (byte, number) in nonce[place..].iter_mut().zip(number.to_be_bytes()) {
            *byte ^= number;
        }
        Ok(nonce)
    }
}

/// A cipher with its key, which is cleared when it is dropped.
pub struct Cipher(Keyed);

enum Keyed {
    Aes256Gcm(Box<Aes256Gcm>),
    ChaCha20Poly1305(Box<ChaCha20Poly1305>),
    XChaCha20Poly1305(Box<XChaCha20Poly1305>),
}

impl std::fmt::Debug for Cipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cipher(hidden)")
    }
}

impl Cipher {
    pub(crate) fn new(aead: Aead, key: &[u8; 32]) -> Self {
        Self(match aead {
            Aead::Aes256Gcm => Keyed::Aes256Gcm(Box::new(Aes256Gcm::new(key.into()))),
            Aead::ChaCha20Poly1305 => {
                Keyed::ChaCha20Poly1305(Box::new(ChaCha20Poly1305::new(key.into())))
            }
            Aead::XChaCha20Poly1305 => {
                Keyed::XChaCha20Poly1305(Box::new(XChaCha20Poly1305::new(key.into())))
            }
        })
    }

    /// Seals each block of `text`: its bytes, then its tag. An empty text is one empty block.
    ///
    /// # Errors
    /// When the nonce has another length than the cipher's, or there is too much of something.
    pub fn seal(
        &self,
        blocks: &Blocks<'_>,
        associated: &[u8],
        text: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        blocks.check()?;
        within("a text", text.len(), BYTES_MAX)?;
        within("associated data", associated.len(), EXTRA_BYTES_MAX)?;
        match &self.0 {
            Keyed::Aes256Gcm(cipher) => seal(&**cipher, blocks, associated, text),
            Keyed::ChaCha20Poly1305(cipher) => seal(&**cipher, blocks, associated, text),
            Keyed::XChaCha20Poly1305(cipher) => seal(&**cipher, blocks, associated, text),
        }
    }

    /// Opens what [`Cipher::seal`] gave.
    ///
    /// # Errors
    /// [`CryptoError::NotAuthentic`] when a block is another one than was sealed; else as for
    /// sealing.
    pub fn open(
        &self,
        blocks: &Blocks<'_>,
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        blocks.check()?;
        // As many blocks of a byte as a text may have at the most.
        let most = BYTES_MAX + TAG_BYTES * BYTES_MAX.div_ceil(blocks.len);
        within("a sealed text", sealed.len(), most)?;
        within("associated data", associated.len(), EXTRA_BYTES_MAX)?;
        match &self.0 {
            Keyed::Aes256Gcm(cipher) => open(&**cipher, blocks, associated, sealed),
            Keyed::ChaCha20Poly1305(cipher) => open(&**cipher, blocks, associated, sealed),
            Keyed::XChaCha20Poly1305(cipher) => open(&**cipher, blocks, associated, sealed),
        }
    }
}

fn seal<A: AeadInOut + AeadCore<TagSize = U16>>(
    cipher: &A,
    blocks: &Blocks<'_>,
    associated: &[u8],
    text: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let count = text.len().div_ceil(blocks.len).max(1);
    let mut sealed = vec![0; text.len() + count * TAG_BYTES];
    let mut left = sealed.as_mut_slice();
    for number in 0..count {
        let begin = number * blocks.len;
        let block = &text[begin..text.len().min(begin + blocks.len)];
        let (bytes, rest) = left.split_at_mut(block.len());
        let (place, rest) = rest.split_at_mut(TAG_BYTES);
        left = rest;
        let nonce = blocks.nonce_of::<A>(number)?;
        let pair = InOutBuf::new(block, bytes).expect("both have the block's length");
        match cipher.encrypt_inout_detached(&nonce, associated, pair) {
            Ok(tag) => place.copy_from_slice(&tag),
            Err(_) => return unfit("the text is longer than the cipher allows"),
        }
    }
    Ok(sealed)
}

fn open<A: AeadInOut + AeadCore<TagSize = U16>>(
    cipher: &A,
    blocks: &Blocks<'_>,
    associated: &[u8],
    sealed: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let whole = blocks.len + TAG_BYTES;
    let count = sealed.len().div_ceil(whole).max(1);
    let mut text = vec![0; sealed.len().saturating_sub(count * TAG_BYTES)];
    let mut left = text.as_mut_slice();
    for number in 0..count {
        let wrong = CryptoError::NotAuthentic(number as u32);
        let begin = number * whole;
        let block = &sealed[begin..sealed.len().min(begin + whole)];
        let Some((bytes, tag)) = block.split_last_chunk::<TAG_BYTES>() else { return Err(wrong) };
        let Some((place, rest)) = left.split_at_mut_checked(bytes.len()) else { return Err(wrong) };
        left = rest;
        let nonce = blocks.nonce_of::<A>(number)?;
        let pair = InOutBuf::new(bytes, place).expect("both have the block's length");
        let opened = cipher.decrypt_inout_detached(&nonce, associated, pair, tag.into());
        if opened.is_err() {
            return Err(wrong);
        }
    }
    Ok(text)
}
