//! Which cluster an agent belongs to: its own key, the token it joins by, the head it trusts.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bramble_protocol::account::Hidden;
use bramble_protocol::join::JoinToken;
use bramble_runtime::agent::head_of;
use bramble_tls::{Client, Pin};

use super::data;
use crate::args::cluster::AgentArgs;
use crate::client::checked_url;
use crate::error::{CliError, CliResult, Slug};
use crate::paths;

/// A token itself, where no file can be given.
const JOIN_ENV: &str = "BRAMBLE_JOIN";
/// The node's own key, in the agent's directory.
pub(crate) const NODE_KEY_FILE: &str = "node.key";
/// The fingerprint of the head that it joined, in the agent's directory.
const HEAD_FILE: &str = "head.fingerprint";
/// A token's file that is longer than this, in bytes, is none.
const TOKEN_BYTES_MAX: u64 = 4 << 10;

/// What an agent shows the head, and what it expects of it.
pub(super) struct Membership {
    /// Its end of the connection.
    pub(super) tls: Client,
    /// The secret of a token, if one was given.
    pub(super) join: Option<Hidden>,
    /// Where the head is remembered.
    pub(super) head_file: PathBuf,
}

impl Membership {
    /// That of the agent whose directory is `home`.
    ///
    /// # Errors
    /// When it has joined no head and is given no token, or a file cannot be used.
    pub(super) fn find(args: &AgentArgs, home: &Path) -> CliResult<Self> {
        let token = token(args)?;
        let head_file = home.join(HEAD_FILE);
        let joined = head_of(&head_file).map_err(|error| {
            CliError::file("read", &head_file, &error)
                .help("remove it, and join again: --join-file")
        })?;
        let pin = match (&token, joined) {
            // A token for the same head is the one that it joined by.
            (Some(token), Some(head)) if head.prefix() == token.head() => Pin::exact(head),
            (Some(token), _) => Pin::prefix(token.head()),
            (None, Some(head)) => Pin::exact(head),
            (None, None) => return Err(not_joined(home)),
        };
        let identity = data::identity(&home.join(NODE_KEY_FILE)).map_err(|error| {
            error.help("put the right file back, or remove this one and join again: --join-file")
        })?;
        let tls = Client::new(Some(&identity), pin)
            .map_err(|error| CliError::new(Slug::Local, "cannot speak TLS").because(&error))?;
        Ok(Self { tls, join: token.map(|token| token.secret()), head_file })
    }
}

/// The head's address, as typed, for TLS.
///
/// # Errors
/// When it is none, or one for plain HTTP.
pub(super) fn head_url(typed: &str) -> CliResult<String> {
    let typed = typed.trim();
    if typed.contains("://") && !typed.starts_with("https://") {
        checked_url(typed)?;
        let help = typed.split_once("://").map_or(typed, |(_, rest)| rest);
        return Err(CliError::usage("an agent speaks to its head by TLS only")
            .why("without it, whoever is on the way could take the node's place")
            .help(format!("--head https://{help}")));
    }
    let typed = typed.strip_prefix("https://").unwrap_or(typed);
    checked_url(&format!("https://{typed}"))
}

fn token(args: &AgentArgs) -> CliResult<Option<JoinToken>> {
    let (text, from) = match (&args.join_file, paths::variable(JOIN_ENV)) {
        (Some(path), _) => (read_token(path)?, paths::shown(path)),
        (None, Some(text)) => (Hidden::new(text.to_string_lossy().into_owned()), JOIN_ENV.into()),
        (None, None) => return Ok(None),
    };
    text.expose().parse().map(Some).map_err(|error| {
        CliError::usage(format!("what {from} holds is no join token"))
            .because(&error)
            .help("make one on the head: bramble nodes token")
    })
}

fn read_token(path: &Path) -> CliResult<Hidden> {
    let failed = |error: io::Error| CliError::file("read", path, &error);
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    file.take(TOKEN_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    Ok(Hidden::new(text))
}

fn not_joined(home: &Path) -> CliError {
    CliError::new(Slug::AgentRefused, "this node has not joined a head yet")
        .why(format!("there is no {HEAD_FILE} in {}", paths::shown(home)))
        .help("make a token on the head, put it into a file here: bramble nodes token > join.token")
        .help("then, once: bramble agent --head HOST:PORT --join-file join.token")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_speaks_tls_whether_that_is_typed_or_not() {
        for typed in ["lab.local:8420", "https://lab.local:8420/", " https://lab.local:8420"] {
            assert_eq!(head_url(typed).unwrap(), "https://lab.local:8420", "{typed}");
        }
        for refused in ["http://lab.local:8420", "ws://a", "", "https://", "a/b"] {
            assert_eq!(head_url(refused).unwrap_err().slug(), Some(Slug::Usage), "{refused}");
        }
    }
}
