//! Random numbers that are computed from a counter: number `n` needs no number before it.
//!
//! Philox2x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3",
//! SC11 (2011): ten rounds of a multiplication whose halves are mixed with the key.

/// Philox's multiplier for two words of 32 bits.
const MULTIPLIER: u64 = 0xD256_D193;
/// What the key grows by after each round: the golden ratio's fraction.
const KEY_STEP: u32 = 0x9E37_79B9;

/// Two random words for each counter and key.
#[inline]
pub(crate) fn random(counter: u64, key: u32) -> [u32; 2] {
    let (mut left, mut right, mut key) = (counter as u32, (counter >> 32) as u32, key);
    for _ in 0..10 {
        let product = MULTIPLIER * u64::from(left);
        left = (product >> 32) as u32 ^ key ^ right;
        right = product as u32;
        key = key.wrapping_add(KEY_STEP);
    }
    [left, right]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_gives_its_published_numbers() {
        // The authors' tests/kat_vectors in Random123, lines `philox2x32 10`.
        assert_eq!(random(0, 0), [0xff1d_ae59, 0x6cd1_0df2]);
        assert_eq!(random(u64::MAX, u32::MAX), [0x2c3f_628b, 0xab4f_d7ad]);
        assert_eq!(random(0x85a3_08d3_243f_6a88, 0x1319_8a2e), [0xdd7c_e038, 0xf62a_4c12]);
    }
}
