//! The agent's connection to the head: one WebSocket, opened by the agent.

use std::time::Duration;

use bramble_protocol::agent::{FromAgent, Hello, MESSAGE_BYTES_MAX, ToAgent};
use bramble_protocol::wire::{BRIEF_LEASES, READ_BUFFER_BYTES};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

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

/// An open connection.
pub(super) struct Connection {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Connection {
    /// Connects to the head at `base`, such as `http://10.0.0.1:8420`.
    pub(super) async fn open(base: &str) -> Result<Self, ConnectError> {
        let url = socket_url(base).ok_or_else(|| ConnectError::Address(base.into()))?;
        let request =
            url.as_str().into_client_request().map_err(|_| ConnectError::Address(base.into()))?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX))
            .read_buffer_size(READ_BUFFER_BYTES);
        // A lease is a small message that somebody waits for: Nagle's delay would cost 40 ms.
        let connecting = connect_async_with_config(request, Some(config), true);
        match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Ok((socket, _))) => Ok(Self { socket }),
            Ok(Err(source)) => Err(ConnectError::Connect { url, source: Box::new(source) }),
            Err(_) => Err(ConnectError::Timeout(url)),
        }
    }

    /// Opens a connection and says hello; returns what the head answers.
    pub(super) async fn greet(head: &str, hello: Hello) -> Result<(Self, ToAgent), ConnectError> {
        let mut connection = Self::open(head).await?;
        connection.send(&FromAgent::Hello(hello)).await?;
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

fn socket_url(base: &str) -> Option<String> {
    let host = base.strip_prefix("http://")?.trim_end_matches('/');
    (!host.is_empty()).then(|| format!("ws://{host}/api/v1/agent?{BRIEF_LEASES}"))
}

#[cfg(test)]
mod tests {
    use super::socket_url;

    #[test]
    fn the_socket_address_follows_from_the_heads_address() {
        let url = socket_url("http://127.0.0.1:8420/");
        assert_eq!(url.as_deref(), Some("ws://127.0.0.1:8420/api/v1/agent?leases=brief"));
        assert_eq!(socket_url("http://"), None);
        assert_eq!(socket_url("bramble.local"), None);
    }
}
