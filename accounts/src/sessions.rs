//! Sessions: random tokens of which only the hash is kept.

use bramble_protocol::account::{Hidden, LoginAnswer, Role, SessionView};
use rusqlite::params;

use crate::cache::{Session, User};
use crate::{Accounts, AccountsError, From, Identity, Result, shown};

/// What a token begins with, so that people and programs know one when they see it.
const TOKEN_PREFIX: &str = "brt_";
const TOKEN_BYTES: usize = 32;
/// How long sessions last, in milliseconds: of those who may run jobs only, and of the others.
const STUDENT_MS: u64 = 7 * 24 * 3_600_000;
const STAFF_MS: u64 = 30 * 24 * 3_600_000;
/// How many sessions somebody may have; the oldest goes first.
const SESSIONS_MAX: usize = 32;
/// When somebody was last seen is written down no more often than this, in milliseconds.
const SEEN_EVERY_MS: u64 = 60_000;

/// What began a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// A page.
    Browser,
    /// A program.
    CommandLine,
    /// The head's first start.
    AdminToken,
}

impl SessionKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::CommandLine => "command line",
            Self::AdminToken => "admin.token",
        }
    }
}

/// What is kept of a token.
pub(crate) fn hash(token: &str) -> [u8; 32] {
    *blake3::hash(token.as_bytes()).as_bytes()
}

/// A new token.
pub(crate) fn token() -> Result<Hidden> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes)?;
    let digits = blake3::Hash::from_bytes(bytes).to_hex();
    Ok(Hidden::new(format!("{TOKEN_PREFIX}{digits}")))
}

impl Accounts {
    /// Whose token this is, if it is anybody's who may do anything now. Does not block.
    pub fn authenticate(&self, token: &str, now_ms: u64) -> Option<Identity> {
        let cache = self.cache();
        let session = cache.sessions.get(&hash(token)).filter(|it| !it.is_over(now_ms))?;
        let user = cache.users.get(&session.user)?;
        if let Some(class) = &user.class
            && cache.classes.get(class).is_none_or(|class| class.is_over(now_ms))
        {
            return None;
        }
        let classes = cache.classes.values().filter(|class| class.teacher == user.name);
        Some(Identity {
            user: user.name.clone(),
            role: user.role,
            class: user.class.clone(),
            teaches: classes.map(|class| class.name.clone()).collect(),
            session: session.id,
        })
    }

    /// Whether [`Self::seen`] has nothing to write down. Does not block.
    pub fn was_seen_lately(&self, identity: &Identity, now_ms: u64) -> bool {
        let cache = self.cache();
        let at = cache.sessions_of(&identity.user).find(|it| it.id == identity.session);
        at.is_none_or(|it| now_ms.saturating_sub(it.seen_at) < SEEN_EVERY_MS)
    }

    /// Writes down that somebody was there, now and then.
    ///
    /// # Errors
    /// When the database fails.
    pub fn seen(&self, identity: &Identity, now_ms: u64) -> Result<()> {
        if self.was_seen_lately(identity, now_ms) {
            return Ok(());
        }
        let database = self.database();
        database.sync(false)?;
        database.connection.execute(
            "UPDATE sessions SET seen_at = ?2 WHERE id = ?1",
            params![identity.session, now_ms],
        )?;
        database.connection.execute(
            "UPDATE users SET seen_at = ?2 WHERE name = ?1",
            params![identity.user, now_ms],
        )?;
        let mut cache = self.cache_mut();
        if let Some(user) = cache.users.get_mut(&identity.user) {
            user.seen_at = Some(now_ms);
        }
        if let Some(it) = cache.sessions.values_mut().find(|it| it.id == identity.session) {
            it.seen_at = now_ms;
        }
        Ok(())
    }

