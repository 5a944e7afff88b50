//! What each operation of AWS's services must be allowed: IAM's actions, the resources that they
//! are asked for, and the condition keys that AWS has for them.
//! See <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>.
//!
//! Promises: one table for everybody who asks, in the API, for tasks and for the policies that
//! definitions need; only the members of an operation choose its resources; everything is known
//! without a file or a network, from what is embedded at build time.
//!
//! Does not: weigh policies (`policy`), or know who anybody is (`identity`).
//!
//! In reading order: `table` reads the embedded file, `resource` finds the resources of a request,
//! `member` the values of its members, `arn` what an ARN of Step Functions stands for, `keys` which
//! condition keys are ever filled here.

mod arn;
mod keys;
mod member;
mod resource;
mod table;

pub use arn::{QUALIFIER, without_qualifier};
pub use keys::{Filled, is_filled};
pub use member::Names;
pub use table::{Needed, Place, Unreferenced, needed, operations, unreferenced};
