//! What a job works on: a file that must not change meanwhile, a stream, or a sample.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{CliError, CliResult, Slug};
use crate::output::human;

/// An input, opened.
#[derive(Debug)]
pub(crate) struct Input {
    name: String,
    source: Source,
    /// Removes a sample's file when the input is not needed any more.
    _held: Option<NamedTempFile>,
}

#[derive(Debug)]
enum Source {
    /// A plain file, as it was when it was opened.
    File { path: PathBuf, file: File, state: FileState },
    /// A pipe, a device: bytes that come once.
    Stream(File),
    /// Standard input.
    Stdin,
    /// Made here, for an example.
    Sample(Vec<u8>),
    /// None was named: for jobs that make their chunks from parameters.
    Absent,
}

/// What would be different if a file had been changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileState {
    bytes: u64,
    modified: (i64, i64),
    identity: (u64, u64),
}

impl FileState {
    fn of(metadata: &Metadata) -> Self {
        Self {
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            identity: (metadata.dev(), metadata.ino()),
        }
    }
}

impl Input {
    /// Opens a file; `-` is standard input.
    ///
    /// # Errors
    /// When it is not there, a directory, empty, or cannot be read.
    pub(crate) fn open(path: &Path) -> CliResult<Self> {
        if path == Path::new("-") {
            return Ok(Self::new("stdin", Source::Stdin));
        }
        let shown = path.display();
        let failed = |error: io::Error| CliError::file("read", path, &error);
        // Asked before opening: that of a pipe waits for a writer.
        let metadata = fs::metadata(path).map_err(failed)?;
        if metadata.is_dir() {
            return Err(CliError::new(Slug::BadFile, format!("{shown} is a directory"))
                .help("a job works on one file; join several with: cat DIR/* | … --input -"));
        }
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        if !metadata.is_file() {
            return Ok(Self::new(&name, Source::Stream(file)));
        }
        if metadata.len() == 0 {
            return Err(CliError::new(Slug::BadFile, format!("the input {shown} is empty"))
                .why("there is nothing to work on")
                .help("give a file with something in it: --input FILE"));
        }
        let state = FileState::of(&metadata);
        Ok(Self::new(&name, Source::File { path: path.into(), file, state }))
    }

    /// Bytes that are already here.
    pub(crate) fn sample(name: &str, bytes: Vec<u8>) -> Self {
        Self::new(name, Source::Sample(bytes))
    }

    /// No input at all.
    pub(crate) fn absent() -> Self {
        Self::new("", Source::Absent)
    }

    fn new(name: &str, source: Source) -> Self {
        Self { name: name.into(), source, _held: None }
    }

    /// The same, but a sample is a plain file, which modules that cut their input themselves need.
    ///
    /// # Errors
    /// When there is no place for temporary files.
    pub(crate) fn on_disk(self) -> CliResult<Self> {
        let Source::Sample(bytes) = &self.source else { return Ok(self) };
        let written = NamedTempFile::new().and_then(|mut file| {
            file.write_all(bytes)?;
            Ok(file)
        });
        let file = written.map_err(|error| {
            CliError::new(Slug::Local, "cannot write the sample to a temporary file")
                .because(&error)
        })?;
        let opened = Self::open(file.path())?;
        Ok(Self { name: self.name, _held: Some(file), ..opened })
    }

