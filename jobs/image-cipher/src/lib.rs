//! Encrypts pictures, and shows what a cipher hides and what it does not.
//!
//! `do=view` makes a picture of the ciphertext, `do=analyse` a table of how random it is. Both work
//! on rows of the picture, wherever they are; see [`pixels`] for the files that are read,
//! [`row_cipher`] for the ciphers.

pub mod analyse;
pub mod drawing;
mod pictures;
pub mod pixels;
pub mod row_cipher;
pub mod view;

use bramble_guest::prelude::*;

bramble_guest::job! {
    name: "image-cipher",
    about: "Encrypts a picture and shows, or measures, what can still be seen of it.",
    input: InputKind::IMAGE
        .about("a picture: PGM, PPM, PNG, TIFF, or raw samples with `width` and `height`")
        .extensions(&["pgm", "ppm", "pnm", "png", "tif", "tiff", "raw"]),
    split: Split::Guest,
    params: PARAMS,
    result: ResultKind::by_param("do", &[
        ("view", ResultKind::IMAGE.media("image/x-portable-anymap").extension("pnm")),
        ("analyse", ResultKind::TABLE),
    ]),
    map: pictures::map,
    merge: pictures::merge,
    merge_when: ("do", &["analyse"]),
    cut: pictures::cut,
}

const PARAMS: [Param; 9] = [
    Param::new("do", "what to make: a picture of the ciphertext, or a table of measures")
        .default("view")
        .choices(&["view", "analyse"]),
    Param::new("cipher", "the cipher, and the mode in which it is used")
        .default("aes-256-gcm")
        .choices(row_cipher::NAMES)
        .notes(row_cipher::NOTES),
    Param::of::<bool>(
        "side-by-side",
        "view: put the picture itself and its ciphertext in ECB mode to the left",
    )
    .default("false"),
    Param::new(
        "key",
        "the key: 32 bytes, or 64 hexadecimal digits; without one it is made from the salt alone, \
         which hides nothing from others and is good enough to look at",
    )
    .secret(),
    Param::new("salt", "what makes keys and nonces new: hexadecimal digits").random(16),
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
