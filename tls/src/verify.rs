//! What is checked of a certificate: which key it carries, and that its sender has that key.

use std::sync::Arc;

use bramble_protocol::Fingerprint;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError,
    PeerIncompatible, SignatureScheme,
};
use sha2::{Digest, Sha256};

use crate::{PROVIDER, Pin, WrongKey};

/// Our keys are P-256. Whoever has another kind, or another version of TLS, is none of us.
const SCHEMES: [SignatureScheme; 1] = [SignatureScheme::ECDSA_NISTP256_SHA256];

/// The fingerprint of the key that a certificate carries.
pub(crate) fn fingerprint_of(certificate: &CertificateDer<'_>) -> Result<Fingerprint, Error> {
    let key = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
    Ok(Fingerprint::from_bytes(Sha256::digest(&key).into()))
}

fn algorithms() -> &'static WebPkiSupportedAlgorithms {
    &PROVIDER.signature_verification_algorithms
}

fn refused(wrong: WrongKey) -> Error {
    CertificateError::Other(OtherError(Arc::new(wrong))).into()
}

/// Expects a pinned key of a head.
#[derive(Debug)]
pub(crate) struct ExpectPin(pub(crate) Pin);

impl ServerCertVerifier for ExpectPin {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.0.check(fingerprint_of(end_entity)?).map_err(refused)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let valid = verify_tls13_signature(message, certificate, signature, algorithms())?;
        // Only now it is sure that the sender has the key.
        self.0.keep(fingerprint_of(certificate)?).map_err(refused)?;
        Ok(valid)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.to_vec()
    }
}

/// Expects a pinned certificate of an appliance, whose key is none of ours.
#[derive(Debug)]
pub(crate) struct ExpectCertificate(pub(crate) [u8; 32]);

impl ServerCertVerifier for ExpectCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let found: [u8; 32] = Sha256::digest(end_entity).into();
        if found == self.0 {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        algorithms().supported_schemes()
    }
}

/// Takes whatever key a client proves to have; whose it is others know.
#[derive(Debug)]
pub(crate) struct AnyKey;

impl ClientCertVerifier for AnyKey {
    fn client_auth_mandatory(&self) -> bool {
        true
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        fingerprint_of(end_entity).map(|_| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};
    use rustls::client::ResolvesClientCert;
    use rustls::pki_types::PrivateKeyDer;
    use rustls::sign::{CertifiedKey, SingleCertAndKey};
    use rustls::version::TLS13;
    use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection};

    use super::*;

    /// A certificate of a new key, and that key.
    fn made(years: (i32, i32)) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        (certificate, PrivateKeyDer::Pkcs8(key.serialize_der().into()))
    }

    /// Puts what does not fit together past rustls' own check.
    fn forged(
        certificate: &CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> Arc<SingleCertAndKey> {
        let key = PROVIDER.key_provider.load_private_key(key).unwrap();
        Arc::new(CertifiedKey::new(vec![certificate.clone()], key).into())
    }

    /// Makes both ends talk until they are done, or one of them refuses.
    fn handshake(
        pin: Pin,
        head: Arc<SingleCertAndKey>,
        node: Arc<SingleCertAndKey>,
    ) -> Result<(), Error> {
        let node: Arc<dyn ResolvesClientCert> = node;
        let client = ClientConfig::builder_with_provider(Arc::clone(&PROVIDER))
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(ExpectPin(pin)))
            .with_client_cert_resolver(node);
        let server = ServerConfig::builder_with_provider(Arc::clone(&PROVIDER))
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(Arc::new(AnyKey))
            .with_cert_resolver(head);
        let name = ServerName::try_from("bramble").unwrap();
        let mut client = ClientConnection::new(Arc::new(client), name)?;
        let mut server = ServerConnection::new(Arc::new(server))?;
        while client.is_handshaking() || server.is_handshaking() {
            let mut bytes = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut bytes).unwrap();
            }
            server.read_tls(&mut &*bytes).unwrap();
            server.process_new_packets()?;
            bytes.clear();
            while server.wants_write() {
                server.write_tls(&mut bytes).unwrap();
            }
            client.read_tls(&mut &*bytes).unwrap();
            client.process_new_packets()?;
        }
        Ok(())
    }

    #[test]
    fn no_clock_is_asked_whether_a_certificate_is_valid() {
        for years in [(1971, 1972), (2980, 2990)] {
            let ((head, head_key), (node, node_key)) = (made(years), made(years));
            let pin = Pin::exact(fingerprint_of(&head).unwrap());
            handshake(pin, forged(&head, head_key), forged(&node, node_key)).unwrap();
        }
    }

    #[test]
    fn a_certificate_is_worth_nothing_without_its_key() {
        let years = (1975, 4096);
        let ((head, head_key), (node, node_key)) = (made(years), made(years));
        let (_, stranger) = made(years);
        let pin = || Pin::exact(fingerprint_of(&head).unwrap());
        let stolen = forged(&node, stranger.clone_key());
        let refused = handshake(pin(), forged(&head, head_key), stolen);
        let bad = Error::InvalidCertificate(CertificateError::BadSignature);
        assert_eq!(refused, Err(bad.clone()));
        let (first_use, stolen) = (Pin::first_use(), forged(&head, stranger));
        let refused = handshake(first_use.clone(), stolen, forged(&node, node_key));
        assert_eq!(refused, Err(bad));
        assert_eq!(first_use.seen(), None, "what was not proved is not remembered");
    }

    #[test]
    fn a_fingerprint_is_the_sha_256_of_the_public_key_as_openssl_says() {
        // openssl ecparam -genkey -name prime256v1 -noout | openssl req -new -x509 -subj /CN=bramble
        // and of its answer: openssl x509 -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum
        use rustls::pki_types::pem::PemObject;
        let certificate = CertificateDer::from_pem_slice(include_bytes!("testdata/openssl.pem"));
        let expected = include_str!("testdata/openssl.sha256").trim();
        let found = fingerprint_of(&certificate.unwrap()).unwrap();
        assert_eq!(found.to_string(), expected);
    }
}
