//! History events as GetExecutionHistory shows them.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html>.

use std::sync::Arc;

use asl::StateType;
use engine::{EventKind, Failure, HistoryEvent, TaskResource};
use json::Document;
use runtime::LoggedEvent;

use crate::write::JsonWriter;

/// How much of a payload an execution log shows, in bytes of UTF-8, so that an event fits into one
/// of CloudWatch Logs.
const LOG_PAYLOAD_BYTES_MAX: usize = 240 << 10;

/// Writes the members of an event. Without `with_data`, inputs and outputs are left out, and
/// nothing else is.
pub(crate) fn write_event(out: &mut JsonWriter, event: &HistoryEvent, with_data: bool) {
    let (event_type, details) = names(&event.kind);
    out.timestamp("timestamp", event.timestamp);
    out.text("type", event_type);
    out.integer("id", event.id.0);
    out.integer("previousEventId", event.previous.0);
    if let Some(details) = details {
        out.member(details, |out| write_details(out, &event.kind, with_data));
    }
}

/// The line of an event in an execution log.
/// See <https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html>.
pub fn log_line(logged: &LoggedEvent<'_>) -> String {
    let LoggedEvent { execution_arn, event, redrive_count, include_execution_data } = *logged;
    let (event_type, details) = names(&event.kind);
    let mut out = JsonWriter::object();
    out.cut_payloads(LOG_PAYLOAD_BYTES_MAX);
    out.text("id", &event.id.0.to_string());
    out.text("type", event_type);
    out.member("details", |out| {
        if details.is_some() {
            write_details(out, &event.kind, include_execution_data);
        }
    });
    out.text("previous_event_id", &event.previous.0.to_string());
    out.text("event_timestamp", &event.timestamp.0.to_string());
    out.text("execution_arn", execution_arn);
    out.text("redrive_count", &redrive_count.to_string());
    String::from_utf8(out.finish()).expect("the writer writes text")
}

