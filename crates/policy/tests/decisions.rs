//! Decisions, by the evaluation logic of the IAM user guide.
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>.

use std::sync::Arc;

use stairwell_policy::{
    Context, Decision, DocumentType, Policies, Policy, Principal, Request, decide,
};

const ACCOUNT: &str = "123456789012";
const BOB: &str = "arn:aws:iam::123456789012:user/bob";
const ROLE: &str = "arn:aws:iam::123456789012:role/worker";
const SESSION: &str = "arn:aws:sts::123456789012:assumed-role/worker/one";
const MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:orders";
const RUN: &str = "arn:aws:states:us-east-1:123456789012:execution:orders:one";

const ALLOWED: &str = "allowed";

fn user() -> Principal<'static> {
    Principal::User { arn: BOB, account: ACCOUNT }
}

fn session() -> Principal<'static> {
    Principal::Session { role_arn: ROLE, session_arn: SESSION, account: ACCOUNT }
}

fn parse(statements: &str, document_type: DocumentType) -> Arc<Policy> {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    Arc::new(Policy::parse(&text, document_type).unwrap_or_else(|error| panic!("{error}: {text}")))
}

fn identity(statements: &str) -> Arc<Policy> {
    parse(statements, DocumentType::Identity)
}

/// `allowed`, or the end of AWS's message.
fn told(decision: Decision, action: &str) -> String {
    match decision {
        Decision::Allowed => ALLOWED.to_owned(),
        Decision::Denied(denial) => denial.because(action),
    }
}

/// One policy of a user: `+` allows and `-` denies, then actions and resources.
fn check(statements: &str, action: &str, resource: &str, expected: &str) {
    let policy = identity(statements);
    let request = Request::new(action, resource, user(), Context::default());
    let policies = Policies { identity: &[policy], ..Policies::default() };
    let decision = decide(&request, &policies);
    assert_eq!(told(decision, action), expected, "{statements} {action} {resource}");
}

const NO_IDENTITY: &str =
    "because no identity-based policy allows the states:StartExecution action";
const DENY: &str = "with an explicit deny in an identity-based policy";

