//! The functions that a path may end in, such as `$.items.length()`.

use json::Value;

use super::filter::{OperandPath, parse_literal, parse_operand_path};
use super::parse::{Nesting, Within};
use super::walk::{Stop, Walk};
use crate::SyntaxError;
use crate::cursor::Cursor;

/// A call at the end of a path.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) function: Function,
    arguments: Vec<Argument>,
}

#[derive(Clone, Debug)]
enum Argument {
    Literal(Value),
    Path(OperandPath),
}

/// What can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Length,
    Min,
    Max,
    Avg,
    Sum,
    StdDev,
    Concat,
    Keys,
    First,
    Last,
    Index,
    Append,
}

impl Function {
    const ALL: [Function; 12] = [
        Function::Length,
        Function::Min,
        Function::Max,
        Function::Avg,
        Function::Sum,
        Function::StdDev,
        Function::Concat,
        Function::Keys,
        Function::First,
        Function::Last,
        Function::Index,
        Function::Append,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Function::Length => "length",
            Function::Min => "min",
            Function::Max => "max",
            Function::Avg => "avg",
            Function::Sum => "sum",
            Function::StdDev => "stddev",
            Function::Concat => "concat",
            Function::Keys => "keys",
            Function::First => "first",
            Function::Last => "last",
            Function::Index => "index",
            Function::Append => "append",
        }
    }

    /// `size` is another name for `length`.
    fn of(name: &str) -> Option<Function> {
        let name = if name == "size" { "length" } else { name };
        Function::ALL.into_iter().find(|function| function.name() == name)
    }
}

/// Reads the arguments of a call whose name, which began at `start`, was read.
pub(crate) fn parse_call(
    cursor: &mut Cursor<'_>,
    start: usize,
    name: &str,
    nesting: Nesting,
) -> Result<Call, SyntaxError> {
    let Some(function) = Function::of(name) else {
        let message = format!("Function with name: {name} does not exist.");
        return Err(cursor.error_at(start, message));
    };
    cursor.expect("(")?;
    cursor.skip_whitespace();
    let mut arguments = Vec::new();
    while !cursor.eat(")") {
        if !arguments.is_empty() {
            cursor.expect(",")?;
            cursor.skip_whitespace();
        }
        arguments.push(match cursor.peek() {
            Some('$' | '@') => {
                parse_operand_path(cursor, Within::Arguments, nesting).map(Argument::Path)?
            }
            _ => parse_literal(cursor, nesting).map(Argument::Literal)?,
        });
        cursor.skip_whitespace();
    }
    Ok(Call { function, arguments })
}

impl Call {
    /// The function of a value.
    pub(crate) fn apply(&self, input: &Value, walk: &Walk<'_>) -> Result<Value, Stop> {
        let mut arguments = Vec::with_capacity(self.arguments.len());
        for argument in &self.arguments {
            arguments.push(match argument {
                Argument::Literal(value) => value.clone(),
                Argument::Path(path) => path
                    .select(walk.document, walk)?
                    .map_or(Value::Null, |value| value.into_owned()),
            });
        }
        match self.function {
            Function::Length => Ok(length(arguments.first().unwrap_or(input))),
            Function::Keys => Ok(input.as_object().map_or(Value::Null, |members| {
                members.iter().map(|(name, _)| Value::String(name.clone())).collect()
            })),
            Function::First => item_at(input, Some(0)),
            Function::Last => item_at(input, Some(-1)),
            Function::Index => item_at(input, arguments.first().and_then(Value::as_i64)),
            Function::Append => Ok(append(input, arguments)),
            Function::Concat => Ok(concat(input, &arguments)),
            // Measured: these do not resolve.
            Function::Min | Function::Max | Function::Avg | Function::Sum | Function::StdDev => {
                Err(Stop::Function(format!("No results for path: .{}()", self.function.name())))
            }
        }
    }
}

fn nothing() -> Stop {
    let reason = "Aggregation function attempted to calculate value using empty array";
    Stop::Function(reason.into())
}

fn flatten(arguments: &[Value]) -> impl Iterator<Item = &Value> {
    arguments.iter().flat_map(|argument| match argument {
        Value::Array(items) => items.iter(),
        _ => std::slice::from_ref(argument).iter(),
    })
}

/// How many items or members there are; `null` for what has none.
fn length(value: &Value) -> Value {
    match value {
        Value::Array(items) => (items.len() as i64).into(),
        Value::Object(members) => (members.len() as i64).into(),
        _ => Value::Null,
    }
}

fn item_at(input: &Value, index: Option<i64>) -> Result<Value, Stop> {
    index.and_then(|index| super::walk::item(input, index)).cloned().ok_or_else(nothing)
}

fn append(input: &Value, arguments: Vec<Value>) -> Value {
    match input {
        Value::Array(items) => items.iter().cloned().chain(arguments).collect(),
        _ => input.clone(),
    }
}

/// The texts among the items and arguments, one after the other.
fn concat(input: &Value, arguments: &[Value]) -> Value {
    let items = input.as_array().unwrap_or_default().iter();
    items.chain(flatten(arguments)).filter_map(Value::as_str).collect::<String>().into()
}
