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
use tokio::sync::{oneshot, watch};

use crate::OpenError;
use crate::agendas::Agendas;
use crate::alarm::Alarm;
use crate::changes::ExecutionChange;
use crate::database::{Database, Table};
use crate::disk::{Disk, RealDisk};
use crate::error::store_error;
use crate::folder::DataFolder;
use crate::keys;
use crate::lost::LostRange;
use crate::queue::{Queue, Reply, Request, ResourceChange, closed};
use crate::readers::Readers;
use crate::resource_cache::ResourceCache;
use crate::writer::Writer;

/// How the store uses the machine.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Memory for what was read from the disk lately. Taken as it is needed.
    pub cache_bytes: u64,
    /// How long the log becomes before it is written out to tables. After a crash four times as
    /// much is read at most.
    pub log_bytes: u64,
    /// Whether the writer waits while the log is written out. Slower, and the calls of the disk
    /// come in the same order each time: for simulations.
    pub in_step: bool,
}

impl Default for Options {
    /// 64 MiB of cache, 8 MiB of log.
    fn default() -> Options {
        Options { cache_bytes: 64 << 20, log_bytes: 8 << 20, in_step: false }
    }
}

/// What is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Where rows were lost: file, byte, and the keys between which they were. Reads of them answer
    /// [`StoreError::Corrupt`].
    pub lost: Vec<String>,
    /// How many executions are never due, since their agendas cannot be read.
    pub quarantined: usize,
    /// Whether something damaged was met that is not mended yet. Where it cannot be, this stays.
    pub is_examining: bool,
}

