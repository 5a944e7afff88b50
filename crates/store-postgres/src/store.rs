//! The store: its methods, and what its tasks share.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use engine::{ExecutionId, Status, Timestamp};
use parking_lot::{Mutex, RwLock};
use store::{
    Claim, Commit, Ended, ExecutionHeader, ExecutionQuery, HistoryCursor, HistoryPage, ListCursor,
    Loaded, Resource, ResourceKey, ResourceKind, Scope, Store, StoreError,
};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::agendas::Agendas;
use crate::commit_row::{CommitRow, Surroundings};
use crate::connector::Connector;
use crate::eras::{self, Eras};
use crate::gate::Gate;
use crate::lane::Lane;
use crate::readers::Readers;
use crate::work::{Removed, Reply, ResourceWrite, Task, Work, lane_of};
use crate::{Address, OpenError, joining, keeper, statements, upkeep};

/// Connections that write.
pub(crate) const LANES: i16 = 2;

/// For how long closing waits for what is under way.
const CLOSE_MAX: Duration = Duration::from_secs(12);

/// How the store is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where this server is, such as its host and port: a server that finds rows of one at the same
    /// address takes its place at once, since that one must have ended.
    pub address: String,
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
    end: watch::Sender<bool>,
}

/// What runs until the store is closed.
struct Tasks {
    lanes: Vec<JoinHandle<()>>,
    keeper: JoinHandle<()>,
    upkeep: JoinHandle<()>,
}

/// What callers, lanes and the keeper share.
pub(crate) struct Shared {
    pub(crate) connector: Arc<Connector>,
    pub(crate) readers: Readers,
    pub(crate) node: i64,
    pub(crate) agendas: Mutex<Agendas>,
    pub(crate) eras: RwLock<Eras>,
    pub(crate) era_milliseconds: i64,
    pub(crate) gate: Gate,
    scopes: RwLock<Scopes>,
    tokens: AtomicI64,
    /// Why nothing is written until a restart.
    failed: watch::Sender<Option<String>>,
}

/// The numbers of scopes.
#[derive(Debug, Default)]
struct Scopes {
    numbers: HashMap<Scope, i32>,
    scopes: HashMap<i32, Scope>,
}

impl Scopes {
    fn insert(&mut self, number: i32, scope: Scope) {
        self.numbers.insert(scope.clone(), number);
        self.scopes.insert(number, scope);
    }
}

impl PostgresStore {
    /// Opens the store in that database, or makes one where there is none. Waits some seconds for a
    /// database that cannot be reached, and as long for the end of a server that does not beat any
    /// more. Reads what is due and open: about ten seconds for a million of executions.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// Where the database cannot be served from; see [`OpenError`].
    pub async fn open(address: Address, options: Options) -> Result<PostgresStore, OpenError> {
        let place = address.place();
        let connector = Arc::new(Connector::new(address)?);
        let joined = joining::join(&connector, &options, LANES).await?;
        // Drawn from the operating system once, and counted up from there.
        let token = Uuid::new_v4().as_u64_pair().0.cast_signed();
        let shared = Arc::new(Shared {
            readers: Readers::new(connector.clone()),
            connector,
            node: joined.node,
            agendas: Mutex::default(),
            eras: RwLock::default(),
            era_milliseconds: eras::length_milliseconds(options.retention_seconds_max),
            gate: Gate::new(),
            scopes: RwLock::default(),
            tokens: AtomicI64::new(token),
            failed: watch::Sender::default(),
        });
        let end = watch::Sender::new(false);
        // Beats go on while the agendas are read.
        let keeper = tokio::spawn(keeper::run(shared.clone(), end.subscribe()));
        let restored = shared.restore().await;
        restored.map_err(|error| OpenError::Database { place, reason: error.to_string() })?;
        let upkeep = tokio::spawn(upkeep::run(shared.clone(), end.subscribe()));
        let (mut lanes, mut tasks) = (Vec::new(), Vec::new());
        for number in 0..LANES {
            let (sender, inbox) = unbounded_channel();
            lanes.push(sender);
            tasks.push(tokio::spawn(Lane::new(shared.clone(), number, inbox).run()));
        }
        let tasks = Mutex::new(Some(Tasks { lanes: tasks, keeper, upkeep }));
        Ok(PostgresStore { shared, lanes: Mutex::new(Some(lanes)), tasks, end })
    }

    /// Comes back when nothing is written any more until a restart, with why: another server took
    /// the place of this one, or the database has lost what was answered.
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
    /// Takes up what is in the database.
    async fn restore(&self) -> Result<(), StoreError> {
        let rows = self.readers.query(statements::ERAS, &[]).await?;
        let all = rows.iter().map(|row| eras::Era { number: row.get(0), since: row.get(1) });
        *self.eras.write() = Eras::new(all.collect());
        for row in self.readers.query(statements::SCOPES, &[]).await? {
            let (account, region): (&str, &str) = (row.get(1), row.get(2));
            let scope = Scope { account: account.into(), region: region.into() };
            self.scopes.write().insert(row.get(0), scope);
        }
        self.restore_agendas().await
    }

    /// The scope of that number.
    pub(crate) fn scope(&self, number: i32) -> Option<Scope> {
        self.scopes.read().scopes.get(&number).cloned()
    }

    /// The number of a scope, which gets one where it has none.
    async fn scope_number(&self, scope: &Scope) -> Result<i32, StoreError> {
        loop {
            if let Some(number) = self.scopes.read().numbers.get(scope) {
                return Ok(*number);
            }
            let (account, region) = (&*scope.account, &*scope.region);
            // None where another caller makes it at the same time: then it is there the next time.
            let rows = self.readers.query(statements::SCOPE, &[&account, &region]).await?;
            if let Some(row) = rows.first() {
                self.scopes.write().insert(row.get(0), scope.clone());
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

    /// Another server took this one's rows away.
    pub(crate) fn fenced(&self) {
        self.fail("another server took over the database");
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
        Ok(self.shared.agendas.lock().claim(now, limit))
    }

    async fn open_count(&self, scope: &Scope) -> Result<u64, StoreError> {
        self.check_open()?;
        Ok(self.shared.agendas.lock().open_count(scope))
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
        // Lanes end with what they were asked for; the keeper beats until then.
        drop(self.lanes.lock().take());
        let tasks = self.tasks.lock().take();
        let Some(Tasks { lanes, keeper, upkeep }) = tasks else { return Ok(()) };
        let is_done = tokio::time::timeout(CLOSE_MAX, async {
            for lane in lanes {
                // A panic of a lane has been reported by then.
                let _ = lane.await;
            }
        });
        let is_done = is_done.await.is_ok();
        self.end.send_replace(true);
        // What it has under way is rolled back, or done again by the next server.
        upkeep.abort();
        let _ = tokio::time::timeout(CLOSE_MAX, keeper).await;
        let (connector, node) = (&self.shared.connector, self.shared.node);
        let left = async {
            let link = connector.connect_soon().await.ok()?;
            joining::leave(&link, &connector.address.schema, node).await.ok()
        };
        if !is_done || left.await.is_none() {
            tracing::warn!("the database could not be told that this server ends");
        }
        Ok(())
    }
}
