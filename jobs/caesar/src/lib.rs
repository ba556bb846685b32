//! The Caesar cipher: letters move along the alphabet, all else stays.

use std::io::{self, Read, Write};

/// Where the key comes from: the first argument, else the parameter `shift`, else 13.
///
/// # Errors
/// A sentence for the user when the key is not a whole number.
pub fn shift_from(argument: Option<&str>, parameter: Option<&str>) -> Result<u8, String> {
    let Some(text) = argument.or(parameter) else { return Ok(13) };
    match text.trim().parse::<i64>() {
        Ok(shift) => Ok(shift.rem_euclid(26) as u8),
        Err(_) => Err(format!("the shift must be a whole number, not `{text}`")),
    }
}

/// Copies `input` to `output` and moves every ASCII letter on by `shift` places.
///
/// # Errors
/// When reading or writing fails.
pub fn encipher(shift: u8, mut input: impl Read, mut output: impl Write) -> io::Result<()> {
    let table: [u8; 256] = std::array::from_fn(|byte| moved(byte as u8, shift));
    let mut block = vec![0; 64 << 10];
    loop {
        let length = input.read(&mut block)?;
        if length == 0 {
            return output.flush();
        }
        for byte in &mut block[..length] {
            *byte = table[usize::from(*byte)];
        }
        output.write_all(&block[..length])?;
    }
}

fn moved(byte: u8, shift: u8) -> u8 {
    match byte {
        b'a'..=b'z' => b'a' + (byte - b'a' + shift % 26) % 26,
        b'A'..=b'Z' => b'A' + (byte - b'A' + shift % 26) % 26,
        _ => byte,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enciphered(shift: u8, text: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        encipher(shift, text, &mut output).unwrap();
        output
    }

    #[test]
    fn letters_move_and_all_else_stays() {
        assert_eq!(enciphered(3, b"Veni, vidi, vici! XYZ\r\n"), b"Yhql, ylgl, ylfl! ABC\r\n");
        assert_eq!(enciphered(3, "жук\0\u{ff}".as_bytes()), "жук\0\u{ff}".as_bytes());
        assert_eq!(enciphered(0, b""), b"");
    }

    #[test]
    fn the_opposite_shift_restores_every_byte() {
        let all: Vec<u8> = (0..=255).cycle().take(200_000).collect();
        for shift in 0..26 {
            assert_eq!(enciphered((26 - shift) % 26, &enciphered(shift, &all)), all);
        }
    }

    #[test]
    fn the_argument_is_preferred_and_any_whole_number_will_do() {
        assert_eq!(shift_from(None, None), Ok(13));
        assert_eq!(shift_from(None, Some("3")), Ok(3));
        assert_eq!(shift_from(Some("-1"), Some("3")), Ok(25));
        assert_eq!(shift_from(Some("2600000001"), None), Ok(1));
        assert!(shift_from(Some("three"), None).unwrap_err().contains("`three`"));
    }
}
