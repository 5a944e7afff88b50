//! Values as JSON: what leaves an evaluation.

use std::rc::Rc;
use std::sync::Arc;

use super::Evaluator;
use crate::error::{Failure, FailureFacts};
use crate::number;
use crate::value::Value;

/// So many parts of the input may be in the result without their size being counted: a result
/// that repeats the input more often could be far larger than what was given.
const UNCOUNTED_PARTS_MAX: usize = 16;

/// What the JSON text of the result may still need.
struct Room {
    bytes: usize,
    parts: usize,
}

impl Evaluator<'_> {
    /// The result of the whole evaluation.
    pub(super) fn result(&mut self, value: Value) -> Result<Option<json::Value>, Failure> {
        if value.is_undefined() {
            return Ok(None);
        }
        let mut room =
            Room { bytes: self.meter.limits.value_bytes_max, parts: UNCOUNTED_PARTS_MAX };
        self.convert(value.unwrapped(), 0, &mut room).map(Some)
    }

    fn convert(
        &mut self,
        value: Value,
        depth: u32,
        room: &mut Room,
    ) -> Result<json::Value, Failure> {
        self.meter.work(1)?;
        self.take(room, 1)?;
        Ok(match value {
            Value::Undefined | Value::Null => json::Value::Null,
            Value::Bool(truth) => json::Value::Bool(truth),
            Value::Number(number) => number::to_json(number),
            Value::Exact(number) => json::Value::Number(number),
            Value::String(text) => {
                self.take(room, text.len())?;
                json::Value::String(text)
            }
            Value::JsonArray(items) => {
                let array = json::Value::Array(items);
                self.count_part(&array, room)?;
                array
            }
            Value::JsonObject(members) => {
                let object = json::Value::Object(members);
                self.count_part(&object, room)?;
                object
            }
            Value::List(_) | Value::Tuples(_) => {
                self.meter.nested(depth)?;
                let items = value.into_items();
                let mut array = Vec::with_capacity(items.len());
                for item in items {
                    array.push(self.convert(item, depth + 1, room)?);
                }
                json::Value::Array(Arc::new(array.into()))
            }
            Value::Record(record) => {
                self.meter.nested(depth)?;
                let members = match Rc::try_unwrap(record) {
                    Ok(record) => record.members.take(),
                    Err(record) => record.members.borrow().clone(),
                };
                let mut object = json::Object::with_capacity(members.len());
                for (name, member) in members.into_entries() {
                    self.take(room, name.len())?;
                    object.insert(name, self.convert(member, depth + 1, room)?);
                }
                json::Value::Object(Arc::new(object))
            }
            Value::Builtin(_) | Value::Function(_) => {
                return Err(FailureFacts::with_message(
                    "D1000",
                    "The result contains a function, which JSON cannot hold",
                ));
            }
        })
    }

    fn take(&mut self, room: &mut Room, bytes: usize) -> Result<(), Failure> {
        match room.bytes.checked_sub(bytes) {
            Some(rest) => {
                room.bytes = rest;
                Ok(())
            }
            None => Err(self.meter.too_long()),
        }
    }

    /// Counts a part of the input, unless it is one of the first few.
    fn count_part(&mut self, part: &json::Value, room: &mut Room) -> Result<(), Failure> {
        if room.parts > 0 {
            room.parts -= 1;
            return Ok(());
        }
        let mut rest = vec![part];
        while let Some(value) = rest.pop() {
            self.meter.work(1)?;
            self.take(room, 1)?;
            match value {
                json::Value::String(text) => self.take(room, text.len())?,
                json::Value::Array(items) => rest.extend(items.iter()),
                json::Value::Object(members) => {
                    for (name, member) in members.iter() {
                        self.take(room, name.len())?;
                        rest.push(member);
                    }
                }
                json::Value::Null | json::Value::Bool(_) | json::Value::Number(_) => {}
            }
        }
        Ok(())
    }
}
