//! Every limit of the API in one place. What each guards is said beside it.

use std::time::Duration;

use bramble_protocol::pack;

/// Longest body where no other limit is set: JSON requests, in bytes.
pub(crate) const JSON_BYTES_MAX: usize = 1 << 20;
/// Longest module, in bytes: what a pack would carry as one object.
pub(crate) const MODULE_BYTES_MAX: u64 = pack::OBJECT_BYTES_MAX;
/// Longest pack in one request, in bytes. Larger inputs are sent in several.
pub(crate) const PACK_BYTES_MAX: u64 = 4 << 30;

/// Packs and modules that are received at a time; others wait. More would only seek more.
pub(crate) const UPLOADS_MAX: usize = 4;
/// Inputs that are cut at a time: each reads a file and writes as much.
pub(crate) const CUTS_MAX: usize = 2;
/// Pictures that are decoded at a time: each takes a core and some megabytes.
pub(crate) const VIEWS_MAX: usize = 2;
/// Modules that are inspected at a time: each takes a child process and the module in memory.
pub(crate) const INSPECTIONS_MAX: usize = 1;
/// Modules that may wait for that. Each waits in a file; whoever comes later is told to try again.
pub(crate) const INSPECTIONS_WAITING_MAX: usize = 32;
/// Jobs that are checked at a time: each holds a manifest in memory.
pub(crate) const SUBMITS_MAX: usize = 4;
/// Objects that are hashed at a time before they are sent; more than the disk can feed is no use.
pub(crate) const VERIFICATIONS_MAX: usize = 4;
/// Objects that are sent at a time. Each holds an open file and one piece in memory.
pub(crate) const DOWNLOADS_MAX: usize = 64;
/// Event streams that are open at a time.
pub(crate) const EVENT_STREAMS_MAX: usize = 64;
/// PINs that are hashed at a time: each takes 19 MiB and a core for a moment.
pub(crate) const LOGINS_MAX: usize = 2;
/// People who may wait for that.
pub(crate) const LOGINS_WAITING_MAX: usize = 64;
/// Entries of the audit log in one answer.
pub(crate) const AUDIT_ENTRIES_MAX: usize = 1_000;
/// What is known of modules is kept for this many.
pub(crate) const MODULE_INFOS_MAX: usize = 256;

/// Objects up to this many bytes are read at once; longer ones are sent in pieces of this size.
pub(crate) const PIECE_BYTES: usize = 128 << 10;

/// A body of which nothing came for this long is given up.
pub(crate) const BODY_STALL_MAX: Duration = Duration::from_secs(60);
/// A body that is slower than this over its whole length is given up too, in bytes a second.
pub(crate) const BODY_RATE_MIN: u64 = 1 << 10;
/// How long the rest of a refused body is read before the client is cut off.
pub(crate) const BODY_DRAIN_MAX: Duration = Duration::from_secs(30);
/// Event streams say at least this often that they live.
pub(crate) const EVENT_KEEP_ALIVE: Duration = Duration::from_secs(10);
/// How long the scheduler may take to answer before the head counts as not ready.
pub(crate) const READY_MAX: Duration = Duration::from_secs(5);

/// A new agent connection must say hello within this time.
pub(crate) const HELLO_MAX: Duration = Duration::from_secs(10);
/// An agent that says nothing for this long has lost its connection; heartbeats are far apart
/// by less.
pub(crate) const AGENT_SILENCE_MAX: Duration = Duration::from_secs(60);

/// Connections at a time, agents among them.
pub(crate) const CONNECTIONS_MAX: usize = 1024;
/// Connections of one other computer at a time: nodes have two or three, browsers up to six, and
/// a room may share one address.
pub(crate) const CONNECTIONS_PER_ADDRESS_MAX: usize = 64;
/// A TLS handshake must be over within this time.
pub(crate) const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(5);
/// Request line and headers must be there within this time, counted from the connection's
/// opening or its last answer: so an idle connection is closed after it as well.
pub(crate) const HEADERS_TIME_MAX: Duration = Duration::from_secs(10);
/// Request line and headers together, in bytes.
pub(crate) const HEADERS_BYTES_MAX: usize = 16 << 10;
/// Headers in a request.
pub(crate) const HEADERS_MAX: usize = 64;
/// A peer that takes nothing of what is sent for this long is cut off.
pub(crate) const WRITE_STALL_MAX: Duration = Duration::from_secs(60);
/// After the order to stop, requests that run may take this long.
pub(crate) const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// Longest name of a job, in characters.
pub(crate) const JOB_NAME_CHARS_MAX: usize = 100;
/// Parameters of a job.
pub(crate) const PARAMS_MAX: usize = 64;
/// Longest name of a parameter, in bytes.
pub(crate) const PARAM_NAME_BYTES_MAX: usize = 64;
/// Longest value of a parameter or argument, in bytes.
pub(crate) const PARAM_VALUE_BYTES_MAX: usize = 4 << 10;
/// Command-line arguments of a job.
pub(crate) const ARGS_MAX: usize = 64;
/// Nodes that a job may name.
pub(crate) const NODES_MAX: usize = 1000;
/// Longest name of a result file, in bytes: room for an ending within what file systems allow.
pub(crate) const RESULT_NAME_BYTES_MAX: usize = 200;
