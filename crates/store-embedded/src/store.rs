//! The store: its methods, its folder and its thread.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use async_trait::async_trait;
use engine::{ExecutionId, Status, Timestamp};
use parking_lot::{Mutex, RwLock};
use store::{
    Claim, Commit, Ended, ExecutionHeader, ExecutionQuery, HistoryCursor, HistoryPage, ListCursor,
    Loaded, Resource, ResourceKey, ResourceKind, Scope, Store, StoreError,
};
use tokio::sync::oneshot;

use crate::agendas::Agendas;
use crate::changes::ExecutionChange;
use crate::database::Database;
use crate::error::store_error;
use crate::folder::DataFolder;
use crate::queue::{Queue, Reply, Request, ResourceChange, closed};
use crate::writer::Writer;
use crate::{OpenError, database};

/// How the store uses the machine.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Memory for what was read from the disk lately. Taken as it is needed.
    pub cache_bytes: u64,
    /// How long the log becomes before it is written out to tables. After a crash twice as much is
    /// read at most.
    pub log_bytes: u64,
}

impl Default for Options {
    /// 64 MiB of cache, 8 MiB of log.
    fn default() -> Options {
        Options { cache_bytes: 64 << 20, log_bytes: 8 << 20 }
    }
}

/// A store in a folder. Dropping it waits for what was asked for, as [`Store::close`] does.
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What callers and the writer share.
pub(crate) struct Shared {
    pub(crate) folder: DataFolder,
    pub(crate) queue: Queue,
    pub(crate) agendas: Mutex<Agendas>,
    options: Options,
    // Readers and the writer hold it for reading; it is held for writing only while the database
    // is opened anew or closed, for which the engine must be let go of everywhere.
    database: RwLock<Result<Database, StoreError>>,
}

impl EmbeddedStore {
    /// Opens the store in that folder, or makes one where there is none.
    ///
    /// Returns before it has looked at the open executions: what is due and how many are open is
    /// complete only after a scan, a second or so for a million of them.
    ///
    /// # Errors
    /// Where another process has it, a newer version made it, or something in it is not as it was
    /// written.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<EmbeddedStore, OpenError> {
        let folder = DataFolder::open(path.as_ref())?;
        let database = Database::open(&folder.database(), &options)?;
        let shared = Arc::new(Shared {
            folder,
            queue: Queue::default(),
            agendas: Mutex::default(),
            options,
            database: RwLock::new(Ok(database)),
        });
        let writer = Writer::new(shared.clone());
        let thread = std::thread::Builder::new().name("store-writer".to_owned());
        let thread = thread.spawn(move || writer.run()).map_err(OpenError::io(path.as_ref()))?;
        Ok(EmbeddedStore { shared, writer: Mutex::new(Some(thread)) })
    }

    async fn request<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.shared.queue.push(request(reply));
        let none = || StoreError::Unknown("the store failed before it answered".to_owned());
        answer.await.unwrap_or_else(|_| Err(none()))
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        let (reply, _) = oneshot::channel();
        self.shared.queue.push(Request::Close(reply));
        if let Some(writer) = self.writer.lock().take() {
            // A panic of the writer has been reported by then.
            let _ = writer.join();
        }
    }
}

impl fmt::Debug for EmbeddedStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EmbeddedStore").field("folder", &self.shared.folder).finish()
    }
}

impl Shared {
    /// Reads, or writes from the writer's thread.
    pub(crate) fn read<T>(
        &self,
        call: impl FnOnce(&Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match &*self.database.read() {
            Ok(database) => call(database),
            Err(error) => Err(error.clone()),
        }
    }

    /// Lets go of the database, has it repaired, and opens it again.
    pub(crate) fn reopen(
        &self,
        repair: impl FnOnce(&Path) -> Result<(), OpenError>,
    ) -> Result<(), String> {
        let path = self.folder.database();
        let mut database = self.database.write();
        // Until it is open again, and for those that come if it cannot be opened.
        *database = Err(StoreError::Refused("the database is being opened again".to_owned()));
        let opened = repair(&path).and_then(|()| Database::open(&path, &self.options));
        let result = opened.as_ref().map(drop).map_err(ToString::to_string);
        *database = opened.map_err(|error| StoreError::Refused(error.to_string()));
        result
    }

    /// Writes out what is in memory, where that is possible, and lets go of the database.
    pub(crate) fn close(&self, flush: bool) -> Result<(), StoreError> {
        let mut database = self.database.write();
        let Ok(open) = std::mem::replace(&mut *database, Err(closed())) else { return Ok(()) };
        let flushed = if flush { open.flush() } else { return Ok(()) };
        drop(open);
        flushed.map_err(|error| store_error("cannot write out what is in memory", &error))?;
        database::clear_log(&self.folder.database())
            .map_err(|error| StoreError::Refused(format!("cannot clear the log: {error}")))
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        commit.assert_sound();
        let change = Box::new(ExecutionChange::new(commit));
        self.request(|reply| Request::Execution(change, reply)).await
    }

    async fn load(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError> {
        self.shared.read(|database| database.load(id))
    }

    async fn find_execution(&self, arn: &str) -> Result<Option<ExecutionId>, StoreError> {
        self.shared.read(|database| database.find_execution(arn))
    }

    async fn header(&self, id: ExecutionId) -> Result<Option<ExecutionHeader>, StoreError> {
        self.shared.read(|database| database.header(id))
    }

    async fn history(
        &self,
        id: ExecutionId,
        from: Option<HistoryCursor>,
        limit: usize,
        reverse: bool,
    ) -> Result<HistoryPage, StoreError> {
        self.shared.read(|database| database.history(id, from, limit, reverse))
    }

    async fn list_executions(
        &self,
        query: &ExecutionQuery,
        status: Option<Status>,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ExecutionHeader>, StoreError> {
        self.shared.read(|database| database.list_executions(query, status, after, limit))
    }

    async fn ended_before(
        &self,
        instant: Timestamp,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Ended, StoreError> {
        self.shared.read(|database| database.ended_before(instant, after, limit))
    }

    async fn remove(&self, headers: &[ExecutionHeader]) -> Result<(), StoreError> {
        let headers = headers.to_vec();
        self.request(|reply| Request::Removal(headers, reply)).await
    }

    async fn claim_due(&self, now: Timestamp, limit: usize) -> Result<Claim, StoreError> {
        self.shared.read(|_| self.shared.agendas.lock().claim(now, limit))
    }

    async fn open_count(&self, scope: &Scope) -> Result<u64, StoreError> {
        self.shared.read(|_| Ok(self.shared.agendas.lock().open_count(scope)))
    }

    async fn read_resource(&self, key: &ResourceKey) -> Result<Option<Resource>, StoreError> {
        self.shared.read(|database| database.read_resource(key))
    }

    async fn write_resource(
        &self,
        key: &ResourceKey,
        expected: Option<u64>,
        value: Option<Vec<u8>>,
    ) -> Result<u64, StoreError> {
        let change = ResourceChange { key: key.clone(), expected, value };
        self.request(|reply| Request::Resource(change, reply)).await
    }

    async fn list_resources(
        &self,
        kind: ResourceKind,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(ResourceKey, Resource)>, StoreError> {
        self.shared.read(|database| database.list_resources(kind, scope, after, limit))
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.request(Request::Close).await
    }
}
