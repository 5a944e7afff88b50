//! What a caller's policies must allow for an operation of Step Functions.
//! See <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html>.

use identity::{Caller, Facts};
use json::Value;
use permissions::{Names, Needed, Place, QUALIFIER, without_qualifier};

use crate::Api;
use crate::error::{ApiError, ErrorCode};
use crate::operations::Operation;
use crate::request::Request;

/// Everything that must be allowed: first the operation itself.
pub(crate) fn needed(operation: &Operation, request: &Request) -> Vec<Needed> {
    let scope = &request.scope;
    let place = Place { partition: "aws", region: &scope.region, account: &scope.account };
    let found = permissions::needed("sfn", operation.name, &request.value(), Names::Wire, &place);
    found.expect("every operation is in the table of permissions")
}

/// What conditions of policies may ask for.
/// See <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html#awsstepfunctions-policy-keys>.
fn facts<'a>(operation: &Operation, request: &'a Request, qualifier: Option<&'a str>) -> Facts<'a> {
    let mut facts = Facts::with_capacity(8);
    facts.insert("aws:requestedregion", &*request.scope.region);
    let is_alias = operation.name == "CreateStateMachineAlias";
    let qualifier = if is_alias { request.text("name").map(|name| &**name) } else { qualifier };
    if let Some(qualifier) = qualifier {
        facts.insert_many(QUALIFIER, vec![qualifier.into()]);
    }
    let mut keys = Vec::new();
    for tag in request.list("tags").unwrap_or_default() {
        let member = |name| tag.get(name).and_then(Value::as_str).unwrap_or_default();
        facts.insert(format!("aws:requesttag/{}", member("key")), member("value"));
        keys.push(member("key").into());
    }
    let untagged = request.list("tagKeys").unwrap_or_default().iter();
    keys.extend(untagged.filter_map(|key| key.as_str().map(Into::into)));
    if !keys.is_empty() {
        facts.insert_many("aws:tagkeys", keys);
    }
    facts
}

/// Whether policies say what the caller may do.
pub(crate) fn asks(caller: &Caller) -> bool {
    !matches!(caller, Caller::Trusted { .. })
}

/// Checks that the caller may do what is [needed], which is read for those whom policies bind.
///
/// # Errors
/// `AccessDeniedException`
pub(crate) async fn check(
    api: &Api,
    caller: &Caller,
    operation: &Operation,
    request: &Request,
    needed: &[Needed],
) -> Result<(), ApiError> {
    let denied = |message| ApiError::new(ErrorCode::AccessDeniedException, message);
    if asks(caller) {
        for Needed { action, resource, .. } in needed {
            let (resource, qualifier) = without_qualifier(resource.as_deref().unwrap_or("*"));
            let mut facts = facts(operation, request, qualifier);
            if *action == "iam:PassRole" {
                facts.insert("iam:passedtoservice", "states.amazonaws.com");
            }
            caller.check(action, resource, facts).map_err(denied)?;
        }
    }
    check_role(api, request).await
}

