//! What an expression can see.

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
}

/// Which parts of a [`Scope`] an expression looks at, known from its text, so that a caller need
/// not build what nobody reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Whether it reads `$$`.
    pub context: bool,
    /// The workflow variables it reads, without the `$`, each once.
    pub variables: Vec<std::sync::Arc<str>>,
}

impl Needs {
    pub(crate) fn add_variable(&mut self, name: &std::sync::Arc<str>) {
        if !self.variables.contains(name) {
            self.variables.push(name.clone());
        }
    }
}
