//! Where executions and definitions are kept: the contract, its records and their stored form, the
//! store in memory, and the suite that every store must pass.
//!
//! Promises: a commit is whole or absent; an answered commit is as durable as the store can make
//! it; reads never block writes.
//!
//! Does not: decide anything about an execution, or look into a payload.

mod cache;
pub mod cluster;
pub mod contract;
mod due;
pub mod encoding;
mod error;
mod faults;
mod map_run;
mod memory;
pub mod rebuild;
mod record;
mod resource;
mod running;

use async_trait::async_trait;

pub use cache::Cache;
pub use due::DueIndex;
pub use error::StoreError;
pub use faults::{Fault, FaultyStore, Operation};
pub use map_run::{
    MapRunChild, MapRunCounts, MapRunMark, MapRunOutcomes, MapRunRecord, MapRunStatus,
};
pub use memory::{MemoryCluster, MemoryNode, MemoryStore, Monotonic};
pub use record::{
    Agenda, Claim, Commit, DefinitionId, Ended, ExecutionHeader, ExecutionQuery, Expected,
    HistoryCursor, HistoryPage, ListCursor, Loaded, MachineId, ParentTask, Revision, Scope,
};
pub use resource::{Resource, ResourceKey, ResourceKind};
pub use running::running_time;

use cluster::{NodeNumber, Notice, Place, Tenure};
use engine::{ExecutionId, Home, Status, Timestamp};

/// The store, as the runtime sees it. No method looks into a payload.
///
/// The methods from [`home`](Store::home) on are for stores that several nodes share. Their
/// defaults are those of a store that one process has to itself: it drives every execution.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Writes one transition: records, header, agenda and checkpoint together, or nothing.
    /// Returns when it is durable. Commits of several callers share a sync.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where `expected` does not hold; [`StoreError::Refused`] where
    /// nothing can be written now, such as with a full disk; [`StoreError::Unknown`] where it may
    /// be there all the same; [`StoreError::Elsewhere`] where another node holds the home of the
    /// execution.
    async fn commit(&self, commit: Commit) -> Result<(), StoreError>;

    /// The execution as its last commit left it: the checkpoint, with the records after it applied.
    async fn load(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError>;

    /// The newest execution with that ARN.
    async fn find_execution(&self, arn: &str) -> Result<Option<ExecutionId>, StoreError>;

    /// What describing and listing need of an execution.
    async fn header(&self, id: ExecutionId) -> Result<Option<ExecutionHeader>, StoreError>;

    /// A page of history events, at most `limit` (but at least one where there is one), from the
    /// cursor on, in the order asked for. Notes are left out.
    async fn history(
        &self,
        id: ExecutionId,
        from: Option<HistoryCursor>,
        limit: usize,
        reverse: bool,
    ) -> Result<HistoryPage, StoreError>;

    /// Executions, newest start first, after the cursor.
    async fn list_executions(
        &self,
        query: &ExecutionQuery,
        status: Option<Status>,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ExecutionHeader>, StoreError>;

    /// Executions that ended before the instant and have nothing left to do, in the order of their
    /// start, after the one given. Looks at `limit` executions, whether they have ended or not, and
    /// at none whose id says that it started later: a clock that went back may hide some for a
    /// while.
    async fn ended_before(
        &self,
        instant: Timestamp,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Ended, StoreError>;

    /// Removes all that is kept of executions that have ended, of all of them or of none; their
    /// names are free then. Costs least where these are most of a page of
    /// [`ended_before`](Store::ended_before), one page after the other.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where one is not there, or not any more at the header's revision.
    async fn remove(&self, headers: &[ExecutionHeader]) -> Result<(), StoreError>;

    /// Takes executions whose agenda is due by `now`, and, once after a start, those whose effects
    /// were pending when the last process ended. What is taken is not given again until its next
    /// commit, or the next start; except that one which was taken for its effects before it was due
    /// is given again when it is. So the caller keeps what it took until a commit of it succeeds.
    /// Where several nodes share a store, it gives what is in the homes that are held here, and
    /// "once after a start" means once after each of them came to be held here.
    async fn claim_due(&self, now: Timestamp, limit: usize) -> Result<Claim, StoreError>;

    /// How many executions of an account in a region are open. A store may count too few for a
    /// moment after its start.
    async fn open_count(&self, scope: &Scope) -> Result<u64, StoreError>;

    /// A definition, an activity or another named thing.
    async fn read_resource(&self, key: &ResourceKey) -> Result<Option<Resource>, StoreError>;

    /// Writes it, or removes it where `value` is none. `expected` is the version that it must
    /// have, none where it must not be there. Returns the new version.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where `expected` does not hold.
    async fn write_resource(
        &self,
        key: &ResourceKey,
        expected: Option<u64>,
        value: Option<Vec<u8>>,
    ) -> Result<u64, StoreError>;

    /// Resources of a kind, by name in byte order, after the name given.
    async fn list_resources(
        &self,
        kind: ResourceKind,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(ResourceKey, Resource)>, StoreError>;

    /// Writes out what is buffered, and refuses everything from then on. Homes that are held here
    /// are free for other nodes then.
    async fn close(&self) -> Result<(), StoreError>;

    /// The home for a new execution: that of `near` where it is given, or else one that is held
    /// here. None where any home will do.
    fn home(&self, near: Option<ExecutionId>) -> Option<Home> {
        near.map(ExecutionId::home)
    }

    /// The tenure under which this node certainly holds the home of the execution now, from what is
    /// in memory. None also where nobody holds it, and where this node has not reached the store
    /// for so long that another may have taken its homes: [`locate`](Store::locate) finds out.
    fn tenure(&self, _id: ExecutionId) -> Option<Tenure> {
        Some(Tenure(0))
    }

    /// Whether the execution is certainly driven here: whether there is a
    /// [`tenure`](Store::tenure).
    fn is_here(&self, id: ExecutionId) -> bool {
        self.tenure(id).is_some()
    }

    /// The number of this node; none where no other can share the store, or while it is fenced.
    fn node(&self) -> Option<NodeNumber> {
        None
    }

    /// Where the execution is driven. Takes its home where nobody holds it.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where it cannot be found out now.
    async fn locate(&self, _id: ExecutionId) -> Result<Place, StoreError> {
        Ok(Place::Here)
    }

    /// What changed without this process having asked for it. Waits until there is something; one
    /// caller at a time.
    async fn notice(&self) -> Notice {
        std::future::pending().await
    }
}
