//! Where services are, and requests to them.

use std::error::Error;
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::http::request::Builder;
use hyper::{HeaderMap, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Where a service is.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Without a slash at the end.
    url: String,
}

/// Why a text is no endpoint.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EndpointError {
    /// It is none.
    #[error("'{0}' is not a URL such as http://127.0.0.1:9001")]
    NotAUrl(String),
    /// It asks for TLS.
    #[error("'{0}': this version of Stairwell does not speak https to services; use http")]
    Https(String),
}

impl Endpoint {
    /// The endpoint of that URL, such as `http://127.0.0.1:9001`.
    ///
    /// # Errors
    /// Where it is no URL with a host, or not of the scheme `http`.
    pub fn parse(text: &str) -> Result<Endpoint, EndpointError> {
        let not_a_url = || EndpointError::NotAUrl(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| not_a_url())?;
        match uri.scheme_str() {
            Some("http") if uri.host().is_some_and(|host| !host.is_empty()) => {}
            Some("https") => return Err(EndpointError::Https(text.to_owned())),
            _ => return Err(not_a_url()),
        }
        if uri.query().is_some() {
            return Err(not_a_url());
        }
        Ok(Endpoint { url: text.trim_end_matches('/').to_owned() })
    }

    /// The URL of a path, which begins with a slash, at this endpoint.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

/// What calls over HTTP, with its connections.
#[derive(Clone, Debug)]
pub(crate) struct HttpClient {
    client: Client<HttpConnector, Full<Bytes>>,
    /// How long an answer may take.
    patience: Duration,
    /// How long an answer may be.
    body_bytes_max: usize,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    /// No connection, or none that lasted.
    #[error("{0}")]
    Broken(String),
    /// It took too long.
    #[error("Read timed out")]
    Late,
    /// The answer was too long to be read.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

impl HttpClient {
    pub(crate) fn new(patience: Duration, body_bytes_max: usize) -> HttpClient {
        let client = Client::builder(TokioExecutor::new()).build_http();
        HttpClient { client, patience, body_bytes_max }
    }

    /// Sends a request, and reads the whole answer.
    pub(crate) async fn send(&self, request: Builder, body: String) -> Result<Answer, Unanswered> {
        let answer = tokio::time::timeout(self.patience, self.send_patiently(request, body));
        answer.await.map_err(|_| Unanswered::Late)?
    }

    async fn send_patiently(&self, request: Builder, body: String) -> Result<Answer, Unanswered> {
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| Unanswered::Broken(error.to_string()))?;
        let response = self
            .client
            .request(request)
            .await
            .map_err(|error| Unanswered::Broken(chain(&error)))?;
        let (parts, body) = response.into_parts();
        let body = match Limited::new(body, self.body_bytes_max).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Err(Unanswered::TooLong(self.body_bytes_max));
            }
            Err(error) => return Err(Unanswered::Broken(chain(&*error))),
        };
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }
}

impl Answer {
    /// The text of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The last of the errors that led to this one says most.
fn chain(error: &dyn Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// A part of a path, with everything but letters, digits and `-._~` escaped.
pub(crate) fn escaped(text: &str) -> String {
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
    fn an_endpoint_is_a_url_without_tls() {
        for (text, expected) in [
            ("http://127.0.0.1:9001", Ok("http://127.0.0.1:9001/p")),
            ("http://lambda.local/", Ok("http://lambda.local/p")),
            ("http://proxy/lambda", Ok("http://proxy/lambda/p")),
            ("https://lambda.us-east-1.amazonaws.com", Err("does not speak https")),
            ("127.0.0.1:9001", Err("is not a URL")),
            ("http://host/?a=b", Err("is not a URL")),
            ("ftp://host", Err("is not a URL")),
            ("", Err("is not a URL")),
        ] {
            match (Endpoint::parse(text), expected) {
                (Ok(endpoint), Ok(url)) => assert_eq!(endpoint.at("/p"), url),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (parsed, _) => panic!("{text}: {parsed:?}"),
            }
        }
    }

    #[test]
    fn paths_are_escaped() {
        assert_eq!(
            escaped("arn:aws:lambda/ü $a-b_c.~"),
            "arn%3Aaws%3Alambda%2F%C3%BC%20%24a-b_c.~"
        );
    }
}
