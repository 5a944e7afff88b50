//! Functions on objects.

use std::sync::Arc;

use super::Arguments;
use crate::error::Failure;
use crate::evaluate::{Evaluated, Evaluator};
use crate::record::Members;
use crate::value::Value;

pub(super) fn keys(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let mut names = Members::default();
    collect_names(evaluator, &arguments.take(0), 0, &mut names)?;
    evaluator.meter.items(names.len())?;
    let names = names.into_entries().into_iter();
    Ok(Value::sequence(names.map(|(name, _)| Value::String(name)).collect()))
}

/// The names of an object, or of all objects of an array, each once.
fn collect_names(
    evaluator: &mut Evaluator<'_>,
    value: &Value,
    depth: u32,
    names: &mut Members,
) -> Result<(), Failure> {
    if value.is_array() {
        evaluator.meter.nested(depth)?;
        for index in 0..value.length() {
            evaluator.meter.work(1)?;
            collect_names(evaluator, &value.item(index), depth + 1, names)?;
        }
        return Ok(());
    }
    evaluator.meter.work(value.members_count())?;
    for (name, _) in value.members() {
        names.insert(name, Value::Undefined);
    }
    Ok(())
}

pub(super) fn lookup(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    match arguments.text(1) {
        Some(name) => evaluator.field(&arguments.take(0), &name),
        None => Ok(Value::Undefined),
    }
}

pub(super) fn spread(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let value = arguments.take(0);
    if !value.is_array() && !value.is_object() {
        return Ok(value);
    }
    let sequence = !value.is_array() || value.length() == 0;
    let mut results = Vec::new();
    spread_into(evaluator, value, 0, &mut results)?;
    evaluator.meter.items(results.len())?;
    // Objects of an array are joined to an array, which is no sequence.
    Ok(if sequence { Value::sequence(results) } else { Value::list(results) })
}

/// One object for each member.
fn spread_into(
    evaluator: &mut Evaluator<'_>,
    value: Value,
    depth: u32,
    results: &mut Vec<Value>,
) -> Result<(), Failure> {
    evaluator.meter.nested(depth)?;
    if value.is_array() {
        for index in 0..value.length() {
            evaluator.meter.work(1)?;
            spread_into(evaluator, value.item(index), depth + 1, results)?;
        }
    } else if value.is_object() {
        for (name, member) in value.members() {
            results.push(single(evaluator, name, member)?);
        }
    } else if !value.is_undefined() {
        results.push(value);
    }
    Ok(())
}

fn single(evaluator: &mut Evaluator<'_>, name: Arc<str>, value: Value) -> Evaluated {
    let mut members = evaluator.members(1)?;
    members.insert(name, value);
    Ok(members.into())
}

pub(super) fn merge(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let objects = arguments.take(0);
    if objects.is_undefined() {
        return Ok(Value::Undefined);
    }
    let mut merged = Members::default();
    for object in objects.into_items() {
        let members = object.members();
        evaluator.members(members.len())?;
        for (name, value) in members {
            merged.insert(name, value);
        }
    }
    Ok(merged.into())
}
