//! Bytes that are not quite what they were: the same changes for the same seed.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Gives changed copies of some bytes, each different from the original.
#[derive(Clone, Debug)]
pub struct Mutator(ChaCha8Rng);

impl Mutator {
    /// A mutator whose changes follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A place below `end`, which must not be 0.
    fn below(&mut self, end: usize) -> usize {
        (self.0.next_u64() % end as u64) as usize
    }

    /// A copy of `bytes` with one thing changed: a bit, a byte, a stretch that is zeroed, doubled,
    /// left out or put elsewhere, bytes added, or the end cut off.
    pub fn change(&mut self, bytes: &[u8]) -> Vec<u8> {
        loop {
            let changed = self.attempt(bytes.to_vec());
            if changed != bytes {
                return changed;
            }
        }
    }

    fn attempt(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        if bytes.is_empty() {
            return vec![self.0.next_u32() as u8];
        }
        let at = self.below(bytes.len());
        let end = at + 1 + self.below((bytes.len() - at).min(64));
        match self.below(9) {
            0 | 1 => bytes[at] ^= 1 << self.below(8),
            2 => bytes[at] = self.0.next_u32() as u8,
            3 => bytes[at..end].fill(0),
            4 => bytes.truncate(at),
            5 => bytes.push(self.0.next_u32() as u8),
            6 => drop(bytes.drain(at..end)),
            7 => {
                let doubled = bytes[at..end].to_vec();
                bytes.splice(at..at, doubled);
            }
            _ => {
                let to = self.below(bytes.len());
                bytes.swap(at, to);
            }
        }
        bytes
    }
}
