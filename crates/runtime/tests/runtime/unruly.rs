//! Stores that fail, take their time or die, and checks that a workload comes to the same on them:
//! it runs without faults first, and then with a fault at each write.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use engine::{ExecutionId, Status, Timestamp};
use parking_lot::Mutex;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use stairwell_runtime::RuntimeConfig;
use store::{
    Claim, Commit, Ended, ExecutionHeader, ExecutionQuery, Fault, FaultyStore, HistoryCursor,
    HistoryPage, ListCursor, Loaded, Resource, ResourceKey, ResourceKind, Scope, Store, StoreError,
};
use tokio::sync::watch;

use crate::world::{Lives, World, scope, sleep};

/// A store that takes its time, or whose process dies at a write: before it, or after it and
/// before its answer.
pub(crate) struct UnrulyStore {
    inner: Arc<dyn Store>,
    /// Writes until it dies, that one included; nothing is answered afterwards.
    writes_left: AtomicUsize,
    fault: Fault,
    died: watch::Sender<bool>,
    delays: Option<Mutex<ChaCha8Rng>>,
    /// What is done to executions that are loaded.
    pub(crate) mangle: fn(&mut Loaded) -> Result<(), StoreError>,
}

impl UnrulyStore {
    pub(crate) fn mortal(inner: Arc<dyn Store>, writes: usize, fault: Fault) -> UnrulyStore {
        let writes_left = AtomicUsize::new(writes);
        let died = watch::Sender::new(false);
        UnrulyStore { inner, writes_left, fault, died, delays: None, mangle: |_| Ok(()) }
    }

    pub(crate) fn slow(inner: Arc<dyn Store>, seed: u8) -> UnrulyStore {
        let delays = Some(Mutex::new(ChaCha8Rng::from_seed([seed; 32])));
        UnrulyStore { delays, ..UnrulyStore::mortal(inner, usize::MAX, Fault::Before) }
    }

    async fn pause(&self) {
        if *self.died.borrow() {
            return pending().await;
        }
        let draw = |delays: &Mutex<ChaCha8Rng>| delays.lock().next_u32() % 8;
        if let Some(milliseconds) = self.delays.as_ref().map(draw) {
            tokio::time::sleep(Duration::from_millis(milliseconds.into())).await;
        }
    }

    async fn paused<T>(&self, call: impl Future<Output = T>) -> T {
        self.pause().await;
        let answer = call.await;
        self.pause().await;
        answer
    }

    async fn write<T>(&self, call: impl Future<Output = T>) -> T {
        if self.writes_left.fetch_sub(1, Ordering::Relaxed) > 1 {
            return self.paused(call).await;
        }
        self.pause().await;
        if self.fault == Fault::After {
            call.await;
        }
        self.died.send_replace(true);
        pending().await
    }
}

