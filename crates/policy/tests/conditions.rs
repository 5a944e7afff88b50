//! Conditions, by the rules of the IAM user guide: operators, `IfExists`, sets, variables.
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>.

use std::borrow::Cow;
use std::sync::Arc;

use stairwell_policy::{
    Context, DocumentType, Policies, Policy, PolicyError, Principal, Request, decide,
};

/// `a:k=x` for a key with one value, `a:k=[x|y]` for one that may have several.
fn context(text: &str) -> Context<'_> {
    let mut context = Context::default();
    for pair in text.split(' ').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').expect("key=value");
        match value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(values) => {
                let values = values.split('|').filter(|value| !value.is_empty());
                context.insert_many(key, values.map(Cow::from).collect());
            }
            None => context.insert(key, value),
        }
    }
    context
}

/// The condition `operator key value|value; operator key …` in JSON.
fn condition(text: &str) -> String {
    let tests = text.split("; ").map(|test| {
        let (operator, rest) = test.split_once(' ').expect("an operator");
        let (key, values) = rest.split_once(' ').expect("a key");
        let values: Vec<String> = values.split('|').map(|value| format!("\"{value}\"")).collect();
        format!("\"{operator}\":{{\"{key}\":[{}]}}", values.join(","))
    });
    format!("{{{}}}", tests.collect::<Vec<_>>().join(","))
}

fn policy(version: &str, condition: &str) -> Result<Policy, PolicyError> {
    let text = format!(
        r#"{{"Version":"{version}","Statement":{{"Effect":"Allow","Action":"*","Resource":"*",
        "Condition":{condition}}}}}"#
    );
    Policy::parse(&text, DocumentType::Identity)
}

fn holds(policy: Policy, context: Context<'_>) -> bool {
    let arn = "arn:aws:iam::123456789012:user/bob";
    let user = Principal::User { arn, account: "123456789012" };
    let request = Request::new("s3:GetObject", "arn:aws:s3:::b/o", user, context);
    let identity = [Arc::new(policy)];
    decide(&request, &Policies { identity: &identity, ..Policies::default() }).is_allowed()
}

fn check(rows: &[(&str, &str, bool)]) {
    for (text, known, expected) in rows {
        let policy = policy("2012-10-17", &condition(text)).expect("a policy");
        assert_eq!(holds(policy, context(known)), *expected, "{text} with {known}");
    }
}

#[test]
fn texts() {
    check(&[
        ("StringEquals a:k x", "a:k=x", true),
        ("StringEquals a:k x", "a:k=X", false),
        ("StringEquals a:k x", "a:k=y", false),
        ("StringEquals a:k x", "", false),
        ("StringEquals a:k x|y", "a:k=y", true),
        ("StringEquals a:k x*", "a:k=xyz", false),
        ("StringEquals a:k x*", "a:k=x*", true),
        ("StringEquals A:K x", "a:k=x", true),
        ("StringEquals a:k x", "A:k=x", true),
        ("StringNotEquals a:k x", "a:k=y", true),
        ("StringNotEquals a:k x", "a:k=x", false),
        ("StringNotEquals a:k x", "", true),
        ("StringNotEquals a:k x|y", "a:k=y", false),
        ("StringNotEquals a:k x|y", "a:k=z", true),
        ("StringEqualsIgnoreCase a:k Ab", "a:k=aB", true),
        ("StringEqualsIgnoreCase a:k ÄB", "a:k=äb", true),
        ("StringEqualsIgnoreCase a:k Ab", "a:k=ac", false),
        ("StringEqualsIgnoreCase a:k Ab", "", false),
        ("StringNotEqualsIgnoreCase a:k Ab", "a:k=aB", false),
        ("StringNotEqualsIgnoreCase a:k Ab", "a:k=c", true),
        ("StringNotEqualsIgnoreCase a:k Ab", "", true),
        ("StringLike a:k x*", "a:k=xyz", true),
        ("StringLike a:k x*", "a:k=Xyz", false),
        ("StringLike a:k ?", "a:k=x", true),
        ("StringLike a:k ?", "a:k=xy", false),
        ("StringLike a:k *", "a:k=", true),
        ("StringLike a:k *", "", false),
        ("StringLike a:k arn:*:x", "a:k=arn:a:b:x", true),
        ("StringLike a:k a|b*", "a:k=bc", true),
        ("StringNotLike a:k x*", "a:k=xyz", false),
        ("StringNotLike a:k x*", "a:k=abc", true),
        ("StringNotLike a:k x*", "", true),
        ("StringNotLike a:k x*|a*", "a:k=abc", false),
    ]);
}

