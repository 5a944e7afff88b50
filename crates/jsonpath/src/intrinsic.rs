//! Intrinsic function calls.

use json::Value;
use rand_core::Rng;

use crate::{EvaluationError, Needs, Scope, SyntaxError};

/// A compiled call, such as `States.Format('{}', $.name)`.
/// See <https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html>.
#[derive(Clone, Debug)]
pub struct Intrinsic {}

impl Intrinsic {
    /// Compiles a call, nested ones included.
    ///
    /// # Errors
    /// Where the text is not a call of a known function with a possible number of arguments.
    pub fn parse(_text: &str) -> Result<Intrinsic, SyntaxError> {
        todo!()
    }

    /// As it is written in the definition.
    pub fn text(&self) -> &str {
        todo!()
    }

    /// What its arguments look at.
    pub fn needs(&self) -> Needs {
        todo!()
    }

    /// Calls it.
    ///
    /// # Errors
    /// Where an argument has no value, or the function refuses its arguments.
    pub fn evaluate(
        &self,
        _scope: &Scope<'_>,
        _random: &mut dyn Rng,
    ) -> Result<Value, EvaluationError> {
        todo!()
    }
}
