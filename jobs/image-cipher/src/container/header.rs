//! The first bytes of a sealed file: what must be known to open it, and is no secret.

use bramble_guest::{JobError, JobResult};

use super::Suite;

/// Length of the header without salt and commitment, in bytes.
pub const HEADER_BYTES: usize = 32;
/// Length of the salt, in bytes.
pub const SALT_BYTES: usize = 24;
/// Length of all that stands before the first segment, in bytes.
pub const PREFIX_BYTES: usize = HEADER_BYTES + SALT_BYTES + 32;

const MAGIC: &[u8; 8] = b"BRSEALED";
const VERSION: u8 = 1;
/// The most memory for a passphrase, in KiB: whoever sends a file decides how much is used.
const MEMORY_KIB_MAX: u32 = 64 << 10;
const PASSES_MAX: u32 = 16;
const LANES_MAX: u32 = 4;

/// What a guess at the passphrase costs, by Argon2id (RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// How many can work on it at a time.
    pub lanes: u32,
}

impl Cost {
    /// Refuses what would be no protection, or too much for a board.
    ///
    /// # Errors
    /// What is out of bounds, and the bounds.
    pub fn check(self) -> Result<Self, String> {
        let Self { memory_kib, passes, lanes } = self;
        let fits = (8..=MEMORY_KIB_MAX).contains(&memory_kib)
            && (1..=PASSES_MAX).contains(&passes)
            && (1..=LANES_MAX).contains(&lanes)
            && memory_kib >= 8 * lanes;
        if fits {
            return Ok(self);
        }
        Err(format!(
            "Argon2id with {memory_kib} KiB, {passes} passes and {lanes} lanes: there should be 8 \
             to {MEMORY_KIB_MAX} KiB, 8 for each lane at least, 1 to {PASSES_MAX} passes and 1 to \
             {LANES_MAX} lanes"
        ))
    }
}

/// How a file is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Cipher and construction.
    pub suite: &'static Suite,
    /// How the key is made of a passphrase; none when it is a key.
    pub cost: Option<Cost>,
    /// Never used twice with one key.
    pub salt: [u8; SALT_BYTES],
}

impl Header {
    /// The bytes before the salt.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8] = VERSION;
        bytes[9] = self.suite.id;
        bytes[10] = u8::from(self.cost.is_some());
        let cost = self.cost.map_or([0; 3], |cost| [cost.memory_kib, cost.passes, cost.lanes]);
        let numbers = [self.suite.segment_bytes as u32, cost[0], cost[1], cost[2]];
        for (place, number) in bytes[12..].as_chunks_mut::<4>().0.iter_mut().zip(numbers) {
            *place = number.to_le_bytes();
        }
        bytes
    }

    /// Reads header, salt and commitment from the start of a file.
    ///
    /// # Errors
    /// What is not as it should be, and where.
    pub fn decode(bytes: &[u8]) -> JobResult<(Self, [u8; 32])> {
        let bad = |what: String| Err(JobError::bad_input(what));
        let magic_len = bytes.len().min(MAGIC.len());
        if bytes[..magic_len] != MAGIC[..magic_len] || bytes.is_empty() {
            return bad("byte 0: this is no sealed file, which starts with `BRSEALED`".into());
        }
        let Some(bytes) = bytes.first_chunk::<PREFIX_BYTES>() else {
            return bad(format!(
                "the file was cut short: it has {} bytes, and its header alone has {PREFIX_BYTES}",
                bytes.len()
            ));
        };
        if bytes[8] != VERSION {
            return bad(format!(
                "byte 8: the file is of version {}; this program knows version {VERSION}",
                bytes[8]
            ));
        }
        let Some(suite) = Suite::numbered(bytes[9]) else {
            return bad(format!("byte 9: there is no cipher of number {}", bytes[9]));
        };
        let number = |at: usize| {
            u32::from_le_bytes(*bytes[at..].first_chunk().expect("the header is longer"))
        };
        let cost = Cost { memory_kib: number(16), passes: number(20), lanes: number(24) };
        let cost = match bytes[10] {
            0 => None,
            1 => match cost.check() {
                Ok(cost) => Some(cost),
                Err(what) => return bad(format!("byte 16: {what}")),
            },
            other => {
                return bad(format!(
                    "byte 10: it should be 0 (key) or 1 (passphrase), not {other}"
                ));
            }
        };
        let salt = *bytes[HEADER_BYTES..].first_chunk().expect("the prefix is longer");
        let header = Self { suite, cost, salt };
        let encoded = header.encode();
        if let Some(at) = (0..HEADER_BYTES).find(|at| encoded[*at] != bytes[*at]) {
            let (found, wanted) = (bytes[at], encoded[at]);
            return bad(format!("byte {at}: it should be {wanted} in this header, not {found}"));
        }
        Ok((header, *bytes.last_chunk().expect("the prefix is longer")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Vec<u8> {
        let cost = Some(Cost { memory_kib: 19 << 10, passes: 2, lanes: 1 });
        let suite = Suite::named("kuznyechik-mgm").expect("it is there");
        let mut file = Header { suite, cost, salt: [7; 24] }.encode().to_vec();
        file.extend([7; 24]);
        file.extend([9; 32]);
        file
    }

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let (header, commitment) = Header::decode(&file()).expect("it is one");
        assert_eq!(header.suite.name, "kuznyechik-mgm");
        assert_eq!(header.cost, Some(Cost { memory_kib: 19_456, passes: 2, lanes: 1 }));
        assert_eq!((header.salt, commitment), ([7; 24], [9; 32]));
    }

    #[test]
    fn every_other_header_is_refused_with_its_byte() {
        for at in 0..HEADER_BYTES {
            for bit in 0..8 {
                let mut changed = file();
                changed[at] ^= 1 << bit;
                // Another cipher of the same shape, or another cost, makes another header; that
                // it is not the file's own shows in the commitment.
                match Header::decode(&changed) {
                    Ok((header, _)) => assert_eq!(header.encode(), changed[..HEADER_BYTES]),
                    Err(error) => assert!(error.to_string().contains("byte "), "{error}"),
                }
            }
        }
        for len in 0..PREFIX_BYTES {
            assert!(Header::decode(&file()[..len]).is_err());
        }
    }

    #[test]
    fn a_file_cannot_ask_for_much_memory() {
        let mut greedy = file();
        greedy[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        let error = Header::decode(&greedy).expect_err("that is 4 TiB");
        assert!(error.to_string().contains("byte 16"), "{error}");
    }
}
