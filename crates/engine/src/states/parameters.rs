//! What becomes of the parameters of a Task state before its service is called.

use asl::Resource;
use json::{Document, Object, Value};

use crate::TaskToken;
use crate::evaluate::Fault;

/// The token, where somebody may answer with it: the task waits for it, or its parameters hold it.
pub(crate) fn kept_token(
    token: TaskToken,
    is_awaited: bool,
    parameters: &Document,
) -> Option<TaskToken> {
    (is_awaited || parameters.text().contains(&*token.0)).then_some(token)
}

/// With what Step Functions adds itself.
pub(crate) fn completed(resource: &Resource, parameters: Document) -> Document {
    let Resource::Service { service, action, pattern } = resource else { return parameters };
    let added = asl::integration(service, action).and_then(|found| found.added(*pattern));
    match (added, parameters.value()) {
        (Some((name, value)), Value::Object(given)) if !given.contains(name) => {
            let mut completed = Object::clone(given);
            completed.insert(name, value);
            Document::from(Value::from(completed))
        }
        _ => parameters,
    }
}

/// Refuses what a service cannot be called with.
pub(crate) fn check_parameters(resource: &Resource, parameters: &Document) -> Result<(), Fault> {
    let Resource::Service { service, action, .. } = resource else {
        return Ok(());
    };
    let integration =
        asl::integration(service, action).expect("a program calls what is in the table");
    integration.check(parameters.value()).map_err(|reason| unusable(parameters, &reason))
}

/// AWS reads what became of the parameters as parameters again: a name that still ends in `.$`
/// must stand for a path or a call.
pub(crate) fn check_names(parameters: &Document) -> Result<(), Fault> {
    if !parameters.text().contains(".$\"") {
        return Ok(());
    }
    match unevaluated(parameters.value()) {
        None => Ok(()),
        Some(name) => {
            let reason = format!(
                "The value for the field '{name}' must be a valid JSONPath or a valid intrinsic \
                 function call"
            );
            Err(unusable(parameters, &reason))
        }
    }
}

/// The first name that ends in `.$` and whose value is no path or call.
fn unevaluated(value: &Value) -> Option<&str> {
    match value {
        Value::Array(items) => items.iter().find_map(unevaluated),
        Value::Object(members) => members.iter().find_map(|(name, value)| {
            let is_path =
                || value.as_str().is_some_and(|text| jsonpath::Expression::parse(text).is_ok());
            match name.ends_with(".$") {
                true if is_path() => None,
                true => Some(&**name),
                false => unevaluated(value),
            }
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn unusable(parameters: &Document, reason: &str) -> Fault {
    let parameters = parameters.text();
    Fault::runtime(format!(
        "The Parameters '{parameters}' could not be used to start the Task: [{reason}]"
    ))
}