#[test]
fn numbers() {
    check(&[
        ("NumericEquals a:n 10", "a:n=10", true),
        ("NumericEquals a:n 10", "a:n=10.0", true),
        ("NumericEquals a:n 10", "a:n=11", false),
        ("NumericEquals a:n 10", "a:n=ten", false),
        ("NumericEquals a:n 10", "", false),
        ("NumericEquals a:n 1|10", "a:n=10", true),
        ("NumericNotEquals a:n 10", "a:n=11", true),
        ("NumericNotEquals a:n 10", "a:n=10", false),
        ("NumericNotEquals a:n 10", "", true),
        ("NumericLessThan a:n 10", "a:n=9", true),
        ("NumericLessThan a:n 10", "a:n=10", false),
        ("NumericLessThan a:n 10", "a:n=-1", true),
        ("NumericLessThan a:n 10", "", false),
        ("NumericLessThanEquals a:n 10", "a:n=10", true),
        ("NumericLessThanEquals a:n 10", "a:n=10.5", false),
        ("NumericLessThanEquals a:n 10", "", false),
        ("NumericGreaterThan a:n 10", "a:n=11", true),
        ("NumericGreaterThan a:n 10", "a:n=10", false),
        ("NumericGreaterThan a:n 10", "a:n=9", false),
        ("NumericGreaterThanEquals a:n 10", "a:n=10", true),
        ("NumericGreaterThanEquals a:n 10", "a:n=9", false),
        ("NumericGreaterThanEquals a:n 10", "", false),
    ]);
}

#[test]
fn instants() {
    check(&[
        ("DateEquals a:t 2020-01-01T00:00:00Z", "a:t=2020-01-01T00:00:00Z", true),
        ("DateEquals a:t 2020-01-01T00:00:00Z", "a:t=2020-01-01T01:00:00+01:00", true),
        ("DateEquals a:t 2020-01-01T00:00:00Z", "a:t=1577836800", true),
        ("DateEquals a:t 2020-01-01", "a:t=2020-01-01T00:00:00Z", true),
        ("DateEquals a:t 2020-01-01T00:00:00Z", "a:t=2020-01-02T00:00:00Z", false),
        ("DateEquals a:t 2020-01-01T00:00:00Z", "", false),
        ("DateNotEquals a:t 2020-01-01T00:00:00Z", "a:t=2020-01-02T00:00:00Z", true),
        ("DateNotEquals a:t 2020-01-01T00:00:00Z", "a:t=2020-01-01T00:00:00Z", false),
        ("DateNotEquals a:t 2020-01-01T00:00:00Z", "", true),
        ("DateLessThan a:t 2020-06-30T00:00:00Z", "a:t=2020-06-29T23:59:59Z", true),
        ("DateLessThan a:t 2020-06-30T00:00:00Z", "a:t=2020-06-30T00:00:00Z", false),
        ("DateLessThan a:t 2020-06-30T00:00:00Z", "", false),
        ("DateLessThanEquals a:t 2020-06-30T00:00:00Z", "a:t=2020-06-30T00:00:00Z", true),
        ("DateLessThanEquals a:t 2020-06-30T00:00:00Z", "a:t=2020-06-30T00:00:01Z", false),
        ("DateGreaterThan a:t 2020-06-30T00:00:00Z", "a:t=2020-06-30T00:00:01Z", true),
        ("DateGreaterThan a:t 2020-06-30T00:00:00Z", "a:t=2020-06-30T00:00:00Z", false),
        ("DateGreaterThan a:t 2020-06-30T00:00:00Z", "a:t=soon", false),
        ("DateGreaterThanEquals a:t 2020-06-30T00:00:00Z", "a:t=2020-06-30T00:00:00Z", true),
        ("DateGreaterThanEquals a:t 2020-06-30T00:00:00Z", "a:t=2019-06-30T00:00:00Z", false),
        (
            "DateGreaterThan a:t 2020-01-01; DateLessThan a:t 2021-01-01",
            "a:t=2020-07-01T00:00:00Z",
            true,
        ),
        (
            "DateGreaterThan a:t 2020-01-01; DateLessThan a:t 2021-01-01",
            "a:t=2021-07-01T00:00:00Z",
            false,
        ),
    ]);
}

