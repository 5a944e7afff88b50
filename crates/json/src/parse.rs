//! Text to value.

use std::sync::Arc;

use crate::scan::{Container, Scalar, Scanner, Sink, StringToken};
use crate::{Number, Object, ParseError, Value};

/// How deep arrays and objects may be nested in a text: Jackson's limit.
pub const DEPTH_MAX: usize = 1_000;

/// Parses one JSON value that fills the text.
///
/// # Errors
/// Where the text is not JSON, or nested deeper than [`DEPTH_MAX`].
pub fn parse(text: &str) -> Result<Value, ParseError> {
    build(text, DEPTH_MAX, Number::from_valid)
}

/// As [`parse`], with every number read by that function, which is handed its text.
///
/// # Errors
/// As [`parse`].
pub fn parse_with_numbers(text: &str, number: fn(&str) -> Number) -> Result<Value, ParseError> {
    build(text, DEPTH_MAX, number)
}

/// As [`parse`], for texts that were printed from a value, which may be nested to any depth.
pub(crate) fn parse_to_any_depth(text: &str) -> Result<Value, ParseError> {
    build(text, usize::MAX, Number::from_valid)
}

fn build(text: &str, depth_max: usize, number: fn(&str) -> Number) -> Result<Value, ParseError> {
    let mut builder = Builder { stack: Vec::new(), finished: Value::Null, number };
    Scanner::new(text, depth_max).run(&mut builder)?;
    Ok(builder.finished)
}

/// Checks that the text is one JSON value, and builds nothing.
///
/// # Errors
/// As [`parse`].
pub fn validate(text: &str) -> Result<(), ParseError> {
    Scanner::new(text, DEPTH_MAX).run(&mut Checker)
}

struct Checker;

impl Sink<'_> for Checker {
    fn open(&mut self, _container: Container, _offset: usize) {}
    fn close(&mut self) {}
    fn name(&mut self, _name: StringToken<'_>, _offset: usize) {}
    fn scalar(&mut self, _scalar: Scalar<'_>, _offset: usize) {}
}

/// A container whose end has not come yet.
enum Unfinished {
    Array(Vec<Value>),
    Object { members: Object, name: Option<Arc<str>> },
}

/// Puts values together, innermost first.
struct Builder {
    stack: Vec<Unfinished>,
    finished: Value,
    number: fn(&str) -> Number,
}

impl Builder {
    fn add(&mut self, value: Value) {
        match self.stack.last_mut() {
            None => self.finished = value,
            Some(Unfinished::Array(items)) => items.push(value),
            Some(Unfinished::Object { members, name }) => {
                members.insert(name.take().expect("a name comes before each value"), value);
            }
        }
    }
}

impl Sink<'_> for Builder {
    fn open(&mut self, container: Container, _offset: usize) {
        self.stack.push(match container {
            Container::Array => Unfinished::Array(Vec::new()),
            Container::Object => Unfinished::Object { members: Object::new(), name: None },
        });
    }

    fn close(&mut self) {
        let value = match self.stack.pop().expect("what is closed was opened") {
            Unfinished::Array(items) => items.into(),
            Unfinished::Object { members, .. } => members.into(),
        };
        self.add(value);
    }

    fn name(&mut self, token: StringToken<'_>, _offset: usize) {
        if let Some(Unfinished::Object { name, .. }) = self.stack.last_mut() {
            *name = Some(token.unescape().into());
        }
    }

    fn scalar(&mut self, scalar: Scalar<'_>, _offset: usize) {
        self.add(match scalar {
            Scalar::Null => Value::Null,
            Scalar::Bool(truth) => Value::Bool(truth),
            Scalar::Number(text) => Value::Number((self.number)(text)),
            Scalar::String(token) => Value::String(token.unescape().into()),
        });
    }
}
