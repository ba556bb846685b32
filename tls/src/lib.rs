//! Keys of heads and nodes, and connections whose ends know each other by them.
//!
//! There is no authority and no date: a board without a clock believes that it is 1970, and a lab
//! has no names that a public authority would vouch for. Each end has a key pair ([`Identity`])
//! with a certificate that it signs itself; the other end knows it by the SHA-256 of its public key
//! ([`Fingerprint`]). TLS 1.3 proves that whoever sends the certificate has its key, and that
//! nobody on the way reads or changes anything. A node knows its head's fingerprint by the join
//! token; somebody with a keyboard sees it once, as with SSH ([`Pin`]). Whom the fingerprint of a
//! client belongs to, and what he may do, is for the head to say.

mod client;
mod http;
mod identity;
mod pin;
mod server;
mod verify;

pub use bramble_protocol::{Fingerprint, FingerprintError};
pub use client::{BlockingStream, Client, ClientStream};
pub use http::http_agent;
pub use identity::{Identity, IdentityError};
pub use pin::{Pin, WrongKey, wrong_key};
pub use server::{Accepted, FIRST_BYTE, Server, ServerStream};

use std::sync::{Arc, LazyLock};

use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{cipher_suite, default_provider, kx_group};

/// How nodes say to their head that they have a key. Heads ask nobody else for one, so that no
/// browser offers its user's certificates.
const NODE_PROTOCOL: &[u8] = b"bramble-node/1";

/// The ciphers: those of TLS 1.3 only. Boards before the Pi 5 have no instructions for AES, and
/// ChaCha20 is twice as fast there; whoever connects says which it likes best.
static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    Arc::new(CryptoProvider {
        cipher_suites: vec![
            cipher_suite::TLS13_AES_128_GCM_SHA256,
            cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
            cipher_suite::TLS13_AES_256_GCM_SHA384,
        ],
        kx_groups: vec![kx_group::X25519, kx_group::SECP256R1],
        ..default_provider()
    })
});
