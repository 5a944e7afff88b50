//! What TestState may be asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::{
    Analysis, InputType, IntegrationPattern, ItemReader, Program, Resource, Severity, State,
    StateIndex, StateKind, Task, WorkflowType,
};
use engine::{Failure, TRIED_STATE_NAME, TrialMock};
use json::{Document, Object, Value};
use service_model::ResultCheck;

use super::{FieldValidationMode, MockInput, TestState, TestStateError, context};
use crate::StartError;
use crate::start::read_input;

/// A request that makes sense.
pub(super) struct Checked {
    pub(super) program: Arc<Program>,
    pub(super) state: StateIndex,
    pub(super) input: Document,
    pub(super) variables: BTreeMap<Arc<str>, Document>,
    pub(super) context: Option<Value>,
    pub(super) mock: Option<TrialMock>,
}

fn invalid<T>(message: impl Into<String>) -> Result<T, TestStateError> {
    Err(TestStateError::Invalid(message.into()))
}

/// Checks the request as a whole.
///
/// # Errors
/// The first thing that is wrong with it.
pub(super) fn check(request: &TestState<'_>) -> Result<Checked, TestStateError> {
    check_combination(request)?;
    let (program, index) = find_state(request)?;
    let state = program.state(index);
    check_configuration(request, &program, index)?;
    check_kind(request, state)?;
    let mock = match &request.mock {
        None => None,
        Some(given) => Some(TrialMock {
            outcome: checked_outcome(given, state, request.map_iteration_failure_count)?,
            iteration_failures: request.map_iteration_failure_count,
            reader_items: reader_items(request.map_item_reader_data, state)?,
        }),
    };
    if let (Some(given), StateKind::Task(task)) = (&request.mock, &state.kind) {
        check_model(given, task)?;
    }
    let context = request.context.map(|text| context::check(text, &state.kind)).transpose()?;
    let input = read_input(request.input).map_err(|error| match error {
        StartError::InvalidInput(reason) => TestStateError::InvalidInput(reason),
        other => TestStateError::Invalid(other.to_string()),
    })?;
    let variables = variables(request.variables)?;
    Ok(Checked { program, state: index, input, variables, context, mock })
}

/// What can be said without a look at the definition.
fn check_combination(request: &TestState<'_>) -> Result<(), TestStateError> {
    let Some(mock) = &request.mock else {
        let needing_mock = [
            ("MapIterationFailureCount", request.map_iteration_failure_count.is_some()),
            ("RetrierRetryCount", request.retrier_retry_count.is_some()),
            ("ErrorCausedByState", request.error_caused_by_state.is_some()),
            ("MapItemReaderData", request.map_item_reader_data.is_some()),
            ("Context", request.context.is_some()),
        ];
        return match needing_mock.into_iter().find(|(_, is_given)| *is_given) {
            None => Ok(()),
            Some((name, _)) => {
                invalid(format!("TestState does not support {name} when a mock is not specified."))
            }
        };
    };
    if mock.result.is_some() == mock.error_output.is_some() {
        return invalid(
            "A test mock should have only one of the following fields: [result, errorOutput].",
        );
    }
    if request.reveal_secrets {
        return invalid("TestState does not support RevealSecrets when a mock is specified.");
    }
    Ok(())
}

/// The state, in the machine that it is tested in.
fn find_state(request: &TestState<'_>) -> Result<(Arc<Program>, StateIndex), TestStateError> {
    let Analysis { program, diagnostics } = match request.state_name {
        None => asl::compile_state(TRIED_STATE_NAME, request.definition),
        // What only a Standard machine may have can be tested, too.
        Some(_) => asl::compile(request.definition, WorkflowType::Standard),
    };
    let Some(program) = program else {
        let is_error = |it: &asl::Diagnostic| it.severity == Severity::Error;
        let errors = diagnostics.into_iter().filter(is_error).collect();
        return Err(TestStateError::InvalidDefinition(errors));
    };
    let name = request.state_name.unwrap_or(TRIED_STATE_NAME);
    let found = (0..).map(StateIndex).zip(&program.states).find(|(_, state)| &*state.name == name);
    match found {
        Some((index, _)) => Ok((Arc::new(program), index)),
        None => invalid("State not found in definition"),
    }
}

/// `stateConfiguration`: each member has a meaning for some states.
fn check_configuration(
    request: &TestState<'_>,
    program: &Program,
    index: StateIndex,
) -> Result<(), TestStateError> {
    let kind = &program.state(index).kind;
    let is_map = matches!(kind, StateKind::Map(_));
    if request.map_iteration_failure_count.is_some() && !is_map {
        return invalid("MapIterationFailureCount is only supported for Map states.");
    }
    if request.map_item_reader_data.is_some() && item_reader(kind).is_none() {
        return invalid("MapItemReaderData is only supported for Map states with an ItemReader.");
    }
    let Some(name) = request.error_caused_by_state else { return Ok(()) };
    if !is_map && !matches!(kind, StateKind::Parallel(_)) {
        return invalid("ErrorCausedByState is only supported for Map and Parallel states.");
    }
    if request.mock.as_ref().is_none_or(|mock| mock.error_output.is_none()) {
        return invalid("ErrorCausedByState is only supported when an errorOutput is mocked.");
    }
    let is_within = program.states.iter().any(|state| {
        &*state.name == name
            && program.region(state.region).owner.is_some()
            && owners(program, state).any(|owner| owner == index)
    });
    if is_within { Ok(()) } else { invalid("State not found in definition") }
}

