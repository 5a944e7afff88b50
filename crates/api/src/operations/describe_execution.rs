//! DescribeExecution.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html>.

use engine::Status;
use runtime::{ExecutionDescription, RedriveStatus};

use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;
use crate::write::JsonWriter;

pub(crate) const INCLUDED_DATA: Member =
    Member::choice("includedData", &["ALL_DATA", "METADATA_ONLY"]);

pub(crate) const MEMBERS: &[Member] = &[Member::arn("executionArn").required(), INCLUDED_DATA];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let arn = request.required_text("executionArn");
    let described = api.runtime.describe_execution(&request.scope, arn).await?;
    Ok(answer(&described, !request.is_metadata_only()))
}

/// Without `with_data`, what AWS would have to decrypt is left out: payloads, error and cause.
fn answer(described: &ExecutionDescription, with_data: bool) -> Vec<u8> {
    let header = &described.header;
    let mut out = JsonWriter::object();
    out.text("executionArn", &header.arn);
    out.text("stateMachineArn", &header.state_machine_arn);
    out.text("name", &header.name);
    out.text("status", status_text(header.status));
    out.timestamp("startDate", header.start);
    out.optional_timestamp("stopDate", header.stop);
    if with_data {
        out.text("input", described.input.text());
        out.member("inputDetails", |out| out.boolean("included", true));
    }
    if with_data && let Some(output) = &described.output {
        out.text("output", output.text());
        out.member("outputDetails", |out| out.boolean("included", true));
    }
    out.optional_text("mapRunArn", header.map_run_arn().as_deref());
    out.optional_text("traceHeader", header.trace_header.as_deref());
    // AWS tells why an execution failed or was stopped, and does not of one that timed out.
    let failure = described.failure.as_ref().filter(|_| header.status != Status::TimedOut);
    if with_data && let Some(failure) = failure {
        out.optional_text("error", failure.error.as_deref());
        out.optional_text("cause", failure.cause.as_deref());
    }
    out.optional_text("stateMachineVersionArn", header.state_machine_version_arn.as_deref());
    out.optional_text("stateMachineAliasArn", header.state_machine_alias_arn.as_deref());
    out.integer("redriveCount", header.redrive_count);
    out.optional_timestamp("redriveDate", header.redrive_date);
    match described.redrive {
        RedriveStatus::Redrivable => out.text("redriveStatus", "REDRIVABLE"),
        RedriveStatus::RedrivableByMapRun => out.text("redriveStatus", "REDRIVABLE_BY_MAP_RUN"),
        RedriveStatus::NotRedrivable(reason) => {
            out.text("redriveStatus", "NOT_REDRIVABLE");
            out.text("redriveStatusReason", reason);
        }
    }
    out.finish()
}

/// `status`, as AWS writes it.
pub(crate) fn status_text(status: Status) -> &'static str {
    match status {
        Status::Running => "RUNNING",
        Status::Succeeded => "SUCCEEDED",
        Status::Failed => "FAILED",
        Status::TimedOut => "TIMED_OUT",
        Status::Aborted => "ABORTED",
    }
}
