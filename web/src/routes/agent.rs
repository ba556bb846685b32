//! Agents: one WebSocket each, JSON texts both ways.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use bramble_accounts::{Admission, Deed, NodeSays};
use bramble_protocol::NodeId;
use bramble_protocol::account::Hidden;
use bramble_protocol::agent::{FromAgent, Hello, MESSAGE_BYTES_MAX, ToAgent};
use bramble_protocol::node::is_node_name;
use bramble_protocol::version::AGENT_PROTOCOL;
use bramble_protocol::wire::{BRIEF_LEASES, READ_BUFFER_BYTES};
use bramble_scheduler::{AgentInbox, AgentLink, Refusal};
use bramble_tls::Fingerprint;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::access::Asker;
use crate::damaged::Damaged;
use crate::limits;
use crate::nodes::{self, Granted};
use crate::previews;
use crate::routes::now_ms;
use crate::server::Closing;
use crate::state::{Head, blocking};

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
    /// The node was removed.
    Dismissed,
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
    asker: Asker,
    upgrade: WebSocketUpgrade,
) -> Response {
    let is_brief = query.as_deref() == Some(BRIEF_LEASES);
    let closing = closing.map(|Extension(closing)| closing).unwrap_or_default();
    upgrade
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX)
        .read_buffer_size(READ_BUFFER_BYTES)
        .on_upgrade(move |socket| async move {
            // Nobody else comes past the table of routes.
            if let Some(key) = asker.node_key {
                let knock = Knock { key, from: asker.from };
                serve(socket, head, closing, knock, is_brief).await;
            }
        })
}

/// Who is at the other end, as far as the connection says.
struct Knock {
    key: Fingerprint,
    from: Option<IpAddr>,
}

async fn serve(socket: WebSocket, head: Head, closing: Closing, knock: Knock, is_brief: bool) {
    let (sink, mut source) = socket.split();
    let mut sink = Outgoing { sink, is_brief };
    let mut name = None;
    let end = match hello(&mut source).await {
        Ok(hello) => {
            let name = name.insert(hello.name.clone());
            admit(&head, &knock, hello, name, &mut sink, &mut source, &closing).await
        }
        Err(end) => end,
    };
    log(&end, name.as_deref().unwrap_or("unknown"));
    close(&end, sink.sink, source).await;
}

async fn hello(source: &mut Source) -> Result<Hello, End> {
    match next(source, limits::HELLO_MAX).await? {
        FromAgent::Hello(hello) => Ok(*hello),
        _ => Err(End::Violation("the first message must be hello".into())),
    }
}

async fn admit(
    head: &Head,
    knock: &Knock,
    mut hello: Hello,
    name: &str,
    sink: &mut Outgoing,
    source: &mut Source,
    closing: &Closing,
) -> End {
    let seat = head.connected.enter(name, knock.key);
    let refusal = match wrong_store(head, &hello) {
        None => stranger(head, knock, &mut hello).await,
        refusal => refusal,
    };
    let link = match refusal {
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
    let mut number = None;
    if let ToAgent::Welcome { artefact_key, node, .. } = &mut welcome {
        *artefact_key = head.modules.artefact_key();
        seat.welcomed(*number.insert(*node));
    }
    let Some(node) = number else { return End::LetGo };
    let granted = Granted::default();
    let kept = head.handle.look(move |core| core.node_tasks(node)).await;
    kept.unwrap_or_default().into_iter().for_each(|task| granted.add(task));
    if sink.send(welcome).await.is_err() {
        return End::Gone;
    }
    let name: Arc<str> = name.into();
    // Both directions at once: when one is held up, the other must not be.
    tokio::select! {
        end = receive(head, node, &name, source, &inbox, &granted) => return end,
        end = send(sink, &mut outbox, &granted) => return end,
        () = closing.0.cancelled() => return End::Closing,
        () = seat.dismissed.cancelled() => {}
    }
    // Its leases are others' at once.
    let _ = inbox.send(FromAgent::Goodbye).await;
    let reason = "this node was removed from the cluster".to_owned();
    let _ = sink.send(ToAgent::Refused { reason, retry: false }).await;
    End::Dismissed
}

/// Why somebody is not let in, if he is not: by his key, or by a token for whoever is new.
async fn stranger(head: &Head, knock: &Knock, hello: &mut Hello) -> Option<Refusal> {
    // The scheduler refuses it, with the reason; until then nothing is remembered of it.
    if !is_node_name(&hello.name) || hello.protocol != AGENT_PROTOCOL {
        return None;
    }
    let accounts = head.accounts.clone();
    let (key, from, name) = (knock.key, knock.from, hello.name.clone());
    let (join, machine) = (hello.join.take(), hello.machine.map(|machine| machine.to_string()));
    let model = hello.status.model.clone();
    let admitted = blocking(move || {
        let says = NodeSays {
            name: &name,
            key,
            machine: machine.as_deref(),
            model: model.as_deref(),
            join: join.as_ref().map(Hidden::expose),
            from,
        };
        Ok(accounts.admit_node(&says, now_ms())?)
    });
    match admitted.await {
        Ok(Admission::Known) => None,
        Ok(Admission::Joined) => {
            let detail = format!("key {}", key.short());
            let deed =
                Deed { who: "", from, action: "join", subject: &hello.name, detail: &detail };
            head.record(deed).await;
            None
        }
        Ok(Admission::Pending { reason }) => Some(Refusal { reason, retry: true }),
        Ok(Admission::Refused { reason }) => Some(Refusal { reason, retry: false }),
        Err(error) => {
            tracing::error!("it is not known who may work here: {error:?}");
            let reason = "the head cannot look up who may work here".into();
            Some(Refusal { reason, retry: true })
        }
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

async fn receive(
    head: &Head,
    node: NodeId,
    name: &Arc<str>,
    source: &mut Source,
    inbox: &AgentInbox,
    granted: &Granted,
) -> End {
    loop {
        match next(source, limits::AGENT_SILENCE_MAX).await {
            Ok(FromAgent::Hello(_)) => return End::Violation("hello may be said once only".into()),
            Ok(mut message) => {
                Damaged::note(head, nodes::damaged(head, node, &message).await);
                granted.sift(&mut message);
                head.counters.note(&message, |task| granted.has(task));
                head.timelines.note(name, &message, now_ms(), |task| granted.has(task));
                previews::note(head, &mut message);
                head.live_history.note(node, &message, now_ms());
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

async fn send(sink: &mut Outgoing, outbox: &mut mpsc::Receiver<ToAgent>, granted: &Granted) -> End {
    let mut waiting = Vec::new();
    // All that waits goes out with one flush.
    while outbox.recv_many(&mut waiting, 64).await > 0 {
        for message in waiting.drain(..) {
            granted.note(&message);
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
        End::Dismissed => tracing::info!(node = ?name, "agent {name:?} was removed"),
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
        End::Dismissed => (close_code::POLICY, "removed"),
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
