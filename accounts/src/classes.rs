//! Classes: made, listed, closed, removed.

use bramble_protocol::account::{ClassView, NewClass, Role};
use rusqlite::{OptionalExtension, params};

use crate::cache::{Cache, Class};
use crate::{Accounts, AccountsError, Result, names, pin};

/// How many classes there may be.
const CLASSES_MAX: usize = 1_000;
/// Letters and digits of codes: none that looks like another.
pub(crate) const CODE_LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Letters of a class's code: with the limit on tries, guessing one takes years.
const CODE_LENGTH: usize = 6;

impl Accounts {
    /// Makes a class of `teacher`.
    ///
    /// # Errors
    /// When the name is taken or none, or nobody who may teach is called so.
    pub fn new_class(&self, new: &NewClass, teacher: &str, now_ms: u64) -> Result<ClassView> {
        names::check_class(&new.class)?;
        let database = self.database();
        {
            let cache = self.cache();
            if cache.user(teacher)?.role < Role::Teacher {
                return Err(AccountsError::BadRole("a class belongs to a teacher or an admin"));
            }
            if cache.classes.len() >= CLASSES_MAX {
                return Err(AccountsError::Full { what: "classes", max: CLASSES_MAX });
            }
        }
        let alike = names::skeleton(&new.class);
        let other: Option<String> = database
            .connection
            .query_row("SELECT name FROM classes WHERE alike = ?1", [&alike], |row| row.get(0))
            .optional()?;
        if let Some(other) = other {
            return Err(AccountsError::NameTaken { name: new.class.clone(), other });
        }
        let class = Class {
            name: new.class.clone(),
            code: Some(pin::random_text::<CODE_LENGTH>(CODE_LETTERS)?),
            teacher: teacher.to_owned(),
            open: new.open,
            created_at: now_ms,
            ends_at: new.ends_at_ms,
            closed_at: None,
        };
        database.sync(true)?;
        database.connection.execute(
            "INSERT INTO classes (name, alike, code, teacher, open, created_at, ends_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                class.name,
                alike,
                class.code,
                class.teacher,
                class.open,
                class.created_at,
                class.ends_at
            ],
        )?;
        let mut cache = self.cache_mut();
        let view = view(&cache, &class, now_ms);
        cache.classes.insert(class.name.clone(), class);
        Ok(view)
    }

    /// All classes that `may_see` admits, by name.
    pub fn classes(&self, may_see: impl Fn(&str) -> bool, now_ms: u64) -> Vec<ClassView> {
        let cache = self.cache();
        let seen = cache.classes.values().filter(|class| may_see(&class.name));
        seen.map(|class| view(&cache, class, now_ms)).collect()
    }

    /// One class.
    ///
    /// # Errors
    /// When none is called so.
    pub fn class(&self, name: &str, now_ms: u64) -> Result<ClassView> {
        let cache = self.cache();
        Ok(view(&cache, cache.class(name)?, now_ms))
    }

    /// Closes a class: its code is dead, and its students are signed out. Their jobs and results
    /// stay.
    ///
    /// # Errors
    /// When none is called so, or it is closed.
    pub fn close_class(&self, name: &str, now_ms: u64) -> Result<ClassView> {
        {
            let database = self.database();
            if self.cache().class(name)?.closed_at.is_some() {
                return Err(AccountsError::ClassClosed(name.into()));
            }
            database.sync(true)?;
            database.connection.execute(
                "UPDATE classes SET closed_at = ?2, code = NULL WHERE name = ?1",
                params![name, now_ms],
            )?;
            if let Some(class) = self.cache_mut().classes.get_mut(name) {
                (class.closed_at, class.code) = (Some(now_ms), None);
            }
        }
        let students = self.students(name);
        self.end_sessions(|session| students.contains(&session.user))?;
        self.class(name, now_ms)
    }

    /// The names of a class's students.
    pub fn students(&self, class: &str) -> Vec<String> {
        self.cache().students(class).map(|user| user.name.clone()).collect()
    }

    /// Removes a class with all its students; returns who they were.
    ///
    /// # Errors
    /// When none is called so.
    pub fn remove_class(&self, name: &str) -> Result<Vec<String>> {
        self.cache().class(name)?;
        let students = self.students(name);
        self.remove_users(&students)?;
        let database = self.database();
        database.sync(true)?;
        database.connection.execute("DELETE FROM classes WHERE name = ?1", [name])?;
        self.cache_mut().classes.remove(name);
        Ok(students)
    }
}

fn view(cache: &Cache, class: &Class, now_ms: u64) -> ClassView {
    let students: Vec<&str> = cache.students(&class.name).map(|user| user.name.as_str()).collect();
    let has_session =
        |name: &&&str| cache.sessions.values().any(|it| it.user == **name && !it.is_over(now_ms));
    let over = class.is_over(now_ms);
    ClassView {
        schema: "bramble.class/1".into(),
        class: class.name.clone(),
        code: class.code.clone().filter(|_| !over),
        teacher: class.teacher.clone(),
        open: class.open,
        students: students.len() as u32,
        signed_in: students.iter().filter(has_session).count() as u32,
        created_at_ms: class.created_at,
        ends_at_ms: class.ends_at,
        closed_at_ms: class.closed_at.or(class.ends_at.filter(|_| over)),
    }
}
