//! What a route asks of whoever calls it.

use bramble_protocol::ProblemKind;
use bramble_protocol::account::Role;

use super::Asker;
use crate::error::{ApiError, ApiResult};

/// What somebody must be to call a route at all. Which jobs, accounts and classes he then sees is
/// decided by whose they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Anybody.
    Nothing,
    /// Whoever may look at the cluster: viewers and more; anybody where the head allows it.
    Look,
    /// Whoever has signed in.
    SignIn,
    /// Students and more.
    Run,
    /// Teachers and admins.
    Teach,
    /// Admins.
    Administer,
    /// Nodes, and nobody else.
    Node,
    /// Nodes, and those who may run jobs.
    NodeOrRun,
}

impl Need {
    /// Whether somebody of this role is admitted; `None` is whoever has not signed in where only
    /// those may look who have.
    pub fn admits(self, role: Option<Role>) -> bool {
        match self {
            Self::Nothing => true,
            Self::Look | Self::SignIn => role.is_some(),
            Self::Run | Self::NodeOrRun => role >= Some(Role::Student),
            Self::Teach => role >= Some(Role::Teacher),
            Self::Administer => role >= Some(Role::Admin),
            Self::Node => false,
        }
    }

    /// Who that is, for people who read what there is to call.
    pub(crate) const fn audience(self) -> &'static str {
        match self {
            Self::Nothing => "anybody",
            Self::Look => "those who have signed in, and anybody where the head allows it",
            Self::NodeOrRun => "students, teachers and admins, and nodes",
            Self::SignIn | Self::Run | Self::Teach | Self::Administer | Self::Node => self.who(),
        }
    }

    const fn who(self) -> &'static str {
        match self {
            Self::Nothing | Self::Look | Self::SignIn => "those who have signed in",
            Self::Run | Self::NodeOrRun => "students, teachers and admins",
            Self::Teach => "teachers and admins",
            Self::Administer => "admins",
            Self::Node => "nodes",
        }
    }
}

/// Sees that whoever asks is admitted.
///
/// # Errors
/// When he is not, or has to sign in first.
pub(crate) fn check(need: Need, asker: &Asker) -> ApiResult<()> {
    let signed_in = asker.person.is_some();
    let admitted = match need {
        Need::SignIn => signed_in,
        Need::Node => asker.node_key.is_some(),
        Need::NodeOrRun => asker.node_key.is_some() || need.admits(asker.role()),
        _ => need.admits(asker.role()),
    };
    match admitted {
        true => Ok(()),
        false if signed_in || need == Need::Node => {
            let title = format!("this is for {} only", need.who());
            let role = asker.person.as_ref().map(|person| (&person.user, person.role.name()));
            let error = ApiError::new(ProblemKind::NotAllowed, title);
            Err(role.into_iter().fold(error, |error, (user, role)| {
                error.detail(format!("you are {user}, with the role {role}"))
            }))
        }
        false => Err(sign_in()),
    }
}

/// What is said to whoever has not signed in.
pub(crate) fn sign_in() -> ApiError {
    ApiError::new(ProblemKind::SignInNeeded, "sign in first")
        .detail("the request has no session, or one that is over")
        .help("bramble login; on the head's own computer its user needs none")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_do_what_the_one_before_may_and_nobody_is_a_node() {
        use Need::{Administer, Look, Node, NodeOrRun, Nothing, Run, SignIn, Teach};
        let admitted = |role| {
            let all = [Nothing, Look, SignIn, Run, NodeOrRun, Teach, Administer, Node];
            all.into_iter().filter(|need| need.admits(role)).count()
        };
        assert_eq!(admitted(None), 1);
        assert_eq!(Role::ALL.map(|role| admitted(Some(role))), [3, 5, 6, 7]);
    }
}
