//! Payload templates: `Parameters`, `ResultSelector`, `ItemSelector`, `Assign` and their like.

use json::Value;
use rand_core::Rng;

use crate::{EvaluationError, Intrinsic, Needs, Path, Scope, SyntaxError};

/// The value of a member whose name ends in `.$`: a path or an intrinsic function call.
#[derive(Clone, Debug)]
pub enum Expression {
    /// `$.x`, `$$.x`, `$name`
    Path(Path),
    /// `States.…(…)`
    Intrinsic(Intrinsic),
}

impl Expression {
    /// Compiles a path or a call.
    ///
    /// # Errors
    /// Where the text is neither.
    pub fn parse(_text: &str) -> Result<Expression, SyntaxError> {
        todo!()
    }

    /// As it is written in the definition.
    pub fn text(&self) -> &str {
        todo!()
    }

    /// What it looks at.
    pub fn needs(&self) -> Needs {
        todo!()
    }

    /// Its value.
    ///
    /// # Errors
    /// As the path or call that it is.
    pub fn evaluate(
        &self,
        _scope: &Scope<'_>,
        _random: &mut dyn Rng,
    ) -> Result<Value, EvaluationError> {
        todo!()
    }
}

/// A compiled payload template.
#[derive(Clone, Debug)]
pub struct Template {}

/// A mistake within a template.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateError {
    /// The place within the template, such as `/a/b[0]/c.$`; empty for the template itself.
    pub pointer: String,
    /// The name of the member, such as `c.$`.
    pub field: String,
    /// What is wrong with its value.
    pub error: SyntaxError,
}

/// Which member of a template failed, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderError {
    /// The member's name as it is written, such as `c.$`.
    pub field: String,
    /// The expression as it is written.
    pub expression: String,
    /// Why.
    pub error: EvaluationError,
}

impl Template {
    /// Compiles a template, and reports every mistake in it.
    ///
    /// # Errors
    /// One entry for each member `name.$` whose value is neither path nor call, for `a` beside
    /// `a.$`, and so on.
    pub fn compile(_template: &Value) -> Result<Template, Vec<TemplateError>> {
        todo!()
    }

    /// What its expressions look at.
    pub fn needs(&self) -> &Needs {
        todo!()
    }

    /// The literal value, where the template holds no expression.
    pub fn literal(&self) -> Option<&Value> {
        todo!()
    }

    /// The value, with every expression evaluated.
    ///
    /// # Errors
    /// The first member that has no value.
    pub fn render(&self, _scope: &Scope<'_>, _random: &mut dyn Rng) -> Result<Value, RenderError> {
        todo!()
    }
}