#[async_trait]
impl Store for UnrulyStore {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.write(self.inner.commit(commit)).await
    }

    async fn load(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError> {
        let mut loaded = self.paused(self.inner.load(id)).await?;
        if let Some(loaded) = &mut loaded {
            (self.mangle)(loaded)?;
        }
        Ok(loaded)
    }

    async fn find_execution(&self, arn: &str) -> Result<Option<ExecutionId>, StoreError> {
        self.paused(self.inner.find_execution(arn)).await
    }

    async fn header(&self, id: ExecutionId) -> Result<Option<ExecutionHeader>, StoreError> {
        self.paused(self.inner.header(id)).await
    }

    async fn history(
        &self,
        id: ExecutionId,
        from: Option<HistoryCursor>,
        limit: usize,
        reverse: bool,
    ) -> Result<HistoryPage, StoreError> {
        self.paused(self.inner.history(id, from, limit, reverse)).await
    }

    async fn list_executions(
        &self,
        query: &ExecutionQuery,
        status: Option<Status>,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ExecutionHeader>, StoreError> {
        self.paused(self.inner.list_executions(query, status, after, limit)).await
    }

    async fn ended_before(
        &self,
        instant: Timestamp,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Ended, StoreError> {
        self.paused(self.inner.ended_before(instant, after, limit)).await
    }

    async fn remove(&self, headers: &[ExecutionHeader]) -> Result<(), StoreError> {
        self.write(self.inner.remove(headers)).await
    }

    async fn claim_due(&self, now: Timestamp, limit: usize) -> Result<Claim, StoreError> {
        self.paused(self.inner.claim_due(now, limit)).await
    }

    async fn open_count(&self, scope: &Scope) -> Result<u64, StoreError> {
        self.paused(self.inner.open_count(scope)).await
    }

    async fn read_resource(&self, key: &ResourceKey) -> Result<Option<Resource>, StoreError> {
        self.paused(self.inner.read_resource(key)).await
    }

    async fn write_resource(
        &self,
        key: &ResourceKey,
        expected: Option<u64>,
        value: Option<Vec<u8>>,
    ) -> Result<u64, StoreError> {
        self.write(self.inner.write_resource(key, expected, value)).await
    }

    async fn list_resources(
        &self,
        kind: ResourceKind,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(ResourceKey, Resource)>, StoreError> {
        self.paused(self.inner.list_resources(kind, scope, after, limit)).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.inner.close().await
    }
}

/// One life of a workload until everything has ended. Then nothing is left to do.
fn finish(
    lives: &mut Lives,
    store: Arc<dyn Store>,
    workload: impl AsyncFn(World) -> String,
) -> String {
    let result = lives.live_on(store, async |world: World| {
        let result = workload(world).await;
        sleep(1_000).await;
        result
    });
    let store = lives.store.clone();
    store.restart();
    let tokio = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let claim = tokio.block_on(store.claim_due(Timestamp(i64::MAX), 1)).unwrap();
    assert_eq!(claim, Claim::default(), "something is left on the agenda");
    tokio.block_on(check_map_runs(&*store));
    result
}

/// That whatever is kept of a Map Run belongs to one, and the run to an execution that is there.
async fn check_map_runs(store: &dyn Store) {
    let scope = &scope("111111111111", "us-east-1");
    let list = async |kind| {
        let rows = store.list_resources(kind, scope, None, 1_000).await.unwrap();
        rows.into_iter().map(|(key, _)| key.name.to_string()).collect::<Vec<_>>()
    };
    let links = list(ResourceKind::MapRunOfExecution).await;
    for link in &links {
        let id = u128::from_str_radix(link.split_once('/').unwrap().0, 16).unwrap();
        let id = ExecutionId(id.to_be_bytes());
        assert!(store.header(id).await.unwrap().is_some(), "{link} outlived its execution");
    }
    let runs = list(ResourceKind::MapRun).await;
    for run in &runs {
        let is_known = links.iter().any(|link| link.ends_with(&format!("/{run}")));
        assert!(is_known, "no execution has the Map Run {run}");
    }
    for row in list(ResourceKind::MapRunOutcomes).await {
        let run = row.split_once('/').unwrap().0;
        assert!(runs.iter().any(|name| name.ends_with(run)), "{row} outlived its Map Run");
    }
}

/// Counts the writes of a run without faults, and gives its result.
pub(crate) fn sound(
    configure: Configure,
    workload: impl AsyncFn(World) -> String,
) -> (String, usize) {
    let mut lives = Lives::with(configure);
    let inner = lives.store.clone();
    let writes = Arc::new(AtomicUsize::new(0));
    let counted = writes.clone();
    let store = FaultyStore::new(inner, move |operation| {
        counted.fetch_add(usize::from(operation.is_write()), Ordering::Relaxed);
        None
    });
    let result = finish(&mut lives, Arc::new(store), workload);
    (result, writes.load(Ordering::Relaxed))
}

/// How a workload's runtimes are configured, besides what a check varies.
pub(crate) type Configure = fn(&mut RuntimeConfig);

pub(crate) fn usual(_: &mut RuntimeConfig) {}

/// Nothing stays in memory.
fn forgetful(config: &mut RuntimeConfig) {
    config.live_executions_max = 0;
}

fn in_small_steps(config: &mut RuntimeConfig) {
    config.limits.work_per_step = 1;
}

/// The process dies at each write in turn.
pub(crate) fn check_crashes(configure: Configure, workload: impl AsyncFn(World) -> String) {
    let (expected, writes) = sound(configure, &workload);
    assert!(writes > 5, "{writes} writes");
    let variants: [(Fault, Configure); 3] =
        [(Fault::Before, usual), (Fault::After, usual), (Fault::After, forgetful)];
    for (fault, variant) in variants {
        for write in 1..=writes {
            let mut lives = Lives::with(configure).and(variant);
            let store = Arc::new(UnrulyStore::mortal(lives.store.clone(), write, fault));
            let mut died = store.died.subscribe();
            lives.live_on(store, async |world: World| {
                tokio::select! {
                    _ = workload(world) => {}
                    _ = died.wait_for(|died| *died) => {}
                }
            });
            let store = lives.store.clone();
            let result = finish(&mut lives, store, &workload);
            check_same(&result, &expected, &format!("a crash {fault:?} write {write}"));
        }
    }
}

/// The store fails at each write in turn, and then at random.
pub(crate) fn check_faults(configure: Configure, workload: impl AsyncFn(World) -> String) {
    let (expected, writes) = sound(configure, &workload);
    for fault in [Fault::Before, Fault::After] {
        for write in 0..writes {
            let mut lives = Lives::with(configure);
            let store = FaultyStore::after_writes(lives.store.clone(), write, fault);
            let result = finish(&mut lives, Arc::new(store), &workload);
            check_same(&result, &expected, &format!("a fault {fault:?} write {}", write + 1));
        }
    }
    for seed in 0..20 {
        let mut lives = Lives::with(configure);
        let mut random = ChaCha8Rng::from_seed([seed; 32]);
        let store = FaultyStore::new(lives.store.clone(), move |_| match random.next_u32() % 10 {
            0 => Some(Fault::Before),
            1 => Some(Fault::After),
            _ => None,
        });
        let result = finish(&mut lives, Arc::new(store), &workload);
        check_same(&result, &expected, &format!("the faults of seed {seed}"));
    }
}

/// Things happen in other orders, with nothing kept in memory, and in small steps.
pub(crate) fn check_orders(
    configure: Configure,
    workload: impl AsyncFn(World) -> String,
    seeds: u8,
) {
    let (expected, _) = sound(configure, &workload);
    for seed in 0..seeds {
        let mut lives = Lives::with(configure);
        let store = Arc::new(UnrulyStore::slow(lives.store.clone(), seed));
        let result = finish(&mut lives, store, &workload);
        check_same(&result, &expected, &format!("the delays of seed {seed}"));
    }
    let variants: [Configure; 2] = [forgetful, in_small_steps];
    for variant in variants {
        let mut lives = Lives::with(configure).and(variant);
        let store = lives.store.clone();
        let result = finish(&mut lives, store, &workload);
        check_same(&result, &expected, "another configuration");
    }
}

fn check_same(result: &str, expected: &str, with: &str) {
    if result != expected {
        let differs = result.lines().zip(expected.lines()).find(|(is, should)| is != should);
        panic!("with {with}, {differs:?} in\n{result}");
    }
}
