//! The ways of sealing a file: a cipher, and the published construction that cuts a file into
//! segments so that none can be changed, moved, left out or added unnoticed.

use bramble_guest::{JobError, JobResult, quote};

/// How segments are told apart, and how the last one is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Construction {
    /// <https://c2sp.org/chunked-encryption> with SHA-512, as Cobblestone-256 has it. A nonce is
    /// the base nonce mixed with the segment's number; the last segment is shorter than the others.
    C2sp,
    /// The payload of <https://c2sp.org/age>, a STREAM construction (Hoang, Reyhanitabar, Rogaway,
    /// Vizár 2015). A nonce is the segment's number and a byte that is 1 for the last segment.
    Stream,
}

/// One way of sealing.
#[derive(Debug, PartialEq, Eq)]
pub struct Suite {
    /// Its name in `--arg cipher=NAME`.
    pub name: &'static str,
    /// Its number in headers.
    pub id: u8,
    /// What holds the segments together.
    pub construction: Construction,
    /// Length of the text of a segment, in bytes.
    pub segment_bytes: usize,
    /// Length of the nonce, in bytes.
    pub nonce_bytes: usize,
    /// Length of the tag behind each segment, in bytes.
    pub tag_bytes: usize,
    /// What is derived for the cipher, in bytes.
    pub key_bytes: usize,
    /// The longest file, in bytes.
    pub text_bytes_max: u64,
}

/// More than any cluster holds, and less than any of the ciphers allows.
const LONG: u64 = 1 << 50;

const STREAM: Suite = Suite {
    name: "",
    id: 0,
    construction: Construction::Stream,
    segment_bytes: 64 << 10,
    nonce_bytes: 12,
    tag_bytes: 16,
    key_bytes: 32,
    text_bytes_max: LONG,
};

/// All of them.
pub static SUITES: [Suite; 6] = [
    Suite {
        name: "aes-256-gcm",
        id: 1,
        construction: Construction::C2sp,
        segment_bytes: 16 << 10,
        ..STREAM
    },
    Suite { name: "chacha20-poly1305", id: 2, ..STREAM },
    Suite { name: "xchacha20-poly1305", id: 3, nonce_bytes: 24, ..STREAM },
    Suite { name: "aes-256-ctr-hmac", id: 4, tag_bytes: 32, key_bytes: 64, ..STREAM },
    Suite { name: "kuznyechik-mgm", id: 5, nonce_bytes: 16, ..STREAM },
    Suite {
        name: "magma-mgm",
        id: 6,
        nonce_bytes: 8,
        tag_bytes: 8,
        // 2^25 blocks: a chance of about 2^-14 to tell it from noise (birthday bound of 64 bits).
        text_bytes_max: 256 << 20,
        ..STREAM
    },
];

impl Suite {
    /// The one called so.
    ///
    /// # Errors
    /// When there is none, with the list of those there are.
    pub fn named(name: &str) -> JobResult<&'static Self> {
        SUITES.iter().find(|suite| suite.name == name).ok_or_else(|| {
            let names: Vec<_> = SUITES.iter().map(|suite| suite.name).collect();
            let names = names.join(", ");
            JobError::bad_param(format!(
                "`cipher` is {}, which does not notice changes and is for pictures of ciphertext \
                 only: to seal files use one of {names}",
                quote(name)
            ))
        })
    }

    /// The one with this number.
    pub fn numbered(id: u8) -> Option<&'static Self> {
        SUITES.iter().find(|suite| suite.id == id)
    }

    /// Length of a whole segment with its tag, in bytes.
    pub const fn sealed_segment_bytes(&self) -> usize {
        self.segment_bytes + self.tag_bytes
    }
}
