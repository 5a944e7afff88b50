//! IAM policy documents, and what is decided by them.

use std::slice::from_ref;
use std::str::from_utf8;
use std::sync::Arc;

use policy::{Context, DocumentType, Policies, Policy, Principal, Request, decide};

const ACCOUNT: &str = "111111111111";
const DENY: &str = r#"{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
const ROLE: &str = "arn:aws:iam::111111111111:role/worker";

/// Actions and what they are done to; none where the resource is not known.
const ASKED: [(&str, Option<&str>); 5] = [
    ("states:StartExecution", Some("arn:aws:states:us-east-1:111111111111:stateMachine:orders")),
    ("s3:GetObject", Some("arn:aws:s3:::bucket/folder/key")),
    ("sts:AssumeRole", Some(ROLE)),
    ("iam:PassRole", None),
    ("states:ListStateMachines", Some("*")),
];

/// A document that is taken decides always the same, whether once or twice among the policies; a
/// denial of everything denies; and less knowledge of conditions never allows more.
pub fn policy(data: &[u8]) {
    let Ok(text) = from_utf8(data) else { return };
    let deny = Arc::new(Policy::parse(DENY, DocumentType::Identity).expect("it is a policy"));
    if let Ok(policy) = Policy::parse(text, DocumentType::Identity) {
        let policy = Arc::new(policy);
        for principal in principals() {
            for (action, resource) in ASKED {
                let is_allowed = |policies: &[Arc<Policy>], is_filled: fn(&str) -> bool| {
                    let policies = Policies { identity: policies, ..Policies::default() };
                    let request = request(action, resource, principal).with_filled(is_filled);
                    decide(&request, &policies).is_allowed()
                };
                let once = is_allowed(from_ref(&policy), |_| true);
                assert_eq!(once, is_allowed(&[policy.clone(), policy.clone()], |_| true));
                assert!(!is_allowed(&[policy.clone(), deny.clone()], |_| true), "{action}");
                assert!(once || !is_allowed(from_ref(&policy), |_| false), "{action}");
            }
        }
    }
    if let Ok(trust) = Policy::parse(text, DocumentType::Trust) {
        for principal in principals().into_iter().chain([Principal::Anonymous]) {
            let decided = |policies: &[Arc<Policy>]| {
                let trust = Some(&trust);
                let policies = Policies { identity: policies, trust, ..Policies::default() };
                decide(&request("sts:AssumeRole", Some(ROLE), principal), &policies)
            };
            assert_eq!(decided(&[]), decided(&[]));
            assert!(!decided(from_ref(&deny)).is_allowed());
        }
    }
}

fn principals() -> [Principal<'static>; 4] {
    [
        Principal::Root { account: ACCOUNT },
        Principal::User { arn: "arn:aws:iam::111111111111:user/ann", account: ACCOUNT },
        Principal::Session {
            role_arn: ROLE,
            session_arn: "arn:aws:sts::111111111111:assumed-role/worker/session",
            account: ACCOUNT,
        },
        Principal::Service("states.amazonaws.com"),
    ]
}

fn request<'a>(action: &str, resource: Option<&'a str>, principal: Principal<'a>) -> Request<'a> {
    let mut context = Context::with_capacity(6);
    context.insert("aws:sourceip", "127.0.0.1");
    context.insert("aws:securetransport", "false");
    context.insert("aws:currenttime", "2024-01-02T03:04:05Z");
    context.insert("aws:epochtime", "1704164645");
    context.insert("aws:username", "ann");
    context.insert_many("aws:tagkeys", vec!["team".into(), "cost".into()]);
    match resource {
        Some(resource) => Request::new(action, resource, principal, context),
        None => Request::for_any_resource(action, principal, context),
    }
}