#[test]
fn truth_bytes_and_addresses() {
    check(&[
        ("Bool aws:SecureTransport true", "aws:SecureTransport=true", true),
        ("Bool aws:SecureTransport true", "aws:SecureTransport=false", false),
        ("Bool aws:SecureTransport false", "aws:SecureTransport=false", true),
        ("Bool aws:SecureTransport true", "", false),
        ("Bool aws:SecureTransport false", "", false),
        ("Bool aws:SecureTransport true", "aws:SecureTransport=True", true),
        ("Bool aws:SecureTransport true|false", "aws:SecureTransport=false", true),
        ("Bool aws:SecureTransport true", "aws:SecureTransport=1", false),
        ("BinaryEquals a:b QmluYXJ5VmFsdWU=", "a:b=QmluYXJ5VmFsdWU=", true),
        ("BinaryEquals a:b QmluYXJ5VmFsdWU=", "a:b=QUFBQQ==", false),
        ("BinaryEquals a:b QmluYXJ5VmFsdWU=", "", false),
        ("IpAddress aws:SourceIp 203.0.113.0/24", "aws:SourceIp=203.0.113.9", true),
        ("IpAddress aws:SourceIp 203.0.113.0/24", "aws:SourceIp=203.0.114.9", false),
        ("IpAddress aws:SourceIp 203.0.113.0/24", "", false),
        ("IpAddress aws:SourceIp 203.0.113.7", "aws:SourceIp=203.0.113.7", true),
        ("IpAddress aws:SourceIp 10.0.0.0/8|2001:DB8::/32", "aws:SourceIp=2001:db8::7", true),
        ("IpAddress aws:SourceIp 10.0.0.0/8", "aws:SourceIp=nowhere", false),
        ("NotIpAddress aws:SourceIp 203.0.113.0/24", "aws:SourceIp=203.0.113.9", false),
        ("NotIpAddress aws:SourceIp 203.0.113.0/24", "aws:SourceIp=203.0.114.9", true),
        ("NotIpAddress aws:SourceIp 203.0.113.0/24", "", true),
        ("NotIpAddress aws:SourceIp 203.0.113.0/24|10.0.0.0/8", "aws:SourceIp=10.1.1.1", false),
    ]);
}

#[test]
fn arns() {
    let topic = "aws:SourceArn=arn:aws:sns:us-east-1:123456789012:topic";
    check(&[
        ("ArnEquals aws:SourceArn arn:aws:sns:us-east-1:123456789012:topic", topic, true),
        ("ArnEquals aws:SourceArn arn:aws:sns:us-east-1:123456789012:*", topic, true),
        ("ArnEquals aws:SourceArn arn:aws:sns:*:123456789012:topi?", topic, true),
        ("ArnEquals aws:SourceArn arn:aws:sns:us-east-1:123456789012:other", topic, false),
        ("ArnEquals aws:SourceArn arn:aws:sns:us-east-1:123456789012:TOPIC", topic, false),
        ("ArnEquals aws:SourceArn arn:aws:sns:us-east-1:123456789012:topic", "", false),
        ("ArnLike aws:SourceArn arn:aws:sns:*:*:*", topic, true),
        ("ArnLike aws:SourceArn arn:aws:sqs:*:*:*", topic, false),
        ("ArnLike aws:SourceArn arn:aws:sqs:*:*:*|arn:aws:sns:*:*:t*", topic, true),
        ("ArnLike aws:SourceArn *", topic, true),
        ("ArnNotEquals aws:SourceArn arn:aws:sns:us-east-1:123456789012:topic", topic, false),
        ("ArnNotEquals aws:SourceArn arn:aws:sns:us-east-1:123456789012:other", topic, true),
        ("ArnNotEquals aws:SourceArn arn:aws:sns:us-east-1:123456789012:topic", "", true),
        ("ArnNotLike aws:SourceArn arn:aws:sns:*:*:*", topic, false),
        ("ArnNotLike aws:SourceArn arn:aws:sqs:*:*:*", topic, true),
        ("ArnNotLike aws:SourceArn arn:aws:sqs:*:*:*", "", true),
    ]);
}

