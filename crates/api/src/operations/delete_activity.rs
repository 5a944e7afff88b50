//! DeleteActivity.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DeleteActivity.html>.

use super::nothing;
use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;

pub(crate) const MEMBERS: &[Member] = &[Member::arn("activityArn").required()];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    api.runtime.delete_activity(&request.scope, request.required_text("activityArn")).await?;
    Ok(nothing())
}
