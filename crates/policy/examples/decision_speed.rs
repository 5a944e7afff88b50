//! How long a decision takes with fifty statements, in the release profile:
//! `cargo run --release -p stairwell-policy --example decision_speed`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use stairwell_policy::{Context, DocumentType, Policies, Policy, Principal, Request, decide};

fn main() {
    let statements: Vec<String> = (0..50)
        .map(|number| {
            format!(
                r#"{{"Effect":"Allow","Action":["states:StartExecution","states:Stop*"],
                "Resource":"arn:aws:states:us-east-1:123456789012:stateMachine:machine-{number}",
                "Condition":{{"StringEquals":{{"aws:SourceAccount":"123456789012"}}}}}}"#
            )
        })
        .collect();
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
    let policy = Policy::parse(&text, DocumentType::Identity).expect("a policy");
    let identity = [Arc::new(policy)];
    let policies = Policies { identity: &identity, ..Policies::default() };
    let last = "arn:aws:states:us-east-1:123456789012:stateMachine:machine-49";
    let absent = "arn:aws:states:us-east-1:123456789012:stateMachine:other";
    for (name, resource) in [("the last of 50 allows", last), ("none of 50 allows", absent)] {
        let rounds = 200_000_u32;
        let start = Instant::now();
        for _ in 0..rounds {
            let mut context = Context::with_capacity(2);
            context.insert("aws:sourceaccount", "123456789012");
            context.insert("aws:principalarn", "arn:aws:iam::123456789012:role/worker");
            let principal = Principal::Session {
                role_arn: "arn:aws:iam::123456789012:role/worker",
                session_arn: "arn:aws:sts::123456789012:assumed-role/worker/one",
                account: "123456789012",
            };
            let request = Request::new("states:StartExecution", resource, principal, context);
            black_box(decide(black_box(&request), black_box(&policies)));
        }
        println!("{name}: {:?} a decision", start.elapsed() / rounds);
    }
}
