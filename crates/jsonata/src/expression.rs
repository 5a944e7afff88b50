//! An expression, parsed once and evaluated often.

use std::sync::Arc;

use crate::environment::{Bindings, Environment};
use crate::error::{EvaluationError, SyntaxError};
use crate::evaluate::Evaluator;
use crate::needs::Needs;
use crate::node::Node;
use crate::parse::parse;
use crate::scope::{Names, resolve};

/// Which language it is: JSONata as such, or as Step Functions speaks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether `??` and `?:` are operators; they are newer than the JSONata of Step Functions.
    pub default_operators: bool,
    /// Whether `$eval` is a function.
    pub eval: bool,
    /// Whether `$partition`, `$range`, `$hash`, `$uuid`, `$parse` and the seed of `$random` exist.
    pub step_functions: bool,
}

impl Options {
    /// As Step Functions speaks it: JSONata 2.0.6, with functions more and one less.
    pub const STEP_FUNCTIONS: Options =
        Options { default_operators: false, eval: false, step_functions: true };
    /// JSONata 2.1 as its documentation describes it.
    pub const JSONATA: Options =
        Options { default_operators: true, eval: true, step_functions: false };
}

impl Default for Options {
    fn default() -> Self {
        Options::STEP_FUNCTIONS
    }
}

/// A parsed expression. It holds no values and can be shared among threads.
#[derive(Debug)]
pub struct Expression {
    text: Arc<str>,
    pub(crate) program: Program,
    needs: Needs,
}

/// A tree whose variables have their places.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) node: Node,
    /// How many variables its outermost frame holds.
    pub(crate) slots: u32,
    pub(crate) externals: Names,
    pub(crate) options: Options,
}

impl Program {
    /// Parses a text whose outer names continue those of `externals`.
    pub(crate) fn parse(
        text: &str,
        options: &Options,
        mut externals: Names,
    ) -> Result<Program, SyntaxError> {
        let (mut node, labels) = parse(text, options)?;
        let slots = resolve(&mut node, &labels, &mut externals);
        Ok(Program { node, slots, externals, options: options.clone() })
    }
}

impl Expression {
    /// Parses an expression of Step Functions, the text between `{%` and `%}`.
    ///
    /// # Errors
    /// Where the text is no expression, or is nested too deeply (code `S0500`).
    pub fn parse(text: &str) -> Result<Expression, SyntaxError> {
        Expression::parse_with(text, &Options::STEP_FUNCTIONS)
    }

    /// Parses an expression of that language.
    ///
    /// # Errors
    /// As [`Expression::parse`].
    pub fn parse_with(text: &str, options: &Options) -> Result<Expression, SyntaxError> {
        let program = Program::parse(text, options, Names::default())?;
        let needs = Needs::of(&program.node);
        Ok(Expression { text: text.into(), program, needs })
    }

    /// The text that it was parsed from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it reads from outside, as far as that can be seen without evaluating it.
    pub fn needs(&self) -> &Needs {
        &self.needs
    }

    /// Evaluates it. Nothing (undefined) is `None`, which is not `null`.
    ///
    /// # Errors
    /// What the reference implementation raises, with its code; `U1001` and `D2015` where a limit
    /// is reached; `T1006` where an unknown function is called; `D1000` where the result is or
    /// contains a function.
    pub fn evaluate(
        &self,
        bindings: &Bindings<'_>,
        environment: &mut Environment<'_>,
    ) -> Result<Option<json::Value>, EvaluationError> {
        let mut evaluator = Evaluator::new(&self.program, bindings, environment);
        let result = evaluator.run().map_err(|failure| failure.publish(&self.text));
        let steps = evaluator.meter.steps_used();
        drop(evaluator);
        environment.steps += steps;
        result
    }
}
