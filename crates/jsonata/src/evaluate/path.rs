//! Paths: each step is applied to the items that the step before it gave.

use std::rc::Rc;
use std::sync::Arc;

use super::{Evaluated, Evaluator};
use crate::error::Failure;
use crate::frame::{Frame, Frames};
use crate::node::{Kind, Node, Path, Stage};
use crate::tuple::Tuple;
use crate::value::{Marks, Value};

/// What is between two steps.
enum Items {
    /// Nothing: the path ends here.
    None,
    /// One item, whatever it is.
    One(Value),
    /// The items of an array.
    All(Value),
}

impl Items {
    fn of(value: Value) -> Items {
        match value {
            Value::Undefined => Items::None,
            value if value.is_array() => Items::All(value),
            value => Items::One(value),
        }
    }

    fn length(&self) -> usize {
        match self {
            Items::None => 0,
            Items::One(_) => 1,
            Items::All(array) => array.length(),
        }
    }

    fn item(&self, index: usize) -> Value {
        match self {
            Items::None => Value::Undefined,
            Items::One(item) => item.clone(),
            Items::All(array) => array.item(index),
        }
    }

    fn into_array(self) -> Value {
        match self {
            Items::None => Value::sequence(Vec::new()),
            Items::One(item) => Value::sequence(vec![item]),
            Items::All(array) => array,
        }
    }

    /// The value of a path that ends here.
    fn into_value(self, path: &Path, keep_array: bool) -> Value {
        let keep = Marks { sequence: true, keep_singleton: true, ..Marks::default() };
        let keep_array = keep_array || path.keep_singleton;
        match self {
            Items::None => Value::Undefined,
            Items::One(item) if keep_array => Value::marked(vec![item], keep),
            Items::One(item) => item,
            Items::All(array) if !keep_array => array,
            Items::All(array) => {
                let marks = array.marks();
                if marks.sequence {
                    array.kept_singleton()
                } else if marks.constructed && path.keep_singleton {
                    Value::marked(vec![array], keep)
                } else {
                    array
                }
            }
        }
    }
}

/// What came of the steps before the first one that binds something.
enum Plain {
    /// Items for the steps after them.
    Items(Items),
    /// The path ended early.
    Ended(Items),
}

