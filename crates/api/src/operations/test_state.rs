//! TestState.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_TestState.html>.

use asl::{DataFlow, State, StateKind};
use engine::{Inspection, TrialStatus};
use json::{Document, Object, Value};
use runtime::{FieldValidationMode, HttpExchange, MockInput, TestState, TestedState};

use crate::Api;
use crate::configuration;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::{Request, text};
use crate::write::JsonWriter;

pub(crate) const MEMBERS: &[Member] = &[
    Member::definition("definition").required(),
    Member::arn("roleArn"),
    Member::payload("input"),
    Member::choice("inspectionLevel", &["INFO", "DEBUG", "TRACE"]),
    Member::boolean("revealSecrets"),
    Member::payload("variables"),
    STATE_NAME,
    Member::structure(
        "mock",
        &[
            Member::payload("result"),
            Member::structure("errorOutput", &[Member::error("error"), Member::cause("cause")]),
            Member::choice("fieldValidationMode", &["STRICT", "PRESENT", "NONE"]),
        ],
    ),
    Member::payload("context"),
    Member::structure(
        "stateConfiguration",
        &[
            Member::integer("retrierRetryCount", 0, i32::MAX as i64),
            Member::text("errorCausedByState", 1, 80).sensitive(),
            Member::integer("mapIterationFailureCount", 0, i32::MAX as i64),
            Member::payload("mapItemReaderData"),
        ],
    ),
];

const STATE_NAME: Member = Member::text("stateName", 1, 80).sensitive();

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    request.text("roleArn").map_or(Ok(()), |role| configuration::check_role(role))?;
    let test = test_of(request);
    let tested = api.runtime.test_state(&request.scope, test).await?;
    let mut out = JsonWriter::object();
    let outcome = &tested.outcome;
    out.optional_text("output", outcome.output.as_ref().map(Document::text));
    if let Some(failure) = &outcome.failure {
        out.optional_text("error", failure.error.as_deref());
        out.optional_text("cause", failure.cause.as_deref());
    }
    if request.text("inspectionLevel").is_some_and(|level| &**level != "INFO") {
        out.member("inspectionData", |out| write_inspection(out, &tested));
    }
    out.optional_text("nextState", outcome.next_state.as_deref());
    let status = match outcome.status {
        TrialStatus::Succeeded => "SUCCEEDED",
        TrialStatus::Failed => "FAILED",
        TrialStatus::Retriable => "RETRIABLE",
        TrialStatus::CaughtError => "CAUGHT_ERROR",
    };
    out.text("status", status);
    Ok(out.finish())
}

fn test_of(request: &Request) -> TestState<'_> {
    let own = |name| request.text(name).map(|text| &**text);
    let configuration = request.structure("stateConfiguration");
    let count = |name| u64::try_from(configuration?.get(name)?.as_i64()?).ok();
    TestState {
        definition: request.required_text("definition"),
        state_name: own("stateName"),
        role_arn: own("roleArn"),
        input: own("input"),
        variables: own("variables"),
        context: own("context"),
        is_traced: request.text("inspectionLevel").is_some_and(|level| &**level == "TRACE"),
        reveal_secrets: request.boolean("revealSecrets") == Some(true),
        mock: request.structure("mock").map(mock_of),
        retrier_retry_count: count("retrierRetryCount").and_then(|it| u32::try_from(it).ok()),
        error_caused_by_state: configuration.and_then(|it| member(it, "errorCausedByState")),
        map_iteration_failure_count: count("mapIterationFailureCount"),
        map_item_reader_data: configuration.and_then(|it| member(it, "mapItemReaderData")),
    }
}

fn member<'r>(object: &'r Object, name: &str) -> Option<&'r str> {
    text(object, name).map(|text| &**text)
}

fn mock_of(mock: &Object) -> MockInput<'_> {
    let error_output = mock.get("errorOutput").and_then(Value::as_object);
    MockInput {
        result: member(mock, "result"),
        error_output: error_output.map(|it| (member(it, "error"), member(it, "cause"))),
        field_validation_mode: match member(mock, "fieldValidationMode") {
            Some("PRESENT") => FieldValidationMode::Present,
            Some("NONE") => FieldValidationMode::None,
            _ => FieldValidationMode::Strict,
        },
    }
}

