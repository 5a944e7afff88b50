//! Paths.

mod explain;
mod filter;
mod function;
mod parse;
mod step;
mod walk;

use std::sync::Arc;

use json::Value;

use crate::cursor::Cursor;
use crate::{EvaluationError, Needs, Scope, SyntaxError};

pub(crate) use parse::{Nesting, Within};
pub(crate) use step::Step;

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
pub struct Path {
    text: Arc<str>,
    root: Root,
    steps: Arc<[Step]>,
    is_definite: bool,
    // Whether all steps are names and indexes, so that they lead from place to place.
    is_plain: bool,
}

impl Path {
    /// Compiles a path.
    ///
    /// # Errors
    /// Where the text is not a path of the dialect.
    pub fn parse(text: &str) -> Result<Path, SyntaxError> {
        let mut cursor = Cursor::new(text);
        cursor.skip_whitespace();
        let path = Path::parse_within(&mut cursor, Within::Alone)?;
        cursor.skip_whitespace();
        if !cursor.is_at_end() {
            return Err(cursor.error("Expected '.' or '['"));
        }
        Ok(path)
    }

    /// Reads a path that something may follow.
    pub(crate) fn parse_within(
        cursor: &mut Cursor<'_>,
        within: Within,
    ) -> Result<Path, SyntaxError> {
        let start = cursor.at();
        let root = parse_root(cursor)?;
        let steps = parse::parse_steps(cursor, within, Nesting::default())?;
        Ok(Path {
            text: cursor.since(start).into(),
            root,
            is_definite: step::is_definite(&steps),
            is_plain: steps.iter().all(Step::is_plain),
            steps: steps.into(),
        })
    }

    /// As it is written in the definition, without white space around it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it starts.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Whether it selects one place (its value, or an error), and not a list of matches.
    pub fn is_definite(&self) -> bool {
        self.is_definite
    }

    /// What it looks at.
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        self.add_needs(&mut needs);
        needs
    }

    pub(crate) fn add_needs(&self, needs: &mut Needs) {
        match &self.root {
            Root::Input => {}
            Root::Context => needs.context = true,
            Root::Variable(name) => needs.add_variable(name),
        }
        needs.may_be_long |= self.steps.iter().any(Step::may_be_long);
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The value it selects: the one value of a definite path, the list of matches of another.
    ///
    /// # Errors
    /// [`EvaluationError::NoResult`] for a definite path that leads nowhere.
    pub fn select(&self, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
        let document = match &self.root {
            Root::Input => scope.input,
            Root::Context => scope.context,
            Root::Variable(name) => match scope.variables.get(name) {
                Some(value) => value,
                None => return Err(self.no_result(format!("No results for path: ${name}"))),
            },
        };
        if self.is_plain {
            return match follow(&self.steps, document) {
                Some(value) => Ok(value.clone()),
                None => Err(self.no_result(explain::explain(&self.steps, document))),
            };
        }
        let walk = walk::Walk::new(document);
        let found = walk.select(&self.steps, document);
        scope.visits.set(scope.visits.get() + u64::from(walk.visits()));
        let mut matches = found.map_err(|stop| self.no_result(stop.reason()))?;
        if !self.is_definite {
            return Ok(matches.into());
        }
        matches.pop().ok_or_else(|| self.no_result(explain::explain(&self.steps, document)))
    }

    fn no_result(&self, reason: String) -> EvaluationError {
        EvaluationError::NoResult { path: self.text.as_ref().into(), reason }
    }
}

/// The place that plain steps lead to.
#[inline]
fn follow<'a>(steps: &[Step], document: &'a Value) -> Option<&'a Value> {
    steps.iter().try_fold(document, |place, step| match step {
        Step::Name(name) => place.get(&name.text),
        Step::Index(index) => walk::item(place, *index),
        _ => None,
    })
}

/// Reads `$`, `$$` or `$name`.
fn parse_root(cursor: &mut Cursor<'_>) -> Result<Root, SyntaxError> {
    if !cursor.eat("$") {
        return Err(cursor.error("A path starts with '$'"));
    }
    if cursor.eat("$") {
        return Ok(Root::Context);
    }
    let starts_name = |character: char| character.is_alphabetic() || character == '_';
    if !cursor.peek().is_some_and(starts_name) {
        return Ok(Root::Input);
    }
    let name = cursor.take_while(|character| character.is_alphanumeric() || character == '_');
    Ok(Root::Variable(name.into()))
}
