//! Hexadecimal digits, in which keys and salts are given.

/// The bytes of hexadecimal digits; none if they are something else.
pub fn from_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let value = |digit: &u8| char::from(*digit).to_digit(16);
    let (pairs, rest) = digits.as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| Some((value(high)? * 16 + value(low)?) as u8);
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}
