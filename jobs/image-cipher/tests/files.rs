//! Sealed files as a user sees them: what went in comes out, and nothing else ever does.

use bramble_guest::local::Run;
use bramble_guest::{JobError, JobResult};
use image_cipher::JOB;
use image_cipher::container::{PREFIX_BYTES, SUITES};

const KEY: &[u8] = b"YELLOW SUBMARINE YELLOW SUBMARIN";
const SALT: &str = "000102030405060708090a0b0c0d0e0f1011121314151617";

fn encrypt(cipher: &str) -> Run {
    Run::new(&JOB).arg("do", "encrypt").arg("cipher", cipher).arg("salt", SALT).secret("key", KEY)
}

fn decrypt() -> Run {
    Run::new(&JOB).arg("do", "decrypt").secret("key", KEY)
}

/// Decrypts in chunks of about so many bytes, as a cluster would.
fn opened(run: &Run, sealed: &[u8], bytes: usize) -> JobResult<Vec<u8>> {
    let chunks = run.chunks(sealed, bytes)?;
    run.whole(&chunks.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// No two stretches of it are equal.
fn text(bytes: usize) -> Vec<u8> {
    (0u32..).flat_map(|word| word.wrapping_mul(0x9e37_79b9).to_le_bytes()).take(bytes).collect()
}

/// What goes wrong with a file, in one chunk and in several.
fn complaint(run: &Run, sealed: &[u8]) -> JobError {
    let errors: Vec<JobError> = [sealed.len().max(1), 70_000, 1]
        .map(|bytes| opened(run, sealed, bytes).expect_err("the file is not as it was sealed"))
        .into();
    errors.into_iter().next().expect("there are three")
}

fn says(error: &JobError, words: &str) {
    assert!(error.to_string().contains(words), "`{error}` should say `{words}`");
}

#[test]
fn a_file_of_any_length_comes_back_whatever_the_cut() {
    for suite in &SUITES {
        let segment = suite.segment_bytes;
        for len in [0, 1, 15, segment - 1, segment, segment + 1, 3 * segment, 5 * segment + 77] {
            let text = text(len);
            let sealed = encrypt(suite.name).whole_in_any_chunks(&text).expect("it encrypts");
            let segments = match suite.name {
                "aes-256-gcm" => len / segment + 1,
                _ => len.div_ceil(segment).max(1),
            };
            assert_eq!(sealed.len(), PREFIX_BYTES + len + segments * suite.tag_bytes);
            let back = decrypt().block_bytes(1_000).whole_in_any_chunks(&sealed);
            assert!(back.expect("it decrypts") == text, "{} of {len} bytes", suite.name);
        }
    }
}

#[test]
fn every_changed_bit_is_noticed() {
    for suite in &SUITES {
        let sealed = encrypt(suite.name).whole_in_any_chunks(&text(5)).expect("it encrypts");
        for at in 0..sealed.len() {
            for bit in [1, 0x80] {
                let mut changed = sealed.clone();
                changed[at] ^= bit;
                assert!(opened(&decrypt(), &changed, 1 << 20).is_err(), "{} {at}", suite.name);
            }
        }
    }
}

#[test]
fn a_wrong_key_is_told_from_damage() {
    for suite in &SUITES {
        let sealed = encrypt(suite.name).whole_in_any_chunks(&text(100)).expect("it encrypts");
        let wrong = Run::new(&JOB).arg("do", "decrypt").secret("key", &[1; 32]);
        let error = complaint(&wrong, &sealed);
        assert!(matches!(error, JobError::BadParam(_)), "{error:?}");
        says(&error, "the secret `key` is not the one");

        let mut damaged = sealed;
        damaged[PREFIX_BYTES + 3] ^= 4;
        let error = complaint(&decrypt(), &damaged);
        assert!(matches!(error, JobError::BadInput(_)), "{error:?}");
        says(&error, "segment 0");
    }
}

#[test]
fn files_cut_short_or_made_longer_are_refused() {
    for suite in &SUITES {
        let whole = suite.sealed_segment_bytes();
        let sealed =
            encrypt(suite.name).whole_in_any_chunks(&text(3 * suite.segment_bytes + 9)).expect("");
        for len in [0, 1, 31, PREFIX_BYTES - 1, PREFIX_BYTES, PREFIX_BYTES + 1, sealed.len() - 1] {
            complaint(&decrypt(), &sealed[..len]);
        }
        // Between two segments: only the construction notices.
        says(&complaint(&decrypt(), &sealed[..PREFIX_BYTES + 2 * whole]), "cut short");
        let longer = [sealed.as_slice(), &[0; 7]].concat();
        complaint(&decrypt(), &longer);
        let twice = [sealed.as_slice(), &sealed[PREFIX_BYTES..]].concat();
        complaint(&decrypt(), &twice);
    }
    let sealed = encrypt("chacha20-poly1305").whole_in_any_chunks(&text(65_536)).expect("");
    let longer = [sealed.as_slice(), &[0; 70_000]].concat();
    says(&complaint(&decrypt(), &longer), "bytes were added");
}

#[test]
fn segments_in_another_order_or_of_another_file_are_refused() {
    for suite in &SUITES {
        let whole = suite.sealed_segment_bytes();
        let places =
            |number: usize| PREFIX_BYTES + number * whole..PREFIX_BYTES + (number + 1) * whole;
        let text = text(4 * suite.segment_bytes + 1);
        let sealed = encrypt(suite.name).whole_in_any_chunks(&text).expect("it encrypts");

        let mut swapped = sealed.clone();
        swapped[places(1)].copy_from_slice(&sealed[places(2)]);
        swapped[places(2)].copy_from_slice(&sealed[places(1)]);
        says(&complaint(&decrypt(), &swapped), "number 2 stands in place 1");

        let mut repeated = sealed.clone();
        repeated[places(3)].copy_from_slice(&sealed[places(0)]);
        says(&complaint(&decrypt(), &repeated), "number 0 stands in place 3");

        // The same text and key, but as always another salt.
        let run = encrypt(suite.name).arg("salt", &"ff".repeat(24));
        let other = run.whole_in_any_chunks(&text).expect("it encrypts");
        let mut spliced = sealed.clone();
        spliced[places(1)].copy_from_slice(&other[places(1)]);
        says(&complaint(&decrypt(), &spliced), "segment 1) are not what was sealed");
        let exchanged = [&other[..PREFIX_BYTES], &sealed[PREFIX_BYTES..]].concat();
        says(&complaint(&decrypt(), &exchanged), "segment 0");
    }
}

#[test]
fn equal_files_and_equal_segments_look_different() {
    for suite in &SUITES {
        let sealed = encrypt(suite.name).whole_in_any_chunks(&vec![0; 2 * suite.segment_bytes + 1]);
        let sealed = sealed.expect("it encrypts");
        let (first, second) = sealed[PREFIX_BYTES..].split_at(suite.sealed_segment_bytes());
        assert_ne!(first[..32], second[..32]);
        assert_ne!(first[..16], first[16..32]);
    }
}

#[test]
fn a_passphrase_makes_the_key_and_its_cost_stands_in_the_file() {
    let run = Run::new(&JOB)
        .arg("do", "encrypt")
        .arg("salt", SALT)
        .arg("memory-kib", "64")
        .arg("passes", "1")
        .secret("passphrase", b"correct horse");
    let sealed = run.whole_in_any_chunks(&text(40_000)).expect("it encrypts");
    let decrypt = Run::new(&JOB).arg("do", "decrypt");
    let right = decrypt.clone().secret("passphrase", b"correct horse");
    assert!(right.whole_in_any_chunks(&sealed).expect("it decrypts") == text(40_000));

    let wrong = decrypt.clone().secret("passphrase", b"correct horse\n");
    says(&complaint(&wrong, &sealed), "the secret `passphrase` is not the one");
    let no_passphrase = decrypt.clone().secret("key", KEY);
    says(&complaint(&no_passphrase, &sealed), "sealed with a passphrase");
    says(&complaint(&decrypt.clone().secret("passphrase", b""), &sealed), "is empty");

    let mut cheaper = sealed;
    cheaper[16] = 32;
    says(&complaint(&right, &cheaper), "is not the one");
}

#[test]
fn keys_and_parameters_that_do_not_fit_are_refused() {
    let run = || Run::new(&JOB).arg("do", "encrypt").arg("salt", SALT);
    let error = |run: Run| run.whole_in_any_chunks(b"text").expect_err("it does not fit");
    says(&error(run()), "a key is missing");
    says(&error(run().secret("key", b"short")), "has 5 bytes");
    says(&error(run().secret("key", KEY).secret("passphrase", b"p")), "give one of them");
    says(&error(run().secret("key", KEY).arg("salt", "00")), "48 hexadecimal digits");
    says(&error(run().secret("key", KEY).arg("cipher", "rot13")), "use one of aes-256-gcm");
    let costly = run().secret("passphrase", b"p").arg("memory-kib", "70000");
    says(&error(costly), "8 to 65536 KiB");

    let hex = [b"\n ".as_slice(), "61".repeat(32).as_bytes(), b"\n"].concat();
    let of_hex = run().secret("key", &hex).whole_in_any_chunks(b"text").expect("it encrypts");
    let of_bytes = run().secret("key", &[0x61; 32]).whole_in_any_chunks(b"text");
    assert_eq!(of_hex, of_bytes.expect("it encrypts"));
}

#[test]
fn what_is_no_sealed_file_is_refused() {
    says(&complaint(&decrypt(), b"P5 1 1 255 x"), "this is no sealed file");
    says(&complaint(&decrypt(), b"\x89PNG\r\n\x1a\n"), "this is no sealed file");
    says(&complaint(&decrypt(), b""), "this is no sealed file");
    says(&complaint(&decrypt(), b"BRSEALED\x01\x01"), "cut short");
}

/// Digests by SHA-256 of what `tests/data/seal.py` makes of the same files with Python's
/// `cryptography` 48.0: `python3 tests/data/seal.py`.
#[test]
fn an_independent_program_seals_files_to_the_same_bytes() {
    use sha2::{Digest, Sha256};
    let expected = include_str!("data/sealed.tsv");
    let mut compared = 0;
    for line in expected.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [cipher, secret, len, digest] = fields[..] else { panic!("four fields: {line}") };
        let mut run = Run::new(&JOB).arg("do", "encrypt").arg("cipher", cipher).arg("salt", SALT);
        run = match secret {
            "key" => run.secret("key", KEY),
            _ => run.secret("passphrase", b"correct horse").arg("memory-kib", "1024"),
        };
        let text = text(len.parse().expect("a length"));
        let sealed = run.whole_in_any_chunks(&text).expect("it encrypts");
        let found: String =
            Sha256::digest(&sealed).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, digest, "{cipher} {len}");
        compared += 1;
    }
    assert_eq!(compared, 24);
}

