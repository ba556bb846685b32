//! Bytes as hexadecimal digits, for what goes into JSON. They are added to what the caller has
//! made, because secrets must not leave copies behind where something grows.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Adds the digits of `bytes`, two of each.
pub(crate) fn encode_into(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)].into());
        text.push(DIGITS[usize::from(byte & 15)].into());
    }
}

/// Adds the bytes that `text` stands for; none, with a part of them added, where it is no pairs of
/// digits.
pub(crate) fn decode_into(text: &str, bytes: &mut Vec<u8>) -> Option<()> {
    let digit = |c: u8| char::from(c).to_digit(16).map(|digit| digit as u8);
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    for [high, low] in pairs {
        bytes.push(digit(*high)? << 4 | digit(*low)?);
    }
    Some(())
}
