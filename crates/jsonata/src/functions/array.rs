//! Functions on arrays.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Arguments;
use crate::evaluate::{Evaluated, Evaluator};
use crate::value::Value;

pub(super) fn append(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let (first, second) = (arguments.take(0), arguments.take(1));
    if first.is_undefined() {
        return Ok(second);
    }
    if second.is_undefined() {
        return Ok(first);
    }
    let count = |value: &Value| if value.is_array() { value.length() } else { 1 };
    evaluator.meter.items(count(&first) + count(&second))?;
    let mut items = first.into_items();
    items.extend(second.into_items());
    Ok(Value::list(items))
}

pub(super) fn reverse(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let array = arguments.take(0);
    if array.length() <= 1 {
        return Ok(array);
    }
    evaluator.meter.items(array.length())?;
    let mut items = array.into_items();
    items.reverse();
    Ok(Value::list(items))
}

pub(super) fn shuffle(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let array = arguments.take(0);
    if array.length() <= 1 {
        return Ok(array);
    }
    evaluator.meter.items(array.length())?;
    let mut items = array.into_items();
    for last in (1..items.len()).rev() {
        let other = (super::number::random_fraction(evaluator) * (last + 1) as f64) as usize;
        items.swap(last, other);
    }
    Ok(Value::list(items))
}

/// A value that equals another exactly when this does.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Scalar {
    Null,
    Bool(bool),
    Number(u64),
    Text(Arc<str>),
}

fn scalar(value: &Value) -> Option<Scalar> {
    Some(match value {
        Value::Null => Scalar::Null,
        Value::Bool(truth) => Scalar::Bool(*truth),
        Value::String(text) => Scalar::Text(text.clone()),
        // Adding zero makes one zero of the two.
        _ => Scalar::Number((value.as_number()? + 0.0).to_bits()),
    })
}

pub(super) fn distinct(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let array = arguments.take(0);
    if array.length() <= 1 {
        return Ok(array);
    }
    evaluator.meter.items(array.length())?;
    let sequence = array.marks().sequence;
    let mut scalars = BTreeSet::new();
    let mut others: Vec<Value> = Vec::new();
    let mut results = Vec::new();
    for value in array.into_items() {
        evaluator.meter.work(1)?;
        let new = match scalar(&value) {
            Some(scalar) => scalars.insert(scalar),
            None => {
                let mut known = false;
                for other in &others {
                    known = known || evaluator.equal(&value, other)?;
                }
                if !known {
                    others.push(value.clone());
                }
                !known
            }
        };
        if new {
            results.push(value);
        }
    }
    Ok(if sequence { Value::sequence(results) } else { Value::list(results) })
}

pub(super) fn zip(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let arrays = arguments.take_all();
    let length = arrays.iter().map(Value::length).min().unwrap_or(0);
    let mut results = Vec::new();
    for index in 0..length {
        evaluator.meter.items(arrays.len())?;
        results.push(Value::list(arrays.iter().map(|array| array.item(index)).collect()));
    }
    evaluator.meter.items(results.len())?;
    Ok(Value::list(results))
}
