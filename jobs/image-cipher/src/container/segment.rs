//! Sealing and opening segments, several in one call.

use aes::Aes256;
use aes_gcm::aead::{AeadCore, AeadInOut, Nonce, Tag};
use aes_gcm::{Aes256Gcm, KeyInit};
use bramble_guest::JobResult;
use chacha20poly1305::{ChaCha20Poly1305, XChaCha20Poly1305};
use ctr::cipher::{BlockCipherEncrypt, KeyIvInit, StreamCipher};
use hmac::{Hmac, Mac};
use kuznyechik::KuznyechikEnc;
use magma::Magma;
use sha2::Sha256;

use super::{Construction, FileKeys, Mgm, Suite};

/// Who works on segments: the module itself, or the host for it.
pub trait Segments {
    /// Adds the sealed segments of `text` to `sealed`. The first has the number `first`; all are
    /// whole ones, but for the file's last if `ends`.
    ///
    /// # Errors
    /// Only when the host cannot do it.
    fn seal(&self, first: u64, ends: bool, text: &[u8], sealed: &mut Vec<u8>) -> JobResult;

    /// Adds the text of `sealed` segments to `text`.
    ///
    /// # Errors
    /// The number of the first that is not what was sealed with this number.
    fn open(&self, first: u64, ends: bool, sealed: &[u8], text: &mut Vec<u8>) -> Result<(), u64>;
}

/// The ciphers in the module.
pub struct SoftSegments {
    suite: &'static Suite,
    base_nonce: Vec<u8>,
    cipher: Box<dyn Aead>,
}

impl SoftSegments {
    /// Ready to work with these keys, which were derived for this suite.
    pub fn new(suite: &'static Suite, keys: &FileKeys) -> Self {
        Self { suite, base_nonce: keys.base_nonce.clone(), cipher: aead(suite, &keys.key) }
    }

    fn nonce(&self, number: u64, is_last: bool) -> Vec<u8> {
        let number = number.to_be_bytes();
        match self.suite.construction {
            Construction::C2sp => {
                let mut nonce = self.base_nonce.clone();
                let place = nonce.len() - number.len();
                nonce[place..].iter_mut().zip(number).for_each(|(byte, number)| *byte ^= number);
                nonce
            }
            Construction::Stream => {
                let mut nonce = vec![0; self.suite.nonce_bytes];
                let (count, flag) = nonce.split_at_mut(self.suite.nonce_bytes - 1);
                flag[0] = u8::from(is_last);
                // Magma's 7 bytes are enough for all segments that there can be.
                let len = count.len().min(number.len());
                let place = count.len() - len;
                count[place..].copy_from_slice(&number[number.len() - len..]);
                nonce
            }
        }
    }
}

/// The cipher of a suite, with a key that was derived for it.
fn aead(suite: &Suite, key: &[u8]) -> Box<dyn Aead> {
    const FITS: &str = "as many bytes were derived as the cipher takes";
    match suite.name {
        "aes-256-gcm" => Box::new(Aes256Gcm::new_from_slice(key).expect(FITS)),
        "chacha20-poly1305" => Box::new(ChaCha20Poly1305::new_from_slice(key).expect(FITS)),
        "xchacha20-poly1305" => Box::new(XChaCha20Poly1305::new_from_slice(key).expect(FITS)),
        "kuznyechik-mgm" => Box::new(Mgm(KuznyechikEnc::new_from_slice(key).expect(FITS))),
        "magma-mgm" => Box::new(Mgm(Magma::new_from_slice(key).expect(FITS))),
        _ => Box::new(CtrHmac(key.try_into().expect(FITS))),
    }
}

/// The pieces of `bytes`, each with its number and whether it is the file's last.
fn pieces(
    bytes: &[u8],
    len: usize,
    first: u64,
    count: usize,
    ends: bool,
) -> impl Iterator<Item = (u64, bool, &[u8])> {
    (0..count).map(move |index| {
        let piece = &bytes[index * len..bytes.len().min((index + 1) * len)];
        (first + index as u64, ends && index + 1 == count, piece)
    })
}

impl Segments for SoftSegments {
    fn seal(&self, first: u64, ends: bool, text: &[u8], sealed: &mut Vec<u8>) -> JobResult {
        let len = self.suite.segment_bytes;
        let count = match self.suite.construction {
            Construction::C2sp if ends => text.len() / len + 1,
            Construction::Stream if ends => text.len().div_ceil(len).max(1),
            _ => text.len() / len,
        };
        for (number, is_last, piece) in pieces(text, len, first, count, ends) {
            let start = sealed.len();
            sealed.extend_from_slice(piece);
            let tag = self.cipher.seal(&self.nonce(number, is_last), &mut sealed[start..]);
            sealed.extend_from_slice(&tag);
        }
        Ok(())
    }

