//! Vectors of the standards, through the calls that guests use.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use bramble_crypto::{Aead, Blocks, Cost, Digest, Hash, Key, digest_of};
use zeroize::Zeroizing;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().map(|c| c.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

fn key(hex: &str) -> Key {
    Key::new(Zeroizing::new(bytes(hex)))
}

/// Seals and opens by one vector.
fn check(aead: Aead, hex: &str, nonce: &str, associated: &str, text: &[u8], sealed: &str) {
    let cipher = key(hex).cipher(aead).unwrap();
    let (nonce, associated) = (bytes(nonce), bytes(associated));
    let got = cipher.seal(&Blocks::one(&nonce), &associated, text).unwrap();
    assert_eq!(got, bytes(sealed));
    assert_eq!(cipher.open(&Blocks::one(&nonce), &associated, &got).unwrap(), text);
}

const SUNSCREEN: &[u8] = b"Ladies and Gentlemen of the class of '99: If I could offer you only \
                           one tip for the future, sunscreen would be it.";
const RFC_KEY: &str = "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f";

/// Test case 16 of "The Galois/Counter Mode of Operation (GCM)", McGrew and Viega, appendix B.
#[test]
fn aes_256_gcm_is_as_its_authors_have_it() {
    check(
        Aead::Aes256Gcm,
        "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        "cafebabefacedbaddecaf888",
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        &bytes(concat!(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72",
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
        )),
        concat!(
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa",
            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
            "76fc6ece0f4e1768cddf8853bb2d551b"
        ),
    );
}

/// RFC 8439, section 2.8.2.
#[test]
fn chacha20_poly1305_is_as_the_rfc_has_it() {
    check(
        Aead::ChaCha20Poly1305,
        RFC_KEY,
        "070000004041424344454647",
        "50515253c0c1c2c3c4c5c6c7",
        SUNSCREEN,
        concat!(
            "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6",
            "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36",
            "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc",
            "3ff4def08e4b7a9de576d26586cec64b6116",
            "1ae10b594f09e26a7e902ecbd0600691"
        ),
    );
}

/// draft-irtf-cfrg-xchacha-03, appendix A.3.1.
#[test]
fn xchacha20_poly1305_is_as_the_draft_has_it() {
    check(
        Aead::XChaCha20Poly1305,
        RFC_KEY,
        "404142434445464748494a4b4c4d4e4f5051525354555657",
        "50515253c0c1c2c3c4c5c6c7",
        SUNSCREEN,
        concat!(
            "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb",
            "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452",
            "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9",
            "21f9664c97637da9768812f615c68b13b52e",
            "c0875924c1c7987947deafd8780acf49"
        ),
    );
}

/// NIST SP 800-38A, section F.5.5.
#[test]
fn aes_256_ctr_is_as_nist_has_it() {
    let key = key("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
    let counter = bytes("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    let text = bytes("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
    let mut got = text.clone();
    key.aes256_ctr(&counter, &mut got).unwrap();
    let sealed = "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5";
    assert_eq!(got, bytes(sealed));
    key.aes256_ctr(&counter, &mut got).unwrap();
    assert_eq!(got, text);
}

/// What a key that was derived seals shows which key it is.
fn shown(key: &Key) -> Vec<u8> {
    key.cipher(Aead::Aes256Gcm).unwrap().seal(&Blocks::one(&[0; 12]), b"", b"text").unwrap()
}

/// RFC 5869, test case 1 of appendix A: the extracted key, and the 42 bytes.
#[test]
fn hkdf_is_as_the_rfc_has_it() {
    let (salt, info) = (bytes("000102030405060708090a0b0c"), bytes("f0f1f2f3f4f5f6f7f8f9"));
    let input = key(&"0b".repeat(22));
    let prk = key("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    let okm = key("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
    for (derived, rest) in [
        input.hkdf(Hash::Sha256, &salt, &info, 10).unwrap(),
        prk.hkdf_expand(Hash::Sha256, &info, 10).unwrap(),
    ] {
        assert_eq!(rest, bytes("34007208d5b887185865"));
        assert_eq!(shown(&derived), shown(&okm));
    }
}

/// `openssl kdf -keylen 76 -kdfopt digest:SHA512 -kdfopt mode:EXPAND_ONLY -kdfopt
/// hexkey:000102…1f -kdfopt info:bramble HKDF` of OpenSSL 3.0.
#[test]
fn hkdf_expand_with_sha_512_is_as_openssl_has_it() {
    let input = Key::new(Zeroizing::new((0..32).collect()));
    let (derived, rest) = input.hkdf_expand(Hash::Sha512, b"bramble", 44).unwrap();
    assert_eq!(
        rest,
        bytes(
            "a7a235be18c2597255cf2180315593e16784ab7991c848bd0ec07c5b6b78870e8e1600caf524be9b5dbb540a"
        )
    );
    assert_eq!(
        shown(&derived),
        shown(&key("3d66c6caff84d69f872e00c10721c2b15c3b1de4f593fbdc6cc1c019afd94320"))
    );
}

/// The reference implementation's own tests (phc-winner-argon2, src/test.c, version 0x13).
#[test]
fn argon2id_is_as_its_authors_have_it() {
    for (memory_kib, lanes, expected) in [
        (256, 1, "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"),
        (256, 2, "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037"),
    ] {
        let cost = Cost { memory_kib, passes: 2, lanes };
        let derived = Key::from_passphrase(b"password", b"somesalt", cost).unwrap();
        assert_eq!(shown(&derived), shown(&key(expected)), "{lanes} lanes");
    }
}

/// FIPS 180-4 by `sha256sum`; BLAKE3 by `b3sum`, both of an empty file.
#[test]
fn digests_are_as_known_tools_have_them() {
    let sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let blake3 = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
    assert_eq!(digest_of(Digest::Sha256, b"").as_slice(), bytes(sha256));
    assert_eq!(digest_of(Digest::Blake3, b"").as_slice(), bytes(blake3));
}
