//! Examples of the ciphers from their standards, for tests: see `tests/data/standards.py`.

/// Source, cipher, key, where it starts (initial vector, counter block, nonce, number of the row),
/// text, and ciphertext with its tag, all in hexadecimal digits.
pub(crate) fn standards() -> impl Iterator<Item = [&'static str; 6]> {
    let table = include_str!("../tests/data/standards.tsv");
    table.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let fields: Vec<_> = line.split('\t').collect();
        fields.try_into().expect("a line has six fields")
    })
}
