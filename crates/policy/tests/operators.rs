//! Every operator of conditions in each of its forms: plain, `IfExists`, `ForAllValues`,
//! `ForAnyValue`.
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>
//! and <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html>.

use std::borrow::Cow;
use std::sync::Arc;

use stairwell_policy::{Context, DocumentType, Policies, Policy, Principal, Request, decide};

/// An operator, what it compares with, a value for which the condition holds, and one for which it
/// does not.
const OPERATORS: [(&str, &str, &str, &str); 26] = [
    ("StringEquals", "red", "red", "Red"),
    ("StringNotEquals", "red", "Red", "red"),
    ("StringEqualsIgnoreCase", "red", "RED", "blue"),
    ("StringNotEqualsIgnoreCase", "red", "blue", "RED"),
    ("StringLike", "r?d*", "rod/1", "rd"),
    ("StringNotLike", "r?d*", "rd", "rod/1"),
    ("NumericEquals", "10", "10.0", "11"),
    ("NumericNotEquals", "10", "11", "10.0"),
    ("NumericLessThan", "10", "9.5", "10"),
    ("NumericLessThanEquals", "10", "10", "10.5"),
    ("NumericGreaterThan", "10", "10.5", "10"),
    ("NumericGreaterThanEquals", "10", "10", "9.5"),
    ("DateEquals", "2020-01-01T00:00:00Z", "1577836800", "2020-01-02T00:00:00Z"),
    ("DateNotEquals", "2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z", "1577836800"),
    ("DateLessThan", "2020-01-01T00:00:00Z", "2019-12-31T23:59:59Z", "2020-01-01T00:00:00Z"),
    ("DateLessThanEquals", "2020-01-01T00:00:00Z", "2020-01-01", "2020-01-01T00:00:01Z"),
    ("DateGreaterThan", "2020-01-01T00:00:00Z", "2020-01-01T00:00:01Z", "2020-01-01T00:00:00Z"),
    ("DateGreaterThanEquals", "2020-01-01T00:00:00Z", "2020-01-01", "2019-12-31T23:59:59Z"),
    ("Bool", "true", "TRUE", "false"),
    ("BinaryEquals", "QmluYXJ5VmFsdWU=", "QmluYXJ5VmFsdWU=", "QUFBQQ=="),
    ("IpAddress", "203.0.113.0/24", "203.0.113.9", "203.0.114.9"),
    ("NotIpAddress", "203.0.113.0/24", "203.0.114.9", "203.0.113.9"),
    ("ArnEquals", "arn:aws:sns:*:1:t?pic", "arn:aws:sns:r:1:topic", "arn:aws:sns:r:2:topic"),
    ("ArnLike", "arn:aws:sns:*:1:t?pic", "arn:aws:sns:r:1:topic", "arn:aws:sns:r:1:top:ic"),
    ("ArnNotEquals", "arn:aws:sns:*:1:t?pic", "arn:aws:sns:r:2:topic", "arn:aws:sns:r:1:topic"),
    ("ArnNotLike", "arn:aws:sns:*:1:t?pic", "arn:aws:sns:r:1:tpic", "arn:aws:sns:r:1:topic"),
];

/// Whether the condition lets a request through; none where the key is absent.
fn holds(operator: &str, operand: &str, values: Option<&[&str]>, is_multivalued: bool) -> bool {
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"*",
        "Condition":{{"{operator}":{{"a:key":"{operand}"}}}}}}}}"#
    );
    let policy = Policy::parse(&text, DocumentType::Identity).expect("a policy");
    let mut context = Context::default();
    match values {
        Some([value]) if !is_multivalued => context.insert("a:key", *value),
        Some(values) => {
            context.insert_many("a:key", values.iter().map(|value| Cow::from(*value)).collect());
        }
        None => {}
    }
    let user = Principal::User { arn: "arn:aws:iam::1:user/u", account: "1" };
    let request = Request::new("s3:GetObject", "arn:aws:s3:::b/o", user, context);
    let identity = [Arc::new(policy)];
    decide(&request, &Policies { identity: &identity, ..Policies::default() }).is_allowed()
}

#[test]
fn every_operator_in_every_form() {
    let mut count = 0;
    for (operator, operand, yes, no) in OPERATORS {
        // What is absent does not match: what asks for that holds.
        let is_negated = operator.contains("Not");
        let mut check = |form: String, values: Option<&[&str]>, is_multivalued, expected| {
            let found = holds(&form, operand, values, is_multivalued);
            assert_eq!(found, expected, "{form} {operand} with {values:?}");
            count += 1;
        };
        let plain = || operator.to_owned();
        check(plain(), Some(&[yes]), false, true);
        check(plain(), Some(&[no]), false, false);
        check(plain(), None, false, is_negated);
        let if_exists = || format!("{operator}IfExists");
        check(if_exists(), Some(&[yes]), false, true);
        check(if_exists(), Some(&[no]), false, false);
        check(if_exists(), None, false, true);
        for (prefix, mixed, none) in [("ForAllValues", false, true), ("ForAnyValue", true, false)] {
            let form = || format!("{prefix}:{operator}");
            check(form(), Some(&[yes]), true, true);
            check(form(), Some(&[yes, yes]), true, true);
            check(form(), Some(&[no]), true, false);
            check(form(), Some(&[yes, no]), true, mixed);
            check(form(), Some(&[no, yes]), true, mixed);
            check(form(), Some(&[no, no]), true, false);
            check(form(), Some(&[]), true, none);
            check(form(), None, true, none);
            let if_exists = || format!("{prefix}:{operator}IfExists");
            check(if_exists(), Some(&[yes, no]), true, mixed);
            check(if_exists(), Some(&[no]), true, false);
            check(if_exists(), Some(&[yes]), true, true);
            check(if_exists(), None, true, true);
        }
    }
    assert_eq!(count, OPERATORS.len() * 30);
}
