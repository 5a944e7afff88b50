//! Values while an expression is evaluated.
//!
//! What comes from outside is navigated where it is: an array or object of the input is shared,
//! never converted. What an expression makes has its own kinds, since it may hold functions, and
//! since a sequence is more than an array.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::function::Function;
use crate::functions::Builtin;
use crate::number;
use crate::record::Members;
use crate::tuple::Tuple;

/// A value. Cloning it is cheap.
#[derive(Clone, Default)]
pub(crate) enum Value {
    /// Nothing.
    #[default]
    Undefined,
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number that JSON and JavaScript write in the same way.
    Number(f64),
    /// A number of the input as it was written, because its text would not come back.
    Exact(json::Number),
    /// A text.
    String(Arc<str>),
    /// An array of the input.
    JsonArray(Arc<json::Array>),
    /// An object of the input.
    JsonObject(Arc<json::Object>),
    /// An array or sequence that the expression made.
    List(Rc<List>),
    /// An object that the expression made.
    Record(Rc<Record>),
    /// A function of the language.
    Builtin(&'static Builtin),
    /// Any other function.
    Function(Rc<Function>),
    /// Items of a path with what is bound to them; never seen outside of paths.
    Tuples(Rc<Vec<Tuple>>),
}

/// Items in order, and what is known of them.
#[derive(Clone, Default)]
pub(crate) struct List {
    items: Vec<Value>,
    marks: Marks,
}

/// What a list is besides an array.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Marks {
    /// The result of a path or of a function: with one item it becomes that item.
    pub(crate) sequence: bool,
    /// Stays a list also with one item.
    pub(crate) keep_singleton: bool,
    /// Made by an array constructor in a path: is one item.
    pub(crate) constructed: bool,
    /// Holds the input, which is an array, as its only item.
    pub(crate) wrapper: bool,
}

/// An object that the expression made. Only a transform changes the members of one, of a copy
/// that it made for that.
#[derive(Default)]
pub(crate) struct Record {
    /// Names and values in order.
    pub(crate) members: RefCell<Members>,
}

impl Drop for List {
    fn drop(&mut self) {
        drop_without_recursion(std::mem::take(&mut self.items));
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        drop_without_recursion(self.members.take().into_values());
    }
}

/// Drops values one after the other, so that no nesting can overflow the stack.
pub(crate) fn drop_without_recursion(values: Vec<Value>) {
    let holds_values = |value: &Value| {
        matches!(value, Value::List(_) | Value::Record(_) | Value::Function(_) | Value::Tuples(_))
    };
    let mut doomed: Vec<Value> = Vec::new();
    for value in values {
        if holds_values(&value) {
            doomed.push(value);
        }
    }
    while let Some(value) = doomed.pop() {
        match value {
            Value::List(list) => {
                if let Some(mut list) = Rc::into_inner(list) {
                    doomed.extend(std::mem::take(&mut list.items).into_iter().filter(holds_values));
                }
            }
            Value::Record(record) => {
                if let Some(record) = Rc::into_inner(record) {
                    let values = record.members.take().into_values();
                    doomed.extend(values.into_iter().filter(holds_values));
                }
            }
            Value::Function(function) => {
                if let Some(mut function) = Rc::into_inner(function) {
                    function.doom(&mut doomed);
                }
            }
            Value::Tuples(tuples) => {
                for tuple in Rc::into_inner(tuples).unwrap_or_default() {
                    doomed.push(tuple.item);
                    let bindings = Rc::into_inner(tuple.bindings).unwrap_or_default();
                    doomed.extend(bindings.into_iter().map(|(_, value)| value));
                }
            }
            _ => {}
        }
    }
}

