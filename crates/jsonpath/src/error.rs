//! What can go wrong, when a definition is read and when it runs.

/// Why a text is not a path or an intrinsic function call.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// What is wrong, for the author of the definition.
    pub message: String,
    /// Bytes into the text.
    pub offset: usize,
}

/// Why an evaluation has no value. The engine maps each kind to AWS's error name, and puts its own
/// prefix before the text.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EvaluationError {
    /// A definite path that leads nowhere. The text is Jayway's: `No results for path: $['X']`, or
    /// `Missing property in path $['no']` where a parent is missing.
    #[error("{reason}")]
    NoResult {
        /// The path as it is written in the definition.
        path: String,
        /// Jayway's words.
        reason: String,
    },
    /// An intrinsic function that refused its arguments. The text is AWS's: `There was an error
    /// while evaluating the intrinsic function: …`. AWS documents `States.IntrinsicFailure` for
    /// it, and raises `States.Runtime`.
    #[error("{message}")]
    Intrinsic {
        /// What is wrong.
        message: String,
    },
    /// A reference path that cannot be written to (`States.ResultPathMatchFailure`).
    #[error("{message}")]
    NotWritable {
        /// What is wrong.
        message: String,
    },
}
