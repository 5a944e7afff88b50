//! The AWS JSON 1.0 protocol of Step Functions: one file per operation, one table of errors, one
//! router.
//!
//! Promises: what the service model says of a request is checked before anything is done, in AWS's
//! order and words; a member that Stairwell does not support yet is refused by name, never accepted
//! and ignored; what a client does wrong is never answered with a 5xx.
//!
//! Does not: decide anything about an execution (that is `runtime` and `engine`), weigh policies
//! (`policy`), or compute signatures (`signature`).
//!
//! In reading order: [`serve`] accepts within the limits of `connections`, `browser` refuses web
//! pages of other origins, `router` finds the operation, `request` and `constraint`
//! check what came, `callers` asks who it is, `operations` do it, `write` and `history` answer.

mod audit;
mod authorization;
mod body;
mod browser;
mod callers;
mod client_certificate;
mod configuration;
mod connections;
mod constraint;
mod credential;
mod error;
mod facts;
mod health;
mod history;
mod operations;
mod own;
mod query;
mod request;
mod request_id;
mod request_log;
mod router;
mod server;
mod status_event;
mod throttle;
mod tls;
mod token;
mod write;

pub use audit::Audit;
pub use callers::{Callers, Certificates, RootKey};
pub use client_certificate::{CertificatePrincipal, CertificateSubject};
pub use credential::{Accounts, is_account, is_region};
pub use error::{ApiError, ErrorCode, ValidationReason};
pub use history::log_line;
pub use server::serve;
pub use status_event::status_detail;
pub use throttle::{Rate, Throttling};
pub use tls::{Tls, TlsError, TlsPem};

use body::BodyBudget;
use health::Readiness;
use request_log::Failures;
use runtime::Runtime;
use std::sync::Arc;
use store::Store;
use throttle::Buckets;
use tokio::sync::watch;

/// What requests are answered with.
pub struct Api {
    runtime: Runtime,
    accounts: Accounts,
    buckets: Buckets,
    callers: Callers,
    audit: Audit,
    bodies: BodyBudget,
    readiness: Readiness,
    failures: Failures,
    /// Becomes true when the server stops: long polls end then.
    closing: watch::Sender<bool>,
}

impl Api {
    /// An API on a runtime, for callers that are trusted.
    pub fn new(runtime: Runtime, accounts: Accounts) -> Api {
        let (callers, audit) = (Callers::default(), Audit::default());
        let (buckets, closing) = (Buckets::default(), watch::Sender::new(false));
        let (bodies, readiness) = (BodyBudget::default(), Readiness::default());
        let failures = Failures::default();
        Api { runtime, accounts, buckets, callers, audit, bodies, readiness, failures, closing }
    }

    /// The same, which throttles requests that come over HTTP.
    #[must_use]
    pub fn throttled(mut self, throttling: Throttling) -> Api {
        self.buckets = Buckets::new(throttling);
        self
    }

    /// The same, which is ready while this store, that of the runtime, can be written to.
    #[must_use]
    pub fn ready_with(self, store: Arc<dyn Store>) -> Api {
        Api { readiness: Readiness::of(store), ..self }
    }

    /// The same API for these callers, with an audit of what they do.
    #[must_use]
    pub fn with_callers(self, callers: Callers, audit: Audit) -> Api {
        Api { callers, audit, ..self }
    }
}
