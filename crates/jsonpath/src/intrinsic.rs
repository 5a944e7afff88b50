//! Intrinsic function calls.

mod array;
mod format;
mod function;
mod math;
mod parse;
mod text;

use std::sync::Arc;

use json::Value;
use rand_core::Rng;

use crate::cursor::Cursor;
use crate::{EvaluationError, Needs, Path, Scope, SyntaxError};

use format::Format;
use function::Function;

/// A compiled call, such as `States.Format('{}', $.name)`.
/// See <https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html>.
#[derive(Clone, Debug)]
pub struct Intrinsic {
    text: Arc<str>,
    call: Arc<Call>,
}

/// A call, which may be an argument of another.
#[derive(Debug)]
struct Call {
    function: Function,
    arguments: Vec<Argument>,
}

#[derive(Debug)]
enum Argument {
    Literal(Value),
    /// A text that stands where `States.Format` takes its template. It is read as a template when
    /// the call is compiled; what is wrong with it is an error of the call, as at AWS.
    Template(Result<Format, Refusal>),
    Path(Path),
    Call(Box<Call>),
}

/// Why a function refuses its arguments, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal(String);

impl Refusal {
    fn arguments(function: Function) -> Refusal {
        Refusal(format!("Invalid arguments in {}", function.name()))
    }
}

/// Why a call has no value.
enum Failure {
    Argument(EvaluationError),
    Refused(Refusal),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Refused(refusal)
    }
}

impl Intrinsic {
    /// Compiles a call, nested ones included.
    ///
    /// # Errors
    /// Where the text is not a call of a known function. The number and the kinds of the arguments
    /// are left to [`Intrinsic::evaluate`], since AWS accepts any when a definition is created.
    pub fn parse(text: &str) -> Result<Intrinsic, SyntaxError> {
        let mut cursor = Cursor::new(text);
        cursor.skip_whitespace();
        let start = cursor.at();
        let call = parse::parse_call(&mut cursor, 1)?;
        let text = cursor.since(start).into();
        cursor.skip_whitespace();
        if !cursor.is_at_end() {
            return Err(cursor.error("Nothing may follow the call"));
        }
        Ok(Intrinsic { text, call: Arc::new(call) })
    }

    /// As it is written in the definition.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What its arguments look at.
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        self.add_needs(&mut needs);
        needs
    }

    pub(crate) fn add_needs(&self, needs: &mut Needs) {
        self.call.add_needs(needs);
    }

    /// Calls it.
    ///
    /// # Errors
    /// Where an argument has no value, or the function refuses its arguments.
    pub fn evaluate(
        &self,
        scope: &Scope<'_>,
        random: &mut dyn Rng,
    ) -> Result<Value, EvaluationError> {
        self.call.evaluate(scope, random).map_err(|failure| match failure {
            Failure::Argument(error) => error,
            Failure::Refused(Refusal(reason)) => EvaluationError::Intrinsic {
                message: format!(
                    "There was an error while evaluating the intrinsic function: {}. {reason}",
                    self.text
                ),
            },
        })
    }
}

impl Call {
    fn add_needs(&self, needs: &mut Needs) {
        for argument in &self.arguments {
            match argument {
                Argument::Path(path) => path.add_needs(needs),
                Argument::Call(call) => call.add_needs(needs),
                Argument::Literal(_) | Argument::Template(_) => {}
            }
        }
    }

    fn evaluate(&self, scope: &Scope<'_>, random: &mut dyn Rng) -> Result<Value, Failure> {
        let mut template = None;
        let mut values = Vec::with_capacity(self.arguments.len());
        for argument in &self.arguments {
            match argument {
                Argument::Literal(value) => values.push(value.clone()),
                Argument::Template(format) => template = Some(format),
                Argument::Path(path) => {
                    values.push(path.select(scope).map_err(Failure::Argument)?);
                }
                Argument::Call(call) => values.push(call.evaluate(scope, random)?),
            }
        }
        Ok(match template {
            Some(format) => format.as_ref().map_err(Refusal::clone)?.fill(&values)?,
            None => self.function.call(values, random)?,
        })
    }
}
