//! The stored form of records, headers and executions. See `docs/storage.md`.

use engine::Execution;

/// The stored form of a whole execution.
pub fn encode_execution(_execution: &Execution) -> Vec<u8> {
    todo!()
}
