//! Equality, order and truth of values.

use std::cmp::Ordering;

use super::Evaluator;
use crate::error::Failure;
use crate::value::Value;

/// Compares texts as JavaScript does: by 16-bit units.
pub(crate) fn compare_texts(left: &str, right: &str) -> Ordering {
    if left.is_ascii() && right.is_ascii() {
        return left.cmp(right);
    }
    left.encode_utf16().cmp(right.encode_utf16())
}

impl Evaluator<'_> {
    /// Whether two values are the same all the way down; the order of members does not matter.
    pub(crate) fn equal(&mut self, left: &Value, right: &Value) -> Result<bool, Failure> {
        self.equal_at(left, right, 0)
    }

    fn equal_at(&mut self, left: &Value, right: &Value, depth: u32) -> Result<bool, Failure> {
        self.meter.work(1)?;
        Ok(match (left, right) {
            (Value::Undefined, Value::Undefined) | (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::String(a), Value::String(b)) => {
                self.meter.read(a.len().min(b.len()))?;
                a == b
            }
            (Value::Number(a), Value::Number(b)) => a == b,
            (Value::Function(a), Value::Function(b)) => std::rc::Rc::ptr_eq(a, b),
            (Value::Builtin(a), Value::Builtin(b)) => std::ptr::eq(*a, *b),
            _ if left.is_array() && right.is_array() => {
                self.meter.nested(depth)?;
                if left.length() != right.length() {
                    return Ok(false);
                }
                for index in 0..left.length() {
                    if !self.equal_at(&left.item(index), &right.item(index), depth + 1)? {
                        return Ok(false);
                    }
                }
                true
            }
            _ if left.is_object() && right.is_object() => {
                self.meter.nested(depth)?;
                if left.members_count() != right.members_count() {
                    return Ok(false);
                }
                for (name, value) in left.members() {
                    let other = right.member(&name);
                    if other.is_undefined() || !self.equal_at(&value, &other, depth + 1)? {
                        return Ok(false);
                    }
                }
                true
            }
            _ => match (left.as_number(), right.as_number()) {
                (Some(a), Some(b)) => a == b,
                _ => false,
            },
        })
    }

    /// Whether a value counts as true: what `$boolean` says, nothing being false.
    pub(crate) fn truth(&mut self, value: &Value) -> Result<bool, Failure> {
        self.truth_at(value, 0)
    }

    fn truth_at(&mut self, value: &Value, depth: u32) -> Result<bool, Failure> {
        Ok(match value {
            Value::Bool(truth) => *truth,
            Value::String(text) => !text.is_empty(),
            Value::Undefined | Value::Null | Value::Builtin(_) | Value::Function(_) => false,
            Value::Number(_) | Value::Exact(_) => {
                self.finite(value)?.is_some_and(|number| number != 0.0)
            }
            Value::JsonObject(_) | Value::Record(_) => value.members_count() > 0,
            Value::JsonArray(_) | Value::List(_) | Value::Tuples(_) => {
                self.meter.nested(depth)?;
                for index in 0..value.length() {
                    self.meter.work(1)?;
                    if self.truth_at(&value.item(index), depth + 1)? {
                        return Ok(true);
                    }
                }
                false
            }
        })
    }
}
