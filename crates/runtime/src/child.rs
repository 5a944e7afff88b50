//! Nested executions on paper: what the parameters ask for, and what the parent's task gets.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html>.
//!
//! Does not: start, await or stop anything; that is `effects`.

use std::borrow::Cow;
use std::sync::Arc;

use asl::IntegrationPattern;
use engine::{Failure, Status, Timestamp};
use json::{Document, Object, Value};
use service_model::UnfitReason;

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

/// The parameters of a nested start.
const KNOWN: [&str; 4] = ["StateMachineArn", "Input", "Name", "TraceHeader"];

/// Reads the resolved parameters of a nested start.
pub(crate) fn parse(parameters: &Document) -> Result<ChildStart<'_>, Failure> {
    let text = |name: &str| match parameters.value().get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(&**text)),
        Some(_) => {
            Err(unusable(parameters, &format!("The value for the field '{name}' must be a STRING")))
        }
    };
    let unfit = |reason: UnfitReason| unusable(parameters, &reason.to_string());
    let state_machine_arn = text("StateMachineArn")?
        .ok_or_else(|| unfit(UnfitReason::Missing("StateMachineArn".to_owned())))?;
    let mut names = parameters.value().as_object().into_iter().flat_map(|given| given.iter());
    if let Some((name, _)) = names.find(|(name, _)| !KNOWN.contains(&&***name)) {
        return Err(unfit(UnfitReason::NotSupported(name.to_string())));
    }
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

/// The role does not allow it.
pub(crate) const ACCESS_DENIED: &str = "AccessDeniedException";

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
    /// The role does not allow it.
    pub(crate) fn access_denied(message: String) -> Refusal {
        Refusal { code: ACCESS_DENIED, status: 400, message }
    }

    /// The failure of the task that asked.
    pub(crate) fn failure(&self, request_id: &str) -> Failure {
        let Refusal { code, status, message } = self;
        // What the service model does not have is known to clients by the service's name alone.
        let (name, suffix) = match *code {
            ACCESS_DENIED => ("AWSStepFunctionsException", ""),
            name if name.ends_with("Exception") => (name, ""),
            name => (name, "Exception"),
        };
        let cause = format!(
            "{message} (Service: AWSStepFunctions; Status Code: {status}; Error Code: {code}; \
             Request ID: {request_id}; Proxy: null)"
        );
        Failure::new(format!("StepFunctions.{name}{suffix}"), truncated(&cause))
    }
}

