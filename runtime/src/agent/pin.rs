//! Which head an agent believes: the key that it saw first, as with SSH's known hosts.
//!
//! Whoever can sign artefacts runs machine code on this node. So a head whose key has changed is
//! not served: either its data directory was made anew, or it is another head at its address.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bramble_protocol::{Fingerprint, PublicKey, TargetClass};

use super::AgentError;
use crate::artefact::Trust;

/// A file of keys that is longer than this, in bytes, is none of ours.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The key of the head, once it is known, and where it is remembered.
#[derive(Debug)]
pub(super) struct Pin {
    trust: Arc<OnceLock<Trust>>,
    class: TargetClass,
    head: String,
    /// Lines of an address and a key. Without a file the key is remembered by this process only.
    file: Option<PathBuf>,
}

impl Pin {
    pub(super) fn new(head: &str, class: TargetClass, file: Option<PathBuf>) -> Self {
        let head = head.trim_end_matches('/').to_owned();
        Self { trust: Arc::default(), class, head, file }
    }

    /// Where slots find it.
    pub(super) fn trust(&self) -> Arc<OnceLock<Trust>> {
        Arc::clone(&self.trust)
    }

    /// The head's key, if it is known.
    pub(super) fn known(&self) -> io::Result<Option<PublicKey>> {
        match (self.trust.get(), &self.file) {
            (Some(trust), _) => Ok(Some(trust.key)),
            (None, Some(file)) => {
                let known = read(file)?.into_iter().find(|(head, _)| *head == self.head);
                Ok(known.map(|(_, key)| key))
            }
            (None, None) => Ok(None),
        }
    }

    /// Takes the key that the head has sent: the first is remembered, any later one must be the
    /// same.
    ///
    /// # Errors
    /// When it is another, or cannot be remembered.
    pub(super) fn check(&self, sent: PublicKey) -> Result<(), AgentError> {
        let failed = |path: &Path, source| AgentError::Pin { path: path.to_owned(), source };
        let known = self.known().map_err(|error| {
            failed(self.file.as_deref().unwrap_or(Path::new(&self.head)), error)
        })?;
        match (known, &self.file) {
            (Some(known), file) if known != sent => {
                let (known, sent, file) = (known.short(), sent.short(), file.clone());
                return Err(AgentError::KeyChanged { head: self.head.clone(), known, sent, file });
            }
            (None, Some(file)) => {
                add(file, &self.head, sent).map_err(|error| failed(file, error))?;
                tracing::info!(key = %sent, "this head's key is remembered in {}", file.display());
            }
            _ => {}
        }
        // Known already: the same, as was just seen.
        let _ = self.trust.set(Trust { class: self.class, key: sent });
        Ok(())
    }
}

fn read(file: &Path) -> io::Result<Vec<(String, PublicKey)>> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    match fs::metadata(file) {
        Ok(metadata) if metadata.len() > FILE_BYTES_MAX => return Err(bad("it is too long")),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    }
    let line = |line: &str| {
        let (head, key) = line.split_once(' ')?;
        Some((head.to_owned(), key.parse().ok()?))
    };
    let text = fs::read_to_string(file)?;
    text.lines().map(|text| line(text).ok_or_else(|| bad("a line is no address and key"))).collect()
}

/// The fingerprint of the head that an agent joined, by the file where that is kept; `None` when it
/// joined none yet.
///
/// # Errors
/// When the file cannot be read, or holds something else.
pub fn head_of(file: &Path) -> io::Result<Option<Fingerprint>> {
    let bad = |_| io::Error::new(io::ErrorKind::InvalidData, "it holds no fingerprint");
    match fs::read_to_string(file) {
        Ok(text) => text.trim().parse().map(Some).map_err(bad),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Keeps the fingerprint of the head that has said welcome.
pub(super) fn keep_head(file: &Path, key: Fingerprint) -> Result<(), AgentError> {
    if head_of(file).is_ok_and(|known| known == Some(key)) {
        return Ok(());
    }
    let dir = file.parent().unwrap_or(Path::new("."));
    let write = || {
        let mut new = tempfile::NamedTempFile::with_prefix_in(".head-", dir)?;
        writeln!(new, "{key}")?;
        new.as_file().sync_all()?;
        new.persist(file).map_err(|error| error.error)?;
        fs::File::open(dir)?.sync_all()
    };
    write().map_err(|source| AgentError::Pin { path: file.to_owned(), source })
}

/// Adds a line: the file is replaced whole.
fn add(file: &Path, head: &str, key: PublicKey) -> io::Result<()> {
    let dir = file.parent().unwrap_or(Path::new("."));
    let mut text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let mut new = tempfile::NamedTempFile::with_prefix_in(".heads-", dir)?;
    writeln!(new, "{text}{head} {key}")?;
    new.as_file().sync_all()?;
    new.persist(file).map_err(|error| error.error)?;
    fs::File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> PublicKey {
        PublicKey::from_bytes([byte; 32])
    }

    #[test]
    fn the_first_key_of_a_head_is_remembered_and_another_is_refused_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("heads");
        let pin = |head: &str| Pin::new(head, TargetClass::native(), Some(file.clone()));
        let first = pin("http://a:1");
        first.check(key(1)).unwrap();
        first.check(key(1)).unwrap();
        assert_eq!(first.trust().get().unwrap().key, key(1));
        pin("http://b:1/").check(key(2)).unwrap();
        // Another process, later.
        let again = pin("http://a:1/");
        let error = again.check(key(2)).unwrap_err().to_string();
        assert!(error.contains("http://a:1") && error.contains(file.to_str().unwrap()), "{error}");
        assert!(error.contains(&key(1).short()) && error.contains(&key(2).short()), "{error}");
        assert_eq!(again.trust().get(), None, "nothing of it is run");
        again.check(key(1)).unwrap();
    }

    #[test]
    fn without_a_file_the_key_is_remembered_while_the_process_lives() {
        let pin = Pin::new("http://a:1", TargetClass::native(), None);
        pin.check(key(1)).unwrap();
        assert!(pin.check(key(2)).is_err());
        Pin::new("http://a:1", TargetClass::native(), None).check(key(2)).unwrap();
    }

    #[test]
    fn a_damaged_file_of_keys_is_not_taken_for_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("heads");
        fs::write(&file, "http://a:1 12\n").unwrap();
        let pin = Pin::new("http://a:1", TargetClass::native(), Some(file.clone()));
        assert!(matches!(pin.check(key(1)), Err(AgentError::Pin { .. })));
        assert_eq!(fs::read_to_string(&file).unwrap(), "http://a:1 12\n");
    }
}
