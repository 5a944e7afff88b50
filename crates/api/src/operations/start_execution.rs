//! StartExecution.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html>.

use runtime::StartExecution;

use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;
use crate::write::JsonWriter;

pub(crate) const MEMBERS: &[Member] = &[
    Member::arn("stateMachineArn").required(),
    Member::name("name"),
    Member::payload("input"),
    Member::trace_header("traceHeader"),
];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let started = api.runtime.start_execution(&request.scope, start(request)).await?;
    let mut out = JsonWriter::object();
    out.text("executionArn", &started.execution_arn);
    out.timestamp("startDate", started.start_date);
    Ok(out.finish())
}

/// What is to be started.
pub(crate) fn start(request: &Request) -> StartExecution<'_> {
    let trace_header = request.trace_header.as_ref().or(request.text("traceHeader"));
    StartExecution {
        state_machine_arn: request.required_text("stateMachineArn"),
        name: request.text("name").map(|name| &**name),
        input: request.text("input").map(|input| &**input),
        trace_header: trace_header.map(|header| &**header),
    }
}
