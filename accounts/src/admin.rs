//! The token by which whoever runs the head can do everything: in a file that nobody else reads.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use bramble_protocol::account::{Hidden, NewAccount, Role};

use crate::users::fresh;
use crate::{Accounts, AccountsError, Result, SessionKind};

/// What the first admin is called.
pub const ADMIN: &str = "admin";

/// What became of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminToken {
    /// It is as it was.
    Kept,
    /// It was made.
    Made,
    /// Others could read it: its token is dead, and there is a new one.
    Replaced,
}

impl Accounts {
    /// Sees to it that there is an admin, and that `path` holds a token of his that only the
    /// file's owner can read.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn ensure_admin(&self, path: &Path, now_ms: u64) -> Result<AdminToken> {
        let failed = |source| AccountsError::TokenFile { path: path.to_owned(), source };
        if self.cache().users.get(ADMIN).is_none_or(|user| user.role != Role::Admin)
            && !self.cache().users.values().any(|user| user.role == Role::Admin)
        {
            let new = NewAccount { user: ADMIN.into(), role: Role::Admin, class: None };
            self.insert_users(vec![fresh(&new, None, false, now_ms)], now_ms)?;
        }
        let found = read(path).map_err(failed)?;
        if let Some((token, mode)) = &found
            && let Some(identity) = self.authenticate(token.expose(), now_ms)
            && identity.role == Role::Admin
        {
            if mode & 0o077 == 0 {
                return Ok(AdminToken::Kept);
            }
            self.end_session(&identity.user, identity.session)?;
        }
        let admin = self
            .cache()
            .users
            .values()
            .filter(|user| user.role == Role::Admin)
            .max_by_key(|user| user.name == ADMIN)
            .map(|user| user.name.clone());
        let admin = admin.ok_or_else(|| AccountsError::NoSuchUser(ADMIN.into()))?;
        let answer = self.begin_session(&admin, SessionKind::AdminToken, None, now_ms)?;
        write(path, &answer.token).map_err(failed)?;
        Ok(if found.is_some() { AdminToken::Replaced } else { AdminToken::Made })
    }
}

fn read(path: &Path) -> io::Result<Option<(Hidden, u32)>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mode = file.metadata()?.mode();
    let mut text = String::new();
    file.take(256).read_to_string(&mut text)?;
    Ok(Some((Hidden::new(text.trim().to_owned()), mode)))
}

/// Writes the file whole or not at all, closed to others before anything is in it.
fn write(path: &Path, token: &Hidden) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::with_prefix_in(".token-", dir)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o600))?;
    writeln!(file, "{}", token.expose())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(dir)?.sync_all()
}
