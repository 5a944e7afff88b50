//! SendTaskHeartbeat.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskHeartbeat.html>.

use super::nothing;
use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;

pub(crate) const MEMBERS: &[Member] = &[Member::task_token("taskToken").required()];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    api.runtime.send_task_heartbeat(&request.scope, request.required_text("taskToken")).await?;
    Ok(nothing())
}
