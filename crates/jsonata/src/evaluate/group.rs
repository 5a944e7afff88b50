//! Objects: `{key: value}` by itself and after an expression, whose items it groups.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::{Evaluated, Evaluator};
use crate::error::{Failure, FailureFacts};
use crate::frame::{Frame, Frames};
use crate::node::Node;
use crate::record::Members;
use crate::tuple::Tuple;
use crate::value::Value;

/// The items that gave the same key.
struct Collected<T> {
    name: Arc<str>,
    pair: usize,
    items: Vec<T>,
}

/// Groups in the order in which their keys came.
struct Groups<T> {
    groups: Vec<Collected<T>>,
    index: BTreeMap<Arc<str>, usize>,
}

impl<T> Groups<T> {
    fn new() -> Self {
        Groups { groups: Vec::new(), index: BTreeMap::new() }
    }

    /// Adds an item; says whether another pair has given the same key before.
    fn add(&mut self, name: Arc<str>, pair: usize, item: T) -> bool {
        let at = if self.groups.len() < 8 {
            self.groups.iter().position(|group| group.name == name)
        } else {
            if self.index.is_empty() {
                let places = self.groups.iter().enumerate();
                self.index = places.map(|(at, group)| (group.name.clone(), at)).collect();
            }
            self.index.get(&name).copied()
        };
        match at {
            Some(at) => {
                self.groups[at].items.push(item);
                self.groups[at].pair != pair
            }
            None => {
                if !self.index.is_empty() {
                    self.index.insert(name.clone(), self.groups.len());
                }
                self.groups.push(Collected { name, pair, items: vec![item] });
                false
            }
        }
    }
}

impl Evaluator<'_> {
    /// The object that pairs make of the items of a value. `tuples`: the pairs are inside the
    /// frame of a tuple.
    pub(super) fn object(
        &mut self,
        pairs: &[(Node, Node)],
        position: u32,
        input: Value,
        tuples: bool,
        frames: &Frames,
    ) -> Evaluated {
        if let Value::Tuples(tuples) = input {
            return self.object_of_tuples(pairs, position, Rc::unwrap_or_clone(tuples), frames);
        }
        let no_tuple = tuples.then(|| Frame::of_tuple(&Tuple::of(Value::Undefined), frames));
        let frames = no_tuple.as_ref().unwrap_or(frames);
        if !input.is_array() {
            return self.plain_object(pairs, position, &input, frames);
        }
        let mut groups = Groups::new();
        for index in 0..input.length().max(1) {
            // Without items the keys are still evaluated, on nothing.
            let item = input.item(index);
            for (pair, (name, _)) in pairs.iter().enumerate() {
                let name = self.evaluate(name, &item, frames)?;
                let Some(name) = self.key(name, position)? else { continue };
                if groups.add(name.clone(), pair, item.clone()) {
                    return Err(same_key(&name, position));
                }
            }
        }
        let mut members = self.members(groups.groups.len())?;
        for group in groups.groups {
            let context = joined(group.items);
            self.meter.items(context.length())?;
            let value = self.evaluate(&pairs[group.pair].1, &context, frames)?;
            if !value.is_undefined() {
                members.insert(group.name, value);
            }
        }
        Ok(members.into())
    }

    /// The usual case: one item, so that each pair gives one member.
    fn plain_object(
        &mut self,
        pairs: &[(Node, Node)],
        position: u32,
        input: &Value,
        frames: &Frames,
    ) -> Evaluated {
        let mut members = self.members(pairs.len())?;
        // All keys come first, then the values.
        let mut named = Vec::with_capacity(pairs.len());
        for (name, value) in pairs {
            let name = self.evaluate(name, input, frames)?;
            let Some(name) = self.key(name, position)? else { continue };
            if members.position(&name).is_some() {
                return Err(same_key(&name, position));
            }
            members.insert(name, Value::Undefined);
            named.push(value);
        }
        for (at, value) in named.into_iter().enumerate() {
            members.set(at, self.evaluate(value, input, frames)?);
        }
        members.drop_undefined();
        Ok(members.into())
    }

    /// Room for that many members.
    pub(crate) fn members(&mut self, count: usize) -> Result<Members, Failure> {
        self.meter.items(count)?;
        self.meter.allocate(count * 3 * size_of::<Value>())?;
        Ok(Members::with_capacity(count))
    }

    /// The key of a member; nothing where there is none.
    fn key(&mut self, value: Value, position: u32) -> Result<Option<Arc<str>>, Failure> {
        match value {
            Value::String(name) => Ok(Some(name)),
            Value::Undefined => Ok(None),
            other => {
                let failure = FailureFacts::new("T1003").with("value", self.in_message(&other));
                Err(failure.at(position))
            }
        }
    }

    fn object_of_tuples(
        &mut self,
        pairs: &[(Node, Node)],
        position: u32,
        tuples: Vec<Tuple>,
        frames: &Frames,
    ) -> Evaluated {
        let mut groups = Groups::new();
        for tuple in tuples {
            let inner = Frame::of_tuple(&tuple, frames);
            for (pair, (name, _)) in pairs.iter().enumerate() {
                let name = self.evaluate(name, &tuple.item, &inner)?;
                let Some(name) = self.key(name, position)? else { continue };
                if groups.add(name.clone(), pair, tuple.clone()) {
                    return Err(same_key(&name, position));
                }
            }
        }
        let mut members = self.members(groups.groups.len())?;
        for group in groups.groups {
            let tuple = self.reduce(group.items)?;
            let inner = Frame::of_tuple(&tuple, frames);
            let value = self.evaluate(&pairs[group.pair].1, &tuple.item, &inner)?;
            if !value.is_undefined() {
                members.insert(group.name, value);
            }
        }
        Ok(members.into())
    }

    /// One tuple of several: what they bind to the same name is joined.
    fn reduce(&mut self, tuples: Vec<Tuple>) -> Result<Tuple, Failure> {
        if tuples.len() == 1 {
            return Ok(tuples.into_iter().next().expect("there is one"));
        }
        let mut items = Vec::with_capacity(tuples.len());
        let mut bound: Vec<(_, Vec<Value>)> = Vec::new();
        for tuple in tuples {
            self.meter.work(1 + tuple.bindings.len())?;
            items.push(tuple.item);
            for (key, value) in tuple.bindings.iter() {
                match bound.iter_mut().find(|(name, _)| name == key) {
                    Some((_, values)) => values.push(value.clone()),
                    None => bound.push((*key, vec![value.clone()])),
                }
            }
        }
        let mut reduced = Tuple::of(joined(items));
        for (key, values) in bound {
            reduced.bind(key, joined(values));
        }
        Ok(reduced)
    }
}

fn same_key(name: &str, position: u32) -> Failure {
    FailureFacts::new("D1009").with("value", json::Value::from(name).to_text()).at(position)
}

/// What joining values one after the other gives: one value stays as it is, and what is nothing
/// does not count.
fn joined(mut values: Vec<Value>) -> Value {
    values.retain(|value| !value.is_undefined());
    if values.len() <= 1 {
        return values.pop().unwrap_or(Value::Undefined);
    }
    let mut items = Vec::with_capacity(values.len());
    for value in values {
        if value.is_array() {
            items.extend(value.into_items());
        } else {
            items.push(value);
        }
    }
    Value::list(items)
}