#[test]
fn actions() {
    for (actions, action, expected) in [
        (r#""Action":"states:StartExecution""#, "states:StartExecution", ALLOWED),
        (r#""Action":"states:startexecution""#, "states:StartExecution", ALLOWED),
        (r#""Action":"STATES:StartExecution""#, "states:StartExecution", ALLOWED),
        (r#""Action":["states:StartExecution"]"#, "states:StartExecution", ALLOWED),
        (r#""Action":"states:Start*""#, "states:StartExecution", ALLOWED),
        (r#""Action":"states:*Execution""#, "states:StartExecution", ALLOWED),
        (r#""Action":"states:St?rtExecution""#, "states:StartExecution", ALLOWED),
        (r#""Action":"states:*""#, "states:StartExecution", ALLOWED),
        (r#""Action":"*""#, "states:StartExecution", ALLOWED),
        (r#""Action":"*:*""#, "states:StartExecution", ALLOWED),
        (r#""Action":"states:Stop*""#, "states:StartExecution", NO_IDENTITY),
        (r#""Action":"states:Start""#, "states:StartExecution", NO_IDENTITY),
        (r#""Action":"sqs:*""#, "states:StartExecution", NO_IDENTITY),
        (r#""Action":["sqs:*","states:*"]"#, "states:StartExecution", ALLOWED),
        (r#""NotAction":"iam:*""#, "states:StartExecution", ALLOWED),
        (r#""NotAction":"states:*""#, "states:StartExecution", NO_IDENTITY),
        (r#""NotAction":["iam:*","states:Stop*"]"#, "states:StartExecution", ALLOWED),
        (r#""NotAction":["iam:*","states:Start*"]"#, "states:StartExecution", NO_IDENTITY),
    ] {
        let statement = format!(r#"{{"Effect":"Allow",{actions},"Resource":"*"}}"#);
        check(&statement, action, MACHINE, expected);
    }
}

#[test]
fn resources() {
    let no_stop = "because no identity-based policy allows the states:StopExecution action";
    for (resources, resource, expected) in [
        (r#""Resource":"*""#, RUN, ALLOWED),
        (
            r#""Resource":"arn:aws:states:us-east-1:123456789012:execution:orders:one""#,
            RUN,
            ALLOWED,
        ),
        (r#""Resource":"arn:aws:states:us-east-1:123456789012:execution:orders:*""#, RUN, ALLOWED),
        (r#""Resource":"arn:aws:states:us-east-1:123456789012:execution:*""#, RUN, ALLOWED),
        (r#""Resource":"arn:aws:states:*:*:execution:orders:on?""#, RUN, ALLOWED),
        (r#""Resource":"arn:aws:states:*""#, RUN, ALLOWED),
        (r#""Resource":"arn:aws:states""#, RUN, ALLOWED),
        (r#""Resource":"arn:aws:states:us-east-1:123456789012:execution:orders"  "#, RUN, no_stop),
        (r#""Resource":"arn:aws:states:us-east-1:123456789012:execution:Orders:*""#, RUN, no_stop),
        (r#""Resource":"arn:aws:states:us-west-2:123456789012:execution:orders:*""#, RUN, no_stop),
        (r#""Resource":"arn:aws:states:us-east-1:999999999999:execution:orders:*""#, RUN, no_stop),
        (r#""Resource":"arn:aws:states:us-east-1:123456789012:stateMachine:orders""#, RUN, no_stop),
        (r#""Resource":["arn:aws:sqs:::q","arn:aws:states:*:*:execution:o*:*"]"#, RUN, ALLOWED),
        (r#""NotResource":"arn:aws:states:*:*:execution:orders:*""#, RUN, no_stop),
        (r#""NotResource":"arn:aws:states:*:*:execution:bills:*""#, RUN, ALLOWED),
        (r#""NotResource":["arn:aws:sqs","arn:aws:states:*:*:execution:o*"]"#, RUN, no_stop),
        (r#""NotResource":"*""#, RUN, no_stop),
    ] {
        let statement =
            format!(r#"{{"Effect":"Allow","Action":"states:StopExecution",{resources}}}"#);
        check(&statement, "states:StopExecution", resource, expected);
    }
}

#[test]
fn a_deny_wins() {
    let allow = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
    for (deny, expected) in [
        (r#""Action":"*","Resource":"*""#, DENY),
        (r#""Action":"states:Start*","Resource":"*""#, DENY),
        (r#""Action":"states:Stop*","Resource":"*""#, ALLOWED),
        (r#""NotAction":"states:*","Resource":"*""#, ALLOWED),
        (r#""NotAction":"iam:*","Resource":"*""#, DENY),
        (r#""Action":"*","NotResource":"arn:aws:states:*:*:stateMachine:orders""#, ALLOWED),
        (r#""Action":"*","NotResource":"arn:aws:states:*:*:stateMachine:bills""#, DENY),
        (
            r#""Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}"#,
            ALLOWED,
        ),
        (r#""Action":"*","Resource":"*","Condition":{"StringNotEquals":{"a:k":"x"}}"#, DENY),
    ] {
        let deny = format!(r#"{{"Effect":"Deny",{deny}}}"#);
        for statements in [format!("{allow},{deny}"), format!("{deny},{allow}")] {
            check(&statements, "states:StartExecution", MACHINE, expected);
        }
    }
    check(
        r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#,
        "states:StartExecution",
        MACHINE,
        DENY,
    );
    check("", "states:StartExecution", MACHINE, NO_IDENTITY);
}

#[test]
fn variables_in_resources() {
    let statement =
        r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}/*"}"#;
    let deny_others =
        r#"{"Effect":"Deny","Action":"s3:*","NotResource":"arn:aws:s3:::b/${aws:username}/*"}"#;
    for (statements, username, resource, is_allowed) in [
        (statement, Some("bob"), "arn:aws:s3:::b/bob/x", true),
        (statement, Some("bob"), "arn:aws:s3:::b/eve/x", false),
        (statement, Some("*"), "arn:aws:s3:::b/eve/x", false),
        (statement, None, "arn:aws:s3:::b/bob/x", false),
        (statement, None, "arn:aws:s3:::b/${aws:username}/x", false),
        (&format!("{statement},{deny_others}"), Some("bob"), "arn:aws:s3:::b/bob/x", true),
        (&format!("{statement},{deny_others}"), None, "arn:aws:s3:::b/bob/x", false),
    ] {
        let mut context = Context::default();
        if let Some(username) = username {
            context.insert("aws:username", username);
        }
        let request = Request::new("s3:GetObject", resource, user(), context);
        let identity = [identity(statements)];
        let decision = decide(&request, &Policies { identity: &identity, ..Policies::default() });
        assert_eq!(decision.is_allowed(), is_allowed, "{statements} {username:?} {resource}");
    }
}

const ALL: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
const NONE: &str = r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#;
const STATES: &str = r#"{"Effect":"Allow","Action":"states:*","Resource":"*"}"#;
const SQS: &str = r#"{"Effect":"Allow","Action":"sqs:*","Resource":"*"}"#;

#[test]
fn boundaries_and_session_policies_are_limits() {
    let no_boundary = "because no permissions boundary allows the states:StartExecution action";
    let no_session = "because no session policy allows the states:StartExecution action";
    for (identity_of, boundary, session_policy, expected) in [
        (ALL, None, None, ALLOWED),
        (ALL, Some(ALL), None, ALLOWED),
        (ALL, Some(STATES), None, ALLOWED),
        (ALL, Some(SQS), None, no_boundary),
        (SQS, Some(ALL), None, NO_IDENTITY),
        (SQS, Some(SQS), None, NO_IDENTITY),
        (ALL, Some(NONE), None, "with an explicit deny in a permissions boundary"),
        (NONE, Some(NONE), None, DENY),
        ("", Some(ALL), None, NO_IDENTITY),
        (ALL, None, Some(ALL), ALLOWED),
        (ALL, None, Some(STATES), ALLOWED),
        (ALL, None, Some(SQS), no_session),
        (SQS, None, Some(ALL), NO_IDENTITY),
        (ALL, None, Some(NONE), "with an explicit deny in a session policy"),
        (ALL, Some(STATES), Some(STATES), ALLOWED),
        (ALL, Some(STATES), Some(SQS), no_session),
        (ALL, Some(SQS), Some(STATES), no_boundary),
        ("", Some(ALL), Some(ALL), NO_IDENTITY),
        (ALL, Some(""), None, no_boundary),
        (ALL, None, Some(""), no_session),
    ] {
        let boundary = boundary.map(identity);
        let session_policy = session_policy.map(|it| vec![identity(it)]);
        let policies = Policies {
            identity: &[identity(identity_of)],
            boundary: boundary.as_deref(),
            session: session_policy.as_deref(),
            ..Policies::default()
        };
        let request = Request::new("states:StartExecution", MACHINE, session(), Context::default());
        let decision = decide(&request, &policies);
        let row = (identity_of, boundary.is_some(), session_policy.is_some());
        assert_eq!(told(decision, "states:StartExecution"), expected, "{row:?}");
    }
}

fn check_trust(
    principals: &str,
    principal: Principal<'_>,
    identity_of: &str,
    is_cross_account: bool,
    expected: bool,
) {
    let statement = format!(r#"{{"Effect":"Allow",{principals},"Action":"sts:AssumeRole"}}"#);
    let trust = parse(&statement, DocumentType::Trust);
    let policies = Policies {
        identity: &[identity(identity_of)],
        trust: Some(&trust),
        is_cross_account,
        ..Policies::default()
    };
    let request = Request::new("sts:AssumeRole", ROLE, principal, Context::default());
    let decision = decide(&request, &policies);
    assert_eq!(decision.is_allowed(), expected, "{principals} {principal:?} {identity_of}");
}

#[test]
fn trust_policies_of_the_same_account() {
    let assume = r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}"#;
    let root = r#""Principal":{"AWS":"arn:aws:iam::123456789012:root"}"#;
    let number = r#""Principal":{"AWS":"123456789012"}"#;
    let bob = r#""Principal":{"AWS":"arn:aws:iam::123456789012:user/bob"}"#;
    let eve = r#""Principal":{"AWS":"arn:aws:iam::123456789012:user/eve"}"#;
    let both = r#""Principal":{"AWS":["arn:aws:iam::123456789012:user/eve","123456789012"]}"#;
    let role = r#""Principal":{"AWS":"arn:aws:iam::123456789012:role/worker"}"#;
    let session_named =
        r#""Principal":{"AWS":"arn:aws:sts::123456789012:assumed-role/worker/one"}"#;
    let service = r#""Principal":{"Service":"states.amazonaws.com"}"#;
    let regional = r#""Principal":{"Service":"states.eu-central-1.amazonaws.com"}"#;
    let lambda = r#""Principal":{"Service":["lambda.amazonaws.com"]}"#;
    let everybody = r#""Principal":"*""#;
    let every_aws = r#""Principal":{"AWS":"*"}"#;
    let not_bob = r#""NotPrincipal":{"AWS":"arn:aws:iam::123456789012:user/bob"}"#;
    let foreign = r#""Principal":{"Federated":"cognito-identity.amazonaws.com"}"#;
    let states = Principal::Service("states.amazonaws.com");
    let root_user = Principal::Root { account: ACCOUNT };
    for (principals, principal, identity_of, expected) in [
        (root, user(), "", false),
        (root, user(), assume, true),
        (number, user(), assume, true),
        (number, user(), "", false),
        (root, root_user, "", true),
        (bob, user(), "", true),
        (bob, user(), assume, true),
        (bob, user(), NONE, false),
        (bob, session(), assume, false),
        (eve, user(), assume, false),
        (both, user(), assume, true),
        (both, user(), "", false),
        (role, session(), "", true),
        (role, user(), assume, false),
        (session_named, session(), "", true),
        (service, states, "", true),
        (regional, states, "", true),
        (lambda, states, "", false),
        (service, user(), assume, false),
        (everybody, user(), "", true),
        (everybody, states, "", true),
        (every_aws, session(), "", true),
        (not_bob, user(), assume, false),
        (not_bob, session(), "", true),
        (foreign, user(), assume, false),
        (everybody, Principal::Anonymous, "", true),
        (root, Principal::Anonymous, "", false),
    ] {
        check_trust(principals, principal, identity_of, false, expected);
    }
}

#[test]
fn trust_policies_across_accounts_need_both_sides() {
    let assume = r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}"#;
    let bob = r#""Principal":{"AWS":"arn:aws:iam::123456789012:user/bob"}"#;
    let root = r#""Principal":{"AWS":"123456789012"}"#;
    let other = r#""Principal":{"AWS":"999999999999"}"#;
    let everybody = r#""Principal":{"AWS":"*"}"#;
    for (principals, identity_of, expected) in [
        (bob, assume, true),
        (bob, "", false),
        (root, assume, true),
        (root, "", false),
        (other, assume, false),
        (everybody, assume, true),
        (everybody, "", false),
        (bob, NONE, false),
    ] {
        check_trust(principals, user(), identity_of, true, expected);
    }
}

#[test]
fn a_boundary_limits_what_names_the_role_and_not_what_names_the_session() {
    let role = r#""Principal":{"AWS":"arn:aws:iam::123456789012:role/worker"}"#;
    let session_named =
        r#""Principal":{"AWS":"arn:aws:sts::123456789012:assumed-role/worker/one"}"#;
    let boundary = identity(SQS);
    for (principals, expected) in [(role, false), (session_named, true)] {
        let statement = format!(r#"{{"Effect":"Allow",{principals},"Action":"sts:AssumeRole"}}"#);
        let trust = parse(&statement, DocumentType::Trust);
        let policies =
            Policies { boundary: Some(&boundary), trust: Some(&trust), ..Policies::default() };
        let request = Request::new("sts:AssumeRole", ROLE, session(), Context::default());
        assert_eq!(decide(&request, &policies).is_allowed(), expected, "{principals}");
    }
}

#[test]
fn where_the_resource_is_not_known_any_will_do() {
    for (statements, is_allowed) in [
        (r#"{"Effect":"Allow","Action":"ecs:*","Resource":"*"}"#, true),
        (r#"{"Effect":"Allow","Action":"ecs:*","Resource":"arn:aws:ecs:*:*:task/*"}"#, true),
        (r#"{"Effect":"Allow","Action":"ecs:*","NotResource":"arn:aws:ecs:*:*:task/*"}"#, true),
        (r#"{"Effect":"Allow","Action":"ecs:*","NotResource":"*"}"#, false),
        (r#"{"Effect":"Allow","Action":"sqs:*","Resource":"*"}"#, false),
        (
            r#"{"Effect":"Allow","Action":"*","Resource":"*"},
            {"Effect":"Deny","Action":"ecs:*","Resource":"*"}"#,
            false,
        ),
        (
            r#"{"Effect":"Allow","Action":"*","Resource":"*"},
            {"Effect":"Deny","Action":"ecs:*","Resource":"arn:aws:ecs:*:*:task/*"}"#,
            true,
        ),
        (
            r#"{"Effect":"Allow","Action":"*","Resource":"*"},
            {"Effect":"Deny","Action":"ecs:*","NotResource":"arn:aws:ecs:*:*:task/*"}"#,
            true,
        ),
    ] {
        let request = Request::for_any_resource("ecs:RunTask", session(), Context::default());
        let identity = [identity(statements)];
        let policies = Policies { identity: &identity, ..Policies::default() };
        assert_eq!(decide(&request, &policies).is_allowed(), is_allowed, "{statements}");
    }
}

#[test]
fn the_root_user_needs_no_policy() {
    let root = Principal::Root { account: ACCOUNT };
    let request = Request::new("states:StartExecution", MACHINE, root, Context::default());
    assert!(decide(&request, &Policies::default()).is_allowed());
}

#[test]
fn what_is_no_policy_is_refused() {
    use DocumentType::{Identity, Trust};
    for (document_type, text, message) in [
        (Identity, "", "Syntax errors in policy."),
        (Identity, "[]", "Syntax errors in policy."),
        (Identity, r#"{"Version":"2012-10-17"}"#, "Syntax errors in policy."),
        (
            Identity,
            r#"{"Version":"2012-10-18","Statement":[]}"#,
            "The policy's Version must be 2012-10-17 or 2008-10-17, not 2012-10-18.",
        ),
        (Identity, r#"{"Statement":[],"Statement":[]}"#, "Syntax errors in policy."),
        (
            Identity,
            r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resources":"*"}}"#,
            "Syntax errors in policy: the element Resources is not known here.",
        ),
        (
            Identity,
            r#"{"Statement":{"Effect":"allow","Action":"s3:*","Resource":"*"}}"#,
            "Invalid effect: allow",
        ),
        (
            Identity,
            r#"{"Statement":{"Action":"s3:*","Resource":"*"}}"#,
            "Missing required field Effect cannot be empty!",
        ),
        (
            Identity,
            r#"{"Statement":{"Effect":"Allow","Resource":"*"}}"#,
            "Policy statement must contain actions.",
        ),
        (
            Identity,
            r#"{"Statement":{"Effect":"Allow","Action":[],"Resource":"*"}}"#,
            "Policy statement must contain actions.",
        ),
        (
            Identity,
            r#"{"Statement":{"Effect":"Allow","Action":"s3:*"}}"#,
            "Policy statement must contain resources.",
        ),
        (
            Identity,
            r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"bucket"}}"#,
            "Resource bucket must be in ARN format or \"*\".",
        ),
        (
            Identity,
            r#"{"Statement":{"Effect":"Allow","Action":"GetObject","Resource":"*"}}"#,
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (
            Identity,
            r#"{"Statement":{"Effect":"Allow","Action":"s3:Get:Object","Resource":"*"}}"#,
            "Actions/Condition can contain only one colon.",
        ),
        (
            Identity,
            r#"{"Statement":{"Effect":"Allow","Action":"s 3:Get","Resource":"*"}}"#,
            "Vendor s 3 is not valid",
        ),
        (
            Identity,
            r#"{"Statement":{"Effect":"Allow","Action":"s3:*","NotAction":"s3:*","Resource":"*"}}"#,
            "Syntax errors in policy.",
        ),
        (
            Identity,
            r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}}"#,
            "Has prohibited field Principal",
        ),
        (
            Identity,
            r#"{"Statement":[{"Sid":"A","Effect":"Allow","Action":"s3:*","Resource":"*"},
                {"Sid":"A","Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#,
            "Statement IDs (SID) in a single policy must be unique.",
        ),
        (
            Trust,
            r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:*","Resource":"*"}}"#,
            "Has prohibited field Resource",
        ),
        (
            Trust,
            r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}"#,
            "Missing required field Principal cannot be empty!",
        ),
        (
            Trust,
            r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"bob"},"Action":"sts:*"}}"#,
            "Invalid principal in policy: \"AWS\":\"bob\"",
        ),
        (
            Trust,
            r#"{"Statement":{"Effect":"Allow","Principal":"bob","Action":"sts:*"}}"#,
            "Invalid principal in policy: bob",
        ),
    ] {
        let error = Policy::parse(text, document_type).expect_err(text);
        assert_eq!(error.to_string(), message, "{text}");
    }
}
