//! Sealing and opening by the host's ciphers, whose keys this module never sees: `engine=host`.
//! The files are the same, byte by byte.

use bramble_guest::crypto::{Aead, Blocks, CryptoError, Hash, Key};
use bramble_guest::{JobError, JobResult};

use super::derive::{c2sp_info, commitment_info, stream_info};
use super::{Construction, Header, Segments, Suite};

/// Keys of one file, held by the host.
pub struct HostSegments {
    suite: &'static Suite,
    aead: Aead,
    key: Key,
    base_nonce: Vec<u8>,
}

impl HostSegments {
    /// Derives the keys of the file with this header, and the commitment.
    ///
    /// # Errors
    /// When the host does not have the cipher, or the user's key has another length than 32 bytes.
    pub fn derive(master: &Key, header: &Header) -> JobResult<(Self, [u8; 32])> {
        let suite = header.suite;
        let aead = match suite.name {
            "aes-256-gcm" => Aead::Aes256Gcm,
            "chacha20-poly1305" => Aead::ChaCha20Poly1305,
            "xchacha20-poly1305" => Aead::XChaCha20Poly1305,
            other => {
                return Err(JobError::bad_param(format!(
                    "the host has no {other}: use --arg engine=wasm, or another cipher"
                )));
            }
        };
        // Hexadecimal digits would make a key too, but another one than in this module.
        master.aes256_ctr([0; 16], b"").map_err(|error| {
            JobError::bad_param(format!("engine=host takes a key of 32 bytes only: {error}"))
        })?;
        let (key, base_nonce, commitment) = match suite.construction {
            Construction::C2sp => {
                let info = c2sp_info(&header.salt, &header.encode());
                let (key, mut rest) = master.hkdf_expand(Hash::Sha512, &info, 44)?;
                let commitment = rest.split_off(12);
                (key, rest, commitment)
            }
            Construction::Stream => {
                let derived =
                    |info: &[u8], rest: usize| master.hkdf(Hash::Sha256, &header.salt, info, rest);
                let (key, _) = derived(&stream_info(header), 0)?;
                let (_, commitment) = derived(&commitment_info(header), 32)?;
                (key, vec![0; suite.nonce_bytes], commitment)
            }
        };
        let commitment = commitment.try_into().expect("32 bytes were asked for");
        Ok((Self { suite, aead, key, base_nonce }, commitment))
    }

    /// Segments that are not the last; or the last one alone.
    fn blocks(&self, first: u64, is_last: bool) -> Blocks {
        let len = self.suite.segment_bytes as u32;
        let (first, step) = match self.suite.construction {
            Construction::C2sp => (first, 1),
            Construction::Stream => (first << 8 | u64::from(is_last), 1 << 8),
        };
        Blocks { first, step, ..Blocks::of(len, self.base_nonce.clone()) }
    }

    /// How many bytes of these stand before the file's last segment.
    fn before_last(&self, bytes: usize, segment: usize) -> usize {
        match self.suite.construction {
            Construction::C2sp => bytes / segment * segment,
            Construction::Stream => bytes.saturating_sub(1) / segment * segment,
        }
    }
}

impl Segments for HostSegments {
    fn seal(&self, first: u64, ends: bool, text: &[u8], sealed: &mut Vec<u8>) -> JobResult {
        let segment = self.suite.segment_bytes;
        let last_at = if ends { self.before_last(text.len(), segment) } else { text.len() };
        let (whole, last) = text.split_at(last_at);
        if !whole.is_empty() {
            sealed.extend(self.key.seal(self.aead, &self.blocks(first, false), b"", whole)?);
        }
        if ends {
            let number = first + (last_at / segment) as u64;
            sealed.extend(self.key.seal(self.aead, &self.blocks(number, true), b"", last)?);
        }
        Ok(())
    }

    fn open(&self, first: u64, ends: bool, sealed: &[u8], text: &mut Vec<u8>) -> Result<(), u64> {
        let segment = self.suite.sealed_segment_bytes();
        let last_at = if ends { self.before_last(sealed.len(), segment) } else { sealed.len() };
        let (whole, last) = sealed.split_at(last_at);
        let mut opened = |number: u64, is_last, sealed: &[u8]| {
            let blocks = self.blocks(number, is_last);
            match self.key.open(self.aead, &blocks, b"", sealed) {
                Ok(bytes) => {
                    text.extend(bytes);
                    Ok(())
                }
                Err(CryptoError::NotAuthentic(block)) => Err(number + u64::from(block)),
                // Nothing else can be wrong with a segment.
                Err(_) => Err(number),
            }
        };
        if !whole.is_empty() {
            opened(first, false, whole)?;
        }
        if ends { opened(first + (last_at / segment) as u64, true, last) } else { Ok(()) }
    }
}
