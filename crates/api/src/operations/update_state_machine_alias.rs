//! UpdateStateMachineAlias.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_UpdateStateMachineAlias.html>.

use runtime::UpdateStateMachineAlias;

use super::create_state_machine_alias::{DESCRIPTION, ROUTES, routes};
use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;
use crate::write::JsonWriter;

pub(crate) const MEMBERS: &[Member] =
    &[Member::arn("stateMachineAliasArn").required(), DESCRIPTION, ROUTES];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let routes = routes(request);
    let update = UpdateStateMachineAlias {
        arn: request.required_text("stateMachineAliasArn"),
        description: request.text("description").map(|description| &**description),
        routes: routes.as_deref(),
    };
    let update_date = api.runtime.update_state_machine_alias(&request.scope, update).await?;
    let mut out = JsonWriter::object();
    out.timestamp("updateDate", update_date);
    Ok(out.finish())
}
