//! The store in memory, for tests, simulations and `--in-memory`.
//!
//! Promises: deterministic. No method waits, and the same calls give the same answers.

mod cluster;
mod tables;

use async_trait::async_trait;
use engine::{ExecutionId, Status, Timestamp};
use parking_lot::Mutex;

use crate::{
    Claim, Commit, DueIndex, Ended, ExecutionHeader, ExecutionQuery, HistoryCursor, HistoryPage,
    ListCursor, Loaded, Resource, ResourceKey, ResourceKind, Scope, Store, StoreError,
};
pub use cluster::{MemoryCluster, MemoryNode, Monotonic};
use tables::{DueChange, Tables};

/// Keeps everything until it is dropped. Records are kept in their stored form, so that whatever
/// runs on this store also proves the encoding.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    is_closed: bool,
    due: DueIndex,
    tables: Tables,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    /// As [`Store::load`], from the records alone: no checkpoint is looked at.
    ///
    /// # Errors
    /// Where the records cannot be read.
    pub fn rebuild_from_records(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError> {
        self.open(|state| state.tables.rebuild(id))
    }

    /// Makes it what it would be after the end of its process, however that ended, and a new start:
    /// open, with all that was committed and nothing taken.
    pub fn restart(&self) {
        let mut state = self.state.lock();
        let mut due = DueIndex::default();
        for (id, execution) in &state.tables.executions {
            due.restore(*id, &execution.agenda);
        }
        state.due = due;
        state.is_closed = false;
    }

    fn open<T>(
        &self,
        call: impl FnOnce(&mut State) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(StoreError::Refused("the store is closed".to_owned()));
        }
        call(&mut state)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        commit.assert_sound();
        self.open(|state| {
            let DueChange { id, old, new } = state.tables.commit(commit)?;
            state.due.replace(id, old, new);
            Ok(())
        })
    }

    async fn load(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError> {
        self.open(|state| state.tables.load(id))
    }

    async fn find_execution(&self, arn: &str) -> Result<Option<ExecutionId>, StoreError> {
        self.open(|state| Ok(state.tables.find(arn)))
    }

    async fn header(&self, id: ExecutionId) -> Result<Option<ExecutionHeader>, StoreError> {
        self.open(|state| Ok(state.tables.header(id)))
    }

    async fn history(
        &self,
        id: ExecutionId,
        from: Option<HistoryCursor>,
        limit: usize,
        reverse: bool,
    ) -> Result<HistoryPage, StoreError> {
        self.open(|state| state.tables.history(id, from, limit, reverse))
    }

    async fn list_executions(
        &self,
        query: &ExecutionQuery,
        status: Option<Status>,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ExecutionHeader>, StoreError> {
        self.open(|state| Ok(state.tables.list_executions(query, status, after, limit)))
    }

    async fn ended_before(
        &self,
        instant: Timestamp,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Ended, StoreError> {
        self.open(|state| Ok(state.tables.ended_before(instant, after, limit)))
    }

    async fn remove(&self, headers: &[ExecutionHeader]) -> Result<(), StoreError> {
        self.open(|state| state.tables.remove(headers))
    }

    async fn claim_due(&self, now: Timestamp, limit: usize) -> Result<Claim, StoreError> {
        self.open(|state| Ok(state.due.claim(now, limit)))
    }

    async fn open_count(&self, scope: &Scope) -> Result<u64, StoreError> {
        self.open(|state| Ok(state.tables.open_count(scope)))
    }

    async fn read_resource(&self, key: &ResourceKey) -> Result<Option<Resource>, StoreError> {
        self.open(|state| Ok(state.tables.read_resource(key)))
    }

    async fn write_resource(
        &self,
        key: &ResourceKey,
        expected: Option<u64>,
        value: Option<Vec<u8>>,
    ) -> Result<u64, StoreError> {
        self.open(|state| state.tables.write_resource(key, expected, value))
    }

    async fn list_resources(
        &self,
        kind: ResourceKind,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(ResourceKey, Resource)>, StoreError> {
        self.open(|state| Ok(state.tables.list_resources(kind, scope, after, limit, |_| true)))
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.state.lock().is_closed = true;
        Ok(())
    }
}
