//! What the head, the nodes and the clients of a bramble say to one another.
//!
//! Ids, digests, manifests, job descriptions, the messages between head and agent, and the
//! bodies of the HTTP API live here and nowhere else, so that both ends always share one
//! definition. Nothing in this crate opens a file, a socket or a clock.

pub mod account;
pub mod agent;
pub mod api;
pub mod attempts;
pub mod board;
mod chain;
mod confinement;
mod declared;
pub mod digest;
pub mod ease;
pub mod energy;
pub mod explain;
mod fingerprint;
pub mod gc;
pub mod health;
mod hex;
pub mod id;
pub mod inputs;
pub mod job;
pub mod join;
mod key;
pub mod manifest;
pub mod module;
pub mod node;
pub mod order;
pub mod outcome;
pub mod pack;
pub mod piece;
pub mod policy;
pub mod power;
pub mod preview;
pub mod problem;
pub mod report;
#[cfg(feature = "schema")]
mod schema;
pub mod secret;
pub mod task_key;
pub mod user;
pub mod version;
pub mod wire;

pub use board::BoardStatus;
pub use chain::error_chain;
pub use confinement::{Confinement, Wall};
pub use digest::{Digest, DigestParseError};
pub use fingerprint::{Fingerprint, FingerprintError};
pub use id::{AttemptId, JobId, LeaseId, NodeId, TaskId};
pub use job::{JobSpec, Limits, Mode, NodeSelector, Params, Phase, PhaseKind, TaskContext};
pub use key::{PublicKey, PublicKeyError};
pub use manifest::{Look, LookKind, Manifest, ManifestError, ObjectRef};
pub use module::{Declared, ModuleInfo, ModuleKind, ParamDecl, SplitDecl, SplitRule, TargetClass};
pub use node::{NodeState, NodeStatus};
pub use order::Order;
pub use outcome::{AttemptOutcome, Countable, GuestErrorKind, TrapKind, Usage};
pub use piece::Piece;
pub use policy::{JobPolicy, Prefer};
pub use problem::{Problem, ProblemKind};
pub use secret::{Secret, SecretAccess, SecretNames, Secrets};
pub use task_key::task_key;
pub use user::UserLimits;
