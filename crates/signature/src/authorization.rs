//! What a request says of its signature: in the header `Authorization`, or in its query.

use std::borrow::Cow;

use http::request::Parts;

use crate::SignatureError;
use crate::canonical::query_pairs;

/// The only algorithm.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// `AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CredentialScope {
    /// The access key.
    pub access_key: String,
    /// Eight digits.
    pub date: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// The service's signing name, such as `states`.
    pub service: String,
}

/// What a request says of its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// By whom, and what for.
    pub scope: CredentialScope,
    /// `X-Amz-Security-Token`, of those who have assumed a role.
    pub session_token: Option<String>,
    /// As it was given: `20150830T123600Z`.
    pub(crate) date: String,
    /// Names in lower case, in order.
    pub(crate) signed_headers: Vec<String>,
    /// In hexadecimal digits.
    pub(crate) signature: String,
    /// In the query, and for so many seconds.
    pub(crate) presigned_seconds: Option<u32>,
}

/// A query is good for a quarter of an hour where it does not say.
const PRESIGNED_SECONDS: u32 = 900;
/// And for a week at most.
const PRESIGNED_SECONDS_MAX: u32 = 604_800;

impl CredentialScope {
    /// The scope of a request, signed or not: nothing is checked but its form.
    pub fn of(parts: &Parts) -> Option<CredentialScope> {
        if let Some(header) = authorization_header(parts) {
            let (_, fields) = header.split_once(' ')?;
            return parameter(fields, "Credential").and_then(CredentialScope::parse);
        }
        let pairs = query_pairs(parts.uri.query()?);
        let credential = pairs.iter().find(|(name, _)| *name == "X-Amz-Credential")?;
        CredentialScope::parse(&credential.1)
    }

    fn parse(text: &str) -> Option<CredentialScope> {
        // An access key may hold slashes; the rest does not.
        let mut fields = text.rsplitn(5, '/');
        let (term, service, region) = (fields.next()?, fields.next()?, fields.next()?);
        let (date, access_key) = (fields.next()?, fields.next()?);
        (term == "aws4_request" && !access_key.is_empty()).then(|| CredentialScope {
            access_key: access_key.to_owned(),
            date: date.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
        })
    }

    /// `20150830/us-east-1/iam/aws4_request`
    pub(crate) fn text(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.date, self.region, self.service)
    }
}

fn authorization_header(parts: &Parts) -> Option<Cow<'_, str>> {
    let header = parts.headers.get(http::header::AUTHORIZATION)?;
    Some(String::from_utf8_lossy(header.as_bytes()))
}

/// The value of `name=value, name=value`.
fn parameter<'a>(fields: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = fields.split([',', ' ']).map(str::trim).filter(|field| !field.is_empty());
    fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
}

impl Authorization {
    /// Reads what a request says.
    ///
    /// # Errors
    /// [`SignatureError::Missing`] where it is not signed, [`SignatureError::Incomplete`] where it
    /// is badly.
    pub fn of(parts: &Parts) -> Result<Authorization, SignatureError> {
        if let Some(header) = authorization_header(parts) {
            return of_header(parts, &header);
        }
        let pairs = query_pairs(parts.uri.query().unwrap_or_default());
        let signs = |(name, _): &(Cow<'_, str>, Cow<'_, str>)| {
            ["X-Amz-Algorithm", "X-Amz-Signature", "X-Amz-Credential"].contains(&&**name)
        };
        if pairs.iter().any(signs) { of_query(&pairs, parts) } else { Err(SignatureError::Missing) }
    }
}

