//! SendTaskFailure.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskFailure.html>.

use runtime::SendTaskFailure;

use super::nothing;
use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;

pub(crate) const MEMBERS: &[Member] =
    &[Member::task_token("taskToken").required(), Member::error("error"), Member::cause("cause")];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let failure = SendTaskFailure {
        task_token: request.required_text("taskToken"),
        error: request.text("error").map(|error| &**error),
        cause: request.text("cause").map(|cause| &**cause),
    };
    api.runtime.send_task_failure(&request.scope, failure).await?;
    Ok(nothing())
}
