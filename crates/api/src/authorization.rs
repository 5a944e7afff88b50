//! What a caller's policies must allow for an operation of Step Functions.
//! See <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html>.

use identity::{Caller, Facts};
use json::Value;
use runtime::{QUALIFIER, without_qualifier};

use crate::Api;
use crate::error::{ApiError, ErrorCode};
use crate::operations::Operation;
use crate::request::Request;

/// The members that name the resource of an operation, the closest first.
const RESOURCES: [&str; 7] = [
    "executionArn",
    "stateMachineVersionArn",
    "stateMachineAliasArn",
    "stateMachineArn",
    "activityArn",
    "mapRunArn",
    "resourceArn",
];

/// The ARN of what the operation would be done to, as it is named; `*` where AWS knows no resource
/// of it.
pub(crate) fn resource(operation: &Operation, request: &Request) -> String {
    let scope = &request.scope;
    let name = request.text("name").map(|name| &**name).unwrap_or_default();
    let made =
        |kind: &str| format!("arn:aws:states:{}:{}:{kind}:{name}", scope.region, scope.account);
    match operation.name {
        "CreateStateMachine" => made("stateMachine"),
        "CreateActivity" => made("activity"),
        "SendTaskSuccess" | "SendTaskFailure" | "SendTaskHeartbeat" => "*".to_owned(),
        // The alias belongs to the machine of the versions that it routes to.
        "CreateStateMachineAlias" => {
            let routes = request.list("routingConfiguration").and_then(<[_]>::first);
            let routed = routes.and_then(|route| route.get("stateMachineVersionArn")?.as_str());
            routed.map_or("*", |arn| without_qualifier(arn).0).to_owned()
        }
        _ => {
            let named = RESOURCES.iter().find_map(|member| request.text(member));
            named.map_or("*", |arn| arn).to_owned()
        }
    }
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

/// The actions that a caller needs: of an operation that does what others do, theirs as well.
fn actions(operation: &Operation, request: &Request) -> Vec<String> {
    let is_creation = matches!(operation.name, "CreateStateMachine" | "CreateActivity");
    let tags = is_creation && request.list("tags").is_some_and(|tags| !tags.is_empty());
    let publishes = request.boolean("publish") == Some(true);
    let reveals = request.boolean("revealSecrets") == Some(true);
    [
        Some(operation.name),
        tags.then_some("TagResource"),
        publishes.then_some("PublishStateMachineVersion"),
        // What a connection adds to the request of an HTTP Task.
        reveals.then_some("RevealSecrets"),
    ]
    .into_iter()
    .flatten()
    .map(|name| format!("states:{name}"))
    .collect()
}

/// Checks that the caller may.
///
/// # Errors
/// `AccessDeniedException`
pub(crate) async fn check(
    api: &Api,
    caller: &Caller,
    operation: &Operation,
    request: &Request,
    resource: &str,
) -> Result<(), ApiError> {
    let denied = |message| ApiError::new(ErrorCode::AccessDeniedException, message);
    if matches!(caller, Caller::Trusted { .. }) {
        return check_role(api, request).await;
    }
    let (resource, qualifier) = without_qualifier(resource);
    let facts = facts(operation, request, qualifier);
    for action in actions(operation, request) {
        caller.check(&action, resource, facts.clone()).map_err(denied)?;
    }
    // Whoever lends a role to a state machine must be allowed to.
    if let Some(role) = request.text("roleArn") {
        let mut facts = Facts::default();
        facts.insert("iam:passedtoservice", "states.amazonaws.com");
        caller.check("iam:PassRole", role, facts).map_err(denied)?;
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
    use super::*;

    #[test]
    fn versions_and_aliases_belong_to_their_machine() {
        const MACHINE: &str = "arn:aws:states:r:1:stateMachine:m";
        for (arn, expected) in [
            ("arn:aws:states:r:1:stateMachine:m:3", (MACHINE, Some("3"))),
            ("arn:aws:states:r:1:stateMachine:m:PROD", (MACHINE, Some("PROD"))),
            (MACHINE, (MACHINE, None)),
            ("arn:aws:states:r:1:execution:m:e", ("arn:aws:states:r:1:execution:m:e", None)),
            ("nothing", ("nothing", None)),
        ] {
            assert_eq!(without_qualifier(arn), expected);
        }
    }
}
