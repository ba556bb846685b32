//! Messages between head and agent as texts: the frequent ones without repetition, and read
//! without a detour.
//!
//! The tasks of one job differ in little, so that a head may write leases in groups, each with
//! what its tasks have in common said once. It does so for agents that ask for it when they open
//! their connection: see [`BRIEF_LEASES`].

use serde::{Deserialize, Serialize};

use crate::agent::{AttemptReport, FromAgent, Lease, ToAgent, Work};
use crate::{
    AttemptId, Digest, LeaseId, Limits, Mode, ModuleKind, ObjectRef, Params, Secrets, TaskContext,
    secret,
};

/// The query with which an agent opens its connection if it understands leases in groups.
pub const BRIEF_LEASES: &str = "leases=brief";

/// How much either side reads from the connection at a time, in bytes: a heartbeat or a few dozen
/// reports. The usual 128 KiB are held, and cleared, for each node.
pub const READ_BUFFER_BYTES: usize = 16 << 10;

/// How the text of a message begins whose tag says what follows.
const REPORTS: &str = r#"{"message":"reports","#;
const BRIEF: &str = r#"{"message":"brief-leases","#;

impl FromAgent {
    /// Reads a message.
    ///
    /// # Errors
    /// When the text is none.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        // Read as what they are: a tagged enum is first read into a tree, then once more.
        #[derive(Deserialize)]
        struct Reports {
            reports: Vec<AttemptReport>,
        }
        if text.starts_with(REPORTS) {
            let Reports { reports } = serde_json::from_str(text)?;
            return Ok(Self::Reports { reports });
        }
        serde_json::from_str(text)
    }
}

impl ToAgent {
    /// Writes a message; leases in groups, if the agent has asked for that.
    pub fn into_json(self, is_brief: bool) -> String {
        let text = match self {
            Self::Leases { leases } if is_brief => serde_json::to_string(&Brief::of(leases)),
            message => serde_json::to_string(&message),
        };
        text.expect("messages hold nothing that JSON cannot")
    }

    /// Reads a message, written either way.
    ///
    /// # Errors
    /// When the text is none.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        if text.starts_with(BRIEF) {
            return Ok(Self::Leases { leases: serde_json::from_str::<Brief>(text)?.spelt_out() });
        }
        serde_json::from_str(text)
    }
}

/// [`ToAgent::Leases`] in groups.
#[derive(Serialize, Deserialize)]
#[serde(tag = "message", rename = "brief-leases")]
struct Brief {
    groups: Vec<Group>,
}

/// Leases in their order whose work has much in common.
#[derive(Serialize, Deserialize)]
struct Group {
    common: Common,
    leases: Vec<Own>,
}

/// What the tasks of one step of a job have in common.
#[derive(PartialEq, Serialize, Deserialize)]
struct Common {
    artefact: ObjectRef,
    kind: ModuleKind,
    mode: Mode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    job_name: String,
    #[serde(default, skip_serializing_if = "Params::is_empty")]
    params: Params,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secrets_tag: Option<Digest>,
    #[serde(default, with = "secret::reveal", skip_serializing_if = "Secrets::is_empty")]
    secrets: Secrets,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    args: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ok_statuses: Vec<i32>,
    limits: Limits,
    clock_ms: u64,
}

/// What is a lease's own.
#[derive(Serialize, Deserialize)]
struct Own {
    id: LeaseId,
    attempt: AttemptId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    task_key: Option<Digest>,
    task: TaskContext,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    inputs: Vec<ObjectRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ranges: Option<ObjectRef>,
}

impl Brief {
    fn of(leases: Vec<Lease>) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for lease in leases {
            let (common, own) = taken_apart(lease);
            match groups.last_mut() {
                Some(group) if group.common == common => group.leases.push(own),
                _ => groups.push(Group { common, leases: vec![own] }),
            }
        }
        Self { groups }
    }

    fn spelt_out(self) -> Vec<Lease> {
        let mut leases = Vec::new();
        for Group { common, leases: own } in self.groups {
            leases.extend(own.into_iter().map(|own| put_together(&common, own)));
        }
        leases
    }
}

fn taken_apart(lease: Lease) -> (Common, Own) {
    let Lease { id, attempt, work } = lease;
    let Work {
        artefact,
        kind,
        task_key,
        mode,
        owner,
        job_name,
        task,
        inputs,
        ranges,
        params,
        secrets_tag,
        secrets,
        args,
        ok_statuses,
        limits,
        clock_ms,
    } = work;
    let common = Common {
        artefact,
        kind,
        mode,
        owner,
        job_name,
        params,
        secrets_tag,
        secrets,
        args,
        ok_statuses,
        limits,
        clock_ms,
    };
    (common, Own { id, attempt, task_key, task, inputs, ranges })
}