    fn open(&self, first: u64, ends: bool, sealed: &[u8], text: &mut Vec<u8>) -> Result<(), u64> {
        let len = self.suite.sealed_segment_bytes();
        let count = sealed.len().div_ceil(len);
        for (number, is_last, piece) in pieces(sealed, len, first, count, ends) {
            let tag_at = piece.len().checked_sub(self.suite.tag_bytes).ok_or(number)?;
            let (bytes, tag) = piece.split_at(tag_at);
            let start = text.len();
            text.extend_from_slice(bytes);
            if !self.cipher.open(&self.nonce(number, is_last), &mut text[start..], tag) {
                text.truncate(start);
                return Err(number);
            }
        }
        Ok(())
    }
}

/// One segment: bytes in place, and their tag. `open` leaves no text when it answers `false`.
trait Aead {
    fn seal(&self, nonce: &[u8], bytes: &mut [u8]) -> Vec<u8>;
    fn open(&self, nonce: &[u8], bytes: &mut [u8], tag: &[u8]) -> bool;
}

const NONCE_FITS: &str = "nonces have the suite's length";

impl<A: AeadInOut + AeadCore> Aead for A {
    fn seal(&self, nonce: &[u8], bytes: &mut [u8]) -> Vec<u8> {
        let nonce = Nonce::<A>::try_from(nonce).expect(NONCE_FITS);
        let tag = self.encrypt_inout_detached(&nonce, b"", bytes.into());
        tag.expect("a segment is short").to_vec()
    }

    fn open(&self, nonce: &[u8], bytes: &mut [u8], tag: &[u8]) -> bool {
        let nonce = Nonce::<A>::try_from(nonce).expect(NONCE_FITS);
        let Ok(tag) = Tag::<A>::try_from(tag) else { return false };
        self.decrypt_inout_detached(&nonce, b"", bytes.into(), &tag).is_ok()
    }
}

/// AES-256 in counter mode (NIST SP 800-38A), and HMAC-SHA-256 (RFC 2104) over nonce and
/// ciphertext with a key of its own: encrypt-then-MAC (Bellare and Namprempre 2000).
struct CtrHmac([u8; 64]);

impl CtrHmac {
    /// The first counter is the nonce and four zeros.
    fn apply_keystream(&self, nonce: &[u8], bytes: &mut [u8]) {
        let mut counter = [0; 16];
        counter[..12].copy_from_slice(nonce);
        self.apply_keystream_from(counter, bytes);
    }

    fn apply_keystream_from(&self, counter: [u8; 16], bytes: &mut [u8]) {
        let key = self.0.first_chunk::<32>().expect("there are 64 bytes");
        ctr::Ctr32BE::<Aes256>::new(key.into(), &counter.into()).apply_keystream(bytes);
    }

    fn mac(&self, nonce: &[u8], bytes: &[u8]) -> Hmac<Sha256> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0[32..]).expect("any length");
        mac.update(nonce);
        mac.update(bytes);
        mac
    }
}

impl Aead for CtrHmac {
    fn seal(&self, nonce: &[u8], bytes: &mut [u8]) -> Vec<u8> {
        self.apply_keystream(nonce, bytes);
        self.mac(nonce, bytes).finalize().into_bytes().to_vec()
    }

    fn open(&self, nonce: &[u8], bytes: &mut [u8], tag: &[u8]) -> bool {
        let is_authentic = self.mac(nonce, bytes).verify_slice(tag).is_ok();
        if is_authentic {
            self.apply_keystream(nonce, bytes);
        }
        is_authentic
    }
}

impl<C: BlockCipherEncrypt> Aead for Mgm<C> {
    fn seal(&self, nonce: &[u8], bytes: &mut [u8]) -> Vec<u8> {
        self.encrypt(nonce, b"", bytes)
    }

    fn open(&self, nonce: &[u8], bytes: &mut [u8], tag: &[u8]) -> bool {
        self.decrypt(nonce, b"", bytes, tag)
    }
}

#[cfg(test)]
mod tests {
    use ctr::cipher::Array;

    use super::*;
    use crate::hex::from_hex;
    use crate::standards::standards;

    fn hex(digits: &str) -> Vec<u8> {
        from_hex(digits.as_bytes()).expect("it is hexadecimal")
    }

