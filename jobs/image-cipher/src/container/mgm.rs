//! Multilinear Galois mode (RFC 9058), the authenticated mode of the GOST block ciphers. RustCrypto
//! has it for an older generation of its traits only. Tested with the RFC's own examples.

use ctr::cipher::{Block, BlockCipherEncrypt, BlockSizeUser};

/// Blocks that are encrypted at a time.
const BATCH: usize = 32;

/// A block cipher in this mode, of blocks of 8 or 16 bytes. The tag has a block's length.
pub struct Mgm<C>(pub C);

impl<C: BlockCipherEncrypt> Mgm<C> {
    /// Encrypts `bytes` in place and gives the tag. The nonce has a block's length, and its first
    /// bit is not used.
    pub fn encrypt(&self, nonce: &[u8], associated: &[u8], bytes: &mut [u8]) -> Vec<u8> {
        self.apply_keystream(nonce, bytes);
        self.tag(nonce, associated, bytes)
    }

    /// Decrypts `bytes` in place, if the tag is theirs.
    pub fn decrypt(&self, nonce: &[u8], associated: &[u8], bytes: &mut [u8], tag: &[u8]) -> bool {
        let expected = self.tag(nonce, associated, bytes);
        // All bytes are looked at, so that the time does not tell how many are right.
        let difference = expected.iter().zip(tag).fold(0, |all, (a, b)| all | (a ^ b));
        let is_authentic = expected.len() == tag.len() && difference == 0;
        if is_authentic {
            self.apply_keystream(nonce, bytes);
        }
        is_authentic
    }

    fn apply_keystream(&self, nonce: &[u8], bytes: &mut [u8]) {
        let mut counter = Counter::<C>::new(&self.0, nonce, false);
        for batch in bytes.chunks_mut(BATCH * C::block_size()) {
            let keystream = counter.next_blocks(batch.len());
            for (bytes, key) in batch.chunks_mut(C::block_size()).zip(&keystream) {
                bytes.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            }
        }
    }

    fn tag(&self, nonce: &[u8], associated: &[u8], bytes: &[u8]) -> Vec<u8> {
        let mut factors = Counter::<C>::new(&self.0, nonce, true);
        let mut sum = Product::default();
        for text in [associated, bytes] {
            for batch in text.chunks(BATCH * C::block_size()) {
                let blocks = factors.next_blocks(batch.len());
                for (bytes, factor) in batch.chunks(C::block_size()).zip(&blocks) {
                    sum.add(number(factor), number(&padded::<C>(bytes)));
                }
            }
        }
        let bits = |text: &[u8]| text.len() as u128 * 8;
        let lengths = bits(associated) << half_bits::<C>() | bits(bytes);
        sum.add(number(&factors.next_blocks(1)[0]), lengths);
        let mut tag = block::<C>(sum.reduced(C::block_size()));
        self.0.encrypt_block(&mut tag);
        tag.to_vec()
    }
}

/// The encrypted counters: their right half counts for the keystream, their left half for the
/// factors of the tag, so that they never meet.
struct Counter<'c, C> {
    cipher: &'c C,
    value: u128,
    counts_left: bool,
}

impl<'c, C: BlockCipherEncrypt> Counter<'c, C> {
    fn new(cipher: &'c C, nonce: &[u8], counts_left: bool) -> Self {
        let mut first = padded::<C>(nonce);
        first[0] = if counts_left { first[0] | 0x80 } else { first[0] & 0x7f };
        cipher.encrypt_block(&mut first);
        Self { cipher, value: number(&first), counts_left }
    }

    /// As many as are needed for `bytes`.
    fn next_blocks(&mut self, bytes: usize) -> Vec<Block<C>> {
        let half = half_bits::<C>();
        let right = (1u128 << half) - 1;
        let (one, counting) =
            if self.counts_left { (1 << half, right << half) } else { (1, right) };
        let next = || {
            let block = block::<C>(self.value);
            let counted = self.value.wrapping_add(one) & counting;
            self.value = counted | (self.value & !counting);
            block
        };
        let count = bytes.div_ceil(C::block_size());
        let mut blocks: Vec<_> = std::iter::repeat_with(next).take(count).collect();
        self.cipher.encrypt_blocks(&mut blocks);
        blocks
    }
}

fn half_bits<C: BlockSizeUser>() -> usize {
    C::block_size() * 4
}

fn padded<C: BlockSizeUser>(bytes: &[u8]) -> Block<C> {
    let mut block = Block::<C>::default();
    block[..bytes.len()].copy_from_slice(bytes);
    block
}

fn block<C: BlockSizeUser>(value: u128) -> Block<C> {
    let mut block = Block::<C>::default();
    let len = block.len();
    block.copy_from_slice(&value.to_be_bytes()[16 - len..]);
    block
}

fn number(block: &[u8]) -> u128 {
    block.iter().fold(0, |value, byte| value << 8 | u128::from(*byte))
}

/// A sum of products of polynomials over GF(2), of up to 256 bits. It is reduced once at the end,
/// because reducing is linear.
#[derive(Default)]
struct Product {
    high: u128,
    low: u128,
}

impl Product {
    fn add(&mut self, a: u128, b: u128) {
        let split = |value: u128| ((value >> 64) as u64, value as u64);
        let ((a1, a0), (b1, b0)) = (split(a), split(b));
        let (high, low) = (multiplied(a1, b1), multiplied(a0, b0));
        let middle = multiplied(a0 ^ a1, b0 ^ b1) ^ high ^ low;
        self.high ^= high ^ middle >> 64;
        self.low ^= low ^ middle << 64;
    }

