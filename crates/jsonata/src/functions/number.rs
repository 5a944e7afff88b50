//! Functions on numbers.

use super::Arguments;
use crate::error::{Failure, FailureFacts};
use crate::evaluate::{Evaluated, Evaluator};
use crate::number as numbers;
use crate::picture::{integer, number as pictures};
use crate::value::Value;

/// The number at that index; `None` where there is no value.
fn operand(
    evaluator: &mut Evaluator<'_>,
    arguments: &Arguments<'_>,
    index: usize,
) -> Result<Option<f64>, Failure> {
    match arguments.number(index) {
        Some(number) if number.is_nan() => Ok(Some(number)),
        Some(number) => evaluator.finite(&Value::Number(number)),
        None => Ok(None),
    }
}

fn convert(
    evaluator: &mut Evaluator<'_>,
    arguments: &Arguments<'_>,
    conversion: fn(f64) -> f64,
) -> Evaluated {
    let number = operand(evaluator, arguments, 0)?;
    Ok(number.map_or(Value::Undefined, |number| Value::Number(conversion(number))))
}

pub(super) fn abs(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    convert(evaluator, arguments, f64::abs)
}

pub(super) fn floor(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    convert(evaluator, arguments, f64::floor)
}

pub(super) fn ceil(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    convert(evaluator, arguments, f64::ceil)
}

pub(super) fn round(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let Some(number) = operand(evaluator, arguments, 0)? else { return Ok(Value::Undefined) };
    let places = arguments.number(1).filter(|places| !places.is_nan()).unwrap_or(0.0);
    // No float has digits further from its point.
    let whole = places.clamp(-1_000.0, 1_000.0) as i32;
    // The reference implementation moves the point in the number's text: by whole places, and it
    // must be able to move it back.
    if places.trunc() != places || places.abs() >= 1e21 || !numbers::can_shift(number, whole) {
        return Ok(Value::Number(f64::NAN));
    }
    Ok(Value::Number(numbers::round(number, whole)))
}

pub(super) fn sqrt(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    match operand(evaluator, arguments, 0)? {
        Some(number) if number < 0.0 => {
            Err(FailureFacts::new("D3060").with("value", numbers::text(number)))
        }
        Some(number) => Ok(Value::Number(number.sqrt())),
        None => Ok(Value::Undefined),
    }
}

pub(super) fn power(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let Some(base) = operand(evaluator, arguments, 0)? else { return Ok(Value::Undefined) };
    let exponent = arguments.number(1).unwrap_or(f64::NAN);
    // JavaScript has no power where IEEE 754 has 1.
    let undetermined = exponent.is_nan() || (base.abs() == 1.0 && exponent.is_infinite());
    let result = if undetermined { f64::NAN } else { base.powf(exponent) };
    if !result.is_finite() {
        let failure = FailureFacts::new("D3061").with("value", numbers::text(base));
        return Err(failure.with("exponent", numbers::text(exponent)));
    }
    Ok(Value::Number(result))
}

/// A number from 0 up to, but not including, 1 out of random bits.
pub(super) fn fraction(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// A random number from 0 up to, but not including, 1.
pub(super) fn random_fraction(evaluator: &mut Evaluator<'_>) -> f64 {
    fraction(evaluator.random.next_u64())
}

pub(super) fn random(evaluator: &mut Evaluator<'_>, _: &mut Arguments<'_>) -> Evaluated {
    Ok(Value::Number(random_fraction(evaluator)))
}

pub(super) fn number(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let value = arguments.take(0);
    let number = match &value {
        Value::Undefined => return Ok(Value::Undefined),
        Value::Number(_) | Value::Exact(_) => return Ok(value),
        Value::Bool(truth) => Some(f64::from(u8::from(*truth))),
        Value::String(text) => {
            evaluator.meter.read(text.len())?;
            numbers::parse(text)
        }
        _ => None,
    };
    match number {
        Some(number) => Ok(Value::Number(number)),
        None => Err(FailureFacts::new("D3030").with("value", evaluator.in_message(&value))),
    }
}

pub(super) fn format_base(
    evaluator: &mut Evaluator<'_>,
    arguments: &mut Arguments<'_>,
) -> Evaluated {
    let Some(number) = operand(evaluator, arguments, 0)? else { return Ok(Value::Undefined) };
    let base = arguments.number(1).map_or(10.0, |base| numbers::round(base, 0));
    if !(2.0..=36.0).contains(&base) {
        return Err(FailureFacts::new("D3100").with("value", numbers::text(base)));
    }
    Ok(numbers::in_base(numbers::round(number, 0), base as u32).into())
}

pub(super) fn format_number(
    evaluator: &mut Evaluator<'_>,
    arguments: &mut Arguments<'_>,
) -> Evaluated {
    let Some(number) = operand(evaluator, arguments, 0)? else { return Ok(Value::Undefined) };
    let Some(picture) = arguments.text(1) else { return Ok(Value::Undefined) };
    evaluator.meter.work(pictures::cost(picture.len()))?;
    let mut symbols = pictures::Symbols::default();
    for (name, value) in arguments.take(2).members() {
        if let Some(text) = value.as_text() {
            symbols.set(&name, text);
        }
    }
    let text = pictures::format(number, &picture, &symbols)?;
    evaluator.meter.text(text.len())?;
    Ok(text.into())
}

pub(super) fn format_integer(
    evaluator: &mut Evaluator<'_>,
    arguments: &mut Arguments<'_>,
) -> Evaluated {
    let Some(number) = operand(evaluator, arguments, 0)? else { return Ok(Value::Undefined) };
    let Some(picture) = arguments.text(1) else { return Ok(Value::Undefined) };
    evaluator.meter.work(pictures::cost(picture.len()))?;
    let number = number.floor();
    let format = integer::Format::of(&picture)?;
    if format.is_roman() {
        // Thousands are written one by one.
        evaluator.meter.can_make_text((number.abs() / 1000.0) as usize)?;
    }
    let text = format.format(number)?;
    evaluator.meter.text(text.len())?;
    Ok(text.into())
}

pub(super) fn parse_integer(
    evaluator: &mut Evaluator<'_>,
    arguments: &mut Arguments<'_>,
) -> Evaluated {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    let Some(picture) = arguments.text(1) else { return Ok(Value::Undefined) };
    evaluator.meter.work(pictures::cost(picture.len()))?;
    evaluator.meter.work(text.len().saturating_mul(picture.len() / 8 + 1))?;
    Ok(Value::Number(integer::Format::of(&picture)?.parse(&text)?))
}
