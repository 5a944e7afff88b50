//! A connection that is encrypted, and whose ends have proved themselves.
//!
//! TLS 1.3 with a key that is made for each process and that nobody vouches for (a raw public key,
//! RFC 7250): it keeps those who listen out. Those in the middle are kept out by the proofs, see
//! [`crate::proof`].

use std::io;
use std::sync::{Arc, LazyLock};

use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::{ClientConfig, Resumption};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring as by_ring, verify_tls13_signature_with_raw_key,
};
use tokio_rustls::rustls::pki_types::{
    CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use tokio_rustls::rustls::server::{AlwaysResolvesServerRawPublicKeys, ServerConfig};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{DigitallySignedStruct, Error, PeerMisbehaved, SignatureScheme};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use crate::Identity;
use crate::proof::{self, EXPORTER, Ends, Exported, HELLO, WELCOME, Welcome};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// There is no connection, or it ended.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The other end did not prove that it knows the secret.
    #[error("the other end does not know the secret of the store")]
    NotProved,
    /// The other end has another number by now.
    #[error("the node has another number by now")]
    OtherNode,
}

/// What both ends are configured with: made once for the process.
struct Configs {
    acceptor: TlsAcceptor,
    connector: TlsConnector,
}

static CONFIGS: LazyLock<Configs> = LazyLock::new(|| {
    configs().expect("TLS 1.3 with Ed25519 is supported by the provider that is compiled in")
});

fn configs() -> Result<Configs, Error> {
    let provider = Arc::new(by_ring::default_provider());
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
        .map_err(|_| Error::General("the system gives no random bytes".to_owned()))?;
    let key = by_ring::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8.as_ref()))?;
    let public = key.public_key().expect("a signing key of ring has its public key").into_owned();
    let public = CertificateDer::from(public.as_ref().to_vec());
    let certified = Arc::new(CertifiedKey::new(vec![public], key));
    let mut server = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(certified)));
    server.send_tls13_tickets = 0;
    let mut client = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyKey::of(&provider)))
        .with_no_client_auth();
    client.enable_sni = false;
    client.resumption = Resumption::disabled();
    let acceptor = TlsAcceptor::from(Arc::new(server));
    Ok(Configs { acceptor, connector: TlsConnector::from(Arc::new(client)) })
}

/// Takes any key, of whose possession it has proof: who is there is proved afterwards.
#[derive(Debug)]
struct AnyKey {
    algorithms: WebPkiSupportedAlgorithms,
}

impl AnyKey {
    fn of(provider: &CryptoProvider) -> AnyKey {
        AnyKey { algorithms: provider.signature_verification_algorithms }
    }
}

impl ServerCertVerifier for AnyKey {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = SubjectPublicKeyInfoDer::from(cert.as_ref());
        verify_tls13_signature_with_raw_key(message, &key, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

/// Connects to a node.
///
/// # Errors
/// See [`Refusal`].
pub(crate) async fn connect(
    address: &str,
    identity: &Identity,
    ends: Ends,
) -> Result<client::TlsStream<TcpStream>, Refusal> {
    let mut stream = connect_unproved(address).await?;
    let exported = stream.get_ref().1.export_keying_material([0; 32], EXPORTER, None);
    let exported: Exported = exported.map_err(io::Error::other)?;
    stream.write_all(&proof::hello(&identity.secret, &exported, ends)).await?;
    stream.flush().await?;
    let mut bytes = [0; WELCOME];
    let read = stream.read_exact(&mut bytes).await;
    match read.map(|_| proof::read_welcome(&identity.secret, &exported, ends, &bytes)) {
        Ok(Some(Welcome::Yes)) => Ok(stream),
        Ok(Some(Welcome::OtherNode)) => Err(Refusal::OtherNode),
        // An end that does not believe our proof says nothing.
        Ok(None) => Err(Refusal::NotProved),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Refusal::NotProved),
        Err(error) => Err(error.into()),
    }
}

/// Takes a connection of another node. Gives it with the number that it is asked under.
///
/// # Errors
/// See [`Refusal`].
pub(crate) async fn accept(
    stream: TcpStream,
    identity: &Identity,
) -> Result<(server::TlsStream<TcpStream>, Ends), Refusal> {
    let mut stream = accept_unproved(stream).await?;
    let exported = stream.get_ref().1.export_keying_material([0; 32], EXPORTER, None);
    let exported: Exported = exported.map_err(io::Error::other)?;
    let mut bytes = [0; HELLO];
    stream.read_exact(&mut bytes).await?;
    let ends = proof::read_hello(&identity.secret, &exported, &bytes).ok_or(Refusal::NotProved)?;
    let is_asked = identity.number() == Some(ends.to);
    let said = if is_asked { Welcome::Yes } else { Welcome::OtherNode };
    stream.write_all(&proof::welcome(&identity.secret, &exported, ends, said)).await?;
    stream.flush().await?;
    if is_asked { Ok((stream, ends)) } else { Err(Refusal::OtherNode) }
}

/// Connects, to whom nobody knows.
pub(crate) async fn connect_unproved(address: &str) -> io::Result<client::TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("stairwell").expect("this is a name");
    CONFIGS.connector.connect(name, stream).await
}

/// Takes a connection, of whom nobody knows.
pub(crate) async fn accept_unproved(stream: TcpStream) -> io::Result<server::TlsStream<TcpStream>> {
    stream.set_nodelay(true)?;
    CONFIGS.acceptor.accept(stream).await
}
