//! Files sealed and opened, and pictures looked at, by image-cipher through the real binary.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use std::fs;
use std::path::Path;

use bramble_tests::cluster::{Cluster, Said, job};
use bramble_tests::data;

const KEY: &[u8; 32] = b"YELLOW SUBMARINE YELLOW SUBMARIN";
const SALT: &str = "salt=0102030405060708090a0b0c0d0e0f101112131415161718";

/// Runs the job on `input`, with a result in a file beside it.
fn run(cluster: &Cluster, input: &str, output: &str, more: &[&str]) -> Said {
    let module = job("image-cipher");
    let words = ["submit", module.to_str().unwrap(), "--no-cache", "--input", input, "-o", output];
    cluster.bramble(&[&words[..], more].concat())
}

fn read(path: &str) -> Vec<u8> {
    fs::read(path).unwrap()
}

/// A path for a result that is not there yet.
fn place(cluster: &Cluster, name: &str) -> String {
    cluster.dir().join(name).to_str().unwrap().to_owned()
}

#[test]
fn a_file_is_sealed_and_opened_by_the_job_s_ciphers_and_by_the_host_s() {
    let cluster = Cluster::start(2);
    let text = data::u64_bytes(5, 60_000);
    let input = cluster.file("text", &text);
    let key = cluster.file("key", KEY);
    let secret = format!("key=@{key}");
    let ciphers = [
        ("aes-256-gcm", true),
        ("chacha20-poly1305", true),
        ("xchacha20-poly1305", true),
        ("aes-256-ctr-hmac", false),
        ("kuznyechik-mgm", false),
        ("magma-mgm", false),
    ];
    for (cipher, has_host) in ciphers {
        let which = format!("cipher={cipher}");
        let base = ["--arg", "do=encrypt", "--arg", &which, "--arg", SALT, "--secret", &secret];
        let [sealed, again] =
            ["sealed", "again"].map(|kind| place(&cluster, &format!("{cipher}.{kind}")));
        run(&cluster, &input, &sealed, &[&base[..], &["--chunk-size", "64k"]].concat()).ok();
        let other: &[&str] = if has_host { &["--arg", "engine=host"] } else { &["--nodes", "1"] };
        run(&cluster, &input, &again, &[&base[..], other].concat()).ok();
        assert!(read(&sealed) == read(&again), "{cipher}: two ways to seal give other files");
        for more in [&["--chunk-size", "100k"][..], if has_host { other } else { &[] }] {
            let opened = place(&cluster, &format!("{cipher}.opened"));
            let words = ["--arg", "do=decrypt", "--secret", &secret];
            run(&cluster, &sealed, &opened, &[&words[..], more].concat()).ok();
            assert!(read(&opened) == text, "{cipher} {more:?}");
        }
    }
    let words = ["--arg", "do=encrypt", "--arg", "cipher=magma-mgm", "--arg", "engine=host"];
    let said = run(
        &cluster,
        &input,
        &place(&cluster, "x"),
        &[&words[..], &["--secret", &secret]].concat(),
    );
    said.fails(1, &["engine", "magma-mgm"]);
}