/// The states around a state, from the inside out.
fn owners<'p>(program: &'p Program, state: &'p State) -> impl Iterator<Item = StateIndex> + 'p {
    let owner = |state: &State| program.region(state.region).owner;
    std::iter::successors(owner(state), move |index| owner(program.state(*index)))
}

/// What can be tested with a mock, and what without.
fn check_kind(request: &TestState<'_>, state: &State) -> Result<(), TestStateError> {
    let kind = &state.kind;
    if request.mock.is_some() {
        return match kind {
            StateKind::Task(_) | StateKind::Parallel(_) | StateKind::Map(_) => Ok(()),
            StateKind::Pass(_)
            | StateKind::Choice(_)
            | StateKind::Wait(_)
            | StateKind::Succeed
            | StateKind::Fail(_) => invalid(format!(
                "State type '{}' is not supported when a mock is specified",
                kind.state_type().name()
            )),
        };
    }
    match kind {
        StateKind::Parallel(_) | StateKind::Map(_) => Err(TestStateError::NotTestable(
            "TestState API does not support Map or Parallel states. Supported state types \
             include: [Task, Wait, Pass, Succeed, Fail, Choice]"
                .to_owned(),
        )),
        StateKind::Task(task) => check_task(request, task),
        StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed
        | StateKind::Fail(_) => Ok(()),
    }
}

/// What a Task state that is to do its work must be.
fn check_task(request: &TestState<'_>, task: &Task) -> Result<(), TestStateError> {
    let pattern = match &task.resource {
        Resource::Activity(_) => {
            let message = "TestState API does not support Activity tasks when a mock is not \
                           specified";
            return Err(TestStateError::NotTestable(message.to_owned()));
        }
        Resource::Lambda(_) => IntegrationPattern::RequestResponse,
        Resource::StartExecution(pattern) | Resource::Service { pattern, .. } => *pattern,
    };
    if pattern != IntegrationPattern::RequestResponse {
        return Err(TestStateError::NotTestable(format!(
            "TestState API does not support the '{}' service integration pattern when a mock is \
             not specified",
            pattern.suffix()
        )));
    }
    match request.role_arn {
        None => invalid("RoleArn must be specified when testing a Task state"),
        Some(_) => Ok(()),
    }
}

/// What stands for the work of the state, which no more iterations can have failed than there are.
fn checked_outcome(
    mock: &MockInput<'_>,
    state: &State,
    failed_iterations: Option<u64>,
) -> Result<Result<Document, Failure>, TestStateError> {
    let outcome = mocked_outcome(mock, state)?;
    let iterations = match &outcome {
        Ok(result) => result.value().as_array().map(|items| items.len() as u64),
        Err(_) => None,
    };
    match (failed_iterations, iterations) {
        (Some(failed), Some(iterations)) if failed > iterations => invalid(
            "Map iteration failure count must be less than or equal to the number of Map \
             iterations",
        ),
        _ => Ok(outcome),
    }
}

/// What stands for the work of the state.
fn mocked_outcome(
    mock: &MockInput<'_>,
    state: &State,
) -> Result<Result<Document, Failure>, TestStateError> {
    if let Some((error, cause)) = mock.error_output {
        let Some(error) = error else {
            return invalid("The field 'error' of a mocked errorOutput must be specified");
        };
        return Ok(Err(Failure { error: Some(error.into()), cause: cause.map(Into::into) }));
    }
    let text = mock.result.expect("a mock has a result or an error, as was checked");
    let Ok(result) = Document::from_text(text) else {
        return invalid("Mocked result must be valid JSON");
    };
    let items = result.value().as_array().map(<[Value]>::len);
    match &state.kind {
        StateKind::Parallel(branches) => match items {
            None => return invalid("Mocked result must be an array."),
            Some(items) if items != branches.regions.len() => {
                return invalid(
                    "Mocked result must contain the same number of items as number of Parallel \
                     branches.",
                );
            }
            Some(_) => {}
        },
        StateKind::Map(map) => {
            let distributed = map.distributed.as_ref();
            let is_written = distributed
                .and_then(|it| it.result_writer.as_ref())
                .is_some_and(|writer| writer.target.is_some());
            if is_written && result.value().as_object().is_none() {
                return invalid("Mocked result must be a JSON object.");
            }
            if !is_written && items.is_none() {
                return invalid("Mocked result must be an array.");
            }
        }
        _ => {}
    }
    Ok(Ok(result))
}

