//! JSON documents as Step Functions keeps them.
//!
//! Promises: key order is kept, numbers keep the text they came with, values are shared (a clone
//! is a reference count), no input can overflow the stack, and a document is parsed only when
//! somebody looks inside it.
//!
//! Does not: know paths, expressions, or AWS's wire format.

mod array;
mod document;
mod error;
mod locate;
mod number;
mod object;
mod parse;
mod print;
mod scan;
mod value;

pub use array::Array;
pub use document::Document;
pub use error::{ParseError, Position};
pub use locate::{duplicate_keys, locate};
pub use number::Number;
pub use object::Object;
pub use parse::{DEPTH_MAX, parse, parse_with_numbers, validate};
pub use value::Value;