/// The `type` of an event, and the name of its details where it has any.
fn names(kind: &EventKind) -> (&'static str, Option<&'static str>) {
    use EventKind as Kind;
    let (event_type, details) = match kind {
        Kind::ExecutionStarted { .. } => ("ExecutionStarted", "executionStartedEventDetails"),
        Kind::ExecutionSucceeded { .. } => ("ExecutionSucceeded", "executionSucceededEventDetails"),
        Kind::ExecutionFailed(_) => ("ExecutionFailed", "executionFailedEventDetails"),
        Kind::ExecutionAborted(_) => ("ExecutionAborted", "executionAbortedEventDetails"),
        Kind::ExecutionTimedOut(_) => ("ExecutionTimedOut", "executionTimedOutEventDetails"),
        Kind::ExecutionRedriven { .. } => ("ExecutionRedriven", "executionRedrivenEventDetails"),
        Kind::StateEntered { state_type, .. } => {
            (entered_type(*state_type), "stateEnteredEventDetails")
        }
        Kind::StateExited { state_type, .. } => {
            (exited_type(*state_type), "stateExitedEventDetails")
        }
        Kind::TaskScheduled { .. } => ("TaskScheduled", "taskScheduledEventDetails"),
        Kind::TaskStarted { .. } => ("TaskStarted", "taskStartedEventDetails"),
        Kind::TaskSubmitted { .. } => ("TaskSubmitted", "taskSubmittedEventDetails"),
        Kind::TaskSucceeded { .. } => ("TaskSucceeded", "taskSucceededEventDetails"),
        Kind::TaskFailed { .. } => ("TaskFailed", "taskFailedEventDetails"),
        Kind::TaskTimedOut { .. } => ("TaskTimedOut", "taskTimedOutEventDetails"),
        Kind::TaskSubmitFailed { .. } => ("TaskSubmitFailed", "taskSubmitFailedEventDetails"),
        Kind::ActivityScheduled { .. } => ("ActivityScheduled", "activityScheduledEventDetails"),
        Kind::ActivityStarted { .. } => ("ActivityStarted", "activityStartedEventDetails"),
        Kind::ActivitySucceeded { .. } => ("ActivitySucceeded", "activitySucceededEventDetails"),
        Kind::ActivityFailed(_) => ("ActivityFailed", "activityFailedEventDetails"),
        Kind::ActivityTimedOut(_) => ("ActivityTimedOut", "activityTimedOutEventDetails"),
        Kind::LambdaFunctionScheduled { .. } => {
            ("LambdaFunctionScheduled", "lambdaFunctionScheduledEventDetails")
        }
        Kind::LambdaFunctionStarted => return ("LambdaFunctionStarted", None),
        Kind::LambdaFunctionSucceeded { .. } => {
            ("LambdaFunctionSucceeded", "lambdaFunctionSucceededEventDetails")
        }
        Kind::LambdaFunctionFailed(_) => {
            ("LambdaFunctionFailed", "lambdaFunctionFailedEventDetails")
        }
        Kind::LambdaFunctionTimedOut(_) => {
            ("LambdaFunctionTimedOut", "lambdaFunctionTimedOutEventDetails")
        }
        Kind::ParallelStateStarted { .. } => return ("ParallelStateStarted", None),
        Kind::ParallelStateSucceeded => return ("ParallelStateSucceeded", None),
        Kind::ParallelStateFailed => return ("ParallelStateFailed", None),
        Kind::ParallelStateAborted => return ("ParallelStateAborted", None),
        Kind::MapStateStarted { .. } | Kind::DistributedMapStateStarted { .. } => {
            ("MapStateStarted", "mapStateStartedEventDetails")
        }
        Kind::MapRunStarted { .. } => ("MapRunStarted", "mapRunStartedEventDetails"),
        Kind::MapRunRedriven { .. } => ("MapRunRedriven", "mapRunRedrivenEventDetails"),
        Kind::MapRunSucceeded => return ("MapRunSucceeded", None),
        Kind::MapRunFailed(_) => ("MapRunFailed", "mapRunFailedEventDetails"),
        Kind::MapRunAborted => return ("MapRunAborted", None),
        Kind::MapStateSucceeded => return ("MapStateSucceeded", None),
        Kind::MapStateFailed => return ("MapStateFailed", None),
        Kind::MapStateAborted => return ("MapStateAborted", None),
        Kind::MapIterationStarted { .. } => {
            ("MapIterationStarted", "mapIterationStartedEventDetails")
        }
        Kind::MapIterationSucceeded { .. } => {
            ("MapIterationSucceeded", "mapIterationSucceededEventDetails")
        }
        Kind::MapIterationFailed { .. } => ("MapIterationFailed", "mapIterationFailedEventDetails"),
        Kind::MapIterationAborted { .. } => {
            ("MapIterationAborted", "mapIterationAbortedEventDetails")
        }
        Kind::TaskStateAborted => return ("TaskStateAborted", None),
        Kind::WaitStateAborted => return ("WaitStateAborted", None),
        Kind::EvaluationFailed { .. } => ("EvaluationFailed", "evaluationFailedEventDetails"),
    };
    (event_type, Some(details))
}

fn entered_type(state_type: StateType) -> &'static str {
    match state_type {
        StateType::Pass => "PassStateEntered",
        StateType::Task => "TaskStateEntered",
        StateType::Choice => "ChoiceStateEntered",
        StateType::Wait => "WaitStateEntered",
        StateType::Succeed => "SucceedStateEntered",
        StateType::Fail => "FailStateEntered",
        StateType::Parallel => "ParallelStateEntered",
        StateType::Map => "MapStateEntered",
    }
}

fn exited_type(state_type: StateType) -> &'static str {
    match state_type {
        StateType::Pass => "PassStateExited",
        StateType::Task => "TaskStateExited",
        StateType::Choice => "ChoiceStateExited",
        StateType::Wait => "WaitStateExited",
        StateType::Succeed => "SucceedStateExited",
        StateType::Fail => unreachable!("a Fail state ends its region: nothing leaves it"),
        StateType::Parallel => "ParallelStateExited",
        StateType::Map => "MapStateExited",
    }
}

