//! Whether a signature is right.

use std::collections::HashMap;

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use ring::{digest, hmac};

use crate::authorization::ALGORITHM;
use crate::canonical::{canonical_request, push_hex};
use crate::{Authorization, CredentialScope, SignatureError, SignedRequest};

/// So far may the clock of a caller be from ours.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// So many signing keys are kept.
const KEYS_MAX: usize = 1_024;

/// What a request must be signed for.
#[derive(Clone, Copy, Debug)]
pub struct Service<'a> {
    /// The signing names that will do: the first is the right one.
    pub names: &'a [&'a str],
    /// The region, where only one will do.
    pub region: Option<&'a str>,
}

/// The signing keys of callers that were here today: a key is derived once a day.
#[derive(Debug, Default)]
pub struct SigningKeys {
    keys: Mutex<HashMap<CredentialScope, Derived>>,
}

/// A key, and the digest of the secret that it was derived from.
#[derive(Clone, Debug)]
struct Derived {
    secret: digest::Digest,
    key: hmac::Key,
}

impl SigningKeys {
    /// Verifies that the request was signed with that secret, for that service, now.
    ///
    /// # Errors
    /// [`SignatureError::Invalid`] where it was not.
    pub fn verify(
        &self,
        request: SignedRequest<'_>,
        authorization: &Authorization,
        secret: &str,
        service: Service<'_>,
        now: Timestamp,
    ) -> Result<(), SignatureError> {
        check_scope(&authorization.scope, service)?;
        let date = check_date(authorization, now)?;
        let text = string_to_sign(request, authorization, &date);
        let derived = self.key(&authorization.scope, secret);
        // In constant time, so that nobody can find a signature byte by byte.
        let signature = from_hex(&authorization.signature).unwrap_or_default();
        hmac::verify(&derived.key, &text, &signature).map_err(|_| {
            let message = "The request signature we calculated does not match the signature you \
                           provided. Check your AWS Secret Access Key and signing method. Consult \
                           the service documentation for details.";
            SignatureError::Invalid(message.to_owned())
        })?;
        self.keep(&authorization.scope, derived);
        Ok(())
    }

    fn key(&self, scope: &CredentialScope, secret: &str) -> Derived {
        let digest = digest::digest(&digest::SHA256, secret.as_bytes());
        let kept = self.keys.lock().get(scope).cloned();
        let kept = kept.filter(|derived| derived.secret.as_ref() == digest.as_ref());
        kept.unwrap_or_else(|| Derived { secret: digest, key: derived_key(scope, secret) })
    }

    /// Keeps the key of a signature that was right: nobody else can make others be forgotten.
    fn keep(&self, scope: &CredentialScope, derived: Derived) {
        let mut keys = self.keys.lock();
        let is_kept =
            keys.get(scope).is_some_and(|it| it.secret.as_ref() == derived.secret.as_ref());
        if is_kept {
            return;
        }
        if keys.len() >= KEYS_MAX {
            keys.clear();
        }
        keys.insert(scope.clone(), derived);
    }
}

pub(crate) fn derived_key(scope: &CredentialScope, secret: &str) -> hmac::Key {
    let key = |bytes: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, bytes);
    let first = key(format!("AWS4{secret}").as_bytes());
    [&*scope.date, &*scope.region, &*scope.service, "aws4_request"]
        .iter()
        .fold(first, |last, part| key(hmac::sign(&last, part.as_bytes()).as_ref()))
}

pub(crate) fn string_to_sign(
    request: SignedRequest<'_>,
    authorization: &Authorization,
    date: &str,
) -> Vec<u8> {
    let canonical = canonical_request(request, authorization);
    let scope = authorization.scope.text();
    let mut text = format!("{ALGORITHM}\n{date}\n{scope}\n").into_bytes();
    push_hex(digest::digest(&digest::SHA256, &canonical).as_ref(), &mut text);
    text
}

fn check_scope(scope: &CredentialScope, service: Service<'_>) -> Result<(), SignatureError> {
    if service.region.is_some_and(|region| region != scope.region) {
        let message = "Credential should be scoped to a valid region.".to_owned();
        return Err(SignatureError::Invalid(message));
    }
    if !service.names.contains(&&*scope.service) {
        let name = service.names.first().copied().unwrap_or_default();
        let message = format!("Credential should be scoped to correct service: '{name}'.");
        return Err(SignatureError::Invalid(message));
    }
    Ok(())
}

/// Checks that the request was signed not long ago, and gives its date in the form that is signed.
fn check_date(authorization: &Authorization, now: Timestamp) -> Result<String, SignatureError> {
    let given = &authorization.date;
    let signed = instant(given).ok_or_else(|| {
        let message = "Date must be in ISO-8601 'basic format'. Got a date that is not. See \
                       http://en.wikipedia.org/wiki/ISO_8601";
        SignatureError::Incomplete(message.to_owned())
    })?;
    let date = basic(signed);
    if date[..8] != authorization.scope.date {
        let message = format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from \
             HTTP: '{}' != '{}', from '{date}'.",
            authorization.scope.date.chars().take(16).collect::<String>(),
            &date[..8]
        );
        return Err(SignatureError::Invalid(message));
    }
    let now_text = basic(now);
    let latest = now.saturating_add(SKEW).unwrap_or(Timestamp::MAX);
    if signed > latest {
        let message = format!(
            "Signature not yet current: {date} is still later than {} ({now_text} + 5 min.)",
            basic(latest)
        );
        return Err(SignatureError::Invalid(message));
    }
    let (patience, words) = match authorization.presigned_seconds {
        None => (SKEW, "5 min.".to_owned()),
        Some(seconds) => (SignedDuration::from_secs(i64::from(seconds)), format!("{seconds} s.")),
    };
    let earliest = now.saturating_sub(patience).unwrap_or(Timestamp::MIN);
    if signed < earliest {
        let message = format!(
            "Signature expired: {date} is now earlier than {} ({now_text} - {words})",
            basic(earliest)
        );
        return Err(SignatureError::Invalid(message));
    }
    Ok(date)
}

/// The bytes of a signature, which is of lower case digits.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}

/// `20150830T123600Z`, or a date as in HTTP.
fn instant(text: &str) -> Option<Timestamp> {
    if text.len() > 64 {
        return None;
    }
    if let Ok(civil) = DateTime::strptime("%Y%m%dT%H%M%SZ", text) {
        return civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    }
    jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp())
}

fn basic(instant: Timestamp) -> String {
    instant.strftime("%Y%m%dT%H%M%SZ").to_string()
}
