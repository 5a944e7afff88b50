//! What is signed: a request in its canonical form.

use std::borrow::Cow;

use http::request::Parts;
use ring::digest;

use crate::Authorization;

/// A request that is to be verified.
#[derive(Clone, Copy, Debug)]
pub struct SignedRequest<'a> {
    /// Its head.
    pub parts: &'a Parts,
    /// Its body.
    pub body: &'a [u8],
}

/// The canonical form of a request: the text whose hash is signed.
pub(crate) fn canonical_request(
    request: SignedRequest<'_>,
    authorization: &Authorization,
) -> Vec<u8> {
    let parts = request.parts;
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(parts.method.as_str().as_bytes());
    out.push(b'\n');
    out.extend_from_slice(canonical_path(parts.uri.path()).as_bytes());
    out.push(b'\n');
    let is_presigned = authorization.presigned_seconds.is_some();
    let query = parts.uri.query().unwrap_or_default();
    out.extend_from_slice(canonical_query(query, is_presigned).as_bytes());
    out.push(b'\n');
    for name in &authorization.signed_headers {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        canonical_value(parts, name, &mut out);
        out.push(b'\n');
    }
    out.push(b'\n');
    out.extend_from_slice(authorization.signed_headers.join(";").as_bytes());
    out.push(b'\n');
    push_hex(digest::digest(&digest::SHA256, request.body).as_ref(), &mut out);
    out
}

/// The values of a header: one after the other, white space made one space.
fn canonical_value(parts: &Parts, name: &str, out: &mut Vec<u8>) {
    let start = out.len();
    for value in parts.headers.get_all(name) {
        if out.len() > start {
            out.push(b',');
        }
        let words = value.as_bytes().split(u8::is_ascii_whitespace);
        for (index, word) in words.filter(|word| !word.is_empty()).enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            out.extend_from_slice(word);
        }
    }
    // In HTTP/2 the host is no header.
    let is_host = name == "host" || name == ":authority";
    if out.len() == start && is_host && !parts.headers.contains_key("host") {
        let authority = parts.uri.authority().map_or("", |authority| authority.as_str());
        out.extend_from_slice(authority.as_bytes());
    }
}

/// The path without `.`, `..` and empty parts, escaped once more than it was sent.
fn canonical_path(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(kept.pop()),
            part => kept.push(part),
        }
    }
    let mut canonical = String::with_capacity(path.len() + 1);
    for part in &kept {
        canonical.push('/');
        push_escaped(part.as_bytes(), &mut canonical);
    }
    if canonical.is_empty() || path.ends_with('/') || path.ends_with("/.") {
        canonical.push('/');
    }
    canonical
}

/// The pairs of a query as they stand in it.
pub(crate) fn query_pairs(query: &str) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

fn canonical_query(query: &str, is_presigned: bool) -> String {
    if query.is_empty() {
        return String::new();
    }
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<(String, String)> = pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (escaped(&decoded_bytes(name)), escaped(&decoded_bytes(value)))
        })
        .filter(|(name, _)| !(is_presigned && name == "X-Amz-Signature"))
        .collect();
    pairs.sort();
    let pairs: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

fn escaped(bytes: &[u8]) -> String {
    let mut escaped = String::with_capacity(bytes.len());
    push_escaped(bytes, &mut escaped);
    escaped
}

fn push_escaped(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// The text with its escapes undone; what is no escape stays.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(String::from_utf8_lossy(&decoded_bytes(text)).into_owned())
}

fn decoded_bytes(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let digits = bytes.get(index + 1..index + 3).filter(|_| bytes[index] == b'%');
        let byte = digits
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        decoded.push(byte.unwrap_or(bytes[index]));
        index += if byte.is_some() { 3 } else { 1 };
    }
    decoded
}

pub(crate) fn push_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_plain() {
        for (path, canonical) in [
            ("/", "/"),
            ("", "/"),
            ("//", "/"),
            ("/example space/", "/example%20space/"),
            ("/example%20space", "/example%2520space"),
            ("/a/./b/../c", "/a/c"),
            ("/../..", "/"),
            ("/a/.", "/a/"),
        ] {
            assert_eq!(canonical_path(path), canonical, "{path}");
        }
    }
}
