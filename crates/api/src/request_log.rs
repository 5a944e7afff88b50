//! What the log tells of requests: of each at the level `debug`, and of each that failed by no
//! fault of its client at the level `error`.

use hyper::Request;
use hyper::http::header::HeaderName;

use crate::facts::Peer;
use crate::request_id::RequestId;
use crate::router::Response;

/// Why an answer is a 5xx: an extension of the response.
#[derive(Clone, Debug)]
pub(crate) struct Cause(pub(crate) String);

/// What is told of a request when it is answered.
pub(crate) struct RequestLog {
    id: RequestId,
    peer: Peer,
    /// Its first line and its operation; none where nobody wants to know.
    what: Option<String>,
}

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

impl RequestLog {
    pub(crate) fn new<B>(id: RequestId, peer: Peer, request: &Request<B>) -> RequestLog {
        let what = tracing::enabled!(tracing::Level::DEBUG).then(|| {
            let target = request.headers().get(TARGET).and_then(|target| target.to_str().ok());
            let (method, path) = (request.method(), request.uri().path());
            format!("{method} {path} {}", target.unwrap_or_default())
        });
        RequestLog { id, peer, what }
    }

    pub(crate) fn answered(self, response: &Response) {
        let RequestLog { id, peer, what } = self;
        let status = response.status().as_u16();
        let code = response.headers().get("x-amzn-errortype").and_then(|it| it.to_str().ok());
        if let Some(Cause(cause)) = response.extensions().get() {
            tracing::error!(request_id = %id, status, code, cause, "a request failed");
        }
        if let Some(what) = what {
            let (peer, request) = (peer.address.to_canonical(), what.trim_end());
            tracing::debug!(request_id = %id, %peer, request, status, code, "answered");
        }
    }
}
