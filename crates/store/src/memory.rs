//! The store in memory, for tests, simulations and `--in-memory`.

/// Keeps everything until the process ends.
#[derive(Debug, Default)]
pub struct MemoryStore {}
