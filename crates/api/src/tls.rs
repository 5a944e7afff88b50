//! TLS: rustls with ring, for HTTP/1.1 and HTTP/2. Clients may have to show a certificate.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

/// How long a handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// A certificate and its key, ready to be shown. Clones share what [`Tls::replace`] changes.
#[derive(Clone)]
pub struct Tls {
    config: Arc<RwLock<Arc<ServerConfig>>>,
}

/// What TLS is made of, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsPem {
    /// A chain of certificates: the server's own first.
    pub certificates: Vec<u8>,
    /// The key of the first.
    pub key: Vec<u8>,
    /// Those who sign the certificates that clients must show; clients show none where it is none.
    pub client_authorities: Option<Vec<u8>>,
}

/// Why there is no TLS.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// The text holds no certificate in PEM.
    #[error("there is no certificate in PEM form")]
    NoCertificate,
    /// The text holds no private key in PEM.
    #[error("there is no private key in PEM form")]
    NoKey,
    /// The text with those who sign certificates of clients holds none in PEM.
    #[error("there is no certificate in PEM form for those of clients")]
    NoClientAuthority,
    /// They do not go together, or are of a kind that is not known.
    #[error("the certificate and its key cannot be used: {0}")]
    Unusable(String),
}

fn unusable(error: impl fmt::Display) -> TlsError {
    TlsError::Unusable(error.to_string())
}

/// All certificates of a text; none where there is no whole one.
fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    chain.ok().filter(|chain| !chain.is_empty())
}

fn config(pem: &TlsPem) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = certificates(&pem.certificates).ok_or(TlsError::NoCertificate)?;
    let key = PrivateKeyDer::from_pem_slice(&pem.key).map_err(|_| TlsError::NoKey)?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let builder = match &pem.client_authorities {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let mut authorities = RootCertStore::empty();
            for authority in certificates(pem).ok_or(TlsError::NoClientAuthority)? {
                authorities.add(authority).map_err(unusable)?;
            }
            let authorities = Arc::new(authorities);
            let verifier = WebPkiClientVerifier::builder_with_provider(authorities, provider);
            builder.with_client_cert_verifier(verifier.build().map_err(unusable)?)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

impl Tls {
    /// With these certificates.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn from_pem(pem: &TlsPem) -> Result<Tls, TlsError> {
        Ok(Tls { config: Arc::new(RwLock::new(config(pem)?)) })
    }

    /// With these certificates from now on, on new connections.
    ///
    /// # Errors
    /// See [`TlsError`]; then those before stay.
    pub fn replace(&self, pem: &TlsPem) -> Result<(), TlsError> {
        *self.config.write() = config(pem)?;
        Ok(())
    }

    pub(crate) async fn shake_hands<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> io::Result<TlsStream<S>> {
        let acceptor = TlsAcceptor::from(self.config.read().clone());
        let shaken = tokio::time::timeout(HANDSHAKE_MAX, acceptor.accept(stream)).await;
        shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tls").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(certificates: &[u8], key: &[u8]) -> Option<TlsError> {
        let (certificates, key) = (certificates.to_vec(), key.to_vec());
        Tls::from_pem(&TlsPem { certificates, key, client_authorities: None }).err()
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        let garbage = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(refusal(b"", b""), Some(TlsError::NoCertificate));
        assert_eq!(refusal(garbage, b""), Some(TlsError::NoKey));
        let key = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert!(matches!(refusal(garbage, key), Some(TlsError::Unusable(_))));
    }
}
