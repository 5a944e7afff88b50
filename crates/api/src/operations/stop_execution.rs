//! StopExecution.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html>.

use runtime::StopExecution;

use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;
use crate::write::JsonWriter;

pub(crate) const MEMBERS: &[Member] =
    &[Member::arn("executionArn").required(), Member::error("error"), Member::cause("cause")];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let stop = StopExecution {
        execution_arn: request.required_text("executionArn"),
        error: request.text("error").map(|error| &**error),
        cause: request.text("cause").map(|cause| &**cause),
    };
    let stop_date = api.runtime.stop_execution(&request.scope, stop).await?;
    let mut out = JsonWriter::object();
    out.timestamp("stopDate", stop_date);
    Ok(out.finish())
}
