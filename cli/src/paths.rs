//! Where things are on this computer.

use std::env;
use std::path::{Path, PathBuf};

use crate::error::{CliError, CliResult, Slug};

/// Names a cluster: the head's address.
pub(crate) const CLUSTER_ENV: &str = "BRAMBLE_CLUSTER";
/// Names the data directory of a head.
pub(crate) const DATA_ENV: &str = "BRAMBLE_DATA";
/// Whose jobs are submitted.
pub(crate) const USER_ENV: &str = "BRAMBLE_USER";
/// Names a file with a token.
pub(crate) const TOKEN_FILE_ENV: &str = "BRAMBLE_TOKEN_FILE";
/// What to log.
pub(crate) const LOG_ENV: &str = "BRAMBLE_LOG";
/// Where the gallery's modules are.
pub(crate) const JOBS_ENV: &str = "BRAMBLE_JOBS";
/// Where the head listens when nothing else is said.
pub(crate) const DEFAULT_URL: &str = "http://127.0.0.1:8420";

/// A variable of the environment; an empty one counts as not set.
pub(crate) fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The data directory: as typed, else by the environment, else the user's own.
///
/// # Errors
/// When nothing is said and the user has no home directory.
pub(crate) fn data_dir(typed: Option<&Path>) -> CliResult<PathBuf> {
    let dir = match typed {
        Some(dir) if dir.as_os_str().is_empty() => {
            return Err(CliError::usage("--data needs the name of a directory"));
        }
        Some(dir) => Some(dir.to_owned()),
        None => variable(DATA_ENV),
    };
    let dir = match dir {
        Some(dir) => dir,
        None => user_dir("XDG_DATA_HOME", ".local/share")?,
    };
    // A process that this one starts may stand somewhere else.
    std::path::absolute(&dir).map_err(|error| CliError::file("find", &dir, &error))
}

/// Where this user's settings are.
///
/// # Errors
/// When the user has no home directory.
pub(crate) fn config_dir() -> CliResult<PathBuf> {
    user_dir("XDG_CONFIG_HOME", ".config")
}

/// Where an agent called `name` keeps what it fetches when nothing is said.
///
/// # Errors
/// When the user has no home directory.
pub(crate) fn agent_dir(name: &str) -> CliResult<PathBuf> {
    Ok(user_dir("XDG_CACHE_HOME", ".cache")?.join(format!("agent-{name}")))
}

fn user_dir(variable_name: &str, under_home: &str) -> CliResult<PathBuf> {
    // The XDG rules say that a relative path there is to be ignored.
    let base = variable(variable_name)
        .filter(|dir| dir.is_absolute())
        .or_else(|| variable("HOME").map(|home| home.join(under_home)));
    match base {
        Some(base) => Ok(base.join("bramble")),
        None => Err(CliError::new(Slug::Usage, "no data directory is known: HOME is not set")
            .help("name one: --data DIR")),
    }
}

/// `path` with the home directory as `~`, for people.
pub(crate) fn shown(path: &Path) -> String {
    let home = variable("HOME").filter(|home| home.parent().is_some());
    let short = home.as_deref().and_then(|home| path.strip_prefix(home).ok());
    let text = match short {
        Some(rest) if rest.as_os_str().is_empty() => "~".into(),
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    };
    crate::output::human::safe_field(&text)
}

/// This program, to be started again as a part of itself.
///
/// # Errors
/// When the system does not tell.
pub(crate) fn program() -> CliResult<PathBuf> {
    env::current_exe().map_err(|error| {
        CliError::new(Slug::Local, "cannot find this program's own file").because(&error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_data_directory_is_made_absolute() {
        let dir = data_dir(Some(Path::new("some/where"))).unwrap();
        assert!(dir.is_absolute() && dir.ends_with("some/where"));
        assert!(data_dir(Some(Path::new(""))).is_err());
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        assert_eq!(variable("BRAMBLE_NO_SUCH_VARIABLE"), None);
    }
}
