//! DeleteStateMachineVersion.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DeleteStateMachineVersion.html>.

use super::nothing;
use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;

pub(crate) const MEMBERS: &[Member] = &[Member::long_arn("stateMachineVersionArn").required()];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let arn = request.required_text("stateMachineVersionArn");
    api.runtime.delete_state_machine_version(&request.scope, arn).await?;
    Ok(nothing())
}
