//! Finds out where each variable will be while the expression is evaluated.
//!
//! A block or function has a frame with a slot for each name that is assigned directly inside it.
//! A name may be read before it is assigned, and then means what it means further out; so a
//! variable has a list of places, and after them the names from outside.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::node::{Block, Group, Kind, Lambda, Node, Path, Place, Slot, Stage, TupleKey, Variable};

/// Names, each with a number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    index: BTreeMap<Arc<str>, u32>,
}

impl Names {
    /// The number of a name, which is new or not.
    fn number(&mut self, name: &Arc<str>) -> u32 {
        let next = self.index.len() as u32;
        *self.index.entry(name.clone()).or_insert(next)
    }

    /// The number of a name that may not be there.
    fn find(&self, name: &str) -> Option<u32> {
        self.index.get(name).copied()
    }

    fn count(&self) -> u32 {
        self.index.len() as u32
    }
}

/// Places all variables of an expression. `labels`: the key of each `%`. The answer is how many
/// variables the outermost frame holds.
pub(crate) fn resolve(node: &mut Node, labels: &[u32], externals: &mut Names) -> u32 {
    let mut names = Names::default();
    collect(node, &mut names);
    let slots = names.count();
    let mut resolver =
        Resolver { labels, externals, scopes: Vec::new(), tuple_names: Names::default() };
    resolver.within(names, |resolver| resolver.node(node));
    slots
}

/// Collects the names that are assigned in a node, but not in the frames inside it.
fn collect(node: &Node, names: &mut Names) {
    match &node.kind {
        Kind::Block(_) | Kind::Lambda(_) => {}
        Kind::Bind(variable, value) => {
            names.number(&variable.name);
            collect(value, names);
        }
        Kind::Path(Path { steps: nodes, .. }) | Kind::Array(nodes) => {
            nodes.iter().for_each(|node| collect(node, names));
        }
        Kind::Object(pairs) => collect_pairs(pairs, names),
        Kind::Negate(operand) => collect(operand, names),
        Kind::Binary(_, operands) | Kind::Apply(operands) => {
            collect(&operands.0, names);
            collect(&operands.1, names);
        }
        Kind::Condition(condition) => {
            collect(&condition.condition, names);
            let branches = [&condition.then, &condition.otherwise];
            branches.into_iter().flatten().for_each(|node| collect(node, names));
        }
        Kind::Call(call) => {
            collect(&call.procedure, names);
            call.arguments.iter().for_each(|node| collect(node, names));
        }
        Kind::Partial(partial) => {
            collect(&partial.procedure, names);
            partial.arguments.iter().flatten().for_each(|node| collect(node, names));
        }
        Kind::Transform(transform) => {
            let parts =
                [Some(&transform.pattern), Some(&transform.update), transform.delete.as_ref()];
            parts.into_iter().flatten().for_each(|node| collect(node, names));
        }
        Kind::Sort(terms) => terms.iter().for_each(|term| collect(&term.expression, names)),
        Kind::Literal(_)
        | Kind::Number(_)
        | Kind::Regex(_)
        | Kind::Name(_)
        | Kind::Wildcard
        | Kind::Descendants
        | Kind::Parent(..)
        | Kind::Context
        | Kind::Root
        | Kind::Variable(_) => {}
    }
    for stage in node.predicates().iter().chain(node.stages()) {
        if let Stage::Filter(predicate) = stage {
            collect(predicate, names);
        }
    }
    if let Some(group) = node.group() {
        collect_pairs(&group.pairs, names);
    }
}

fn collect_pairs(pairs: &[(Node, Node)], names: &mut Names) {
    for (name, value) in pairs {
        collect(name, names);
        collect(value, names);
    }
}

/// The variables that the tuples of a path bind.
type TupleNames = Rc<BTreeMap<Arc<str>, TupleKey>>;

/// What a frame holds.
enum Scope {
    Slots(Names),
    /// The variables that tuples bind, with their keys.
    Tuple(TupleNames),
}

struct Resolver<'a> {
    labels: &'a [u32],
    externals: &'a mut Names,
    /// The frames around, innermost last.
    scopes: Vec<Scope>,
    /// The variables of tuples; their numbers are their keys.
    tuple_names: Names,
}