/// Checks that Step Functions may assume the role that is lent, where one is.
async fn check_role(api: &Api, request: &Request) -> Result<(), ApiError> {
    match request.text("roleArn") {
        Some(role) => api.callers.check_trust(role).await,
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use json::Object;
    use store::Scope;

    use super::*;

    /// Every member that names something, and what would ask for more; with values.
    const MEMBERS: [(&str, &str); 13] = [
        ("executionArn", r#""arn:aws:states:r:1:execution:allowed:e""#),
        ("stateMachineArn", r#""arn:aws:states:r:1:stateMachine:allowed""#),
        ("stateMachineVersionArn", r#""arn:aws:states:r:1:stateMachine:allowed:1""#),
        ("stateMachineAliasArn", r#""arn:aws:states:r:1:stateMachine:allowed:PROD""#),
        ("activityArn", r#""arn:aws:states:r:1:activity:allowed""#),
        ("mapRunArn", r#""arn:aws:states:r:1:mapRun:allowed/m:r""#),
        ("resourceArn", r#""arn:aws:states:r:1:stateMachine:tagged""#),
        ("roleArn", r#""arn:aws:iam::1:role/allowed""#),
        ("name", r#""allowed""#),
        (
            "routingConfiguration",
            r#"[{"stateMachineVersionArn":"arn:aws:states:r:1:stateMachine:allowed:1"}]"#,
        ),
        ("tags", r#"[{"key":"k","value":"v"}]"#),
        ("publish", "true"),
        ("revealSecrets", "true"),
    ];

    fn request(operation: &Operation, members: &[(&str, &str)]) -> Request {
        let mut object = Object::new();
        for (name, value) in members {
            object.insert(*name, json::parse(value).expect("the test says JSON"));
        }
        let scope = Scope { account: "1".into(), region: "r".into() };
        Request::unchecked(scope, operation.members, object)
    }

    fn asked(operation: &Operation, members: &[(&str, &str)]) -> Vec<(String, String)> {
        let needed = needed(operation, &request(operation, members)).into_iter();
        needed
            .map(|it| (it.action.to_owned(), it.resource.unwrap_or_else(|| "?".to_owned())))
            .collect()
    }

    /// What an operation must be allowed by its own members, written down once more: the plain rule
    /// that the table is held against.
    fn plain_rule(operation: &Operation, own: &[(&str, &str)]) -> Vec<(String, String)> {
        let text = |name: &str| {
            let (_, value) = own.iter().find(|(member, _)| *member == name)?;
            Some(json::parse(value).expect("JSON").as_str().unwrap_or_default().to_owned())
        };
        let has = |name: &str| own.iter().any(|(member, _)| *member == name);
        let made = |kind: &str| format!("arn:aws:states:r:1:{kind}:allowed");
        let resource = match operation.name {
            "CreateStateMachine" => made("stateMachine"),
            "CreateActivity" => made("activity"),
            "CreateStateMachineAlias" => made("stateMachine") + ":1",
            "TestState" => "*".to_owned(),
            // The only operation with two: the machine, else its Map Run.
            "ListExecutions" => text("stateMachineArn").expect("it has one"),
            _ => MEMBERS
                .iter()
                .filter(|(name, _)| name.ends_with("Arn") && *name != "roleArn")
                .find_map(|(name, _)| text(name))
                .unwrap_or_else(|| "*".to_owned()),
        };
        let mut rule = vec![(format!("states:{}", operation.name), resource.clone())];
        let is_created = operation.name.starts_with("Create");
        for (member, action) in [
            ("tags", "states:TagResource"),
            ("publish", "states:PublishStateMachineVersion"),
            ("revealSecrets", "states:RevealSecrets"),
        ] {
            if has(member) && (is_created || member != "tags") {
                rule.push((action.to_owned(), resource.clone()));
            }
        }
        if let Some(role) = text("roleArn") {
            rule.push(("iam:PassRole".to_owned(), role));
        }
        rule
    }

    #[test]
    fn members_of_other_operations_never_choose_what_is_authorised() {
        let mut tried = BTreeSet::new();
        for operation in Operation::all() {
            let has = |name: &str| operation.members.iter().any(|member| member.name == name);
            let (own, foreign): (Vec<_>, Vec<_>) = MEMBERS.iter().partition(|(name, _)| has(name));
            let alone = asked(operation, &own);
            for member in &foreign {
                for members in [[&[*member], &*own].concat(), [&*own, &[*member]].concat()] {
                    assert_eq!(asked(operation, &members), alone, "{} {member:?}", operation.name);
                    let request = request(operation, &members);
                    assert!(request.value().get(member.0).is_none(), "{}", operation.name);
                }
                tried.insert((operation.name, member.0));
            }
        }
        assert!(tried.len() > 37 * 8, "{}", tried.len());
    }

    #[test]
    fn the_table_agrees_with_the_plain_rule_for_every_operation() {
        for operation in Operation::all() {
            let has = |name: &str| operation.members.iter().any(|member| member.name == name);
            let own: Vec<(&str, &str)> =
                MEMBERS.iter().filter(|(name, _)| has(name)).copied().collect();
            // Every choice of the optional members that ask for more.
            for chosen in 0..16_usize {
                let optional = ["tags", "publish", "revealSecrets", "roleArn"];
                let is_left = |name: &str| {
                    let place = optional.iter().position(|it| *it == name);
                    place.is_none_or(|place| chosen & 1 << place != 0)
                };
                let members: Vec<(&str, &str)> =
                    own.iter().filter(|(name, _)| is_left(name)).copied().collect();
                let rule = plain_rule(operation, &members);
                assert_eq!(asked(operation, &members), rule, "{} {members:?}", operation.name);
            }
        }
    }
}
