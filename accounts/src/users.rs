//! Accounts: made, listed, given another PIN, removed.

use bramble_protocol::account::{AccountView, Hidden, IssuedPin, NewAccount, Role, RosterAnswer};
use rusqlite::{OptionalExtension, Transaction, params};

use crate::cache::{Cache, User};
use crate::pin::{self, PinHash};
use crate::{Accounts, AccountsError, Result, names, roster};

/// How many accounts there may be.
const USERS_MAX: usize = 10_000;

impl Accounts {
    /// Makes an account, and a PIN to sign in with for the first time.
    ///
    /// # Errors
    /// When the name is taken or none, or the role and the class do not go together.
    pub fn add_user(&self, new: &NewAccount, now_ms: u64) -> Result<IssuedPin> {
        let pin = pin::initial()?;
        let user = fresh(new, Some(PinHash::of(&pin)?), true, now_ms);
        self.insert_users(vec![user], now_ms)?;
        Ok(IssuedPin { user: new.user.clone(), pin })
    }

    /// Puts all on a roster into a class: all of them or, when something is wrong, none.
    ///
    /// # Errors
    /// When the roster cannot be read, names somebody who is not of this class, or there is no
    /// such class.
    pub fn import_roster(&self, class: &str, text: &str, now_ms: u64) -> Result<RosterAnswer> {
        let names = roster::parse(text)?;
        let mut answer = RosterAnswer { added: Vec::new(), known: Vec::new() };
        {
            let cache = self.cache();
            cache.class(class)?;
            for name in names {
                match cache.users.get(&name) {
                    None => {
                        answer.added.push(IssuedPin { user: name, pin: pin::initial()? });
                    }
                    Some(user) if user.class.as_deref() == Some(class) => answer.known.push(name),
                    Some(_) => return Err(AccountsError::OfAnotherClass(name)),
                }
            }
        }
        let mut users = Vec::with_capacity(answer.added.len());
        for IssuedPin { user, pin } in &answer.added {
            let (role, class) = (Role::Student, Some(class.to_owned()));
            let new = NewAccount { user: user.clone(), role, class };
            users.push(fresh(&new, Some(PinHash::of(pin)?), true, now_ms));
        }
        self.insert_users(users, now_ms)?;
        Ok(answer)
    }

    /// Adds accounts, all or none.
    pub(crate) fn insert_users(&self, users: Vec<User>, now_ms: u64) -> Result<()> {
        let mut database = self.database();
        database.sync(true)?;
        let transaction = database.connection.transaction()?;
        // Nobody else changes what is checked here while the database is ours.
        for user in &users {
            check(&self.cache(), user, users.len(), now_ms)?;
            insert(&transaction, user)?;
        }
        transaction.commit()?;
        let mut cache = self.cache_mut();
        for user in users {
            cache.alike.insert(names::skeleton(&user.name), user.name.clone());
            cache.users.insert(user.name.clone(), user);
        }
        Ok(())
    }

    /// All accounts that `may_see` admits, by name.
    pub fn users(&self, may_see: impl Fn(&str, Option<&str>) -> bool) -> Vec<AccountView> {
        let cache = self.cache();
        let seen = cache.users.values();
        let seen = seen.filter(|user| may_see(&user.name, user.class.as_deref()));
        seen.map(|user| view(&cache, user)).collect()
    }

    /// One account.
    ///
    /// # Errors
    /// When nobody is called so.
    pub fn user(&self, name: &str) -> Result<AccountView> {
        let cache = self.cache();
        Ok(view(&cache, cache.user(name)?))
    }

    /// Gives somebody a PIN for the first time again, and ends his sessions.
    ///
    /// # Errors
    /// When nobody is called so.
    pub fn reset_pin(&self, name: &str) -> Result<IssuedPin> {
        let pin = pin::initial()?;
        self.set_pin(name, &pin, true)?;
        self.end_sessions(|session| session.user == name)?;
        Ok(IssuedPin { user: name.to_owned(), pin })
    }

