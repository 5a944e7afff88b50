//! RedriveExecution.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_RedriveExecution.html>.

use runtime::RedriveExecution;

use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;
use crate::write::JsonWriter;

pub(crate) const MEMBERS: &[Member] =
    &[Member::arn("executionArn").required(), Member::client_token("clientToken")];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let redrive = RedriveExecution {
        execution_arn: request.required_text("executionArn"),
        client_token: request.text("clientToken").map(|token| &**token),
    };
    let redrive_date = api.runtime.redrive_execution(&request.scope, redrive).await?;
    let mut out = JsonWriter::object();
    out.timestamp("redriveDate", redrive_date);
    Ok(out.finish())
}
