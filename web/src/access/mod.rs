//! Who asks, and who may ask what.
//!
//! [`identify`] finds out who asks, once for each request; [`table`] says for each route who may
//! ask it; and [`visible`](crate::state::Shared::visible) whose jobs somebody sees. Whoever adds a
//! route says so in the table, or it does not exist.

mod cookie;
mod identify;
mod need;
mod table;

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use bramble_accounts::Identity;
use bramble_protocol::account::Role;
use bramble_protocol::{JobId, ProblemKind};
use bramble_scheduler::CommandError;
use bramble_tls::Fingerprint;

pub(crate) use cookie::{ended as ended_cookie, of as cookie_of};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use identify::carried_token;
pub(crate) use identify::{HeadVersion, identify};
pub use need::Need;
pub(crate) use need::check;
pub(crate) use table::routes;
pub use table::{RouteNeed, needs};

use crate::error::{ApiError, ApiResult};
use crate::state::Shared;

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    /// Somebody who has signed in.
    pub(crate) person: Option<Identity>,
    /// The key of a node, which the connection has proved. Whether that node may do anything is
    /// for the accounts and the scheduler to say.
    pub(crate) node_key: Option<Fingerprint>,
    /// Whether whoever has not signed in may look at the cluster.
    pub(crate) anyone_may_look: bool,
    /// Where the request comes from, when there is a connection.
    pub(crate) from: Option<IpAddr>,
    /// Whether nobody on the way can read it.
    pub(crate) is_tls: bool,
}

impl Asker {
    /// What he may do.
    pub(crate) fn role(&self) -> Option<Role> {
        match &self.person {
            Some(person) => Some(person.role),
            None => self.anyone_may_look.then_some(Role::Viewer),
        }
    }

    /// His name; empty for whoever has not signed in.
    pub(crate) fn name(&self) -> &str {
        self.person.as_ref().map_or("", |person| &person.user)
    }

    /// Whether he sees what belongs to `user` of `class`.
    pub(crate) fn may_see(&self, user: &str, class: Option<&str>) -> bool {
        self.person.as_ref().is_some_and(|person| person.may_see(user, class))
    }

    /// Who has signed in.
    ///
    /// # Errors
    /// When nobody has.
    pub(crate) fn signed_in(&self) -> ApiResult<&Identity> {
        self.person.as_ref().ok_or_else(need::sign_in)
    }

    /// Sees that he may do what a teacher of `class` may, or an admin.
    ///
    /// # Errors
    /// When he may not. That a class of another teacher exists is not said.
    pub(crate) fn teaches(&self, class: &str) -> ApiResult<()> {
        let person = self.signed_in()?;
        if person.role == Role::Admin || person.is_teacher_of(Some(class)) {
            return Ok(());
        }
        let title = format!("there is no class `{class}` of yours");
        Err(ApiError::new(ProblemKind::NoSuchAccount, title)
            .help("`bramble class list` shows your classes"))
    }

    /// Sees that he is an admin.
    ///
    /// # Errors
    /// When he is none.
    pub(crate) fn is_admin(&self) -> ApiResult<()> {
        check(Need::Administer, self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asker {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let asker = parts.extensions.get::<Self>().cloned();
        Ok(asker.unwrap_or(Self {
            person: None,
            node_key: None,
            anyone_may_look: false,
            from: None,
            is_tls: false,
        }))
    }
}

impl Shared {
    /// Sees that whoever asks sees a job. To whom it is hidden it does not exist.
    ///
    /// # Errors
    /// When there is none, or none for him.
    pub(crate) async fn visible(&self, asker: &Asker, job: JobId) -> ApiResult<()> {
        let owner = self.handle.look(move |core| core.owner(job)).await?;
        match owner {
            Some((user, class)) if asker.may_see(&user, class.as_deref()) => Ok(()),
            _ => Err(CommandError::NoSuchJob(job).into()),
        }
    }
}
