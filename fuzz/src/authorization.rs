//! What callers say of themselves: the header `Authorization`, the query of a presigned request,
//! and dates.

use std::str::from_utf8;

use http::request::Parts;
use jiff::Timestamp;
use signature::{Authorization, CredentialScope, Service, SignedRequest, SigningKeys};

use crate::seeds;

/// The secret of AWS's signing test vectors, and when they were signed.
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const SIGNED_AT: i64 = 1_440_938_160;
const SERVICE: Service<'_> = Service { names: &["service"], region: Some("us-east-1") };

/// What is said of a signature is read in one way, a key that is kept verifies as one that is not,
/// and what is taken was signed: with the method and the body of a seed, for nobody else has signed
/// anything, and not long ago.
pub fn authorization(data: &[u8]) {
    let Some((parts, body)) = request(data) else { return };
    let scope = CredentialScope::of(&parts);
    let Ok(authorization) = Authorization::of(&parts) else { return };
    assert_eq!(scope.as_ref(), Some(&authorization.scope), "one scope");
    let keys = SigningKeys::default();
    for seconds in [SIGNED_AT, SIGNED_AT + 3_000, SIGNED_AT + 1_000_000, 0] {
        let now = Timestamp::from_second(seconds).expect("in range");
        let request = SignedRequest { parts: &parts, body };
        let verified = keys.verify(request, &authorization, SECRET, SERVICE, now);
        assert_eq!(
            verified,
            keys.verify(request, &authorization, SECRET, SERVICE, now),
            "a key that is known verifies as one that is not"
        );
        if verified.is_ok() {
            let signed = (parts.method.as_str(), body);
            let is_known = |(method, body)| signed == (method, str::as_bytes(body));
            assert!(seeds::SIGNED.into_iter().any(is_known), "nobody has signed that");
            assert!((SIGNED_AT..=SIGNED_AT + 3_600).contains(&seconds), "it is not current");
        }
    }
}

/// `METHOD TARGET`, a line for each header, an empty line, and the body.
fn request(data: &[u8]) -> Option<(Parts, &[u8])> {
    let end = data.windows(2).position(|two| two == b"\n\n")?;
    let (head, body) = (&data[..end], &data[end + 2..]);
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = from_utf8(lines.next()?).ok()?;
    let (method, target) = first.split_once(' ')?;
    let mut request = http::Request::builder().method(method).uri(target);
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        request = request.header(&line[..colon], &line[colon + 1..]);
    }
    Some((request.body(()).ok()?.into_parts().0, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_among_the_seeds_are_taken() {
        let now = Timestamp::from_second(SIGNED_AT).expect("in range");
        let taken = |seed: &Vec<u8>| {
            let (parts, body) = request(seed).expect("a seed is a request");
            let Ok(authorization) = Authorization::of(&parts) else { return false };
            let request = SignedRequest { parts: &parts, body };
            let keys = SigningKeys::default();
            keys.verify(request, &authorization, SECRET, SERVICE, now).is_ok()
        };
        let taken: Vec<bool> = seeds::requests().iter().map(taken).collect();
        assert_eq!(taken, [true, true, true, true, false, false, false, false, false]);
    }
}
