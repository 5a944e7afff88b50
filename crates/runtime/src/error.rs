//! Why an operation was not carried out, whichever it was.

use store::StoreError;

/// What every operation can answer: nothing is wrong with the request. Maps to AWS's
/// `ServiceUnavailable` or `InternalFailure`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OperationalError {
    /// The store did not do it, or does not know. Where [`StoreError::is_passing`], trying again
    /// later may help.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The execution met a fault of ours and is left alone until the next start.
    #[error("the execution is quarantined")]
    Quarantined,
    /// Too much is under way for the memory that there is: trying again later may help.
    #[error("Rate exceeded")]
    Overloaded,
    /// No more work is taken.
    #[error("the runtime is shutting down")]
    ShuttingDown,
}
