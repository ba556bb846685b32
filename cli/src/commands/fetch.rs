//! A result from the head into a file or onto standard output, with every byte checked.

use std::fs;
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bramble_protocol::api::ResultView;
use bramble_protocol::{Digest, JobId, ObjectRef};
use tempfile::{NamedTempFile, SpooledTempFile};

use crate::client::Client;
use crate::error::{CliError, CliResult, Slug};
use crate::output::Output;
use crate::output::progress::Meter;
use crate::signals::Interrupt;

/// Bytes read at a time.
const BLOCK_BYTES: usize = 128 << 10;
/// What goes to standard output is held back until it is checked: up to this many bytes of a
/// chunk in memory, a larger one in a temporary file.
const HELD_BYTES_MAX: usize = 4 << 20;

/// The longest name that a result's file gets, in bytes.
const NAME_BYTES_MAX: usize = 150;

/// Where a result goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Standard output.
    Stdout,
    /// This file. One that is there is replaced only when `replace`.
    File {
        /// Its name.
        path: PathBuf,
        /// Whether the user means it to be replaced.
        replace: bool,
    },
}

impl Target {
    /// What `-o` means for a result whose own name is `own_name`. A file that was typed is meant;
    /// one whose name comes from the result is replaced only with `force`.
    ///
    /// # Errors
    /// When there is no such directory, or the file is there and must not be replaced.
    pub(crate) fn choose(typed: Option<&Path>, own_name: &str, force: bool) -> CliResult<Self> {
        let named = PathBuf::from(file_name(own_name));
        let target = match typed {
            Some(path) if path == Path::new("-") => return Ok(Self::Stdout),
            Some(path) if is_directory(path) => {
                Self::File { path: path.join(named), replace: force }
            }
            Some(path) => Self::File { path: path.to_owned(), replace: true },
            None => Self::File { path: named, replace: force },
        };
        target.check()?;
        Ok(target)
    }

    /// Makes sure that the file can be written, before anything is fetched.
    fn check(&self) -> CliResult<()> {
        let Self::File { path, replace } = self else { return Ok(()) };
        if path.file_name().is_none() {
            return Err(CliError::usage(format!("`{}` names no file", path.display())));
        }
        let dir = directory_of(path);
        let metadata = fs::metadata(dir).map_err(|_| {
            let what = format!("no such directory: {}", dir.display());
            CliError::new(Slug::NoSuchFile, what)
                .help("create it first, or choose another: -o FILE")
        })?;
        if !metadata.is_dir() {
            let what = format!("{} is not a directory", dir.display());
            return Err(CliError::new(Slug::BadFile, what));
        }
        let there = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        if there && !replace {
            let what = format!("{} is there already", path.display());
            return Err(CliError::new(Slug::OutputExists, what)
                .help("replace it: --force    or choose another name: -o FILE"));
        }
        rustix::fs::access(dir, rustix::fs::Access::WRITE_OK)
            .map_err(|error| CliError::file("write into", dir, &error.into()))
    }

    /// The file's name, for people.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Stdout => "standard output".into(),
            Self::File { path, .. } => {
                crate::output::human::safe_field(&path.display().to_string())
            }
        }
    }
}

/// `text` as the name of a file in some directory: never a path, never hidden, never strange.
pub(crate) fn file_name(text: &str) -> String {
    let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut bytes = 0;
    let fits = |c: &char| {
        bytes += c.len_utf8();
        bytes <= NAME_BYTES_MAX
    };
    let name: String = last.chars().filter(|c| !c.is_control()).take_while(fits).collect();
    let name = name.trim().trim_start_matches(['.', '-']);
    if name.is_empty() { "result".into() } else { name.to_owned() }
}

/// Whether `path` names a directory, be it only by a slash at its end.
fn is_directory(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

/// The directory that a file lies in.
pub(crate) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if dir.as_os_str().is_empty() => Path::new("."),
        Some(dir) => dir,
        None => path,
    }
}

/// Fetches `result` into `target`. A file appears under its name only when all of it is checked
/// and on the disk.
///
/// # Errors
/// When a chunk is damaged or missing, the disk is full, or Ctrl-C is pressed. A file that was
/// there before is then as it was.
pub(crate) fn fetch(
    output: &Output,
    client: &Client,
    result: &ResultView,
    target: &Target,
    interrupt: &Interrupt,
) -> CliResult<()> {
    let chunks = &result.manifest.chunks;
    let sum = chunks.iter().fold(0u64, |sum, chunk| sum.saturating_add(chunk.size));
    if sum != result.manifest.total_bytes {
        return Err(damaged(result, "its chunks are not as long as its manifest says"));
    }
    let mut fetcher = Fetcher {
        client,
        interrupt,
        id: result.id,
        meter: Meter::new(*output, "Fetching", Some(sum)),
    };
    match target {
        Target::Stdout => fetcher.write_stdout(chunks),
        Target::File { path, .. } => fetcher.write_file(chunks, path),
    }
}

fn damaged(result: &ResultView, why: &str) -> CliError {
    CliError::new(Slug::Corrupt, format!("the result of job {} is damaged", result.id)).why(why)
}

struct Fetcher<'a> {
    client: &'a Client,
    interrupt: &'a Interrupt,
    id: JobId,
    meter: Meter,
}

