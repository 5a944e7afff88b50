//! How long it takes to verify a request of one kilobyte, in the release profile:
//! `cargo run --release -p stairwell-signature --example verification_speed`.

use std::hint::black_box;
use std::time::Instant;

use stairwell_signature::{Authorization, Service, SignedRequest, SigningKeys};

fn main() {
    let request = http::Request::builder()
        .method("POST")
        .uri("/")
        .header("host", "127.0.0.1:8083")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-date", "20150830T123600Z")
        .header("x-amz-target", "AWSStepFunctions.StartExecution")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/states/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
             Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        );
    let (parts, ()) = request.body(()).expect("a request").into_parts();
    let body = vec![b'x'; 1_024];
    let now = "2015-08-30T12:36:00Z".parse().expect("an instant");
    let keys = SigningKeys::default();
    let service = Service { names: &["states"], region: None };
    let rounds = 200_000_u32;
    let start = Instant::now();
    for _ in 0..rounds {
        let authorization = Authorization::of(black_box(&parts)).expect("well formed");
        let request = SignedRequest { parts: &parts, body: &body };
        let verified = keys.verify(request, &authorization, "the secret", service, now);
        // It is another's signature: the work is the same.
        assert!(black_box(verified).is_err());
    }
    println!("a request of 1 KiB: {:?}", start.elapsed() / rounds);
}
