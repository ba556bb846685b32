//! Letting a program in from a browser: it shows eight letters, which somebody who has signed in
//! confirms.

use std::collections::HashMap;

use bramble_protocol::account::{CodeAnswer, LoginAnswer};

use crate::classes::CODE_LETTERS;
use crate::{Accounts, AccountsError, From, Identity, Result, SessionKind, pin, sessions, shown};

/// Letters of a code.
const LENGTH: usize = 8;
/// How long a code may be confirmed, in milliseconds.
const LASTS_MS: u64 = 10 * 60_000;
/// How many programs may wait, and how many from one address.
const WAITING_MAX: usize = 1_000;
const WAITING_FROM_MAX: usize = 20;

/// A program that waits.
struct Waiting {
    /// Of what the program asks with.
    secret: [u8; 32],
    from: String,
    address: From,
    expires_at: u64,
    /// Who has confirmed it.
    user: Option<String>,
}

/// All that wait, by their codes.
#[derive(Default)]
pub(crate) struct Codes(HashMap<String, Waiting>);

impl Accounts {
    /// A program asks to be let in.
    ///
    /// # Errors
    /// When too many do.
    pub fn begin_code(&self, from: From, now_ms: u64) -> Result<CodeAnswer> {
        let secret = sessions::token()?;
        let code = pin::random_text::<LENGTH>(CODE_LETTERS)?;
        let mut codes = self.codes();
        codes.0.retain(|_, it| it.expires_at > now_ms);
        let address = shown(from);
        let same = codes.0.values().filter(|it| it.from == address).count();
        let max = if same >= WAITING_FROM_MAX { WAITING_FROM_MAX } else { WAITING_MAX };
        if same >= WAITING_FROM_MAX || codes.0.len() >= WAITING_MAX {
            return Err(AccountsError::Full { what: "programs that wait to be let in", max });
        }
        let expires_at = now_ms + LASTS_MS;
        let waiting = Waiting {
            secret: sessions::hash(secret.expose()),
            from: address,
            address: from,
            expires_at,
            user: None,
        };
        codes.0.insert(code.clone(), waiting);
        Ok(CodeAnswer { code, secret, expires_at_ms: expires_at })
    }

    /// From which address the program asks that shows this code.
    ///
    /// # Errors
    /// When none does, or it was confirmed already, or there were too many tries.
    pub fn code_origin(&self, code: &str, from: From, now_ms: u64) -> Result<String> {
        // Whoever guesses codes could have another's program work for him.
        self.tries().begin("", from, now_ms)?;
        let codes = self.codes();
        let waiting = codes.0.get(&normal(code));
        let waiting = waiting.filter(|it| it.expires_at > now_ms && it.user.is_none());
        let origin = waiting.map(|it| it.from.clone()).ok_or(AccountsError::NoSuchCode)?;
        self.tries().succeeded("", from);
        Ok(origin)
    }

    /// Lets a program in as whoever confirms.
    ///
    /// # Errors
    /// See [`Self::code_origin`].
    pub fn confirm_code(&self, code: &str, by: &Identity, from: From, now_ms: u64) -> Result<()> {
        self.code_origin(code, from, now_ms)?;
        let mut codes = self.codes();
        let waiting = codes.0.get_mut(&normal(code)).ok_or(AccountsError::NoSuchCode)?;
        waiting.user = Some(by.user.clone());
        Ok(())
    }

    /// The session of a program that waits, once somebody has confirmed its code; given once.
    ///
    /// # Errors
    /// When it does not wait any more.
    pub fn poll_code(&self, secret: &str, now_ms: u64) -> Result<Option<LoginAnswer>> {
        let hash = sessions::hash(secret);
        let (user, address) = {
            let mut codes = self.codes();
            let found = codes.0.iter().find(|(_, it)| it.secret == hash);
            let found = found.filter(|(_, it)| it.expires_at > now_ms);
            let (code, waiting) = found.ok_or(AccountsError::NoSuchCode)?;
            let Some(user) = waiting.user.clone() else { return Ok(None) };
            let (code, address) = (code.clone(), waiting.address);
            codes.0.remove(&code);
            (user, address)
        };
        self.begin_session(&user, SessionKind::CommandLine, address, now_ms).map(Some)
    }
}

/// A code as it is kept, however it was typed.
fn normal(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}
