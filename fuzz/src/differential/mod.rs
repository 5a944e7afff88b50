//! Random JSONata expressions, held against the reference implementation.
//!
//! The same seed gives the same expressions, on every machine. What the reference implementation
//! answers comes from `oracle/jsonata.mjs`; where the two may differ, and why, is in [`rules`].

mod grammar;
pub mod rules;
mod run;

pub use run::{Answer, Difference, Oracle, Report, compare, evaluate};
