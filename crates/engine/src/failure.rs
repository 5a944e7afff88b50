//! Failures of workflows: values, never Rust errors.

use std::sync::Arc;

/// The name of an error, such as `States.Timeout` or
/// `StepFunctions.ExecutionAlreadyExistsException`.
pub type ErrorName = Arc<str>;

/// Why something failed. Either part may be missing: a worker may report a failure without a word,
/// and AWS then shows none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// Its name, which Retry and Catch match.
    pub error: Option<ErrorName>,
    /// More about it; a text, even where it holds JSON.
    pub cause: Option<Arc<str>>,
}

impl Failure {
    /// A failure with both parts.
    pub fn new(error: impl Into<ErrorName>, cause: impl Into<Arc<str>>) -> Failure {
        Failure { error: Some(error.into()), cause: Some(cause.into()) }
    }

    /// A result that is larger than AWS lets one be. `resource` is the service, or the ARN of the
    /// function or activity, that gave it.
    pub fn data_limit_exceeded(resource: &str) -> Failure {
        let cause = format!(
            "The state/task '{resource}' returned a result with a size exceeding the maximum \
             number of bytes service limit."
        );
        Failure::new("States.DataLimitExceeded", cause)
    }

    /// A failure with a name alone.
    pub fn named(error: impl Into<ErrorName>) -> Failure {
        Failure { error: Some(error.into()), cause: None }
    }
}
