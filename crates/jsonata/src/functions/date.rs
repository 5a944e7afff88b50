//! Functions on times, which are milliseconds since 1970.

use super::Arguments;
use crate::error::{Failure, FailureFacts};
use crate::evaluate::{Evaluated, Evaluator};
use crate::picture::calendar::MILLISECONDS_MAX;
use crate::picture::{date, number, parse_date};
use crate::value::Value;

/// What compiling a byte of a picture costs.
const PICTURE_STEPS: usize = 200;

/// What going through a picture costs: its text, and each part between brackets.
fn cost(picture: &str) -> usize {
    let longest = picture.split('[').map(|part| part.find(']').unwrap_or(part.len())).max();
    picture.len() + number::cost(longest.unwrap_or(0))
}

fn format(
    evaluator: &mut Evaluator<'_>,
    milliseconds: f64,
    picture: Option<&str>,
    zone: Option<&str>,
) -> Evaluated {
    evaluator.meter.work(picture.map_or(0, cost) + zone.map_or(0, str::len))?;
    let text = date::format(milliseconds, picture, zone)?;
    evaluator.meter.text(text.len())?;
    Ok(text.into())
}

pub(super) fn now(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let (picture, zone) = (arguments.text(0), arguments.text(1));
    format(evaluator, evaluator.now as f64, picture.as_deref(), zone.as_deref())
}

pub(super) fn millis(evaluator: &mut Evaluator<'_>, _: &mut Arguments<'_>) -> Evaluated {
    Ok(Value::Number(evaluator.now as f64))
}

pub(super) fn from_millis(
    evaluator: &mut Evaluator<'_>,
    arguments: &mut Arguments<'_>,
) -> Evaluated {
    let Some(milliseconds) = arguments.number(0) else { return Ok(Value::Undefined) };
    if milliseconds.is_nan() || milliseconds.abs() > MILLISECONDS_MAX {
        return Err(out_of_range(milliseconds));
    }
    let (picture, zone) = (arguments.text(1), arguments.text(2));
    format(evaluator, milliseconds, picture.as_deref(), zone.as_deref())
}

fn out_of_range(milliseconds: f64) -> Failure {
    FailureFacts::new("D1001").with("value", crate::number::text(milliseconds))
}

pub(super) fn to_millis(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    let Some(picture) = arguments.text(1) else {
        return parse_date::parse_iso(&text).map(Value::Number).ok_or_else(|| {
            FailureFacts::new("D3110").with("value", json::Value::from(&*text).to_text())
        });
    };
    evaluator.meter.work(cost(&picture) + PICTURE_STEPS * (picture.len() + 1))?;
    evaluator.meter.work(text.len().saturating_mul(picture.len() / 8 + 1))?;
    match parse_date::parse(&text, &picture, evaluator.now)? {
        Some(milliseconds) if milliseconds.abs() > MILLISECONDS_MAX => {
            Err(out_of_range(milliseconds))
        }
        milliseconds => Ok(milliseconds.map_or(Value::Undefined, Value::Number)),
    }
}
