//! Values that are no lists, maps or structures.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use json::{Number, Value};
use service_model::{ShapeKind, TimestampFormat};

use super::{Reader, Unwritable};
use crate::timestamp;

/// The text that a parameter means: itself, or its JSON.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        other => other.to_text(),
    }
}

/// What is written in place of bytes within a document.
pub(crate) fn base64(value: &Value) -> String {
    BASE64_STANDARD.encode(text(value))
}

/// The bytes behind such a text, as a text. What is not UTF-8 is lost, as it is in Step Functions.
pub(crate) fn of_base64(text: &str) -> String {
    let packed: String = text.chars().filter(|character| !character.is_whitespace()).collect();
    match BASE64_STANDARD.decode(packed) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => text.to_owned(),
    }
}

/// A number, given as one or as its text.
pub(crate) fn number(name: &str, value: &Value, whole: bool) -> Result<Number, Unwritable> {
    let number = match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => Number::parse(text),
        _ => None,
    };
    let expected = if whole { "an INTEGER" } else { "a NUMBER" };
    number
        .filter(|number| !whole || number.is_integer_text())
        .ok_or_else(|| Unwritable { name: name.to_owned(), expected })
}

/// A boolean, given as one or as its text.
pub(crate) fn boolean(name: &str, value: &Value) -> Result<bool, Unwritable> {
    let parsed = match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    parsed.ok_or_else(|| Unwritable { name: name.to_owned(), expected: "a BOOLEAN" })
}

/// An instant, written in that form.
pub(crate) fn instant(
    name: &str,
    value: &Value,
    format: TimestampFormat,
) -> Result<String, Unwritable> {
    let instant = timestamp::of_parameter(value);
    let instant =
        instant.ok_or_else(|| Unwritable { name: name.to_owned(), expected: "a TIMESTAMP" })?;
    Ok(timestamp::written(instant, format))
}

/// A scalar as a text: in a path, a query, a header, a form, an element.
pub(crate) fn written(
    name: &str,
    kind: &ShapeKind,
    value: &Value,
    format: TimestampFormat,
) -> Result<String, Unwritable> {
    match kind {
        ShapeKind::Integer | ShapeKind::Long => {
            number(name, value, true).map(|number| Value::from(number).to_text())
        }
        ShapeKind::Float | ShapeKind::Double => {
            number(name, value, false).map(|number| Value::from(number).to_text())
        }
        ShapeKind::Boolean => boolean(name, value).map(|value| value.to_string()),
        ShapeKind::Timestamp { format: of_shape } => {
            instant(name, value, of_shape.unwrap_or(format))
        }
        ShapeKind::Blob => Ok(base64(value)),
        ShapeKind::Text { .. }
        | ShapeKind::Document
        | ShapeKind::List { .. }
        | ShapeKind::Map { .. }
        | ShapeKind::Structure(_) => Ok(text(value)),
    }
}

/// A scalar that was read as a text. What is not of its kind stays a text.
pub(crate) fn read(reader: Reader, kind: &ShapeKind, text: &str) -> Value {
    match kind {
        ShapeKind::Integer | ShapeKind::Long | ShapeKind::Float | ShapeKind::Double => {
            Number::parse(text.trim()).map_or_else(|| Value::from(text), Value::from)
        }
        ShapeKind::Boolean => match text.trim() {
            "true" | "True" => Value::from(true),
            "false" | "False" => Value::from(false),
            _ => Value::from(text),
        },
        ShapeKind::Timestamp { .. } => {
            let instant = timestamp::of_answer(text.trim());
            instant.map_or_else(|| Value::from(text), |instant| reader.instant(instant))
        }
        ShapeKind::Blob => Value::from(of_base64(text)),
        ShapeKind::Text { .. }
        | ShapeKind::Document
        | ShapeKind::List { .. }
        | ShapeKind::Map { .. }
        | ShapeKind::Structure(_) => Value::from(text),
    }
}
