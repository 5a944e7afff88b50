//! What a store can answer instead.

/// Why a store did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// Somebody else was faster: load again, decide again.
    #[error("the record was changed by another writer")]
    Conflict,
    /// Not now: the disk is full, the connection is gone. As far as the store can tell nothing was
    /// written; what was being written when it failed may be there after a restart all the same,
    /// so who tries again loads first.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// The stored form is not what it should be. Names the place.
    #[error("the store is corrupt: {0}")]
    Corrupt(String),
}
