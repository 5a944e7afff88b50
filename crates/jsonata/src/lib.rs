//! JSONata: parser and evaluator.
//!
//! Promises: an expression is parsed once and can be shared among threads; its evaluation depends
//! on nothing but what it is given, and ends within [`Limits`], whatever the expression and the
//! values are: it cannot hang, exhaust memory or overflow the stack. Errors carry the codes and
//! words of the reference implementation. Values of the input are shared, never converted.
//!
//! Templates are values in which texts of the form `{% … %}` are expressions.
//!
//! Does not: know Step Functions' fields, or how Step Functions words a failure of an expression.

mod environment;
mod error;
mod evaluate;
mod expression;
mod frame;
mod function;
mod functions;
mod limits;
mod messages;
mod needs;
mod node;
mod number;
mod parse;
mod pattern;
mod picture;
mod record;
mod scope;
mod signature;
mod stack;
mod template;
mod tuple;
mod value;
mod weight;

pub use environment::{Bindings, Environment};
pub use error::{EvaluationError, SyntaxError};
pub use expression::{Expression, Options};
pub use limits::Limits;
pub use needs::{Needs, Restriction};
pub use template::{
    Template, TemplateError, TemplateFailure, expression_text, is_function, is_malformed,
};
