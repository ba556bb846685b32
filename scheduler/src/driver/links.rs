//! Connections of agents: messages out, each through a queue with a limit.

use std::collections::BTreeMap;

use bramble_protocol::NodeId;
use bramble_protocol::agent::ToAgent;
use tokio::sync::{mpsc, oneshot};
use tracing::{info, warn};

use super::Command;
use crate::core::ConnectionId;
use crate::handle::{AgentInbox, AgentLink, Refusal};

/// Messages that wait to be sent to one agent. One that reads so slowly is better off with a new
/// connection.
const OUTBOX_LENGTH: usize = 256;

type Reply = oneshot::Sender<Result<AgentLink, Refusal>>;

/// All connections.
#[derive(Default)]
pub(super) struct Links {
    last: u64,
    open: BTreeMap<ConnectionId, mpsc::Sender<ToAgent>>,
    joining: BTreeMap<ConnectionId, (Reply, mpsc::Receiver<ToAgent>)>,
    /// Closed by us because the queue was full or its reader gone.
    broken: Vec<ConnectionId>,
}

impl Links {
    /// Prepares a connection, to be let in or refused.
    pub(super) fn prepare(&mut self, reply: Reply) -> ConnectionId {
        self.last += 1;
        let connection = ConnectionId(self.last);
        let (sender, outbox) = mpsc::channel(OUTBOX_LENGTH);
        self.open.insert(connection, sender);
        self.joining.insert(connection, (reply, outbox));
        connection
    }

    pub(super) fn admit(
        &mut self,
        connection: ConnectionId,
        node: NodeId,
        heartbeat_ms: u64,
        mailbox: Option<mpsc::Sender<Command>>,
    ) {
        let (Some((reply, outbox)), Some(mailbox)) = (self.joining.remove(&connection), mailbox)
        else {
            return;
        };
        info!(node = node.0, connection = connection.0, "a node connected");
        let welcome = ToAgent::Welcome { node, heartbeat_ms, artefact_key: None };
        let inbox = AgentInbox::new(connection, node, mailbox);
        // When nobody waits any more, dropping the inbox tells so.
        let _ = reply.send(Ok(AgentLink { welcome, outbox, inbox }));
    }

    pub(super) fn refuse(&mut self, connection: ConnectionId, reason: String, retry: bool) {
        self.open.remove(&connection);
        if let Some((reply, _)) = self.joining.remove(&connection) {
            info!(reason, "a node was refused");
            let _ = reply.send(Err(Refusal { reason, retry }));
        }
    }

    pub(super) fn send(&mut self, connection: ConnectionId, message: ToAgent) {
        let Some(outbox) = self.open.get(&connection) else { return };
        if let Err(error) = outbox.try_send(message) {
            if matches!(error, mpsc::error::TrySendError::Full(_)) {
                warn!(
                    connection = connection.0,
                    "{OUTBOX_LENGTH} messages wait for an agent; closing its connection"
                );
            }
            self.open.remove(&connection);
            self.broken.push(connection);
        }
    }

    pub(super) fn close(&mut self, connection: ConnectionId, reason: &str) {
        if self.open.remove(&connection).is_some() {
            info!(connection = connection.0, reason, "closing a connection");
        }
    }

    /// Connections that broke since the last call, which the core does not know of yet.
    pub(super) fn take_broken(&mut self) -> Vec<ConnectionId> {
        std::mem::take(&mut self.broken)
    }
}
