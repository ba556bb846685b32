//! A key pair with the certificate that carries it: made once, kept in a file, shown to nobody.

use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bramble_protocol::Fingerprint;
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use crate::{PROVIDER, verify};

/// A file of a key that is longer than this, in bytes, is none of ours.
const FILE_BYTES_MAX: u64 = 16 << 10;
/// The name in the certificate, which nobody looks at but people.
const COMMON_NAME: &str = "bramble";

/// Who somebody is at his end of a connection: a P-256 key and a certificate signed by itself.
pub struct Identity {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) key: PrivateKeyDer<'static>,
    fingerprint: Fingerprint,
}

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// No key could be made.
    #[error("cannot make a key for TLS")]
    Make(#[source] rcgen::Error),
    /// The file cannot be read.
    #[error("cannot read the TLS key in {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write the TLS key to {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Others may read or change the file.
    #[error("others may read or change the TLS key {} (mode {mode:o})", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file holds something else.
    #[error("{} is not a TLS key with its certificate", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
}

impl Identity {
    /// A new one that is gone with this process.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn ephemeral() -> Result<Self, IdentityError> {
        let (key, certificate) = make().map_err(IdentityError::Make)?;
        let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Self::new(certificate.der().clone(), private)
            .ok_or(IdentityError::Make(rcgen::Error::CouldNotParseCertificate))
    }

    /// The one in the file `path`; made when there is none. Only one process may do so at a time,
    /// which the lock on its directory sees to.
    ///
    /// # Errors
    /// When the file cannot be read or written, holds something else, or is open to others.
    pub fn load_or_create(path: &Path) -> Result<Self, IdentityError> {
        match File::open(path) {
            Ok(file) => Self::read(path, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (key, certificate) = make().map_err(IdentityError::Make)?;
                let pem = Zeroizing::new(key.serialize_pem());
                write(path, &certificate.pem(), &pem)
                    .map_err(|source| IdentityError::Write { path: path.into(), source })?;
                let open = File::open(path);
                let failed = |source| IdentityError::Read { path: path.into(), source };
                Self::read(path, open.map_err(failed)?)
            }
            Err(source) => Err(IdentityError::Read { path: path.into(), source }),
        }
    }

    fn read(path: &Path, file: File) -> Result<Self, IdentityError> {
        let failed = |source| IdentityError::Read { path: path.into(), source };
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(IdentityError::Open { path: path.into(), mode });
        }
        let mut text = Zeroizing::new(Vec::new());
        file.take(FILE_BYTES_MAX).read_to_end(&mut text).map_err(failed)?;
        let certificate = CertificateDer::from_pem_slice(&text).ok();
        let key = PrivateKeyDer::from_pem_slice(&text).ok();
        certificate
            .zip(key)
            .and_then(|(certificate, key)| Self::new(certificate, key))
            .ok_or_else(|| IdentityError::NoKey { path: path.into() })
    }

    /// Nothing unless the certificate carries the key.
    fn new(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> Option<Self> {
        CertifiedKey::from_der(vec![certificate.clone()], key.clone_key(), &PROVIDER).ok()?;
        let fingerprint = verify::fingerprint_of(&certificate).ok()?;
        Some(Self { certificate, key, fingerprint })
    }

    /// What others know it by.
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({}…)", self.fingerprint.short())
    }
}

fn make() -> Result<(KeyPair, rcgen::Certificate), rcgen::Error> {
    let key = KeyPair::generate()?;
    // Browsers want a name here, if not one that they know.
    let mut params = CertificateParams::new(vec![COMMON_NAME.to_owned(), "localhost".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, COMMON_NAME);
    let certificate = params.self_signed(&key)?;
    Ok((key, certificate))
}

/// Writes the file whole or not at all, durable before it has its name.
fn write(path: &Path, certificate: &str, key: &str) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::with_prefix_in(".key-", dir)?;
    file.as_file().set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(certificate.as_bytes())?;
    file.write_all(key.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn an_identity_is_made_once_for_its_owner_alone_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tls.key");
        let made = Identity::load_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let found = Identity::load_or_create(&path).unwrap();
        assert_eq!(
            (found.fingerprint(), found.certificate),
            (made.fingerprint(), made.certificate)
        );
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
        assert_ne!(Identity::ephemeral().unwrap().fingerprint(), made.fingerprint);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tls.key");
        Identity::load_or_create(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o604)).unwrap();
        let refused = Identity::load_or_create(&path);
        assert!(matches!(refused, Err(IdentityError::Open { mode: 0o604, .. })), "{refused:?}");
    }

    #[test]
    fn a_file_that_holds_something_else_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let paths = ["a.key", "b.key"].map(|name| dir.path().join(name));
        let texts = paths.each_ref().map(|path| {
            Identity::load_or_create(path).unwrap();
            fs::read_to_string(path).unwrap()
        });
        let (certificate, _) = texts[0].split_at(texts[0].find("-----BEGIN PRIVATE").unwrap());
        let (_, key) = texts[1].split_at(texts[1].find("-----BEGIN PRIVATE").unwrap());
        for text in ["", "secret", certificate, key, &format!("{certificate}{key}")] {
            fs::write(&paths[0], text).unwrap();
            let refused = Identity::load_or_create(&paths[0]);
            assert!(matches!(refused, Err(IdentityError::NoKey { .. })), "{refused:?}");
            assert_eq!(fs::read_to_string(&paths[0]).unwrap(), text);
        }
    }
}
