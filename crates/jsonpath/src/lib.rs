//! The JSONPath language of the Amazon States Language: paths in the Jayway dialect, reference
//! paths, payload templates and intrinsic functions.
//!
//! Promises: everything is compiled once (when a definition is created) and evaluated without
//! parsing; evaluation is pure but for the randomness that is handed in; no input overflows the
//! stack or loops for ever.
//!
//! Does not: know states, executions or JSONata.

mod cursor;
mod error;
mod intrinsic;
mod java;
mod path;
mod reference;
mod scope;
mod template;

pub use error::{EvaluationError, SyntaxError};
pub use intrinsic::Intrinsic;
pub use path::{Path, Root};
pub use reference::ReferencePath;
pub use scope::{Needs, Scope};
pub use template::{Expression, RenderError, Template, TemplateError};
