//! Agents: one WebSocket each, JSON texts both ways.

use std::time::Duration;

use axum::Extension;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use bramble_protocol::agent::{FromAgent, Hello, MESSAGE_BYTES_MAX, ToAgent};
use bramble_protocol::wire::{BRIEF_LEASES, READ_BUFFER_BYTES};
use bramble_scheduler::{AgentInbox, AgentLink, Refusal};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::damaged::Damaged;
use crate::limits;
use crate::previews;
use crate::server::Closing;
use crate::state::Head;

type Sink = SplitSink<WebSocket, Message>;
type Source = SplitStream<WebSocket>;

/// Why a connection ends.
enum End {
    /// The agent closed it, or it broke.
    Gone,
    /// The agent said nothing for too long.
    Silent,
    /// The agent was not let in.
    Refused,
    /// The scheduler let go of it.
    LetGo,
    /// The head stops.
    Closing,
    /// The agent sent what is no message, or not at this time.
    Violation(String),
}

/// `GET /agent`: opens the connection.
pub(crate) async fn connect(
    State(head): State<Head>,
    RawQuery(query): RawQuery,
    closing: Option<Extension<Closing>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let is_brief = query.as_deref() == Some(BRIEF_LEASES);
    let closing = closing.map(|Extension(closing)| closing).unwrap_or_default();
    upgrade
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX)
        .read_buffer_size(READ_BUFFER_BYTES)
        .on_upgrade(move |socket| serve(socket, head, closing, is_brief))
}

async fn serve(socket: WebSocket, head: Head, closing: Closing, is_brief: bool) {
    let (sink, mut source) = socket.split();
    let mut sink = Outgoing { sink, is_brief };
    let mut name = None;
    let end = match hello(&mut source).await {
        Ok(hello) => {
            let name = name.insert(hello.name.clone());
            admit(&head, hello, name, &mut sink, &mut source, &closing).await
        }
        Err(end) => end,
    };
    log(&end, name.as_deref().unwrap_or("unknown"));
    close(&end, sink.sink, source).await;
}

async fn hello(source: &mut Source) -> Result<Hello, End> {
    match next(source, limits::HELLO_MAX).await? {
        FromAgent::Hello(hello) => Ok(hello),
        _ => Err(End::Violation("the first message must be hello".into())),
    }
}

async fn admit(
    head: &Head,
    hello: Hello,
    name: &str,
    sink: &mut Outgoing,
    source: &mut Source,
    closing: &Closing,
) -> End {
    let link = match wrong_store(head, &hello) {
        Some(refusal) => Err(refusal),
        None => head.handle.connect(hello).await,
    };
    let AgentLink { mut welcome, mut outbox, inbox } = match link {
        Ok(link) => link,
        Err(refusal) => {
            tracing::warn!(node = ?name, reason = refusal.reason, "agent {name:?} refused");
            let (reason, retry) = (refusal.reason, refusal.retry);
            // Whether it arrives or not, the connection ends.
            let _ = sink.send(ToAgent::Refused { reason, retry }).await;
            return End::Refused;
        }
    };
    tracing::info!(node = name, "agent {name} connected");
    if let ToAgent::Welcome { artefact_key, .. } = &mut welcome {
        *artefact_key = head.modules.artefact_key();
    }
    if sink.send(welcome).await.is_err() {
        return End::Gone;
    }
    // Both directions at once: when one is held up, the other must not be.
    tokio::select! {
        end = receive(head, source, &inbox) => end,
        end = send(sink, &mut outbox) => end,
        () = closing.0.cancelled() => End::Closing,
    }
}

/// An agent that was given some other directory as the shared one would fail every task.
fn wrong_store(head: &Head, hello: &Hello) -> Option<Refusal> {
    let theirs = hello.store_id.as_deref()?;
    (theirs != head.store.id()).then(|| Refusal {
        reason: "the directory it was given as the shared object store is another one than this \
                 head's: mount the head's there"
            .into(),
        retry: false,
    })
}

async fn receive(head: &Head, source: &mut Source, inbox: &AgentInbox) -> End {
    loop {
        match next(source, limits::AGENT_SILENCE_MAX).await {
            Ok(FromAgent::Hello(_)) => return End::Violation("hello may be said once only".into()),
            Ok(mut message) => {
                Damaged::note(head, &message);
                previews::note(head, &mut message);
                if inbox.send(message).await.is_err() {
                    return End::LetGo;
                }
            }
            Err(end) => return end,
        }
    }
}

/// The way to an agent.
struct Outgoing {
    sink: Sink,
    /// Whether it understands leases in groups.
    is_brief: bool,
}

impl Outgoing {
    /// Writes a message, which goes out with the next flush.
    async fn feed(&mut self, message: ToAgent) -> Result<(), axum::Error> {
        self.sink.feed(Message::Text(message.into_json(self.is_brief).into())).await
    }

    async fn send(&mut self, message: ToAgent) -> Result<(), axum::Error> {
        self.feed(message).await?;
        self.sink.flush().await
    }
}

async fn send(sink: &mut Outgoing, outbox: &mut mpsc::Receiver<ToAgent>) -> End {
    let mut waiting = Vec::new();
    // All that waits goes out with one flush.
    while outbox.recv_many(&mut waiting, 64).await > 0 {
        for message in waiting.drain(..) {
            if sink.feed(message).await.is_err() {
                return End::Gone;
            }
        }
        if sink.sink.flush().await.is_err() {
            return End::Gone;
        }
    }
    End::LetGo
}

/// The next message within `time_max`. Pings do not count: they say nothing of the agent's work.
async fn next(source: &mut Source, time_max: Duration) -> Result<FromAgent, End> {
    let text = async {
        loop {
            match source.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Binary(_))) => {
                    return Err(End::Violation("messages are texts".into()));
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(End::Gone),
            }
        }
    };
    let text = timeout(time_max, text).await.map_err(|_| End::Silent)??;
    FromAgent::from_json(text.as_str())
        .map_err(|error| End::Violation(format!("not a message of an agent: {error}")))
}

fn log(end: &End, name: &str) {
    match end {
        // Why it was refused has been said.
        End::Refused => {}
        End::Gone => tracing::info!(node = ?name, "agent {name:?} disconnected"),
        End::LetGo | End::Closing => tracing::info!(node = ?name, "agent {name:?} let go"),
        End::Silent => tracing::warn!(node = ?name, "agent {name:?} is silent, disconnected"),
        End::Violation(reason) => {
            tracing::warn!(node = ?name, reason, "agent {name:?} disconnected: {reason}");
        }
    }
}

/// Says why, and waits a moment for the agent to hear it: a socket that is closed with bytes
/// unread may throw away what was sent last.
async fn close(end: &End, mut sink: Sink, mut source: Source) {
    let (code, reason) = match end {
        End::Gone => return,
        End::Silent => (close_code::POLICY, "nothing was said for too long"),
        End::Refused => (close_code::POLICY, "refused"),
        End::LetGo => (close_code::NORMAL, "the head let go of this connection"),
        End::Closing => (close_code::AWAY, "the head stops"),
        End::Violation(reason) => (close_code::POLICY, reason.as_str()),
    };
    // A close frame has room for 123 bytes.
    let reason = &reason[..reason.floor_char_boundary(123)];
    let frame = CloseFrame { code, reason: reason.into() };
    let goodbye = async {
        if sink.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = source.next().await {}
        }
    };
    // An agent that does not answer is left alone.
    let _ = timeout(Duration::from_secs(1), goodbye).await;
}