impl Resolver<'_> {
    /// Does something inside a frame of those names; without names there is no frame.
    fn within(&mut self, names: Names, work: impl FnOnce(&mut Self)) {
        if names.count() == 0 {
            return work(self);
        }
        self.scopes.push(Scope::Slots(names));
        work(self);
        self.scopes.pop();
    }

    /// Does something inside the frame of a tuple, where there is one.
    fn within_tuple(&mut self, names: Option<&TupleNames>, work: impl FnOnce(&mut Self)) {
        let Some(names) = names else { return work(self) };
        self.scopes.push(Scope::Tuple(names.clone()));
        work(self);
        self.scopes.pop();
    }

    fn place(&mut self, variable: &mut Variable) {
        for (hops, scope) in self.scopes.iter().rev().enumerate() {
            let slot = match scope {
                Scope::Slots(names) => names.find(&variable.name).map(Slot::Index),
                Scope::Tuple(names) => names.get(&variable.name).copied().map(Slot::Tuple),
            };
            variable.places.extend(slot.map(|slot| Place { hops: hops as u32, slot }));
        }
        variable.external = self.externals.number(&variable.name);
    }

    /// A variable that is assigned: its first place that is no tuple.
    fn place_target(&mut self, variable: &mut Variable) {
        for (hops, scope) in self.scopes.iter().rev().enumerate() {
            if let Scope::Slots(names) = scope
                && let Some(index) = names.find(&variable.name)
            {
                let slot = Slot::Index(index);
                variable.places = vec![Place { hops: hops as u32, slot }];
                return;
            }
        }
    }

    fn nodes<'n>(&mut self, nodes: impl IntoIterator<Item = &'n mut Node>) {
        nodes.into_iter().for_each(|node| self.node(node));
    }

    fn pairs(&mut self, pairs: &mut [(Node, Node)]) {
        for (name, value) in pairs {
            self.node(name);
            self.node(value);
        }
    }

    fn node(&mut self, node: &mut Node) {
        let is_path = matches!(node.kind, Kind::Path(_));
        match &mut node.kind {
            Kind::Path(_) => self.path(node),
            Kind::Parent(id, key) => *key = TupleKey::Ancestor(self.labels[*id]),
            Kind::Variable(variable) => self.place(variable),
            Kind::Array(items) => self.nodes(items),
            Kind::Object(pairs) => self.pairs(pairs),
            Kind::Negate(operand) => self.node(operand),
            Kind::Binary(_, operands) | Kind::Apply(operands) => {
                self.nodes([&mut operands.0, &mut operands.1]);
            }
            Kind::Condition(condition) => {
                self.node(&mut condition.condition);
                let branches = [&mut condition.then, &mut condition.otherwise];
                self.nodes(branches.into_iter().flatten());
            }
            Kind::Block(block) => self.block(block),
            Kind::Bind(variable, value) => {
                self.node(value);
                self.place_target(variable);
            }
            Kind::Call(call) => {
                self.node(&mut call.procedure);
                self.nodes(&mut call.arguments);
                if let Some(variable) = &mut call.meant {
                    self.place(variable);
                }
            }
            Kind::Partial(partial) => {
                self.node(&mut partial.procedure);
                self.nodes(partial.arguments.iter_mut().flatten());
                if let Some(variable) = &mut partial.meant {
                    self.place(variable);
                }
            }
            Kind::Lambda(lambda) => {
                self.lambda(Arc::get_mut(lambda).expect("a fresh tree is not shared"));
            }
            Kind::Transform(transform) => {
                let transform = Arc::get_mut(transform).expect("a fresh tree is not shared");
                self.nodes([&mut transform.pattern, &mut transform.update]);
                self.nodes(&mut transform.delete);
                self.place(&mut transform.clone);
            }
            Kind::Sort(terms) => self.nodes(terms.iter_mut().map(|term| &mut term.expression)),
            Kind::Literal(_)
            | Kind::Number(_)
            | Kind::Regex(_)
            | Kind::Name(_)
            | Kind::Wildcard
            | Kind::Descendants
            | Kind::Context
            | Kind::Root => {}
        }
        if !is_path {
            self.predicates(node);
        }
    }

    fn block(&mut self, block: &mut Block) {
        let mut names = Names::default();
        block.expressions.iter().for_each(|node| collect(node, &mut names));
        block.slots = names.count();
        self.within(names, |resolver| resolver.nodes(&mut block.expressions));
    }

    fn lambda(&mut self, lambda: &mut Lambda) {
        let mut names = Names::default();
        for parameter in &lambda.parameters {
            lambda.parameter_slots.push(names.number(parameter));
        }
        // A block that is the whole body needs no frame of its own.
        if let Kind::Block(block) = &mut lambda.body.kind
            && lambda.body.extras.is_none()
        {
            block.expressions.iter().for_each(|node| collect(node, &mut names));
            lambda.slots = names.count();
            return self.within(names, |resolver| resolver.nodes(&mut block.expressions));
        }
        collect(&lambda.body, &mut names);
        lambda.slots = names.count();
        self.within(names, |resolver| resolver.node(&mut lambda.body));
    }

    /// Predicates and group of a node that is no path.
    fn predicates(&mut self, node: &mut Node) {
        let nothing_bound = TupleNames::default();
        let tuple = node.yields_tuples().then_some(&nothing_bound);
        let Some(extras) = &mut node.extras else { return };
        for stage in &mut extras.predicates {
            if let Stage::Filter(predicate) = stage {
                self.within_tuple(tuple, |resolver| resolver.node(predicate));
            }
        }
        if let Some(group) = &mut extras.group {
            self.group(group, tuple);
        }
    }

    fn group(&mut self, group: &mut Group, tuple: Option<&TupleNames>) {
        self.within_tuple(tuple, |resolver| resolver.pairs(&mut group.pairs));
    }

    fn path(&mut self, node: &mut Node) {
        let Kind::Path(path) = &mut node.kind else { return };
        let tuple_from = path.steps.iter().position(|step| step.tuple).unwrap_or(path.steps.len());
        path.plain_steps = tuple_from;
        let has_tuples = tuple_from < path.steps.len();
        let names = self.bindings(path);
        for (index, step) in path.steps.iter_mut().enumerate() {
            let sorts_plain_items = index == tuple_from && matches!(step.kind, Kind::Sort(_));
            let tuple = (index >= tuple_from).then_some(&names);
            let mut extras = step.extras.take();
            let step_tuple = if sorts_plain_items { None } else { tuple };
            self.within_tuple(step_tuple, |resolver| resolver.node(step));
            if let Some(extras) = &mut extras {
                if let Some((id, key)) = &mut extras.ancestor {
                    *key = TupleKey::Ancestor(self.labels[*id]);
                }
                self.stages(extras, step.yields_tuples(), tuple, step_tuple);
            }
            step.extras = extras;
        }
        let tuple = has_tuples.then_some(&names);
        if let Some(group) = node.extras.as_mut().and_then(|extras| extras.group.as_mut()) {
            self.group(group, tuple);
        }
    }

    /// What hangs on a step: predicates are evaluated with the step, stages after it.
    fn stages(
        &mut self,
        extras: &mut crate::node::Extras,
        yields_tuples: bool,
        tuple: Option<&TupleNames>,
        step_tuple: Option<&TupleNames>,
    ) {
        for stage in &mut extras.stages {
            if let Stage::Filter(predicate) = stage {
                self.within_tuple(tuple, |resolver| resolver.node(predicate));
            }
        }
        let nothing_bound = TupleNames::default();
        let own = yields_tuples.then_some(&nothing_bound);
        self.within_tuple(step_tuple, |resolver| {
            for stage in &mut extras.predicates {
                if let Stage::Filter(predicate) = stage {
                    resolver.within_tuple(own, |resolver| resolver.node(predicate));
                }
            }
            if let Some(group) = &mut extras.group {
                resolver.group(group, own);
            }
        });
    }

    /// The variables that the tuples of a path bind, each with a key.
    fn bindings(&mut self, path: &mut Path) -> TupleNames {
        let mut bindings = BTreeMap::new();
        for step in &mut path.steps {
            let Some(extras) = &mut step.extras else { continue };
            let indexes = extras.stages.iter_mut().filter_map(|stage| match stage {
                Stage::Index(binding) => Some(binding),
                Stage::Filter(_) => None,
            });
            for binding in extras.focus.iter_mut().chain(&mut extras.index).chain(indexes) {
                binding.key = TupleKey::Variable(self.tuple_names.number(&binding.name));
                bindings.insert(binding.name.clone(), binding.key);
            }
        }
        Rc::new(bindings)
    }
}
