//! What a context object may hold that a test brings along.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html>.

use asl::{IntegrationPattern, Resource, StateKind};
use json::{Object, Value};

use super::TestStateError;

/// What a member must be.
#[derive(Clone, Copy)]
enum Type {
    Any,
    Text,
    Number,
}

type Members = &'static [(&'static str, Type)];

/// The parts of a context object, and their members.
const PARTS: &[(&str, Members)] = &[
    (
        "Execution",
        &[
            ("Id", Type::Text),
            ("Input", Type::Any),
            ("Name", Type::Text),
            ("RoleArn", Type::Text),
            ("StartTime", Type::Text),
            ("RedriveCount", Type::Number),
            ("RedriveTime", Type::Text),
        ],
    ),
    ("State", &[("EnteredTime", Type::Text), ("Name", Type::Text), ("RetryCount", Type::Number)]),
    ("StateMachine", &[("Id", Type::Text), ("Name", Type::Text)]),
    ("Task", &[("Token", Type::Text)]),
];

/// Reads the context object of a test of such a state.
///
/// # Errors
/// The first thing that is wrong with it.
pub(super) fn check(text: &str, kind: &StateKind) -> Result<Value, TestStateError> {
    let invalid = |reason: String| {
        Err(TestStateError::Invalid(format!("Invalid Context object provided: {reason}")))
    };
    let context = match json::parse(text) {
        Ok(context @ Value::Object(_)) => context,
        Ok(_) | Err(_) => return invalid("Context object must be a JSON object".to_owned()),
    };
    let parts = context.as_object().into_iter().flat_map(Object::iter);
    for (name, value) in parts {
        if &**name == "Map" {
            return invalid(
                "'Map' field is not supported when mocking a Context object".to_owned(),
            );
        }
        let Some((_, members)) = PARTS.iter().find(|(part, _)| *part == &**name) else {
            return invalid(format!("Field '{name}' is not allowed"));
        };
        if let Err(reason) = check_part(name, value, members) {
            return invalid(reason);
        }
        if &**name == "Task" && !has_token(kind) {
            return invalid(
                "Context object contains 'Task' when state is not a Task state with a '.sync' or \
                 '.waitForTaskToken' service integration pattern"
                    .to_owned(),
            );
        }
    }
    Ok(context)
}

fn check_part(part: &str, value: &Value, members: Members) -> Result<(), String> {
    let Some(object) = value.as_object() else {
        return Err(format!("{part} must be an object"));
    };
    for (name, value) in object.iter() {
        let Some((_, expected)) = members.iter().find(|(member, _)| *member == &**name) else {
            return Err(format!("Field '{name}' is not allowed"));
        };
        match (expected, value) {
            (Type::Any, _) | (Type::Text, Value::String(_)) | (Type::Number, Value::Number(_)) => {}
            (Type::Text, _) => return Err(format!("{part}.{name} must be a string")),
            (Type::Number, _) => return Err(format!("{part}.{name} must be a number")),
        }
    }
    Ok(())
}

fn has_token(kind: &StateKind) -> bool {
    let StateKind::Task(task) = kind else { return false };
    match &task.resource {
        Resource::Activity(_) | Resource::Lambda(_) => false,
        Resource::StartExecution(pattern) | Resource::Service { pattern, .. } => {
            *pattern != IntegrationPattern::RequestResponse
        }
    }
}
