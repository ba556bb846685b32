//! Which key somebody who connects expects at the other end.

use std::error::Error;
use std::io;
use std::sync::{Arc, OnceLock};

use bramble_protocol::Fingerprint;
use rustls::CertificateError;

/// What is known of the key at the other end. What the first connection finds is expected of all
/// later ones, of copies of this value, too.
#[derive(Clone, Debug)]
pub struct Pin {
    begins_with: Arc<[u8]>,
    seen: Arc<OnceLock<Fingerprint>>,
}

/// The other end has another key than expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the head has another key than expected: {}…, not {expected}…", found.short())]
pub struct WrongKey {
    /// Digits that the expected fingerprint begins with.
    pub expected: String,
    /// The fingerprint of the key that it has.
    pub found: Fingerprint,
}

impl Pin {
    /// This key and no other.
    pub fn exact(fingerprint: Fingerprint) -> Self {
        Self::beginning_with(fingerprint.as_bytes())
    }

    /// A key whose fingerprint begins so, as in a join token: to find another key of the same
    /// first 16 bytes takes 2^128 tries.
    pub fn prefix(prefix: [u8; Fingerprint::PREFIX_BYTES]) -> Self {
        Self::beginning_with(&prefix)
    }

    /// Whatever key the first connection finds. Somebody should look at it: see [`Pin::seen`].
    pub fn first_use() -> Self {
        Self::beginning_with(&[])
    }

    fn beginning_with(bytes: &[u8]) -> Self {
        Self { begins_with: bytes.into(), seen: Arc::default() }
    }

    /// The key that was found at the other end, once a connection was made.
    pub fn seen(&self) -> Option<Fingerprint> {
        self.seen.get().copied()
    }

    /// Whether it is the expected key.
    ///
    /// # Errors
    /// When it is another.
    pub(crate) fn check(&self, found: Fingerprint) -> Result<(), WrongKey> {
        let expected = match self.seen.get() {
            Some(seen) => seen.as_bytes(),
            None => &*self.begins_with,
        };
        if found.as_bytes().starts_with(expected) {
            return Ok(());
        }
        let expected = expected.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Err(WrongKey { expected, found })
    }

    /// Remembers a key that the other end has proved to have.
    pub(crate) fn keep(&self, found: Fingerprint) -> Result<(), WrongKey> {
        self.check(found)?;
        // Another connection may have been faster.
        let _ = self.seen.set(found);
        self.check(found)
    }
}

/// Finds out whether an error, or what it comes from, is that the other end has the wrong key.
pub fn wrong_key<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a WrongKey> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(wrong) = error.downcast_ref::<WrongKey>() {
            return Some(wrong);
        }
        if let Some(rustls::Error::InvalidCertificate(CertificateError::Other(other))) =
            error.downcast_ref()
        {
            return other.0.downcast_ref();
        }
        // These two do not name what they wrap as their source.
        let io = match error.downcast_ref::<ureq::Error>() {
            Some(ureq::Error::Io(error)) => Some(error),
            _ => error.downcast_ref::<io::Error>(),
        };
        let inner: Option<&'a (dyn Error + 'static)> =
            io.and_then(io::Error::get_ref).map(|inner| inner as &(dyn Error + 'static));
        next = inner.or_else(|| error.source());
    }
    None
}
