//! Functions of arrays. They return nothing for arguments that they refuse.

use json::Value;

use super::math::truncated;
use crate::java;

/// How many items `States.ArrayRange` may return.
const RANGE_ITEMS_MAX: i64 = 1_000;

/// `States.ArrayContains`: by the texts of the values, as AWS compares. So `true` is found among
/// `["true"]`, and an object only with its members in the same order.
pub(super) fn contains(items: &[Value], wanted: &Value) -> Value {
    let wanted = java::to_string(wanted);
    items.iter().any(|item| java::to_string(item) == wanted).into()
}

/// `States.ArrayGetItem`. AWS answers `null` for any index of an empty array.
pub(super) fn item(items: &[Value], index: &Value) -> Option<Value> {
    let index = truncated(index)?;
    if items.is_empty() {
        return Some(Value::Null);
    }
    items.get(usize::try_from(index).ok()?).cloned()
}

/// `States.ArrayPartition`
pub(super) fn partition(items: &[Value], size: &Value) -> Option<Value> {
    let size = usize::try_from(truncated(size)?).ok().filter(|size| *size > 0)?;
    Some(items.chunks(size).map(|chunk| Value::from(chunk.to_vec())).collect())
}

/// `States.ArrayRange`: from `first` up to `last`, which is included.
pub(super) fn range(first: &Value, last: &Value, step: &Value) -> Option<Value> {
    let bound = |bound: &Value| truncated(bound).map(i64::from);
    let (first, last, step) = (bound(first)?, bound(last)?, bound(step)?);
    if step == 0 {
        return None;
    }
    let distance = if step > 0 { last - first } else { first - last };
    let count = if distance < 0 { 0 } else { distance / step.abs() + 1 };
    (count <= RANGE_ITEMS_MAX)
        .then(|| (0..count).map(|index| Value::from(first + index * step)).collect())
}

/// `States.ArrayUnique`: in the order in which Java's `HashSet` holds the items.
pub(super) fn unique(items: &[Value]) -> Value {
    // A `HashSet` that is made from a list has room for 4/3 of its items, as a power of two.
    let capacity = (items.len() * 4 / 3 + 1).max(16).next_power_of_two();
    let mut buckets: Vec<Vec<(i32, &Value)>> = vec![Vec::new(); capacity];
    for item in items {
        let hash = java::hash_code(item);
        let spread = (hash as u32) ^ ((hash as u32) >> 16);
        let bucket = &mut buckets[spread as usize & (capacity - 1)];
        if !bucket.iter().any(|(other, kept)| *other == hash && java::equals(kept, item)) {
            bucket.push((hash, item));
        }
    }
    buckets.into_iter().flatten().map(|(_, item)| item.clone()).collect()
}
