//! The store: its methods, and what its tasks share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use engine::{ExecutionId, Home, Status, Timestamp};
use parking_lot::{Mutex, RwLock};
use store::cluster::{NodeNumber, Notice, Place, Tenure};
use store::{
    Claim, Commit, Ended, ExecutionHeader, ExecutionQuery, HistoryCursor, HistoryPage, ListCursor,
    Loaded, Resource, ResourceKey, ResourceKind, Scope, Store, StoreError,
};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::beats::{self, Ask, Beats};
use crate::cluster::Cluster;
use crate::commit_row::{CommitRow, Surroundings};
use crate::connector::Connector;
use crate::eras::{self, Eras};
use crate::gate::Gate;
use crate::joining::{LANES, Server};
use crate::lane::Lane;
use crate::readers::Readers;
use crate::scopes::Scopes;
use crate::work::{Removed, Reply, ResourceWrite, Task, Work, lane_of};
use crate::{Address, OpenError, joining, nodes, upkeep};

/// For how long closing waits for what is under way.
const CLOSE_MAX: Duration = Duration::from_secs(12);

/// How the store is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where other servers of the database reach this one, such as its host and port. A server that
    /// finds rows of one at the same address takes its place at once, since that one must have
    /// ended: so no two that live may give the same.
    pub address: String,
    /// Whether this server serves the database alone: other servers cannot ask it anything. It does
    /// not start beside another one, and none starts beside it.
    pub is_alone: bool,
    /// The release of this program, for people.
    pub release: String,
    /// For how long executions are kept at most after their end, in seconds; none where some are
    /// kept for ever. Histories lie in partitions of an eighth of that.
    pub retention_seconds_max: Option<u64>,
    /// Whether a database is served from that may lose what was answered.
    pub allow_lost_commits: bool,
    /// For how long a database is waited for that cannot be reached: it may be starting.
    pub start_wait: Duration,
}

/// A store on a database.
pub struct PostgresStore {
    shared: Arc<Shared>,
    lanes: Mutex<Option<Vec<UnboundedSender<Work>>>>,
    tasks: Mutex<Option<Tasks>>,
    secret: [u8; 32],
    is_held: watch::Sender<bool>,
}

/// What runs until the store is closed.
struct Tasks {
    lanes: Vec<JoinHandle<()>>,
    beats: JoinHandle<()>,
    upkeep: JoinHandle<()>,
}

/// What callers, lanes and the beats share.
pub(crate) struct Shared {
    pub(crate) connector: Arc<Connector>,
    pub(crate) readers: Readers,
    /// What tells this process's rows from those of others under the same number.
    pub(crate) process: Uuid,
    pub(crate) cluster: Cluster,
    pub(crate) asks: UnboundedSender<Ask>,
    pub(crate) eras: RwLock<Eras>,
    pub(crate) era_milliseconds: i64,
    pub(crate) gate: Gate,
    pub(crate) scopes: RwLock<Scopes>,
    tokens: AtomicI64,
    /// Why nothing is written until a restart.
    failed: watch::Sender<Option<String>>,
    /// Whether everything ends.
    pub(crate) end: watch::Sender<bool>,
    clock_offset_milliseconds: AtomicI64,
}

impl PostgresStore {
    /// Opens the store in that database, or makes one where there is none. Waits some seconds for a
    /// database that cannot be reached, and for the end of a server that it cannot work beside and
    /// that does not beat any more. Reads what is due and open in the homes that nobody holds:
    /// about ten seconds for a million of executions.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// Where the database cannot be served from; see [`OpenError`].
    pub async fn open(address: Address, options: Options) -> Result<PostgresStore, OpenError> {
        let place = address.place();
        let connector = Arc::new(Connector::new(address)?);
        let (mut link, secret) = joining::prepare(&connector, &options).await?;
        let server = Server::new(&options);
        let (asks, asked) = unbounded_channel();
        let shared = Arc::new(Shared::new(connector.clone(), &options, &server, asks));
        let failed = |reason: String| OpenError::Database { place: place.clone(), reason };
        let restored = shared.restore_scopes().await;
        restored.map_err(|error| failed(error.to_string()))?;
        let began = shared.cluster.now();
        let joined = joining::join(&mut link, &connector, &server).await?;
        drop(link);
        beats::take_up(&shared, began, joined);
        let is_held = watch::Sender::new(false);
        let mut beats = Beats::new(shared.clone(), server, asked, is_held.subscribe());
        // The first shows the rows of those that are gone, the next takes their homes.
        for _ in 0..2 {
            if !beats.turn().await {
                let reason = "the rows of its servers could not be read".to_owned();
                return Err(failed(reason));
            }
        }
        let beats = tokio::spawn(beats.run());
        shared.wait_for_homes().await;
        let upkeep = tokio::spawn(upkeep::run(shared.clone()));
        let (mut lanes, mut tasks) = (Vec::new(), Vec::new());
        for number in 0..LANES {
            let (sender, inbox) = unbounded_channel();
            lanes.push(sender);
            tasks.push(tokio::spawn(Lane::new(shared.clone(), number, inbox).run()));
        }
        let tasks = Mutex::new(Some(Tasks { lanes: tasks, beats, upkeep }));
        Ok(PostgresStore { shared, lanes: Mutex::new(Some(lanes)), tasks, secret, is_held })
    }

