//! What a store can answer instead.

/// Why a store did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// Somebody else was faster: load again, decide again.
    #[error("the record was changed by another writer")]
    Conflict,
    /// Not now: the disk is full, the store is closed. Nothing was written, and nothing of it will
    /// be there later. Trying again may help.
    #[error("the store is not available: {0}")]
    Refused(String),
    /// It failed while it was being done: a sync failed, the answer was lost. It may be there, now
    /// or after a restart, whole or not at all. Load again and look before it is tried again.
    #[error("the store failed, and what it was asked for may have been done: {0}")]
    Unknown(String),
    /// The execution is driven by another node: its home is not held here. Nothing was written. The
    /// place of the execution must be asked for again before it is tried again.
    #[error("the execution is driven by another node")]
    Elsewhere,
    /// The stored form is not what it should be. Names the place.
    #[error("the store is corrupt: {0}")]
    Corrupt(String),
}

impl StoreError {
    /// Whether trying again later may help, after a look at what is there.
    pub fn is_passing(&self) -> bool {
        matches!(self, StoreError::Refused(_) | StoreError::Unknown(_) | StoreError::Elsewhere)
    }
}
