//! The head's end.

use std::io;
use std::sync::Arc;

use bramble_protocol::Fingerprint;
use rustls::server::{Acceptor, NoServerSessionStorage};
use rustls::version::TLS13;
use rustls::{ConfigBuilder, ServerConfig, WantsVerifier};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::LazyConfigAcceptor;

use crate::verify::{AnyKey, fingerprint_of};
use crate::{Identity, NODE_PROTOCOL, PROVIDER};

/// What a connection begins with when it speaks TLS: the type of a handshake record. No HTTP
/// request begins so.
pub const FIRST_BYTE: u8 = 0x16;

/// A connection whose other end speaks TLS.
pub type ServerStream<S> = tokio_rustls::server::TlsStream<S>;

/// Answers those who speak TLS.
#[derive(Clone, Debug)]
pub struct Server {
    /// For whoever has no key to show.
    plain: Arc<ServerConfig>,
    /// For nodes.
    nodes: Arc<ServerConfig>,
    fingerprint: Fingerprint,
}

/// A connection that was made.
#[derive(Debug)]
pub struct Accepted<S> {
    /// To read and write.
    pub stream: ServerStream<S>,
    /// The key of a node that has proved to have it.
    pub node_key: Option<Fingerprint>,
}

impl Server {
    /// Answers as `identity`.
    ///
    /// # Errors
    /// When the identity's key cannot be used.
    pub fn new(identity: &Identity) -> Result<Self, rustls::Error> {
        let plain = finished(builder()?.with_no_client_auth(), identity)?;
        let mut nodes = finished(builder()?.with_client_cert_verifier(Arc::new(AnyKey)), identity)?;
        nodes.alpn_protocols = vec![NODE_PROTOCOL.to_vec()];
        let fingerprint = identity.fingerprint();
        Ok(Self { plain: Arc::new(plain), nodes: Arc::new(nodes), fingerprint })
    }

    /// What clients know this head by.
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Makes a TLS connection of one whose first byte is [`FIRST_BYTE`]. Whoever calls limits the
    /// time that it may take.
    ///
    /// # Errors
    /// When the other end speaks something else, goes away, or has not the key that it shows.
    pub async fn accept<S>(&self, stream: S) -> io::Result<Accepted<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let is_node = start
            .client_hello()
            .alpn()
            .is_some_and(|mut offered| offered.any(|name| name == NODE_PROTOCOL));
        let config = if is_node { &self.nodes } else { &self.plain };
        let stream = start.into_stream(Arc::clone(config)).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let node_key = shown.map(fingerprint_of).transpose().map_err(io::Error::other)?;
        Ok(Accepted { stream, node_key })
    }
}

fn builder() -> Result<ConfigBuilder<ServerConfig, WantsVerifier>, rustls::Error> {
    ServerConfig::builder_with_provider(Arc::clone(&PROVIDER)).with_protocol_versions(&[&TLS13])
}

fn finished(
    builder: ConfigBuilder<ServerConfig, rustls::server::WantsServerCert>,
    identity: &Identity,
) -> Result<ServerConfig, rustls::Error> {
    let mut config =
        builder.with_single_cert(vec![identity.certificate.clone()], identity.key.clone_key())?;
    // Every connection proves anew who is there: a key that was removed is dead at once.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}
