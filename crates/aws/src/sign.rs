//! Signatures of requests.
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use hyper::Request;
use hyper::body::Bytes;
use service_model::Signature;

/// What a request is signed for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
    pub(crate) signature: Signature,
}

/// Why a request cannot be signed.
#[derive(Debug, thiserror::Error)]
#[error("the request cannot be signed: {0}")]
pub(crate) struct Unsigned(String);

/// Adds the headers of a signature.
pub(crate) fn add_signature(
    request: &mut Request<Bytes>,
    credentials: &Credentials,
    scope: Scope<'_>,
    now: SystemTime,
) -> Result<(), Unsigned> {
    sign_request(request, credentials, scope, now, SigningSettings::default())
}

/// How long a signature in a URL is good for.
const URL_SIGNATURE: Duration = Duration::from_secs(60);

/// Adds a signature to the query of a request's URL.
pub(crate) fn add_signature_to_url(
    request: &mut Request<Bytes>,
    credentials: &Credentials,
    scope: Scope<'_>,
    now: SystemTime,
) -> Result<(), Unsigned> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(URL_SIGNATURE);
    sign_request(request, credentials, scope, now, settings)
}

fn sign_request(
    request: &mut Request<Bytes>,
    credentials: &Credentials,
    scope: Scope<'_>,
    now: SystemTime,
    mut settings: SigningSettings,
) -> Result<(), Unsigned> {
    if scope.signature == Signature::S3 {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let unsigned = |error: &dyn std::error::Error| Unsigned(error.to_string());
    let identity = credentials.clone().into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(scope.region)
        .name(scope.service)
        .time(now)
        .settings(settings)
        .build()
        .map_err(|error| unsigned(&error))?
        .into();
    let uri = request.uri().to_string();
    let headers: Vec<(String, String)> = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect();
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let body = SignableBody::Bytes(request.body());
    let signable = SignableRequest::new(request.method().as_str(), uri, headers, body)
        .map_err(|error| unsigned(&error))?;
    let (instructions, _) =
        sign(signable, &parameters).map_err(|error| unsigned(&error))?.into_parts();
    instructions.apply_to_request_http1x(request);
    Ok(())
}
