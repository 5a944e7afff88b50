//! The AWS JSON 1.0 protocol of Step Functions: one file per operation, one table of errors, one
//! router.
//!
//! Promises: what the service model says of a request is checked before anything is done, in AWS's
//! order and words; a member that Stairwell does not support yet is refused by name, never accepted
//! and ignored; what a client does wrong is never answered with a 5xx.
//!
//! Does not: decide anything about an execution (that is `runtime` and `engine`), or verify
//! signatures.
//!
//! In reading order: [`serve`] accepts, `router` finds the operation, `request` and `constraint`
//! check what came, `operations` do it, `write` and `history` answer.

mod configuration;
mod constraint;
mod credential;
mod error;
mod history;
mod operations;
mod request;
mod router;
mod server;
mod throttle;
mod token;
mod write;

pub use credential::{Accounts, is_account, is_region};
pub use error::{ApiError, ErrorCode};
pub use history::log_line;
pub use server::serve;
pub use throttle::{Rate, Throttling};

use runtime::Runtime;
use throttle::Buckets;
use tokio::sync::watch;

/// What requests are answered with.
pub struct Api {
    runtime: Runtime,
    accounts: Accounts,
    buckets: Buckets,
    /// Becomes true when the server stops: long polls end then.
    closing: watch::Sender<bool>,
}

impl Api {
    /// An API on a runtime.
    pub fn new(runtime: Runtime, accounts: Accounts) -> Api {
        let buckets = Buckets::default();
        Api { runtime, accounts, buckets, closing: watch::Sender::new(false) }
    }

    /// The same, which throttles requests that come over HTTP.
    #[must_use]
    pub fn throttled(mut self, throttling: Throttling) -> Api {
        self.buckets = Buckets::new(throttling);
        self
    }
}
