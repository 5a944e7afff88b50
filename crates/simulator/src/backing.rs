//! What outlives the processes of a world: a store.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use async_trait::async_trait;
use engine::{ExecutionId, Status, Timestamp};
use store::{
    Claim, Commit, Ended, ExecutionHeader, ExecutionQuery, HistoryCursor, HistoryPage, ListCursor,
    Loaded, MemoryCluster, MemoryStore, Resource, ResourceKey, ResourceKind, Scope, Store,
    StoreError,
};
use store_embedded::disk::simulated::{Loss, SimulatedDisk};
use store_embedded::{EmbeddedStore, Options};
use tokio::task::unconstrained;

use crate::StoreKind;
use crate::folder::Folder;

/// Small, so that a world fills more than one segment of the log and writes tables.
const OPTIONS: Options = Options { cache_bytes: 1 << 20, log_bytes: 64 << 10, in_step: true };

/// A store, and how it goes on after the end of a process.
pub(crate) enum Backing {
    Memory(Arc<MemoryStore>),
    Embedded {
        folder: Folder,
        store: Arc<Direct>,
    },
    /// What several nodes shared.
    Nodes(Arc<MemoryCluster>),
}

impl Backing {
    pub(crate) fn new(kind: StoreKind, seed: u64) -> Result<Backing, String> {
        Ok(match kind {
            StoreKind::Memory => Backing::Memory(Arc::new(MemoryStore::new())),
            StoreKind::Embedded => {
                let folder = Folder::new(seed)?;
                let store = Direct::open(&folder)?;
                Backing::Embedded { folder, store }
            }
        })
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        match self {
            Backing::Memory(memory) => memory.clone(),
            Backing::Embedded { store, .. } => store.clone(),
            Backing::Nodes(cluster) => cluster.observe(),
        }
    }

    /// The disk, where there is one.
    pub(crate) fn disk(&self) -> Option<SimulatedDisk> {
        match self {
            Backing::Memory(_) | Backing::Nodes(_) => None,
            Backing::Embedded { folder, .. } => Some(folder.disk.clone()),
        }
    }

    /// Opens it again after the sudden end of the process that had it, or of the power.
    pub(crate) fn restart(self, loss: Loss, seed: u64) -> Result<Backing, String> {
        match self {
            Backing::Nodes(cluster) => Ok(Backing::Nodes(cluster)),
            Backing::Memory(memory) => {
                memory.restart();
                Ok(Backing::Memory(memory))
            }
            Backing::Embedded { folder, store } => {
                let folder = folder.after(loss, seed)?;
                drop(store);
                let store = Direct::open(&folder)?;
                Ok(Backing::Embedded { folder, store })
            }
        }
    }

    /// The execution as its records alone tell it; none where the store does not tell that.
    pub(crate) fn rebuilt(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError> {
        match self {
            Backing::Memory(memory) => memory.rebuild_from_records(id),
            Backing::Nodes(cluster) => cluster.rebuild_from_records(id),
            Backing::Embedded { .. } => Ok(None),
        }
    }
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// The embedded store without its threads' time: each call is over when it returns, so that
/// simulated time, which passes while everybody waits, does not pass for it, and the same calls
/// give the same answers.
pub(crate) struct Direct {
    inner: EmbeddedStore,
    /// What was pending when the store was opened, which it finds in its own time.
    pending: Mutex<VecDeque<ExecutionId>>,
}

impl Direct {
    fn open(folder: &Folder) -> Result<Arc<Direct>, String> {
        let disk = Arc::new(folder.watched());
        let inner = EmbeddedStore::open_on(disk, folder.path(), OPTIONS).map_err(told)?;
        let mut pending = VecDeque::new();
        // While it still looks, it says that something may be due soon.
        let long_ago = Timestamp(i64::MIN / 2);
        loop {
            let claim = finished(inner.claim_due(long_ago, 1_000)).map_err(told)?;
            pending.extend(claim.executions);
            if claim.next_due.is_none_or(|next| next > long_ago.plus_seconds(1)) {
                let pending = Mutex::new(pending);
                return Ok(Arc::new(Direct { inner, pending }));
            }
            thread::yield_now();
        }
    }
}

/// Waits for the end of a future on this thread.
fn finished<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    // Or tokio would have it wait until this task has let others run.
    let mut future = pin!(unconstrained(future));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

#[async_trait]
impl Store for Direct {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        finished(self.inner.commit(commit))
    }

    async fn load(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError> {
        finished(self.inner.load(id))
    }

    async fn find_execution(&self, arn: &str) -> Result<Option<ExecutionId>, StoreError> {
        finished(self.inner.find_execution(arn))
    }

    async fn header(&self, id: ExecutionId) -> Result<Option<ExecutionHeader>, StoreError> {
        finished(self.inner.header(id))
    }

    async fn history(
        &self,
        id: ExecutionId,
        from: Option<HistoryCursor>,
        limit: usize,
        reverse: bool,
    ) -> Result<HistoryPage, StoreError> {
        finished(self.inner.history(id, from, limit, reverse))
    }

    async fn list_executions(
        &self,
        query: &ExecutionQuery,
        status: Option<Status>,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ExecutionHeader>, StoreError> {
        finished(self.inner.list_executions(query, status, after, limit))
    }

    async fn ended_before(
        &self,
        instant: Timestamp,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Ended, StoreError> {
        finished(self.inner.ended_before(instant, after, limit))
    }

    async fn remove(&self, headers: &[ExecutionHeader]) -> Result<(), StoreError> {
        finished(self.inner.remove(headers))
    }

    async fn claim_due(&self, now: Timestamp, limit: usize) -> Result<Claim, StoreError> {
        let mut executions: Vec<ExecutionId> = {
            let mut pending = self.pending.lock().expect("nobody panics with it");
            let count = pending.len().min(limit);
            pending.drain(..count).collect()
        };
        let pending = executions.len();
        let claim = finished(self.inner.claim_due(now, limit - executions.len()))?;
        let given: Vec<ExecutionId> =
            claim.executions.into_iter().filter(|id| !executions.contains(id)).collect();
        executions.extend(given);
        let is_empty = self.pending.lock().expect("nobody panics with it").is_empty();
        let next_due = if is_empty { claim.next_due } else { Some(now) };
        Ok(Claim { executions, pending, next_due })
    }

    async fn open_count(&self, scope: &Scope) -> Result<u64, StoreError> {
        finished(self.inner.open_count(scope))
    }

    async fn read_resource(&self, key: &ResourceKey) -> Result<Option<Resource>, StoreError> {
        finished(self.inner.read_resource(key))
    }

    async fn write_resource(
        &self,
        key: &ResourceKey,
        expected: Option<u64>,
        value: Option<Vec<u8>>,
    ) -> Result<u64, StoreError> {
        finished(self.inner.write_resource(key, expected, value))
    }

    async fn list_resources(
        &self,
        kind: ResourceKind,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(ResourceKey, Resource)>, StoreError> {
        finished(self.inner.list_resources(kind, scope, after, limit))
    }

    async fn close(&self) -> Result<(), StoreError> {
        finished(self.inner.close())
    }
}
