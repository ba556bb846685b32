//! Messages between head and agent: JSON texts over one WebSocket that the agent opens.
//!
//! A reader ignores fields it does not know. A message may gain optional fields within one
//! [`crate::version::AGENT_PROTOCOL`]; anything else raises that number.

use serde::{Deserialize, Serialize};

use crate::account::Hidden;
use crate::preview::Preview;
use crate::{
    AttemptId, AttemptOutcome, Digest, JobId, LeaseId, Limits, Mode, ModuleKind, NodeId,
    NodeStatus, ObjectRef, Params, Phase, PublicKey, Secrets, TargetClass, TaskContext, Usage,
    secret,
};

/// The longest message either side accepts, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// From an agent to the head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "message")]
pub enum FromAgent {
    /// The first message on each connection.
    Hello(Box<Hello>),
    /// I live, and this is how my machine does. Renews every lease it names.
    Heartbeat {
        /// The machine.
        status: NodeStatus,
        /// Leases whose attempts run or wait here.
        leases: Vec<LeaseId>,
        /// What tasks have shown since the last one, as far as there is room.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        previews: Vec<Preview>,
    },
    /// Attempts that ended. Sent again until acknowledged.
    Reports {
        /// In the order they ended.
        reports: Vec<AttemptReport>,
    },
    /// Answers [`ToAgent::Calibrate`].
    Calibrated {
        /// Processor time of the fastest of a few runs, in microseconds.
        cpu_us: u64,
    },
    /// The agent stops on purpose and has given up its leases.
    Goodbye,
}

/// Who an agent is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// [`crate::version::AGENT_PROTOCOL`] of the agent.
    pub protocol: u32,
    /// Version of the program, for people.
    pub version: String,
    /// The node's name; the same name is the same node.
    pub name: String,
    /// Chosen at random when the agent process started. Two live agents of one name differ in it.
    pub instance: u64,
    /// What its runners can execute.
    pub class: TargetClass,
    /// How many tasks it runs at a time.
    pub slots: u32,
    /// How fast one core is, if an earlier connection of the same process measured it: see
    /// [`crate::node::speed_of`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<u32>,
    /// Which object store it shares with the head; absent when it has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_id: Option<String>,
    /// Leases that it still holds from an earlier connection of the same process, and those whose
    /// attempts ended under a process before it and whose reports it will send.
    #[serde(default)]
    pub leases: Vec<HeldLease>,
    /// The secret of a join token, until the head knows this node's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join: Option<Hidden>,
    /// What is unique to the board, whatever is on its disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<Digest>,
    /// The machine.
    pub status: NodeStatus,
}

/// A lease that an agent brings back to a head that may have forgotten it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldLease {
    /// The lease.
    pub lease: LeaseId,
    /// What it is for.
    pub attempt: AttemptId,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptReport {
    /// The lease it ran under.
    pub lease: LeaseId,
    /// The attempt.
    pub attempt: AttemptId,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// What it used.
    #[serde(default, serialize_with = "crate::outcome::only_used")]
    pub usage: Usage,
    /// The last lines that the guest logged.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub log: String,
    /// Whether the guest said that no task of a later chunk is needed. Means nothing unless the
    /// attempt succeeded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub enough: bool,
}

/// From the head to an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "message")]
pub enum ToAgent {
    /// Answers [`FromAgent::Hello`].
    Welcome {
        /// The node's number on this head.
        node: NodeId,
        /// How often to send a heartbeat, in milliseconds.
        heartbeat_ms: u64,
        /// Whose signature makes an artefact one of this head's. Agents run no code without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        artefact_key: Option<PublicKey>,
    },
    /// Answers [`FromAgent::Hello`]; the head closes the connection.
    Refused {
        /// Why, and what to do.
        reason: String,
        /// Whether the agent should try again later.
        retry: bool,
    },
    /// Run these, in this order.
    Leases {
        /// New leases.
        leases: Vec<Lease>,
    },
    /// Run this a few times, beside whatever else runs, and say how long it takes.
    Calibrate {
        /// The head's own short job.
        work: Box<Work>,
    },
    /// Stop these attempts, running or waiting, and send no report.
    Revoke {
        /// Leases that are no longer held.
        leases: Vec<LeaseId>,
    },
    /// Shut the machine down, if its owner has allowed that: its power will be cut.
    ShutDown,
    /// These reports are journalled, or of no use: forget them.
    Acknowledge {
        /// Their leases.
        leases: Vec<LeaseId>,
    },
}

