//! The job on pictures: what is seen of a ciphertext, and what is measured of it.

use bramble_guest::JobError;
use bramble_guest::local::Run;
use image_cipher::drawing::penguin;
use image_cipher::{JOB, row_cipher};

const SALT: &str = "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf";

fn run(args: &[(&str, &str)]) -> Run {
    let key: Vec<u8> = (0..32).collect();
    let run = Run::new(&JOB).arg("salt", SALT).secret("key", &key);
    args.iter().fold(run, |run, (name, value)| run.arg(name, value))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Printed by `data/ciphers.py`, with the Python packages cryptography 50.0.2 (AES, XTS, ChaCha20,
/// HKDF) and gostcrypto 1.2.5 (Kuznyechik, Magma).
const CIPHERTEXTS: [(&str, &str); 12] = [
    (
        "xchacha20-poly1305",
        "3e51f882751218bf5750812b3a8648ea4f622405e4d7000cc4a7fd283c46c10543bd748cc0d7b3c1\
         4519178167466e6638855ab3c669b9555987b0ca14df8bba0d71e06d3f3f74b9378ca0583ef9a715\
         4522adb7a937e2a2bc8bd827a2768b42628756850cce9930f50406832cceef67463d37f79ed51638",
    ),
    (
        "aes-256-xts",
        "539edb2f73a2dbbf2681caa0a5bacce9499a920656a8027acb7dd61497e5d255111c5f74e02837e9\
         c83524e99bafcea087612f46564abe007bf24e56e57886bf561654e5cd8c0e39e4456d7b2e6886a1\
         5d8b1d7fccfac2e30dbac625088717c326368919cd7bbe7edbffcffbd5f0361e537f73b7dd32e86a",
    ),
    (
        "chacha20-poly1305",
        "554ab3723c8e798fc9f9666714717afae3647da41e3c0a75f43aa68e695776a99d922b513e41dc36\
         31868c47f045bfbf495fd336e9b5aece46cafc7ed59359214781bbdc01ba049645849977d431b773\
         05bf40633390c5de10436ce115ec114d7185af5cbbbf65e4976c0e29ce93cb10c8548cc99d18b063",
    ),
    (
        "aes-256-ecb",
        "ff5d2c403f12606be13899f38cb490a48472d32bff79f269fe1991e8a1623d1e31c4b8479d66a967\
         8472d32bff79f269fe1991e8a1623d1e958d538980abe48a9d7c5c1f545939deeec30cb3f2ebe694\
         958d538980abe48a9d7c5c1f545939de780cba4fcf5b55ec1386bbecd1bdce0a90f6b50c42106ad3",
    ),
    (
        "aes-256-cbc",
        "f67f0845387d99c0c78998ea10322d1c0fef677c5531410c13c21edb79ff92dbdf2dea868c344141\
         df52cfab3f659b800826c07e3f644a216140fe53e9c6771351e3b3ae3c10d526c1d8344d497367b6\
         f20a88947119dfc85835544f2392f9d689a9e6deec80aaadfd7c63ba0fae34b95b5f1e24ba54bdc4",
    ),
    (
        "aes-256-ctr",
        "f67f0845387d99c0c78998ea10322d1c19a299fd8c2b3d70102648204bc09194f6270c510acde0b6\
         d4eff55584e3f3171605b742f7fa2ee9ce50eb21aecbfffe2a54b909f74e20df00c742ffcd688a8d\
         ffa1170d84e041866949238b92b2c46a4004ee31ac78146a9034fb96675827436d96b85609c83ee8",
    ),
    (
        "kuznyechik-ecb",
        "b674a489ebd4c899da54752d3bec641a83ca78e6ec708a35c68d5e14e5af874a59ce803e0e0ce0dd\
         83ca78e6ec708a35c68d5e14e5af874a4ae7bd2a89b5731c313f52d6c0ba3ac87d5436bdbf909ee9\
         4ae7bd2a89b5731c313f52d6c0ba3ac80098d636ab2fbb88d17f5023b57a47d565d97c9f79b9fef9",
    ),
    (
        "kuznyechik-cbc",
        "1dce10dd2df70b9d1d119165da5ee307ef05adb74c40a431390aa418a4aa72f19247484c958c1ec0\
         52e470e6ec642e41d2d27c5eb9d86aeb85d5a52b49a60f9ad1110cb394c056d8f49ce3a30f2dfa6c\
         24d6769e20c9873db040c521a53865d5d8dcc7845a7784a72e53072857655a3bd735491b5cd93d1c",
    ),
    (
        "kuznyechik-ctr",
        "1dce10dd2df70b9d1d119165da5ee307a78a4c67eb0307e626d6cbe331b50c8b5cee7eec0fc5662c\
         23c9a47fdfcdef7723d21c74f69cde20ff85406bc26c7a20104667b6d62e896c7b0e5312aeace2b0\
         0dc48e506da4017f6c874f1c99766b1e3d3e82acdbe52b4c8f24c0ab43cca7c4faf51ee587523e61",
    ),
    (
        "magma-ecb",
        "538e2875328ce305538e2875328ce305780d8a32a85f6735780d8a32a85f6735d0d885f1ce38398a\
         780d8a32a85f6735780d8a32a85f6735d0d885f1ce38398ad0d885f1ce38398aa52e4c19efc0f41c\
         d0d885f1ce38398ad0d885f1ce38398aa52e4c19efc0f41ca52e4c19efc0f41c68d435ee93c24c50",
    ),
    (
        "magma-cbc",
        "dbd000c9b5ae94b55e1c0d38c302563370f4db6e6718bced6dfc56e2943145145b7541522bfd0a1d\
         24a377f94be5d89556f2a541f2c03562bc41277e324b5085bc7bffddd4d1f0b82402569d2ee4120a\
         b5bafc7f6719729b8dc23c6ed3c06ab0c58efa26ec0aa0c398a2429f7e300f7a304b494747d7257e",
    ),
    (
        "magma-ctr",
        "dbd000c9b5ae94b5423202114d7644117324a2bb98dd5f207927d2185937d86c00b21a8b5d6562eb\
         5cc17373caf08721f0f300a15aae85fe6038f2275639e19f7f949fdcdccd881a5db0ce9ecc91325b\
         70e9f60f29278327dc1bcdf0b52d3d00a33e023d80c69abc7fa7d7cf73d15ce17e2f5a992b7a4593",
    ),
];

#[test]
fn ciphertexts_are_those_of_other_libraries() {
    let mut picture = b"P5\n40 3\n255\n".to_vec();
    picture.extend((0..3).flat_map(|y| (0..40).map(move |x| x / 16 + y)));
    for (cipher, expected) in CIPHERTEXTS {
        let view = run(&[("cipher", cipher)]).whole_in_any_chunks(&picture).unwrap();
        let (header, samples) = view.split_at(view.len() - 120);
        assert_eq!(header, b"P5\n40 3\n255\n");
        assert_eq!(hex(samples), expected, "{cipher}");
    }
    // Without their tags these are the same.
    let view = |cipher| run(&[("cipher", cipher)]).whole_in_any_chunks(&picture).unwrap();
    for (sealing, counter) in [
        ("aes-256-gcm", "aes-256-ctr"),
        ("aes-256-ctr-hmac", "aes-256-ctr"),
        ("kuznyechik-mgm", "kuznyechik-ctr"),
        ("magma-mgm", "magma-ctr"),
    ] {
        assert_eq!(view(sealing), view(counter));
    }
}

#[test]
fn rows_shorter_than_a_block_are_encrypted_too() {
    for cipher in row_cipher::NAMES {
        for width in [1, 2, 7, 8, 15, 16, 17] {
            let picture = [format!("P5 {width} 9 255\n").into_bytes(), vec![0; width * 9]].concat();
            let view = run(&[("cipher", cipher)]).whole_in_any_chunks(&picture).unwrap();
            assert!(view[view.len() - width * 9..].iter().any(|byte| *byte != 0), "{cipher}");
        }
    }
}

#[test]
fn equal_blocks_stay_equal_in_ecb_mode_only() {
    let picture = [&b"P5 160 8 255\n"[..], &[200; 160 * 8]].concat();
    for cipher in row_cipher::NAMES {
        let view = run(&[("cipher", cipher)]).whole_in_any_chunks(&picture).unwrap();
        let mut blocks: Vec<&[u8]> = view[view.len() - 160 * 8..].chunks(16).collect();
        blocks.sort_unstable();
        blocks.dedup();
        let expected = if cipher.ends_with("-ecb") { 1 } else { 80 };
        assert_eq!(blocks.len(), expected, "{cipher}");
    }
}

#[test]
fn side_by_side_shows_the_picture_its_ecb_and_its_ciphertext() {
    let picture = penguin(32, 20);
    let show = |args: &[(&str, &str)]| run(args).whole_in_any_chunks(&picture).unwrap();
    let all = show(&[("side-by-side", "true"), ("cipher", "magma-cbc")]);
    let (ecb, cbc) = (show(&[("cipher", "magma-ecb")]), show(&[("cipher", "magma-cbc")]));
    let rows = all.strip_prefix(b"P6\n96 20\n255\n").unwrap();
    for (y, row) in rows.chunks(3 * 96).enumerate() {
        for (panel, one) in row.chunks(96).zip([&picture, &ecb, &cbc]) {
            let start = one.len() - 32 * 20 * 3 + y * 96;
            assert_eq!(panel, &one[start..start + 96]);
        }
    }
}

#[test]
fn a_new_salt_or_key_gives_a_new_ciphertext_and_the_same_ones_the_same() {
    let picture = penguin(40, 30);
    let view = |run: Run| run.whole_in_any_chunks(&picture).unwrap();
    assert_eq!(view(run(&[])), view(run(&[])));
    assert_ne!(view(run(&[])), view(run(&[("salt", "00")])));
    assert_ne!(view(run(&[])), view(run(&[]).secret("key", &[7; 32])));
    let digits = hex(&(0..32).collect::<Vec<u8>>()) + "\n";
    assert_eq!(view(run(&[])), view(run(&[]).secret("key", digits.as_bytes())));
}

#[test]
fn a_table_tells_ecb_from_ciphers_that_hide_the_picture() {
    let picture = penguin(96, 96);
    for cipher in row_cipher::NAMES {
        let run = run(&[("do", "analyse"), ("cipher", cipher)]);
        let table = String::from_utf8(run.whole_in_any_chunks(&picture).unwrap()).unwrap();
        let bad = |name: &str| {
            let lines = table.lines().filter(|line| line.starts_with(name));
            lines.filter(|line| !line.ends_with("\tas random")).count()
        };
        assert_eq!(bad("plain."), 5, "{cipher}:\n{table}");
        assert!(bad("ecb.") >= 5, "{cipher}:\n{table}");
        match *cipher {
            name if name.ends_with("-ecb") => assert!(bad("cipher.") >= 5, "{table}"),
            // What XTS does not hide is which sectors were changed.
            "aes-256-xts" => assert_eq!(bad("cipher."), 2, "{table}"),
            _ => assert_eq!((bad("cipher."), bad("cipher.same-nonce")), (2, 2), "{table}"),
        }
    }
}

#[test]
fn parameters_that_cannot_be_are_refused() {
    let picture = penguin(4, 4);
    for args in [[("salt", "abc")], [("salt", "xy")], [("cipher", "rot13")], [("width", "4")]] {
        let result = run(&args).whole_in_any_chunks(&picture);
        assert!(matches!(result, Err(JobError::BadParam(_))), "{args:?}: {result:?}");
    }
    for key in [&b""[..], b"short", &[b'0'; 63], &[b'g'; 64]] {
        let result = run(&[]).secret("key", key).whole_in_any_chunks(&picture);
        assert!(matches!(result, Err(JobError::BadParam(_))), "{key:?}: {result:?}");
    }
}
