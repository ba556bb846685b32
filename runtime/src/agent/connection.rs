//! The agent's connection to the head: one WebSocket, opened by the agent.

use std::io;
use std::time::Duration;

use bramble_protocol::agent::{FromAgent, Hello, MESSAGE_BYTES_MAX, ToAgent};
use bramble_protocol::wire::{BRIEF_LEASES, READ_BUFFER_BYTES};
use bramble_tls::{Client, ClientStream, WrongKey, wrong_key};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use ureq::http::Uri;

/// How long opening a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the head may take to answer a hello.
const GREETING_TIMEOUT: Duration = Duration::from_secs(15);

/// Why a connection could not be opened or was lost.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The head's address is unusable.
    #[error("`{0}` is not the address of a head")]
    Address(String),
    /// Nothing answers.
    #[error("cannot connect to {url}")]
    Connect {
        /// The address.
        url: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What answers is no head, or one that does not take this node.
    #[error("{url} does not answer as a head does")]
    NoHead {
        /// The address.
        url: String,
        /// Why.
        #[source]
        source: Box<tungstenite::Error>,
    },
    /// Nothing answered in time.
    #[error("no answer from {0}")]
    Timeout(String),
    /// The connection was lost.
    #[error("the connection broke")]
    Broken(#[source] Box<tungstenite::Error>),
    /// The head closed the connection.
    #[error("the head closed the connection{0}")]
    Closed(String),
    /// The head sent something that is no message.
    #[error("the head sent a message that this version cannot read")]
    Message(#[source] serde_json::Error),
}

impl ConnectError {
    /// Whether another head than the pinned one has answered.
    pub(super) fn wrong_key(&self) -> Option<&WrongKey> {
        match self {
            Self::Connect { source, .. } => wrong_key(source),
            _ => None,
        }
    }
}

/// An open connection.
pub(super) struct Connection {
    socket: WebSocketStream<ClientStream>,
}

impl Connection {
    /// Connects to the head at `base`, such as `https://10.0.0.1:8420`.
    pub(super) async fn open(base: &str, tls: &Client) -> Result<Self, ConnectError> {
        let (host, port) = address(base).ok_or_else(|| ConnectError::Address(base.into()))?;
        let failed = |source| ConnectError::Connect { url: base.into(), source };
        let connecting = async {
            let stream = TcpStream::connect((host.as_str(), port)).await.map_err(failed)?;
            // A lease is a small message that somebody waits for: Nagle's delay would cost 40 ms.
            stream.set_nodelay(true).map_err(failed)?;
            let stream = tls.connect(stream).await.map_err(failed)?;
            let config = WebSocketConfig::default()
                .max_message_size(Some(MESSAGE_BYTES_MAX))
                .max_frame_size(Some(MESSAGE_BYTES_MAX))
                .read_buffer_size(READ_BUFFER_BYTES);
            let authority = base.trim_start_matches("https://").trim_end_matches('/');
            let url = format!("wss://{authority}/api/v1/agent?{BRIEF_LEASES}");
            match client_async_with_config(&url, stream, Some(config)).await {
                Ok((socket, _)) => Ok(Self { socket }),
                Err(source) => Err(ConnectError::NoHead { url, source: Box::new(source) }),
            }
        };
        match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(connected) => connected,
            Err(_) => Err(ConnectError::Timeout(base.into())),
        }
    }

    /// Opens a connection and says hello; returns what the head answers.
    pub(super) async fn greet(
        head: &str,
        tls: &Client,
        hello: Hello,
    ) -> Result<(Self, ToAgent), ConnectError> {
        let mut connection = Self::open(head, tls).await?;
        connection.send(&FromAgent::Hello(Box::new(hello))).await?;
        let answer = tokio::time::timeout(GREETING_TIMEOUT, async {
            loop {
                if let Some(message) = connection.receive().await? {
                    return Ok::<_, ConnectError>(message);
                }
            }
        });
        let answer = answer.await.map_err(|_| ConnectError::Timeout(head.into()))??;
        Ok((connection, answer))
    }

    pub(super) async fn send(&mut self, message: &FromAgent) -> Result<(), ConnectError> {
        let text = serde_json::to_string(message).expect("messages hold nothing JSON cannot");
        self.socket.send(Message::text(text)).await.map_err(broken)
    }

    /// Asks the other side for a sign of life.
    pub(super) async fn ping(&mut self) -> Result<(), ConnectError> {
        self.socket.send(Message::Ping(Default::default())).await.map_err(broken)
    }

    /// The next message; `None` for a sign of life that says nothing else.
    ///
    /// May be dropped and called again without losing a message.
    pub(super) async fn receive(&mut self) -> Result<Option<ToAgent>, ConnectError> {
        match self.socket.next().await {
            None => Err(ConnectError::Closed(String::new())),
            Some(Err(error)) => Err(broken(error)),
            Some(Ok(Message::Text(text))) => {
                ToAgent::from_json(&text).map(Some).map_err(ConnectError::Message)
            }
            Some(Ok(Message::Close(frame))) => {
                let reason = frame.map(|frame| format!(": {}", frame.reason)).unwrap_or_default();
                Err(ConnectError::Closed(reason))
            }
            Some(Ok(_)) => Ok(None),
        }
    }

    /// Says goodbye to the socket; the head learns why from messages sent before.
    pub(super) async fn close(mut self) {
        // The connection ends either way.
        let _ = self.socket.close(None).await;
    }
}

fn broken(error: tungstenite::Error) -> ConnectError {
    ConnectError::Broken(Box::new(error))
}

/// Host and port of an address such as `https://10.0.0.1:8420`.
fn address(base: &str) -> Option<(String, u16)> {
    let uri: Uri = base.parse().ok().filter(|uri: &Uri| uri.scheme_str() == Some("https"))?;
    let host = uri.host()?.trim_matches(['[', ']']);
    (!host.is_empty()).then(|| (host.to_owned(), uri.port_u16().unwrap_or(443)))
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn host_and_port_follow_from_the_heads_address_which_must_be_one_for_tls() {
        let found = |base| address(base).map(|(host, port)| format!("{host} {port}"));
        assert_eq!(found("https://127.0.0.1:8420/").as_deref(), Some("127.0.0.1 8420"));
        assert_eq!(found("https://[::1]:8420").as_deref(), Some("::1 8420"));
        assert_eq!(found("https://bramble.local").as_deref(), Some("bramble.local 443"));
        for none in ["http://127.0.0.1:8420", "https://", "bramble.local", "wss://a:1"] {
            assert_eq!(found(none), None, "{none}");
        }
    }
}
