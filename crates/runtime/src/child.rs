//! Nested executions on paper: what the parameters ask for, and what the parent's task gets.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html>.
//!
//! Does not: start, await or stop anything; that is `effects`.

use std::borrow::Cow;
use std::sync::Arc;

use asl::IntegrationPattern;
use engine::{Failure, Status, Timestamp};
use json::{Document, Object, Value};

use crate::arn::NAME_CHARACTERS_MAX;
use crate::{ArnError, ExecutionDescription, RedriveStatus, StartError};

/// Characters of a failure's cause, at most.
const CAUSE_CHARACTERS_MAX: usize = 32_768;

/// The name that an execution bears in its input's member when it was started by another.
pub(crate) const STARTED_BY: &str = "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID";

/// What the parameters of a nested start ask for.
#[derive(Debug, PartialEq)]
pub(crate) struct ChildStart<'a> {
    pub(crate) state_machine_arn: &'a str,
    pub(crate) name: Option<&'a str>,
    pub(crate) input: Cow<'a, str>,
    pub(crate) trace_header: Option<&'a str>,
}

/// Reads the resolved parameters of a nested start.
pub(crate) fn parse(parameters: &Document) -> Result<ChildStart<'_>, Failure> {
    let text = |name: &str| match parameters.value().get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(&**text)),
        Some(_) => {
            Err(unusable(parameters, &format!("The value for the field '{name}' must be a STRING")))
        }
    };
    let required = "The field \"StateMachineArn\" is required but was missing";
    let state_machine_arn =
        text("StateMachineArn")?.ok_or_else(|| unusable(parameters, required))?;
    let input = match parameters.value().get("Input") {
        None | Some(Value::Null) => Cow::Borrowed("{}"),
        // A text is the input itself, in JSON.
        Some(Value::String(text)) => Cow::Borrowed(&**text),
        Some(value) => Cow::Owned(value.to_text()),
    };
    let (name, trace_header) = (text("Name")?, text("TraceHeader")?);
    Ok(ChildStart { state_machine_arn, name, input, trace_header })
}

fn unusable(parameters: &Document, reason: &str) -> Failure {
    let parameters = parameters.text();
    let cause =
        format!("The Parameters '{parameters}' could not be used to start the Task: [{reason}]");
    Failure::new("States.Runtime", cause)
}

/// What is wrong with a name that AWS refuses before it looks at anything else.
pub(crate) fn check_length(name: &str) -> Result<(), Refusal> {
    if name.chars().count() <= NAME_CHARACTERS_MAX {
        return Ok(());
    }
    let message = format!(
        "1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: \
         Member must have length less than or equal to {NAME_CHARACTERS_MAX}"
    );
    Err(Refusal { code: "ValidationException", status: 400, message })
}

/// A StartExecution that the service refused.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    /// AWS's error code.
    pub(crate) code: &'static str,
    /// Of the HTTP answer.
    pub(crate) status: u16,
    pub(crate) message: String,
}

impl Refusal {
    /// Express executions end without anybody knowing: they cannot be waited for.
    pub(crate) fn express_cannot_be_awaited() -> Refusal {
        let message = "This operation is not supported by this type of state machine".to_owned();
        Refusal { code: "StateMachineTypeNotSupported", status: 400, message }
    }

    /// The failure of the task that asked.
    pub(crate) fn failure(&self, request_id: &str) -> Failure {
        let Refusal { code, status, message } = self;
        let suffix = if code.ends_with("Exception") { "" } else { "Exception" };
        let cause = format!(
            "{message} (Service: AWSStepFunctions; Status Code: {status}; Error Code: {code}; \
             Request ID: {request_id}; Proxy: null)"
        );
        Failure::new(format!("StepFunctions.{code}{suffix}"), truncated(&cause))
    }
}

impl From<&StartError> for Refusal {
    fn from(error: &StartError) -> Refusal {
        let (code, status) = match error {
            StartError::Arn(ArnError::Labelled(_)) => ("ValidationException", 400),
            StartError::Arn(_) => ("InvalidArn", 400),
            StartError::InvalidName(_) => ("InvalidName", 400),
            StartError::InvalidInput(_) => ("InvalidExecutionInput", 400),
            StartError::StateMachineDoesNotExist(_) => ("StateMachineDoesNotExist", 400),
            StartError::StateMachineDeleting(_) => ("StateMachineDeleting", 400),
            StartError::AlreadyExists(_) => ("ExecutionAlreadyExists", 400),
            StartError::LimitExceeded(_) => ("ExecutionLimitExceeded", 400),
            StartError::Operational(_) => ("AWSStepFunctionsException", 500),
        };
        Refusal { code, status, message: error.to_string() }
    }
}

