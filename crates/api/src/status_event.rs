//! The `detail` of "Step Functions Execution Status Change" events.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html>.

use engine::Timestamp;
use json::Document;
use runtime::{ExecutionDescription, RedriveStatus};

use crate::operations::describe_execution::status_text;
use crate::write::JsonWriter;

/// How long input and output may be together, escaped, to be part of an event; and the output by
/// itself, where the input is left out for that.
const PAYLOAD_BYTES_MAX: usize = 248 << 10;

/// The detail of the event that says how an execution stands. What is absent is `null`, and
/// instants are in milliseconds, as nowhere else.
pub fn status_detail(described: &ExecutionDescription) -> String {
    let ExecutionDescription { header, input, output, failure, redrive } = described;
    let output_bytes = output.as_ref().map_or(0, escaped_bytes);
    let has_output = output_bytes <= PAYLOAD_BYTES_MAX;
    let has_input = escaped_bytes(input) + output_bytes <= PAYLOAD_BYTES_MAX;
    let failure = failure.clone().unwrap_or_default();
    let (redrive_status, redrive_reason) = match redrive {
        RedriveStatus::Redrivable => ("REDRIVABLE", None),
        RedriveStatus::RedrivableByMapRun => ("REDRIVABLE_BY_MAP_RUN", None),
        RedriveStatus::NotRedrivable(reason) => ("NOT_REDRIVABLE", Some(*reason)),
    };
    let mut out = JsonWriter::object();
    out.text("executionArn", &header.arn);
    out.text("stateMachineArn", &header.state_machine_arn);
    out.text("name", &header.name);
    out.text("status", status_text(header.status));
    write_instant(&mut out, "startDate", Some(header.start));
    write_instant(&mut out, "stopDate", header.stop);
    out.text_or_null("input", has_input.then(|| input.text()));
    out.text_or_null("output", output.as_ref().filter(|_| has_output).map(Document::text));
    out.text_or_null("stateMachineVersionArn", header.state_machine_version_arn.as_deref());
    out.text_or_null("stateMachineAliasArn", header.state_machine_alias_arn.as_deref());
    out.integer("redriveCount", header.redrive_count);
    write_instant(&mut out, "redriveDate", header.redrive_date);
    out.text("redriveStatus", redrive_status);
    out.text_or_null("redriveStatusReason", redrive_reason);
    out.member("inputDetails", |out| out.boolean("included", has_input));
    match output {
        Some(_) => out.member("outputDetails", |out| out.boolean("included", has_output)),
        None => out.null("outputDetails"),
    }
    out.text_or_null("error", failure.error.as_deref());
    out.text_or_null("cause", failure.cause.as_deref());
    String::from_utf8(out.finish()).expect("the writer writes text")
}

fn write_instant(out: &mut JsonWriter, name: &str, instant: Option<Timestamp>) {
    // Executions start after 1970.
    match instant.and_then(|Timestamp(milliseconds)| u64::try_from(milliseconds).ok()) {
        Some(milliseconds) => out.integer(name, milliseconds),
        None => out.null(name),
    }
}

/// How long a document is as a text within JSON.
fn escaped_bytes(document: &Document) -> usize {
    let mut out = JsonWriter::object();
    out.text("", document.text());
    out.len_bytes()
}