    /// What all servers of this database know, and nobody else who cannot read it: by it they prove
    /// to each other who they are.
    pub fn peer_secret(&self) -> [u8; 32] {
        self.secret
    }

    /// By how many milliseconds the database's clock is ahead of this machine's, as the last beat
    /// found: half of its way there and back is taken off.
    pub fn clock_offset_milliseconds(&self) -> i64 {
        self.shared.clock_offset_milliseconds.load(Ordering::Relaxed)
    }

    /// Gives no signs of life from now on, or gives them again. What the store is asked for it
    /// still tries. For tests: a process that is stopped does the same.
    pub fn hold_beats(&self, is_held: bool) {
        self.is_held.send_replace(is_held);
    }

    /// Comes back when nothing is written any more until a restart, with why: another server has
    /// the address of this one, or serves alone; or the database has lost what was answered.
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

    async fn request<T>(&self, task: impl FnOnce(Reply<T>) -> Task) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let task = task(reply);
        match &*self.lanes.lock() {
            Some(lanes) => {
                let lane = &lanes[lane_of(&task, lanes.len())];
                lane.send(Work::new(task)).map_err(|_| closed())?;
            }
            None => return Err(closed()),
        }
        let none = || StoreError::Unknown("the store ended before it answered".to_owned());
        answer.await.unwrap_or_else(|_| Err(none()))
    }

    fn check_open(&self) -> Result<(), StoreError> {
        match (self.lanes.lock().is_some(), self.shared.failure_reason()) {
            (false, _) => Err(closed()),
            (true, Some(reason)) => Err(StoreError::Refused(reason)),
            (true, None) => Ok(()),
        }
    }
}

fn closed() -> StoreError {
    StoreError::Refused("the store is closed".to_owned())
}

impl Shared {
    fn new(
        connector: Arc<Connector>,
        options: &Options,
        server: &Server,
        asks: UnboundedSender<Ask>,
    ) -> Shared {
        // Drawn from the operating system once, and counted up from there.
        let token = Uuid::new_v4().as_u64_pair().0.cast_signed();
        Shared {
            readers: Readers::new(connector.clone()),
            connector,
            process: server.process,
            cluster: Cluster::new(),
            asks,
            eras: RwLock::default(),
            era_milliseconds: eras::length_milliseconds(options.retention_seconds_max),
            gate: Gate::new(),
            scopes: RwLock::default(),
            tokens: AtomicI64::new(token),
            failed: watch::Sender::default(),
            end: watch::Sender::new(false),
            clock_offset_milliseconds: AtomicI64::new(0),
        }
    }