    /// Gives somebody a PIN.
    pub(crate) fn set_pin(&self, name: &str, pin: &Hidden, initial: bool) -> Result<()> {
        let hash = PinHash::of(pin)?;
        let database = self.database();
        self.cache().user(name)?;
        database.sync(true)?;
        database.connection.execute(
            "UPDATE users SET pin = ?2, initial = ?3 WHERE name = ?1",
            params![name, hash.to_bytes(), initial],
        )?;
        if let Some(user) = self.cache_mut().users.get_mut(name) {
            (user.pin, user.initial) = (Some(hash), initial);
        }
        Ok(())
    }

    /// Removes somebody, with his sessions and what is known of what he has sent.
    ///
    /// # Errors
    /// When nobody is called so, or nobody would be left who can do everything.
    pub fn remove_user(&self, name: &str) -> Result<()> {
        self.remove_users(&[name.to_owned()])
    }

    pub(crate) fn remove_users(&self, names: &[String]) -> Result<()> {
        let mut database = self.database();
        {
            let cache = self.cache();
            for name in names {
                let user = cache.user(name)?;
                let others = cache.users.values().filter(|it| it.role == Role::Admin);
                if user.role == Role::Admin && others.count() == 1 {
                    return Err(AccountsError::LastAdmin(name.clone()));
                }
            }
        }
        database.sync(true)?;
        let transaction = database.connection.transaction()?;
        for name in names {
            for table in
                ["DELETE FROM sessions WHERE user = ?1", "DELETE FROM holdings WHERE user = ?1"]
            {
                transaction.execute(table, [name])?;
            }
            transaction.execute("DELETE FROM users WHERE name = ?1", [name])?;
        }
        transaction.commit()?;
        let mut cache = self.cache_mut();
        for name in names {
            cache.users.remove(name);
            cache.alike.retain(|_, it| it != name);
            cache.sessions.retain(|_, session| session.user != *name);
        }
        Ok(())
    }
}

/// An account that is not stored yet.
pub(crate) fn fresh(new: &NewAccount, pin: Option<PinHash>, initial: bool, now_ms: u64) -> User {
    User {
        name: new.user.clone(),
        role: new.role,
        class: new.class.clone(),
        pin,
        initial,
        created_at: now_ms,
        seen_at: None,
    }
}

fn check(cache: &Cache, user: &User, more: usize, now_ms: u64) -> Result<()> {
    names::check_user(&user.name)?;
    if cache.users.len() + more > USERS_MAX {
        return Err(AccountsError::Full { what: "accounts", max: USERS_MAX });
    }
    match (user.role, &user.class) {
        (Role::Student, None) => {
            return Err(AccountsError::BadRole("a student belongs to a class: --class NAME"));
        }
        (Role::Student, Some(class)) => {
            if cache.class(class)?.is_over(now_ms) {
                return Err(AccountsError::ClassClosed(class.clone()));
            }
        }
        (_, Some(_)) => {
            return Err(AccountsError::BadRole("only students belong to a class"));
        }
        (_, None) => {}
    }
    match cache.alike.get(&names::skeleton(&user.name)) {
        Some(other) => {
            Err(AccountsError::NameTaken { name: user.name.clone(), other: other.clone() })
        }
        None => Ok(()),
    }
}

fn insert(transaction: &Transaction<'_>, user: &User) -> Result<()> {
    let alike = names::skeleton(&user.name);
    // Two of those who are added at once may look alike, too.
    let other: Option<String> = transaction
        .query_row("SELECT name FROM users WHERE alike = ?1", [&alike], |row| row.get(0))
        .optional()?;
    if let Some(other) = other {
        return Err(AccountsError::NameTaken { name: user.name.clone(), other });
    }
    transaction.execute(
        "INSERT INTO users (name, alike, role, class, pin, initial, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            user.name,
            alike,
            user.role.name(),
            user.class,
            user.pin.as_ref().map(PinHash::to_bytes),
            user.initial,
            user.created_at
        ],
    )?;
    Ok(())
}

fn view(cache: &Cache, user: &User) -> AccountView {
    AccountView {
        schema: "bramble.account/1".into(),
        user: user.name.clone(),
        role: user.role,
        class: user.class.clone(),
        initial_pin: user.initial,
        sessions: cache.sessions_of(&user.name).count() as u32,
        created_at_ms: user.created_at,
        seen_at_ms: user.seen_at,
    }
}
