//! CreateStateMachineAlias.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachineAlias.html>.

use runtime::{CreateStateMachineAlias, RouteTo};

use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;
use crate::write::JsonWriter;

const ROUTE: Member = Member::structure(
    "RoutingConfigurationListItem",
    &[
        Member::arn("stateMachineVersionArn").required(),
        Member::integer("weight", 0, 100).required(),
    ],
);
pub(crate) const ROUTES: Member = Member::short_list("routingConfiguration", &ROUTE, 1, 2);
pub(crate) const DESCRIPTION: Member = Member::text("description", 0, 256).sensitive();

pub(crate) const MEMBERS: &[Member] =
    &[Member::restricted_name("name").required(), ROUTES.required(), DESCRIPTION];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let creation = CreateStateMachineAlias {
        name: request.required_text("name"),
        description: request.text("description").map(|description| &**description),
        routes: &routes(request).unwrap_or_default(),
    };
    let alias = api.runtime.create_state_machine_alias(&request.scope, creation).await?;
    let mut out = JsonWriter::object();
    out.text("stateMachineAliasArn", &alias.arn);
    out.timestamp("creationDate", alias.creation_date);
    Ok(out.finish())
}

/// `routingConfiguration`, where it was given.
pub(crate) fn routes(request: &Request) -> Option<Vec<RouteTo<'_>>> {
    let routes = request.list("routingConfiguration")?.iter().map(|route| {
        let version_arn = route.get("stateMachineVersionArn").and_then(json::Value::as_str);
        let weight = route.get("weight").and_then(json::Value::as_i64);
        let weight = weight.and_then(|weight| u64::try_from(weight).ok());
        RouteTo { version_arn: version_arn.unwrap_or_default(), weight: weight.unwrap_or(0) }
    });
    Some(routes.collect())
}
