//! The value tree.

use std::sync::Arc;

use crate::{Array, Number, Object};

/// A JSON value. Cloning is cheap: text, arrays and objects are shared.
#[derive(Clone, Default)]
pub enum Value {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as it was written.
    Number(Number),
    /// A text.
    String(Arc<str>),
    /// A list.
    Array(Arc<Array>),
    /// Named members, in the order they came.
    Object(Arc<Object>),
}

impl Value {
    /// The member of that name, where this is an object that has it.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Object(object) => object.get(name),
            _ => None,
        }
    }

    /// The text, where this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The items, where this is an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The members, where this is an object.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The truth value, where this is a boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The number, where this is one.
    pub fn as_number(&self) -> Option<&Number> {
        match self {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The integer, where this is a number that is written as one and fits 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number().and_then(Number::as_i64)
    }

    /// The nearest 64-bit float, where this is a number.
    pub fn as_f64(&self) -> Option<f64> {
        self.as_number().map(Number::as_f64)
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }
}

impl PartialEq for Value {
    /// Equal as JSON: members in any order, numbers by their value.
    fn eq(&self, other: &Self) -> bool {
        // A worklist in place of recursion, since values may be nested deeper than the stack.
        let mut open = Vec::new();
        if !equal_so_far(self, other, &mut open) {
            return false;
        }
        while let Some((left, right)) = open.pop() {
            let equal = match (left, right) {
                (Value::Array(left), Value::Array(right)) => left
                    .iter()
                    .zip(right.iter())
                    .all(|(left, right)| equal_so_far(left, right, &mut open)),
                (Value::Object(left), Value::Object(right)) => left.iter().all(|(name, left)| {
                    right.get(name).is_some_and(|right| equal_so_far(left, right, &mut open))
                }),
                _ => false,
            };
            if !equal {
                return false;
            }
        }
        true
    }
}

/// Compares what can be compared without looking at items, and notes down the rest.
fn equal_so_far<'a>(
    left: &'a Value,
    right: &'a Value,
    open: &mut Vec<(&'a Value, &'a Value)>,
) -> bool {
    match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Number(left), Value::Number(right)) => left == right,
        (Value::String(left), Value::String(right)) => left == right,
        (Value::Array(one), Value::Array(other)) => {
            if !Arc::ptr_eq(one, other) {
                open.push((left, right));
            }
            one.len() == other.len()
        }
        (Value::Object(one), Value::Object(other)) => {
            if !Arc::ptr_eq(one, other) {
                open.push((left, right));
            }
            one.len() == other.len()
        }
        _ => false,
    }
}

/// Drops values one after the other: the children of a container that nobody else holds are taken
/// out of it before it goes.
pub(crate) fn drop_without_recursion(values: impl Iterator<Item = Value>) {
    let mut doomed = Vec::new();
    for value in values {
        doom(value, &mut doomed);
    }
    while let Some(container) = doomed.pop() {
        match container {
            Value::Array(items) => {
                for item in Arc::into_inner(items).map(Array::into_vec).unwrap_or_default() {
                    doom(item, &mut doomed);
                }
            }
            Value::Object(members) => {
                let entries = Arc::into_inner(members).map(Object::into_entries);
                for (_, value) in entries.unwrap_or_default() {
                    doom(value, &mut doomed);
                }
            }
            _ => {}
        }
    }
}

fn doom(value: Value, doomed: &mut Vec<Value>) {
    if matches!(value, Value::Array(_) | Value::Object(_)) {
        doomed.push(value);
    }
}

impl std::fmt::Debug for Value {
    /// As JSON.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, formatter)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::String(text.into())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::String(text.into())
    }
}
impl From<Arc<str>> for Value {
    fn from(text: Arc<str>) -> Self {
        Value::String(text)
    }
}
impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Value::Bool(truth)
    }
}
impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Number(number.into())
    }
}
impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Number(number.into())
    }
}
impl From<Number> for Value {
    fn from(number: Number) -> Self {
        Value::Number(number)
    }
}
impl From<Array> for Value {
    fn from(items: Array) -> Self {
        Value::Array(Arc::new(items))
    }
}
impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Value::Array(Arc::new(items.into()))
    }
}
impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Value::Object(Arc::new(object))
    }
}
impl FromIterator<Value> for Value {
    fn from_iter<T: IntoIterator<Item = Value>>(items: T) -> Self {
        items.into_iter().collect::<Array>().into()
    }
}
