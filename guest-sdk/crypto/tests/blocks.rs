//! Blocks, and what is refused.

use bramble_crypto::{Aead, BYTES_MAX, Blocks, Cost, CryptoError, Hash, Key, TAG_BYTES};
use zeroize::Zeroizing;

fn key() -> Key {
    Key::new(Zeroizing::new(vec![7; 32]))
}

const AEADS: [(Aead, usize); 3] =
    [(Aead::Aes256Gcm, 12), (Aead::ChaCha20Poly1305, 12), (Aead::XChaCha20Poly1305, 24)];

#[test]
fn blocks_in_one_call_are_what_each_gives_alone() {
    let text: Vec<u8> = (0..1000u32).map(|at| at as u8).collect();
    for (aead, nonce_bytes) in AEADS {
        let cipher = key().cipher(aead).unwrap();
        let nonce = vec![0x5a; nonce_bytes];
        let blocks = Blocks { len: 300, nonce: &nonce, first: 7, step: 256 };
        let sealed = cipher.seal(&blocks, b"about", &text).unwrap();
        let mut alone = Vec::new();
        for (at, block) in text.chunks(300).enumerate() {
            let mut nonce = nonce.clone();
            let number = (7 + 256 * at as u64).to_be_bytes();
            let last = nonce.len() - 8;
            nonce[last..].iter_mut().zip(number).for_each(|(byte, with)| *byte ^= with);
            alone.extend(cipher.seal(&Blocks::one(&nonce), b"about", block).unwrap());
        }
        assert_eq!(sealed, alone, "{aead:?}");
        assert_eq!(sealed.len(), text.len() + 4 * TAG_BYTES);
        assert_eq!(cipher.open(&blocks, b"about", &sealed).unwrap(), text);
    }
}

#[test]
fn every_change_is_noticed_and_named_by_its_block() {
    let cipher = key().cipher(Aead::Aes256Gcm).unwrap();
    let blocks = Blocks { len: 10, nonce: &[1; 12], first: 0, step: 1 };
    let sealed = cipher.seal(&blocks, b"", &[9; 25]).unwrap();
    let opened = |sealed: &[u8]| cipher.open(&blocks, b"", sealed);
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        let block = (at / (10 + TAG_BYTES)) as u32;
        assert_eq!(opened(&changed), Err(CryptoError::NotAuthentic(block)), "byte {at}");
    }
    for length in 0..sealed.len() {
        let whole = length % (10 + TAG_BYTES) == 0 && length > 0;
        // What lacks whole blocks is sealed well, and for whoever counts them to notice.
        assert_eq!(opened(&sealed[..length]).is_ok(), whole, "{length} bytes");
    }
    let swapped = [&sealed[26..52], &sealed[..26], &sealed[52..]].concat();
    assert_eq!(opened(&swapped), Err(CryptoError::NotAuthentic(0)));
    assert!(cipher.open(&blocks, b"other", &sealed).is_err());
    assert!(cipher.open(&Blocks { first: 1, ..blocks }, b"", &sealed).is_err());
}

#[test]
fn an_empty_text_is_one_empty_block() {
    for (aead, nonce_bytes) in AEADS {
        let cipher = key().cipher(aead).unwrap();
        let nonce = vec![0; nonce_bytes];
        let sealed = cipher.seal(&Blocks::one(&nonce), b"", b"").unwrap();
        assert_eq!(sealed.len(), TAG_BYTES);
        assert_eq!(cipher.open(&Blocks::one(&nonce), b"", &sealed).unwrap(), b"");
        assert_eq!(cipher.open(&Blocks::one(&nonce), b"", b""), Err(CryptoError::NotAuthentic(0)));
    }
}

#[test]
fn what_is_out_of_bounds_is_refused_in_words() {
    let unfit = |result: Result<(), CryptoError>| match result {
        Err(CryptoError::Unfit(what)) => what,
        other => panic!("{other:?}"),
    };
    let cipher = key().cipher(Aead::Aes256Gcm).unwrap();
    let blocks = Blocks::one(&[0; 12]);
    let sealed = |blocks: &Blocks<'_>, text: &[u8]| cipher.seal(blocks, b"", text).map(drop);
    assert!(unfit(sealed(&Blocks::one(&[0; 24]), b"")).contains("a nonce of 24 bytes"));
    assert!(unfit(sealed(&Blocks { len: 0, ..blocks }, b"")).contains("no bytes"));
    assert!(unfit(sealed(&blocks, &vec![0; BYTES_MAX + 1])).contains("at most"));
    let far = Blocks { len: 1, first: u64::MAX, step: 1, ..blocks };
    assert!(unfit(sealed(&far, b"ab")).contains("64 bits"));
    let short = Key::new(Zeroizing::new(vec![1; 16]));
    assert!(unfit(short.cipher(Aead::Aes256Gcm).map(drop)).contains("a key of 16 bytes"));
    assert!(unfit(key().aes256_ctr(&[0; 12], &mut [])).contains("a counter of 12"));
    assert!(unfit(key().hkdf_expand(Hash::Sha256, b"", 1_025).map(drop)).contains("a rest"));
    let cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };
    for (salt, cost) in [
        (&b"1234567"[..], cost),
        (b"12345678", Cost { memory_kib: 65 << 10, ..cost }),
        (b"12345678", Cost { memory_kib: 7, ..cost }),
        (b"12345678", Cost { passes: 0, ..cost }),
        (b"12345678", Cost { passes: 17, ..cost }),
        (b"12345678", Cost { lanes: 5, memory_kib: 64, ..cost }),
    ] {
        unfit(Key::from_passphrase(b"word", salt, cost).map(drop));
    }
    assert!(Key::from_passphrase(b"word", b"12345678", cost).is_ok());
}

#[test]
fn keys_are_not_shown() {
    let key = key();
    let cipher = key.cipher(Aead::Aes256Gcm).unwrap();
    assert_eq!(format!("{key:?} {cipher:?}"), "Key(hidden) Cipher(hidden)");
}
