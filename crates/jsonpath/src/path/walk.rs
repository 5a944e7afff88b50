//! Steps over values.

use std::cell::Cell;
use std::sync::Arc;

use json::{Object, Value};

use super::filter::Condition;
use super::step::{Name, Slice, Step};

/// How many values one evaluation may look at: more than any document of the allowed size holds,
/// and few enough that a path such as `$..*..*..*` cannot keep a processor busy.
const VISITS_MAX: u32 = 4_000_000;

/// Why an evaluation was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It looked at more values than it may.
    TooMuch,
    /// A function refused what came to it.
    Function(String),
}

impl Stop {
    pub(crate) fn reason(self) -> String {
        match self {
            Stop::TooMuch => format!("The path looks at more than {VISITS_MAX} values"),
            Stop::Function(reason) => reason,
        }
    }
}

/// One evaluation of a path on a document.
pub(crate) struct Walk<'a> {
    /// What `$` means within filters and arguments.
    pub(crate) document: &'a Value,
    visits_left: Cell<u32>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(document: &'a Value) -> Self {
        Walk { document, visits_left: Cell::new(VISITS_MAX) }
    }

    /// How many values were looked at.
    pub(crate) fn visits(&self) -> u32 {
        VISITS_MAX - self.visits_left.get()
    }

    /// Notes that so many values are looked at.
    pub(crate) fn visit(&self, count: usize) -> Result<(), Stop> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let left = self.visits_left.get().checked_sub(count).ok_or(Stop::TooMuch)?;
        self.visits_left.set(left);
        Ok(())
    }

    /// All values that the steps lead to, in the order of the document.
    pub(crate) fn select(&self, mut steps: &[Step], start: &Value) -> Result<Vec<Value>, Stop> {
        // Most steps lead from place to place, and the places need no copy. Those that make new
        // values split the path into sections.
        let mut values = vec![start.clone()];
        let mut is_definite = true;
        loop {
            let end = (0..steps.len()).find(|at| makes_values(steps, *at));
            let section = &steps[..end.unwrap_or(steps.len())];
            is_definite &= section.iter().all(|step| step.is_definite(false));
            let places = self.places(section, values.iter().collect())?;
            let Some(end) = end else {
                return Ok(places.into_iter().cloned().collect());
            };
            values = match &steps[end] {
                Step::Function(_) if is_definite && places.is_empty() => return Ok(Vec::new()),
                Step::Function(call) => vec![call.apply(&input_of(places, is_definite), self)?],
                Step::Names(names) => {
                    let all = matches!(section.last(), Some(Step::Descend));
                    merge_members(&places, names, all)
                }
                _ => unreachable!("no other step makes values"),
            };
            is_definite |= matches!(steps[end], Step::Function(_));
            steps = &steps[end + 1..];
        }
    }

    /// The places that the steps lead to.
    fn places<'v>(
        &self,
        steps: &[Step],
        mut values: Vec<&'v Value>,
    ) -> Result<Vec<&'v Value>, Stop> {
        let mut is_scan = false;
        for step in steps {
            let mut found = Vec::new();
            for value in values {
                self.step(step, value, is_scan, &mut found)?;
            }
            values = found;
            is_scan = matches!(step, Step::Descend);
        }
        Ok(values)
    }

    /// The places that one step leads to. `is_scan`: it comes after `..`.
    pub(super) fn places_of<'v>(
        &self,
        step: &Step,
        places: Vec<&'v Value>,
        is_scan: bool,
    ) -> Result<Vec<&'v Value>, Stop> {
        let mut found = Vec::new();
        for place in places {
            self.step(step, place, is_scan, &mut found)?;
        }
        Ok(found)
    }

    /// Follows one step. `is_scan`: the step comes after `..`.
    fn step<'v>(
        &self,
        step: &Step,
        value: &'v Value,
        is_scan: bool,
        found: &mut Vec<&'v Value>,
    ) -> Result<(), Stop> {
        self.visit(1)?;
        match step {
            Step::Name(name) => found.extend(value.get(&name.text)),
            Step::Names(names) => {
                found.extend(names.iter().filter_map(|name| value.get(&name.text)))
            }
            Step::Index(index) => found.extend(item(value, *index)),
            Step::Indexes(indexes) => {
                found.extend(indexes.iter().filter_map(|index| item(value, *index)));
            }
            Step::Slice(slice) => {
                found.extend(slice_indexes(slice, value).filter_map(|index| item(value, index)));
            }
            Step::Wildcard => {
                let before = found.len();
                found.extend(children(value));
                self.visit(found.len() - before)?;
            }
            Step::Descend => self.containers_below(value, found)?,
            Step::Filter(condition) => self.filter(condition, value, is_scan, found)?,
            Step::Function(_) => unreachable!("a function is no way to a place"),
        }
        Ok(())
    }

    /// The arrays and objects from the value on downward, each before what it holds.
    fn containers_below<'v>(
        &self,
        value: &'v Value,
        found: &mut Vec<&'v Value>,
    ) -> Result<(), Stop> {
        let mut open = vec![value];
        while let Some(value) = open.pop() {
            if is_container(value) {
                self.visit(1)?;
                found.push(value);
                let from = open.len();
                open.extend(children(value).filter(|child| is_container(child)));
                open[from..].reverse();
            }
        }
        Ok(())
    }

    /// An object stays if the condition holds for it, of an array those items for which it holds.
    fn filter<'v>(
        &self,
        condition: &Condition,
        value: &'v Value,
        is_scan: bool,
        found: &mut Vec<&'v Value>,
    ) -> Result<(), Stop> {
        // A scan with a filter tries the condition on each container first, also on arrays. So
        // `$..[?(@.a)]` finds each object once, by itself and not again as an item.
        if is_scan && !condition.holds(value, self)? {
            return Ok(());
        }
        match value {
            Value::Object(_) if is_scan || condition.holds(value, self)? => found.push(value),
            Value::Array(items) => {
                for item in items.iter() {
                    self.visit(1)?;
                    if condition.holds(item, self)? {
                        found.push(item);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Whether the step at that place makes new values of what comes to it.
fn makes_values(steps: &[Step], at: usize) -> bool {
    match &steps[at] {
        Step::Function(_) => true,
        Step::Names(_) => at + 1 == steps.len(),
        _ => false,
    }
}

/// What a function works on: the value of a definite path, the list of matches of another.
fn input_of(places: Vec<&Value>, is_definite: bool) -> Value {
    match places[..] {
        [place] if is_definite => place.clone(),
        _ => places.into_iter().cloned().collect(),
    }
}

/// For each object one of those of its members that are asked for; `all`: they must all be there.
fn merge_members(places: &[&Value], names: &[Name], all: bool) -> Vec<Value> {
    let objects = places.iter().filter_map(|place| place.as_object());
    objects
        .filter(|object| !all || names.iter().all(|name| object.contains(&name.text)))
        .map(|object| {
            let members = names.iter().filter_map(|Name { text, .. }| {
                object.get(text).map(|value| (Arc::clone(text), value.clone()))
            });
            Value::from(members.collect::<Object>())
        })
        .collect()
}

pub(crate) fn is_container(value: &Value) -> bool {
    matches!(value, Value::Array(_) | Value::Object(_))
}

fn children(value: &Value) -> impl Iterator<Item = &Value> {
    let items = value.as_array().unwrap_or_default().iter();
    items.chain(value.as_object().into_iter().flat_map(Object::iter).map(|(_, value)| value))
}

/// The item at an index, which counts from the end where it is negative.
pub(crate) fn item(value: &Value, index: i64) -> Option<&Value> {
    let items = value.as_array()?;
    let index = if index < 0 { index + items.len() as i64 } else { index };
    items.get(usize::try_from(index).ok()?)
}

/// The indexes of a slice, as Jayway counts them: with both bounds given, negative ones are not
/// turned round first. So `[-3:-1]` means what it says, `[1:-1]` is empty, and `[-1:2]` is the
/// last item and then the first two.
fn slice_indexes(slice: &Slice, value: &Value) -> impl Iterator<Item = i64> {
    let length = value.as_array().map_or(0, <[Value]>::len) as i64;
    let from_end = |bound: i64| if bound < 0 { bound + length } else { bound };
    let range = match (slice.from, slice.to) {
        (Some(from), Some(to)) => from.max(-length)..to.min(length),
        (Some(from), None) => from_end(from).max(0)..length,
        (None, Some(to)) => 0..from_end(to).min(length),
        (None, None) => 0..length,
    };
    range.step_by(slice.step)
}
