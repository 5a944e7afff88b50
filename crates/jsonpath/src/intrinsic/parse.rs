//! Text to calls.

use json::{Number, Value};

use super::format::Format;
use super::function::Function;
use super::{Argument, Call};
use crate::cursor::Cursor;
use crate::path::Within;
use crate::{Path, SyntaxError};

/// How many calls may be nested in one another.
const CALLS_NESTED_MAX: usize = 10;

/// Reads `States.Name(…)`. `depth` counts the calls from the outermost on, which is 1.
pub(super) fn parse_call(cursor: &mut Cursor<'_>, depth: usize) -> Result<Call, SyntaxError> {
    if depth > CALLS_NESTED_MAX {
        let message = format!("More than {CALLS_NESTED_MAX} calls are nested in one another");
        return Err(cursor.error(message));
    }
    let start = cursor.at();
    let name = cursor.take_while(|character| character.is_ascii_alphanumeric() || character == '.');
    let Some(function) = Function::of(name) else {
        let message = match name {
            "" => "Expected a path or the call of an intrinsic function".to_owned(),
            _ => format!("'{name}' is no intrinsic function"),
        };
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
        let is_template = function == Function::Format && arguments.is_empty();
        arguments.push(parse_argument(cursor, depth, is_template)?);
        cursor.skip_whitespace();
    }
    Ok(Call { function, arguments })
}

fn parse_argument(
    cursor: &mut Cursor<'_>,
    depth: usize,
    is_template: bool,
) -> Result<Argument, SyntaxError> {
    match cursor.peek() {
        Some('$') => Path::parse_within(cursor, Within::Arguments).map(Argument::Path),
        Some('\'') => {
            let (raw, text) = parse_text(cursor)?;
            Ok(if is_template {
                Argument::Template(Format::parse(raw))
            } else {
                Argument::Literal(text.into())
            })
        }
        Some('S') => parse_call(cursor, depth + 1).map(|call| Argument::Call(Box::new(call))),
        _ => parse_word(cursor).map(Argument::Literal),
    }
}

/// Reads a text in single quotes; returns it as it is written and as it is meant.
fn parse_text<'a>(cursor: &mut Cursor<'a>) -> Result<(&'a str, String), SyntaxError> {
    let start = cursor.at();
    cursor.expect("'")?;
    let inside = cursor.at();
    let mut text = String::new();
    loop {
        let at = cursor.at();
        match cursor.next() {
            None => return Err(cursor.error_at(start, "Missing the closing '")),
            Some('\'') => {
                let raw = cursor.since(inside);
                return Ok((&raw[..raw.len() - 1], text));
            }
            Some('\\') => match cursor.next() {
                Some(escaped @ ('\'' | '{' | '}' | '\\')) => text.push(escaped),
                _ => {
                    let message = "A backslash escapes only ', {, } and \\ within a text";
                    return Err(cursor.error_at(at, message));
                }
            },
            Some(character) => text.push(character),
        }
    }
}

/// Reads a number, `true`, `false` or `null`.
fn parse_word(cursor: &mut Cursor<'_>) -> Result<Value, SyntaxError> {
    let start = cursor.at();
    let word = cursor.take_while(|character| {
        character.is_ascii_alphanumeric() || matches!(character, '-' | '+' | '.')
    });
    match word {
        "true" => Ok(true.into()),
        "false" => Ok(false.into()),
        "null" => Ok(Value::Null),
        _ => Number::parse(word).map(Value::from).ok_or_else(|| {
            cursor.error_at(start, "Expected a path, a text in single quotes, a number or a call")
        }),
    }
}