fn put_together(common: &Common, own: Own) -> Lease {
    let Own { id, attempt, task_key, task, inputs, ranges } = own;
    let work = Work {
        artefact: common.artefact,
        kind: common.kind,
        task_key,
        mode: common.mode,
        owner: common.owner.clone(),
        job_name: common.job_name.clone(),
        task,
        inputs,
        ranges,
        params: common.params.clone(),
        secrets_tag: common.secrets_tag,
        secrets: common.secrets.clone(),
        args: common.args.clone(),
        ok_statuses: common.ok_statuses.clone(),
        limits: common.limits,
        clock_ms: common.clock_ms,
    };
    Lease { id, attempt, work }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::{AttemptOutcome, JobId, Secret, SecretAccess, TaskId, Usage};

    fn lease(number: u32, job_name: &str) -> Lease {
        let task = TaskId { job: JobId(1), index: number };
        let input = ObjectRef::of(&number.to_le_bytes());
        let artefact = ObjectRef::of(b"artefact");
        let mut work = Work::alone(artefact, ModuleKind::Command, job_name, vec![input]);
        work.task.index = number;
        work.task_key = Some(Digest::of(&number.to_le_bytes()));
        work.ranges = (number % 2 == 1).then_some(input);
        work.params = Params::from([("a".into(), "b \" c".into())]);
        work.args = vec!["--all".into()];
        work.secrets_tag = Some(Digest::of(b"tag"));
        let key = Secret::new(Zeroizing::new(vec![7; 32]), SecretAccess::Sealed);
        work.secrets.insert("key".into(), key);
        work.owner = Some("ada".into());
        Lease { id: LeaseId(number.into()), attempt: AttemptId { task, number: 1 }, work }
    }

    #[test]
    fn leases_are_the_same_after_either_way() {
        let mixed = [lease(1, "a"), lease(2, "a"), lease(3, "b"), lease(4, "a")];
        for leases in [Vec::new(), mixed.to_vec()] {
            let message = ToAgent::Leases { leases };
            for is_brief in [false, true] {
                let text = message.clone().into_json(is_brief);
                assert_eq!(text.starts_with(BRIEF), is_brief, "{text}");
                assert_eq!(ToAgent::from_json(&text).unwrap(), message);
            }
        }
    }

    #[test]
    fn a_further_lease_of_a_job_takes_half_the_text() {
        let length = |count: u32, is_brief| {
            let leases = (0..count).map(|number| lease(number, "test")).collect();
            ToAgent::Leases { leases }.into_json(is_brief).len()
        };
        let further = |is_brief| length(11, is_brief) - length(10, is_brief);
        assert!(2 * further(true) < further(false), "{} {}", further(true), further(false));
    }

    #[test]
    fn other_messages_are_written_as_ever() {
        let message = ToAgent::Acknowledge { leases: vec![LeaseId(7)] };
        let text = message.clone().into_json(true);
        assert_eq!(text, serde_json::to_string(&message).unwrap());
        assert_eq!(ToAgent::from_json(&text).unwrap(), message);
    }

    #[test]
    fn reports_are_read_as_by_any_reader() {
        let report = AttemptReport {
            lease: LeaseId(3),
            attempt: AttemptId { task: TaskId { job: JobId(1), index: 2 }, number: 1 },
            outcome: AttemptOutcome::Succeeded { outputs: vec![ObjectRef::of(b"")] },
            usage: Usage { cpu_us: 12, ..Usage::default() },
            log: "line\n".into(),
            enough: false,
        };
        for message in [FromAgent::Reports { reports: vec![report] }, FromAgent::Goodbye] {
            let text = serde_json::to_string(&message).unwrap();
            assert_eq!(FromAgent::from_json(&text).unwrap(), message);
            assert_eq!(serde_json::from_str::<FromAgent>(&text).unwrap(), message);
        }
        let spaced = r#"{ "reports": [], "message": "reports" }"#;
        assert_eq!(
            FromAgent::from_json(spaced).unwrap(),
            FromAgent::Reports { reports: Vec::new() }
        );
        assert!(FromAgent::from_json(r#"{"message":"reports","reports":7}"#).is_err());
    }
}