#[test]
fn the_host_s_ciphers_make_the_same_files_and_open_them() {
    for suite in &SUITES[..3] {
        let host = |run: Run| run.arg("engine", "host");
        for len in [0, 1, suite.segment_bytes, suite.segment_bytes + 1, 40 * suite.segment_bytes] {
            let text = text(len);
            let by_module = encrypt(suite.name).whole_in_any_chunks(&text).expect("it encrypts");
            let by_host = host(encrypt(suite.name)).whole_in_any_chunks(&text);
            assert!(by_module == by_host.expect("it encrypts"), "{} {len}", suite.name);
            let back = host(decrypt()).whole_in_any_chunks(&by_module);
            assert!(back.expect("it decrypts") == text, "{} {len}", suite.name);

            let mut damaged = by_module;
            *damaged.last_mut().expect("there are bytes") ^= 1;
            says(&complaint(&host(decrypt()), &damaged), "are not what was sealed");
        }
    }
}

#[test]
fn a_sealed_key_is_for_the_host_only() {
    let run = || Run::new(&JOB).arg("do", "encrypt").arg("salt", SALT).sealed("key", KEY);
    let error = |run: Run| run.whole_in_any_chunks(b"text").expect_err("it does not fit");
    says(&error(run()), "needs --arg engine=host");
    let host = || run().arg("engine", "host");
    assert_eq!(
        host().whole_in_any_chunks(b"text").expect("it encrypts"),
        encrypt("aes-256-gcm").whole_in_any_chunks(b"text").expect("it encrypts")
    );
    says(&error(host().arg("cipher", "magma-mgm")), "the host has no magma-mgm");
    let hex = Run::new(&JOB).arg("do", "encrypt").arg("salt", SALT).arg("engine", "host");
    says(&error(hex.sealed("key", "61".repeat(32).as_bytes())), "a key of 32 bytes only");
}

#[test]
fn the_host_makes_the_same_key_of_a_passphrase() {
    let run = || Run::new(&JOB).arg("do", "encrypt").arg("salt", SALT).arg("memory-kib", "64");
    let here = run().secret("passphrase", b"correct horse").whole_in_any_chunks(b"text");
    let there = run().arg("engine", "host").sealed("passphrase", b"correct horse");
    assert_eq!(
        here.expect("it encrypts"),
        there.whole_in_any_chunks(b"text").expect("it encrypts")
    );
}
