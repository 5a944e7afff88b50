//! What an expression reads from outside, found by looking at it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::node::{Kind, Node, Stage, Variable};
use crate::weight;

/// Nobody reads more complaints about one expression.
const RESTRICTIONS_MAX: usize = 100;

/// What an expression reads from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The variables and functions that it does not define itself, without `$`.
    pub variables: BTreeSet<Arc<str>>,
    /// The members of `$states` that it names (`input`, `result`, …).
    pub states_members: BTreeSet<Arc<str>>,
    /// Whether it uses `$states` other than through a member that it names.
    pub whole_states: bool,
    /// What Step Functions does not allow, each once, in the order of the text; the first hundred.
    pub restrictions: Vec<Restriction>,
    /// Whether the work may grow faster than the size of what it reads; such expressions are
    /// not to be evaluated where others wait.
    pub may_be_long: bool,
}

/// A use of the context where there is none: Step Functions gives an expression variables only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restriction {
    /// A field by itself.
    Field(Arc<str>),
    /// `$`
    Context,
    /// `$$`
    Root,
}

impl fmt::Display for Restriction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Restriction::Field(name) => {
                write!(formatter, "Reference to '{name}' at the top level is not supported.")
            }
            Restriction::Context => {
                write!(formatter, "Reference to '$' at the top level is not supported.")
            }
            Restriction::Root => write!(formatter, "Reference to '$$' is not supported."),
        }
    }
}

impl Needs {
    /// Looks through a tree.
    pub(crate) fn of(node: &Node) -> Needs {
        let may_be_long = !weight::is_light(node);
        let mut needs = Needs { may_be_long, ..Needs::default() };
        needs.look(node, true);
        needs
    }

    fn refuse(&mut self, restriction: Restriction) {
        if self.restrictions.len() < RESTRICTIONS_MAX && !self.restrictions.contains(&restriction) {
            self.restrictions.push(restriction);
        }
    }

    fn variable(&mut self, variable: &Variable) {
        if variable.places.is_empty() {
            self.variables.insert(variable.name.clone());
        }
    }

    /// `top`: there is no context but that of the whole expression.
    fn look(&mut self, node: &Node, top: bool) {
        match &node.kind {
            Kind::Path(path) => self.path(&path.steps, top),
            Kind::Name(name) if top => self.refuse(Restriction::Field(name.clone())),
            Kind::Wildcard if top => self.refuse(Restriction::Field("*".into())),
            Kind::Descendants if top => self.refuse(Restriction::Field("**".into())),
            Kind::Context if top => self.refuse(Restriction::Context),
            Kind::Root => self.refuse(Restriction::Root),
            Kind::Variable(variable) => {
                self.whole_states |= &*variable.name == "states";
                self.variable(variable);
            }
            Kind::Array(items) => items.iter().for_each(|item| self.look(item, top)),
            Kind::Object(pairs) => {
                for (name, value) in pairs {
                    self.look(name, top);
                    self.look(value, top);
                }
            }
            Kind::Negate(operand) | Kind::Bind(_, operand) => self.look(operand, top),
            Kind::Binary(_, operands) | Kind::Apply(operands) => {
                self.look(&operands.0, top);
                self.look(&operands.1, top);
            }
            Kind::Condition(condition) => {
                self.look(&condition.condition, top);
                let branches = [&condition.then, &condition.otherwise];
                branches.into_iter().flatten().for_each(|branch| self.look(branch, top));
            }
            Kind::Block(block) => block.expressions.iter().for_each(|node| self.look(node, top)),
            Kind::Call(call) => {
                self.look(&call.procedure, top);
                call.arguments.iter().for_each(|argument| self.look(argument, top));
            }
            Kind::Partial(partial) => {
                self.look(&partial.procedure, top);
                partial.arguments.iter().flatten().for_each(|argument| self.look(argument, top));
            }
            Kind::Lambda(lambda) => self.look(&lambda.body, top),
            Kind::Transform(transform) => {
                // The pattern, too, is evaluated on what is transformed.
                let parts =
                    [Some(&transform.pattern), Some(&transform.update), transform.delete.as_ref()];
                parts.into_iter().flatten().for_each(|part| self.look(part, false));
            }
            Kind::Sort(terms) => terms.iter().for_each(|term| self.look(&term.expression, false)),
            Kind::Name(_)
            | Kind::Wildcard
            | Kind::Descendants
            | Kind::Context
            | Kind::Parent(..)
            | Kind::Literal(_)
            | Kind::Number(_)
            | Kind::Regex(_) => {}
        }
        self.attached(node);
    }

    /// The first step stands where the path does; the others have the items before them.
    fn path(&mut self, steps: &[Node], top: bool) {
        let mut rest = steps;
        if let [
            Node { kind: Kind::Variable(variable), .. },
            Node { kind: Kind::Name(name), .. },
            ..,
        ] = steps
            && &*variable.name == "states"
            && steps[0].extras.is_none()
            && variable.places.is_empty()
        {
            self.variable(variable);
            self.states_members.insert(name.clone());
            self.attached(&steps[1]);
            rest = &steps[2..];
        } else if let Some((first, others)) = steps.split_first() {
            self.look(first, top);
            rest = others;
        }
        rest.iter().for_each(|step| self.look(step, false));
    }

    /// Predicates and groups have the items before them.
    fn attached(&mut self, node: &Node) {
        for stage in node.predicates().iter().chain(node.stages()) {
            if let Stage::Filter(predicate) = stage {
                self.look(predicate, false);
            }
        }
        for (name, value) in node.group().map_or(&[][..], |group| &group.pairs) {
            self.look(name, false);
            self.look(value, false);
        }
    }
}