    /// Comes back when the executions of all homes that were taken are known.
    async fn wait_for_homes(&self) {
        let mut changes = self.cluster.changes();
        while self.cluster.look(|state| state.is_restoring_any()) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    async fn row(&self, commit: Commit) -> Result<CommitRow, StoreError> {
        let scope_number = self.scope_number(&commit.header.scope).await?;
        let era = self.eras.read().of(commit.header.id);
        let token = self.tokens.fetch_add(1, Ordering::Relaxed);
        Ok(CommitRow::new(commit, &Surroundings { era, scope_number, token }))
    }

    pub(crate) fn failure_reason(&self) -> Option<String> {
        self.failed.borrow().clone()
    }

    /// The rows of that number are gone: nothing is held any more, and this server joins anew.
    pub(crate) fn fenced(&self, number: NodeNumber) {
        if self.cluster.change(|state| state.fenced(number)) {
            tracing::warn!(number = number.0, "this server was given up by others");
            // A store that is closed joins no more.
            let _ = self.asks.send(Ask::Wake);
        }
    }

    /// Another server has this one's address, or serves alone.
    pub(crate) fn taken_over(&self, address: &str) {
        self.fail(&format!("another server took over the database, at {address}"));
    }

    pub(crate) fn tell_clock_offset(&self, milliseconds: i64) {
        self.clock_offset_milliseconds.store(milliseconds, Ordering::Relaxed);
    }

    /// What was answered is not there any more.
    pub(crate) fn lost_commits(&self) {
        self.fail("the database has lost commits that were answered: it was set back");
    }

    fn fail(&self, reason: &str) {
        self.failed.send_if_modified(|failed| {
            let is_first = failed.is_none();
            failed.get_or_insert_with(|| reason.to_owned());
            if is_first {
                tracing::error!(reason, "nothing is written any more");
            }
            is_first
        });
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = &self.shared.connector.address;
        formatter.debug_struct("PostgresStore").field("address", address).finish()
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        commit.assert_sound();
        self.check_open()?;
        // A home that nobody holds is taken.
        let home = commit.header.id.home();
        if !self.shared.cluster.is_held(home)
            && self.shared.locate(home, false).await? != Place::Here
        {
            return Err(StoreError::Elsewhere);
        }
        let row = Box::new(self.shared.row(commit).await?);
        self.request(|reply| Task::Commit(row, Some(reply))).await
    }

    async fn load(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError> {
        self.check_open()?;
        self.shared.load(id).await
    }

    async fn find_execution(&self, arn: &str) -> Result<Option<ExecutionId>, StoreError> {
        self.check_open()?;
        self.shared.find(arn).await
    }

    async fn header(&self, id: ExecutionId) -> Result<Option<ExecutionHeader>, StoreError> {
        self.check_open()?;
        self.shared.header(id).await
    }

    async fn history(
        &self,
        id: ExecutionId,
        from: Option<HistoryCursor>,
        limit: usize,
        reverse: bool,
    ) -> Result<HistoryPage, StoreError> {
        self.check_open()?;
        self.shared.history(id, from, limit, reverse).await
    }

    async fn list_executions(
        &self,
        query: &ExecutionQuery,
        status: Option<Status>,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ExecutionHeader>, StoreError> {
        self.check_open()?;
        self.shared.list_executions(query, status, after, limit).await
    }

    async fn ended_before(
        &self,
        instant: Timestamp,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Ended, StoreError> {
        self.check_open()?;
        self.shared.ended_before(instant, after, limit).await
    }

    async fn remove(&self, headers: &[ExecutionHeader]) -> Result<(), StoreError> {
        self.check_open()?;
        if headers.is_empty() {
            return Ok(());
        }
        let removed = headers
            .iter()
            .map(|header| Removed { id: header.id, revision: header.revision.0.cast_signed() });
        let removed = removed.collect();
        self.request(|reply| Task::Removal(removed, Some(reply))).await
    }

    async fn claim_due(&self, now: Timestamp, limit: usize) -> Result<Claim, StoreError> {
        self.check_open()?;
        Ok(self.shared.cluster.claim(now, limit))
    }

    async fn open_count(&self, scope: &Scope) -> Result<u64, StoreError> {
        self.check_open()?;
        self.shared.open_count(scope).await
    }

    async fn read_resource(&self, key: &ResourceKey) -> Result<Option<Resource>, StoreError> {
        self.check_open()?;
        self.shared.read_resource(key).await
    }

    async fn write_resource(
        &self,
        key: &ResourceKey,
        expected: Option<u64>,
        value: Option<Vec<u8>>,
    ) -> Result<u64, StoreError> {
        self.check_open()?;
        let write = ResourceWrite { key: key.clone(), expected, value };
        self.request(|reply| Task::Resource(write, Some(reply))).await
    }

    async fn list_resources(
        &self,
        kind: ResourceKind,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(ResourceKey, Resource)>, StoreError> {
        self.check_open()?;
        self.shared.list_resources(kind, scope, after, limit).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        // Lanes end with what they were asked for; the beats go on until then.
        drop(self.lanes.lock().take());
        let tasks = self.tasks.lock().take();
        let Some(Tasks { lanes, beats, upkeep }) = tasks else { return Ok(()) };
        let is_done = tokio::time::timeout(CLOSE_MAX, async {
            for lane in lanes {
                // A panic of a lane has been reported by then.
                let _ = lane.await;
            }
        });
        let is_done = is_done.await.is_ok();
        self.shared.end.send_replace(true);
        // What it has under way is rolled back, or done again by another server.
        upkeep.abort();
        let _ = tokio::time::timeout(CLOSE_MAX, beats).await;
        let (connector, number) = (&self.shared.connector, self.shared.cluster.number());
        let left = async {
            // One that was fenced has nothing to give back.
            let Some(number) = number else { return Some(()) };
            let mut link = connector.connect_soon().await.ok()?;
            nodes::leave(&mut link, &connector.address.schema, number).await.ok()
        };
        if !is_done || left.await.is_none() {
            tracing::warn!("the database could not be told that this server ends");
        }
        Ok(())
    }

    fn home(&self, near: Option<ExecutionId>) -> Option<Home> {
        near.map(ExecutionId::home).or_else(|| self.shared.cluster.new_home())
    }

    fn tenure(&self, id: ExecutionId) -> Option<Tenure> {
        self.shared.cluster.tenure(id.home())
    }

    fn node(&self) -> Option<NodeNumber> {
        self.shared.cluster.number()
    }

    async fn locate(&self, id: ExecutionId) -> Result<Place, StoreError> {
        self.check_open()?;
        self.shared.locate(id.home(), true).await
    }

    async fn notice(&self) -> Notice {
        self.shared.cluster.notice().await
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.shared.end.send_replace(true);
    }
}