/// The right to run one attempt, and all that running it needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// Its name.
    pub id: LeaseId,
    /// What may be run.
    pub attempt: AttemptId,
    /// The work.
    pub work: Work,
}

/// One task, as a runner needs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// The module, compiled for the node's class.
    pub artefact: ObjectRef,
    /// How it is run.
    pub kind: ModuleKind,
    /// What names the work, for checkpoints: [`crate::task_key`]. A task without one saves none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_key: Option<Digest>,
    /// How the artefact was compiled, and is run.
    #[serde(default)]
    pub mode: Mode,
    /// Whose work it is. A runner process serves one owner only; without one it serves one job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What the job is called, for messages.
    pub job_name: String,
    /// Where the task stands.
    pub task: TaskContext,
    /// What it reads, in order: the sample, one chunk, or the parts to merge.
    pub inputs: Vec<ObjectRef>,
    /// What the ranges phase answered, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranges: Option<ObjectRef>,
    /// Parameters for the guest.
    #[serde(default)]
    pub params: Params,
    /// What stands for the secrets in the task's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets_tag: Option<Digest>,
    /// Secrets for the guest. Filled in when the lease is sent, and held in memory only.
    #[serde(default, with = "secret::reveal", skip_serializing_if = "Secrets::is_empty")]
    pub secrets: Secrets,
    /// Command-line arguments for a WASI command.
    #[serde(default)]
    pub args: Vec<String>,
    /// Exit statuses of a WASI command that mean success, beside 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ok_statuses: Vec<i32>,
    /// What the task may use.
    pub limits: Limits,
    /// The virtual clock's reading at the start, in milliseconds since 1970.
    pub clock_ms: u64,
}

impl Work {
    /// The only map task of a job without a number, with nothing but what it reads: in fast mode,
    /// under the usual limits. For work that no user submitted.
    pub fn alone(
        artefact: ObjectRef,
        kind: ModuleKind,
        job_name: &str,
        inputs: Vec<ObjectRef>,
    ) -> Self {
        Self {
            artefact,
            kind,
            task_key: None,
            mode: Mode::Fast,
            owner: None,
            job_name: job_name.into(),
            task: TaskContext {
                job: JobId(0),
                phase: Phase::Map { chunk: 0 },
                index: 0,
                count: 1,
                partitions: 1,
                seed: 0,
                offset: 0,
            },
            inputs,
            ranges: None,
            params: Params::new(),
            secrets_tag: None,
            secrets: Secrets::default(),
            args: Vec::new(),
            ok_statuses: Vec::new(),
            limits: Limits::default(),
            clock_ms: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_without_previews_is_that_of_an_agent_that_knows_none() {
        let status = NodeStatus::default();
        let beat = FromAgent::Heartbeat { status, leases: vec![LeaseId(5)], previews: Vec::new() };
        let text = serde_json::to_string(&beat).unwrap();
        assert!(!text.contains("previews"), "{text}");
        assert_eq!(serde_json::from_str::<FromAgent>(&text).unwrap(), beat);
    }

    #[test]
    fn a_reader_ignores_fields_of_a_later_writer() {
        let text = r#"{"message":"welcome","node":3,"heartbeat_ms":500,"later":[1,2]}"#;
        let message: ToAgent = serde_json::from_str(text).unwrap();
        let (node, artefact_key) = (NodeId(3), None);
        assert_eq!(message, ToAgent::Welcome { node, heartbeat_ms: 500, artefact_key });
    }
}
