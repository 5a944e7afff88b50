//! DescribeMapRun.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeMapRun.html>.

use store::{MapRunCounts, MapRunRecord, MapRunStatus};

use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;
use crate::write::JsonWriter;

pub(crate) const MEMBERS: &[Member] = &[Member::long_arn("mapRunArn").required()];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let arn = request.required_text("mapRunArn");
    let run = api.runtime.describe_map_run(&request.scope, arn).await?;
    Ok(answer(&run))
}

fn answer(run: &MapRunRecord) -> Vec<u8> {
    let mut out = JsonWriter::object();
    out.text("mapRunArn", &run.arn);
    out.text("executionArn", &run.execution_arn);
    out.text("status", status_text(run.status));
    out.timestamp("startDate", run.start);
    out.optional_timestamp("stopDate", run.stop);
    out.integer("maxConcurrency", run.max_concurrency);
    out.float("toleratedFailurePercentage", run.tolerated_failure_percentage);
    out.integer("toleratedFailureCount", run.tolerated_failure_count);
    out.member("itemCounts", |out| write_counts(out, &run.item_counts));
    out.member("executionCounts", |out| write_counts(out, &run.execution_counts));
    if run.redrive_count > 0 {
        out.integer("redriveCount", run.redrive_count);
    }
    out.optional_timestamp("redriveDate", run.redrive_date);
    out.finish()
}

fn status_text(status: MapRunStatus) -> &'static str {
    match status {
        MapRunStatus::Running => "RUNNING",
        MapRunStatus::Succeeded => "SUCCEEDED",
        MapRunStatus::Failed => "FAILED",
        MapRunStatus::Aborted => "ABORTED",
    }
}

fn write_counts(out: &mut JsonWriter, counts: &MapRunCounts) {
    out.integer("pending", counts.pending);
    out.integer("running", counts.running);
    out.integer("succeeded", counts.succeeded);
    out.integer("failed", counts.failed);
    out.integer("timedOut", counts.timed_out);
    out.integer("aborted", counts.aborted);
    out.integer("total", counts.total());
    out.integer("resultsWritten", counts.results_written);
}
