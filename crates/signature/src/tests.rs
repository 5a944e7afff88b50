//! AWS's signing test vectors, and what must be refused.
//!
//! The vectors are those of the suite that AWS publishes with its SDKs (`aws-signing-test-suite`,
//! version 4, in <https://github.com/awslabs/aws-c-auth>), with normalised paths: the requests as
//! they are sent, and the signatures that AWS gives them.

use http::request::Parts;
use jiff::Timestamp;
use proptest::prelude::*;
use ring::hmac;

use crate::canonical::push_hex;
use crate::verify::{derived_key, string_to_sign};
use crate::{Authorization, CredentialScope, Service, SignatureError, SignedRequest, SigningKeys};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const SERVICE: Service<'_> = Service { names: &["service"], region: Some("us-east-1") };

fn now() -> Timestamp {
    "2015-08-30T12:36:00Z".parse().expect("an instant")
}

fn parts(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = http::Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).expect("the test's request is valid").into_parts().0
}

fn verify_at(parts: &Parts, body: &[u8], now: Timestamp) -> Result<(), SignatureError> {
    let authorization = Authorization::of(parts)?;
    let request = SignedRequest { parts, body };
    SigningKeys::default().verify(request, &authorization, SECRET, SERVICE, now)
}

/// Method and target, headers that are signed beside host and date, the body, the signature.
type Vector = (&'static str, &'static [(&'static str, &'static str)], &'static str, &'static str);

const EXAMPLE: &str = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
const CHARACTERS: &str = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn check_header((target, headers, body, signature): Vector) {
    let mut names: Vec<String> = ["host", "x-amz-date"].map(str::to_owned).into();
    names.extend(headers.iter().map(|(name, _)| name.to_ascii_lowercase()));
    names.sort();
    names.dedup();
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
         SignedHeaders={}, Signature={signature}",
        names.join(";")
    );
    let mut all = vec![
        ("Host", "example.amazonaws.com"),
        ("X-Amz-Date", "20150830T123600Z"),
        ("Authorization", &*authorization),
    ];
    all.extend(headers);
    let (method, target) = target.split_once(' ').expect("a method");
    let target = target.replace("{characters}", CHARACTERS);
    let parts = parts(method, &target, &all);
    assert_eq!(verify_at(&parts, body.as_bytes(), now()), Ok(()), "{method} {target} {headers:?}");
}