impl Fetcher<'_> {
    fn write_file(&mut self, chunks: &[ObjectRef], path: &Path) -> CliResult<()> {
        let failed = |error: &io::Error| CliError::file("write", path, error);
        // Through a link to the file it names, so that the link stays.
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let old = fs::metadata(&real).ok();
        if old.as_ref().is_some_and(|old| !old.is_file()) {
            // A device or a pipe cannot be replaced, only written.
            let file = fs::OpenOptions::new().write(true).open(&real);
            return self.held(chunks, &mut file.map_err(|error| failed(&error))?, &failed);
        }
        let mode = old.map_or(0o666, |old| old.permissions().mode() & 0o777);
        let mut file = tempfile::Builder::new()
            .prefix(".bramble-")
            .permissions(fs::Permissions::from_mode(mode))
            .tempfile_in(directory_of(&real))
            .map_err(|error| failed(&error))?;
        for (index, chunk) in chunks.iter().enumerate() {
            self.chunk(index, chunk, &mut file, &failed)?;
        }
        keep(file, &real).map_err(|error| failed(&error))
    }

    fn write_stdout(&mut self, chunks: &[ObjectRef]) -> CliResult<()> {
        let mut stdout = io::stdout().lock();
        self.held(chunks, &mut stdout, &CliError::stdout)
    }

    /// Writes each chunk only after it was checked, for where nothing can be taken back.
    fn held(
        &mut self,
        chunks: &[ObjectRef],
        target: &mut impl Write,
        failed: &dyn Fn(&io::Error) -> CliError,
    ) -> CliResult<()> {
        let local = |error: &io::Error| CliError::file("write", &std::env::temp_dir(), error);
        for (index, chunk) in chunks.iter().enumerate() {
            let mut held = SpooledTempFile::new(HELD_BYTES_MAX);
            self.chunk(index, chunk, &mut held, &local)?;
            held.rewind().map_err(|error| local(&error))?;
            io::copy(&mut held, target).map_err(|error| failed(&error))?;
        }
        target.flush().map_err(|error| failed(&error))
    }

    /// Copies one chunk from the head and checks it on the way.
    fn chunk(
        &mut self,
        index: usize,
        chunk: &ObjectRef,
        target: &mut impl Write,
        failed: &dyn Fn(&io::Error) -> CliError,
    ) -> CliResult<()> {
        let mut source = self.client.result_chunk(self.id, index, chunk)?;
        let mut hasher = blake3::Hasher::new();
        let mut block = vec![0; BLOCK_BYTES];
        let mut size = 0u64;
        loop {
            self.interrupt.check("stopped fetching; nothing was kept")?;
            let count = match source.read(&mut block) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) => return Err(self.cut_off(chunk, &error)),
            };
            hasher.update(&block[..count]);
            size += count as u64;
            target.write_all(&block[..count]).map_err(|error| failed(&error))?;
            self.meter.add(count as u64);
        }
        let found = Digest::from(hasher.finalize());
        if (found, size) != (chunk.digest, chunk.size) {
            let why = format!(
                "chunk {} should hold {} bytes; {size} came, which hash to {}",
                chunk.digest.short(),
                chunk.size,
                found.short()
            );
            let what = format!("a chunk of the result of job {} arrived damaged", self.id);
            return Err(CliError::new(Slug::Corrupt, what).why(why).help("try again"));
        }
        Ok(())
    }

    fn cut_off(&self, chunk: &ObjectRef, error: &io::Error) -> CliError {
        let what = format!("the head stopped sending chunk {}", chunk.digest.short());
        CliError::new(Slug::Unreachable, what)
            .because(error)
            .help(format!("try again: bramble get {}", self.id))
    }
}

/// Makes a written file durable and gives it its name.
pub(crate) fn keep(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    fs::File::open(directory_of(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_results_own_name_can_never_be_a_path() {
        for (name, safe) in [
            ("sorted.txt", "sorted.txt"),
            ("../../etc/passwd", "passwd"),
            ("..", "result"),
            ("", "result"),
            (".bashrc", "bashrc"),
            ("-rf", "rf"),
            ("a\x1b[2Jb\n", "a[2Jb"),
            ("C:\\x.txt", "x.txt"),
        ] {
            assert_eq!(file_name(name), safe, "{name:?}");
        }
    }

    #[test]
    fn a_typed_file_is_meant_and_any_other_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("out.txt");
        fs::write(&file, "old").unwrap();
        let typed = Target::choose(Some(&file), "own", false).unwrap();
        assert_eq!(typed, Target::File { path: file.clone(), replace: true });
        let error = Target::choose(Some(dir.path()), "out.txt", false).unwrap_err();
        assert_eq!(error.slug(), Some(Slug::OutputExists));
        assert!(Target::choose(Some(dir.path()), "out.txt", true).is_ok());
        assert!(Target::choose(Some(dir.path()), "other.txt", false).is_ok());
        assert_eq!(Target::choose(Some(Path::new("-")), "x", false).unwrap(), Target::Stdout);
    }

    #[test]
    fn a_directory_that_is_not_there_is_told_before_anything_is_fetched() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["none/out.txt", "none/"] {
            let error = Target::choose(Some(&dir.path().join(path)), "x", false).unwrap_err();
            assert_eq!(error.slug(), Some(Slug::NoSuchFile), "{path}");
        }
    }

    #[test]
    fn a_kept_file_replaces_the_old_one_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.txt");
        fs::write(&path, "old and longer").unwrap();
        let mut file = NamedTempFile::new_in(dir.path()).unwrap();
        file.write_all(b"new").unwrap();
        keep(file, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
