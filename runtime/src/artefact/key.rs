//! The head's key: made once, kept in its data directory, shown to nobody.

use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bramble_protocol::PublicKey;
use ed25519_dalek::{Signer, SigningKey};

/// What a key's file begins with, before the secret in hexadecimal digits and a line end.
const FILE_PREFIX: &str = "bramble-head-key-1 ";

/// The key by which a head signs.
pub struct HeadKey(SigningKey);

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The system gives no random bytes.
    #[error("the system gives no random bytes for a key")]
    Random(#[source] getrandom::Error),
    /// The file cannot be read.
    #[error("cannot read the head's key in {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write the head's key to {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Others may read or change the file.
    #[error("others may read or change the head's key {} (mode {mode:o})", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file holds something else.
    #[error("{} is not the key of a head", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
}

impl HeadKey {
    /// A key that is gone with this process: for a planner that runs where a job is submitted,
    /// and for tests.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn ephemeral() -> Result<Self, KeyError> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(KeyError::Random)?;
        Ok(Self(SigningKey::from_bytes(&secret)))
    }

    /// The key in the file `path`; made when there is none. Only one process may do so at a time,
    /// which the lock on a head's directory sees to.
    ///
    /// # Errors
    /// When the file cannot be read or written, holds something else, or is open to others.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        match File::open(path) {
            Ok(file) => Self::read(path, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = Self::ephemeral()?;
                key.write(path).map_err(|source| KeyError::Write { path: path.into(), source })?;
                Ok(key)
            }
            Err(source) => Err(KeyError::Read { path: path.into(), source }),
        }
    }

    fn read(path: &Path, file: File) -> Result<Self, KeyError> {
        let failed = |source| KeyError::Read { path: path.into(), source };
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyError::Open { path: path.into(), mode });
        }
        let mut text = String::new();
        file.take(256).read_to_string(&mut text).map_err(failed)?;
        // A secret has the form of a public key: so many hexadecimal digits.
        let secret = text.strip_prefix(FILE_PREFIX).map(str::trim_end);
        let secret: PublicKey = secret
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| KeyError::NoKey { path: path.into() })?;
        Ok(Self(SigningKey::from_bytes(secret.as_bytes())))
    }

    /// Writes the file whole or not at all, durable before it has its name.
    fn write(&self, path: &Path) -> io::Result<()> {
        let dir = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::with_prefix_in(".key-", dir)?;
        file.as_file().set_permissions(Permissions::from_mode(0o600))?;
        let secret = PublicKey::from_bytes(self.0.to_bytes());
        writeln!(file, "{FILE_PREFIX}{secret}")?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path).map_err(|error| error.error)?;
        File::open(dir)?.sync_all()
    }

    /// What agents know this key by.
    pub fn public(&self) -> PublicKey {
        PublicKey::from_bytes(self.0.verifying_key().to_bytes())
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl std::fmt::Debug for HeadKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HeadKey({}…)", self.public().short())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_alone_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("head.key");
        let made = HeadKey::load_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(HeadKey::load_or_create(&path).unwrap().public(), made.public());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
        assert_ne!(HeadKey::ephemeral().unwrap().public(), made.public());
        assert!(!format!("{made:?}").contains(&PublicKey::from_bytes(made.0.to_bytes()).short()));
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("head.key");
        HeadKey::load_or_create(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let refused = HeadKey::load_or_create(&path);
        assert!(matches!(refused, Err(KeyError::Open { mode: 0o640, .. })), "{refused:?}");
    }

    #[test]
    fn a_file_that_holds_something_else_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("head.key");
        for text in ["", "secret", "bramble-head-key-1 1234\n", "bramble-head-key-2 "] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            let refused = HeadKey::load_or_create(&path);
            assert!(matches!(refused, Err(KeyError::NoKey { .. })), "{refused:?}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}