impl From<&StartError> for Refusal {
    fn from(error: &StartError) -> Refusal {
        let (code, status) = match error {
            StartError::Arn(ArnError::Labelled(_)) => ("ValidationException", 400),
            StartError::Arn(_) => ("InvalidArn", 400),
            StartError::InvalidName(_) => ("InvalidName", 400),
            StartError::InvalidInput(_) => ("InvalidExecutionInput", 400),
            StartError::TypeNotSupported => ("StateMachineTypeNotSupported", 400),
            StartError::StateMachineDoesNotExist(_) => ("StateMachineDoesNotExist", 400),
            StartError::StateMachineDeleting(_) => ("StateMachineDeleting", 400),
            StartError::AlreadyExists(_) => ("ExecutionAlreadyExists", 400),
            StartError::LimitExceeded(_) => ("ExecutionLimitExceeded", 400),
            StartError::Mocks(_) => ("ValidationException", 400),
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
        RedriveStatus::RedrivableByMapRun => ("REDRIVABLE_BY_MAP_RUN", None),
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
        ("RedriveCount", Some(i64::try_from(header.redrive_count).unwrap_or(i64::MAX).into())),
        ("RedriveDate", header.redrive_date.map(|date| date.0.into())),
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

#[cfg(test)]
mod tests {
    use engine::{EventId, ExecutionId};
    use expect_test::{Expect, expect};
    use store::{DefinitionId, ExecutionHeader, MachineId, Revision, Scope};

    use super::*;

    fn child(status: Status) -> ExecutionDescription {
        let succeeded = status == Status::Succeeded;
        let failed = matches!(status, Status::Failed | Status::Aborted);
        ExecutionDescription {
            header: ExecutionHeader {
                id: ExecutionId([1; 16]),
                scope: Scope { account: "111111111111".into(), region: "us-east-1".into() },
                arn: "arn:e".into(),
                name: "n".into(),
                machine: MachineId([2; 16]),
                state_machine_arn: "arn:m".into(),
                state_machine_version_arn: None,
                state_machine_alias_arn: None,
                definition: DefinitionId([3; 16]),
                role_arn: "arn:r".into(),
                status,
                start: Timestamp(1_700_000_000_123),
                stop: Some(Timestamp(1_700_000_000_456)),
                trace_header: Some("trace".into()),
                started_by: None,
                parent: None,
                last_event: EventId(5),
                redrive_count: 0,
                redrive_date: None,
                revision: Revision(1),
            },
            input: Document::from_text(r#"{"b": 1.0, "a":"x"}"#).unwrap(),
            output: succeeded.then(|| Document::from_text("[1, 2]").unwrap()),
            failure: failed.then(|| Failure::new("Broken", "on \"purpose\"")),
            redrive: match status {
                Status::Succeeded => RedriveStatus::NotRedrivable("because"),
                _ => RedriveStatus::Redrivable,
            },
        }
    }

    fn check_outcome(child: &ExecutionDescription, pattern: IntegrationPattern, expected: Expect) {
        let told = match outcome(child, pattern) {
            Ok(output) => output.value().to_pretty_string(),
            Err(Failure { error, cause }) => {
                let cause = json::parse(&cause.unwrap()).unwrap().to_pretty_string();
                format!("{} {cause}", error.unwrap())
            }
        };
        expected.assert_eq(&told);
    }

    #[test]
    fn a_sync_result_has_texts() {
        check_outcome(
            &child(Status::Succeeded),
            IntegrationPattern::Sync,
            expect![[r#"
            {
              "ExecutionArn": "arn:e",
              "Input": "{\"b\": 1.0, \"a\":\"x\"}",
              "InputDetails": {
                "Included": true
              },
              "Name": "n",
              "Output": "[1, 2]",
              "OutputDetails": {
                "Included": true
              },
              "RedriveCount": 0,
              "RedriveStatus": "NOT_REDRIVABLE",
              "RedriveStatusReason": "because",
              "StartDate": 1700000000123,
              "StateMachineArn": "arn:m",
              "Status": "SUCCEEDED",
              "StopDate": 1700000000456
            }"#]],
        );
    }

    #[test]
    fn a_sync_2_result_has_values() {
        check_outcome(
            &child(Status::Succeeded),
            IntegrationPattern::Sync2,
            expect![[r#"
            {
              "ExecutionArn": "arn:e",
              "Input": {
                "b": 1.0,
                "a": "x"
              },
              "InputDetails": {
                "Included": true
              },
              "Name": "n",
              "Output": [
                1,
                2
              ],
              "OutputDetails": {
                "Included": true
              },
              "RedriveCount": 0,
              "RedriveStatus": "NOT_REDRIVABLE",
              "RedriveStatusReason": "because",
              "StartDate": 1700000000123,
              "StateMachineArn": "arn:m",
              "Status": "SUCCEEDED",
              "StopDate": 1700000000456
            }"#]],
        );
    }

    #[test]
    fn a_failed_child_is_told_in_the_cause_with_its_input_as_text() {
        let child = child(Status::Failed);
        check_outcome(
            &child,
            IntegrationPattern::Sync2,
            expect![[r#"
            States.TaskFailed {
              "Cause": "on \"purpose\"",
              "Error": "Broken",
              "ExecutionArn": "arn:e",
              "Input": "{\"b\": 1.0, \"a\":\"x\"}",
              "InputDetails": {
                "Included": true
              },
              "Name": "n",
              "RedriveCount": 0,
              "RedriveStatus": "REDRIVABLE",
              "StartDate": 1700000000123,
              "StateMachineArn": "arn:m",
              "Status": "FAILED",
              "StopDate": 1700000000456
            }"#]],
        );
        let outcomes = [IntegrationPattern::Sync, IntegrationPattern::Sync2]
            .map(|pattern| outcome(&child, pattern));
        assert_eq!(outcomes[0], outcomes[1]);
    }

    #[test]
    fn a_child_that_was_stopped_without_a_word_has_neither_error_nor_cause() {
        let mut child = child(Status::Aborted);
        child.failure = Some(Failure::default());
        check_outcome(
            &child,
            IntegrationPattern::Sync2,
            expect![[r#"
            States.TaskFailed {
              "ExecutionArn": "arn:e",
              "Input": "{\"b\": 1.0, \"a\":\"x\"}",
              "InputDetails": {
                "Included": true
              },
              "Name": "n",
              "RedriveCount": 0,
              "RedriveStatus": "REDRIVABLE",
              "StartDate": 1700000000123,
              "StateMachineArn": "arn:m",
              "Status": "ABORTED",
              "StopDate": 1700000000456
            }"#]],
        );
    }

    #[test]
    fn a_child_that_timed_out_has_neither_error_nor_cause() {
        check_outcome(
            &child(Status::TimedOut),
            IntegrationPattern::Sync,
            expect![[r#"
            States.TaskFailed {
              "ExecutionArn": "arn:e",
              "Input": "{\"b\": 1.0, \"a\":\"x\"}",
              "InputDetails": {
                "Included": true
              },
              "Name": "n",
              "RedriveCount": 0,
              "RedriveStatus": "REDRIVABLE",
              "StartDate": 1700000000123,
              "StateMachineArn": "arn:m",
              "Status": "TIMED_OUT",
              "StopDate": 1700000000456
            }"#]],
        );
    }

    #[test]
    fn a_child_of_an_alias_says_so() {
        let mut child = child(Status::Succeeded);
        child.header.state_machine_version_arn = Some("arn:m:1".into());
        child.header.state_machine_alias_arn = Some("arn:m:live".into());
        check_outcome(
            &child,
            IntegrationPattern::Sync2,
            expect![[r#"
            {
              "ExecutionArn": "arn:e",
              "Input": {
                "b": 1.0,
                "a": "x"
              },
              "InputDetails": {
                "Included": true
              },
              "Name": "n",
              "Output": [
                1,
                2
              ],
              "OutputDetails": {
                "Included": true
              },
              "RedriveCount": 0,
              "RedriveStatus": "NOT_REDRIVABLE",
              "RedriveStatusReason": "because",
              "StartDate": 1700000000123,
              "StateMachineAliasArn": "arn:m:live",
              "StateMachineArn": "arn:m",
              "StateMachineVersionArn": "arn:m:1",
              "Status": "SUCCEEDED",
              "StopDate": 1700000000456
            }"#]],
        );
    }

    #[test]
    fn a_cause_is_cut_at_its_limit() {
        let mut child = child(Status::Failed);
        child.failure = Some(Failure::new("E", "ä".repeat(40_000)));
        let failure = outcome(&child, IntegrationPattern::Sync).unwrap_err();
        assert_eq!(failure.cause.unwrap().chars().count(), 32_768);
    }

    fn check_parameters(parameters: &str, expected: Result<ChildStart<'_>, &str>) {
        let document = Document::from_text(parameters).unwrap();
        let expected = expected.map_err(|reason| {
            let cause = format!(
                "The Parameters '{parameters}' could not be used to start the Task: [{reason}]"
            );
            Failure::new("States.Runtime", cause)
        });
        assert_eq!(parse(&document), expected);
    }

    fn start<'a>(input: &'a str) -> ChildStart<'a> {
        let input = Cow::Borrowed(input);
        ChildStart { state_machine_arn: "m", name: None, input, trace_header: None }
    }

    #[test]
    fn an_object_is_given_to_the_child_as_text() {
        let parameters = r#"{"Input": {"a": [1, 2.50]}, "StateMachineArn": "m"}"#;
        check_parameters(parameters, Ok(start(r#"{"a":[1,2.50]}"#)));
        check_parameters(r#"{"Input": true, "StateMachineArn": "m"}"#, Ok(start("true")));
    }

    #[test]
    fn a_text_is_the_input_itself() {
        let parameters = r#"{"StateMachineArn":"m","Name":"n","TraceHeader":"t","Input":"\"x\""}"#;
        let (name, trace_header) = (Some("n"), Some("t"));
        check_parameters(parameters, Ok(ChildStart { name, trace_header, ..start(r#""x""#) }));
    }

    #[test]
    fn no_input_is_an_empty_object() {
        check_parameters(r#"{"StateMachineArn":"m"}"#, Ok(start("{}")));
        check_parameters(
            r#"{"StateMachineArn":"m","Input":null,"Name":null,"TraceHeader":null}"#,
            Ok(start("{}")),
        );
    }

    #[test]
    fn parameters_that_cannot_be_used() {
        let missing = "The field \"StateMachineArn\" is required but was missing";
        check_parameters(r#"{"Input":1}"#, Err(missing));
        check_parameters("[]", Err(missing));
        check_parameters(
            r#"{"StateMachineArn":"m","Name":1}"#,
            Err("The value for the field 'Name' must be a STRING"),
        );
        check_parameters(
            r#"{"StateMachineArn":"m","Foo":1}"#,
            Err("The field \"Foo\" is not supported by Step Functions"),
        );
    }

    #[test]
    fn the_answer_of_a_start() {
        let response = start_response(&"arn:e".into(), Timestamp(1_700_000_000_123), "r");
        expect![[r#"
            {
              "ExecutionArn": "arn:e",
              "SdkHttpMetadata": {
                "AllHttpHeaders": {
                  "x-amzn-RequestId": [
                    "r"
                  ]
                },
                "HttpHeaders": {
                  "x-amzn-RequestId": "r"
                },
                "HttpStatusCode": 200
              },
              "SdkResponseMetadata": {
                "RequestId": "r"
              },
              "StartDate": 1700000000123
            }"#]]
        .assert_eq(&response.value().to_pretty_string());
    }

    fn check_refusal(error: &StartError, name: &str, code: &str, message: &str) {
        let failure = Refusal::from(error).failure("r");
        assert_eq!(failure.error.as_deref(), Some(name));
        let cause = format!(
            "{message} (Service: AWSStepFunctions; Status Code: 400; Error Code: {code}; \
             Request ID: r; Proxy: null)"
        );
        assert_eq!(failure.cause.as_deref(), Some(&*cause));
    }

    #[test]
    fn refusals_bear_the_names_of_the_sdk() {
        check_refusal(
            &StartError::AlreadyExists("arn:e".into()),
            "StepFunctions.ExecutionAlreadyExistsException",
            "ExecutionAlreadyExists",
            "Execution Already Exists: 'arn:e'",
        );
        check_refusal(
            &StartError::LimitExceeded(5),
            "StepFunctions.ExecutionLimitExceededException",
            "ExecutionLimitExceeded",
            "The maximum number of running executions has been reached: 5",
        );
        check_refusal(
            &StartError::StateMachineDoesNotExist("arn:m".into()),
            "StepFunctions.StateMachineDoesNotExistException",
            "StateMachineDoesNotExist",
            "State Machine Does Not Exist: 'arn:m'",
        );
        check_refusal(
            &StartError::StateMachineDeleting("arn:m".into()),
            "StepFunctions.StateMachineDeletingException",
            "StateMachineDeleting",
            "State Machine is being deleted: 'arn:m'",
        );
        check_refusal(
            &StartError::Arn(ArnError::Prefix("x".into())),
            "StepFunctions.InvalidArnException",
            "InvalidArn",
            "Invalid Arn: 'Invalid ARN prefix: x'",
        );
        check_refusal(
            &StartError::InvalidInput("bad".into()),
            "StepFunctions.InvalidExecutionInputException",
            "InvalidExecutionInput",
            "Invalid State Machine Execution Input: 'bad'",
        );
        check_refusal(
            &StartError::InvalidName("a b".into()),
            "StepFunctions.InvalidNameException",
            "InvalidName",
            "Invalid Name: 'a b'",
        );
        check_refusal(
            &StartError::Arn(ArnError::Labelled("arn:m/l".into())),
            "StepFunctions.ValidationException",
            "ValidationException",
            "This operation does not support labeled state machine ARNs: 'arn:m/l'",
        );
    }

    #[test]
    fn a_name_that_is_too_long_is_a_validation_error() {
        assert_eq!(check_length(&"ä".repeat(80)), Ok(()));
        let failure = check_length(&"x".repeat(81)).unwrap_err().failure("r");
        assert_eq!(failure.error.as_deref(), Some("StepFunctions.ValidationException"));
    }

    #[test]
    fn who_started_it_stands_at_the_top_level_of_an_object() {
        for (input, expected) in [
            (r#"{"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID":"arn:e"}"#, Some("arn:e")),
            (r#"{"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID":1}"#, None),
            (r#"{"a":{"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID":"arn:e"}}"#, None),
            (r#""AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID""#, None),
            ("{}", None),
        ] {
            assert_eq!(started_by(&Document::from_text(input).unwrap()), expected, "{input}");
        }
    }
}
