//! Who is at the other end of a connection.

use std::net::{IpAddr, SocketAddr};

use axum::http::Extensions;
use bramble_tls::Fingerprint;

/// The other end of the connection that a request came by. The server puts it beside each request;
/// there is none when the application is called without a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// Whether nobody on the way can read or change anything.
    pub tls: bool,
    /// The key that a node has proved to have.
    pub node_key: Option<Fingerprint>,
}

/// The key that whoever is at the other end has proved to have, as nodes do.
pub(crate) fn node_key(extensions: &Extensions) -> Option<Fingerprint> {
    extensions.get::<Peer>().and_then(|peer| peer.node_key)
}

/// The address that a request comes from; `None` when the app is called without a connection.
pub(crate) fn address(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<Peer>().map(|peer| peer.address.ip().to_canonical())
}

/// Whether the connection is one that nobody on the way can read.
pub(crate) fn is_tls(extensions: &Extensions) -> bool {
    extensions.get::<Peer>().is_some_and(|peer| peer.tls)
}
