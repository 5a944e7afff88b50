//! What a caller's policies must allow for an operation of Step Functions.
//! See <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html>.

use identity::Caller;

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

/// The ARN of what the operation would be done to; `*` where AWS knows no resource of it.
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
            routed.map_or("*", unqualified).to_owned()
        }
        _ => {
            let named = RESOURCES.iter().find_map(|member| request.text(member));
            named.map_or("*", |arn| arn).to_owned()
        }
    }
}

/// The ARN of the state machine of a version.
fn unqualified(arn: &str) -> &str {
    arn.match_indices(':').nth(6).map_or(arn, |(end, _)| &arn[..end])
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
    let facts = [("aws:requestedregion", &*request.scope.region)];
    caller.check(&format!("states:{}", operation.name), resource, &facts).map_err(denied)?;
    // Whoever lends a role to a state machine must be allowed to.
    if let Some(role) = request.text("roleArn") {
        let facts = [("iam:passedtoservice", "states.amazonaws.com")];
        caller.check("iam:PassRole", role, &facts).map_err(denied)?;
        api.callers.check_trust(role).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_belongs_to_its_machine() {
        for (arn, expected) in [
            ("arn:aws:states:r:1:stateMachine:m:3", "arn:aws:states:r:1:stateMachine:m"),
            ("arn:aws:states:r:1:stateMachine:m", "arn:aws:states:r:1:stateMachine:m"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(unqualified(arn), expected);
        }
    }
}
