//! The id of a request: in the header `x-amzn-requestid` of its answer, in the log, in the audit.

use std::fmt;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use uuid::Uuid;

const HEADER: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// An extension of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(Uuid);

impl RequestId {
    pub(crate) fn new() -> RequestId {
        RequestId(Uuid::new_v4())
    }

    pub(crate) fn of(parts: &Parts) -> RequestId {
        *parts.extensions.get().expect("the server gives each request an id")
    }

    pub(crate) fn add_to(self, headers: &mut HeaderMap) {
        let text = HeaderValue::try_from(self.to_string()).expect("a UUID is printable");
        headers.insert(HEADER, text);
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.as_hyphenated(), formatter)
    }
}
