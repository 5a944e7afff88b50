//! Which retrier or catcher takes a failure, and when the next attempt is.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html>.

use asl::{ErrorNames, JitterStrategy, Retrier};
use rand_core::Rng;

use crate::Failure;

/// The error that no Retry and no Catch takes, even where it is named.
pub(crate) const RUNTIME: &str = "States.Runtime";
/// The error of an expression in JSONata.
pub(crate) const QUERY_EVALUATION: &str = "States.QueryEvaluationError";
pub(crate) const TIMEOUT: &str = "States.Timeout";
pub(crate) const HEARTBEAT_TIMEOUT: &str = "States.HeartbeatTimeout";
pub(crate) const DATA_LIMIT_EXCEEDED: &str = "States.DataLimitExceeded";

/// A failure on its way up, with the other name that it also answers to.
#[derive(Clone, Debug)]
pub(crate) struct Raised {
    pub(crate) failure: Failure,
    /// A missed heartbeat shows as `States.Timeout`, and may be named either way.
    pub(crate) alias: Option<&'static str>,
}

impl From<Failure> for Raised {
    fn from(failure: Failure) -> Raised {
        Raised { failure, alias: None }
    }
}

impl Raised {
    /// Whether Retry and Catch may look at it at all.
    pub(crate) fn can_be_handled(&self) -> bool {
        self.failure.error.as_deref() != Some(RUNTIME)
    }

    /// Whether one of the names matches.
    pub(crate) fn matches(&self, names: &ErrorNames) -> bool {
        let error = self.failure.error.as_deref();
        names.0.iter().any(|name| match &**name {
            "States.ALL" => true,
            "States.TaskFailed" => !matches!(error, Some(TIMEOUT)),
            name => {
                error.is_some_and(|error| is_same_error(name, error)) || self.alias == Some(name)
            }
        })
    }
}

/// AWS's guide names the refusals of a nested start without the suffix that they bear at run time
/// (`StepFunctions.ExecutionLimitExceeded`); both spellings stand for the same error.
fn is_same_error(name: &str, error: &str) -> bool {
    fn bare(name: &str) -> &str {
        let suffix = name.starts_with("StepFunctions.").then(|| name.strip_suffix("Exception"));
        suffix.flatten().unwrap_or(name)
    }
    name == error || bare(name) == bare(error)
}

/// How long to wait before the attempt that follows so many retries by this retrier, in
/// milliseconds.
pub(crate) fn delay_milliseconds(retrier: &Retrier, retries: u32, random: &mut dyn Rng) -> u64 {
    let exponent = i32::try_from(retries).unwrap_or(i32::MAX);
    let grown = retrier.interval_seconds as f64 * retrier.backoff_rate.powi(exponent);
    let seconds = grown.min(retrier.max_delay_seconds.map_or(f64::MAX, |max| max as f64));
    // Casting a float saturates, which is as good as for ever.
    let milliseconds = (seconds * 1_000.0) as u64;
    match retrier.jitter {
        JitterStrategy::None => milliseconds,
        JitterStrategy::Full => {
            let product = u128::from(random.next_u64()) * (u128::from(milliseconds) + 1);
            (product >> 64) as u64
        }
    }
}
