//! The shapes that operators give the tree: dots make one flat path, predicates hang on the step
//! before them, and each `%` finds the step whose input it means.

use std::sync::Arc;

use crate::error::SyntaxError;
use crate::node::{
    AncestorId, Binding, Block, Condition, Group, Kind, Node, Path, Stage, Term, TupleKey,
};

type Shaped = Result<Node, SyntaxError>;

/// The uses of `%` in a text: for each, its key in tuples and how many steps up it still is.
#[derive(Default)]
pub(super) struct Ancestors {
    labels: Vec<u32>,
    levels: Vec<i64>,
}

impl Ancestors {
    /// One more use of `%`.
    pub(super) fn add(&mut self) -> AncestorId {
        let id = self.labels.len();
        self.labels.push(id as u32);
        self.levels.push(1);
        id
    }

    /// How many uses there are.
    pub(super) fn count(&self) -> usize {
        self.labels.len()
    }

    /// The keys, by number of use.
    pub(super) fn into_labels(self) -> Vec<u32> {
        self.labels
    }

    /// The `%` that a part has not found a step for.
    pub(super) fn sought_by(&self, part: &Node) -> Vec<AncestorId> {
        self.sought_by_all([part])
    }

    /// The same for several parts.
    pub(super) fn sought_by_all<'a>(
        &self,
        parts: impl IntoIterator<Item = &'a Node>,
    ) -> Vec<AncestorId> {
        let mut sought = Vec::new();
        for part in parts {
            sought.extend_from_slice(part.seeking());
            if let Kind::Parent(id, _) = part.kind {
                sought.push(id);
            }
        }
        sought.retain(|id| self.levels[*id] > 0);
        sought
    }

    /// Hands those on to what surrounds the part.
    pub(super) fn seek(&self, node: &mut Node, sought: Vec<AncestorId>) {
        if !sought.is_empty() {
            node.extras_mut().seeking.extend(sought);
        }
    }

    /// A node of two operands.
    pub(super) fn binary(
        &self,
        left: Node,
        right: Node,
        at: usize,
        kind: impl FnOnce(Box<(Node, Node)>) -> Kind,
    ) -> Node {
        let sought = self.sought_by_all([&left, &right]);
        let height = left.height.max(right.height);
        let mut node = Node::new(kind(Box::new((left, right))), at, height);
        self.seek(&mut node, sought);
        node
    }

    pub(super) fn array(&self, items: Vec<Node>, at: usize) -> Node {
        let sought = self.sought_by_all(&items);
        let height = highest(&items);
        let mut node = Node::new(Kind::Array(items), at, height);
        self.seek(&mut node, sought);
        node
    }

    pub(super) fn object(&self, pairs: Vec<(Node, Node)>, at: usize) -> Node {
        let sought = self.sought_by_all(pairs.iter().flat_map(|(name, value)| [name, value]));
        let height = highest_of_pairs(&pairs);
        let mut node = Node::new(Kind::Object(pairs), at, height);
        self.seek(&mut node, sought);
        node
    }

    pub(super) fn block(&self, expressions: Vec<Node>, at: usize) -> Node {
        let sought = self.sought_by_all(&expressions);
        let height = highest(&expressions);
        let constructs = |node: &Node| match &node.kind {
            Kind::Path(path) => path.steps[0].array_constructor,
            _ => node.array_constructor,
        };
        let array_constructor = expressions.iter().any(constructs);
        let mut node = Node::new(Kind::Block(Block { expressions, slots: 0 }), at, height);
        node.array_constructor = array_constructor;
        self.seek(&mut node, sought);
        node
    }

    pub(super) fn condition(&self, condition: Condition, at: usize) -> Node {
        let parts =
            [Some(&condition.condition), condition.then.as_ref(), condition.otherwise.as_ref()];
        let sought = self.sought_by_all(parts.into_iter().flatten());
        let height = parts.into_iter().flatten().map(|part| part.height).max().unwrap_or(0);
        let mut node = Node::new(Kind::Condition(Box::new(condition)), at, height);
        self.seek(&mut node, sought);
        node
    }

    /// `left.right`
    pub(super) fn dot(&mut self, left: Node, right: Node, at: usize) -> Shaped {
        let mut node = self.as_path(left)?;
        let height = node.height.max(right.height.saturating_add(1));
        let Kind::Path(path) = &mut node.kind else { unreachable!("it was made a path") };
        path.steps[0].array_constructor |= matches!(path.steps[0].kind, Kind::Array(_));
        let first_new = path.steps.len();
        match right.kind {
            Kind::Path(right) => path.steps.extend(right.steps),
            _ => {
                let mut step = right;
                if let Some(extras) = &mut step.extras {
                    extras.stages.append(&mut extras.predicates);
                }
                path.steps.push(step);
            }
        }
        for step in &mut path.steps[first_new..] {
            as_step(step)?;
            path.keep_singleton |= step.keep_array;
        }
        let last = path.steps.last_mut().expect("a path has steps");
        last.array_constructor |= matches!(last.kind, Kind::Array(_));
        node.height = height;
        node.position = at as u32;
        self.resolve(&mut node)?;
        Ok(node)
    }

    /// A path of one step, where it is not a path yet.
    fn as_path(&mut self, mut first: Node) -> Shaped {
        if matches!(first.kind, Kind::Path(_)) {
            return Ok(first);
        }
        // What else stands first keeps what it seeks to itself, and it means nothing.
        let is_parent = matches!(first.kind, Kind::Parent(..));
        let sought = if is_parent { self.sought_by(&first) } else { Vec::new() };
        let (at, height) = (first.position, first.height);
        as_step(&mut first)?;
        let keep_singleton = first.keep_array;
        let path = Path::new(vec![first], keep_singleton);
        let mut node = Node::new(Kind::Path(path), at as usize, height);
        self.seek(&mut node, sought);
        Ok(node)
    }

    /// `left[predicate]`
    pub(super) fn predicate(&mut self, mut left: Node, predicate: Node, at: usize) -> Shaped {
        let height = left.height.max(predicate.height.saturating_add(1));
        // A bare `%` as the whole predicate means nothing.
        let is_parent = matches!(predicate.kind, Kind::Parent(..));
        let sought = if is_parent { Vec::new() } else { self.sought_by(&predicate) };
        let (step, is_path) = last_step(&mut left);
        if step.group().is_some() {
            return Err(SyntaxError::new("S0209", at));
        }
        for &id in &sought {
            if self.levels[id] == 1 {
                self.seek_in(step, id)?;
            } else {
                self.levels[id] -= 1;
            }
        }
        self.seek(step, sought);
        let extras = step.extras_mut();
        let stages = if is_path { &mut extras.stages } else { &mut extras.predicates };
        stages.push(Stage::Filter(predicate));
        left.height = height;
        Ok(left)
    }

    /// `left{pairs}`
    pub(super) fn group(&self, mut left: Node, pairs: Vec<(Node, Node)>, at: usize) -> Shaped {
        if left.group().is_some() {
            return Err(SyntaxError::new("S0210", at));
        }
        left.height = left.height.max(highest_of_pairs(&pairs).saturating_add(1));
        left.extras_mut().group = Some(Group { pairs, position: at as u32 });
        Ok(left)
    }

    /// `left^(terms)`
    pub(super) fn order(&mut self, left: Node, terms: Vec<Term>, at: usize) -> Shaped {
        let mut node = match left.kind {
            Kind::Path(_) => left,
            _ => {
                let (at, height) = (left.position as usize, left.height);
                let path = Path::new(vec![left], false);
                Node::new(Kind::Path(path), at, height)
            }
        };
        let sought = self.sought_by_all(terms.iter().map(|term| &term.expression));
        let height = terms.iter().map(|term| term.expression.height).max().unwrap_or(0);
        let mut step = Node::new(Kind::Sort(terms), at, height);
        node.height = node.height.max(step.height.saturating_add(1));
        self.seek(&mut step, sought);
        let Kind::Path(path) = &mut node.kind else { unreachable!("it was made a path") };
        path.steps.push(step);
        self.resolve(&mut node)?;
        Ok(node)
    }

    /// `left@$name`
    pub(super) fn focus(&self, mut left: Node, name: Arc<str>, at: usize) -> Shaped {
        let keep_array = left.keep_array;
        let (step, _) = last_step(&mut left);
        if !step.stages().is_empty() || !step.predicates().is_empty() {
            return Err(SyntaxError::new("S0215", at));
        }
        if matches!(step.kind, Kind::Sort(_)) {
            return Err(SyntaxError::new("S0216", at));
        }
        step.keep_array |= keep_array;
        step.extras_mut().focus = Some(unkeyed(name));
        step.tuple = true;
        Ok(left)
    }

    /// `left#$name`
    pub(super) fn index(&self, left: Node, name: Arc<str>, at: usize) -> Node {
        let mut node = match left.kind {
            Kind::Path(_) => left,
            _ => {
                let height = left.height;
                let mut step = left;
                if let Some(extras) = &mut step.extras {
                    extras.stages.append(&mut extras.predicates);
                }
                let path = Path::new(vec![step], false);
                Node::new(Kind::Path(path), at, height)
            }
        };
        let (step, _) = last_step(&mut node);
        step.tuple = true;
        let extras = step.extras_mut();
        if extras.stages.is_empty() {
            extras.index = Some(unkeyed(name));
        } else {
            extras.stages.push(Stage::Index(unkeyed(name)));
        }
        node
    }

    /// Finds the steps for what the last step of a path seeks.
    fn resolve(&mut self, node: &mut Node) -> Result<(), SyntaxError> {
        let Kind::Path(path) = &mut node.kind else { unreachable!("only paths are resolved") };
        let (last, before) = path.steps.split_last_mut().expect("a path has steps");
        let sought = self.sought_by(last);
        let mut unresolved = Vec::new();
        for id in sought {
            let mut index = before.len();
            while self.levels[id] > 0 {
                if index == 0 {
                    unresolved.push(id);
                    break;
                }
                index -= 1;
                // Neighbouring steps that bind their items to variables all start from the same
                // input.
                while index > 0 && has_focus(&before[index]) && has_focus(&before[index - 1]) {
                    index -= 1;
                }
                self.seek_in(&mut before[index], id)?;
            }
        }
        self.seek(node, unresolved);
        Ok(())
    }

    /// Goes up one step, or as many as that node is; marks the step where the count ends.
    fn seek_in(&mut self, node: &mut Node, id: AncestorId) -> Result<(), SyntaxError> {
        match &mut node.kind {
            Kind::Name(_) | Kind::Wildcard => {
                self.levels[id] -= 1;
                if self.levels[id] == 0 {
                    match node.extras.as_ref().and_then(|extras| extras.ancestor) {
                        Some((earlier, _)) => self.labels[id] = self.labels[earlier],
                        None => {
                            node.extras_mut().ancestor = Some((id, TupleKey::Ancestor(0)));
                        }
                    }
                    node.tuple = true;
                }
                Ok(())
            }
            Kind::Parent(..) => {
                self.levels[id] += 1;
                Ok(())
            }
            Kind::Block(block) => match block.expressions.last_mut() {
                Some(last) => {
                    node.tuple = true;
                    self.seek_in(last, id)
                }
                None => Ok(()),
            },
            Kind::Path(path) => {
                node.tuple = true;
                for step in path.steps.iter_mut().rev() {
                    self.seek_in(step, id)?;
                    if self.levels[id] <= 0 {
                        break;
                    }
                }
                Ok(())
            }
            _ => Err(SyntaxError::new("S0217", node.position as usize)),
        }
    }
}

