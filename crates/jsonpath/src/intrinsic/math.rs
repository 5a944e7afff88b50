//! Functions of numbers and chance. They return nothing for arguments that they refuse.

use json::Value;
use rand_core::Rng;

use crate::java;

/// The number without its fraction, where the value is a number in the range of 32 bits.
pub(super) fn truncated(value: &Value) -> Option<i32> {
    in_range(value, f64::trunc)
}

/// `States.MathAdd`: each number is rounded first, halves toward positive infinity. Arguments and
/// sum must be in the range of 32 bits.
pub(super) fn add(left: &Value, right: &Value) -> Option<Value> {
    let rounded = |value: &Value| in_range(value, |number| java::round(number) as f64);
    let sum = rounded(left)?.checked_add(rounded(right)?)?;
    Some(i64::from(sum).into())
}

fn in_range(value: &Value, to_integer: impl Fn(f64) -> f64) -> Option<i32> {
    if let Some(integer) = value.as_i64() {
        return i32::try_from(integer).ok();
    }
    let number = to_integer(value.as_f64()?);
    let range = f64::from(i32::MIN)..=f64::from(i32::MAX);
    range.contains(&number).then_some(number as i32)
}

/// `States.MathRandom`: one of the numbers from `start` up to and not including `end`; with a
/// seed always the same one, that of `java.util.Random`.
pub(super) fn random(
    start: &Value,
    end: &Value,
    seed: Option<&Value>,
    random: &mut dyn Rng,
) -> Option<Value> {
    let (start, end) = (truncated(start)?, truncated(end)?);
    let seed = match seed {
        Some(seed) => seed.as_i64().or_else(|| Some(seed.as_f64()?.trunc() as i64))?,
        None => random.next_u64() as i64,
    };
    (start < end).then(|| i64::from(java::Random::new(seed).between(start, end)).into())
}

/// `States.UUID`
pub(super) fn uuid(random: &mut dyn Rng) -> Value {
    let mut bytes = [0; 16];
    random.fill_bytes(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string().into()
}
