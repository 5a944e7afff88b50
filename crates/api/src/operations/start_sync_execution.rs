//! StartSyncExecution.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartSyncExecution.html>.

use super::describe_execution::{INCLUDED_DATA, status_text};
use super::start_execution;
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
    INCLUDED_DATA,
];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let start = start_execution::start(request);
    let ended = api.runtime.start_sync_execution(&request.scope, start).await?;
    let with_data = !request.is_metadata_only();
    let mut out = JsonWriter::object();
    out.text("executionArn", &ended.execution_arn);
    out.text("stateMachineArn", &ended.state_machine_arn);
    out.text("name", &ended.name);
    out.timestamp("startDate", ended.start_date);
    out.timestamp("stopDate", ended.stop_date);
    out.text("status", status_text(ended.status));
    if with_data && let Some(failure) = &ended.failure {
        out.optional_text("error", failure.error.as_deref());
        out.optional_text("cause", failure.cause.as_deref());
    }
    if with_data {
        out.text("input", ended.input.text());
        out.member("inputDetails", |out| out.boolean("included", true));
    }
    if with_data {
        out.optional_text("output", ended.output.as_ref().map(json::Document::text));
        // AWS tells so of executions without an output, too.
        out.member("outputDetails", |out| out.boolean("included", true));
    }
    out.optional_text("traceHeader", ended.trace_header.as_deref());
    out.member("billingDetails", |out| {
        out.integer("billedMemoryUsedInMB", ended.billed_megabytes);
        out.integer("billedDurationInMilliseconds", ended.billed_milliseconds);
    });
    Ok(out.finish())
}
