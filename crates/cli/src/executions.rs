//! Commands that read an execution through AWS's API, so that the server may be any: `why`, `tree`,
//! `wait` and `tail`.

mod reader;
mod tail;
mod tree;
mod why;

use std::future::Future;
use std::process::ExitCode;

use anyhow::Context;

pub(crate) use self::tail::{tail, wait};
pub(crate) use self::tree::tree;
pub(crate) use self::why::why;

/// The exit status where not all could be told.
const INCOMPLETE: u8 = 3;

fn run(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let threads = tokio::runtime::Runtime::new().context("no threads")?;
    threads.block_on(command)
}

/// `order:4711`: the state machine and the name in the ARN of an execution; the whole of another.
fn short(arn: &str) -> &str {
    arn.splitn(7, ':').nth(6).unwrap_or(arn)
}
