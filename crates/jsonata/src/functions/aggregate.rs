//! `$count`, `$sum`, `$max`, `$min`, `$average`.

use super::Arguments;
use crate::error::Failure;
use crate::evaluate::{Evaluated, Evaluator};
use crate::value::Value;

pub(super) fn count(_: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    Ok(Value::from(arguments.take(0).length()))
}

/// Goes through the numbers of an array; `None` where there is no array.
fn fold(
    evaluator: &mut Evaluator<'_>,
    arguments: &mut Arguments<'_>,
    start: f64,
    step: impl Fn(f64, f64) -> f64,
) -> Result<Option<(f64, usize)>, Failure> {
    let numbers = arguments.take(0);
    if numbers.is_undefined() {
        return Ok(None);
    }
    let count = numbers.length();
    evaluator.meter.work(count / 4)?;
    let values = (0..count).filter_map(|index| numbers.item(index).as_number());
    Ok(Some((values.fold(start, step), count)))
}

pub(super) fn sum(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let total = fold(evaluator, arguments, 0.0, |total, number| total + number)?;
    Ok(total.map_or(Value::Undefined, |(total, _)| Value::Number(total)))
}

pub(super) fn average(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    Ok(match fold(evaluator, arguments, 0.0, |total, number| total + number)? {
        Some((total, count)) if count > 0 => Value::Number(total / count as f64),
        _ => Value::Undefined,
    })
}

pub(super) fn max(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    Ok(match fold(evaluator, arguments, f64::NEG_INFINITY, f64::max)? {
        Some((greatest, count)) if count > 0 => Value::Number(greatest),
        _ => Value::Undefined,
    })
}

pub(super) fn min(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    Ok(match fold(evaluator, arguments, f64::INFINITY, f64::min)? {
        Some((least, count)) if count > 0 => Value::Number(least),
        _ => Value::Undefined,
    })
}
