//! PINs and passwords: what may be one, and how they are kept.

use argon2::{Algorithm, Argon2, Params, Version};
use bramble_protocol::account::Hidden;
use zeroize::Zeroizing;

use crate::{AccountsError, Result};

/// Argon2id with 19 MiB and two passes on one lane: OWASP's Password Storage Cheat Sheet (2025).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// The shortest PIN, and the shortest password of somebody who may do more than run his own jobs.
const PIN_CHARS_MIN: usize = 4;
const PASSWORD_CHARS_MIN: usize = 8;
/// The longest, in bytes.
const BYTES_MAX: usize = 128;
/// Digits of a PIN that is given for the first time.
const INITIAL_DIGITS: usize = 6;

/// How a PIN is kept: it cannot be read back.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PinHash {
    salt: [u8; SALT_BYTES],
    hash: [u8; HASH_BYTES],
}

impl PinHash {
    /// Hashes a PIN with new salt. Takes some 20 ms of a fast core, and 19 MiB.
    pub(crate) fn of(pin: &Hidden) -> Result<Self> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt)?;
        Ok(Self { salt, hash: *hash(pin, &salt)? })
    }

    /// Whether this is the PIN. Takes as long as hashing one.
    pub(crate) fn is_of(&self, pin: &Hidden) -> Result<bool> {
        let other = hash(pin, &self.salt)?;
        // This comparison takes the same time for all values.
        Ok(blake3::Hash::from_bytes(*other) == blake3::Hash::from_bytes(self.hash))
    }

    /// Takes as long as [`Self::is_of`], so that nobody learns from the time whether there is an
    /// account.
    pub(crate) fn pretend(pin: &Hidden) -> Result<()> {
        hash(pin, &[0; SALT_BYTES]).map(drop)
    }

    /// As it is stored.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        [self.salt.as_slice(), &self.hash].concat()
    }

    /// As it was stored.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (salt, hash) = bytes.split_first_chunk()?;
        Some(Self { salt: *salt, hash: hash.try_into().ok()? })
    }
}

fn hash(pin: &Hidden, salt: &[u8]) -> Result<Zeroizing<[u8; HASH_BYTES]>> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, Some(HASH_BYTES)).map_err(AccountsError::Hash)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut hash = Zeroizing::new([0; HASH_BYTES]);
    let bytes = pin.expose().as_bytes();
    // What is too long was never anybody's PIN.
    let bytes = &bytes[..bytes.len().min(BYTES_MAX + 1)];
    argon2.hash_password_into(bytes, salt, hash.as_mut()).map_err(AccountsError::Hash)?;
    Ok(hash)
}

/// Sees that a text can be somebody's PIN, or password if `is_strong`.
pub(crate) fn check(pin: &Hidden, is_strong: bool) -> Result<()> {
    let text = pin.expose();
    let chars = text.chars().count();
    if text.len() > BYTES_MAX {
        return Err(AccountsError::BadPin("a PIN may have at most 128 bytes"));
    }
    if is_strong && chars < PASSWORD_CHARS_MIN {
        let why = "teachers and admins need a password of at least 8 characters";
        return Err(AccountsError::BadPin(why));
    }
    if chars < PIN_CHARS_MIN {
        return Err(AccountsError::BadPin("a PIN needs at least 4 characters"));
    }
    let mut pairs = text.as_bytes().windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
    let first = pairs.next().unwrap_or_default();
    if matches!(first, 0 | 1 | 255) && pairs.all(|step| step == first) {
        return Err(AccountsError::BadPin("1234, 4321, 0000 and their like are guessed first"));
    }
    Ok(())
}

/// A PIN to begin with.
pub(crate) fn initial() -> Result<Hidden> {
    let digits = random_text::<INITIAL_DIGITS>(b"0123456789")?;
    Ok(Hidden::new(digits))
}

/// `LENGTH` of the letters, each as likely as the others.
pub(crate) fn random_text<const LENGTH: usize>(letters: &[u8]) -> Result<String> {
    let mut text = String::with_capacity(LENGTH);
    let even = 256 - 256 % letters.len();
    while text.len() < LENGTH {
        let mut byte = [0];
        getrandom::fill(&mut byte)?;
        let number = usize::from(byte[0]);
        if number < even {
            text.push(char::from(letters[number % letters.len()]));
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(text: &str) -> Hidden {
        Hidden::new(text.into())
    }

    #[test]
    fn a_pin_is_known_again_and_its_hash_says_nothing() {
        let one = PinHash::of(&pin("4711")).unwrap();
        let other = PinHash::of(&pin("4711")).unwrap();
        assert_ne!(one.to_bytes(), other.to_bytes(), "the salt differs");
        let again = PinHash::from_bytes(&one.to_bytes()).unwrap();
        assert!(again.is_of(&pin("4711")).unwrap());
        assert!(!again.is_of(&pin("4712")).unwrap());
    }

    #[test]
    fn the_hash_is_argon2id_as_the_reference_program_gives_it() {
        // `printf %s 4711 | argon2 0123456789abcdef -id -t 2 -k 19456 -p 1 -l 32 -r`
        // (argon2 0~20171227 of Debian).
        let hash = hash(&pin("4711"), b"0123456789abcdef").unwrap();
        let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digits, "076a29fbfa60fdfda2c4a604a3de6488aebabd710840c2e753caa4878a7f77ff");
    }

    #[test]
    fn what_is_guessed_first_is_no_pin() {
        for bad in ["", "123", "1234", "0000", "9876", "abcd", &"x1".repeat(80)] {
            assert!(check(&pin(bad), false).is_err(), "{bad}");
        }
        for good in ["4711", "1235", "кот5"] {
            check(&pin(good), false).unwrap();
        }
        assert!(check(&pin("4711"), true).is_err());
        check(&pin("correct horse"), true).unwrap();
    }
}
