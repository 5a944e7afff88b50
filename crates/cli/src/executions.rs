//! Commands that read an execution through AWS's API, so that the server may be any: `why`, `tree`,
//! `wait` and `tail`.

mod reader;
mod tail;
mod tree;
mod why;

pub(crate) use self::tail::{tail, wait};
pub(crate) use self::tree::tree;
pub(crate) use self::why::why;

/// The exit status where not all could be told.
const INCOMPLETE: u8 = 3;

/// `order:4711`: the state machine and the name in the ARN of an execution; the whole of another.
fn short(arn: &str) -> &str {
    arn.splitn(7, ':').nth(6).unwrap_or(arn)
}