    #[test]
    fn counter_mode_is_that_of_nist() {
        // SP 800-38A, F.5.5, CTR-AES256.Encrypt.
        let key = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
        let cipher = CtrHmac(hex(&key.repeat(2)).try_into().expect("64 bytes"));
        let mut bytes = hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
                             30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
        let counter = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff").try_into().expect("16 bytes");
        cipher.apply_keystream_from(counter, &mut bytes);
        let expected = hex("601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5\
                            2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6");
        assert_eq!(bytes, expected);
    }

    #[test]
    fn the_gost_block_ciphers_are_those_of_their_rfcs() {
        // RFC 7801, section 5.5.
        let key = hex("8899aabbccddeeff0011223344556677fedcba98765432100123456789abcdef");
        let cipher = KuznyechikEnc::new_from_slice(&key).expect("32 bytes");
        let mut block = Array::try_from(&hex("1122334455667700ffeeddccbbaa9988")[..]).expect("16");
        cipher.encrypt_block(&mut block);
        assert_eq!(block.to_vec(), hex("7f679d90bebc24305a468d42b9d4edcd"));
        // RFC 8891, appendix A.4.
        let key = hex("ffeeddccbbaa99887766554433221100f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
        let cipher = Magma::new_from_slice(&key).expect("32 bytes");
        let mut block = Array::try_from(&hex("fedcba9876543210")[..]).expect("8 bytes");
        cipher.encrypt_block(&mut block);
        assert_eq!(block.to_vec(), hex("4ee901e5c2d8ca3d"));
    }

    /// One valid case each of Wycheproof's `aes_gcm_test.json` (99), `chacha20_poly1305_test.json`
    /// (36) and `xchacha20_poly1305_test.json` (36): key, nonce, text, ciphertext and tag.
    const CASES: [(&str, [&str; 4]); 3] = [
        (
            "aes-256-gcm",
            [
                "0212a8de5007ed87b33f1a7090b6114f9e08cefd9607f2c276bdcfdbc5ce9cd7",
                "e6b1adf2fd58a8762c65f31b",
                "10f1ecf9c60584665d9ae5efe279e7f7377eea6916d2b111",
                "0843fff52d934fc7a071ea62c0bd351ce85678cde3ea2c9e7355fde599006715053813ce696237a8",
            ],
        ),
        (
            "chacha20-poly1305",
            [
                "3b2458d8176e1621c0cc24c0c0e24c1e80d72f7ee9149a4b166176629616d011",
                "45aaa3e5d16d2d42dc03445d",
                "3ff1514b1c503915918f0c0c31094a6e1f",
                "02cc3acb5ee1fcdd12a03bb857976474d3d83b7463a2c3800fe958c28eaa290813",
            ],
        ),
        (
            "xchacha20-poly1305",
            [
                "3b11469dc670f5dfbe0aad7d15ee4862c92cb07842e5dcc48fa8e5fc817f1749",
                "9a61cf35aecbd40a65b35a64b516896f3de7f977b5c9901d",
                "540731e4ba3e4e2fd623a1a13233736ee7",
                "0fd7386b41396e0558495c45cdba02906229f601a11f6a1072342c60b631de6085",
            ],
        ),
    ];

    #[test]
    fn the_aeads_are_those_of_wycheproof() {
        for (name, fields) in CASES {
            let [key, nonce, text, sealed] = fields.map(hex);
            let aead = aead(Suite::named(name).expect("it is there"), &key);
            let mut bytes = text.clone();
            let tag = aead.seal(&nonce, &mut bytes);
            assert_eq!([bytes.clone(), tag.clone()].concat(), sealed, "{name}");
            assert!(!aead.open(&nonce, &mut bytes.clone(), &[&tag[..15], &[0]].concat()));
            assert!(aead.open(&nonce, &mut bytes, &tag));
            assert_eq!(bytes, text);
        }
    }

    #[test]
    fn aes_gcm_is_that_of_nist() {
        let suite = Suite::named("aes-256-gcm").expect("it is there");
        let mut checked = 0;
        for [source, cipher, key, nonce, text, sealed] in standards() {
            if cipher == suite.name {
                let mut bytes = hex(text);
                let tag = aead(suite, &hex(key)).seal(&hex(nonce), &mut bytes);
                assert_eq!([bytes, tag].concat(), hex(sealed), "{source}");
                checked += 1;
            }
        }
        assert!(checked > 10, "only {checked} examples were found");
    }
}
