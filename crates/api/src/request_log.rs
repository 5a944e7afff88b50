//! What the log tells of requests: of each at the level `debug`, and of those that failed by no
//! fault of their client at the level `error`, each cause once in ten seconds: strangers who are
//! refused, or a full disk, would fill the log otherwise.

use std::time::{Duration, Instant};

use hyper::Request;
use hyper::http::header::HeaderName;

use parking_lot::Mutex;

use crate::facts::Peer;
use crate::request_id::RequestId;
use crate::router::Response;

/// Why an answer is a 5xx: an extension of the response.
#[derive(Clone, Debug)]
pub(crate) struct Cause(pub(crate) String);

/// How long a cause is not told again.
const QUIET: Duration = Duration::from_secs(10);

/// How many causes are remembered. Where there are more, the one that was told first is forgotten.
const CAUSES_MAX: usize = 64;

/// The causes of failed requests that were told of late.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<Vec<Failure>>);

#[derive(Debug)]
struct Failure {
    cause: String,
    told: Instant,
    /// Requests that failed by it since it was told.
    untold: u64,
}

impl Failures {
    /// Whether the failure is to be told now; then with how many of that cause were not.
    fn note(&self, cause: &str, now: Instant) -> Option<u64> {
        let mut failures = self.0.lock();
        if let Some(failure) = failures.iter_mut().find(|failure| failure.cause == cause) {
            if now.duration_since(failure.told) < QUIET {
                failure.untold += 1;
                return None;
            }
            failure.told = now;
            return Some(std::mem::take(&mut failure.untold));
        }
        if failures.len() == CAUSES_MAX {
            let oldest = (0..failures.len()).min_by_key(|place| failures[*place].told);
            failures.swap_remove(oldest.expect("it is full"));
        }
        failures.push(Failure { cause: cause.to_owned(), told: now, untold: 0 });
        Some(0)
    }
}

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

    pub(crate) fn answered(self, response: &Response, failures: &Failures) {
        let RequestLog { id, peer, what } = self;
        let status = response.status().as_u16();
        let code = response.headers().get("x-amzn-errortype").and_then(|it| it.to_str().ok());
        if let Some(Cause(cause)) = response.extensions().get()
            && let Some(untold) = failures.note(cause, Instant::now())
        {
            tracing::error!(request_id = %id, status, code, cause, untold, "a request failed");
        }
        if let Some(what) = what {
            let (peer, request) = (peer.address.to_canonical(), what.trim_end());
            tracing::debug!(request_id = %id, %peer, request, status, code, "answered");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once_in_a_while_with_how_many_were_not() {
        let (failures, begin) = (Failures::default(), Instant::now());
        assert_eq!(failures.note("a full disk", begin), Some(0));
        for _ in 0..1_000 {
            assert_eq!(failures.note("a full disk", begin + QUIET / 2), None);
        }
        assert_eq!(failures.note("another", begin + QUIET / 2), Some(0));
        assert_eq!(failures.note("a full disk", begin + QUIET), Some(1_000));
        assert_eq!(failures.note("a full disk", begin + QUIET), None);
    }

    #[test]
    fn causes_without_number_take_no_memory() {
        let (failures, begin) = (Failures::default(), Instant::now());
        for number in 0..10_000 {
            let now = begin + Duration::from_millis(number);
            assert_eq!(failures.note(&number.to_string(), now), Some(0));
        }
        assert_eq!(failures.0.lock().len(), CAUSES_MAX);
    }
}
