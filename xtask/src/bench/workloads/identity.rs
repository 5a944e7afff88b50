//! What it costs to ask who calls and who may do what, without a server.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use engine::Timestamp;
use identity::{
    Actor, CreatePrincipal, Enforcement, Facts, Guard, Identities, PrincipalChange, PrincipalType,
    SealingKey,
};
use signature::{Authorization, CredentialScope, Service, SignedRequest, SigningKeys};
use store::MemoryStore;

use super::language::nanoseconds;
use crate::bench::figure::{Bar, Figure};

const ACCOUNT: &str = "123456789012";
const ROLE: &str = "arn:aws:iam::123456789012:role/bench";
const EXECUTION: &str = "arn:aws:states:us-east-1:123456789012:execution:bench:one";
const MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:child-49";

const STATEMENTS: usize = 50;
const CHECKS: u32 = 10_000;
const ROUNDS: usize = 20;

/// How long a task's role takes to allow it, and a request's signature to be verified.
pub(super) async fn identity() -> anyhow::Result<Vec<Figure>> {
    let role = format!("A task allowed by its role, of {STATEMENTS} statements");
    Ok(vec![
        Figure::new(role, "µs", role_check().await?).bar(Bar::at_most(2.0)),
        Figure::new("A signature verified: StartExecution, 200 bytes", "µs", verification()?)
            .bar(Bar::at_most(10.0)),
    ])
}

/// Microseconds for a check of what a role allows: by the last of its statements, so that none is
/// spared. Its policy was compiled before.
async fn role_check() -> anyhow::Result<f64> {
    let identities = Arc::new(Identities::new(Arc::new(MemoryStore::new()), SealingKey::random()));
    let create = CreatePrincipal {
        principal_type: PrincipalType::Role,
        name: "bench".to_owned(),
        path: "/".to_owned(),
        description: None,
        trust: None,
        max_session_seconds: 3_600,
        boundary: None,
        tags: Vec::new(),
    };
    identities.create_principal(ACCOUNT, create, Timestamp(0)).await?;
    let statements: Vec<String> = (0..STATEMENTS)
        .map(|number| {
            format!(
                r#"{{"Effect":"Allow","Action":["states:Start*","states:Desc*"],
                "Resource":"arn:aws:states:*:{ACCOUNT}:stateMachine:child-{number}",
                "Condition":{{"StringEquals":{{"aws:PrincipalAccount":"{ACCOUNT}"}}}}}}"#
            )
        })
        .collect();
    let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
    let change = PrincipalChange::PutInline("bench".to_owned(), policy);
    identities.change_principal(ACCOUNT, PrincipalType::Role, "bench", &change).await?;
    let guard = Guard::new(identities, Enforcement::Enforce);
    let actor = Actor {
        role_arn: ROLE,
        execution_arn: EXECUTION,
        account: ACCOUNT,
        region: "us-east-1",
        now: Timestamp(0),
    };
    let mut least = f64::INFINITY;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        for _ in 0..CHECKS {
            let facts = Facts::default();
            let checked =
                guard.check(&actor, "states:StartExecution", Some(MACHINE), facts).await?;
            checked.context("the role of the bench allows it")?;
        }
        least = least.min(began.elapsed().as_secs_f64() * 1e6 / f64::from(CHECKS));
    }
    Ok(least)
}

/// Microseconds to read and verify a signature of a caller who was here before, with the headers
/// that the SDKs send.
fn verification() -> anyhow::Result<f64> {
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    let body = "x".repeat(200);
    let headers = "amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host;\
                   x-amz-date;x-amz-target;x-amz-user-agent";
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/states/aws4_request, \
         SignedHeaders={headers}, \
         Signature=0d4a2e6a9c5f3b1786e2d9c4b5a0f7e8d1c2b3a4958677f6e5d4c3b2a1908f7e"
    );
    let (parts, ()) = http::Request::post("/")
        .header("host", "127.0.0.1:8083")
        .header("content-type", "application/x-amz-json-1.0")
        .header("content-length", body.len())
        .header("x-amz-date", "20150830T123600Z")
        .header("x-amz-target", "AWSStepFunctions.StartExecution")
        .header("amz-sdk-invocation-id", "3f3ad4b7-4a08-4e1c-9e0e-d6b1b0b0a7f6")
        .header("amz-sdk-request", "attempt=1; max=3")
        .header("x-amz-user-agent", "aws-sdk-js/3.1162.0 ua/2.1 os/linux api/sfn#3.1162.0 m/E,b")
        .header("authorization", authorization)
        .body(())?
        .into_parts();
    let keys = SigningKeys::default();
    let service = Service { names: &["states"], region: None };
    let now: jiff::Timestamp = "2015-08-30T12:36:00Z".parse()?;
    // A wrong signature costs what a right one does: they are compared when all is computed.
    let verify = || {
        black_box(CredentialScope::of(&parts));
        let authorization = Authorization::of(&parts)?;
        let request = SignedRequest { parts: &parts, body: body.as_bytes() };
        keys.verify(request, &authorization, SECRET, service, now)
    };
    match verify() {
        Err(error) if error.to_string().starts_with("The request signature we calculated") => {}
        other => bail!("the bench is refused for another reason: {other:?}"),
    }
    Ok(nanoseconds(CHECKS, || drop(black_box(verify()))) / 1e3)
}
