//! The ciphers by name, and how safe each is, for help, forms and `bramble compare`.

/// First those that seal files, then those that are only to be looked at.
pub(crate) const CIPHERS: &[&str] = &[
    "aes-256-gcm",
    "chacha20-poly1305",
    "xchacha20-poly1305",
    "aes-256-ctr-hmac",
    "kuznyechik-mgm",
    "magma-mgm",
    "aes-256-ctr",
    "aes-256-cbc",
    "aes-256-xts",
    "aes-256-ecb",
    "kuznyechik-ctr",
    "kuznyechik-cbc",
    "kuznyechik-ecb",
    "magma-ctr",
    "magma-cbc",
    "magma-ecb",
];

/// A sentence on each.
pub(crate) const NOTES: &[(&str, &str)] = &[
    ("aes-256-gcm", "notices every change; safe unless a nonce is used twice"),
    (
        "chacha20-poly1305",
        "notices every change; fast without AES instructions; as AES-GCM, safe unless a nonce is used twice",
    ),
    ("xchacha20-poly1305", "the same with nonces so long that they can be chosen by chance"),
    (
        "aes-256-ctr-hmac",
        "notices every change, by a hash with a second key over the ciphertext; the slowest of those with AES",
    ),
    (
        "kuznyechik-mgm",
        "notices every change; GOST R 34.12-2015; how its S-box was chosen is not published, and no attack on the whole cipher is known",
    ),
    (
        "magma-mgm",
        "notices every change; GOST R 34.12-2015; blocks of 8 bytes, so for at most 256 MiB, and tags of 8 bytes",
    ),
    ("aes-256-ctr", "view only: hides everything, but changes go unnoticed"),
    ("aes-256-cbc", "view only: hides everything, but changes go unnoticed"),
    (
        "aes-256-xts",
        "view only: for disks; the same row at the same place gives the same ciphertext",
    ),
    ("aes-256-ecb", "view only: shows the picture; never use it"),
    ("kuznyechik-ctr", "view only: hides everything, but changes go unnoticed"),
    ("kuznyechik-cbc", "view only: hides everything, but changes go unnoticed"),
    ("kuznyechik-ecb", "view only: shows the picture; never use it"),
    ("magma-ctr", "view only: blocks of 8 bytes are short for much data, and changes go unnoticed"),
    ("magma-cbc", "view only: blocks of 8 bytes are short for much data, and changes go unnoticed"),
    ("magma-ecb", "view only: shows the picture; never use it"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::SUITES;
    use crate::row_cipher;

    #[test]
    fn every_cipher_can_be_chosen_and_has_a_note() {
        let sealing = SUITES.iter().map(|suite| suite.name);
        let mut known: Vec<&str> = sealing.chain(row_cipher::NAMES.iter().copied()).collect();
        let mut chosen = CIPHERS.to_vec();
        let noted: Vec<&str> = NOTES.iter().map(|(name, _)| *name).collect();
        assert_eq!(chosen, noted);
        known.sort_unstable();
        known.dedup();
        chosen.sort_unstable();
        assert_eq!(chosen, known);
    }
}
