//! Signing in with a PIN, and joining a class.

use bramble_protocol::account::{Hidden, LoginAnswer, LoginRequest, NewAccount, Role};

use crate::cache::{Class, User};
use crate::pin::{self, PinHash};
use crate::users::fresh;
use crate::{Accounts, AccountsError, From, Result, SessionKind, names};

/// Who may be meant by what was typed.
enum Found {
    /// Somebody with a PIN.
    Known(Box<User>),
    /// Nobody yet, and the class takes whoever comes.
    New { class: String },
    /// Nobody.
    Nobody,
}

impl Accounts {
    /// Signs somebody in. Takes the time and memory of an Argon2id hash, or of three when the PIN
    /// is changed: call with few others at a time.
    ///
    /// A student gives the code of his class. Somebody who is not known joins it if it is open
    /// to all; nobody ever gets the name of somebody else, nor one that looks like it. Whether the
    /// code, the name or the PIN was wrong is not said, and takes the same time.
    ///
    /// # Errors
    /// When that is so, or there were too many tries.
    pub fn login(
        &self,
        request: &LoginRequest,
        kind: SessionKind,
        from: From,
        now_ms: u64,
    ) -> Result<LoginAnswer> {
        let account = names::skeleton(&request.user);
        self.tries().begin(&account, from, now_ms)?;
        let name = match self.find(request, now_ms) {
            Found::Known(user) => {
                let right = match &user.pin {
                    Some(pin) => pin.is_of(&request.pin)?,
                    None => {
                        PinHash::pretend(&request.pin)?;
                        false
                    }
                };
                if !right {
                    return Err(AccountsError::WrongPin);
                }
                self.tries().succeeded(&account, from);
                self.renew_pin(&user, request)?;
                user.name
            }
            Found::New { class } => {
                let name = self.join(request, class, now_ms)?;
                // Those from the address stay counted: it must not join for ever.
                self.tries().succeeded(&account, None);
                name
            }
            Found::Nobody => {
                PinHash::pretend(&request.pin)?;
                return Err(AccountsError::WrongPin);
            }
        };
        self.begin_session(&name, kind, from, now_ms)
    }

    fn find(&self, request: &LoginRequest, now_ms: u64) -> Found {
        let cache = self.cache();
        let class = |code: &String| -> Option<&Class> {
            let code: String =
                code.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect();
            let found = cache.classes.values().find(|class| class.code.as_ref() == Some(&code));
            found.filter(|class| !class.is_over(now_ms))
        };
        let class = match &request.code {
            Some(code) => match class(code) {
                Some(class) => Some(class),
                None => return Found::Nobody,
            },
            None => None,
        };
        // Typed in another case it is still his name.
        let known = cache.alike.get(&names::skeleton(&request.user));
        match (known.and_then(|name| cache.users.get(name)), class) {
            (Some(user), class) => {
                let of_class = class.map(|class| &class.name);
                // Whoever is no student needs no code, and may give none.
                match user.class.as_ref() == of_class {
                    true => Found::Known(Box::new(user.clone())),
                    false => Found::Nobody,
                }
            }
            (None, Some(class)) if class.open => Found::New { class: class.name.clone() },
            (None, _) => Found::Nobody,
        }
    }

    fn renew_pin(&self, user: &User, request: &LoginRequest) -> Result<()> {
        match &request.new_pin {
            None if user.initial => Err(AccountsError::NewPinNeeded),
            None => Ok(()),
            Some(new) => {
                pin::check(new, user.role >= Role::Teacher)?;
                if *new == request.pin {
                    return Err(AccountsError::BadPin("the new PIN is the old one"));
                }
                self.set_pin(&user.name, new, false)
            }
        }
    }

    fn join(&self, request: &LoginRequest, class: String, now_ms: u64) -> Result<String> {
        let pin: &Hidden = request.new_pin.as_ref().unwrap_or(&request.pin);
        pin::check(pin, false)?;
        let name = request.user.clone();
        let new = NewAccount { user: name.clone(), role: Role::Student, class: Some(class) };
        let user = fresh(&new, Some(PinHash::of(pin)?), false, now_ms);
        self.insert_users(vec![user], now_ms)?;
        Ok(name)
    }
}
