//! HTTP requests, plain or over TLS, and their answers.

use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::http::uri::Scheme;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// How long it may take until there is a connection.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection waits for its next request.
const IDLE: Duration = Duration::from_secs(20);

/// What sends requests, with its connections. Clones share them.
#[derive(Clone, Debug)]
pub struct HttpClient {
    plain: Connections,
    /// Made when the first request asks for it: the certificates that a system trusts take
    /// milliseconds to read and megabytes to keep, and a server may never need them.
    secure: Arc<OnceLock<Connections>>,
    more_certificates: Option<Arc<[u8]>>,
}

type Connections = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

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

impl HttpClient {
    /// A client that trusts the certificates that the system trusts, or those of the file that
    /// `SSL_CERT_FILE` names, and those of `more_certificates`, in PEM.
    pub fn new(more_certificates: Option<&[u8]>) -> HttpClient {
        HttpClient {
            plain: connections(RootCertStore::empty()),
            secure: Arc::default(),
            more_certificates: more_certificates.map(Arc::from),
        }
    }

    /// A client that trusts these certificates, in PEM, and no others; none where there are none.
    pub fn trusting_only(certificates: &[u8]) -> Option<HttpClient> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(certificates) {
            roots.add_parsable_certificates(certificate);
        }
        if roots.is_empty() {
            return None;
        }
        let client = HttpClient::new(None);
        // It has none yet.
        let _ = client.secure.set(connections(roots));
        Some(client)
    }

    fn secure(&self) -> &Connections {
        self.secure.get_or_init(|| {
            let mut roots = RootCertStore::empty();
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            let more = self.more_certificates.as_deref().unwrap_or_default();
            for certificate in CertificateDer::pem_slice_iter(more) {
                roots.add_parsable_certificates(certificate);
            }
            connections(roots)
        })
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
        request: Request<Bytes>,
    ) -> Result<Response<Incoming>, HttpError> {
        let is_plain = request.uri().scheme() == Some(&Scheme::HTTP);
        let connections = if is_plain { &self.plain } else { self.secure() };
        let response = connections.request(request.map(Full::new)).await;
        response.map_err(|error| HttpError::Broken(last_of(&error)))
    }
}

/// No connections yet, to whoever proves to be who they are by one of these certificates.
fn connections(roots: RootCertStore) -> Connections {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows the versions of TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(CONNECT_PATIENCE));
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
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

/// A part of a path or a query, with everything but letters, digits and `-._~` escaped.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_paths_are_escaped() {
        assert_eq!(escaped("arn:aws:a/b c~é"), "arn%3Aaws%3Aa%2Fb%20c~%C3%A9");
    }
}