impl From<&json::Value> for Value {
    #[inline]
    fn from(value: &json::Value) -> Self {
        match value {
            json::Value::Null => Value::Null,
            json::Value::Bool(truth) => Value::Bool(*truth),
            json::Value::Number(number) => match number::plain(number) {
                Some(float) => Value::Number(float),
                None => Value::Exact(number.clone()),
            },
            json::Value::String(text) => Value::String(text.clone()),
            json::Value::Array(items) => Value::JsonArray(items.clone()),
            json::Value::Object(members) => Value::JsonObject(members.clone()),
        }
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Value::Bool(truth)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Number(number)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Value::Number(number as f64)
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

impl From<Members> for Value {
    fn from(members: Members) -> Self {
        Value::Record(Rc::new(Record { members: RefCell::new(members) }))
    }
}

impl From<Function> for Value {
    fn from(function: Function) -> Self {
        Value::Function(Rc::new(function))
    }
}

impl Value {
    /// An array of those items.
    pub(crate) fn list(items: Vec<Value>) -> Value {
        Value::List(Rc::new(List { items, marks: Marks::default() }))
    }

    /// A sequence of those items.
    pub(crate) fn sequence(items: Vec<Value>) -> Value {
        Value::marked(items, Marks { sequence: true, ..Marks::default() })
    }

    /// A list with marks.
    pub(crate) fn marked(items: Vec<Value>, marks: Marks) -> Value {
        Value::List(Rc::new(List { items, marks }))
    }

    /// Whether there is no value.
    pub(crate) fn is_undefined(&self) -> bool {
        matches!(self, Value::Undefined)
    }

    /// Whether it is an array or sequence.
    pub(crate) fn is_array(&self) -> bool {
        matches!(self, Value::JsonArray(_) | Value::List(_) | Value::Tuples(_))
    }

    /// Whether it is an object.
    pub(crate) fn is_object(&self) -> bool {
        matches!(self, Value::JsonObject(_) | Value::Record(_))
    }

    /// Whether it can be called.
    pub(crate) fn is_function(&self) -> bool {
        matches!(self, Value::Builtin(_) | Value::Function(_))
    }

    /// The marks, where it is a list.
    pub(crate) fn marks(&self) -> Marks {
        match self {
            Value::List(list) => list.marks,
            _ => Marks::default(),
        }
    }

    /// The number, where it is one.
    pub(crate) fn as_number(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(*number),
            Value::Exact(number) => Some(number::float(number)),
            _ => None,
        }
    }

    /// The text, where it is one.
    pub(crate) fn as_text(&self) -> Option<&Arc<str>> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// How many items an array has; 0 for anything else.
    pub(crate) fn length(&self) -> usize {
        match self {
            Value::JsonArray(items) => items.len(),
            Value::List(list) => list.items.len(),
            Value::Tuples(tuples) => tuples.len(),
            _ => 0,
        }
    }

    /// The item at that index, nothing where there is none.
    pub(crate) fn item(&self, index: usize) -> Value {
        match self {
            Value::JsonArray(items) => items.get(index).map_or(Value::Undefined, Value::from),
            Value::List(list) => list.items.get(index).cloned().unwrap_or(Value::Undefined),
            Value::Tuples(tuples) => {
                tuples.get(index).map_or(Value::Undefined, |tuple| tuple.item.clone())
            }
            _ => Value::Undefined,
        }
    }

    /// The items of an array, taken out where nobody else holds them; else the value as the only
    /// item.
    pub(crate) fn into_items(self) -> Vec<Value> {
        match self {
            Value::JsonArray(items) => items.iter().map(Value::from).collect(),
            Value::List(list) => match Rc::try_unwrap(list) {
                Ok(mut list) => std::mem::take(&mut list.items),
                Err(list) => list.items.clone(),
            },
            Value::Tuples(tuples) => tuples.iter().map(|tuple| tuple.item.clone()).collect(),
            other => vec![other],
        }
    }

    /// The member of that name, where it is an object that has it.
    #[inline]
    pub(crate) fn member(&self, name: &str) -> Value {
        match self {
            Value::JsonObject(object) => object.get(name).map_or(Value::Undefined, Value::from),
            Value::Record(record) => record.members.borrow().get(name),
            _ => Value::Undefined,
        }
    }

    /// How many members an object has; 0 for anything else.
    pub(crate) fn members_count(&self) -> usize {
        match self {
            Value::JsonObject(object) => object.len(),
            Value::Record(record) => record.members.borrow().len(),
            _ => 0,
        }
    }

    /// The members of an object, shared; none for anything else.
    pub(crate) fn members(&self) -> Vec<(Arc<str>, Value)> {
        match self {
            Value::JsonObject(object) => {
                object.iter().map(|(name, value)| (name.clone(), Value::from(value))).collect()
            }
            Value::Record(record) => record.members.borrow().entries().to_vec(),
            _ => Vec::new(),
        }
    }

    /// Without the wrapper around an input that is an array.
    pub(crate) fn unwrapped(&self) -> Value {
        if self.marks().wrapper { self.item(0) } else { self.clone() }
    }

    /// The same list, which stays one also where it has a single item. Others stay lists anyway,
    /// and need no mark: it would take a copy of the items, where somebody else holds them.
    pub(crate) fn kept_singleton(self) -> Value {
        match self {
            Value::List(mut list) if list.items.len() <= 1 && !list.marks.keep_singleton => {
                Rc::make_mut(&mut list).marks.keep_singleton = true;
                Value::List(list)
            }
            other => other,
        }
    }
}