/// What AWS shows of the way that a state took: for each type and query language something else.
fn write_inspection(out: &mut JsonWriter, tested: &TestedState) {
    let TestedState { program, state, input, outcome: _, inspection, exchange } = tested;
    let state = program.state(*state);
    out.text("input", input.text());
    match &state.data {
        DataFlow::Jsonata(_) if matches!(state.kind, StateKind::Task(_)) => {
            write_document(out, "afterArguments", inspection.arguments.as_ref());
            write_document(out, "result", inspection.result.as_ref());
        }
        DataFlow::Jsonata(_) => {}
        DataFlow::JsonPath(_) => write_json_path(out, state, input, inspection),
    }
    write_document(out, "afterItemSelector", inspection.after_item_selector.as_ref());
    out.optional_integer("maxConcurrency", inspection.max_concurrency);
    out.optional_integer("toleratedFailureCount", inspection.tolerated_failure_count);
    if let Some(percentage) = inspection.tolerated_failure_percentage {
        out.float("toleratedFailurePercentage", percentage);
    }
    if !inspection.variables.is_empty() {
        let mut variables = Object::new();
        for (name, value) in &inspection.variables {
            variables.insert(name.clone(), value.value().clone());
        }
        out.text("variables", Document::from(Value::from(variables)).text());
    }
    write_exchange(out, exchange);
    let Inspection { retry_index, retry_backoff_seconds, catch_index, .. } = inspection;
    if retry_index.is_some() || catch_index.is_some() {
        out.member("errorDetails", |out| {
            out.optional_integer("catchIndex", catch_index.map(|index| index as u64));
            out.optional_integer("retryIndex", retry_index.map(|index| index as u64));
            out.optional_integer("retryBackoffIntervalSeconds", *retry_backoff_seconds);
        });
    }
}

/// What an HTTP Task sent and got.
fn write_exchange(out: &mut JsonWriter, exchange: &HttpExchange) {
    if let Some(request) = &exchange.request {
        out.member("request", |out| {
            out.text("protocol", &request.protocol);
            out.text("method", &request.method);
            out.text("url", &request.url);
            out.text("headers", &request.headers);
            out.optional_text("body", request.body.as_deref());
        });
    }
    if let Some(response) = &exchange.response {
        out.member("response", |out| {
            out.text("protocol", &response.protocol);
            out.text("statusCode", &response.status_code);
            out.text("statusMessage", &response.status_message);
            out.text("headers", &response.headers);
            out.text("body", &response.body);
        });
    }
}

fn write_json_path(out: &mut JsonWriter, state: &State, input: &Document, inspection: &Inspection) {
    let mut after_input_path = inspection.after_input_path.as_ref();
    let (mut has_parameters, mut has_result) = (false, false);
    match &state.kind {
        StateKind::Pass(pass) => {
            has_result = pass.result.is_some();
            has_parameters = !has_result;
            if has_result {
                after_input_path = None;
            }
        }
        StateKind::Task(_) => (has_parameters, has_result) = (true, true),
        StateKind::Parallel(_) => after_input_path = None,
        // It has no `InputPath`.
        StateKind::Fail(_) => after_input_path = Some(input),
        StateKind::Choice(_) | StateKind::Wait(_) | StateKind::Succeed | StateKind::Map(_) => {}
    }
    write_document(out, "afterInputPath", after_input_path);
    if has_parameters {
        write_document(out, "afterParameters", inspection.arguments.as_ref());
    }
    write_document(out, "afterItemsPath", inspection.after_items_path.as_ref());
    if has_result {
        write_document(out, "result", inspection.result.as_ref());
    }
    write_document(out, "afterResultSelector", inspection.after_result_selector.as_ref());
    write_document(out, "afterResultPath", inspection.after_result_path.as_ref());
}

fn write_document(out: &mut JsonWriter, name: &str, document: Option<&Document>) {
    out.optional_text(name, document.map(Document::text));
}