#[test]
fn absent_keys() {
    check(&[
        ("Null a:k true", "", true),
        ("Null a:k true", "a:k=x", false),
        ("Null a:k false", "a:k=x", true),
        ("Null a:k false", "", false),
        ("StringEqualsIfExists a:k x", "", true),
        ("StringEqualsIfExists a:k x", "a:k=x", true),
        ("StringEqualsIfExists a:k x", "a:k=y", false),
        ("StringNotEqualsIfExists a:k x", "", true),
        ("StringNotEqualsIfExists a:k x", "a:k=x", false),
        ("StringEqualsIgnoreCaseIfExists a:k X", "", true),
        ("StringEqualsIgnoreCaseIfExists a:k X", "a:k=y", false),
        ("StringNotEqualsIgnoreCaseIfExists a:k X", "a:k=x", false),
        ("StringLikeIfExists a:k x*", "", true),
        ("StringLikeIfExists a:k x*", "a:k=y", false),
        ("StringNotLikeIfExists a:k x*", "a:k=xy", false),
        ("StringNotLikeIfExists a:k x*", "", true),
        ("NumericEqualsIfExists a:n 1", "", true),
        ("NumericEqualsIfExists a:n 1", "a:n=2", false),
        ("NumericNotEqualsIfExists a:n 1", "a:n=1", false),
        ("NumericLessThanIfExists a:n 1", "", true),
        ("NumericLessThanIfExists a:n 1", "a:n=2", false),
        ("NumericLessThanEqualsIfExists a:n 1", "", true),
        ("NumericGreaterThanIfExists a:n 1", "", true),
        ("NumericGreaterThanIfExists a:n 1", "a:n=0", false),
        ("NumericGreaterThanEqualsIfExists a:n 1", "", true),
        ("DateEqualsIfExists a:t 2020", "", true),
        ("DateNotEqualsIfExists a:t 2020", "a:t=2020", false),
        ("DateLessThanIfExists a:t 2020", "", true),
        ("DateLessThanIfExists a:t 2020", "a:t=2021", false),
        ("DateLessThanEqualsIfExists a:t 2020", "", true),
        ("DateGreaterThanIfExists a:t 2020", "", true),
        ("DateGreaterThanEqualsIfExists a:t 2020", "a:t=2019", false),
        ("BoolIfExists aws:MultiFactorAuthPresent true", "", true),
        ("BoolIfExists aws:MultiFactorAuthPresent true", "aws:MultiFactorAuthPresent=false", false),
        ("BinaryEqualsIfExists a:b QUFBQQ==", "", true),
        ("IpAddressIfExists aws:SourceIp 10.0.0.0/8", "", true),
        ("IpAddressIfExists aws:SourceIp 10.0.0.0/8", "aws:SourceIp=11.0.0.1", false),
        ("NotIpAddressIfExists aws:SourceIp 10.0.0.0/8", "", true),
        ("NotIpAddressIfExists aws:SourceIp 10.0.0.0/8", "aws:SourceIp=10.0.0.1", false),
        ("ArnEqualsIfExists aws:SourceArn arn:aws:sns:*:*:*", "", true),
        ("ArnLikeIfExists aws:SourceArn arn:aws:sns:*:*:*", "aws:SourceArn=arn:aws:s3:::b", false),
        (
            "ArnNotEqualsIfExists aws:SourceArn arn:aws:s3:::b",
            "aws:SourceArn=arn:aws:s3:::b",
            false,
        ),
        ("ArnNotLikeIfExists aws:SourceArn arn:aws:s3:::b", "", true),
    ]);
}