/// A store in a folder. Dropping it waits for what was asked for, as [`Store::close`] does.
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What callers and the writer share.
pub(crate) struct Shared {
    pub(crate) folder: DataFolder,
    pub(crate) queue: Arc<Queue>,
    pub(crate) alarm: Alarm,
    pub(crate) agendas: Mutex<Agendas>,
    options: Options,
    pub(crate) readers: Readers,
    pub(crate) resource_cache: ResourceCache,
    // Readers and the writer hold it for reading; it is held for writing only while the database
    // is opened anew or closed, for which the engine must be let go of everywhere.
    pub(crate) database: RwLock<Result<Database, StoreError>>,
    /// Why nothing is written until a restart.
    failed: watch::Sender<Option<String>>,
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
        EmbeddedStore::open_on(Arc::new(RealDisk), path, options)
    }

    /// The same, with the log and the version of the folder on that disk. The tables and the lock
    /// are on the file system of the machine all the same.
    ///
    /// # Errors
    /// As [`EmbeddedStore::open`].
    pub fn open_on(
        disk: Arc<dyn Disk>,
        path: impl AsRef<Path>,
        options: Options,
    ) -> Result<EmbeddedStore, OpenError> {
        let was_there = path.as_ref().is_dir();
        let folder = DataFolder::open(disk, path.as_ref())?;
        folder.make_private(was_there);
        let queue = Arc::<Queue>::default();
        let examining = queue.clone();
        let alarm = Alarm::new(move || examining.push(Request::Examine));
        let database = folder.open_database(&options, &alarm)?;
        let shared = Arc::new(Shared {
            folder,
            queue,
            alarm,
            agendas: Mutex::default(),
            options,
            readers: Readers::default(),
            resource_cache: ResourceCache::default(),
            database: RwLock::new(Ok(database)),
            failed: watch::Sender::default(),
        });
        let writer = Writer::new(shared.clone());
        let thread = std::thread::Builder::new().name("store-writer".to_owned());
        let thread = thread.spawn(move || writer.run()).map_err(OpenError::io(path.as_ref()))?;
        Ok(EmbeddedStore { shared, writer: Mutex::new(Some(thread)) })
    }

    /// Whether the folder was empty when it was opened: there was no value before that could have
    /// been replaced.
    pub fn is_new(&self) -> bool {
        self.shared.folder.is_new()
    }

    /// Writes all rows but the records of executions anew, and an empty log, so that no file of the
    /// folder holds a value of them any more that was replaced or removed before. Takes as long as
    /// copying these rows; commits wait meanwhile.
    ///
    /// Copies of damaged tables stay in `damaged/`, as evidence.
    ///
    /// # Errors
    /// `Refused` where nothing can be written.
    pub async fn forget_replaced(&self) -> Result<(), StoreError> {
        self.request(Request::Forget).await
    }

    /// What is damaged, as far as it was met since the store was opened.
    pub fn health(&self) -> Health {
        let lost = self.shared.read(|database| Ok(database.lost())).unwrap_or_default();
        Health {
            lost: lost.iter().map(LostRange::describe).collect(),
            quarantined: self.shared.agendas.lock().quarantined(),
            is_examining: self.shared.alarm.is_raised(),
        }
    }

    /// Comes back when the disk has failed, with why: from then on nothing is written, until
    /// another process opens the folder. Reads go on.
    pub fn failure(&self) -> impl Future<Output = String> + Send + use<> {
        let mut failed = self.shared.failed.subscribe();
        async move {
            let reason = failed.wait_for(Option::is_some).await.ok().and_then(|it| it.clone());
            match reason {
                Some(reason) => reason,
                // The store is gone, and has not failed.
                None => std::future::pending().await,
            }
        }
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
    /// Reads or writes on this thread, which may take as long as the disk takes.
    pub(crate) fn read<T>(
        &self,
        call: impl FnOnce(&Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match &*self.database.read() {
            Ok(database) => call(database),
            Err(error) => Err(error.clone()),
        }
    }

    /// Fails where the database is closed or could not be opened again; waits for nothing.
    fn check_open(&self) -> Result<(), StoreError> {
        match self.database.try_read().as_deref() {
            Some(Err(error)) => Err(error.clone()),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    /// Says for good that nothing is written any more.
    pub(crate) fn fail(&self, reason: &str) {
        self.failed.send_replace(Some(reason.to_owned()));
    }

    /// Lets go of the database, has something done to its tables, and opens it again.
    pub(crate) fn reopen(
        &self,
        change: impl FnOnce(&Path) -> Result<(), OpenError>,
    ) -> Result<(), OpenError> {
        // Merging may take seconds, in which reads go on.
        let _ = self.read(|database| {
            database.stop();
            Ok(())
        });
        let mut database = self.database.write();
        self.resource_cache.clear();
        // Until it is open again, and for those that come if it cannot be opened.
        *database = Err(StoreError::Refused("the database is being opened again".to_owned()));
        let opened = change(&self.folder.database())
            .and_then(|()| self.folder.open_database(&self.options, &self.alarm));
        match opened {
            Ok(opened) => *database = Ok(opened),
            Err(error) => {
                *database = Err(StoreError::Refused(error.to_string()));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Writes out what is in memory, where that is possible, and lets go of the database.
    pub(crate) fn close(&self, flush: bool) -> Result<(), StoreError> {
        let mut database = self.database.write();
        let Ok(open) = std::mem::replace(&mut *database, Err(closed())) else { return Ok(()) };
        let flushed = if flush { open.flush() } else { return Ok(()) };
        drop(open);
        flushed.map_err(|error| store_error("cannot write out what is in memory", &error))
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
        let is_hot = move |database: &Database| database.holds_history(id);
        self.shared.read_async(is_hot, move |database| database.load(id)).await
    }

    async fn find_execution(&self, arn: &str) -> Result<Option<ExecutionId>, StoreError> {
        let name = keys::name(arn);
        let is_hot = move |database: &Database| database.holds(Table::Index, &name);
        self.shared.read_async(is_hot, move |database| database.newest(&name)).await
    }

    async fn header(&self, id: ExecutionId) -> Result<Option<ExecutionHeader>, StoreError> {
        let is_hot = move |database: &Database| database.holds(Table::Index, &keys::header(id));
        self.shared.read_async(is_hot, move |database| database.header(id)).await
    }

    async fn history(
        &self,
        id: ExecutionId,
        from: Option<HistoryCursor>,
        limit: usize,
        reverse: bool,
    ) -> Result<HistoryPage, StoreError> {
        let is_hot = move |database: &Database| database.holds_history(id);
        let read = move |database: &Database| database.history(id, from, limit, reverse);
        self.shared.read_async(is_hot, read).await
    }

    async fn list_executions(
        &self,
        query: &ExecutionQuery,
        status: Option<Status>,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ExecutionHeader>, StoreError> {
        let query = query.clone();
        let read =
            move |database: &Database| database.list_executions(&query, status, after, limit);
        self.shared.read_async(|_| false, read).await
    }

    async fn ended_before(
        &self,
        instant: Timestamp,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Ended, StoreError> {
        let read = move |database: &Database| database.ended_before(instant, after, limit);
        self.shared.read_async(|_| false, read).await
    }

    async fn remove(&self, headers: &[ExecutionHeader]) -> Result<(), StoreError> {
        let headers = headers.to_vec();
        self.request(|reply| Request::Removal(headers, reply)).await
    }

    async fn claim_due(&self, now: Timestamp, limit: usize) -> Result<Claim, StoreError> {
        self.shared.check_open()?;
        self.shared.agendas.lock().claim(now, limit)
    }

    async fn open_count(&self, scope: &Scope) -> Result<u64, StoreError> {
        self.shared.check_open()?;
        Ok(self.shared.agendas.lock().open_count(scope))
    }

    async fn read_resource(&self, key: &ResourceKey) -> Result<Option<Resource>, StoreError> {
        self.shared.check_open()?;
        let row = keys::resource(key);
        let changes = match self.shared.resource_cache.get(&row) {
            Ok(known) => return Ok(known),
            Err(changes) => changes,
        };
        let (hot, key) = (row.clone(), key.clone());
        let is_hot = move |database: &Database| database.holds(Table::Index, &hot);
        let read = self.shared.read_async(is_hot, move |database| database.read_resource(&key));
        let resource = read.await?;
        self.shared.resource_cache.keep(row, &resource, changes);
        Ok(resource)
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
        let (scope, after) = (scope.clone(), after.map(str::to_owned));
        let read = move |database: &Database| {
            database.list_resources(kind, &scope, after.as_deref(), limit)
        };
        self.shared.read_async(|_| false, read).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.request(Request::Close).await
    }
}