fn of_header(parts: &Parts, header: &str) -> Result<Authorization, SignatureError> {
    let (algorithm, fields) = header.split_once(' ').unwrap_or((header, ""));
    check_algorithm(algorithm)?;
    let [credential, signature, signed_headers] =
        ["Credential", "Signature", "SignedHeaders"].map(|name| (name, parameter(fields, name)));
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let date = text("x-amz-date").or_else(|| text("date"));
    let mut lacks = String::new();
    for (name, value) in [credential, signature, signed_headers] {
        if value.is_none() {
            lacks.push_str(&format!("Authorization header requires '{name}' parameter. "));
        }
    }
    if date.is_none() {
        lacks.push_str(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
        );
    }
    let (Some(credential), Some(signature), Some(signed_headers), Some(date)) =
        (credential.1, signature.1, signed_headers.1, date)
    else {
        let message = format!("{lacks}Authorization={algorithm}");
        return Err(SignatureError::Incomplete(message));
    };
    Ok(Authorization {
        scope: scope(credential)?,
        session_token: text("x-amz-security-token").map(str::to_owned),
        date: date.to_owned(),
        signed_headers: names(signed_headers, parts)?,
        signature: signature.to_owned(),
        presigned_seconds: None,
    })
}

fn of_query(
    pairs: &[(Cow<'_, str>, Cow<'_, str>)],
    parts: &Parts,
) -> Result<Authorization, SignatureError> {
    let value =
        |wanted: &str| pairs.iter().find(|(name, _)| *name == wanted).map(|(_, value)| &**value);
    let required = |name: &str| {
        value(name).ok_or_else(|| {
            let message = format!(
                "AWS query-string parameters must include '{name}'. Re-examine the query-string \
                 parameters."
            );
            SignatureError::Incomplete(message)
        })
    };
    check_algorithm(required("X-Amz-Algorithm")?)?;
    let seconds = match value("X-Amz-Expires") {
        None => PRESIGNED_SECONDS,
        Some(text) => {
            let seconds = text.parse().ok().filter(|it| (1..=PRESIGNED_SECONDS_MAX).contains(it));
            seconds.ok_or_else(|| {
                let message = format!(
                    "X-Amz-Expires must be a number of seconds from 1 to {PRESIGNED_SECONDS_MAX}"
                );
                SignatureError::Incomplete(message)
            })?
        }
    };
    Ok(Authorization {
        scope: scope(required("X-Amz-Credential")?)?,
        session_token: value("X-Amz-Security-Token").map(str::to_owned),
        date: required("X-Amz-Date")?.to_owned(),
        signed_headers: names(required("X-Amz-SignedHeaders")?, parts)?,
        signature: required("X-Amz-Signature")?.to_owned(),
        presigned_seconds: Some(seconds),
    })
}

fn check_algorithm(algorithm: &str) -> Result<(), SignatureError> {
    if algorithm == ALGORITHM {
        return Ok(());
    }
    let message = format!("Unsupported AWS 'algorithm': '{}'.", shortened(algorithm));
    Err(SignatureError::Incomplete(message))
}

fn scope(credential: &str) -> Result<CredentialScope, SignatureError> {
    CredentialScope::parse(credential).ok_or_else(|| {
        let message = format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. \
             keyid/date/region/service/term, got '{}'",
            shortened(credential)
        );
        SignatureError::Incomplete(message)
    })
}

/// The names of what is signed: the host, and every header of AWS's that was sent, since these
/// decide what the request means. `x-amz-user-agent` decides nothing, and SDKs leave it out of
/// presigned requests.
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.
fn names(signed_headers: &str, parts: &Parts) -> Result<Vec<String>, SignatureError> {
    let names: Vec<String> = signed_headers.split(';').map(str::to_ascii_lowercase).collect();
    if !names.iter().any(|name| name == "host" || name == ":authority") {
        let message =
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned();
        return Err(SignatureError::Invalid(message));
    }
    let is_unsigned = |name: &str| {
        let matters = name.starts_with("x-amz-") && name != "x-amz-user-agent";
        matters && !names.iter().any(|signed| signed == name)
    };
    let mut sent: Vec<&str> = parts.headers.keys().map(http::HeaderName::as_str).collect();
    sent.retain(|name| is_unsigned(name));
    if sent.is_empty() {
        return Ok(names);
    }
    let message = format!(
        "There were headers present in the request which were not signed: {}",
        sent.join(", ")
    );
    Err(SignatureError::Invalid(message))
}

/// What comes from outside is not repeated at any length.
fn shortened(text: &str) -> String {
    text.chars().take(128).collect()
}