/// The members of the details. Facts that are for recovery alone are named and left out.
fn write_details(out: &mut JsonWriter, kind: &EventKind, with_data: bool) {
    use EventKind as Kind;
    match kind {
        Kind::ExecutionStarted { .. } => write_started(out, kind, with_data),
        Kind::ExecutionSucceeded { output }
        | Kind::ActivitySucceeded { output }
        | Kind::LambdaFunctionSucceeded { output } => {
            write_output(out, output, with_data);
        }
        Kind::ExecutionFailed(failure)
        | Kind::ExecutionAborted(failure)
        | Kind::ExecutionTimedOut(failure)
        | Kind::ActivityFailed(failure)
        | Kind::ActivityTimedOut(failure)
        | Kind::LambdaFunctionFailed(failure)
        | Kind::LambdaFunctionTimedOut(failure)
        | Kind::MapRunFailed(failure) => write_failure(out, failure),
        Kind::ExecutionRedriven { redrive_count, deadline: _, client_token: _, anew: _ } => {
            out.integer("redriveCount", *redrive_count);
        }
        Kind::StateEntered { state_type: _, name, input, state: _, until: _ } => {
            out.text("name", name);
            write_input(out, input, with_data);
        }
        Kind::StateExited { state_type: _, name, output, assigned, next: _ } => {
            out.text("name", name);
            write_output(out, output, with_data);
            write_assigned(out, assigned);
        }
        Kind::TaskStarted { resource } => write_resource(out, resource),
        Kind::TaskSubmitted { resource, output, child_arn: _ }
        | Kind::TaskSucceeded { resource, output } => {
            write_resource(out, resource);
            write_output(out, output, with_data);
        }
        Kind::TaskFailed { resource, failure }
        | Kind::TaskTimedOut { resource, failure }
        | Kind::TaskSubmitFailed { resource, failure } => {
            write_resource(out, resource);
            write_failure(out, failure);
        }
        Kind::TaskScheduled { .. }
        | Kind::ActivityScheduled { .. }
        | Kind::LambdaFunctionScheduled { .. } => {
            write_scheduled(out, kind, with_data);
        }
        Kind::ActivityStarted { worker_name } => {
            out.optional_text("workerName", worker_name.as_deref());
        }
        Kind::MapStateStarted { length, items: _, input: _, max_concurrency: _, processor: _ }
        | Kind::DistributedMapStateStarted { length } => {
            out.integer("length", *length);
        }
        Kind::MapRunStarted { request } => out.text("mapRunArn", &request.arn),
        Kind::MapRunRedriven { map_run_arn, redrive_count } => {
            out.text("mapRunArn", map_run_arn);
            out.integer("redriveCount", *redrive_count);
        }
        Kind::MapIterationStarted { name, index, iteration: _, input: _ }
        | Kind::MapIterationSucceeded { name, index }
        | Kind::MapIterationFailed { name, index }
        | Kind::MapIterationAborted { name, index } => {
            out.text("name", name);
            out.integer("index", *index);
        }
        Kind::EvaluationFailed { failure, location, state } => {
            write_failure(out, failure);
            out.optional_text("location", location.as_deref());
            out.text("state", state);
        }
        Kind::ParallelStateStarted { branches: _, input: _ }
        | Kind::ParallelStateSucceeded
        | Kind::ParallelStateFailed
        | Kind::ParallelStateAborted
        | Kind::MapRunSucceeded
        | Kind::MapRunAborted
        | Kind::MapStateSucceeded
        | Kind::MapStateFailed
        | Kind::MapStateAborted
        | Kind::LambdaFunctionStarted
        | Kind::TaskStateAborted
        | Kind::WaitStateAborted => {}
    }
}

fn write_started(out: &mut JsonWriter, kind: &EventKind, with_data: bool) {
    let EventKind::ExecutionStarted {
        input,
        role_arn,
        state_machine_version_arn,
        state_machine_alias_arn,
        deadline: _,
    } = kind
    else {
        unreachable!("called for the start of an execution alone");
    };
    write_input(out, input, with_data);
    out.text("roleArn", role_arn);
    out.optional_text("stateMachineAliasArn", state_machine_alias_arn.as_deref());
    out.optional_text("stateMachineVersionArn", state_machine_version_arn.as_deref());
}

fn write_assigned(out: &mut JsonWriter, assigned: &[(Arc<str>, Document)]) {
    if !assigned.is_empty() {
        let mut is_cut = false;
        out.member("assignedVariables", |out| {
            for (name, value) in assigned {
                is_cut |= out.payload(name, value.text());
            }
        });
        write_is_cut(out, "assignedVariablesDetails", is_cut);
    }
}

