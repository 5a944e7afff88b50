//! What a caller's policies must allow for an operation of Step Functions.
//! See <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html>.

use identity::{Actor, ArnParts, Caller, Facts, account_of};
use json::Value;
use permissions::{Names, Needed, Place, QUALIFIER, without_qualifier};
use store::{Scope, StoreError};

use crate::Api;
use crate::error::{ApiError, ErrorCode};
use crate::request::Request;

/// Everything that must be allowed for that operation of AWS: first the operation itself.
pub(crate) fn needed(operation: &str, request: &Request) -> Vec<Needed> {
    let scope = &request.scope;
    let place = Place { partition: "aws", region: &scope.region, account: &scope.account };
    let found = permissions::needed("sfn", operation, &request.value(), Names::Wire, &place);
    found.expect("every operation is in the table of permissions")
}

/// Who asks.
#[derive(Clone, Copy)]
pub(crate) enum Asking<'a> {
    /// Somebody who calls over HTTP.
    Caller(&'a Caller),
    /// A task, with a role.
    Task(&'a Actor<'a>),
}

impl Asking<'_> {
    /// Whether policies say what the one who asks may do.
    pub(crate) fn is_bound(self, api: &Api) -> bool {
        match self {
            Asking::Caller(caller) => is_known(caller),
            Asking::Task(_) => api.callers.guard().is_some(),
        }
    }
}

fn is_known(caller: &Caller) -> bool {
    !matches!(caller, Caller::Trusted { .. })
}

/// Adds what conditions of policies may ask of this operation.
/// See <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html#awsstepfunctions-policy-keys>.
fn describe(facts: &mut Facts<'_>, operation: &str, request: &Request, qualifier: Option<&str>) {
    let is_alias = operation == "CreateStateMachineAlias";
    let qualifier = if is_alias { request.text("name").map(|name| &**name) } else { qualifier };
    if let Some(qualifier) = qualifier {
        facts.insert_many(QUALIFIER, vec![qualifier.to_owned().into()]);
    }
    let mut keys = Vec::new();
    for tag in request.list("tags").unwrap_or_default() {
        let member = |name| tag.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        facts.insert(format!("aws:requesttag/{}", member("key")), member("value"));
        keys.push(member("key").into());
    }
    let untagged = request.list("tagKeys").unwrap_or_default().iter();
    keys.extend(untagged.filter_map(|key| Some(key.as_str()?.to_owned().into())));
    if !keys.is_empty() {
        facts.insert_many("aws:tagkeys", keys);
    }
}

/// Adds what is known of the resource.
async fn describe_resource(
    api: &Api,
    asking: Asking<'_>,
    facts: &mut Facts<'_>,
    request: &Request,
    arn: &str,
) -> Result<(), StoreError> {
    let own_account = &*request.scope.account;
    let account = Some(account_of(arn)).filter(|account| !account.is_empty());
    facts.insert("aws:resourceaccount", account.unwrap_or(own_account).to_owned());
    let guard = api.callers.guard();
    let asks_for_tags = match (asking, guard) {
        (Asking::Caller(caller), _) => caller.asks_for_resource_tags(),
        (Asking::Task(actor), Some(guard)) => guard.asks_for_resource_tags(actor.role_arn).await?,
        (Asking::Task(_), None) => false,
    };
    if !asks_for_tags {
        return Ok(());
    }
    if arn.starts_with("arn:aws:states:") {
        api.runtime.describe_tags(&request.scope, arn, facts).await?;
    } else if let Some(guard) = guard {
        guard.describe_role(arn, facts).await?;
    }
    Ok(())
}

/// Checks that the one who asks may do what is needed, which is read for those whom policies
/// bind. `known` is what is known of every request.
///
/// # Errors
/// `AccessDeniedException`
pub(crate) async fn check(
    api: &Api,
    asking: Asking<'_>,
    operation: &str,
    request: &Request,
    needed: &[Needed],
    known: &Facts<'_>,
) -> Result<(), ApiError> {
    if asking.is_bound(api) {
        for one in needed {
            check_one(api, asking, operation, request, one, known).await?;
        }
    }
    check_role(api, asking, operation, request, known).await
}

async fn check_one(
    api: &Api,
    asking: Asking<'_>,
    operation: &str,
    request: &Request,
    needed: &Needed,
    known: &Facts<'_>,
) -> Result<(), ApiError> {
    let denied = |message| ApiError::new(ErrorCode::AccessDeniedException, message);
    let named = needed.resource.as_deref().map(without_qualifier);
    let (resource, qualifier) = named.unwrap_or(("*", None));
    let mut facts = known.clone();
    describe(&mut facts, operation, request, qualifier);
    if needed.action == "iam:PassRole" {
        facts.insert("iam:passedtoservice", "states.amazonaws.com");
        if let Some(machine) = machine_of(operation, request) {
            facts.insert("iam:associatedresourcearn", machine);
        }
    }
    let described = describe_resource(api, asking, &mut facts, request, resource).await;
    described.map_err(runtime::OperationalError::from)?;
    match asking {
        Asking::Caller(caller) => caller.check(needed.action, resource, facts).map_err(denied),
        Asking::Task(actor) => {
            let guard = api.callers.guard().expect("only a guard asks about tasks");
            let resource = needed.resource.is_some().then_some(resource);
            let checked = guard.check(actor, needed.action, resource, facts).await;
            let checked = checked.map_err(runtime::OperationalError::from)?;
            checked.map_err(|error| denied(error.0))
        }
    }
}

/// The ARN of the state machine that a role is lent to.
fn machine_of(operation: &str, request: &Request) -> Option<String> {
    let Scope { account, region } = &request.scope;
    match operation {
        "CreateStateMachine" => {
            let name = request.text("name")?;
            Some(format!("arn:aws:states:{region}:{account}:stateMachine:{name}"))
        }
        _ => request.text("stateMachineArn").map(|arn| without_qualifier(arn).0.to_owned()),
    }
}

/// Checks the role that is lent, where one is: it is of the account, and Step Functions may assume
/// it.
async fn check_role(
    api: &Api,
    asking: Asking<'_>,
    operation: &str,
    request: &Request,
    known: &Facts<'_>,
) -> Result<(), ApiError> {
    let Some(role) = request.text("roleArn") else { return Ok(()) };
    let is_known = match asking {
        Asking::Caller(caller) => is_known(caller),
        Asking::Task(_) => api.callers.must_be_known(),
    };
    let account = &request.scope.account;
    // What is no ARN of a role is refused as such by the operation.
    let is_foreign = ArnParts::parse(role).is_some_and(|parts| parts.account != &**account);
    if is_known && is_foreign {
        let message = "Cross-account pass role is not allowed.";
        return Err(ApiError::new(ErrorCode::AccessDeniedException, message));
    }
    let mut facts = known.clone();
    if let Some(machine) = machine_of(operation, request) {
        facts.insert("aws:sourcearn", machine);
    }
    api.callers.check_trust(role, account, facts).await
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use json::Object;

    use super::*;
    use crate::operations::Operation;

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
        let needed = needed(operation.name, &request(operation, members)).into_iter();
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
