//! Official test vectors of the constructions and of the ciphers in them. The long lists are read
//! from `../shared/vectors`, where that is there; a few from each stand here.

use std::fs;
use std::io::Read as _;
use std::path::PathBuf;

use flate2::read::ZlibDecoder;
use image_cipher::container::{
    Cost, FileKeys, SealedShape, Segments, SoftSegments, Suite, c2sp_keys, stream_key,
};
use image_cipher::hex::from_hex;
use image_cipher::master::of_passphrase;
use serde_json::Value;
use sha2::{Digest, Sha256, Sha512};

fn hex(digits: &str) -> Vec<u8> {
    from_hex(digits.as_bytes()).expect("it is hexadecimal")
}

fn shared(path: &str) -> Option<PathBuf> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors");
    let path = PathBuf::from(root).join(path);
    if !path.exists() {
        eprintln!("skipped: {} is not there", path.display());
    }
    path.exists().then_some(path)
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    ZlibDecoder::new(bytes).read_to_end(&mut all).expect("it is packed");
    all
}

/// Opens all segments at once.
fn open(suite: &'static Suite, keys: &FileKeys, body: &[u8]) -> Option<Vec<u8>> {
    SealedShape::new(suite, body.len() as u64).ok()?;
    let mut text = Vec::new();
    SoftSegments::new(suite, keys).open(0, true, body, &mut text).ok()?;
    Some(text)
}

/// A message of <https://c2sp.org/chunked-encryption>.
fn open_c2sp(key: &[u8], context: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let (salt, rest) = message.split_at_checked(24)?;
    let (commitment, body) = rest.split_at_checked(32)?;
    let keys = c2sp_keys(key.try_into().ok()?, salt, context);
    let suite = Suite::named("aes-256-gcm").expect("it is there");
    if keys.commitment == *commitment { open(suite, &keys, body) } else { None }
}

/// The payload of a file of <https://c2sp.org/age>.
fn open_age(file_key: &[u8], payload: &[u8]) -> Option<Vec<u8>> {
    let (nonce, body) = payload.split_at_checked(16)?;
    let key = stream_key(file_key, nonce, b"payload", 32);
    let keys = FileKeys { key, base_nonce: Vec::new(), commitment: [0; 32] };
    open(Suite::named("chacha20-poly1305").expect("it is there"), &keys, body)
}

#[test]
fn messages_of_c2sp_are_opened() {
    // Wycheproof, c2sp_chunked_encryption_aes_256_gcm_test.json, cases 1, 2 and 9.
    let key = b"YELLOW SUBMARINE YELLOW SUBMARIN";
    let empty = hex("43a2e39431cbae0389d3fc86adf46f7c3a24de88d9311617e53f3164cc1d5dc7\
                     38a66b97f0bf786565c31799c2f463d50a7e10046011dc6fc3c939e3a5db7aff\
                     b6191551669554fb");
    assert_eq!(open_c2sp(key, b"", &empty), Some(Vec::new()));
    let short = hex("a1a1b56f6db58cd1ede0c5c9db62aef20d3f96a6c594bb9252bb38122de91236\
                     502b42a1d7fcab820ffa292940d2f86add212cfa42c38df19d3cc9139ee61a59\
                     90d3db57433514229beea49a8a72bd");
    assert_eq!(open_c2sp(key, b"", &short).map(|text| text.len()), Some(7));
    assert_eq!(open_c2sp(key, b"other", &short), None);
    let in_context = hex("dbedaefc1c35dc6c0f22b743b03e488747166a51f33479e7ceb8b7e11cc0d271\
                          0f624a127501bc4aea7d0af6f83cfe359b9e69415aa537f36adf86eb35b07047\
                          5baa039bb7791432adbca49578bbd3");
    assert_eq!(open_c2sp(key, b"test context", &in_context).map(|text| text.len()), Some(7));
}

#[test]
fn wycheproof_on_c2sp_s_chunked_encryption() {
    let file = "wycheproof/c2sp_chunked_encryption_aes_256_gcm_test.json";
    let mut tried = 0;
    for case in cases(file).iter().flat_map(|group| list(&group["tests"])) {
        let message = unpacked(&field(case, "ct"));
        let opened = open_c2sp(&field(case, "key"), &field(case, "ctx"), &message);
        let is_valid = case["result"] == "valid";
        assert_eq!(opened.is_some(), is_valid, "{}: {}", case["tcId"], case["comment"]);
        if let Some(text) = opened {
            assert_eq!(
                Sha512::digest(&text).to_vec(),
                field(case, "msgSha512"),
                "{}",
                case["tcId"]
            );
        }
        tried += 1;
    }
    assert!(tried == 35 || shared(file).is_none());
}

#[test]
fn payloads_of_age_are_opened() {
    // C2SP/CCTV, age/testdata/stream_empty_payload.
    let payload = hex("eecf62c7ce91b433274e68d4f2f9134cad2e4fcf3e528a4130deabef4336e555");
    assert_eq!(open_age(b"YELLOW SUBMARINE", &payload), Some(Vec::new()));
    assert_eq!(open_age(b"ORANGE SUBMARINE", &payload), None);
}

#[test]
fn cctv_on_age_s_payload() {
    let mut tried = 0;
    for entry in shared("age").iter().flat_map(|dir| fs::read_dir(dir).expect("a directory")) {
        let path = entry.expect("an entry").path();
        if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("stream_")) {
            continue;
        }
        let bytes = fs::read(&path).expect("it can be read");
        let end = bytes.windows(2).position(|two| two == b"\n\n").expect("an empty line");
        let about = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let value = |name: &str| {
            let found = about.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            found.unwrap_or_default().to_owned()
        };
        let file = &bytes[end + 2..];
        let file = if value("compressed") == "zlib" { unpacked(file) } else { file.to_vec() };
        let mark = file.windows(5).position(|five| five == b"\n--- ").expect("a header");
        let line_end = mark + 1 + file[mark + 1..].iter().position(|b| *b == b'\n').expect("lines");
        let opened = open_age(&hex(&value("file key")), &file[line_end + 1..]);
        assert_eq!(opened.is_some(), value("expect") == "success", "{}", path.display());
        if let Some(text) = opened {
            assert_eq!(
                Sha256::digest(&text).to_vec(),
                hex(&value("payload")),
                "{}",
                path.display()
            );
        }
        tried += 1;
    }
    assert!(tried == 28 || shared("age").is_none(), "{tried}");
}

#[test]
fn passphrases_become_keys_as_in_the_reference_implementation() {
    // phc-winner-argon2, src/test.c, "Argon2id", version 19: password, salt "somesalt".
    let cases = [
        (256, 2, 1, "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"),
        (256, 2, 2, "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037"),
        (65_536, 2, 1, "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"),
    ];
    for (memory_kib, passes, lanes, expected) in cases {
        let cost = Cost { memory_kib, passes, lanes };
        let key = of_passphrase(b"password", b"somesalt", cost).expect("it is in bounds");
        assert_eq!(key.to_vec(), hex(expected), "{cost:?}");
    }
}

fn cases(path: &str) -> Vec<Value> {
    let Some(path) = shared(path) else { return Vec::new() };
    let text = fs::read(path).expect("it can be read");
    let all: Value = serde_json::from_slice(&text).expect("it is JSON");
    list(&all["testGroups"]).to_vec()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn field(case: &Value, name: &str) -> Vec<u8> {
    hex(case[name].as_str().expect("a text"))
}