/// The answer of StartExecution, as a task's result has it.
pub(crate) fn start_response(arn: &Arc<str>, start: Timestamp, request_id: &str) -> Document {
    let header = "x-amzn-RequestId";
    let all_headers = object([(header, Value::from(vec![Value::from(request_id)]))]);
    let metadata = object([
        ("AllHttpHeaders", all_headers),
        ("HttpHeaders", object([(header, request_id.into())])),
        ("HttpStatusCode", 200.into()),
    ]);
    Document::from(object([
        ("ExecutionArn", arn.clone().into()),
        ("SdkHttpMetadata", metadata),
        ("SdkResponseMetadata", object([("RequestId", request_id.into())])),
        ("StartDate", start.0.into()),
    ]))
}

/// What a task gets that waited for the end of a nested execution.
pub(crate) fn outcome(
    child: &ExecutionDescription,
    pattern: IntegrationPattern,
) -> Result<Document, Failure> {
    if child.header.status == Status::Succeeded {
        return Ok(Document::from(description(child, pattern == IntegrationPattern::Sync2)));
    }
    let cause = description(child, false).to_text();
    Err(Failure::new("States.TaskFailed", truncated(&cause)))
}

/// The answer of DescribeExecution, members by name.
fn description(child: &ExecutionDescription, with_values: bool) -> Value {
    let ExecutionDescription { header, input, output, failure, redrive } = child;
    let payload = |document: &Document| {
        if with_values { document.value().clone() } else { Value::from(document.text()) }
    };
    let included = || object([("Included", true.into())]);
    let text = |text: &Arc<str>| Value::from(text.clone());
    let failure = failure.clone().unwrap_or_default();
    let (redrive_status, redrive_reason) = match redrive {
        RedriveStatus::Redrivable => ("REDRIVABLE", None),
        RedriveStatus::NotRedrivable(reason) => ("NOT_REDRIVABLE", Some(*reason)),
    };
    let status = match header.status {
        Status::Running => "RUNNING",
        Status::Succeeded => "SUCCEEDED",
        Status::Failed => "FAILED",
        Status::TimedOut => "TIMED_OUT",
        Status::Aborted => "ABORTED",
    };
    let members = [
        ("Cause", failure.cause.as_ref().map(text)),
        ("Error", failure.error.as_ref().map(text)),
        ("ExecutionArn", Some(text(&header.arn))),
        ("Input", Some(payload(input))),
        ("InputDetails", Some(included())),
        ("Name", Some(text(&header.name))),
        ("Output", output.as_ref().map(payload)),
        ("OutputDetails", output.as_ref().map(|_| included())),
        ("RedriveCount", Some(0.into())),
        ("RedriveStatus", Some(redrive_status.into())),
        ("RedriveStatusReason", redrive_reason.map(Value::from)),
        ("StartDate", Some(header.start.0.into())),
        ("StateMachineAliasArn", header.state_machine_alias_arn.as_ref().map(text)),
        ("StateMachineArn", Some(text(&header.state_machine_arn))),
        ("StateMachineVersionArn", header.state_machine_version_arn.as_ref().map(text)),
        ("Status", Some(status.into())),
        ("StopDate", header.stop.map(|stop| stop.0.into())),
    ];
    object(members.into_iter().filter_map(|(name, value)| Some((name, value?))))
}

/// Why a nested execution was stopped, in AWS's words.
pub(crate) fn stop_failure(parent_arn: &str) -> Failure {
    let cause = format!(
        "The Task state in AWS Step Functions execution [{parent_arn}] which was managing this \
         resource was aborted"
    );
    Failure { error: None, cause: Some(cause.into()) }
}

/// The ARN of the execution that the input says started this one.
pub(crate) fn started_by(input: &Document) -> Option<&str> {
    // Most inputs say nothing, and need not be parsed to know that.
    input.text().contains(STARTED_BY).then(|| input.value().get(STARTED_BY)?.as_str())?
}

fn object<'a>(members: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let members = members.into_iter().map(|(name, value)| (Arc::from(name), value));
    Value::from(members.collect::<Object>())
}

fn truncated(text: &str) -> &str {
    text.char_indices().nth(CAUSE_CHARACTERS_MAX).map_or(text, |(end, _)| &text[..end])
}
