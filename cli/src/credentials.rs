//! The tokens by which this user's commands sign in.
//!
//! In order: the file that `BRAMBLE_TOKEN_FILE` names; what `bramble login` has kept for that head;
//! and for a head of this user's own on this computer, the admin's token in its data directory.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use bramble_protocol::account::Hidden;
use serde::{Deserialize, Serialize};

use crate::error::{CliError, CliResult, Slug};
use crate::{local, paths};

/// A file of tokens that is longer than this, in bytes, is none of ours.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// In the user's configuration directory.
const FILE: &str = "credentials.json";

/// What `bramble login` keeps.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    logins: Vec<Login>,
}

/// A session of one head.
#[derive(Debug, Serialize, Deserialize)]
struct Login {
    url: String,
    user: String,
    token: Hidden,
}

/// The token for the head at `url`, if there is one.
///
/// # Errors
/// When a file of tokens is open to others, or cannot be read.
pub(crate) fn token_for(url: &str) -> CliResult<Option<Hidden>> {
    if let Some(path) = paths::variable(paths::TOKEN_FILE_ENV) {
        return read_private(&path).map(|text| Some(trimmed(text.expose())));
    }
    let kept = load()?.logins.into_iter().find(|login| login.url == url);
    if let Some(login) = kept {
        return Ok(Some(login.token));
    }
    // Only a head that runs now is asked: another may have its address later.
    let is_own =
        |head: local::HeadRecord| head.url == url || is_on_this_computer(url, head.listen.port());
    match paths::data_dir(None).ok() {
        Some(dir) if local::running_head(&dir).is_some_and(is_own) => admin_token(&dir),
        _ => Ok(None),
    }
}

/// The admin's token in a head's data directory; `None` when there is none, or it is another
/// user's.
///
/// # Errors
/// When it is open to others, or cannot be read.
pub(crate) fn admin_token(dir: &Path) -> CliResult<Option<Hidden>> {
    let path = dir.join(local::ADMIN_TOKEN_FILE);
    match fs::File::open(&path) {
        Ok(_) => read_private(&path).map(|text| Some(trimmed(text.expose()))),
        Err(_) => Ok(None),
    }
}

/// Whether a URL means a port of this very computer.
fn is_on_this_computer(url: &str, port: u16) -> bool {
    let uri = url.parse::<ureq::http::Uri>();
    is_local(url) && uri.is_ok_and(|uri| uri.port_u16() == Some(port))
}

/// Whether a URL means this very computer.
pub(crate) fn is_local(url: &str) -> bool {
    let Ok(uri) = url.parse::<ureq::http::Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Keeps the session of a head in the place of an earlier one.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn keep(url: &str, user: &str, token: Hidden) -> CliResult<PathBuf> {
    let mut kept = load()?;
    kept.logins.retain(|login| login.url != url);
    kept.logins.push(Login { url: url.to_owned(), user: user.to_owned(), token });
    save(&kept)
}

/// Whose session of a head is kept, if one is.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn kept_user(url: &str) -> CliResult<Option<String>> {
    Ok(load()?.logins.into_iter().find(|login| login.url == url).map(|login| login.user))
}

/// Forgets the session of a head; returns whose it was.
///
/// # Errors
/// When the file cannot be read or written.
pub(crate) fn forget(url: &str) -> CliResult<Option<String>> {
    let mut kept = load()?;
    let at = kept.logins.iter().position(|login| login.url == url);
    let Some(at) = at else { return Ok(None) };
    let login = kept.logins.remove(at);
    save(&kept)?;
    Ok(Some(login.user))
}

fn trimmed(text: &str) -> Hidden {
    Hidden::new(text.trim().to_owned())
}

fn load() -> CliResult<Kept> {
    let path = paths::config_dir()?.join(FILE);
    if !path.exists() {
        return Ok(Kept::default());
    }
    let text = read_private(&path)?;
    serde_json::from_str(text.expose()).map_err(|error| {
        CliError::new(Slug::BadFile, format!("{} is damaged", paths::shown(&path)))
            .why(error.to_string())
            .help("remove it, then sign in again: bramble login")
    })
}

/// Writes the file whole or not at all, closed to others before anything is in it.
fn save(kept: &Kept) -> CliResult<PathBuf> {
    let dir = paths::config_dir()?;
    let path = dir.join(FILE);
    let failed = |error: io::Error| CliError::file("write", &path, &error);
    fs::create_dir_all(&dir).map_err(failed)?;
    let mut file =
        tempfile::NamedTempFile::with_prefix_in(".credentials-", &dir).map_err(failed)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o600)).map_err(failed)?;
    serde_json::to_writer_pretty(&mut file, kept).map_err(|error| failed(error.into()))?;
    file.flush().map_err(failed)?;
    file.persist(&path).map_err(|error| failed(error.error))?;
    Ok(path)
}

/// A file of secrets, which nobody else may be able to read.
fn read_private(path: &Path) -> CliResult<Hidden> {
    let failed = |error: io::Error| CliError::file("read", path, &error);
    let file = fs::File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        let shown = paths::shown(path);
        let what = format!("others may read the token in {shown} (mode {mode:o})");
        return Err(CliError::new(Slug::NotAllowed, what)
            .help(format!("if nobody has: chmod 600 {shown}; else end that session")));
    }
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    Ok(Hidden::new(text))
}
