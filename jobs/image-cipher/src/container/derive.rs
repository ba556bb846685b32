//! The keys of one file, from the user's key, the salt and the header.

use aes_gcm::KeyInit;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Sha256, Sha512};

use super::{Construction, Header};

/// What sealing or opening one file needs.
#[derive(Clone, PartialEq, Eq)]
pub struct FileKeys {
    /// The cipher's key, or keys.
    pub key: Vec<u8>,
    /// What the numbers of segments are mixed into; empty for STREAM.
    pub base_nonce: Vec<u8>,
    /// Stands in the file, and fits no other key and no other header.
    pub commitment: [u8; 32],
}

impl std::fmt::Debug for FileKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileKeys(hidden)")
    }
}

/// The info of the one derivation that the c2sp construction has: the AEAD's name in IANA's
/// registry, the salt, and as context all that stands before it in the file.
pub(super) fn c2sp_info(salt: &[u8], context: &[u8]) -> Vec<u8> {
    [b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0", salt, context].concat()
}

/// The info of the derivation of a STREAM's key: as in age for its own cipher.
pub(super) fn stream_info(header: &Header) -> Vec<u8> {
    match header.suite.name {
        "chacha20-poly1305" => b"payload".to_vec(),
        other => [b"payload ", other.as_bytes()].concat(),
    }
}

/// The info of the derivation of a STREAM's commitment, of whose bytes the second 32 are taken.
pub(super) fn commitment_info(header: &Header) -> Vec<u8> {
    [b"header ".as_slice(), &header.encode()].concat()
}

/// Derives the keys of the file with this header.
pub fn derive(master: &[u8; 32], header: &Header) -> FileKeys {
    match header.suite.construction {
        Construction::C2sp => c2sp_keys(master, &header.salt, &header.encode()),
        Construction::Stream => {
            let key =
                stream_key(master, &header.salt, &stream_info(header), header.suite.key_bytes);
            let committed = stream_key(master, &header.salt, &commitment_info(header), 64);
            let commitment = *committed.last_chunk().expect("there are 64 bytes");
            FileKeys { key, base_nonce: Vec::new(), commitment }
        }
    }
}

/// HKDF with SHA-256, as <https://c2sp.org/age> makes the key of its payload.
pub fn stream_key(master: &[u8], salt: &[u8], info: &[u8], len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let expanded = Hkdf::<Sha256>::new(Some(salt), master).expand(info, &mut bytes);
    expanded.expect("HKDF gives up to 8,160 bytes");
    bytes
}

/// As <https://c2sp.org/chunked-encryption> has it, with SHA-512: 32 bytes of key, 12 of nonce, 32
/// of commitment. HKDF-Expand is spelt out because `hkdf` wants keys as long as the hash.
pub fn c2sp_keys(master: &[u8; 32], salt: &[u8], context: &[u8]) -> FileKeys {
    let info = c2sp_info(salt, context);
    let mut bytes = Vec::new();
    for number in 1u8..=2 {
        let last = bytes.len().saturating_sub(64);
        let mut mac = <Hmac<Sha512> as KeyInit>::new_from_slice(master).expect("of any length");
        mac.update(&bytes[last..]);
        mac.update(&info);
        mac.update(&[number]);
        bytes.extend_from_slice(&mac.finalize().into_bytes());
    }
    let commitment = *bytes[44..].first_chunk().expect("there are 128 bytes");
    FileKeys { key: bytes[..32].to_vec(), base_nonce: bytes[32..44].to_vec(), commitment }
}