fn write_scheduled(out: &mut JsonWriter, kind: &EventKind, with_data: bool) {
    let (timeout_seconds, heartbeat_seconds) = match kind {
        EventKind::TaskScheduled {
            resource,
            region,
            parameters,
            timeout_seconds,
            heartbeat_seconds,
            token: _,
            child: _,
            role_arn: _,
        } => {
            write_resource(out, resource);
            out.text("region", region);
            // Not an input in the sense of `includeExecutionData`: AWS shows it in any case.
            out.text("parameters", parameters.text());
            (timeout_seconds, heartbeat_seconds)
        }
        EventKind::ActivityScheduled {
            resource,
            input,
            timeout_seconds,
            heartbeat_seconds,
            token: _,
        } => {
            out.text("resource", resource);
            write_input(out, input, with_data);
            (timeout_seconds, heartbeat_seconds)
        }
        EventKind::LambdaFunctionScheduled { resource, input, timeout_seconds, role_arn: _ } => {
            out.text("resource", resource);
            write_input(out, input, with_data);
            (timeout_seconds, &None)
        }
        _ => unreachable!("called for scheduled tasks alone"),
    };
    out.optional_integer("timeoutInSeconds", *timeout_seconds);
    out.optional_integer("heartbeatInSeconds", *heartbeat_seconds);
    if let EventKind::TaskScheduled { role_arn: Some(role_arn), .. }
    | EventKind::LambdaFunctionScheduled { role_arn: Some(role_arn), .. } = kind
    {
        out.member("taskCredentials", |out| out.text("roleArn", role_arn));
    }
}

fn write_resource(out: &mut JsonWriter, resource: &TaskResource) {
    out.text("resourceType", &resource.resource_type);
    out.text("resource", &resource.resource);
}

fn write_failure(out: &mut JsonWriter, failure: &Failure) {
    out.optional_text("error", failure.error.as_deref());
    out.optional_text("cause", failure.cause.as_deref());
}

fn write_input(out: &mut JsonWriter, input: &Document, with_data: bool) {
    if with_data {
        let is_cut = out.payload("input", input.text());
        write_is_cut(out, "inputDetails", is_cut);
    }
}

fn write_output(out: &mut JsonWriter, output: &Document, with_data: bool) {
    if with_data {
        let is_cut = out.payload("output", output.text());
        write_is_cut(out, "outputDetails", is_cut);
    }
}

/// Answers of the API hold payloads whole, always; logs may not.
fn write_is_cut(out: &mut JsonWriter, name: &str, is_cut: bool) {
    out.member(name, |out| out.boolean("truncated", is_cut));
}

#[cfg(test)]
mod tests {
    use asl::StateIndex;
    use engine::{EventId, FrameId, TaskToken, Timestamp};
    use expect_test::{Expect, expect};

    use super::*;

    fn document(text: &str) -> Document {
        Document::from_text(text).expect("the test's text is JSON")
    }

    fn resource() -> TaskResource {
        TaskResource { resource_type: "states".into(), resource: "startExecution.sync:2".into() }
    }

    fn written(kind: EventKind, with_data: bool) -> String {
        let event = HistoryEvent {
            id: EventId(2),
            previous: EventId::NONE,
            timestamp: Timestamp(1_700_000_000_000),
            frame: FrameId::ROOT,
            kind,
        };
        let mut out = JsonWriter::object();
        write_event(&mut out, &event, with_data);
        let text = String::from_utf8(out.finish()).expect("written from text");
        let common = r#"{"timestamp":1700000000.000,"type":""#;
        text.strip_prefix(common).expect("the same in every event").to_owned()
    }

    fn check(kind: EventKind, expected: Expect) {
        expected.assert_eq(&written(kind, true));
    }