#[test]
fn sets() {
    check(&[
        ("ForAllValues:StringEquals aws:TagKeys a|b", "aws:TagKeys=[a]", true),
        ("ForAllValues:StringEquals aws:TagKeys a|b", "aws:TagKeys=[a|b]", true),
        ("ForAllValues:StringEquals aws:TagKeys a|b", "aws:TagKeys=[a|c]", false),
        ("ForAllValues:StringEquals aws:TagKeys a|b", "", true),
        ("ForAllValues:StringEquals aws:TagKeys a|b", "aws:TagKeys=[]", true),
        ("ForAllValues:StringNotEquals aws:TagKeys a|b", "aws:TagKeys=[c|d]", true),
        ("ForAllValues:StringNotEquals aws:TagKeys a|b", "aws:TagKeys=[a|c]", false),
        ("ForAllValues:StringNotEquals aws:TagKeys a|b", "", true),
        ("ForAllValues:StringLike aws:TagKeys a*", "aws:TagKeys=[ab|ac]", true),
        ("ForAllValues:StringLike aws:TagKeys a*", "aws:TagKeys=[ab|bc]", false),
        ("ForAllValues:StringNotLike aws:TagKeys a*", "aws:TagKeys=[b|c]", true),
        ("ForAllValues:StringNotLike aws:TagKeys a*", "aws:TagKeys=[b|ab]", false),
        ("ForAllValues:NumericLessThan a:n 5", "a:n=[1|2]", true),
        ("ForAllValues:NumericLessThan a:n 5", "a:n=[1|7]", false),
        ("ForAllValues:ArnLike a:r arn:aws:s3:::*", "a:r=[arn:aws:s3:::b|arn:aws:s3:::c]", true),
        ("ForAllValues:ArnNotLike a:r arn:aws:s3:::*", "a:r=[arn:aws:s3:::b]", false),
        ("ForAllValues:StringEqualsIfExists aws:TagKeys a", "", true),
        ("ForAllValues:StringEqualsIfExists aws:TagKeys a", "aws:TagKeys=[b]", false),
        ("ForAnyValue:StringEquals aws:TagKeys a|b", "aws:TagKeys=[a|c]", true),
        ("ForAnyValue:StringEquals aws:TagKeys a|b", "aws:TagKeys=[c|d]", false),
        ("ForAnyValue:StringEquals aws:TagKeys a|b", "", false),
        ("ForAnyValue:StringEquals aws:TagKeys a|b", "aws:TagKeys=[]", false),
        ("ForAnyValue:StringNotEquals aws:TagKeys a|b", "aws:TagKeys=[a|c]", true),
        ("ForAnyValue:StringNotEquals aws:TagKeys a|b", "aws:TagKeys=[a|b]", false),
        ("ForAnyValue:StringNotEquals aws:TagKeys a|b", "", false),
        ("ForAnyValue:StringLike aws:TagKeys a*", "aws:TagKeys=[b|ab]", true),
        ("ForAnyValue:StringNotLike aws:TagKeys a*", "aws:TagKeys=[ab|ac]", false),
        ("ForAnyValue:StringEqualsIgnoreCase aws:TagKeys A", "aws:TagKeys=[b|a]", true),
        ("ForAnyValue:NumericEquals a:n 5", "a:n=[1|5]", true),
        ("ForAnyValue:DateLessThan a:t 2020", "a:t=[2019|2021]", true),
        ("ForAnyValue:Bool a:b true", "a:b=[false|false]", false),
        ("ForAnyValue:IpAddress a:i 10.0.0.0/8", "a:i=[11.0.0.1|10.0.0.1]", true),
        ("ForAnyValue:StringEqualsIfExists aws:TagKeys a", "", true),
        ("ForAllValues:StringEquals aws:TagKeys a; Null aws:TagKeys false", "", false),
        (
            "ForAllValues:StringEquals aws:TagKeys a; Null aws:TagKeys false",
            "aws:TagKeys=[a]",
            true,
        ),
    ]);
}

#[test]
fn all_operators_and_keys_must_hold() {
    check(&[
        ("StringEquals a:k x; Bool a:b true", "a:k=x a:b=true", true),
        ("StringEquals a:k x; Bool a:b true", "a:k=x a:b=false", false),
        ("StringEquals a:k x; StringLike a:j y*", "a:j=yes", false),
    ]);
    let two_keys = r#"{"StringEquals":{"a:k":"x","a:j":["y","z"]}}"#;
    for (known, expected) in [("a:k=x a:j=z", true), ("a:k=x a:j=x", false), ("a:k=x", false)] {
        let policy = policy("2012-10-17", two_keys).expect("a policy");
        assert_eq!(holds(policy, context(known)), expected, "{known}");
    }
}

