//! Where things stand in a text.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::scan::{Container, Scalar, Scanner, Sink, StringToken};
use crate::{DEPTH_MAX, ParseError, Position};

/// Where in the text the value stands that a pointer of the diagnostics names, such as
/// `/States/Ask/Choices[1]/Next`; the nearest enclosing value where the member is missing.
/// For a member it is the place of its name.
///
/// A pointer is written as it is read: `/name` for a member, `[1]` for an item, and no escapes. A
/// name may hold `/` and `[`: the longest name that is there and fits the pointer is meant.
/// In a text that is not JSON it is the place of the mistake.
pub fn locate(text: &str, pointer: &str) -> Position {
    let outline = match Outline::of(text) {
        Ok(outline) => outline,
        Err(error) => return error.position,
    };
    let (mut node, mut rest) = (0, pointer);
    while let Some((child, after)) = outline.step(node, rest) {
        (node, rest) = (child, after);
    }
    Position::at(text, outline.nodes[node].offset)
}

/// The members whose name stands in their object already, with a pointer to each (as [`locate`]
/// reads it) and the place of the repeated name. None in a text that is not JSON.
///
/// Pointers and places are worked out one by one, so that a caller that wants only the first few
/// does not pay for a text full of them.
pub fn duplicate_keys(text: &str) -> impl Iterator<Item = (String, Position)> {
    let outline = Outline::of(text).unwrap_or_default();
    let mut seen = BTreeSet::new();
    let mut duplicates = Vec::new();
    for (index, node) in outline.nodes.iter().enumerate() {
        if let (Some(parent), Label::Name(name)) = (node.parent, &node.label)
            && !seen.insert((parent, name))
        {
            duplicates.push(index);
        }
    }
    drop(seen);
    duplicates
        .into_iter()
        .map(move |index| (outline.pointer(index), Position::at(text, outline.nodes[index].offset)))
}

/// How a value is called within the one around it.
enum Label<'a> {
    Root,
    Name(Cow<'a, str>),
    Index(usize),
}

struct Node<'a> {
    parent: Option<usize>,
    label: Label<'a>,
    /// Of the name for a member, else of the value.
    offset: usize,
    children: Vec<usize>,
}

/// The places of all values of a text.
#[derive(Default)]
struct Outline<'a> {
    nodes: Vec<Node<'a>>,
    open: Vec<usize>,
    name: Option<(Cow<'a, str>, usize)>,
}

impl<'a> Outline<'a> {
    fn of(text: &'a str) -> Result<Self, ParseError> {
        let mut outline = Outline::default();
        Scanner::new(text, DEPTH_MAX).run(&mut outline)?;
        Ok(outline)
    }

    fn add(&mut self, offset: usize) -> usize {
        let index = self.nodes.len();
        let parent = self.open.last().copied();
        let (label, offset) = match (self.name.take(), parent) {
            (Some((name, at)), _) => (Label::Name(name), at),
            (None, Some(parent)) => (Label::Index(self.nodes[parent].children.len()), offset),
            (None, None) => (Label::Root, offset),
        };
        if let Some(parent) = parent {
            self.nodes[parent].children.push(index);
        }
        self.nodes.push(Node { parent, label, offset, children: Vec::new() });
        index
    }

    /// The child that the beginning of the pointer names, and what is left of the pointer.
    fn step<'p>(&self, node: usize, pointer: &'p str) -> Option<(usize, &'p str)> {
        let children = self.nodes[node].children.iter().copied();
        let fitting = children.filter_map(|child| {
            let rest = match &self.nodes[child].label {
                Label::Root => None,
                Label::Name(name) => pointer.strip_prefix('/')?.strip_prefix(&**name),
                Label::Index(index) => pointer.strip_prefix(&format!("[{index}]")),
            }?;
            let whole = rest.is_empty() || rest.starts_with(['/', '[']);
            whole.then_some((child, rest))
        });
        // Of two with the same name the last one counts, and `min_by_key` would give the first.
        fitting.min_by_key(|(child, rest)| (rest.len(), usize::MAX - child))
    }

    fn pointer(&self, node: usize) -> String {
        let mut labels = Vec::new();
        let mut next = Some(node);
        while let Some(index) = next {
            match &self.nodes[index].label {
                Label::Root => {}
                Label::Name(name) => labels.push(format!("/{name}")),
                Label::Index(index) => labels.push(format!("[{index}]")),
            }
            next = self.nodes[index].parent;
        }
        labels.reverse();
        labels.concat()
    }
}

impl<'a> Sink<'a> for Outline<'a> {
    fn open(&mut self, _container: Container, offset: usize) {
        let index = self.add(offset);
        self.open.push(index);
    }

    fn close(&mut self) {
        self.open.pop();
    }

    fn name(&mut self, name: StringToken<'a>, offset: usize) {
        self.name = Some((name.unescape(), offset));
    }

    fn scalar(&mut self, _scalar: Scalar<'a>, offset: usize) {
        self.add(offset);
    }
}