#[test]
fn vectors_in_the_header() {
    let form = |content_type| {
        [
            ("Content-Type", content_type),
            ("Content-Length", "13"),
            (
                "x-amz-content-sha256",
                "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
            ),
        ]
    };
    let plain = form("application/x-www-form-urlencoded");
    let plain: &'static [_] = Box::leak(Box::new(plain));
    let charset = form("application/x-www-form-urlencoded; charset=utf-8");
    let charset: &'static [_] = Box::leak(Box::new(charset));
    let vectors: [Vector; 25] = [
        ("GET /", &[], "", EXAMPLE),
        ("GET /example/..", &[], "", EXAMPLE),
        ("GET /example1/example2/../..", &[], "", EXAMPLE),
        ("GET /./", &[], "", EXAMPLE),
        ("GET //", &[], "", EXAMPLE),
        (
            "GET /./example",
            &[],
            "",
            "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
        ),
        (
            "GET //example//",
            &[],
            "",
            "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
        ),
        (
            "GET /{characters}",
            &[],
            "",
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        ("GET /ሴ", &[], "", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        (
            "GET /?Param1=value1",
            &[],
            "",
            "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
        ),
        (
            "GET /?Param2=value2&Param1=value1",
            &[],
            "",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "GET /?Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
            &[],
            "",
            "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
        ),
        (
            "GET /?{characters}={characters}",
            &[],
            "",
            "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
        ),
        (
            "GET /?ሴ=bar",
            &[],
            "",
            "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        ),
        (
            "GET /",
            &[("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
            "",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            "GET /",
            &[
                ("My-Header1", "value4"),
                ("My-Header1", "value1"),
                ("My-Header1", "value3"),
                ("My-Header1", "value2"),
            ],
            "",
            "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
        ),
        (
            "GET /",
            &[("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")],
            "",
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        (
            // Of several lines in the suite, which are as many values; HTTP has no such headers any
            // more.
            "GET /",
            &[("My-Header1", "value1"), ("My-Header1", "  value2"), ("My-Header1", " value3")],
            "",
            "ba17b383a53190154eb5fa66a1b836cc297cc0a3d70a5d00705980573d8ff790",
        ),
        (
            "GET /",
            &[(
                "X-Amz-Security-Token",
                "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
            )],
            "",
            "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
        ),
        ("POST /", &[], "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "POST /?Param1=value1",
            &[],
            "",
            "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
        ),
        (
            "POST /",
            &[("My-Header1", "value1")],
            "",
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        ),
        (
            "POST /",
            &[("My-Header1", "VALUE1")],
            "",
            "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
        ),
        (
            "POST /",
            plain,
            "Param1=value1",
            "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
        ),
        (
            "POST /",
            charset,
            "Param1=value1",
            "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422",
        ),
    ];
    vectors.into_iter().for_each(check_header);
}

fn presigned(before: &str, signed_headers: &str, after: &str, signature: &str) -> String {
    format!(
        "/?{before}X-Amz-Algorithm=AWS4-HMAC-SHA256&\
         X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fservice%2Faws4_request&\
         X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders={signed_headers}&X-Amz-Expires=3600\
         {after}&X-Amz-Signature={signature}"
    )
}

const PRESIGNED: &str = "e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d";

#[test]
fn vectors_in_the_query() {
    let token = "&X-Amz-Security-Token=\
                 6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
    let four: &[(&str, &str)] = &[
        ("My-Header1", "value4"),
        ("My-Header1", "value1"),
        ("My-Header1", "value3"),
        ("My-Header1", "value2"),
    ];
    let utf8 = "0bdd809b1519ac4f0c1dc3540e2cc46bd0c7f778eda408b2ebf3b913d21ff600";
    let ordered = "313720e71ca6202fdcfa9b20f88de01a4eb0638a83c833b1c184359a4eda864e";
    let with_token = "7ff2b50b376cb4d151970630573d6291dc128cc5c2a12ffb237f73cc53f67b6c";
    for (target, headers) in [
        (presigned("", "host", "", PRESIGNED), &[][..]),
        (presigned("ሴ=bar&", "host", "", utf8), &[]),
        (presigned("", "host%3Bmy-header1", "", ordered), four),
        (presigned("", "host", token, with_token), &[]),
    ] {
        let mut all = vec![("Host", "example.amazonaws.com")];
        all.extend(headers);
        assert_eq!(verify_at(&parts("GET", &target, &all), b"", now()), Ok(()), "{target}");
    }
}

#[test]
fn a_query_is_good_for_as_long_as_it_says() {
    let target = presigned("", "host", "", PRESIGNED);
    let parts = parts("GET", &target, &[("Host", "example.amazonaws.com")]);
    let at = |text: &str| verify_at(&parts, b"", text.parse().expect("an instant"));
    assert_eq!(at("2015-08-30T13:35:59Z"), Ok(()));
    assert_eq!(
        at("2015-08-30T13:36:01Z"),
        Err(SignatureError::Invalid(
            "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z \
             (20150830T133601Z - 3600 s.)"
                .to_owned()
        ))
    );
    at("2015-08-30T12:30:59Z").expect_err("not yet");
}

/// A request like those of the SDKs, signed with the secret.
fn signed(scope: &str, date: &str, body: &str, secret: &str) -> Parts {
    let sign = |signature: &str| {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={signature}"
        );
        let headers = [
            ("Content-Type", "application/x-amz-json-1.0"),
            ("Host", "127.0.0.1:8083"),
            ("X-Amz-Date", date),
            ("X-Amz-Target", "AWSStepFunctions.StartExecution"),
            ("Authorization", &*authorization),
        ];
        parts("POST", "/?a=b", &headers)
    };
    let parts = sign("00");
    let authorization = Authorization::of(&parts).expect("it is well formed");
    let request = SignedRequest { parts: &parts, body: body.as_bytes() };
    let text = string_to_sign(request, &authorization, date);
    let mut signature = Vec::new();
    let key = derived_key(&authorization.scope, secret);
    push_hex(hmac::sign(&key, &text).as_ref(), &mut signature);
    sign(std::str::from_utf8(&signature).expect("digits"))
}

const SCOPE: &str = "20150830/us-east-1/service";
const DATE: &str = "20150830T123600Z";

#[test]
fn a_changed_byte_is_refused() {
    let mismatch = |result: Result<(), SignatureError>| match result {
        Err(SignatureError::Invalid(message)) => {
            assert!(message.starts_with("The request signature we calculated"), "{message}");
        }
        other => panic!("{other:?}"),
    };
    let good = signed(SCOPE, DATE, "{}", SECRET);
    assert_eq!(verify_at(&good, b"{}", now()), Ok(()));
    mismatch(verify_at(&good, b"{ }", now()));
    mismatch(verify_at(&signed(SCOPE, DATE, "{}", "another"), b"{}", now()));
    let mut changed = good.clone();
    changed.headers.insert("x-amz-target", "AWSStepFunctions.StopExecution".parse().unwrap());
    mismatch(verify_at(&changed, b"{}", now()));
    let mut changed = good.clone();
    changed.uri = "/?a=c".parse().unwrap();
    mismatch(verify_at(&changed, b"{}", now()));
    let mut changed = good.clone();
    changed.method = "PUT".parse().unwrap();
    mismatch(verify_at(&changed, b"{}", now()));
    let header = good.headers["authorization"].to_str().unwrap().to_owned();
    for signature in ["", "0", "00", "zz"] {
        let at = header.find("Signature=").unwrap() + "Signature=".len();
        let mut changed = good.clone();
        let header = format!("{}{signature}", &header[..at]);
        changed.headers.insert("authorization", header.parse().unwrap());
        mismatch(verify_at(&changed, b"{}", now()));
    }
}

#[test]
fn time_region_and_service_are_checked() {
    for (scope, date, at, message) in [
        (
            SCOPE,
            DATE,
            "2015-08-30T12:41:01Z",
            "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z \
             (20150830T124101Z - 5 min.)",
        ),
        (
            SCOPE,
            DATE,
            "2015-08-30T12:30:59Z",
            "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z \
             (20150830T123059Z + 5 min.)",
        ),
        (
            "20150829/us-east-1/service",
            DATE,
            "2015-08-30T12:36:00Z",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from \
             HTTP: '20150829' != '20150830', from '20150830T123600Z'.",
        ),
        (
            "20150830/eu-west-1/service",
            DATE,
            "2015-08-30T12:36:00Z",
            "Credential should be scoped to a valid region.",
        ),
        (
            "20150830/us-east-1/sqs",
            DATE,
            "2015-08-30T12:36:00Z",
            "Credential should be scoped to correct service: 'service'.",
        ),
    ] {
        let result = verify_at(&signed(scope, date, "", SECRET), b"", at.parse().unwrap());
        assert_eq!(result, Err(SignatureError::Invalid(message.to_owned())));
    }
    for at in ["2015-08-30T12:41:00Z", "2015-08-30T12:31:00Z"] {
        let good = signed(SCOPE, DATE, "", SECRET);
        assert_eq!(verify_at(&good, b"", at.parse().unwrap()), Ok(()));
    }
}

#[test]
fn what_a_header_lacks_is_said() {
    let credential = "Credential=AKID/20150830/us-east-1/service/aws4_request";
    let lacks_all = "Authorization header requires 'Credential' parameter. Authorization header \
                     requires 'Signature' parameter. Authorization header requires \
                     'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256";
    for (header, message) in [
        ("AWS4-HMAC-SHA256", lacks_all.to_owned()),
        ("AWS4-HMAC-SHA256 x=y", lacks_all.to_owned()),
        ("Bearer abc", "Unsupported AWS 'algorithm': 'Bearer'.".to_owned()),
        (
            &format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders=host"),
            "Authorization header requires 'Signature' parameter. Authorization=AWS4-HMAC-SHA256"
                .to_owned(),
        ),
        (
            "AWS4-HMAC-SHA256 Credential=AKID/20150830, SignedHeaders=host, Signature=00",
            "Credential must have exactly 5 slash-delimited elements, e.g. \
             keyid/date/region/service/term, got 'AKID/20150830'"
                .to_owned(),
        ),
    ] {
        let parts = parts("GET", "/", &[("Authorization", header), ("X-Amz-Date", DATE)]);
        assert_eq!(Authorization::of(&parts), Err(SignatureError::Incomplete(message)));
    }
    let header = format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders=date, Signature=00");
    let unsigned_host = parts("GET", "/", &[("Authorization", &header), ("X-Amz-Date", DATE)]);
    let message = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
    let error = Err(SignatureError::Invalid(message.to_owned()));
    assert_eq!(Authorization::of(&unsigned_host), error);
    assert_eq!(Authorization::of(&parts("GET", "/?a=b", &[])), Err(SignatureError::Missing));
    assert!(matches!(
        Authorization::of(&parts("GET", "/?X-Amz-Signature=00", &[])),
        Err(SignatureError::Incomplete(_))
    ));
}

#[test]
fn a_key_that_changed_is_derived_anew() {
    let keys = SigningKeys::default();
    for (secret, expected) in [(SECRET, true), ("another", false), (SECRET, true)] {
        let parts = signed(SCOPE, DATE, "", SECRET);
        let authorization = Authorization::of(&parts).expect("well formed");
        let request = SignedRequest { parts: &parts, body: b"" };
        let result = keys.verify(request, &authorization, secret, SERVICE, now());
        assert_eq!(result.is_ok(), expected);
    }
}

proptest! {
    #[test]
    fn no_header_makes_a_panic(
        header in prop::collection::vec(
            prop_oneof![
                "[ -~]{0,12}".prop_map(String::into_bytes),
                Just(b"AWS4-HMAC-SHA256 ".to_vec()),
                Just(b"Credential=AKID/20150830/us-east-1/service/aws4_request".to_vec()),
                Just(b"SignedHeaders=host;x-amz-date".to_vec()),
                Just(b"Signature=00ff".to_vec()),
                Just(b", ".to_vec()),
                prop::collection::vec(128_u8..=255, 0..6),
            ],
            0..8,
        ),
        date in prop_oneof![Just(DATE.to_owned()), "[ -~]{0,20}", "[0-9]{8}T[0-9]{6}Z"],
        query in "[ -~&&[^ #\"<>`{}|^\\\\]]{0,40}",
    ) {
        let uri = format!("/?X-Amz-Date={DATE}&X-Amz-Algorithm=AWS4-HMAC-SHA256&{query}");
        let request = http::Request::builder().uri(uri).header("x-amz-date", &date);
        let with_header = request.header("authorization", header.concat());
        if let Ok(request) = with_header.body(()) {
            let (mut parts, ()) = request.into_parts();
            let _ = CredentialScope::of(&parts);
            prop_assert!(verify_at(&parts, b"", now()).is_err());
            parts.headers.remove("authorization");
            let _ = CredentialScope::of(&parts);
            prop_assert!(verify_at(&parts, b"", now()).is_err());
        }
    }
}
