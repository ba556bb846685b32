//! The serving loop: accepts connections and runs HTTP/1.1 on each, within limits.
//!
//! One port serves both: whoever begins with a TLS handshake is answered so, everybody else in
//! plain HTTP.
//!
//! `axum::serve` sets no timer, so hyper's header timeout would not work, and it has no limit on
//! connections; hence this loop of our own over the same parts.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::Request;
use axum::{Extension, Router};
use bramble_tls::Server as Tls;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::crowd::{Crowd, Seat};
use crate::limits;
use crate::origin::ListensOn;
use crate::peer::Peer;

/// Cancelled when the server stops, for answers that would otherwise never end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Closing(pub(crate) CancellationToken);

/// Serves `app` on `listener` until `shutdown` ends, then lets running requests finish for up
/// to 5 seconds. Event streams and agent connections are closed at once. Without `tls` only plain
/// HTTP is spoken.
///
/// At most 1,024 connections are open at a time; others wait in the listener's queue. Of one other
/// computer there are at most 64; more are closed at once.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    tls: Option<Tls>,
    shutdown: impl Future<Output = ()>,
) {
    let closing = Closing::default();
    let app = app.layer(Extension(closing.clone()));
    let app = match listener.local_addr() {
        Ok(address) => app.layer(Extension(ListensOn(address))),
        Err(_) => app,
    };
    let places = Arc::new(Semaphore::new(limits::CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let server = Server { app, tls, closing: closing.clone() };
    tokio::select! {
        () = accept_all(&listener, &server, &places, &mut connections) => {}
        () = shutdown => {}
    }
    drop(listener);
    closing.0.cancel();
    let all = u32::try_from(limits::CONNECTIONS_MAX).expect("the limit is far below 2^32");
    // Each connection holds its place until its socket is closed, upgraded ones too.
    let finished = timeout(limits::SHUTDOWN_GRACE, places.acquire_many(all)).await;
    if finished.is_err() {
        let open = limits::CONNECTIONS_MAX - places.available_permits();
        tracing::warn!(open, "{open} connections were still busy and are cut off");
    }
    connections.shutdown().await;
}

/// What each connection gets of the server.
#[derive(Clone)]
struct Server {
    app: Router,
    tls: Option<Tls>,
    closing: Closing,
}

async fn accept_all(
    listener: &TcpListener,
    server: &Server,
    places: &Arc<Semaphore>,
    connections: &mut JoinSet<()>,
) {
    let crowd = Crowd::default();
    loop {
        let place = Arc::clone(places).acquire_owned().await.expect("it is never closed");
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                drop(place);
                accept_failed(&error).await;
                continue;
            }
        };
        let Some(seat) = crowd.admit(from.ip()) else {
            tracing::debug!(%from, "{from} has too many connections, and gets no other");
            continue;
        };
        // Answers are written whole; waiting for more to send would only delay them. A socket
        // that refuses the option is about to fail anyway.
        let _ = stream.set_nodelay(true);
        let connection = Connection::new(stream, place, seat);
        connections.spawn(server.clone().run(connection, from));
        while connections.try_join_next().is_some() {}
    }
}

/// A connection that broke before it was accepted is no reason to pause; a lack of file
/// descriptors or memory is, or the loop would spin.
async fn accept_failed(error: &io::Error) {
    let gone = [
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionRefused,
        io::ErrorKind::ConnectionReset,
    ];
    if !gone.contains(&error.kind()) {
        tracing::error!(%error, "cannot accept connections, trying again in a second: {error}");
        sleep(Duration::from_secs(1)).await;
    }
}

impl Server {
    async fn run(self, connection: Connection, from: SocketAddr) {
        let closing = self.closing.0.clone();
        let begun = tokio::select! {
            begun = timeout(limits::HEADERS_TIME_MAX, connection.begins_with_handshake()) => begun,
            () = closing.cancelled() => return,
        };
        let peer = Peer { address: from, tls: false, node_key: None };
        match (begun, &self.tls) {
            (Ok(Ok(true)), Some(tls)) => {
                let accepted = tokio::select! {
                    accepted = timeout(limits::HANDSHAKE_TIME_MAX, tls.accept(connection)) => accepted,
                    () = closing.cancelled() => return,
                };
                match accepted {
                    Ok(Ok(accepted)) => {
                        let peer = Peer { tls: true, node_key: accepted.node_key, ..peer };
                        self.answer(accepted.stream, peer).await;
                    }
                    Ok(Err(error)) => tracing::debug!(%from, "no TLS connection: {error}"),
                    Err(_) => tracing::debug!(%from, "a TLS handshake took too long"),
                }
            }
            (Ok(Ok(_)), _) => self.answer(connection, peer).await,
            // It said nothing, or is gone.
            (Ok(Err(_)) | Err(_), _) => {}
        }
    }

    /// Runs HTTP on a connection until either end has had enough.
    async fn answer<S>(self, stream: S, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let app = ForPeer { app: TowerToHyperService::new(self.app), peer };
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits::HEADERS_TIME_MAX)
            .max_headers(limits::HEADERS_MAX)
            .max_header_size(limits::HEADERS_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), app)
            .with_upgrades();
        tokio::pin!(serving);
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            () = self.closing.0.cancelled() => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = ended {
            // The peer's doing: it went away, sent no HTTP, or was too slow.
            tracing::debug!(%error, "connection ended early: {error}");
        }
    }
}

/// The application, which is told of each request who is at the other end.
struct ForPeer {
    app: TowerToHyperService<Router>,
    peer: Peer,
}

impl Service<Request<Incoming>> for ForPeer {
    type Response = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Response;
    type Error = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Error;
    type Future = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        self.app.call(request)
    }
}

/// A socket with its place among the connections, which fails when its peer stops reading.
struct Connection {
    stream: TcpStream,
    write_stalled: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
    _seat: Seat,
}

impl Connection {
    fn new(stream: TcpStream, place: OwnedSemaphorePermit, seat: Seat) -> Self {
        Self { stream, write_stalled: None, _place: place, _seat: seat }
    }

    /// Waits for the first byte, which stays to be read.
    async fn begins_with_handshake(&self) -> io::Result<bool> {
        let mut first = [0];
        self.stream.peek(&mut first).await?;
        Ok(first[0] == bramble_tls::FIRST_BYTE)
    }

    fn watch_write(
        &mut self,
        context: &mut Context<'_>,
        result: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if result.is_ready() {
            self.write_stalled = None;
            return result;
        }
        let stalled =
            self.write_stalled.get_or_insert_with(|| Box::pin(sleep(limits::WRITE_STALL_MAX)));
        stalled.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch_write(context, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch_write(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
