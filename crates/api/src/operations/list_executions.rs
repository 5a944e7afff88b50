//! ListExecutions.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html>.

use engine::{ExecutionId, Status};
use runtime::{ExecutionsOf, ListExecutions};
use store::{ExecutionHeader, ListCursor};

use super::describe_execution::status_text;
use crate::Api;
use crate::constraint::Member;
use crate::error::{ApiError, ValidationReason};
use crate::request::Request;
use crate::token::Listing;
use crate::write::JsonWriter;

const ONE_ARN: &str = "Must specify exactly one of: stateMachineArn, mapRunArn";

/// In the order in which AWS's message lists them, which is no order of the model.
const STATUSES: &[&str] =
    &["SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING"];

pub(crate) const MEMBERS: &[Member] = &[
    Member::arn("stateMachineArn"),
    Member::choice("statusFilter", STATUSES),
    Member::page_size("maxResults"),
    Member::text("nextToken", 1, 3_096),
    Member::long_arn("mapRunArn"),
    Member::choice("redriveFilter", &["REDRIVEN", "NOT_REDRIVEN"]),
];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let of = match (request.text("stateMachineArn"), request.text("mapRunArn")) {
        (Some(arn), None) => ExecutionsOf::StateMachine(arn),
        (None, Some(arn)) => ExecutionsOf::MapRun(arn),
        (None, None) => {
            let error = ApiError::validation(ONE_ARN);
            return Err(error.because(ValidationReason::MissingRequiredParameter));
        }
        (Some(_), Some(_)) => return Err(ApiError::validation(ONE_ARN)),
    };
    let redrive_filter = request.text("redriveFilter").map_or("", |filter| filter);
    if !redrive_filter.is_empty() && !matches!(of, ExecutionsOf::MapRun(_)) {
        let message = "redriveFilter is only supported with a mapRunArn";
        return Err(ApiError::validation(message));
    }
    let filter = request.text("statusFilter").map_or("", |filter| filter);
    let (ExecutionsOf::StateMachine(arn)
    | ExecutionsOf::MapRun(arn)
    | ExecutionsOf::StartedBy(arn)) = of;
    let arguments = &[arn, filter, redrive_filter];
    let listing = Listing { operation: "ListExecutions", scope: &request.scope, arguments };
    let now = api.runtime.now();
    let after = match request.text("nextToken") {
        Some(token) => Some(listing.cursor(now, token, read_cursor)?),
        None => None,
    };
    let page = ListExecutions { of, status: status(filter)?, after, limit: request.page_size() };
    let page = api.runtime.list_executions(&request.scope, page).await?;
    let mut out = JsonWriter::object();
    out.array("executions", |out| {
        // A page may be shorter than was asked for, so that nothing is looked for further on.
        let listed = page.executions.iter().enumerate();
        for (index, header) in listed.filter(|(_, header)| is_listed(redrive_filter, header)) {
            out.item(|out| {
                write_item(out, header);
                out.optional_text("mapRunArn", request.text("mapRunArn").map(|arn| &**arn));
                out.optional_integer("itemCount", page.item_counts.get(index).copied());
            });
        }
    });
    if let Some(ListCursor(ExecutionId(last))) = page.next {
        out.text("nextToken", &listing.token(now, &last));
    }
    Ok(out.finish())
}

/// Whether the filter asks for executions that were redriven as often as this one: at all, or not.
fn is_listed(redrive_filter: &str, header: &ExecutionHeader) -> bool {
    match redrive_filter {
        "REDRIVEN" => header.redrive_count > 0,
        "NOT_REDRIVEN" => header.redrive_count == 0,
        _ => true,
    }
}

fn read_cursor(bytes: &[u8]) -> Option<ListCursor> {
    Some(ListCursor(ExecutionId(bytes.try_into().ok()?)))
}

/// The status that a filter asks for; none for no filter.
fn status(filter: &str) -> Result<Option<Status>, ApiError> {
    match filter {
        "RUNNING" => Ok(Some(Status::Running)),
        "SUCCEEDED" => Ok(Some(Status::Succeeded)),
        "FAILED" => Ok(Some(Status::Failed)),
        "TIMED_OUT" => Ok(Some(Status::TimedOut)),
        "ABORTED" => Ok(Some(Status::Aborted)),
        "PENDING_REDRIVE" => {
            let message = "PENDING_REDRIVE is only supported with a mapRunArn";
            Err(ApiError::validation(message))
        }
        _ => Ok(None),
    }
}

fn write_item(out: &mut JsonWriter, header: &ExecutionHeader) {
    out.text("executionArn", &header.arn);
    out.text("stateMachineArn", &header.state_machine_arn);
    out.text("name", &header.name);
    out.text("status", status_text(header.status));
    out.timestamp("startDate", header.start);
    out.optional_timestamp("stopDate", header.stop);
    out.optional_text("stateMachineVersionArn", header.state_machine_version_arn.as_deref());
    out.optional_text("stateMachineAliasArn", header.state_machine_alias_arn.as_deref());
    out.integer("redriveCount", header.redrive_count);
    out.optional_timestamp("redriveDate", header.redrive_date);
}
