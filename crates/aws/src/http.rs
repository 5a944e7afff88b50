//! HTTP requests, plain or over TLS, and their answers.

mod connector;
mod proxy;
mod reach;

use std::error::Error;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::PROXY_AUTHORIZATION;
use hyper::http::uri::Scheme;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::dns::GaiResolver;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use connector::{Connector, Resolver};
pub use proxy::{Proxies, ProxyError};
pub use reach::{Reach, names_own_machine};

/// How long a connection waits for its next request.
const IDLE: Duration = Duration::from_secs(20);

/// What sends requests, with its connections. Clones share them.
#[derive(Clone)]
pub struct HttpClient {
    connector: Connector,
    tls: Arc<Tls>,
    plain: Connections,
    /// Made when it is needed, as [`Tls::config`].
    secure: Arc<OnceLock<Connections>>,
}

/// What is spoken over TLS, and who is trusted there.
struct Tls {
    /// Made when the first request asks for it: the certificates that a system trusts take
    /// milliseconds to read and megabytes to keep, and a server may never need them.
    config: OnceLock<Arc<ClientConfig>>,
    /// In PEM, beside those of the system.
    more_certificates: Option<Box<[u8]>>,
}

type Connections = Client<HttpsConnector<Connector>, Full<Bytes>>;

/// What a request may take.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// How long the whole answer may take.
    pub patience: Duration,
    /// How many bytes the body of the answer may have.
    pub answer_bytes_max: usize,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct HttpAnswer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum HttpError {
    /// No connection, or none that lasted, or what came over it is no HTTP.
    #[error("{0}")]
    Broken(String),
    /// It took too long.
    #[error("Read timed out")]
    Late,
    /// The answer was too long to be read. The limit, in bytes.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Connector { reach, proxies, .. } = &self.connector;
        let mut shown = formatter.debug_struct("HttpClient");
        shown.field("reach", reach).field("proxies", proxies).finish_non_exhaustive()
    }
}

impl HttpClient {
    /// A client that trusts the certificates that the system trusts, or those of the file that
    /// `SSL_CERT_FILE` names, and those of `more_certificates`, in PEM. It reaches
    /// [`Reach::Services`].
    pub fn new(more_certificates: Option<&[u8]>, proxies: Proxies) -> HttpClient {
        let more_certificates = more_certificates.map(Box::from);
        let tls = Arc::new(Tls { config: OnceLock::new(), more_certificates });
        let resolver = Resolver::System(GaiResolver::new());
        let reach = Reach::Services;
        HttpClient::of(Connector { reach, proxies, resolver, tls: tls.clone() }, tls)
    }

    fn of(connector: Connector, tls: Arc<Tls>) -> HttpClient {
        let plain = connections(&connector, &Arc::new(trusting(RootCertStore::empty())));
        HttpClient { connector, tls, plain, secure: Arc::default() }
    }

    /// One with connections of its own, and another reach.
    #[must_use]
    pub fn reaching(&self, reach: Reach) -> HttpClient {
        HttpClient::of(Connector { reach, ..self.connector.clone() }, self.tls.clone())
    }

    /// One with connections of its own, through no proxy.
    #[must_use]
    pub fn without_proxies(&self) -> HttpClient {
        let connector = Connector { proxies: Proxies::default(), ..self.connector.clone() };
        HttpClient::of(connector, self.tls.clone())
    }

    /// One with connections of its own, that trusts these certificates, in PEM, and no others; none
    /// where there are none.
    pub fn trusting_only(&self, certificates: &[u8]) -> Option<HttpClient> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(certificates) {
            roots.add_parsable_certificates(certificate);
        }
        if roots.is_empty() {
            return None;
        }
        let config = OnceLock::from(Arc::new(trusting(roots)));
        let tls = Arc::new(Tls { config, more_certificates: None });
        Some(HttpClient::of(self.connector.clone(), tls))
    }

    /// Sends a request, and reads the whole answer. Redirects are answers.
    ///
    /// # Errors
    /// Where there is no answer within the limits.
    pub async fn send(
        &self,
        request: Request<Bytes>,
        limits: HttpLimits,
    ) -> Result<HttpAnswer, HttpError> {
        let answer = async {
            let response = self.open(request).await?;
            let (parts, body) = response.into_parts();
            let body = read(body, limits.answer_bytes_max).await?;
            Ok(HttpAnswer { status: parts.status, headers: parts.headers, body })
        };
        tokio::time::timeout(limits.patience, answer).await.map_err(|_| HttpError::Late)?
    }

    /// Sends a request, and gives the answer as soon as its head is there.
    pub(crate) async fn open(
        &self,
        mut request: Request<Bytes>,
    ) -> Result<Response<Incoming>, HttpError> {
        let uri = request.uri();
        let connections = if uri.scheme() == Some(&Scheme::HTTP) {
            // What is read by a proxy proves to it who asks.
            let proxy = self.connector.proxies.find(uri);
            if let Some(authorization) = proxy.as_ref().and_then(|proxy| proxy.basic_auth()) {
                request.headers_mut().insert(PROXY_AUTHORIZATION, authorization.clone());
            }
            &self.plain
        } else {
            self.secure.get_or_init(|| connections(&self.connector, self.tls.config()))
        };
        let response = connections.request(request.map(Full::new)).await;
        response.map_err(|error| HttpError::Broken(last_of(&error)))
    }
}

impl Tls {
    fn config(&self) -> &Arc<ClientConfig> {
        self.config.get_or_init(|| {
            let mut roots = RootCertStore::empty();
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            let more = self.more_certificates.as_deref().unwrap_or_default();
            for certificate in CertificateDer::pem_slice_iter(more) {
                roots.add_parsable_certificates(certificate);
            }
            Arc::new(trusting(roots))
        })
    }
}

/// Whoever proves to be who they are by one of these certificates is trusted.
fn trusting(roots: RootCertStore) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows the versions of TLS")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// No connections yet.
fn connections(connector: &Connector, config: &Arc<ClientConfig>) -> Connections {
    let connector = HttpsConnector::from((connector.clone(), config.clone()));
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_timer(TokioTimer::new())
        .build(connector)
}

/// The body of an answer, piece by piece.
#[derive(Debug)]
pub struct HttpBody {
    body: Incoming,
    /// How long the next piece may take.
    patience: Duration,
}

impl HttpBody {
    pub(crate) fn new(body: Incoming, patience: Duration) -> HttpBody {
        HttpBody { body, patience }
    }

    /// The next piece; none at the end.
    ///
    /// # Errors
    /// Where it does not come in time, or the connection breaks before the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, HttpError> {
        loop {
            let frame = tokio::time::timeout(self.patience, self.body.frame()).await;
            let Some(frame) = frame.map_err(|_| HttpError::Late)? else { return Ok(None) };
            let frame = frame.map_err(|error| HttpError::Broken(last_of(&error)))?;
            // What is no data is a trailer, of which nothing is needed.
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
    }
}

pub(crate) async fn read(body: Incoming, bytes_max: usize) -> Result<Bytes, HttpError> {
    match Limited::new(body, bytes_max).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(HttpError::TooLong(bytes_max)),
        Err(error) => Err(HttpError::Broken(last_of(&*error))),
    }
}

impl HttpAnswer {
    /// The text of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The last of the errors that led to this one says most.
fn last_of(error: &dyn Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// What is not escaped: what RFC 3986 calls unreserved.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A part of a path or a query, with everything but letters, digits and `-._~` escaped.
pub fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// Names and values as a form: `application/x-www-form-urlencoded`.
pub fn form(pairs: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[cfg(test)]
mod tests;
