//! The end of whoever connects: a node, or the command line.

use std::io;
use std::sync::Arc;

use bramble_protocol::Fingerprint;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::version::TLS13;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::verify::{ExpectCertificate, ExpectPin};
use crate::{Identity, NODE_PROTOCOL, PROVIDER, Pin};

/// A connection to a head.
pub type ClientStream = tokio_rustls::client::TlsStream<TcpStream>;

/// A connection to a head, for whoever does without tokio.
pub type BlockingStream = StreamOwned<ClientConnection, std::net::TcpStream>;

/// Connects to heads of a pinned key.
#[derive(Clone, Debug)]
pub struct Client {
    config: Arc<ClientConfig>,
    pin: Pin,
}

impl Client {
    /// Connects as `identity`, or as nobody, to a head of the key `pin`.
    ///
    /// # Errors
    /// When the identity's key cannot be used.
    pub fn new(identity: Option<&Identity>, pin: Pin) -> Result<Self, rustls::Error> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&PROVIDER))
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(ExpectPin(pin.clone())));
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder.with_client_auth_cert(
                vec![identity.certificate.clone()],
                identity.key.clone_key(),
            )?,
        };
        if identity.is_some() {
            config.alpn_protocols = vec![NODE_PROTOCOL.to_vec()];
        }
        config.resumption = Resumption::disabled();
        config.enable_sni = false;
        Ok(Self { config: Arc::new(config), pin })
    }

    /// Connects, as nobody, to an appliance that shows the certificate of this SHA-256, whatever
    /// kind of key is in it.
    ///
    /// # Errors
    /// When this computer cannot speak TLS.
    pub fn for_certificate(sha256: [u8; 32]) -> Result<Self, rustls::Error> {
        let config = ClientConfig::builder_with_provider(Arc::clone(&PROVIDER))
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(ExpectCertificate(sha256)))
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config), pin: Pin::first_use() })
    }

    /// The key of the head, once a connection was made.
    pub fn head_key(&self) -> Option<Fingerprint> {
        self.pin.seen()
    }

    /// Makes a TLS connection of one to a head.
    ///
    /// # Errors
    /// When the other end speaks something else, goes away, or has another key: see
    /// [`wrong_key`](crate::wrong_key).
    pub async fn connect(&self, stream: TcpStream) -> io::Result<ClientStream> {
        TlsConnector::from(Arc::clone(&self.config)).connect(nobodys_name(), stream).await
    }

    /// The same without tokio. The handshake goes on with the first bytes that are sent.
    ///
    /// # Errors
    /// When the connection cannot begin.
    pub fn wrap(&self, stream: std::net::TcpStream) -> Result<BlockingStream, rustls::Error> {
        Ok(StreamOwned::new(self.begin()?, stream))
    }

    pub(crate) fn begin(&self) -> Result<ClientConnection, rustls::Error> {
        ClientConnection::new(Arc::clone(&self.config), nobodys_name())
    }
}

/// Heads are known by their keys; their names are neither sent nor compared.
fn nobodys_name() -> ServerName<'static> {
    ServerName::try_from("bramble").expect("it is a name")
}
