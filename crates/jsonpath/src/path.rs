//! Paths.

use std::sync::Arc;

use json::Value;

use crate::{EvaluationError, Needs, Scope, SyntaxError};

/// Where a path starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// `$`
    Input,
    /// `$$`
    Context,
    /// `$name`
    Variable(Arc<str>),
}

/// A compiled path, such as `$.order.items[0]`, `$$.Execution.Id` or `$total`.
#[derive(Clone, Debug)]
pub struct Path {}

impl Path {
    /// Compiles a path.
    ///
    /// # Errors
    /// Where the text is not a path of the dialect.
    pub fn parse(_text: &str) -> Result<Path, SyntaxError> {
        todo!()
    }

    /// As it is written in the definition.
    pub fn text(&self) -> &str {
        todo!()
    }

    /// Where it starts.
    pub fn root(&self) -> &Root {
        todo!()
    }

    /// Whether it selects one place (its value, or an error), and not a list of matches.
    pub fn is_definite(&self) -> bool {
        todo!()
    }

    /// What it looks at.
    pub fn needs(&self) -> Needs {
        todo!()
    }

    /// The value it selects: the one value of a definite path, the list of matches of another.
    ///
    /// # Errors
    /// [`EvaluationError::NoResult`] for a definite path that leads nowhere.
    pub fn select(&self, _scope: &Scope<'_>) -> Result<Value, EvaluationError> {
        todo!()
    }
}
