//! Value to text.

use std::fmt::{self, Write};
use std::slice;
use std::sync::Arc;

use crate::Value;

impl fmt::Display for Value {
    /// Compact JSON text.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(self, formatter, Style::Compact)
    }
}

impl Value {
    /// Compact JSON text; the same as `to_string`, in less time.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        print(self, &mut text, Style::Compact).expect("writing to a string cannot fail");
        text
    }

    /// JSON text in one line, with a space after each comma and each colon.
    pub fn to_spaced_string(&self) -> String {
        let mut text = String::new();
        print(self, &mut text, Style::Spaced).expect("writing to a string cannot fail");
        text
    }

    /// JSON text for people: a line for each item, two spaces for each level.
    pub fn to_pretty_string(&self) -> String {
        let mut text = String::new();
        print(self, &mut text, Style::Lines { indent: 2 })
            .expect("writing to a string cannot fail");
        text
    }
}

/// Where spaces and line ends go.
#[derive(Clone, Copy)]
enum Style {
    /// Nowhere.
    Compact,
    /// A space after commas and colons.
    Spaced,
    /// A line for each item, and a space after colons.
    Lines {
        /// Spaces for each level.
        indent: usize,
    },
}

/// A container that is being printed: what is left of it.
enum Rest<'a> {
    Items(slice::Iter<'a, Value>),
    Members(slice::Iter<'a, (Arc<str>, Value)>),
}

/// Prints without recursion, since values may be nested deeper than the stack.
fn print(value: &Value, out: &mut impl Write, style: Style) -> fmt::Result {
    let mut stack: Vec<Rest<'_>> = Vec::new();
    open(value, out, &mut stack)?;
    let mut first = true;
    while let Some(rest) = stack.last_mut() {
        let (next, close) = match rest {
            Rest::Items(items) => (items.next().map(|item| (None, item)), ']'),
            Rest::Members(members) => {
                (members.next().map(|(name, value)| (Some(name), value)), '}')
            }
        };
        let Some((name, value)) = next else {
            stack.pop();
            if !first {
                line(out, style, stack.len())?;
            }
            out.write_char(close)?;
            first = false;
            continue;
        };
        if !first {
            out.write_str(if matches!(style, Style::Spaced) { ", " } else { "," })?;
        }
        line(out, style, stack.len())?;
        if let Some(name) = name {
            print_string(name, out)?;
            out.write_str(if matches!(style, Style::Compact) { ":" } else { ": " })?;
        }
        let depth = stack.len();
        open(value, out, &mut stack)?;
        first = stack.len() > depth;
    }
    Ok(())
}

/// Prints a scalar, or the opening of a container.
fn open<'a>(value: &'a Value, out: &mut impl Write, stack: &mut Vec<Rest<'a>>) -> fmt::Result {
    match value {
        Value::Null => out.write_str("null"),
        Value::Bool(true) => out.write_str("true"),
        Value::Bool(false) => out.write_str("false"),
        Value::Number(number) => write!(out, "{number}"),
        Value::String(text) => print_string(text, out),
        Value::Array(items) => {
            stack.push(Rest::Items(items.iter()));
            out.write_char('[')
        }
        Value::Object(members) => {
            stack.push(Rest::Members(members.entries().iter()));
            out.write_char('{')
        }
    }
}

fn line(out: &mut impl Write, style: Style, depth: usize) -> fmt::Result {
    let Style::Lines { indent } = style else { return Ok(()) };
    out.write_char('\n')?;
    (0..indent * depth).try_for_each(|_| out.write_char(' '))
}

/// A string in quotes, escaped as Jackson escapes it: only what must be.
fn print_string(text: &str, out: &mut impl Write) -> fmt::Result {
    out.write_char('"')?;
    let mut plain_from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.write_str(&text[plain_from..at])?;
        plain_from = at + 1;
        match byte {
            b'"' => out.write_str("\\\"")?,
            b'\\' => out.write_str("\\\\")?,
            0x08 => out.write_str("\\b")?,
            0x0C => out.write_str("\\f")?,
            b'\n' => out.write_str("\\n")?,
            b'\r' => out.write_str("\\r")?,
            b'\t' => out.write_str("\\t")?,
            control => write!(out, "\\u{control:04X}")?,
        }
    }
    out.write_str(&text[plain_from..])?;
    out.write_char('"')
}
