//! Functions on strings. Lengths and positions count Unicode characters.

use super::Arguments;
use crate::evaluate::{Evaluated, Evaluator};
use crate::value::Value;

pub(super) fn string(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let pretty = matches!(arguments.take(1), Value::Bool(true));
    match arguments.take(0) {
        Value::Undefined => Ok(Value::Undefined),
        value @ Value::String(_) => Ok(value),
        Value::Builtin(_) | Value::Function(_) => Ok(Value::from("")),
        value => Ok(evaluator.json_text_of(&value, pretty)?.into()),
    }
}

pub(super) fn length(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    evaluator.meter.read(text.len())?;
    Ok(Value::from(text.chars().count()))
}

pub(super) fn lowercase(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    convert(evaluator, arguments, str::to_lowercase)
}

pub(super) fn uppercase(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    convert(evaluator, arguments, str::to_uppercase)
}

fn convert(
    evaluator: &mut Evaluator<'_>,
    arguments: &mut Arguments<'_>,
    conversion: fn(&str) -> String,
) -> Evaluated {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    evaluator.meter.text(text.len())?;
    Ok(conversion(&text).into())
}

pub(super) fn trim(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    evaluator.meter.text(text.len())?;
    let words = text.split([' ', '\t', '\n', '\r']).filter(|word| !word.is_empty());
    Ok(words.collect::<Vec<_>>().join(" ").into())
}

pub(super) fn substring(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    evaluator.meter.text(text.len())?;
    let count = text.chars().count() as f64;
    let length = arguments.number(2);
    let start = match (arguments.number(1), length) {
        (Some(start), _) => start.max(-count),
        (None, None) => 0.0,
        // There is no place to count from.
        (None, Some(_)) => return Ok(Value::from("")),
    };
    let end = match length {
        Some(length) if length <= 0.0 => return Ok(Value::from("")),
        Some(length) if start >= 0.0 => start + length,
        Some(length) => count + start + length,
        None => count,
    };
    let from_start = |position: f64| {
        // No number stands for the start, as in JavaScript.
        let position = if position.is_nan() { 0.0 } else { position.trunc() };
        if position < 0.0 { (count + position).max(0.0) } else { position.min(count) }
    };
    let (start, end) = (from_start(start) as usize, from_start(end) as usize);
    Ok(slice(&text, start, end).into())
}

/// The characters from one position to another.
fn slice(text: &str, start: usize, end: usize) -> &str {
    if start >= end {
        return "";
    }
    let byte = |position: usize| text.char_indices().nth(position).map_or(text.len(), |(at, _)| at);
    match text.is_ascii() {
        true => &text[start..end],
        false => &text[byte(start)..byte(end)],
    }
}

pub(super) fn substring_before(
    evaluator: &mut Evaluator<'_>,
    arguments: &mut Arguments<'_>,
) -> Evaluated {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    evaluator.meter.text(text.len())?;
    let found = arguments.text(1).and_then(|separator| text.find(&*separator));
    Ok(found.map_or(Value::String(text.clone()), |at| Value::from(&text[..at])))
}

pub(super) fn substring_after(
    evaluator: &mut Evaluator<'_>,
    arguments: &mut Arguments<'_>,
) -> Evaluated {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    evaluator.meter.text(text.len())?;
    let Some(separator) = arguments.text(1) else { return Ok(Value::String(text)) };
    let found = text.find(&*separator).map(|at| at + separator.len());
    Ok(found.map_or(Value::String(text.clone()), |at| Value::from(&text[at..])))
}

pub(super) fn pad(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    evaluator.meter.read(text.len())?;
    let width = arguments.number(1).unwrap_or(0.0).trunc();
    let padding = arguments.text(2).filter(|padding| !padding.is_empty());
    let padding = padding.as_deref().unwrap_or(" ");
    let missing = width.abs() - text.chars().count() as f64;
    if missing <= 0.0 || missing.is_nan() {
        return Ok(Value::String(text));
    }
    // At least a byte for each character; a width beyond the limit stops here.
    let missing = missing.min(usize::MAX as f64 / 8.0) as usize;
    evaluator.meter.can_make_text(missing)?;
    let padding: String = padding.chars().cycle().take(missing).collect();
    evaluator.meter.text(text.len() + padding.len())?;
    evaluator.meter.work(missing / 32)?;
    Ok(match width > 0.0 {
        true => format!("{text}{padding}").into(),
        false => format!("{padding}{text}").into(),
    })
}

pub(super) fn join(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let texts = arguments.take(0);
    if texts.is_undefined() {
        return Ok(Value::Undefined);
    }
    let separator = arguments.text(1).unwrap_or_default();
    let mut joined = String::new();
    for index in 0..texts.length() {
        evaluator.meter.work(1)?;
        if index > 0 {
            joined.push_str(&separator);
        }
        if let Some(text) = texts.item(index).as_text() {
            joined.push_str(text);
        }
        evaluator.meter.can_make_text(joined.len())?;
    }
    evaluator.meter.text(joined.len())?;
    Ok(joined.into())
}
