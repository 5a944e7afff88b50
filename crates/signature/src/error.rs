//! Why a request is not taken for whom it names, in AWS's words.

/// Why a request is refused before anybody asks what it wants.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It is not signed.
    #[error("Missing Authentication Token")]
    Missing,
    /// Its signature lacks something, or cannot be read.
    #[error("{0}")]
    Incomplete(String),
    /// Nobody has that access key, or the session token is none of it.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// The session is over.
    #[error("The security token included in the request is expired")]
    ExpiredToken,
    /// It is signed for another time, region or service, or by another key.
    #[error("{0}")]
    Invalid(String),
}