impl Evaluator<'_> {
    /// The value of a path.
    pub(super) fn path(
        &mut self,
        node: &Node,
        path: &Path,
        input: &Value,
        frames: &Frames,
    ) -> Evaluated {
        let tuple_steps = &path.steps[path.plain_steps..];
        let mut is_tuples = false;
        let mut value = match self.plain_steps(path, input, frames)? {
            Plain::Ended(items) => items.into_value(path, node.keep_array),
            Plain::Items(items) if tuple_steps.is_empty() => {
                items.into_value(path, node.keep_array)
            }
            Plain::Items(items) => {
                is_tuples = true;
                let tuples = self.tuple_steps(path, items, frames)?;
                if node.tuple || node.group().is_some() {
                    Value::Tuples(Rc::new(tuples))
                } else {
                    let items = tuples.into_iter().map(|tuple| tuple.item).collect();
                    Items::All(Value::sequence(items)).into_value(path, node.keep_array)
                }
            }
        };
        if let Some(group) = node.group() {
            value = self.object(&group.pairs, group.position, value, is_tuples, frames)?;
        }
        Ok(value)
    }

    /// The steps before the first one that binds something.
    fn plain_steps(
        &mut self,
        path: &Path,
        input: &Value,
        frames: &Frames,
    ) -> Result<Plain, Failure> {
        let steps = &path.steps[..path.plain_steps];
        let (mut items, mut index) = self.start(path, input);
        while let Some(step) = steps.get(index) {
            let last = index + 1 == path.steps.len();
            items = match (&items, &step.kind) {
                (Items::None, _) => return Ok(Plain::Ended(Items::None)),
                (Items::One(item), Kind::Name(name)) if step.is_bare() && !item.is_array() => {
                    self.meter.work(1)?;
                    Items::of(item.member(name))
                }
                _ if index == 0 && step.array_constructor => {
                    let input = std::mem::replace(&mut items, Items::None).into_array();
                    match self.first_array(step, &input, frames)? {
                        // It is the value of the whole path.
                        empty @ Items::All(_) if empty.length() == 0 => {
                            return Ok(Plain::Ended(empty));
                        }
                        items => items,
                    }
                }
                _ => self.step(step, items, last, frames)?,
            };
            if items.length() == 0 && !last {
                return Ok(Plain::Ended(Items::None));
            }
            index += 1;
        }
        Ok(Plain::Items(items))
    }

    /// The items of an array constructor that a path begins with. Something else that comes of it
    /// (a filter of it may leave one item) has none, but for the characters of a text.
    fn first_array(
        &mut self,
        step: &Node,
        input: &Value,
        frames: &Frames,
    ) -> Result<Items, Failure> {
        Ok(match self.evaluate(step, input, frames)? {
            value if value.is_array() => Items::All(value),
            Value::String(text) => {
                self.meter.items(text.len())?;
                let characters = text.chars().map(|character| Value::from(character.to_string()));
                Items::All(Value::sequence(characters.collect()))
            }
            _ => Items::None,
        })
    }

    /// What the first step is applied to, and its index: a variable at the start is looked up
    /// once, also where the context is an array. There is always something to apply it to, and be
    /// it nothing (undefined).
    fn start(&mut self, path: &Path, input: &Value) -> (Items, usize) {
        let Some(first) = path.steps.first() else { return (Items::of(input.clone()), 0) };
        match &first.kind {
            Kind::Variable(variable) => {
                if path.plain_steps > 1
                    && let Some(Node { kind: Kind::Name(name), .. }) = path.steps.get(1)
                    && first.is_bare()
                    && path.steps[1].is_bare()
                    && let Some(member) = self.states_member(variable, name)
                {
                    return (Items::of(member), 2);
                }
                (Items::One(input.clone()), 0)
            }
            Kind::Context | Kind::Root => (Items::One(input.clone()), 0),
            _ if input.is_array() => (Items::All(input.clone()), 0),
            _ => (Items::One(input.clone()), 0),
        }
    }

    /// Applies a step to each item.
    fn step(
        &mut self,
        step: &Node,
        items: Items,
        last: bool,
        frames: &Frames,
    ) -> Result<Items, Failure> {
        if let Kind::Sort(terms) = &step.kind {
            let mut sorted = self.order(terms, step.position, items.into_array(), frames)?;
            for stage in step.stages() {
                sorted = self.filter_stage(stage, sorted, false, frames)?;
            }
            return Ok(Items::All(sorted));
        }
        if let Items::One(item) = &items {
            let result = self.step_item(step, item, frames)?;
            return Ok(single(result, last));
        }
        if let (Kind::Name(name), Items::All(Value::JsonArray(array))) = (&step.kind, &items)
            && step.is_bare()
            && !last
        {
            // The same with less ado: objects of the input are looked into where they are.
            self.meter.work(array.len())?;
            return self.fields_of(array, name);
        }
        let mut results = Vec::with_capacity(items.length());
        let mut flat = true;
        for index in 0..items.length() {
            let result = self.step_item(step, &items.item(index), frames)?;
            if !result.is_undefined() {
                flat &= !result.is_array() || result.marks().constructed;
                results.push(result);
            }
        }
        if results.len() == 1 && last && results[0].is_array() && !results[0].marks().sequence {
            return Ok(Items::All(results.remove(0)));
        }
        if !flat {
            let mut flattened = Vec::with_capacity(results.len());
            for result in results {
                if result.is_array() && !result.marks().constructed {
                    let count = result.length();
                    self.meter.more_items(count, flattened.len() + count)?;
                    flattened.extend(result.into_items());
                } else {
                    flattened.push(result);
                }
            }
            results = flattened;
        }
        self.meter.items(results.len())?;
        Ok(Items::All(Value::sequence(results)))
    }

    /// The fields of the objects of an array of the input.
    fn fields_of(&mut self, array: &json::Array, name: &Arc<str>) -> Result<Items, Failure> {
        let mut values = Vec::with_capacity(array.len());
        for item in array {
            match item {
                json::Value::Object(object) => match object.get(name).map(Value::from) {
                    Some(value) if value.is_array() => values.extend(value.into_items()),
                    Some(value) => values.push(value),
                    None => {}
                },
                json::Value::Array(_) => {
                    self.fields(&Value::from(item), name, 0, &mut values)?;
                }
                _ => {}
            }
        }
        self.meter.items(values.len())?;
        Ok(Items::All(Value::sequence(values)))
    }

    /// Applies a step to one item.
    fn step_item(&mut self, step: &Node, item: &Value, frames: &Frames) -> Evaluated {
        let mut value = match &step.kind {
            Kind::Name(name) if step.extras.is_none() => {
                self.meter.work(1)?;
                return Ok(super::normalised(self.field(item, name)?, step.keep_array));
            }
            _ => self.evaluate(step, item, frames)?,
        };
        for stage in step.stages() {
            value = self.filter_stage(stage, value, false, frames)?;
        }
        Ok(value)
    }

    /// The field of an object, or the fields of the objects of an array.
    pub(crate) fn field(&mut self, input: &Value, name: &Arc<str>) -> Evaluated {
        if !input.is_array() {
            return Ok(input.member(name));
        }
        let mut values = Vec::new();
        self.fields(input, name, 0, &mut values)?;
        self.meter.items(values.len())?;
        Ok(Value::sequence(values))
    }

    fn fields(
        &mut self,
        array: &Value,
        name: &str,
        depth: u32,
        values: &mut Vec<Value>,
    ) -> Result<(), Failure> {
        self.meter.nested(depth)?;
        self.meter.work(array.length())?;
        for index in 0..array.length() {
            self.meter.more_items(0, values.len())?;
            let item = array.item(index);
            if item.is_array() {
                self.fields(&item, name, depth + 1, values)?;
                continue;
            }
            match item.member(name) {
                Value::Undefined => {}
                value if value.is_array() => values.extend(value.into_items()),
                value => values.push(value),
            }
        }
        Ok(())
    }

    /// `*`: the values of an object, or the items of an array, arrays among them flattened.
    pub(super) fn wildcard(&mut self, input: &Value) -> Evaluated {
        let input = match input.marks().wrapper && input.length() > 0 {
            true => input.item(0),
            false => input.clone(),
        };
        let children = if input.is_array() {
            input.into_items()
        } else {
            input.members().into_iter().map(|(_, value)| value).collect()
        };
        let mut values = Vec::new();
        let mut has_array = false;
        for child in children {
            if child.is_array() {
                has_array = true;
                self.flatten(child, &mut values)?;
            } else {
                values.push(child);
            }
        }
        self.meter.items(values.len())?;
        // Joined with an array, it is an array and no sequence any more.
        Ok(if has_array { Value::list(values) } else { Value::sequence(values) })
    }

    /// All that is in an array and in arrays within it.
    fn flatten(&mut self, array: Value, values: &mut Vec<Value>) -> Result<(), Failure> {
        let mut rest = array.into_items();
        rest.reverse();
        while let Some(item) = rest.pop() {
            self.meter.work(1)?;
            self.meter.more_items(0, values.len() + rest.len())?;
            if item.is_array() {
                let mut items = item.into_items();
                items.reverse();
                rest.extend(items);
            } else {
                values.push(item);
            }
        }
        Ok(())
    }

    /// `**`: the input and all that is in it, arrays themselves left out.
    pub(super) fn descendants(&mut self, input: &Value) -> Evaluated {
        let mut values = Vec::new();
        let mut rest = vec![input.clone()];
        while let Some(value) = rest.pop() {
            self.meter.work(1)?;
            self.meter.more_items(0, values.len() + rest.len())?;
            let mut children: Vec<Value> = if value.is_array() {
                value.into_items()
            } else {
                let members = value.members();
                if !value.is_undefined() {
                    values.push(value);
                }
                members.into_iter().map(|(_, value)| value).collect()
            };
            children.reverse();
            rest.extend(children);
        }
        self.meter.items(values.len())?;
        Ok(Value::sequence(values))
    }

    /// Filters a value, or tuples. `tuples`: the predicate is inside the frame of a tuple.
    pub(super) fn filter_stage(
        &mut self,
        stage: &Stage,
        value: Value,
        tuples: bool,
        frames: &Frames,
    ) -> Evaluated {
        let Stage::Filter(predicate) = stage else { return Ok(value) };
        if let Value::Tuples(list) = value {
            let filtered = self.filter_tuples(predicate, Rc::unwrap_or_clone(list), frames)?;
            return Ok(Value::Tuples(Rc::new(filtered)));
        }
        if let Kind::Number(number) = predicate.kind {
            let item = match index_of(number, if value.is_array() { value.length() } else { 1 }) {
                Some(index) if value.is_array() => value.item(index),
                Some(_) => value,
                None => Value::Undefined,
            };
            return Ok(match item {
                item if item.is_array() => item,
                Value::Undefined => Value::sequence(Vec::new()),
                item => Value::sequence(vec![item]),
            });
        }
        let no_tuple = tuples.then(|| Frame::of_tuple(&Tuple::of(Value::Undefined), frames));
        let frames = no_tuple.as_ref().unwrap_or(frames);
        let items = if value.is_array() { Items::All(value) } else { Items::One(value) };
        let length = items.length();
        let mut kept = Vec::new();
        for index in 0..length {
            let item = items.item(index);
            let answer = self.evaluate(predicate, &item, frames)?;
            for _ in 0..self.selects(&answer, index, length)? {
                kept.push(item.clone());
            }
        }
        self.meter.items(kept.len())?;
        Ok(Value::sequence(kept))
    }

    /// How often a predicate's answer selects the item: numbers are indexes, anything else is
    /// true or not.
    fn selects(&mut self, answer: &Value, index: usize, length: usize) -> Result<usize, Failure> {
        if let Some(number) = self.finite(answer)? {
            return Ok(usize::from(index_of(number, length) == Some(index)));
        }
        if !answer.is_array() {
            return Ok(usize::from(self.truth(answer)?));
        }
        self.meter.work(answer.length())?;
        let mut count = 0;
        for position in 0..answer.length() {
            let Some(number) = self.finite(&answer.item(position))? else {
                return Ok(usize::from(self.truth(answer)?));
            };
            count += usize::from(index_of(number, length) == Some(index));
        }
        Ok(count)
    }

    /// The steps from the first one that binds something.
    fn tuple_steps(
        &mut self,
        path: &Path,
        items: Items,
        frames: &Frames,
    ) -> Result<Vec<Tuple>, Failure> {
        let mut items = Some(items);
        let mut tuples: Vec<Tuple> = Vec::new();
        for (index, step) in path.steps.iter().enumerate().skip(path.plain_steps) {
            // An array constructor that a path begins with is evaluated once, and binds nothing.
            if index == 0 && step.array_constructor {
                let input = items.take().unwrap_or(Items::None).into_array();
                let has_focus = step.extras.as_ref().is_some_and(|extras| extras.focus.is_some());
                items = Some(match self.first_array(step, &input, frames)? {
                    _ if has_focus => Items::All(input),
                    items => items,
                });
                continue;
            }
            tuples = match (&step.kind, items.take()) {
                (Kind::Sort(terms), None) => {
                    self.order_tuples(terms, step.position, tuples, frames)?
                }
                (Kind::Sort(terms), Some(items)) => {
                    let sorted = self.order(terms, step.position, items.into_array(), frames)?;
                    let mut tuples: Vec<Tuple> =
                        sorted.into_items().into_iter().map(Tuple::of).collect();
                    let index = step.extras.as_ref().and_then(|extras| extras.index.as_ref());
                    if let Some(index) = index {
                        let numbered = tuples.iter_mut().enumerate();
                        numbered.for_each(|(at, tuple)| tuple.bind(index.key, Value::from(at)));
                    }
                    tuples
                }
                (_, None) => self.tuple_step(step, tuples, frames)?,
                (_, Some(items)) => {
                    let tuples = (0..items.length()).map(|index| Tuple::of(items.item(index)));
                    self.tuple_step(step, tuples.collect(), frames)?
                }
            };
            for stage in step.stages() {
                tuples = match stage {
                    Stage::Filter(predicate) => self.filter_tuples(predicate, tuples, frames)?,
                    Stage::Index(binding) => {
                        let numbered = tuples.iter_mut().enumerate();
                        numbered.for_each(|(at, tuple)| tuple.bind(binding.key, Value::from(at)));
                        tuples
                    }
                };
            }
        }
        Ok(tuples)
    }

    /// Applies a step to each tuple and binds what it binds.
    fn tuple_step(
        &mut self,
        step: &Node,
        tuples: Vec<Tuple>,
        frames: &Frames,
    ) -> Result<Vec<Tuple>, Failure> {
        let extras = step.extras.as_ref();
        let focus = extras.and_then(|extras| extras.focus.as_ref());
        let index = extras.and_then(|extras| extras.index.as_ref());
        let ancestor = extras.and_then(|extras| extras.ancestor.as_ref());
        let mut results = Vec::new();
        for tuple in tuples {
            let frames = Frame::of_tuple(&tuple, frames);
            let value = self.evaluate(step, &tuple.item, &frames)?;
            if let Value::Tuples(inner) = value {
                for inner in inner.iter() {
                    let mut result = tuple.clone();
                    result.item = inner.item.clone();
                    for (key, value) in inner.bindings.iter() {
                        result.bind(*key, value.clone());
                    }
                    self.count_tuple(&result, results.len())?;
                    results.push(result);
                }
                continue;
            }
            if value.is_undefined() {
                continue;
            }
            for (at, value) in value.into_items().into_iter().enumerate() {
                let mut result = tuple.clone();
                match focus {
                    Some(focus) => result.bind(focus.key, value),
                    None => result.item = value,
                }
                if let Some(index) = index {
                    result.bind(index.key, Value::from(at));
                }
                if let Some((key, _)) = ancestor.map(|ancestor| (ancestor.1, ancestor.0)) {
                    result.bind(key, tuple.item.clone());
                }
                self.count_tuple(&result, results.len())?;
                results.push(result);
            }
        }
        Ok(results)
    }

    fn count_tuple(&mut self, tuple: &Tuple, others: usize) -> Result<(), Failure> {
        let bindings = tuple.bindings.len();
        self.meter.work(1 + bindings)?;
        self.meter.allocate((2 + bindings) * 2 * size_of::<Value>())?;
        // Their number is checked when it doubles, at the latest.
        if others.is_power_of_two() { self.meter.items(others * 2) } else { Ok(()) }
    }

    fn filter_tuples(
        &mut self,
        predicate: &Node,
        mut tuples: Vec<Tuple>,
        frames: &Frames,
    ) -> Result<Vec<Tuple>, Failure> {
        if let Kind::Number(number) = predicate.kind {
            return Ok(match index_of(number, tuples.len()) {
                Some(index) => vec![tuples.swap_remove(index)],
                None => Vec::new(),
            });
        }
        let length = tuples.len();
        let mut kept = Vec::new();
        for (index, tuple) in tuples.into_iter().enumerate() {
            let frames = Frame::of_tuple(&tuple, frames);
            let answer = self.evaluate(predicate, &tuple.item, &frames)?;
            for _ in 0..self.selects(&answer, index, length)? {
                kept.push(tuple.clone());
            }
        }
        self.meter.items(kept.len())?;
        Ok(kept)
    }
}

/// What one item gives.
fn single(result: Value, last: bool) -> Items {
    if !result.is_array() {
        return Items::of(result);
    }
    let marks = result.marks();
    if last && !marks.sequence {
        return Items::All(result);
    }
    if marks.constructed {
        return Items::One(result);
    }
    if last && marks.keep_singleton && result.length() <= 1 {
        return Items::All(Value::sequence(result.into_items()));
    }
    Items::All(result)
}

/// The index that a number in brackets means; negative ones count from the end.
fn index_of(number: f64, length: usize) -> Option<usize> {
    let floor = number.floor();
    let index = if floor < 0.0 { length as f64 + floor } else { floor };
    (index >= 0.0 && index < length as f64).then_some(index as usize)
}
