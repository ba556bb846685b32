//! The user's key, from which the keys of each file are derived: given as such, or made of a
//! passphrase.

use argon2::{Algorithm, Argon2, Params, Version};
use bramble_guest::crypto::{self, Key};
use bramble_guest::prelude::*;

use crate::container::{Cost, Header};
use crate::hex::from_hex;

/// The user's key.
pub(crate) enum Master {
    /// In this module.
    Here([u8; 32]),
    /// Held by the host.
    AtHost(Key),
}

fn is_at_host() -> bool {
    param("engine").is_some_and(|engine| engine == "host")
}

/// Whether there is a secret of this name, as far as the engine can use it.
fn is_given(name: &str) -> bool {
    if is_at_host() { Key::from_secret(name).is_ok() } else { host::secret(name).is_some() }
}

/// Which of the two secrets there is.
///
/// # Errors
/// When there is none, or both are.
pub(crate) fn is_passphrase() -> JobResult<bool> {
    match (is_given("key"), is_given("passphrase")) {
        (true, false) => Ok(false),
        (false, true) => Ok(true),
        (true, true) => {
            Err(JobError::bad_param("both `key` and `passphrase` are given: give one of them"))
        }
        (false, false) => Err(JobError::bad_param(
            "a key is missing: --secret key=@FILE (32 bytes; `head -c 32 /dev/urandom > FILE` makes \
             one) or --secret passphrase=@FILE; one given by --sealed needs --arg engine=host",
        )),
    }
}

/// The user's key for a file with this header.
///
/// # Errors
/// When it was not given, is no key, or the file needs the other secret.
pub(crate) fn master_key(header: &Header) -> JobResult<Master> {
    let secret = |name| host::secret(name).unwrap_or_default();
    Ok(match (header.cost, is_passphrase()?, is_at_host()) {
        (None, false, false) => Master::Here(raw_key(&secret("key"))?),
        (None, false, true) => Master::AtHost(Key::from_secret("key")?),
        (Some(cost), true, false) => {
            Master::Here(of_passphrase(&secret("passphrase"), &header.salt, cost)?)
        }
        (Some(Cost { memory_kib, passes, lanes }), true, true) => {
            let cost = crypto::Cost { memory_kib, passes, lanes };
            Master::AtHost(Key::from_passphrase("passphrase", &header.salt, cost)?)
        }
        (None, true, _) => {
            return Err(JobError::bad_param(
                "this file was sealed with a key, not with a passphrase: --secret key=@FILE",
            ));
        }
        (Some(_), false, _) => {
            return Err(JobError::bad_param(
                "this file was sealed with a passphrase, not with a key: --secret passphrase=@FILE",
            ));
        }
    })
}

/// A key as it is given: 32 bytes, or 64 hexadecimal digits with any space around them.
///
/// # Errors
/// When it is neither.
pub fn raw_key(secret: &[u8]) -> JobResult<[u8; 32]> {
    if let Ok(key) = secret.try_into() {
        return Ok(key);
    }
    let key = from_hex(secret.trim_ascii()).and_then(|bytes| bytes.try_into().ok());
    key.ok_or_else(|| {
        JobError::bad_param(format!(
            "the secret `key` has {} bytes: it should be 32 bytes, or 64 hexadecimal digits",
            secret.len()
        ))
    })
}

/// A key from a passphrase, by Argon2id, version 1.3 (RFC 9106). All bytes count, also a line feed
/// at the end.
///
/// # Errors
/// When the passphrase is empty.
pub fn of_passphrase(passphrase: &[u8], salt: &[u8], cost: Cost) -> JobResult<[u8; 32]> {
    if passphrase.is_empty() {
        return Err(JobError::bad_param("the secret `passphrase` is empty"));
    }
    let failed = |error: argon2::Error| JobError::failed(error);
    let Cost { memory_kib, passes, lanes } = cost;
    let params = Params::new(memory_kib, passes, lanes, Some(32)).map_err(failed)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut key = [0; 32];
    argon2.hash_password_into(passphrase, salt, &mut key).map_err(failed)?;
    Ok(key)
}
