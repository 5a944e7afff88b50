//! Whether the server lives, and whether it can do what it is asked for.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use store::{ResourceKey, ResourceKind, Scope, Store, StoreError};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::audit::Audit;
use crate::router::{Response, respond};

/// For how long an answer holds: anybody may ask, and each answer costs a write.
const ANSWER_HOLDS: Duration = Duration::from_secs(1);
/// How long a write may take.
const WRITE_MAX: Duration = Duration::from_secs(5);

/// Whether changes can be kept.
#[derive(Default)]
pub(crate) struct Readiness {
    /// What is written to; where it is none, nothing is asked.
    store: Option<Arc<dyn Store>>,
    /// What was found out last, and when.
    last: Mutex<Option<(Instant, bool)>>,
}

impl Readiness {
    pub(crate) fn of(store: Arc<dyn Store>) -> Readiness {
        Readiness { store: Some(store), last: Mutex::default() }
    }

    async fn is_ready(&self) -> bool {
        let Some(store) = &self.store else { return true };
        let mut last = self.last.lock().await;
        if let Some((when, is_ready)) = *last
            && when.elapsed() < ANSWER_HOLDS
        {
            return is_ready;
        }
        let written = tokio::time::timeout(WRITE_MAX, write_probe(&**store)).await;
        let is_ready = match written {
            // Somebody else has just written it.
            Ok(Ok(_) | Err(StoreError::Conflict)) => true,
            Ok(Err(error)) => {
                tracing::warn!(%error, "nothing can be written: not ready");
                false
            }
            Err(_) => {
                tracing::warn!("writing takes too long: not ready");
                false
            }
        };
        *last = Some((Instant::now(), is_ready));
        is_ready
    }
}

/// Writes a small row, always the same one.
async fn write_probe(store: &dyn Store) -> Result<u64, StoreError> {
    let scope = Scope { account: "".into(), region: "".into() };
    let key = ResourceKey { kind: ResourceKind::Clock, scope, name: "probe".into() };
    let expected = store.read_resource(&key).await?.map(|found| found.version);
    store.write_resource(&key, expected, Some(b"probe".to_vec())).await
}

/// The answer to `GET /health` and `GET /health/live`: there is one.
pub(crate) fn live() -> Response {
    respond(Ok(br#"{"status":"ok"}"#.to_vec()))
}

/// The answer to `GET /health/ready`.
pub(crate) async fn ready(readiness: &Readiness, audit: &Audit) -> Response {
    if audit.can_write().await && readiness.is_ready().await {
        return live();
    }
    let mut response = respond(Ok(br#"{"status":"unavailable"}"#.to_vec()));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}
