//! Reference paths: the paths that can be written to.

use json::Value;

use crate::{EvaluationError, SyntaxError};

/// A path of plain steps, as in `ResultPath`.
/// See <https://states-language.net/spec.html#ref-paths>.
#[derive(Clone, Debug)]
pub struct ReferencePath {}

impl ReferencePath {
    /// Compiles a reference path.
    ///
    /// # Errors
    /// Where the text is no path, or one with operators that select several places.
    pub fn parse(_text: &str) -> Result<ReferencePath, SyntaxError> {
        todo!()
    }

    /// As it is written in the definition.
    pub fn text(&self) -> &str {
        todo!()
    }

    /// Whether it is `$` alone.
    pub fn is_root(&self) -> bool {
        todo!()
    }

    /// `target` with `value` at this place; objects on the way are made where they are missing.
    ///
    /// # Errors
    /// [`EvaluationError::NotWritable`] where a step meets something that it cannot enter.
    pub fn put(&self, _target: &Value, _value: Value) -> Result<Value, EvaluationError> {
        todo!()
    }
}