    /// Begins a session of `name`.
    pub(crate) fn begin_session(
        &self,
        name: &str,
        kind: SessionKind,
        from: From,
        now_ms: u64,
    ) -> Result<LoginAnswer> {
        let token = token()?;
        let mut database = self.database();
        let (user, expires_at, oldest) = {
            let cache = self.cache();
            let user = cache.user(name)?.clone();
            let end = user.class.as_ref().and_then(|class| cache.classes.get(class)?.ends_at);
            let mut own: Vec<&Session> = cache.sessions_of(name).collect();
            own.sort_by_key(|it| (it.expires_at.is_none(), it.seen_at));
            let too_many = (own.len() + 1).saturating_sub(SESSIONS_MAX);
            let oldest: Vec<u64> = own.iter().take(too_many).map(|it| it.id).collect();
            (user.clone(), expiry(&user, kind, end, now_ms), oldest)
        };
        let from = shown(from);
        database.sync(true)?;
        let transaction = database.connection.transaction()?;
        for id in &oldest {
            transaction.execute("DELETE FROM sessions WHERE id = ?1", [id])?;
        }
        transaction.execute("DELETE FROM sessions WHERE expires_at <= ?1", [now_ms])?;
        transaction.execute(
            "INSERT INTO sessions (hash, user, kind, address, created_at, seen_at, expires_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6)",
            params![hash(token.expose()), name, kind.name(), from, now_ms, expires_at],
        )?;
        let id = transaction.last_insert_rowid() as u64;
        transaction.commit()?;
        let mut cache = self.cache_mut();
        cache.sessions.retain(|_, it| !it.is_over(now_ms) && !oldest.contains(&it.id));
        let session = Session {
            id,
            user: name.to_owned(),
            kind: kind.name().to_owned(),
            from,
            created_at: now_ms,
            seen_at: now_ms,
            expires_at,
        };
        cache.sessions.insert(hash(token.expose()), session);
        Ok(LoginAnswer {
            schema: "bramble.login/1".into(),
            token,
            user: user.name,
            role: user.role,
            class: user.class,
            expires_at_ms: expires_at,
        })
    }

    /// Somebody's sessions, the latest first. `current` is the one that asks.
    pub fn sessions(&self, user: &str, current: u64) -> Vec<SessionView> {
        let cache = self.cache();
        let mut views: Vec<SessionView> = cache
            .sessions_of(user)
            .map(|it| SessionView {
                session: it.id,
                kind: it.kind.clone(),
                from: it.from.clone(),
                created_at_ms: it.created_at,
                seen_at_ms: it.seen_at,
                expires_at_ms: it.expires_at,
                current: it.id == current,
            })
            .collect();
        views.sort_by_key(|it| std::cmp::Reverse(it.session));
        views
    }

    /// Ends one session of `user`.
    ///
    /// # Errors
    /// When it is not his.
    pub fn end_session(&self, user: &str, session: u64) -> Result<()> {
        match self.end_sessions(|it| it.user == user && it.id == session)? {
            0 => Err(AccountsError::NoSuchSession(session)),
            _ => Ok(()),
        }
    }

    /// Ends all sessions, of admins too.
    ///
    /// # Errors
    /// When the database fails.
    pub fn end_all_sessions(&self) -> Result<()> {
        self.end_sessions(|_| true).map(drop)
    }

    /// Ends sessions; returns how many.
    pub(crate) fn end_sessions(&self, which: impl Fn(&Session) -> bool) -> Result<usize> {
        let mut database = self.database();
        let ended: Vec<u64> =
            self.cache().sessions.values().filter(|it| which(it)).map(|it| it.id).collect();
        database.sync(true)?;
        let transaction = database.connection.transaction()?;
        for id in &ended {
            transaction.execute("DELETE FROM sessions WHERE id = ?1", [id])?;
        }
        transaction.commit()?;
        self.cache_mut().sessions.retain(|_, it| !ended.contains(&it.id));
        Ok(ended.len())
    }
}

fn expiry(user: &User, kind: SessionKind, class_ends_at: Option<u64>, now_ms: u64) -> Option<u64> {
    if kind == SessionKind::AdminToken {
        return None;
    }
    let lasts = if user.role >= Role::Teacher { STAFF_MS } else { STUDENT_MS };
    let end = now_ms.saturating_add(lasts);
    Some(class_ends_at.map_or(end, |class| class.min(end)))
}
