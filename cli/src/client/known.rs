//! The keys of the heads that this user has spoken to over TLS, as SSH remembers its hosts.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bramble_tls::{Fingerprint, WrongKey};

use crate::error::{CliError, CliResult, Slug};
use crate::paths;

/// In the user's configuration directory: a line for each head, its address and its fingerprint.
const FILE: &str = "known-heads";
/// A file that is longer than this, in bytes, is none of ours.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The key by which the head at `url` is known.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn find(url: &str) -> CliResult<Option<Fingerprint>> {
    Ok(read(&file()?)?.into_iter().find(|(known, _)| known == url).map(|(_, key)| key))
}

/// Remembers the key of the head at `url`.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn add(url: &str, fingerprint: Fingerprint) -> CliResult<()> {
    let path = file()?;
    let mut known = read(&path)?;
    known.push((url.to_owned(), fingerprint));
    write(&path, &known).map_err(|error| CliError::file("write", &path, &error))
}

/// The head at `url` has another key than it had.
pub(super) fn changed(url: &str, wrong: &WrongKey) -> CliError {
    let shown = file().map_or_else(|_| FILE.to_owned(), |path| paths::shown(&path));
    CliError::new(Slug::HeadChanged, format!("the head at {url} has another key than before"))
        .why(format!("it was {}…, it is {}", wrong.expected, wrong.found))
        .why("its data directory was made anew, or another computer answers in its place")
        .help(format!(
            "ask whoever runs it for the fingerprint (`bramble head` says it when it starts); if it \
             is this one, remove the line of {url} from {shown}"
        ))
}

fn file() -> CliResult<PathBuf> {
    Ok(paths::config_dir()?.join(FILE))
}

fn read(path: &Path) -> CliResult<Vec<(String, Fingerprint)>> {
    let bad = |why: String| {
        CliError::new(Slug::BadFile, format!("{} is damaged", paths::shown(path)))
            .why(why)
            .help("mend or remove it; heads are then met anew")
    };
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > FILE_BYTES_MAX => {
            return Err(bad("it is too long".into()));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(CliError::file("read", path, &error)),
    }
    let text = fs::read_to_string(path).map_err(|error| CliError::file("read", path, &error))?;
    let line = |(number, line): (usize, &str)| {
        let known =
            line.split_once(' ').and_then(|(url, key)| Some((url, key.trim().parse().ok()?)));
        let (url, key) = known
            .ok_or_else(|| bad(format!("line {} is no address and fingerprint", number + 1)))?;
        Ok((url.to_owned(), key))
    };
    text.lines().enumerate().map(line).collect()
}

/// Writes the file whole or not at all.
fn write(path: &Path, known: &[(String, Fingerprint)]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    let mut file = tempfile::NamedTempFile::with_prefix_in(".known-heads-", dir)?;
    for (url, fingerprint) in known {
        writeln!(file, "{url} {fingerprint}")?;
    }
    file.persist(path).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_heads_are_read_as_they_were_written_and_damage_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deeper").join(FILE);
        assert_eq!(read(&path).unwrap(), []);
        let known = [("https://a:1", 1), ("https://b:2", 2)]
            .map(|(url, byte)| (url.to_owned(), Fingerprint::from_bytes([byte; 32])));
        write(&path, &known).unwrap();
        assert_eq!(read(&path).unwrap(), known);
        fs::write(&path, "https://a:1 123\n").unwrap();
        assert_eq!(read(&path).unwrap_err().slug(), Some(Slug::BadFile));
    }
}
