//! What all parts of the runtime share.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use engine::{ExecutionId, Timestamp};
use store::cluster::Node;
use store::{Store, StoreError};
use tokio::sync::watch;

use crate::budget::Budget;
use crate::compute::Compute;
use crate::effects::Effects;
use crate::express_history::KeptExpress;
use crate::integration::Calls;
use crate::live::Live;
use crate::logs::Logs;
use crate::machines::Machines;
use crate::map_run::MapRuns;
use crate::offers::Offers;
use crate::programs::Programs;
use crate::quotas::Counts;
use crate::random::Random;
use crate::status_events::StatusEvents;
use crate::tasks::Tasks;
use crate::timers::Timers;
use crate::traces::Traces;
use crate::{Now, OperationalError, RuntimeConfig};

/// The first pause after the store was not available; each further one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(20);

/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// What all parts of the runtime share. Each part adds its methods in its own file.
pub(crate) struct Shell {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) config: RuntimeConfig,
    pub(crate) random: Random,
    pub(crate) compute: Compute,
    pub(crate) budget: Arc<Budget>,
    pub(crate) live: Live,
    pub(crate) timers: Timers,
    pub(crate) effects: Effects,
    pub(crate) calls: Calls,
    pub(crate) map_runs: MapRuns,
    pub(crate) offers: Arc<Offers>,
    pub(crate) machines: Machines,
    pub(crate) programs: Programs,
    pub(crate) counts: Counts,
    pub(crate) traces: Traces,
    /// Set where Express executions are kept for a while.
    pub(crate) express_history: Option<KeptExpress>,
    /// Set where execution logs go somewhere.
    pub(crate) logs: OnceLock<Logs>,
    /// Set where events of status changes are put.
    pub(crate) status_events: Option<StatusEvents>,
    /// The nodes that live, as the store said last.
    pub(crate) nodes: watch::Sender<Vec<Node>>,
    closing: watch::Sender<bool>,
    pub(crate) tasks: Tasks,
}

impl Shell {
    pub(crate) fn new(store: Arc<dyn Store>, config: RuntimeConfig) -> Shell {
        Shell {
            store,
            random: Random::new(config.seed),
            compute: Compute::new(config.compute_threads),
            budget: Budget::new(config.memory_bytes_max),
            live: Live::new(config.live_executions_max, config.live_bytes_max),
            timers: Timers::new(config.due_driven_max),
            effects: Effects::default(),
            calls: Calls::new(config.service_calls_max),
            map_runs: MapRuns::default(),
            offers: Arc::new(Offers::new(config.activity_pollers_max)),
            machines: Machines::new(),
            programs: Programs::new(),
            counts: Counts::default(),
            traces: Traces::default(),
            express_history: config.express_history.map(KeptExpress::new),
            logs: OnceLock::new(),
            status_events: config.status_detail.map(StatusEvents::new),
            nodes: watch::Sender::new(Vec::new()),
            closing: watch::Sender::new(false),
            tasks: Tasks::default(),
            config,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.config.clock.now()
    }

    /// The instant on both scales of time.
    pub(crate) fn instant(&self) -> Now {
        self.config.clock.read()
    }

    /// An id for a new execution, in the home of `near` where it is given: what ends near its
    /// parent is told to it without leaving the node.
    pub(crate) fn new_execution_id(
        &self,
        start: Timestamp,
        near: Option<ExecutionId>,
    ) -> ExecutionId {
        ExecutionId::new(start, self.store.home(near), &mut self.random.fork())
    }

    pub(crate) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    pub(crate) fn check_open(&self) -> Result<(), OperationalError> {
        if self.is_closing() { Err(OperationalError::ShuttingDown) } else { Ok(()) }
    }

    /// Returns when the shutdown has begun.
    pub(crate) async fn closing(&self) {
        // The sender is in the same struct, so there is always one.
        let _ = self.closing.subscribe().wait_for(|is_closing| *is_closing).await;
    }

    pub(crate) async fn shutdown(&self) {
        self.closing.send_replace(true);
        self.tasks.wait(self.config.shutdown_wait).await;
        if let Some(logs) = self.logs.get() {
            logs.close().await;
        }
        if let Err(error) = self.store.close().await {
            tracing::error!(%error, "the store was not closed in order");
        }
    }
}

/// Pauses between attempts, longer each time.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    pause: Duration,
}

impl Backoff {
    /// Pauses, and says whether there is to be another attempt: not when the runtime closes.
    pub(crate) async fn pause(&mut self, shell: &Shell, error: &StoreError) -> bool {
        self.pause = (self.pause * 2).clamp(PAUSE_MIN, PAUSE_MAX);
        tracing::warn!(%error, pause = ?self.pause, "the store failed; trying again");
        tokio::select! {
            biased;
            () = tokio::time::sleep(self.pause) => !shell.is_closing(),
            () = shell.closing() => false,
        }
    }

    /// The store is back.
    pub(crate) fn reset(&mut self) {
        self.pause = Duration::ZERO;
    }
}
