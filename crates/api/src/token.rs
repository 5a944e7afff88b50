//! Pagination tokens: opaque to clients, and good for one listing only.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use engine::Timestamp;
use sha2::{Digest, Sha256};
use store::Scope;

use crate::error::{ApiError, ErrorCode};

/// How long a token is good for: 24 hours.
const LIFETIME_MILLISECONDS: u64 = 24 * 60 * 60 * 1_000;
const ISSUED_BYTES: usize = 8;
const SEAL_BYTES: usize = 16;

/// What a token is for: the arguments that must not change from page to page. The page size may.
#[derive(Debug)]
pub(crate) struct Listing<'a> {
    pub(crate) operation: &'static str,
    pub(crate) scope: &'a Scope,
    pub(crate) arguments: &'a [&'a str],
}

impl Listing<'_> {
    /// A token that leads on from the cursor.
    pub(crate) fn token(&self, now: Timestamp, cursor: &[u8]) -> String {
        let issued = now.0.to_be_bytes();
        let seal = self.seal(&issued, cursor);
        BASE64_URL_SAFE_NO_PAD.encode([&seal[..], &issued, cursor].concat())
    }

    /// The cursor in a token that [`Listing::token`] gave, as `read` reads it.
    ///
    /// # Errors
    /// `InvalidToken` where it is none, is for something else, or is too old.
    pub(crate) fn cursor<T>(
        &self,
        now: Timestamp,
        token: &str,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<T, ApiError> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
        let (seal, rest) = bytes.split_at_checked(SEAL_BYTES).ok_or_else(invalid)?;
        let (issued, cursor) = rest.split_at_checked(ISSUED_BYTES).ok_or_else(invalid)?;
        if seal != self.seal(issued, cursor) {
            return Err(invalid());
        }
        let issued = i64::from_be_bytes(issued.try_into().expect("split at the right length"));
        if now > Timestamp(issued).plus_milliseconds(LIFETIME_MILLISECONDS) {
            return Err(invalid());
        }
        read(cursor).ok_or_else(invalid)
    }

    /// Ties the token to its listing. Not a secret: whoever makes up a token sees no more than the
    /// listing would show.
    fn seal(&self, issued: &[u8], cursor: &[u8]) -> [u8; SEAL_BYTES] {
        let mut digest = Sha256::new();
        let parts = [self.operation, &self.scope.account, &self.scope.region];
        let parts = parts.into_iter().chain(self.arguments.iter().copied()).map(str::as_bytes);
        for part in parts.chain([issued, cursor]) {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let digest = digest.finalize();
        *digest.first_chunk().expect("SHA-256 has 32 bytes")
    }
}

/// Reads the cursor of listings by name.
pub(crate) fn read_name(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

/// Reads the cursor of listings by number.
pub(crate) fn read_number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

/// Of a token that is none of ours, or not for this.
pub(crate) fn invalid() -> ApiError {
    ApiError::new(ErrorCode::InvalidToken, "Invalid Token: 'Invalid token'")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn cursor(listing: &Listing<'_>, now: Timestamp, token: &str) -> Result<Vec<u8>, ApiError> {
        listing.cursor(now, token, |bytes| Some(bytes.to_vec()))
    }

    fn scope(region: &str) -> Scope {
        Scope { account: "123456789012".into(), region: region.into() }
    }

    #[test]
    fn a_token_leads_back_to_its_cursor_for_a_day() {
        let scope = scope("us-east-1");
        let listing = Listing { operation: "ListExecutions", scope: &scope, arguments: &["a"] };
        for place in [&b""[..], b"cursor", &[0xFF; 320]] {
            let token = listing.token(NOW, place);
            assert!(token.len() <= 1_024, "longer than a PageToken may be");
            let last_moment = NOW.plus_milliseconds(LIFETIME_MILLISECONDS);
            assert_eq!(cursor(&listing, last_moment, &token).as_deref(), Ok(place));
            let too_late = last_moment.plus_milliseconds(1);
            assert_eq!(cursor(&listing, too_late, &token), Err(invalid()));
        }
    }

    #[test]
    fn a_token_is_good_for_its_own_listing_only() {
        let here = scope("us-east-1");
        let there = scope("eu-west-1");
        let listing = Listing { operation: "ListExecutions", scope: &here, arguments: &["a", "b"] };
        let token = listing.token(NOW, b"cursor");
        for other in [
            Listing { operation: "ListActivities", scope: &here, arguments: &["a", "b"] },
            Listing { operation: "ListExecutions", scope: &there, arguments: &["a", "b"] },
            Listing { operation: "ListExecutions", scope: &here, arguments: &["ab", ""] },
            Listing { operation: "ListExecutions", scope: &here, arguments: &["a"] },
        ] {
            assert_eq!(cursor(&other, NOW, &token), Err(invalid()), "{other:?}");
        }
    }

    #[test]
    fn a_token_that_was_touched_is_refused() {
        let scope = scope("us-east-1");
        let listing = Listing { operation: "ListExecutions", scope: &scope, arguments: &[] };
        let token = listing.token(NOW, b"cursor");
        for bad in ["", "x", "!", &token[1..], &format!("{token}AA"), &token.to_lowercase()] {
            assert_eq!(cursor(&listing, NOW, bad), Err(invalid()), "{bad}");
        }
    }
}
