//! What evaluations that fail are called, in AWS's words.

use std::fmt::Display;

use json::Value;
use jsonpath::{EvaluationError, Scope};

use crate::evaluate::Fault;

/// What an expression of JSONPath that has no value is, in the field of that name.
pub(crate) fn expression_fault(
    expression: &str,
    field: &str,
    error: &EvaluationError,
    scope: &Scope<'_>,
) -> Fault {
    match error {
        EvaluationError::NoResult { path, .. } => {
            let input = if path.starts_with("$$") { scope.context } else { scope.input };
            Fault::runtime(if path == expression {
                format!(
                    "The JSONPath '{path}' specified for the field '{field}' could not be found \
                     in the input '{input}'"
                )
            } else {
                format!(
                    "The function '{expression}' had the following error: The JsonPath argument \
                     for the field '{path}' could not be found in the input '{input}'"
                )
            })
        }
        // The service documents `States.IntrinsicFailure` and raises `States.Runtime`.
        EvaluationError::Intrinsic { message } | EvaluationError::NotWritable { message } => {
            Fault::runtime(message.clone())
        }
    }
}

/// What an expression of a template that has no value is, in the field of that name.
pub(crate) fn template_fault(failure: &jsonata::TemplateFailure, field: &impl Display) -> Fault {
    let location = format!("{field}{}", failure.pointer);
    let what = match &failure.error {
        None => "returned nothing (undefined).".to_owned(),
        Some(error) if error.code == "D1000" => "returned an unsupported result type.".to_owned(),
        Some(error) => format!("threw an error during evaluation. {error}"),
    };
    let text = format!(
        "The JSONata expression '{}' specified for the field '{location}' {what}",
        failure.expression
    );
    Fault::query(Some(location), text)
}

/// What AWS calls the type of a value.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
