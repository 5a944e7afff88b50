//! Functions on values of any kind.

use super::Arguments;
use crate::error::FailureFacts;
use crate::evaluate::{Evaluated, Evaluator};
use crate::value::Value;

pub(super) fn boolean(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    match arguments.take(0) {
        Value::Undefined => Ok(Value::Undefined),
        value => Ok(Value::Bool(evaluator.truth(&value)?)),
    }
}

pub(super) fn not(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    match arguments.take(0) {
        Value::Undefined => Ok(Value::Undefined),
        value => Ok(Value::Bool(!evaluator.truth(&value)?)),
    }
}

pub(super) fn exists(_: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    Ok(Value::Bool(!arguments.take(0).is_undefined()))
}

pub(super) fn type_of(_: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    Ok(Value::from(match arguments.take(0) {
        Value::Undefined => return Ok(Value::Undefined),
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) | Value::Exact(_) => "number",
        Value::String(_) => "string",
        Value::JsonArray(_) | Value::List(_) | Value::Tuples(_) => "array",
        Value::JsonObject(_) | Value::Record(_) => "object",
        Value::Builtin(_) | Value::Function(_) => "function",
    }))
}

/// Values never change, so that the value itself does as a copy.
pub(super) fn clone(_: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    Ok(arguments.take(0))
}

pub(super) fn error(_: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let message = arguments.text(0).filter(|message| !message.is_empty());
    let message = message.as_deref().unwrap_or("$error() function evaluated");
    Err(FailureFacts::with_message("D3137", message))
}

pub(super) fn assert(_: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    if matches!(arguments.take(0), Value::Bool(true)) {
        return Ok(Value::Undefined);
    }
    let message = arguments.text(1).filter(|message| !message.is_empty());
    let message = message.as_deref().unwrap_or("$assert() statement failed");
    Err(FailureFacts::with_message("D3141", message))
}

/// What a byte of an expression takes when it is parsed.
const EXPRESSION_BYTES: usize = 100;

pub(super) fn eval(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    let input = match arguments.take(1) {
        Value::Undefined => arguments.context.clone(),
        focus => evaluator.as_context(focus),
    };
    evaluator.meter.text(text.len())?;
    evaluator.meter.work(text.len())?;
    evaluator.meter.allocate(text.len() * EXPRESSION_BYTES)?;
    evaluator.evaluate_text(&text, &input)
}
