//! Functions that take functions.

use super::Arguments;
use crate::error::{Failure, FailureFacts};
use crate::evaluate::{Evaluated, Evaluator};
use crate::function::arity;
use crate::value::Value;

/// Calls a function with an item, its index and the array.
fn call_on_item(
    evaluator: &mut Evaluator<'_>,
    function: &Value,
    array: &Value,
    index: usize,
) -> Evaluated {
    let rest = [Value::from(index), array.clone()];
    evaluator.call_with(function, array.item(index), rest)
}

pub(super) fn map(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let (array, function) = (arguments.take(0), arguments.take(1));
    if array.is_undefined() {
        return Ok(Value::Undefined);
    }
    let mut results = Vec::with_capacity(array.length().min(1024));
    for index in 0..array.length() {
        let result = call_on_item(evaluator, &function, &array, index)?;
        if !result.is_undefined() {
            results.push(result);
        }
    }
    evaluator.meter.items(results.len())?;
    Ok(Value::sequence(results))
}

pub(super) fn filter(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let (array, function) = (arguments.take(0), arguments.take(1));
    if array.is_undefined() {
        return Ok(Value::Undefined);
    }
    let mut results = Vec::new();
    for index in 0..array.length() {
        let answer = call_on_item(evaluator, &function, &array, index)?;
        if evaluator.truth(&answer)? {
            results.push(array.item(index));
        }
    }
    evaluator.meter.items(results.len())?;
    Ok(Value::sequence(results))
}

pub(super) fn single(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let (array, function) = (arguments.take(0), arguments.take(1));
    if array.is_undefined() {
        return Ok(Value::Undefined);
    }
    let mut found = None;
    for index in 0..array.length() {
        evaluator.meter.work(1)?;
        let fits = function.is_undefined() || {
            let answer = call_on_item(evaluator, &function, &array, index)?;
            evaluator.truth(&answer)?
        };
        if fits && found.replace(array.item(index)).is_some() {
            return Err(FailureFacts::new("D3138"));
        }
    }
    found.ok_or_else(|| FailureFacts::new("D3139"))
}

pub(super) fn reduce(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let (array, function) = (arguments.take(0), arguments.take(1));
    if array.is_undefined() {
        return Ok(Value::Undefined);
    }
    let arity = arity(&function);
    if arity < 2 {
        return Err(FailureFacts::new("D3050"));
    }
    let mut result = arguments.take(2);
    let mut index = 0;
    if result.is_undefined() && array.length() > 0 {
        result = array.item(0);
        index = 1;
    }
    while index < array.length() {
        let mut values = vec![std::mem::take(&mut result), array.item(index)];
        if arity >= 3 {
            values.push(Value::from(index));
        }
        if arity >= 4 {
            values.push(array.clone());
        }
        result = evaluator.call(&function, values)?;
        index += 1;
    }
    Ok(result)
}

pub(super) fn each(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let (object, function) = (arguments.take(0), arguments.take(1));
    let mut results = Vec::new();
    for (name, value) in object.members() {
        let rest = [Value::String(name), object.clone()];
        let result = evaluator.call_with(&function, value, rest)?;
        if !result.is_undefined() {
            results.push(result);
        }
    }
    evaluator.meter.items(results.len())?;
    Ok(Value::sequence(results))
}

pub(super) fn sift(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let (object, function) = (arguments.take(0), arguments.take(1));
    let mut kept = evaluator.members(object.members_count())?;
    for (name, value) in object.members() {
        let rest = [Value::String(name.clone()), object.clone()];
        let answer = evaluator.call_with(&function, value.clone(), rest)?;
        if evaluator.truth(&answer)? {
            kept.insert(name, value);
        }
    }
    Ok(if kept.len() == 0 { Value::Undefined } else { kept.into() })
}

pub(super) fn sort(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let (array, function) = (arguments.take(0), arguments.take(1));
    if array.length() <= 1 {
        return Ok(array);
    }
    evaluator.meter.items(array.length())?;
    let mut items: Vec<Option<Value>> = array.into_items().into_iter().map(Some).collect();
    let mut order: Vec<usize> = (0..items.len()).collect();
    if function.is_undefined() {
        sort_plainly(evaluator, &items, &mut order)?;
    } else {
        let item = |at: usize| items[at].clone().unwrap_or_default();
        evaluator.merge_sort(&mut order, &mut |evaluator, left, right| {
            let answer = evaluator.call(&function, vec![item(left), item(right)])?;
            Ok(is_truthy(&answer))
        })?;
    }
    let take = |at: usize| items[at].take().expect("each comes once");
    Ok(Value::list(order.into_iter().map(take).collect()))
}

/// Sorts numbers or strings.
fn sort_plainly(
    evaluator: &mut Evaluator<'_>,
    items: &[Option<Value>],
    order: &mut [usize],
) -> Result<(), Failure> {
    let all = |test: fn(&Value) -> bool| items.iter().flatten().all(test);
    if !all(|item| item.as_number().is_some()) && !all(|item| item.as_text().is_some()) {
        return Err(FailureFacts::new("D3070"));
    }
    evaluator.merge_sort(order, &mut |evaluator, left, right| {
        let (left, right) = (&items[left], &items[right]);
        Ok(match (left, right) {
            (Some(Value::String(a)), Some(Value::String(b))) => {
                evaluator.meter.read(a.len().min(b.len()))?;
                crate::evaluate::compare_texts(a, b).is_gt()
            }
            (Some(a), Some(b)) => a.as_number() > b.as_number(),
            _ => false,
        })
    })
}

/// What JavaScript's `if` takes for true.
fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Undefined | Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::String(text) => !text.is_empty(),
        _ => value.as_number().is_none_or(|number| number != 0.0 && !number.is_nan()),
    }
}
