//! Whether a path within a filter leads somewhere, as Jayway asks it.
//!
//! Jayway requires every property on the way: one that is missing anywhere ends the question with
//! no. A path that may lead to several places then leads somewhere also where it finds none, such
//! as `@.tags[*]` on an empty list. And it starts at the item, also where it begins with `$`.

use json::Value;

use super::OperandPath;
use crate::path::step::{Step, is_definite};
use crate::path::walk::{Stop, Walk};

/// Whether the path leads somewhere from that value.
pub(super) fn exists(path: &OperandPath, value: &Value, walk: &Walk<'_>) -> Result<bool, Stop> {
    let mut places = vec![value];
    for (at, step) in path.steps.iter().enumerate() {
        let before = &path.steps[..at];
        let is_scan = matches!(before.last(), Some(Step::Descend));
        if matches!(step, Step::Function(_) | Step::Names(_)) {
            return Ok(match path.select(value, walk)? {
                None => false,
                Some(_) if is_definite(&path.steps) => true,
                Some(found) => found.as_array().is_some_and(|found| !found.is_empty()),
            });
        }
        let is_definite = before.iter().all(|step| step.is_definite(false));
        for place in &places {
            // After `..`, only those that have what is asked for are looked at.
            if !is_scan && is_missing(step, place, is_definite) {
                return Ok(false);
            }
        }
        places = walk.places_of(step, places, is_scan)?;
    }
    Ok(!places.is_empty() || !is_definite(&path.steps))
}

/// Whether what the step asks for must be there, and is not. `is_definite`: the steps before it
/// lead to one place.
fn is_missing(step: &Step, place: &Value, is_definite: bool) -> bool {
    match (step, place) {
        (Step::Name(name), Value::Object(members)) => !members.contains(&name.text),
        (Step::Name(_), _) => is_definite,
        (Step::Index(_) | Step::Indexes(_) | Step::Slice(_), Value::Array(_)) => false,
        (Step::Index(_) | Step::Indexes(_) | Step::Slice(_), _) => is_definite,
        _ => false,
    }
}