    #[test]
    fn payloads_are_strings_of_json_text() {
        check(
            EventKind::StateEntered {
                state_type: StateType::Wait,
                name: "Wait a \"bit\"".into(),
                input: document(r#"{"a": "b"}"#),
                state: StateIndex(3),
                until: Some(Timestamp(5)),
            },
            expect![[
                r#"WaitStateEntered","id":2,"previousEventId":0,"stateEnteredEventDetails":{"name":"Wait a \"bit\"","input":"{\"a\": \"b\"}","inputDetails":{"truncated":false}}}"#
            ]],
        );
    }

    #[test]
    fn without_execution_data_the_details_stay() {
        let exited = EventKind::StateExited {
            state_type: StateType::Pass,
            name: "P".into(),
            output: document("[1]"),
            assigned: vec![("x".into(), document("{\"y\":1}"))],
            next: None,
        };
        expect![[r#"PassStateExited","id":2,"previousEventId":0,"stateExitedEventDetails":{"name":"P","assignedVariables":{"x":"{\"y\":1}"},"assignedVariablesDetails":{"truncated":false}}}"#]]
        .assert_eq(&written(exited, false));
        let succeeded = EventKind::TaskSucceeded { resource: resource(), output: document("1") };
        expect![[r#"TaskSucceeded","id":2,"previousEventId":0,"taskSucceededEventDetails":{"resourceType":"states","resource":"startExecution.sync:2"}}"#]]
        .assert_eq(&written(succeeded, false));
        let scheduled = EventKind::TaskScheduled {
            resource: resource(),
            region: "us-east-1".into(),
            parameters: document(r#"{"StateMachineArn":"a"}"#),
            timeout_seconds: Some(5),
            heartbeat_seconds: None,
            token: Some(TaskToken("secret".into())),
            child: None,
            role_arn: Some("arn:r".into()),
        };
        expect![[r#"TaskScheduled","id":2,"previousEventId":0,"taskScheduledEventDetails":{"resourceType":"states","resource":"startExecution.sync:2","region":"us-east-1","parameters":"{\"StateMachineArn\":\"a\"}","timeoutInSeconds":5,"taskCredentials":{"roleArn":"arn:r"}}}"#]]
        .assert_eq(&written(scheduled, false));
    }

    #[test]
    fn errors_and_causes_are_there_only_if_set() {
        check(
            EventKind::ExecutionAborted(Failure::default()),
            expect![[
                r#"ExecutionAborted","id":2,"previousEventId":0,"executionAbortedEventDetails":{}}"#
            ]],
        );
        check(
            EventKind::TaskTimedOut {
                resource: resource(),
                failure: Failure::named("States.Timeout"),
            },
            expect![[
                r#"TaskTimedOut","id":2,"previousEventId":0,"taskTimedOutEventDetails":{"resourceType":"states","resource":"startExecution.sync:2","error":"States.Timeout"}}"#
            ]],
        );
    }

    #[test]
    fn a_worker_without_a_name_leaves_the_details_empty() {
        check(
            EventKind::ActivityStarted { worker_name: None },
            expect![[
                r#"ActivityStarted","id":2,"previousEventId":0,"activityStartedEventDetails":{}}"#
            ]],
        );
    }

    #[test]
    fn functions_have_their_arn_and_no_heartbeats() {
        let scheduled = EventKind::LambdaFunctionScheduled {
            resource: "arn:f".into(),
            input: document("[1]"),
            timeout_seconds: Some(5),
            role_arn: None,
        };
        check(
            scheduled,
            expect![[
                r#"LambdaFunctionScheduled","id":2,"previousEventId":0,"lambdaFunctionScheduledEventDetails":{"resource":"arn:f","input":"[1]","inputDetails":{"truncated":false},"timeoutInSeconds":5}}"#
            ]],
        );
        check(
            EventKind::LambdaFunctionStarted,
            expect![[r#"LambdaFunctionStarted","id":2,"previousEventId":0}"#]],
        );
        check(
            EventKind::LambdaFunctionFailed(Failure::new("Own", "{}")),
            expect![[
                r#"LambdaFunctionFailed","id":2,"previousEventId":0,"lambdaFunctionFailedEventDetails":{"error":"Own","cause":"{}"}}"#
            ]],
        );
    }

    #[test]
    fn some_types_have_no_details() {
        check(
            EventKind::ParallelStateStarted { branches: vec![], input: document("{}") },
            expect![[r#"ParallelStateStarted","id":2,"previousEventId":0}"#]],
        );
        check(
            EventKind::WaitStateAborted,
            expect![[r#"WaitStateAborted","id":2,"previousEventId":0}"#]],
        );
    }

    #[test]
    fn iterations_have_their_map_and_index() {
        check(
            EventKind::MapIterationFailed { name: "M".into(), index: 7 },
            expect![[
                r#"MapIterationFailed","id":2,"previousEventId":0,"mapIterationFailedEventDetails":{"name":"M","index":7}}"#
            ]],
        );
    }
}
