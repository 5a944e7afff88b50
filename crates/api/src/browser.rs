//! Protection against web pages: which requests a browser may send, and the headers that tell a
//! browser what it may do with an answer.
//!
//! A page of another origin must not use a server on the reader's machine, whether by a form post
//! (cross-site request forgery) or under a name that was made to resolve to it (DNS rebinding).
//! The `aws` command and the AWS SDKs send no `Origin` header and are not affected, whatever their
//! `Host` header is.

use std::net::{IpAddr, Ipv6Addr};

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{Method, Uri};

use crate::router::Response;

/// Why a request is refused, for the message to the client.
const REFUSAL: &str = "A web page of another origin may not use this server.";

/// Refuses a request that a page of another origin sent.
///
/// Browsers add `Origin` to each `POST`. It must name this server as the `Host` header does, and
/// by an IP address, `localhost` or a name below `.localhost`: any other name can be made to
/// resolve to this server. `Sec-Fetch-Site` is looked at as well, since pages cannot set it.
///
/// # Errors
/// The message for the client.
pub(crate) fn check(parts: &Parts) -> Result<(), &'static str> {
    let mut origins = parts.headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else {
        let changes = parts.method != Method::GET && parts.method != Method::HEAD;
        return if changes && is_from_another_site(&parts.headers) { Err(REFUSAL) } else { Ok(()) };
    };
    let is_own = origins.next().is_none()
        && !is_from_another_site(&parts.headers)
        && host(parts).is_some_and(|host| is_origin_of(origin, host));
    if is_own { Ok(()) } else { Err(REFUSAL) }
}

/// Whether the browser says that a page of another site or origin caused the request
/// (<https://www.w3.org/TR/fetch-metadata/>).
fn is_from_another_site(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    matches!(site, Some(b"cross-site" | b"same-site"))
}

/// The host and port that the request was sent to: of the URI in HTTP/2, else of `Host`.
fn host(parts: &Parts) -> Option<&str> {
    let of_uri = parts.uri.authority().map(Authority::as_str);
    of_uri.or_else(|| parts.headers.get(header::HOST)?.to_str().ok())
}

fn is_origin_of(origin: &HeaderValue, host: &str) -> bool {
    let origin = origin.to_str().ok().and_then(|text| text.parse::<Uri>().ok());
    let Some(origin) = origin else { return false };
    let Some(authority) = origin.authority() else { return false };
    matches!(origin.scheme_str(), Some("http" | "https"))
        && authority.as_str().eq_ignore_ascii_case(host)
        && cannot_be_rebound(authority.host())
}

/// Whether a host is an IP address or a name that always means this machine (RFC 6761).
fn cannot_be_rebound(host: &str) -> bool {
    let in_brackets = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(address) = in_brackets {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let name = host.to_ascii_lowercase();
    host.parse::<IpAddr>().is_ok() || name == "localhost" || name.ends_with(".localhost")
}

/// What every answer tells a browser: it is no script or style whatever its content, no page of
/// another origin may embed it, and it is not kept.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// For how long, in seconds, a browser must use TLS for this host once it has seen it.
const STRICT_TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Adds the headers that every answer carries.
pub(crate) fn add_headers(response: &mut Response, is_tls: bool) {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    if is_tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `POST` with these headers. An empty value stands for an absent header.
    fn is_served(host: &str, origin: &str, site: &str) -> bool {
        let mut request = hyper::Request::post("/");
        for (name, value) in [("host", host), ("origin", origin), ("sec-fetch-site", site)] {
            if !value.is_empty() {
                request = request.header(name, value);
            }
        }
        check(&request.body(()).expect("valid").into_parts().0).is_ok()
    }

    #[test]
    fn clients_that_are_no_browsers_may_use_any_host() {
        for host in ["127.0.0.1:8083", "states.us-east-1.amazonaws.com", "stairwell.example", ""] {
            assert!(is_served(host, "", ""), "{host}");
        }
    }

    #[test]
    fn pages_of_the_server_itself_are_served() {
        for host in [
            "127.0.0.1:8083",
            "[::1]:8083",
            "localhost:8083",
            "LOCALHOST:8083",
            "stairwell.localhost:8083",
            "10.1.2.3",
        ] {
            assert!(is_served(host, &format!("http://{host}"), ""), "{host}");
            assert!(is_served(host, &format!("https://{host}"), "same-origin"), "{host}");
        }
    }

    #[test]
    fn pages_of_other_origins_are_refused() {
        for (host, origin) in [
            ("127.0.0.1:8083", "https://evil.example"),
            ("127.0.0.1:8083", "http://127.0.0.1:9000"),
            ("127.0.0.1:8083", "http://127.0.0.1"),
            ("127.0.0.1:8083", "http://localhost:8083"),
            ("127.0.0.1:8083", "null"),
            ("127.0.0.1:8083", "file://"),
            ("127.0.0.1:8083", "ftp://127.0.0.1:8083"),
            ("127.0.0.1:8083", "127.0.0.1:8083"),
            ("127.0.0.1:8083", "http://user@127.0.0.1:8083"),
            ("rebind.evil.example:8083", "http://rebind.evil.example:8083"),
            ("127.0.0.1.evil.example", "http://127.0.0.1.evil.example"),
            ("localhost.evil.example", "http://localhost.evil.example"),
            ("", "http://127.0.0.1:8083"),
        ] {
            assert!(!is_served(host, origin, ""), "{host} {origin}");
        }
    }

    #[test]
    fn the_browser_is_believed_where_it_names_another_site() {
        for site in ["cross-site", "same-site"] {
            assert!(!is_served("127.0.0.1:8083", "", site), "{site}");
            assert!(!is_served("127.0.0.1:8083", "http://127.0.0.1:8083", site), "{site}");
        }
        for site in ["same-origin", "none"] {
            assert!(is_served("127.0.0.1:8083", "", site), "{site}");
        }
    }

    #[test]
    fn one_origin_at_most_is_believed() {
        let request = hyper::Request::post("/")
            .header("host", "127.0.0.1")
            .header("origin", "http://127.0.0.1")
            .header("origin", "http://evil.example");
        assert!(check(&request.body(()).expect("valid").into_parts().0).is_err());
    }

    #[test]
    fn the_address_of_the_request_counts_in_http_2() {
        let request = hyper::Request::post("http://rebind.example:8083/")
            .header("host", "127.0.0.1:8083")
            .header("origin", "http://127.0.0.1:8083");
        assert!(check(&request.body(()).expect("valid").into_parts().0).is_err());
    }
}