    /// Whether none was named.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self.source, Source::Absent)
    }

    /// What it is called; nothing when it is absent.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The same, for a terminal.
    pub(crate) fn shown(&self) -> String {
        if self.is_absent() { "no input".into() } else { human::safe_field(&self.name) }
    }

    /// How long it is, where that is known.
    pub(crate) fn bytes(&self) -> Option<u64> {
        match &self.source {
            Source::File { state, .. } => Some(state.bytes),
            Source::Stream(_) | Source::Stdin => None,
            Source::Sample(bytes) => Some(bytes.len() as u64),
            Source::Absent => Some(0),
        }
    }

    /// Whether it is a file that can be read in any order.
    pub(crate) fn is_plain_file(&self) -> bool {
        self.path().is_some()
    }

    /// The file, if it is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match &self.source {
            Source::File { path, .. } => Some(path),
            Source::Stream(_) | Source::Stdin | Source::Sample(_) | Source::Absent => None,
        }
    }

    /// The file as it was opened, and how long it was then, in bytes.
    pub(crate) fn file(&self) -> Option<(&File, u64)> {
        match &self.source {
            Source::File { file, state, .. } => Some((file, state.bytes)),
            _ => None,
        }
    }

    /// Its bytes from the start. Of a file not more than it had when it was opened, so that one
    /// that grows has an end.
    pub(crate) fn reader(&self) -> Box<dyn Read + Send + '_> {
        match &self.source {
            Source::File { file, state, .. } => Box::new(file.take(state.bytes)),
            Source::Stream(file) => Box::new(file),
            Source::Stdin => Box::new(io::stdin()),
            Source::Sample(bytes) => Box::new(bytes.as_slice()),
            Source::Absent => Box::new(io::empty()),
        }
    }

    /// Makes sure that a file is still what it was when it was opened: what was read of it would
    /// otherwise be a mixture that never existed.
    ///
    /// # Errors
    /// [`Slug::InputChanged`].
    pub(crate) fn check_unchanged(&self) -> CliResult<()> {
        let Source::File { path, file, state } = &self.source else { return Ok(()) };
        let shown = path.display();
        let changed = |what: &str| {
            CliError::new(Slug::InputChanged, format!("{shown} {what} while it was read"))
                .why("what was read may be a mixture of old and new; no job was queued")
                .help("wait until nothing writes to it, or submit a copy")
        };
        let now = fs::metadata(path).map_err(|_| changed("vanished"))?;
        let now = FileState::of(&now);
        if now.identity != state.identity {
            return Err(changed("was replaced"));
        }
        let opened = file.metadata().map_err(|error| CliError::file("read", path, &error))?;
        match FileState::of(&opened) {
            after if after == *state => Ok(()),
            after if after.bytes < state.bytes => Err(changed("was cut short")),
            after if after.bytes > state.bytes => Err(changed("grew")),
            _ => Err(changed("was changed")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_can_be_a_plain_file_for_a_while() {
        let input = Input::sample("numbers.txt", b"1 2 3".to_vec()).on_disk().unwrap();
        let path = input.path().unwrap().to_owned();
        assert_eq!(
            (input.name(), fs::read(&path).unwrap().as_slice()),
            ("numbers.txt", &b"1 2 3"[..])
        );
        drop(input);
        assert!(!path.exists());
        assert!(Input::absent().on_disk().unwrap().is_absent());
    }

    fn opened(dir: &Path) -> (PathBuf, Input) {
        let path = dir.join("in.txt");
        fs::write(&path, "some lines\n").unwrap();
        let input = Input::open(&path).unwrap();
        (path, input)
    }

    fn what(input: &Input) -> String {
        let error = input.check_unchanged().unwrap_err();
        assert_eq!(error.slug(), Some(Slug::InputChanged));
        error.to_string()
    }

    #[test]
    fn a_file_that_nobody_touches_is_unchanged() {
        let dir = tempfile::tempdir().unwrap();
        let (_path, input) = opened(dir.path());
        let mut text = String::new();
        input.reader().read_to_string(&mut text).unwrap();
        assert_eq!(text, "some lines\n");
        input.check_unchanged().unwrap();
    }

    #[test]
    fn every_way_to_change_a_file_is_noticed_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let (path, input) = opened(dir.path());
        File::options().append(true).open(&path).unwrap().write_all(b"more").unwrap();
        assert!(what(&input).ends_with("grew while it was read"));

        let (path, input) = opened(dir.path());
        File::options().write(true).open(&path).unwrap().set_len(3).unwrap();
        assert!(what(&input).ends_with("was cut short while it was read"));

        let (path, input) = opened(dir.path());
        fs::remove_file(&path).unwrap();
        assert!(what(&input).ends_with("vanished while it was read"));

        let (path, input) = opened(dir.path());
        fs::write(dir.path().join("new"), "some lines\n").unwrap();
        fs::rename(dir.path().join("new"), &path).unwrap();
        assert!(what(&input).ends_with("was replaced while it was read"));

        let (path, input) = opened(dir.path());
        let earlier = std::time::SystemTime::UNIX_EPOCH;
        File::options().write(true).open(&path).unwrap().set_modified(earlier).unwrap();
        assert!(what(&input).ends_with("was changed while it was read"));
    }

    #[test]
    fn a_file_that_grows_is_read_to_its_first_end_only() {
        let dir = tempfile::tempdir().unwrap();
        let (path, input) = opened(dir.path());
        File::options().append(true).open(path).unwrap().write_all(b"more").unwrap();
        let mut text = String::new();
        input.reader().read_to_string(&mut text).unwrap();
        assert_eq!(text, "some lines\n");
    }
}