/// Holds the mocked result of a task against the model of what is called.
fn check_model(mock: &MockInput<'_>, task: &Task) -> Result<(), TestStateError> {
    let asks_for_required = match mock.field_validation_mode {
        FieldValidationMode::None => return Ok(()),
        FieldValidationMode::Present => false,
        FieldValidationMode::Strict => true,
    };
    let Some((service, action, free)) = answering(&task.resource) else { return Ok(()) };
    let Some(service) = service_model::service(service) else { return Ok(()) };
    let Some(operation) = service.operation(action) else { return Ok(()) };
    let Some(Ok(result)) = mock.result.map(json::parse) else { return Ok(()) };
    let check = ResultCheck { service, asks_for_required, free };
    check.check(operation, &result).map_err(|misfit| {
        TestStateError::Invalid(format!("Mock result schema validation error: {misfit}"))
    })
}

/// The operation whose answer is the result of a task, and the members that the integration makes
/// something of; none where the result is not the answer of one operation.
fn answering(resource: &Resource) -> Option<(&str, &str, &'static [&'static str])> {
    let (service, action, pattern) = match resource {
        Resource::Activity(_) | Resource::Lambda(_) => return None,
        Resource::StartExecution(pattern) => ("states", "startExecution", *pattern),
        Resource::Service { service, action, pattern, .. } => (&**service, &**action, *pattern),
    };
    match (service, pattern) {
        (_, IntegrationPattern::WaitForTaskToken) => None,
        // What is asked until the execution has ended; its input and output may be JSON values.
        ("states", IntegrationPattern::Sync | IntegrationPattern::Sync2) => {
            Some(("sfn", "describeExecution", &["Input", "Output"]))
        }
        (_, IntegrationPattern::Sync | IntegrationPattern::Sync2) => None,
        ("lambda", IntegrationPattern::RequestResponse) => Some(("lambda", action, &["Payload"])),
        (service, IntegrationPattern::RequestResponse) => {
            let sdk = service.strip_prefix("aws-sdk:");
            Some((sdk.unwrap_or_else(|| sdk_name(service)), action, &[]))
        }
    }
}

/// How the resources of the AWS SDK name the service of an optimised integration.
fn sdk_name(service: &str) -> &str {
    match service {
        "states" => "sfn",
        "events" => "eventbridge",
        "elasticmapreduce" => "emr",
        "emr-containers" => "emrcontainers",
        "emr-serverless" => "emrserverless",
        "bedrock" => "bedrockruntime",
        other => other,
    }
}

fn item_reader(kind: &StateKind) -> Option<&ItemReader> {
    match kind {
        StateKind::Map(map) => map.distributed.as_ref()?.item_reader.as_ref(),
        _ => None,
    }
}

/// The items in what an `ItemReader` would read.
fn reader_items(text: Option<&str>, state: &State) -> Result<Option<Document>, TestStateError> {
    let (Some(text), Some(reader)) = (text, item_reader(&state.kind)) else { return Ok(None) };
    let not_json = || TestStateError::Invalid("MapItemReaderData must be valid JSON".to_owned());
    let items = match reader.config.input_type {
        Some(InputType::Json) => {
            let data = json::parse(text).map_err(|_| not_json())?;
            let pointer = reader.config.items_pointer.as_deref().unwrap_or_default();
            match at_pointer(&data, pointer) {
                Some(Value::Array(items)) => Value::Array(items.clone()),
                // An object has an item for each of its members.
                Some(Value::Object(members)) => members.iter().map(entry).collect(),
                Some(_) | None => {
                    return invalid("MapItemReaderData must hold an array or an object");
                }
            }
        }
        Some(InputType::Jsonl) => {
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            lines.map(json::parse).collect::<Result<Vec<_>, _>>().map_err(|_| not_json())?.into()
        }
        Some(InputType::Csv | InputType::Parquet | InputType::Manifest) | None => {
            return invalid(
                "Stairwell does not support MapItemReaderData of this InputType yet; JSON and \
                 JSONL are supported",
            );
        }
    };
    Ok(Some(Document::from(items)))
}

fn entry((name, value): (&Arc<str>, &Value)) -> Value {
    let mut entry = Object::new();
    entry.insert("Key", name.clone());
    entry.insert("Value", value.clone());
    entry.into()
}

/// The value that a JSON pointer (RFC 6901) leads to.
fn at_pointer<'v>(value: &'v Value, pointer: &str) -> Option<&'v Value> {
    pointer.split('/').skip(1).try_fold(value, |value, part| {
        let part = part.replace("~1", "/").replace("~0", "~");
        match value {
            Value::Object(members) => members.get(&part),
            Value::Array(items) => items.get(part.parse::<usize>().ok()?),
            _ => None,
        }
    })
}

/// The members of `variables`.
fn variables(text: Option<&str>) -> Result<BTreeMap<Arc<str>, Document>, TestStateError> {
    let Some(text) = text else { return Ok(BTreeMap::new()) };
    let Ok(Value::Object(members)) = json::parse(text) else {
        return invalid("Variables must be a JSON object");
    };
    let document = |value: &Value| Document::from(value.clone());
    Ok(members.iter().map(|(name, value)| (name.clone(), document(value))).collect())
}