    /// The rest after a division by the field's polynomial (RFC 9058, section 3).
    fn reduced(&self, block_bytes: usize) -> u128 {
        if block_bytes == 16 {
            // x^128 = x^7 + x^2 + x + 1
            let folded = |high: u128| high ^ high << 1 ^ high << 2 ^ high << 7;
            let over = self.high >> 127 ^ self.high >> 126 ^ self.high >> 121;
            return self.low ^ folded(self.high) ^ folded(over);
        }
        // x^64 = x^4 + x^3 + x + 1, twice, because the first time leaves 4 bits over.
        let folded = |value: u128| {
            let high = value >> 64;
            (value & u128::from(u64::MAX)) ^ high ^ high << 1 ^ high << 3 ^ high << 4
        };
        folded(folded(self.low))
    }
}

/// The product of two polynomials, always in the same time: numbers are multiplied with 3 zeros
/// between their bits, which hold the carries.
fn multiplied(a: u64, b: u64) -> u128 {
    let low = low_half(a, b);
    let high = low_half(a.reverse_bits(), b.reverse_bits()).reverse_bits() >> 1;
    u128::from(high) << 64 | u128::from(low)
}

fn low_half(a: u64, b: u64) -> u64 {
    const EVERY_FOURTH: u64 = 0x1111_1111_1111_1111;
    let spread = |value: u64| [0, 1, 2, 3].map(|at| value & (EVERY_FOURTH << at));
    let (a, b) = (spread(a), spread(b));
    (0..4).fold(0, |sum, at| {
        let products = (0..4).map(|i| a[i].wrapping_mul(b[(at + 4 - i) % 4]));
        sum | (products.fold(0, |all, product| all ^ product) & (EVERY_FOURTH << at))
    })
}

#[cfg(test)]
mod tests {
    use aes_gcm::KeyInit;
    use kuznyechik::KuznyechikEnc;
    use magma::Magma;

    use super::*;
    use crate::hex::from_hex;

    /// Key, nonce, associated data, text, ciphertext and tag.
    struct Example([&'static str; 5]);

    fn check<C: BlockCipherEncrypt + KeyInit>(Example(fields): &Example) {
        let [key, nonce, associated, text, sealed] =
            fields.map(|field| from_hex(field.as_bytes()).expect("it is hexadecimal"));
        let mgm = Mgm(C::new_from_slice(&key).expect("it has 32 bytes"));
        let mut bytes = text.clone();
        let tag = mgm.encrypt(&nonce, &associated, &mut bytes);
        assert_eq!([bytes.clone(), tag.clone()].concat(), sealed);
        assert!(mgm.decrypt(&nonce, &associated, &mut bytes, &tag));
        assert_eq!(bytes, text);
    }

    #[test]
    fn it_is_the_mode_of_rfc_9058_with_kuznyechik() {
        // Appendix A.1, examples 1 and 2.
        check::<KuznyechikEnc>(&Example([
            "8899aabbccddeeff0011223344556677fedcba98765432100123456789abcdef",
            "1122334455667700ffeeddccbbaa9988",
            "0202020202020202010101010101010104040404040404040303030303030303ea0505050505050505",
            "1122334455667700ffeeddccbbaa998800112233445566778899aabbcceeff0a\
             112233445566778899aabbcceeff0a002233445566778899aabbcceeff0a0011aabbcc",
            "a9757b8147956e9055b8a33de89f42fc8075d2212bf9fd5bd3f7069aadc16b39\
             497ab15915a6ba85936b5d0ea9f6851cc60c14d4d3f883d0ab94420695c76deb2c7552\
             cf5d656f40c34f5c46e8bb0e29fcdb4c",
        ]));
        check::<KuznyechikEnc>(&Example([
            "99aabbccddeeff0011223344556677fedcba98765432100123456789abcdef88",
            "1122334455667700ffeeddccbbaa9988",
            "01010101010101010101010101010101",
            "",
            "7901e9ea2085cd247ed249695f9f8a85",
        ]));
    }

    #[test]
    fn it_is_the_mode_of_rfc_9058_with_magma() {
        // Appendix A.2, examples 1 and 2.
        check::<Magma>(&Example([
            "ffeeddccbbaa99887766554433221100f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
            "12def06b3c130a59",
            "01010101010101010202020202020202030303030303030304040404040404040505050505050505ea",
            "ffeeddccbbaa998811223344556677008899aabbcceeff0a0011223344556677\
             99aabbcceeff0a001122334455667788aabbcceeff0a00112233445566778899aabbcc",
            "c795066c5f9ea03b85113342459185ae1f2e00d6bf2b785d940470b8bb9c8e7d\
             9a5dd3731f7ddc70ec27cb0ace6fa57670f65c646abb75d547aa37c3bcb5c34e03bb9c\
             a7928069aa10fd10",
        ]));
        check::<Magma>(&Example([
            "99aabbccddeeff0011223344556677fedcba98765432100123456789abcdef88",
            "0077665544332211",
            "",
            "22334455667700ff",
            "6a95e1426b259d4e334ee270450bec9e",
        ]));
    }

    #[test]
    fn a_product_of_polynomials_is_a_sum_of_shifted_ones() {
        let numbers = [0, 1, 2, u64::MAX, 1 << 63, 0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3211];
        for a in numbers {
            for b in numbers {
                let shifted = (0..64).filter(|bit| b >> bit & 1 == 1);
                let expected = shifted.fold(0, |sum, bit| sum ^ u128::from(a) << bit);
                assert_eq!(multiplied(a, b), expected, "{a:x} {b:x}");
            }
        }
    }
}