#[test]
fn variables() {
    check(&[
        ("StringEquals a:k ${aws:username}", "a:k=bob aws:username=bob", true),
        ("StringEquals a:k ${aws:username}", "a:k=eve aws:username=bob", false),
        ("StringEquals a:k ${aws:username}", "a:k=bob", false),
        ("StringEquals a:k ${aws:username}", "a:k=${aws:username}", false),
        ("StringEquals a:k ${AWS:UserName}", "a:k=bob aws:username=bob", true),
        ("StringEquals a:k team-${a:t}-x", "a:k=team-red-x a:t=red", true),
        ("StringNotEquals a:k ${aws:username}", "a:k=bob aws:username=bob", false),
        ("StringNotEquals a:k ${aws:username}", "a:k=bob", true),
        ("StringEqualsIgnoreCase a:k ${aws:username}", "a:k=BOB aws:username=bob", true),
        ("StringLike a:k ${aws:username}/*", "a:k=bob/x aws:username=bob", true),
        ("StringLike a:k ${aws:username}/*", "a:k=eve/x aws:username=bob", false),
        ("StringLike a:k ${aws:username}/*", "a:k=eve/x aws:username=*", false),
        ("StringLike a:k ${aws:username}/*", "a:k=*/x aws:username=*", true),
        ("StringLike a:k a${*}b", "a:k=a*b", true),
        ("StringLike a:k a${*}b", "a:k=axb", false),
        ("StringLike a:k a${?}b", "a:k=a?b", true),
        ("StringLike a:k a${$}b", "a:k=a$b", true),
        ("StringEquals a:k ${a:t,'company-wide'}", "a:k=company-wide", true),
        ("StringEquals a:k ${a:t,'company-wide'}", "a:k=red a:t=red", true),
        ("StringEquals a:k ${a:t,'company-wide'}", "a:k=company-wide a:t=red", false),
        ("StringEquals a:k ${aws:TagKeys}", "a:k=a aws:TagKeys=[a]", false),
        ("StringEquals a:k ${aws:PrincipalTag/team}", "a:k=red aws:PrincipalTag/team=red", true),
        ("ArnLike a:r arn:aws:s3:::${aws:username}", "a:r=arn:aws:s3:::bob aws:username=bob", true),
        (
            "ArnLike a:r arn:aws:s3:::${aws:username}",
            "a:r=arn:aws:s3:::eve aws:username=bob",
            false,
        ),
        ("ArnEquals a:r arn:aws:s3:::${aws:username}", "a:r=arn:aws:s3:::x", false),
    ]);
}

#[test]
fn policies_of_2008_have_no_variables() {
    let condition = r#"{"StringEquals":{"a:k":"${aws:username}"}}"#;
    for (known, expected) in [("a:k=bob aws:username=bob", false), ("a:k=${aws:username}", true)] {
        let policy = policy("2008-10-17", condition).expect("a policy");
        assert_eq!(holds(policy, context(known)), expected, "{known}");
    }
}

#[test]
fn values_may_stand_without_quotes() {
    for (condition, known, expected) in [
        (r#"{"Bool":{"a:b":true}}"#, "a:b=true", true),
        (r#"{"Bool":{"a:b":"true"}}"#, "a:b=true", true),
        (r#"{"Bool":{"a:b":false}}"#, "a:b=true", false),
        (r#"{"NumericLessThan":{"a:n":10}}"#, "a:n=9", true),
        (r#"{"NumericLessThan":{"a:n":[1,10.5]}}"#, "a:n=10", true),
        (r#"{"Null":{"a:k":true}}"#, "", true),
        (r#"{}"#, "", true),
        (r#"{"StringEquals":{}}"#, "", true),
    ] {
        let policy = policy("2012-10-17", condition).expect("a policy");
        assert_eq!(holds(policy, context(known)), expected, "{condition} with {known}");
    }
}

#[test]
fn what_is_no_condition_is_refused() {
    for (condition, message) in [
        (r#"{"StringEqual":{"a:k":"x"}}"#, "Invalid Condition type : StringEqual."),
        (r#"{"NumericLike":{"a:k":"x"}}"#, "Invalid Condition type : NumericLike."),
        (r#"{"NullIfExists":{"a:k":"true"}}"#, "Invalid Condition type : NullIfExists."),
        (
            r#"{"ForSome:StringEquals":{"a:k":"x"}}"#,
            "Invalid Condition type : ForSome:StringEquals.",
        ),
        (r#"{"Null":{"a:k":"yes"}}"#, "The value yes of a:k is none that Null compares with."),
        (r#"{"Bool":{"a:k":"yes"}}"#, "The value yes of a:k is none that Bool compares with."),
        (
            r#"{"IpAddress":{"a:k":"x"}}"#,
            "The value x of a:k is none that IpAddress compares with.",
        ),
        (
            r#"{"DateLessThan":{"a:k":"soon"}}"#,
            "The value soon of a:k is none that DateLessThan compares with.",
        ),
        (
            r#"{"NumericEquals":{"a:k":"x"}}"#,
            "The value x of a:k is none that NumericEquals compares with.",
        ),
        (
            r#"{"StringEquals":{"key":"x"}}"#,
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (r#"{"StringEquals":{"a:k":null}}"#, "Syntax errors in policy."),
        (r#"{"StringEquals":"x"}"#, "Syntax errors in policy."),
        (r#"[]"#, "Syntax errors in policy."),
    ] {
        let error = policy("2012-10-17", condition).expect_err(condition);
        assert_eq!(error.to_string(), message, "{condition}");
    }
}
