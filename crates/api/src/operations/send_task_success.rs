//! SendTaskSuccess.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html>.

use runtime::SendTaskSuccess;

use super::nothing;
use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;

pub(crate) const MEMBERS: &[Member] =
    &[Member::task_token("taskToken").required(), Member::payload("output").required()];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let success = SendTaskSuccess {
        task_token: request.required_text("taskToken"),
        output: request.required_text("output"),
    };
    api.runtime.send_task_success(&request.scope, success).await?;
    Ok(nothing())
}