#[test]
fn a_file_that_was_changed_or_has_another_key_is_not_opened_and_nothing_is_written() {
    let cluster = Cluster::start(2);
    let input = cluster.file("text", &data::u64_bytes(5, 60_000));
    let key = format!("key=@{}", cluster.file("key", KEY));
    let other_key = format!("key=@{}", cluster.file("other", &KEY.map(|byte| byte ^ 1)));
    let sealed = place(&cluster, "sealed");
    let encrypt = ["--arg", "do=encrypt", "--arg", "cipher=chacha20-poly1305", "--secret", &key];
    run(&cluster, &input, &sealed, &encrypt).ok();
    let whole = read(&sealed);
    let mut changed = whole.clone();
    changed[200_000] ^= 1;
    let short = &whole[..whole.len() - 70_000];
    // The second and the third segment, of 64 KiB with a tag of 16 bytes, in each other's place.
    let [start, len] = [88 + 65_552, 65_552];
    let mut swapped = whole.clone();
    swapped[start..start + 2 * len].rotate_left(len);
    let cases: [(&str, &[u8], &str, &str); 5] = [
        ("changed", &changed, &key, "are not what was sealed"),
        ("short", short, &key, "segment 6"),
        ("swapped", &swapped, &key, "segments are in another order"),
        ("other key", &whole, &other_key, "is not the one this file was sealed with"),
        ("no sealed file", &changed[100..], &key, "this is no sealed file"),
    ];
    let opened = place(&cluster, "opened");
    for (what, bytes, secret, words) in cases {
        let file = cluster.file("damaged", bytes);
        let decrypt = ["--arg", "do=decrypt", "--chunk-size", "64k", "--secret", secret];
        let said = run(&cluster, &file, &opened, &decrypt);
        assert_ne!(said.code, 0, "{what}");
        assert!(said.stderr.contains(words), "{what}:\n{}", said.stderr);
        assert!(!Path::new(&opened).exists(), "{what}: something was written");
    }
}

#[test]
fn a_passphrase_that_the_job_never_sees_opens_what_it_sealed() {
    let cluster = Cluster::start(1);
    let text = data::prose(1, 3_000);
    let input = cluster.file("text", text.as_bytes());
    let words = cluster.file("words", b"correct horse battery staple");
    let [secret, cheap] = [format!("passphrase=@{words}"), "memory-kib=64".to_owned()];
    let sealed = place(&cluster, "sealed");
    let encrypt = ["--arg", "do=encrypt", "--arg", &cheap, "--secret", &secret];
    run(&cluster, &input, &sealed, &encrypt).ok();
    let opened = place(&cluster, "opened");
    let decrypt = ["--arg", "do=decrypt", "--arg", "engine=host", "--sealed", &secret];
    run(&cluster, &sealed, &opened, &decrypt).ok();
    assert_eq!(read(&opened), text.as_bytes());
}

#[test]
fn a_picture_in_ecb_mode_can_be_told_from_one_that_is_hidden() {
    let cluster = Cluster::start(2);
    // Stripes of 16 bytes: blocks of a few kinds only.
    let rows =
        (0..200_u8).flat_map(|y| (0..320_u16).map(move |x| ((x / 16 % 2) as u8 + y / 100) * 90));
    let picture: Vec<u8> = b"P5\n320 200\n255\n".iter().copied().chain(rows).collect();
    let input = cluster.file("stripes.pgm", &picture);
    let of = |cipher: &str, what: &str, chunk: &str| {
        let [cipher, what] = [format!("cipher={cipher}"), format!("do={what}")];
        let output = place(&cluster, "picture");
        let more = ["--arg", &what, "--arg", &cipher, "--arg", SALT, "--chunk-size", chunk];
        run(&cluster, &input, &output, &more).ok();
        read(&output)
    };
    let ecb = of("aes-256-ecb", "view", "16k");
    assert!(ecb == of("aes-256-ecb", "view", "1m"), "the cut changes the picture");
    assert_eq!(ecb[..15], picture[..15], "the ciphertext is a picture of the same shape");
    let kinds = |bytes: &[u8]| {
        let blocks: std::collections::BTreeSet<_> = bytes[15..].chunks(16).collect();
        blocks.len()
    };
    assert_eq!(kinds(&ecb), kinds(&picture));
    assert_eq!(kinds(&of("aes-256-xts", "view", "16k")), 320 * 200 / 16);
    let entropy = |table: &[u8]| {
        let table = String::from_utf8_lossy(table).into_owned();
        let line =
            table.lines().find(|line| line.starts_with("cipher.entropy")).unwrap().to_owned();
        line.split('\t').find_map(|field| field.parse::<f64>().ok()).unwrap()
    };
    // Three kinds of blocks have at most 48 kinds of bytes; noise has 8 bits a byte.
    assert!(entropy(&of("aes-256-ecb", "analyse", "16k")) < 6.0);
    assert!(entropy(&of("aes-256-gcm", "analyse", "16k")) > 7.99);
}
