//! What can be followed, by whom, and of what parts it is made.

use bramble_protocol::JobId;

use super::{Part, Viewer};
use crate::access::{Asker, Need, check};
use crate::error::ApiResult;
use crate::pages;
use crate::state::Head;

/// Something that pages follow.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Topic {
    /// The nodes, and how many of them do what.
    Cluster,
    /// What somebody's jobs do.
    Mine,
    /// The list of jobs.
    Jobs,
    /// One job.
    Job(JobId),
}

impl Topic {
    /// The topic of a name, such as `job-17`.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "cluster" => Some(Self::Cluster),
            "mine" => Some(Self::Mine),
            "jobs" => Some(Self::Jobs),
            _ => name.strip_prefix("job-")?.parse().ok().map(Self::Job),
        }
    }

    /// Its name.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Cluster => "cluster".into(),
            Self::Mine => "mine".into(),
            Self::Jobs => "jobs".into(),
            Self::Job(id) => format!("job-{id}"),
        }
    }

    /// Whether each is shown something else.
    pub(super) const fn is_personal(&self) -> bool {
        matches!(self, Self::Mine | Self::Jobs)
    }

    /// Sees that somebody may follow it.
    ///
    /// # Errors
    /// When he may not.
    pub(super) async fn admit(&self, head: &Head, asker: &Asker) -> ApiResult<()> {
        match self {
            Self::Cluster => check(Need::Look, asker),
            Self::Mine | Self::Jobs => check(Need::Run, asker),
            Self::Job(id) => {
                check(Need::Run, asker)?;
                head.visible(asker, *id).await
            }
        }
    }

    /// Its parts as they are now.
    pub(super) async fn parts(&self, head: &Head, viewer: &Viewer) -> Vec<Part> {
        match self {
            Self::Cluster => pages::cluster_parts(head, viewer).await,
            Self::Mine => pages::mine_parts(head, viewer).await,
            Self::Jobs => pages::jobs_parts(head, viewer).await,
            Self::Job(id) => pages::job_parts(head, viewer, *id).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_topics_survive_text_and_back() {
        for topic in [Topic::Cluster, Topic::Mine, Topic::Jobs, Topic::Job(JobId(17))] {
            assert_eq!(Topic::of(&topic.name()), Some(topic));
        }
        assert_eq!(Topic::of("job-x"), None);
    }
}
