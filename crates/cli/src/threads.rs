//! The threads that a command runs on.

use anyhow::Context;

/// Runs what a command does, on threads of its own.
///
/// # Errors
/// Where there are no threads.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    let threads = tokio::runtime::Runtime::new().context("no threads")?;
    Ok(threads.block_on(work))
}
