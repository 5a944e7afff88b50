//! Values as text: what `$string` and `&` write.

use super::Evaluator;
use crate::error::{Failure, FailureFacts};
use crate::number;
use crate::value::Value;

/// The reference implementation writes no more digits of a number.
const PRECISION: usize = 15;
/// Beyond that a value in an error message is not worth reading.
const MESSAGE_BYTES_MAX: usize = 10_000;

/// How a text is laid out.
#[derive(Clone, Copy)]
struct Layout {
    /// A line for each item, two spaces for each level.
    pretty: bool,
    /// Whether digits beyond [`PRECISION`] are dropped.
    rounded: bool,
    /// How long the text may be.
    bytes_max: usize,
}

impl Evaluator<'_> {
    /// The text of a value: strings as they are, anything else as JSON; nothing is empty.
    pub(crate) fn text_of(&mut self, value: &Value) -> Result<String, Failure> {
        match value {
            Value::Undefined | Value::Builtin(_) | Value::Function(_) => Ok(String::new()),
            Value::String(text) => Ok(text.to_string()),
            _ => self.json_text_of(value, false),
        }
    }

    /// The JSON text of a value.
    pub(crate) fn json_text_of(&mut self, value: &Value, pretty: bool) -> Result<String, Failure> {
        if value.as_number().is_some_and(|number| !number.is_finite()) {
            return Err(FailureFacts::new("D3001"));
        }
        let bytes_max = self.meter.limits.value_bytes_max;
        let layout = Layout { pretty, rounded: true, bytes_max };
        let mut text = String::new();
        self.print(&value.unwrapped(), layout, 0, &mut text)?;
        self.meter.text(text.len())?;
        Ok(text)
    }

    /// How an error message shows a value.
    pub(crate) fn in_message(&mut self, value: &Value) -> String {
        let layout = Layout { pretty: false, rounded: false, bytes_max: MESSAGE_BYTES_MAX };
        let mut text = String::new();
        match self.print(value, layout, 0, &mut text) {
            Ok(()) => text,
            Err(_) => "…".to_owned(),
        }
    }

    fn print(
        &mut self,
        value: &Value,
        layout: Layout,
        depth: u32,
        out: &mut String,
    ) -> Result<(), Failure> {
        self.meter.work(1)?;
        match value {
            Value::Undefined | Value::Null => out.push_str("null"),
            Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
            Value::Number(_) | Value::Exact(_) => self.print_number(value, layout, out)?,
            Value::String(text) => {
                if text.len() > layout.bytes_max {
                    return Err(self.meter.too_long());
                }
                self.meter.read(text.len())?;
                quote(text, out);
            }
            Value::Builtin(_) | Value::Function(_) => out.push_str("\"\""),
            Value::JsonArray(_) | Value::List(_) | Value::Tuples(_) => {
                self.meter.nested(depth)?;
                let length = value.length();
                out.push('[');
                for index in 0..length {
                    line(layout, index == 0, depth + 1, out);
                    self.print(&value.item(index), layout, depth + 1, out)?;
                }
                close(layout, length == 0, depth, out);
                out.push(']');
            }
            Value::JsonObject(_) | Value::Record(_) => {
                self.meter.nested(depth)?;
                let members = value.members();
                out.push('{');
                for (index, (name, member)) in members.iter().enumerate() {
                    line(layout, index == 0, depth + 1, out);
                    self.meter.read(name.len())?;
                    quote(name, out);
                    out.push_str(if layout.pretty { ": " } else { ":" });
                    self.print(member, layout, depth + 1, out)?;
                }
                close(layout, members.is_empty(), depth, out);
                out.push('}');
            }
        }
        if out.len() > layout.bytes_max {
            return Err(self.meter.too_long());
        }
        Ok(())
    }

    fn print_number(
        &mut self,
        value: &Value,
        layout: Layout,
        out: &mut String,
    ) -> Result<(), Failure> {
        let Some(number) = value.as_number() else { return Ok(()) };
        if number.is_nan() || (number.is_infinite() && !layout.rounded) {
            out.push_str("null");
            return Ok(());
        }
        let Some(number) = self.finite(value)? else { return Ok(()) };
        // AWS keeps all digits of an integer, where the reference implementation drops some.
        let number = match layout.rounded && number.trunc() != number {
            true => number::with_precision(number, PRECISION),
            false => number,
        };
        out.push_str(&number::text(number));
        Ok(())
    }
}

/// What comes before an item.
fn line(layout: Layout, first: bool, depth: u32, out: &mut String) {
    if !first {
        out.push(',');
    }
    if layout.pretty {
        out.push('\n');
        (0..depth).for_each(|_| out.push_str("  "));
    }
}

/// What comes before a closing bracket.
fn close(layout: Layout, empty: bool, depth: u32, out: &mut String) {
    if layout.pretty && !empty {
        out.push('\n');
        (0..depth).for_each(|_| out.push_str("  "));
    }
}

/// A string in quotes, escaped as JavaScript escapes it.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{C}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            plain => out.push(plain),
        }
    }
    out.push('"');
}
