//! Text to tree.

mod lexer;
mod parser;
mod shape;

pub(crate) use parser::parse;
