//! Functions as values.

use std::sync::Arc;

use crate::frame::{self, Frames};
use crate::node::{Lambda, Transform};
use crate::pattern::Pattern;
use crate::value::{Value, drop_without_recursion};

/// A function that is not one of the language's own.
pub(crate) enum Function {
    /// `function($a){…}` with what it sees.
    Closure {
        /// Its text.
        lambda: Arc<Lambda>,
        /// The variables around it.
        frames: Frames,
        /// `$` where it was written.
        input: Value,
    },
    /// `f(a, ?)`
    Partial {
        /// The function.
        function: Value,
        /// What is given already.
        arguments: Vec<Option<Value>>,
    },
    /// `f ~> g`
    Composed {
        /// Called first.
        first: Value,
        /// Called with its result.
        second: Value,
    },
    /// A regular expression: gives the first match in a text.
    Pattern(Arc<Pattern>),
    /// Gives the next match in the same text.
    NextMatch {
        /// The regular expression.
        pattern: Arc<Pattern>,
        /// The text.
        text: Arc<str>,
        /// Bytes to skip.
        from: usize,
    },
    /// `|…|…|` with the variables around it.
    Transform {
        /// Its text.
        transform: Arc<Transform>,
        /// The variables around it.
        frames: Frames,
    },
}

impl Function {
    /// How many arguments it looks at.
    pub(crate) fn arity(&self) -> usize {
        match self {
            Function::Closure { lambda, .. } => lambda.parameters.len(),
            Function::Partial { arguments, .. } => {
                arguments.iter().filter(|argument| argument.is_none()).count()
            }
            Function::Composed { .. } | Function::Pattern(_) | Function::Transform { .. } => 1,
            Function::NextMatch { .. } => 0,
        }
    }

    /// Takes out what it holds, for [`drop_without_recursion`].
    pub(crate) fn doom(&mut self, doomed: &mut Vec<Value>) {
        match self {
            Function::Closure { frames, input, .. } => {
                doomed.push(std::mem::replace(input, Value::Undefined));
                frame::doom(frames.take(), doomed);
            }
            Function::Partial { function, arguments } => {
                doomed.push(std::mem::replace(function, Value::Undefined));
                doomed.extend(std::mem::take(arguments).into_iter().flatten());
            }
            Function::Composed { first, second } => {
                doomed.push(std::mem::replace(first, Value::Undefined));
                doomed.push(std::mem::replace(second, Value::Undefined));
            }
            Function::Transform { frames, .. } => frame::doom(frames.take(), doomed),
            Function::Pattern(_) | Function::NextMatch { .. } => {}
        }
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let mut doomed = Vec::new();
        self.doom(&mut doomed);
        drop_without_recursion(doomed);
    }
}

/// How many arguments a function looks at; 0 for what is none.
pub(crate) fn arity(function: &Value) -> usize {
    match function {
        Value::Builtin(builtin) => builtin.arity,
        Value::Function(function) => function.arity(),
        _ => 0,
    }
}
