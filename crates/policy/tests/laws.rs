//! What holds for all policies.

use std::sync::Arc;

use proptest::prelude::*;
use stairwell_policy::{Context, DocumentType, Policies, Policy, Principal, Request, decide};

#[derive(Clone, Debug)]
struct Drawn {
    is_deny: bool,
    action: &'static str,
    is_not_action: bool,
    resource: &'static str,
    is_not_resource: bool,
    condition: &'static str,
}

impl Drawn {
    fn text(&self) -> String {
        let effect = if self.is_deny { "Deny" } else { "Allow" };
        let not = |is_not: bool| if is_not { "Not" } else { "" };
        format!(
            r#"{{"Effect":"{effect}","{}Action":"{}","{}Resource":"{}","Condition":{}}}"#,
            not(self.is_not_action),
            self.action,
            not(self.is_not_resource),
            self.resource,
            self.condition
        )
    }
}

fn statement() -> impl Strategy<Value = Drawn> {
    let actions = ["*", "states:*", "states:Start*", "states:StartExecution", "sqs:*"];
    let resources = ["*", "arn:aws:states:*:*:stateMachine:a*", "arn:aws:sqs", "arn:aws:states"];
    let conditions = [
        "{}",
        r#"{"StringEquals":{"a:k":"x"}}"#,
        r#"{"StringNotEquals":{"a:k":"${a:j}"}}"#,
        r#"{"Null":{"a:j":"true"}}"#,
        r#"{"ForAllValues:StringLike":{"a:m":["x*"]}}"#,
    ];
    (
        any::<bool>(),
        prop::sample::select(actions.to_vec()),
        any::<bool>(),
        prop::sample::select(resources.to_vec()),
        any::<bool>(),
        prop::sample::select(conditions.to_vec()),
    )
        .prop_map(|(is_deny, action, is_not_action, resource, is_not_resource, condition)| {
            Drawn { is_deny, action, is_not_action, resource, is_not_resource, condition }
        })
}

#[derive(Clone, Debug)]
struct Asked {
    action: &'static str,
    resource: &'static str,
    k: Option<&'static str>,
    j: Option<&'static str>,
}

fn asked() -> impl Strategy<Value = Asked> {
    let values = || prop::option::of(prop::sample::select(vec!["x", "y"]));
    (
        prop::sample::select(vec!["states:StartExecution", "states:StopExecution", "sqs:Send"]),
        prop::sample::select(vec!["arn:aws:states:r:1:stateMachine:a", "arn:aws:sqs:r:1:q"]),
        values(),
        values(),
    )
        .prop_map(|(action, resource, k, j)| Asked { action, resource, k, j })
}

fn is_allowed(asked: &Asked, statements: &[Drawn]) -> bool {
    let texts: Vec<String> = statements.iter().map(Drawn::text).collect();
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, texts.join(","));
    let policy = Policy::parse(&text, DocumentType::Identity).expect("a policy");
    let mut context = Context::default();
    if let Some(k) = asked.k {
        context.insert("a:k", k);
    }
    if let Some(j) = asked.j {
        context.insert("a:j", j);
    }
    let user = Principal::User { arn: "arn:aws:iam::1:user/u", account: "1" };
    let request = Request::new(asked.action, asked.resource, user, context);
    let identity = [Arc::new(policy)];
    decide(&request, &Policies { identity: &identity, ..Policies::default() }).is_allowed()
}

proptest! {
    #[test]
    fn a_deny_that_applies_wins(
        asked in asked(),
        statements in prop::collection::vec(statement(), 0..6),
        last in statement(),
        place in any::<prop::sample::Index>(),
    ) {
        // It applies where it alone would allow.
        let as_allow = Drawn { is_deny: false, ..last.clone() };
        let applies = is_allowed(&asked, &[as_allow]);
        let mut all = statements.clone();
        all.insert(place.index(statements.len() + 1), Drawn { is_deny: true, ..last });
        let expected = !applies && is_allowed(&asked, &statements);
        prop_assert_eq!(is_allowed(&asked, &all), expected);
    }

    #[test]
    fn another_allow_takes_nothing_away(
        asked in asked(),
        statements in prop::collection::vec(statement(), 0..6),
        last in statement(),
        place in any::<prop::sample::Index>(),
    ) {
        let mut all = statements.clone();
        all.insert(place.index(statements.len() + 1), Drawn { is_deny: false, ..last });
        prop_assert!(is_allowed(&asked, &all) || !is_allowed(&asked, &statements));
    }

    #[test]
    fn order_does_not_matter(
        asked in asked(),
        (statements, shuffled) in prop::collection::vec(statement(), 0..8)
            .prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())),
    ) {
        prop_assert_eq!(is_allowed(&asked, &statements), is_allowed(&asked, &shuffled));
    }

    #[test]
    fn no_text_makes_a_panic(text in "\\PC{0,80}") {
        let statement = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":{text},"Resource":{text},"Condition":{text}}}}}"#
        );
        for text in [&text, &statement] {
            let _ = Policy::parse(text, DocumentType::Identity);
            let _ = Policy::parse(text, DocumentType::Trust);
        }
    }

    #[test]
    fn patterns_agree_with_a_slow_matcher(pattern in "[ab*?:]{0,8}", text in "[ab:]{0,8}") {
        let statement = format!(
            r#"{{"Statement":{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{"StringLike":{{"a:k":"{pattern}"}}}}}}}}"#
        );
        let policy = Policy::parse(&statement, DocumentType::Identity).expect("a policy");
        let mut context = Context::default();
        context.insert("a:k", &*text);
        let user = Principal::User { arn: "arn:aws:iam::1:user/u", account: "1" };
        let request = Request::new("s3:Get", "*", user, context);
        let identity = [Arc::new(policy)];
        let decision =
            decide(&request, &Policies { identity: &identity, ..Policies::default() });
        prop_assert_eq!(decision.is_allowed(), slowly(pattern.as_bytes(), text.as_bytes()));
    }
}

fn slowly(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=text.len()).any(|taken| slowly(rest, &text[taken..])),
        ([b'?', rest @ ..], [_, after @ ..]) => slowly(rest, after),
        ([first, rest @ ..], [other, after @ ..]) => first == other && slowly(rest, after),
        _ => false,
    }
}
