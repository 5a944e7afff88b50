//! What an expression can see.

use std::cell::Cell;

use json::{Object, Value};

/// What an expression can see while it is evaluated.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// `$`
    pub input: &'a Value,
    /// `$$`. May be `null` where [`Needs::context`] is false.
    pub context: &'a Value,
    /// `$name`. May be empty where [`Needs::variables`] is empty.
    pub variables: &'a Object,
    /// Counts the values that evaluations look at. Paths of names and indexes alone count nothing.
    pub visits: &'a Cell<u64>,
}

/// Which parts of a [`Scope`] an expression looks at, known from its text, so that a caller need
/// not build what nobody reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Whether it reads `$$`.
    pub context: bool,
    /// The workflow variables it reads, without the `$`, each once.
    pub variables: Vec<std::sync::Arc<str>>,
    /// Whether the work may grow faster than the size of what it reads: it has filters, or goes
    /// through everything below a place.
    pub may_be_long: bool,
}

impl Needs {
    pub(crate) fn add_variable(&mut self, name: &std::sync::Arc<str>) {
        if !self.variables.contains(name) {
            self.variables.push(name.clone());
        }
    }
}
