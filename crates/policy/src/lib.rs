//! IAM policy documents: their text is compiled once, and requests are decided by them.
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>.
//!
//! Promises: a decision is a function of the request and the policies, whatever their order; an
//! explicit deny wins; what cannot be understood is refused when it is compiled, never when a
//! request is decided; no pattern takes more than its length times that of the text.
//!
//! Does not: know who anybody is, keep anything, look at a clock, or know a service.
//!
//! In reading order: `request` is what is asked, `document` reads the text, `glob`, `template`,
//! `principal` and `condition` are its parts, `decide` weighs the policies.

mod condition;
mod context;
mod decide;
mod document;
mod error;
mod glob;
mod operator;
mod principal;
mod request;
mod template;
mod value;

pub use context::{Context, ContextValue};
pub use decide::{Decision, Denial, Policies, PolicyType, decide};
pub use document::{DocumentType, Effect, Policy};
pub use error::PolicyError;
pub use request::{Principal, Request};
