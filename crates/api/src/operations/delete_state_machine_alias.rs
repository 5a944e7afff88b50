//! DeleteStateMachineAlias.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DeleteStateMachineAlias.html>.

use super::nothing;
use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;

pub(crate) const MEMBERS: &[Member] = &[Member::arn("stateMachineAliasArn").required()];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let arn = request.required_text("stateMachineAliasArn");
    api.runtime.delete_state_machine_alias(&request.scope, arn).await?;
    Ok(nothing())
}
