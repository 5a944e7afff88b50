//! Where something stands in a definition.

use std::fmt;
use std::rc::Rc;

use json::Value;

/// A place in a definition. Cheap to make and to clone: the pointer is written only when somebody
/// reports something there.
#[derive(Clone)]
pub(crate) struct Place<'a> {
    last: Option<Rc<Node<'a>>>,
}

struct Node<'a> {
    parent: Place<'a>,
    step: Step<'a>,
    pointer_bytes: usize,
}

enum Step<'a> {
    Member(&'a str),
    Item(usize),
}

impl<'a> Place<'a> {
    /// The whole definition.
    pub(crate) fn root() -> Self {
        Place { last: None }
    }

    /// A member of the object that is here, whether it is there or not.
    pub(crate) fn member(&self, name: &'a str) -> Place<'a> {
        self.then(Step::Member(name), 1 + name.len())
    }

    /// An item of the array that is here.
    pub(crate) fn item(&self, index: usize) -> Place<'a> {
        self.then(Step::Item(index), 8)
    }

    /// The place, and the value there, that a pointer from here names, such as `/a/b[0]`; `value`
    /// is the value here. The nearest enclosing place where there is no such value.
    ///
    /// As in [`json::locate`], a name may hold `/` and `[`: the longest name that fits is meant.
    pub(crate) fn find(&self, value: &'a Value, pointer: &str) -> (Place<'a>, &'a Value) {
        let (mut place, mut value, mut rest) = (self.clone(), value, pointer);
        while !rest.is_empty() {
            let Some((next, inner, after)) = place.step_into(value, rest) else { break };
            (place, value, rest) = (next, inner, after);
        }
        (place, value)
    }

    fn step_into<'p>(
        &self,
        value: &'a Value,
        pointer: &'p str,
    ) -> Option<(Place<'a>, &'a Value, &'p str)> {
        let is_end = |rest: &&str| rest.is_empty() || rest.starts_with(['/', '[']);
        match value {
            Value::Object(object) => {
                let pointer = pointer.strip_prefix('/')?;
                let fitting = object.iter().filter_map(|(name, inner)| {
                    let rest = pointer.strip_prefix(&**name).filter(is_end)?;
                    Some((name, inner, rest))
                });
                let (name, inner, rest) = fitting.min_by_key(|(_, _, rest)| rest.len())?;
                Some((self.member(name), inner, rest))
            }
            Value::Array(items) => {
                let (index, rest) = pointer.strip_prefix('[')?.split_once(']')?;
                let index = index.parse().ok()?;
                Some((self.item(index), items.get(index)?, rest))
            }
            _ => None,
        }
    }

    /// The place of the object or array that this stands in.
    pub(crate) fn enclosing(&self) -> Place<'a> {
        self.last.as_ref().map_or_else(Place::root, |node| node.parent.clone())
    }

    fn then(&self, step: Step<'a>, bytes: usize) -> Place<'a> {
        let pointer_bytes = self.pointer_bytes() + bytes;
        Place { last: Some(Rc::new(Node { parent: self.clone(), step, pointer_bytes })) }
    }

    /// The name of the member that is here; none for an item, and for the whole.
    pub(crate) fn name(&self) -> Option<&'a str> {
        match self.last.as_ref()?.step {
            Step::Member(name) => Some(name),
            Step::Item(_) => None,
        }
    }

    /// Whether a state belongs here, going by the names on the way.
    pub(crate) fn is_state(&self) -> bool {
        let states = self.enclosing();
        self.name().is_some() && states.name() == Some("States") && states.enclosing().is_region()
    }

    fn is_region(&self) -> bool {
        if self.last.is_none() {
            return true;
        }
        let around = self.enclosing();
        match self.name() {
            Some("ItemProcessor" | "Iterator") => around.is_state(),
            Some(_) => false,
            None => around.name() == Some("Branches") && around.enclosing().is_state(),
        }
    }

    /// About how long the pointer is.
    pub(crate) fn pointer_bytes(&self) -> usize {
        self.last.as_ref().map_or(1, |node| node.pointer_bytes)
    }

    /// Where this place comes in the document: places are in document order when these lists are
    /// in lexicographic order. A place that is not there counts as the nearest enclosing one.
    pub(crate) fn order(&self, definition: &Value) -> Vec<usize> {
        let mut order = Vec::new();
        let mut value = definition;
        for step in self.steps() {
            let inner = match (step, value) {
                (Step::Member(name), Value::Object(object)) => {
                    let mut members = object.iter().enumerate();
                    members
                        .find(|(_, (key, _))| ***key == **name)
                        .map(|(at, (_, inner))| (at, inner))
                }
                (Step::Item(index), Value::Array(items)) => {
                    items.get(*index).map(|inner| (*index, inner))
                }
                _ => None,
            };
            let Some((index, inner)) = inner else { break };
            order.push(index);
            value = inner;
        }
        order
    }

    fn steps(&self) -> Vec<&Step<'a>> {
        let mut steps = Vec::new();
        let mut place = self;
        while let Some(node) = &place.last {
            steps.push(&node.step);
            place = &node.parent;
        }
        steps.reverse();
        steps
    }
}

impl fmt::Display for Place<'_> {
    /// The pointer, such as `/States/Ask/Choices[1]/Next`; `/` for the whole definition.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.last.is_none() {
            return formatter.write_str("/");
        }
        for step in self.steps() {
            match step {
                Step::Member(name) => write!(formatter, "/{name}")?,
                Step::Item(index) => write!(formatter, "[{index}]")?,
            }
        }
        Ok(())
    }
}
