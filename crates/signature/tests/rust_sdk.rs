//! Requests as AWS's SDK for Rust sends them, signed by the crate that it signs with.
//!
//! Not the SDK itself, whose client of Step Functions takes longer to compile than all of Stairwell:
//! a request with the headers that the SDK gives it, and `aws-sigv4` with the settings that the SDK
//! makes for services other than S3, which are that crate's own.

#![allow(clippy::unwrap_used)] // a test that cannot go on may panic

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use http::Request;
use http::request::Parts;
use jiff::Timestamp;
use stairwell_signature::{Authorization, Service, SignatureError, SignedRequest, SigningKeys};

const KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "c2Vzc2lvbg+/==";
const BODY: &str = r#"{"stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m"}"#;
const STATES: Service<'_> = Service { names: &["states"], region: Some("us-east-1") };

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160)
}

/// What the SDK sends for StartExecution before it is signed.
fn request() -> Request<&'static str> {
    Request::post("http://127.0.0.1:8083/")
        .header("content-type", "application/x-amz-json-1.0")
        .header("content-length", BODY.len())
        .header("x-amz-target", "AWSStepFunctions.StartExecution")
        .header("amz-sdk-invocation-id", "3f3ad4b7-4a08-4e1c-9e0e-d6b1b0b0a7f6")
        .header("amz-sdk-request", "attempt=1; max=3")
        .header("user-agent", "aws-sdk-rust/1.3.8 os/linux lang/rust/1.88.0")
        .header("x-amz-user-agent", "aws-sdk-rust/1.3.8 ua/2.1 api/sfn/1.88.0  os/linux m/E,b")
        .header("x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793")
        .body(BODY)
        .unwrap()
}

fn signed(token: Option<&str>, settings: SigningSettings) -> Parts {
    let mut request = request();
    let credentials = Credentials::new(KEY, SECRET, token.map(str::to_owned), None, "test");
    let identity = credentials.into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("states")
        .time(now())
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let uri = request.uri().to_string();
    let headers = request.headers().iter();
    let headers: Vec<(&str, &str)> =
        headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let body = SignableBody::Bytes(BODY.as_bytes());
    let signable = SignableRequest::new("POST", uri, headers.into_iter(), body).unwrap();
    let (instructions, _) = sign(signable, &parameters).unwrap().into_parts();
    instructions.apply_to_request_http1x(&mut request);
    // As the connector of the SDK adds it.
    request.headers_mut().insert("host", "127.0.0.1:8083".parse().unwrap());
    request.into_parts().0
}

fn verify(parts: &Parts, body: &str) -> Result<Option<String>, SignatureError> {
    let authorization = Authorization::of(parts)?;
    let request = SignedRequest { parts, body: body.as_bytes() };
    let now = Timestamp::try_from(now()).unwrap();
    SigningKeys::default().verify(request, &authorization, SECRET, STATES, now)?;
    Ok(authorization.session_token)
}

#[test]
fn requests_of_the_rust_sdk_are_taken_as_they_are() {
    let plain = signed(None, SigningSettings::default());
    assert_eq!(verify(&plain, BODY), Ok(None));
    let with_token = signed(Some(TOKEN), SigningSettings::default());
    assert_eq!(verify(&with_token, BODY), Ok(Some(TOKEN.to_owned())));
}

#[test]
fn a_proxy_may_change_what_the_rust_sdk_does_not_sign_and_nothing_else() {
    for (name, is_signed) in [
        ("user-agent", false),
        ("x-amzn-trace-id", false),
        ("x-amz-target", true),
        ("x-amz-user-agent", true),
        ("content-type", true),
        ("host", true),
    ] {
        let mut parts = signed(None, SigningSettings::default());
        parts.headers.insert(name, "changed".parse().unwrap());
        assert_eq!(verify(&parts, BODY).is_err(), is_signed, "{name}");
    }
    verify(&signed(None, SigningSettings::default()), "{}").unwrap_err();
}

#[test]
fn presigned_requests_of_the_rust_sdk_are_taken() {
    for token in [None, Some(TOKEN)] {
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(60));
        let parts = signed(token, settings);
        assert!(!parts.headers.contains_key("authorization"));
        assert_eq!(verify(&parts, BODY), Ok(token.map(str::to_owned)));
    }
}
