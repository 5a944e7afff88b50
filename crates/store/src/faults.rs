//! A store that fails when it is told to, for simulations.

use std::sync::Arc;

use async_trait::async_trait;
use engine::{ExecutionId, Home, Status, Timestamp};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::cluster::{NodeNumber, Notice, Place, Tenure};
use crate::{
    Claim, Commit, Ended, ExecutionHeader, ExecutionQuery, HistoryCursor, HistoryPage, ListCursor,
    Loaded, Resource, ResourceKey, ResourceKind, Scope, Store, StoreError,
};

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done, and the caller is told so.
    Before,
    /// It is done, and the caller is told otherwise: the reply is lost. A claim fails before all
    /// the same, since no store loses those that it has in memory.
    After,
}

/// Which method is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Operation {
    Commit,
    Load,
    FindExecution,
    Header,
    History,
    ListExecutions,
    EndedBefore,
    Remove,
    ClaimDue,
    OpenCount,
    ReadResource,
    WriteResource,
    ListResources,
    Close,
    Locate,
}

impl Operation {
    /// Whether it changes what is stored. What is not stored, such as which executions are taken,
    /// is gone with the process anyway.
    pub fn is_write(self) -> bool {
        matches!(self, Operation::Commit | Operation::WriteResource | Operation::Remove)
    }
}

type Decide = Box<dyn FnMut(Operation) -> Option<Fault> + Send>;

/// Another store, with faults: [`StoreError::Refused`] before a call, [`StoreError::Unknown`]
/// after.
///
/// It can also stand still, as for a process that was stopped: calls begin and are answered only
/// when it goes on.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    decide: Mutex<Decide>,
    stands_still: watch::Sender<bool>,
}

impl FaultyStore {
    /// Asks before every call whether and how it fails.
    pub fn new(
        inner: Arc<dyn Store>,
        decide: impl FnMut(Operation) -> Option<Fault> + Send + 'static,
    ) -> FaultyStore {
        let stands_still = watch::Sender::new(false);
        FaultyStore { inner, decide: Mutex::new(Box::new(decide)), stands_still }
    }

    /// Without faults, until it is told to stand still.
    pub fn sound(inner: Arc<dyn Store>) -> FaultyStore {
        FaultyStore::new(inner, |_| None)
    }

    /// Stands still, or goes on.
    pub fn stand_still(&self, stands_still: bool) {
        self.stands_still.send_replace(stands_still);
    }

    /// Returns when it does not stand still.
    pub async fn goes_on(&self) {
        // The sender is in the same struct, so there is always one.
        let _ = self.stands_still.subscribe().wait_for(|stands_still| !stands_still).await;
    }

    /// Lets that many writes succeed, fails the next one, and is sound from then on.
    pub fn after_writes(inner: Arc<dyn Store>, writes: usize, fault: Fault) -> FaultyStore {
        let mut writes_left = writes.checked_add(1);
        FaultyStore::new(inner, move |operation| {
            if operation.is_write() {
                writes_left = writes_left.and_then(|left| left.checked_sub(1));
            }
            (operation.is_write() && writes_left == Some(0)).then_some(fault)
        })
    }

    async fn call<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        self.goes_on().await;
        let fault = (self.decide.lock())(operation);
        let reason = || format!("injected fault of {operation:?}");
        let answer = match (fault, operation) {
            (None, _) => call.await,
            (Some(Fault::Before), _) | (Some(Fault::After), Operation::ClaimDue) => {
                Err(StoreError::Refused(reason()))
            }
            (Some(Fault::After), _) => call.await.and_then(|_| Err(StoreError::Unknown(reason()))),
        };
        self.goes_on().await;
        answer
    }
}

#[async_trait]
impl Store for FaultyStore {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.call(Operation::Commit, self.inner.commit(commit)).await
    }

    async fn load(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError> {
        self.call(Operation::Load, self.inner.load(id)).await
    }

    async fn find_execution(&self, arn: &str) -> Result<Option<ExecutionId>, StoreError> {
        self.call(Operation::FindExecution, self.inner.find_execution(arn)).await
    }

    async fn header(&self, id: ExecutionId) -> Result<Option<ExecutionHeader>, StoreError> {
        self.call(Operation::Header, self.inner.header(id)).await
    }

    async fn history(
        &self,
        id: ExecutionId,
        from: Option<HistoryCursor>,
        limit: usize,
        reverse: bool,
    ) -> Result<HistoryPage, StoreError> {
        self.call(Operation::History, self.inner.history(id, from, limit, reverse)).await
    }

    async fn list_executions(
        &self,
        query: &ExecutionQuery,
        status: Option<Status>,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ExecutionHeader>, StoreError> {
        let call = self.inner.list_executions(query, status, after, limit);
        self.call(Operation::ListExecutions, call).await
    }

    async fn ended_before(
        &self,
        instant: Timestamp,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Ended, StoreError> {
        let call = self.inner.ended_before(instant, after, limit);
        self.call(Operation::EndedBefore, call).await
    }

    async fn remove(&self, headers: &[ExecutionHeader]) -> Result<(), StoreError> {
        self.call(Operation::Remove, self.inner.remove(headers)).await
    }

    async fn claim_due(&self, now: Timestamp, limit: usize) -> Result<Claim, StoreError> {
        self.call(Operation::ClaimDue, self.inner.claim_due(now, limit)).await
    }

    async fn open_count(&self, scope: &Scope) -> Result<u64, StoreError> {
        self.call(Operation::OpenCount, self.inner.open_count(scope)).await
    }

    async fn read_resource(&self, key: &ResourceKey) -> Result<Option<Resource>, StoreError> {
        self.call(Operation::ReadResource, self.inner.read_resource(key)).await
    }

    async fn write_resource(
        &self,
        key: &ResourceKey,
        expected: Option<u64>,
        value: Option<Vec<u8>>,
    ) -> Result<u64, StoreError> {
        let call = self.inner.write_resource(key, expected, value);
        self.call(Operation::WriteResource, call).await
    }

    async fn list_resources(
        &self,
        kind: ResourceKind,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(ResourceKey, Resource)>, StoreError> {
        let call = self.inner.list_resources(kind, scope, after, limit);
        self.call(Operation::ListResources, call).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.call(Operation::Close, self.inner.close()).await
    }

    fn home(&self, near: Option<ExecutionId>) -> Option<Home> {
        self.inner.home(near)
    }

    fn tenure(&self, id: ExecutionId) -> Option<Tenure> {
        self.inner.tenure(id)
    }

    fn node(&self) -> Option<NodeNumber> {
        self.inner.node()
    }

    async fn locate(&self, id: ExecutionId) -> Result<Place, StoreError> {
        self.call(Operation::Locate, self.inner.locate(id)).await
    }

    async fn notice(&self) -> Notice {
        let notice = self.inner.notice().await;
        self.goes_on().await;
        notice
    }
}
