//! Why IAM refuses.

use policy::PolicyError;
use store::StoreError;

/// Why an operation on identities was refused, in IAM's words.
/// See <https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html>.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum IdentityError {
    /// There is no such thing.
    #[error("{0}")]
    NoSuchEntity(String),
    /// There is one of that name.
    #[error("{0}")]
    AlreadyExists(String),
    /// Something hangs on it.
    #[error("{0}")]
    DeleteConflict(String),
    /// A quota.
    #[error("{0}")]
    LimitExceeded(String),
    /// No policy document.
    #[error("{0}")]
    MalformedPolicy(#[from] PolicyError),
    /// A value that is not allowed.
    #[error("{0}")]
    Validation(String),
    /// What does not go together.
    #[error("{0}")]
    InvalidInput(String),
    /// AWS's own policies and roles cannot be changed.
    #[error("{0}")]
    Unmodifiable(String),
    /// The caller may not.
    #[error("{0}")]
    AccessDenied(String),
    /// Not the caller's fault.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl IdentityError {
    /// The code and the HTTP status that IAM answers with.
    pub fn code(&self) -> (&'static str, u16) {
        match self {
            IdentityError::NoSuchEntity(_) => ("NoSuchEntity", 404),
            IdentityError::AlreadyExists(_) => ("EntityAlreadyExists", 409),
            IdentityError::DeleteConflict(_) => ("DeleteConflict", 409),
            IdentityError::LimitExceeded(_) => ("LimitExceeded", 409),
            IdentityError::MalformedPolicy(_) => ("MalformedPolicyDocument", 400),
            IdentityError::Validation(_) => ("ValidationError", 400),
            IdentityError::InvalidInput(_) => ("InvalidInput", 400),
            IdentityError::Unmodifiable(_) => ("UnmodifiableEntity", 400),
            IdentityError::AccessDenied(_) => ("AccessDenied", 403),
            IdentityError::Store(StoreError::Corrupt(_)) => ("ServiceFailure", 500),
            IdentityError::Store(
                StoreError::Conflict
                | StoreError::Refused(_)
                | StoreError::Unknown(_)
                | StoreError::Elsewhere,
            ) => ("ServiceUnavailable", 503),
        }
    }
}
