//! Encrypts pictures, or any other file, and shows what a cipher hides and what it does not.
//!
//! | `do` | makes | see |
//! |---|---|---|
//! | `encrypt` | a sealed file, in which every change is noticed | [`container`] |
//! | `decrypt` | the file that was sealed | [`container`] |
//! | `view` | a picture of the ciphertext | [`view`], [`row_cipher`] |
//! | `analyse` | a table of how random the ciphertext is | [`analyse`] |
//!
//! Pictures are read by [`pixels`], which works on rows, wherever they are. For sealing, a picture
//! is a file like any other.

pub mod analyse;
mod choices;
pub mod container;
pub mod drawing;
mod files;
pub mod hex;
pub mod master;
mod pictures;
pub mod pixels;
pub mod row_cipher;
#[cfg(test)]
mod standards;
pub mod view;

use bramble_guest::prelude::*;

use crate::container::SALT_BYTES;

bramble_guest::job! {
    name: "image-cipher",
    about: "Encrypts and decrypts pictures and other files, and shows or measures what ciphers hide.",
    input: InputKind::BINARY.about(
        "a picture: PGM, PPM, PNG, TIFF, or raw samples with `width` and `height`; to encrypt, any \
         file; to decrypt, an encrypted one",
    ),
    split: Split::Guest,
    params: PARAMS,
    result: ResultKind::by_param("do", &[
        ("encrypt", ResultKind::BINARY.extension("sealed")),
        ("decrypt", ResultKind::BINARY),
        ("view", ResultKind::IMAGE.media("image/x-portable-anymap").extension("pnm")),
        ("analyse", ResultKind::TABLE),
    ]),
    map: map,
    merge: pictures::merge,
    merge_when: ("do", &["analyse"]),
    cut: cut,
}

fn cut(input: &mut Input, wanted_bytes: u64) -> JobResult<Vec<Vec<Piece>>> {
    match param_or("do", "").as_str() {
        "encrypt" => files::cut_to_encrypt(input, wanted_bytes),
        "decrypt" => files::cut_to_decrypt(input, wanted_bytes),
        _ => pictures::cut(input, wanted_bytes),
    }
}

fn map(task: &Task, chunk: &mut Input, output: &mut Output) -> JobResult {
    match param_or("do", "").as_str() {
        "encrypt" => files::encrypt(chunk, output),
        "decrypt" => files::decrypt(chunk, output),
        _ => pictures::map(task, chunk, output),
    }
}

const PARAMS: [Param; 14] = [
    Param::new("do", "what to do with the picture, or the file")
        .default("view")
        .choices(&["encrypt", "decrypt", "view", "analyse"])
        .notes(&[
            ("encrypt", "seals any file, so that every change is noticed"),
            ("decrypt", "opens a sealed file, or fails and gives nothing"),
            ("view", "a picture of the ciphertext, which protects nothing"),
            ("analyse", "measures how random the ciphertext of a picture is"),
        ]),
    Param::new("cipher", "the cipher; decrypt: a sealed file itself says which it is")
        .default("aes-256-gcm")
        .choices(choices::CIPHERS)
        .notes(choices::NOTES),
    Param::new("engine", "encrypt, decrypt: whose code of the ciphers works on the file")
        .default("wasm")
        .choices(&["wasm", "host"])
        .notes(&[
            ("wasm", "the job's own: the key is in its memory"),
            ("host", "the node's own, with AES instructions where it has them: the key never enters the job; only for aes-256-gcm, chacha20-poly1305 and xchacha20-poly1305"),
        ]),
    Param::new(
        "key",
        "the key: 32 bytes, or 64 hexadecimal digits; view and analyse can do without, with a key \
         made from the salt, which hides nothing from others",
    )
    .secret(),
    Param::new("passphrase", "encrypt, decrypt: instead of a key, words that one is made of")
        .secret(),
    Param::new(
        "salt",
        "makes keys and nonces new, and must never be the same twice with one key: leave it out, \
         and it is chosen by chance",
    )
    .random(SALT_BYTES as u32),
    Param::of::<u32>("memory-kib", "passphrase: memory for each guess at it, in KiB (Argon2id)")
        .default("19456"),
    Param::of::<u32>("passes", "passphrase: passes over that memory").default("2"),
    Param::of::<u32>("lanes", "passphrase: how many can work on one guess").default("1"),
    Param::of::<bool>(
        "side-by-side",
        "view: put the picture itself and its ciphertext in ECB mode to the left",
    )
    .default("false"),
    Param::of::<Option<u32>>("width", "raw samples: pixels in a row"),
    Param::of::<Option<u32>>("height", "raw samples: rows"),
    Param::of::<u8>(
        "channels",
        "raw samples: 1 (gray), 3 (red, green, blue) or 4 (these and one to leave out)",
    )
    .default("1"),
    Param::of::<u8>("bits", "raw samples: 8, or 16 with the more significant byte first")
        .default("8"),
];
