//! JSON bodies, of the json and rest-json protocols.
//! See <https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>.

use json::{Object, Value};
use service_model::{Member, Service, ShapeId, ShapeKind, TimestampFormat};

use super::{Reader, Unwritable, scalar, sorted};
use crate::timestamp;

/// The body that parameters stand for.
pub(crate) fn write(
    service: &Service,
    shape: ShapeId,
    parameters: &Object,
) -> Result<Value, Unwritable> {
    write_value(service, shape, "", &Value::from(parameters.clone()))
}

/// One value.
pub(crate) fn write_value(
    service: &Service,
    shape: ShapeId,
    name: &str,
    value: &Value,
) -> Result<Value, Unwritable> {
    let wrong = |expected| Unwritable { name: name.to_owned(), expected };
    match &service.shape(shape).kind {
        ShapeKind::Structure(members) => {
            let given = value.as_object().ok_or_else(|| wrong("an OBJECT"))?;
            let mut object = Object::with_capacity(given.len());
            for (key, value) in given.iter().filter(|(_, value)| !value.is_null()) {
                if let Some(member) = members.parameter(key) {
                    object.insert(member.wire_name(), write_member(service, member, key, value)?);
                }
            }
            Ok(object.into())
        }
        ShapeKind::List { item, .. } => {
            let items = value.as_array().ok_or_else(|| wrong("an ARRAY"))?;
            let items = items.iter().map(|value| match value {
                Value::Null => Ok(Value::Null),
                value => write_value(service, *item, name, value),
            });
            Ok(Value::from(items.collect::<Result<Vec<_>, _>>()?))
        }
        ShapeKind::Map { value: shape, .. } => {
            let given = value.as_object().ok_or_else(|| wrong("an OBJECT"))?;
            let mut object = Object::with_capacity(given.len());
            for (key, value) in given.iter().filter(|(_, value)| !value.is_null()) {
                object.insert(key.clone(), write_value(service, *shape, key, value)?);
            }
            Ok(object.into())
        }
        ShapeKind::Integer | ShapeKind::Long => scalar::number(name, value, true).map(Value::from),
        ShapeKind::Float | ShapeKind::Double => scalar::number(name, value, false).map(Value::from),
        ShapeKind::Boolean => scalar::boolean(name, value).map(Value::from),
        ShapeKind::Timestamp { format } => write_instant(name, value, *format),
        ShapeKind::Blob => Ok(Value::from(scalar::base64(value))),
        ShapeKind::Text { .. } => Ok(Value::from(scalar::text(value))),
        ShapeKind::Document => Ok(value.clone()),
    }
}

fn write_member(
    service: &Service,
    member: &Member,
    name: &str,
    value: &Value,
) -> Result<Value, Unwritable> {
    if member.is_json_text {
        return Ok(Value::from(scalar::text(value)));
    }
    match (&service.shape(member.shape).kind, member.wire.timestamp_format) {
        (ShapeKind::Timestamp { .. }, Some(format)) => write_instant(name, value, Some(format)),
        _ => write_value(service, member.shape, name, value),
    }
}

fn write_instant(
    name: &str,
    value: &Value,
    format: Option<TimestampFormat>,
) -> Result<Value, Unwritable> {
    let format = format.unwrap_or(TimestampFormat::UnixTimestamp);
    let text = scalar::instant(name, value, format)?;
    match format {
        TimestampFormat::UnixTimestamp => {
            Ok(json::Number::parse(&text).map_or(Value::Null, Value::from))
        }
        TimestampFormat::Iso8601 | TimestampFormat::Rfc822 => Ok(Value::from(text)),
    }
}

/// The result that a body stands for. What the model does not have is left out.
pub(crate) fn read(reader: Reader, shape: ShapeId, body: &Value) -> Value {
    match (reader.kind(shape), body) {
        (ShapeKind::Structure(members), Value::Object(object)) => {
            let found = members.members.iter().filter_map(|member| {
                let value = object.get(member.wire_name()).filter(|value| !value.is_null())?;
                Some((reader.name(member), read(reader, member.shape, value)))
            });
            sorted(found.collect())
        }
        (ShapeKind::List { item, .. }, Value::Array(items)) => {
            Value::from(items.iter().map(|value| read(reader, *item, value)).collect::<Vec<_>>())
        }
        (ShapeKind::Map { value: shape, .. }, Value::Object(object)) => {
            let mut map = Object::with_capacity(object.len());
            for (key, value) in object.iter() {
                map.insert(key.clone(), read(reader, *shape, value));
            }
            map.into()
        }
        (ShapeKind::Timestamp { .. }, Value::Number(seconds)) => timestamp::of_seconds(seconds)
            .map_or_else(|| Value::from(seconds.clone()), |it| reader.instant(it)),
        (kind @ (ShapeKind::Timestamp { .. } | ShapeKind::Blob), Value::String(text)) => {
            scalar::read(reader, kind, text)
        }
        (_, other) => other.clone(),
    }
}