fn has_focus(step: &Node) -> bool {
    step.extras.as_ref().is_some_and(|extras| extras.focus.is_some())
}

fn highest(nodes: &[Node]) -> u16 {
    nodes.iter().map(|node| node.height).max().unwrap_or(0)
}

fn highest_of_pairs(pairs: &[(Node, Node)]) -> u16 {
    pairs.iter().map(|(name, value)| name.height.max(value.height)).max().unwrap_or(0)
}

/// The last step of a path, else the node itself; and whether it is a path.
fn last_step(node: &mut Node) -> (&mut Node, bool) {
    if matches!(node.kind, Kind::Path(_)) {
        let Kind::Path(path) = &mut node.kind else { unreachable!("it was just seen") };
        return (path.steps.last_mut().expect("a path has steps"), true);
    }
    (node, false)
}

/// A variable whose key [`crate::scope`] has yet to say.
fn unkeyed(name: Arc<str>) -> Binding {
    Binding { name, key: TupleKey::Variable(0) }
}

/// A string as a step names a field; other literals are no steps.
fn as_step(step: &mut Node) -> Result<(), SyntaxError> {
    let refused = match &step.kind {
        Kind::Literal(json::Value::String(text)) => {
            step.kind = Kind::Name(text.clone());
            return Ok(());
        }
        Kind::Literal(value) => value.to_text(),
        Kind::Number(number) => crate::number::text(*number),
        _ => return Ok(()),
    };
    Err(SyntaxError::new("S0213", step.position as usize).with_json("value", &refused))
}
