//! Lets a plan happen.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::{ExecutionId, HistoryEvent, Timestamp};
use identity::{Enforcement, Guard, Identities, SealingKey};
use runtime::{Clock, Integrations, MapRunDataHandle, Retention, Runtime, RuntimeConfig};
use store::{
    Fault, FaultyStore, Loaded, MapRunRecord, MemoryCluster, Operation, ResourceKind, Scope, Store,
    StoreError, encoding,
};
use store_embedded::disk::simulated::Loss;
use tokio::sync::Notify;
use tokio::task::LocalSet;
use tokio::time::Instant;

use crate::admin::check_machines;
use crate::backing::Backing;
use crate::outside::{Caller, Outside, spawn_everybody};
use crate::services::{Bucket, EventBridge, Function, Jobs, Journal, status_detail};
use crate::{ClockStep, Crash, Draw, Plan};

/// When every world begins.
pub(crate) const BEGINNING: Timestamp = Timestamp(1_700_000_000_000);
/// How long a world may go on after its last fault.
const WORLD_SECONDS_MAX: u64 = 50_000;
/// How long it may take until the end of a world is noticed.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// How many calls of the store may fail in the life of a process, so that it gets somewhere.
pub(crate) const FAULTY_CALLS_MAX: u64 = 400;

/// What is there when everything has ended.
#[derive(Debug)]
pub struct Outcome {
    /// Every execution that is kept, children included, in the order of their ids.
    pub executions: Vec<Ended>,
    /// Every Map Run that is kept.
    pub map_runs: Vec<MapRunRecord>,
    /// Which of the starts were acknowledged, and the ARN that was told.
    pub started: Vec<Option<Arc<str>>>,
    /// Which of the starts found no state machine any more.
    pub refused: Vec<bool>,
    /// How the Express executions ended that were waited for.
    pub results: Vec<Option<String>>,
    /// What the outside world had to complain of.
    pub complaints: Vec<String>,
    /// What the services remember.
    pub(crate) journal: Arc<Journal>,
    /// How many writes the last process made.
    pub writes: u64,
    /// How many processes died before it.
    pub crashes: u64,
}

/// An execution as the store has it.
#[derive(Debug)]
pub struct Ended {
    /// As it is loaded.
    pub loaded: Loaded,
    /// As its records alone tell it, no checkpoint considered; none where the store does not tell.
    pub rebuilt: Option<Loaded>,
    /// Its history.
    pub events: Vec<HistoryEvent>,
}

/// How the life of a process ended.
enum End {
    Crashed,
    Finished,
}

/// Lets a plan happen.
///
/// # Errors
/// Where something does not end.
pub fn run(plan: &Plan) -> Result<Outcome, String> {
    let mut world = World {
        plan: Rc::new(plan.clone()),
        outside: Rc::new(RefCell::new(Outside::new(plan))),
        now: BEGINNING,
        set_by: Arc::default(),
        journal: Arc::default(),
        writes: Arc::default(),
        crashes: 0,
    };
    if let Some(nodes) = &plan.cluster {
        let cluster = MemoryCluster::new();
        world.live_on_nodes(nodes, &cluster)?;
        return world.outcome(&Backing::Nodes(cluster));
    }
    let mut backing = Backing::new(plan.store, plan.seed)?;
    let mut crashes = plan.crashes.iter();
    for life in 0.. {
        let crash = crashes.next();
        let down = crash.map_or(0, |crash| crash.down_milliseconds);
        let end = world.live(life, crash, &backing)?;
        let loss = match crash.and_then(|crash| crash.power) {
            Some(_) => Loss::Power,
            None => Loss::Process,
        };
        backing = backing.restart(loss, plan.seed ^ life.rotate_left(30))?;
        match end {
            End::Finished => break,
            End::Crashed => {
                world.crashes += 1;
                world.now = world.now.plus_milliseconds(down);
            }
        }
    }
    world.outcome(&backing)
}

/// A world as it goes on.
pub(crate) struct World {
    pub(crate) plan: Rc<Plan>,
    pub(crate) outside: Rc<RefCell<Outside>>,
    /// By the running clock, when the next process begins.
    pub(crate) now: Timestamp,
    /// How far the wall clock is ahead of it, in milliseconds.
    set_by: Arc<AtomicI64>,
    journal: Arc<Journal>,
    /// How many writes the process has made.
    writes: Arc<AtomicU64>,
    pub(crate) crashes: u64,
}

/// A clock that nobody sets, in the life of a process.
#[derive(Clone, Copy)]
pub(crate) struct Running {
    base: Timestamp,
    since: Instant,
}

impl Running {
    pub(crate) fn from(base: Timestamp) -> Running {
        Running { base, since: Instant::now() }
    }

    pub(crate) fn now(self) -> Timestamp {
        self.base.plus_milliseconds(self.since.elapsed().as_millis() as u64)
    }

    /// Returns so many milliseconds after the world began.
    pub(crate) async fn sleep_until(self, milliseconds: u64) {
        let missing = BEGINNING.plus_milliseconds(milliseconds).0 - self.now().0;
        tokio::time::sleep(Duration::from_millis(missing.max(0).unsigned_abs())).await;
    }
}

pub(crate) fn paused_tokio() -> Result<tokio::runtime::Runtime, String> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let tokio = builder.enable_time().start_paused(true).build();
    tokio.map_err(|error| format!("no tokio runtime: {error}"))
}

impl World {
    /// The life of one process: a tokio runtime of its own, so that nothing of it is left behind.
    fn live(&mut self, life: u64, crash: Option<&Crash>, backing: &Backing) -> Result<End, String> {
        let tokio = paused_tokio()?;
        let died = Arc::new(Notify::new());
        let store = self.store(life, crash.copied(), died.clone(), backing);
        let sound = backing.store();
        let local = LocalSet::new();
        local.block_on(&tokio, async {
            let identities = Arc::new(Identities::new(store.clone(), SealingKey::new(&[7; 32])));
            let running = Running::from(self.now);
            self.set_clock(running);
            let clock = Clock::tokio_of(self.now, self.set_by.clone(), &*sound).await;
            let clock = clock.map_err(|error| error.to_string())?;
            let config = self.config(life, clock, running, &identities);
            let runtime = Runtime::open(store, config);
            let caller = Caller::new(&runtime, &self.outside, &self.plan, running);
            let everybody = spawn_everybody(&[caller], identities);
            let end = tokio::select! {
                biased;
                () = died.notified() => Ok(End::Crashed),
                end = self.finished(running, &*sound) => end.map(|()| End::Finished),
                () = self.set_clock_on_time(running) => unreachable!("it never ends"),
            };
            drop(everybody);
            self.now = running.now();
            if matches!(end, Ok(End::Finished)) && self.plan.seed.is_multiple_of(2) {
                runtime.shutdown().await;
            }
            end
        })
    }

    /// Sets the wall clock to what the plan says for this moment. Returns what comes next.
    fn set_clock(&self, running: Running) -> Option<ClockStep> {
        let now = running.now();
        let is_due = |step: &ClockStep| BEGINNING.plus_milliseconds(step.at_milliseconds) <= now;
        let steps = &self.plan.clock_steps;
        let set_by = steps.iter().filter(|step| is_due(step)).map(|step| step.by_milliseconds);
        self.set_by.store(set_by.sum(), Ordering::Relaxed);
        steps.iter().find(|step| !is_due(step)).copied()
    }

    /// Goes on with that. Never ends.
    async fn set_clock_on_time(&self, running: Running) {
        while let Some(next) = self.set_clock(running) {
            running.sleep_until(next.at_milliseconds).await;
        }
        std::future::pending().await
    }

    pub(crate) fn config(
        &self,
        life: u64,
        clock: Clock,
        running: Running,
        identities: &Arc<Identities>,
    ) -> RuntimeConfig {
        let plan = &self.plan;
        let mut config = RuntimeConfig::new(clock, self.seed(life));
        config.limits = plan.limits.clone();
        let (seed, journal) = (plan.seed, self.journal.clone());
        let draw = Mutex::new(Draw::new(seed ^ life.rotate_left(20)));
        let events = EventBridge { journal: journal.clone(), draw };
        config.integrations = Integrations::default()
            .with("lambda", Arc::new(Function { seed, journal: journal.clone() }))
            .with("glue", Arc::new(Jobs { seed, running, journal: journal.clone() }))
            .with("aws-sdk:eventbridge", Arc::new(events));
        config.map_run_data = Some(MapRunDataHandle(Arc::new(Bucket { journal })));
        config.status_detail = Some(status_detail);
        config.live_executions_max = plan.live_executions_max;
        let default_seconds = plan.retention_seconds;
        config.retention = Retention { default_seconds, ..Retention::default() };
        if plan.has_roles {
            let guard = Guard::new(identities.clone(), Enforcement::Enforce);
            config.guard = Some(Arc::new(guard));
        }
        config
    }

    fn seed(&self, life: u64) -> [u8; 32] {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.plan.seed.to_le_bytes());
        seed[8..16].copy_from_slice(&life.to_le_bytes());
        seed
    }

    /// The store of a process that dies at a write, if it does.
    fn store(
        &self,
        life: u64,
        crash: Option<Crash>,
        died: Arc<Notify>,
        backing: &Backing,
    ) -> Arc<dyn Store> {
        let mut draw = Draw::new(self.plan.seed ^ life.rotate_left(40));
        let faults_per_thousand = self.plan.faults_per_thousand;
        let mut calls = 0;
        let mut writes_left = crash.map(|crash| crash.writes);
        let disk = backing.disk();
        let mut is_dead = false;
        let writes = self.writes.clone();
        writes.store(0, Ordering::Relaxed);
        let decide = move |operation: Operation| {
            if is_dead {
                return Some(Fault::Before);
            }
            calls += 1;
            if operation.is_write() {
                writes.fetch_add(1, Ordering::Relaxed);
                if writes_left == Some(0) {
                    is_dead = true;
                    died.notify_one();
                    return crash.and_then(|crash| match (crash.power, &disk) {
                        (Some(call), Some(disk)) => {
                            disk.stop_at(disk.calls() + 1 + call);
                            None
                        }
                        _ => Some(crash.fault),
                    });
                }
                writes_left = writes_left.map(|left| left - 1);
            }
            let fails = calls < FAULTY_CALLS_MAX
                && operation != Operation::Close
                && draw.below(1_000) < faults_per_thousand;
            fails.then(|| *draw.pick(&[Fault::Before, Fault::After]))
        };
        Arc::new(FaultyStore::new(backing.store(), decide))
    }

    /// Returns when everything that was to happen has happened, and nothing is open.
    pub(crate) async fn finished(&self, running: Running, sound: &dyn Store) -> Result<(), String> {
        let began = running.now();
        let mut pause = Duration::from_secs(2);
        loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 9 / 8).min(PAUSE_MAX);
            let open = sound.open_count(&scope()).await.map_err(|error| error.to_string())?;
            let is_told = is_told(sound).await.map_err(|error| error.to_string())?;
            if open == 0 && is_told && self.outside.borrow().is_done() {
                return Ok(());
            }
            if running.now() > began.plus_seconds(WORLD_SECONDS_MAX) {
                let executions = open_executions(sound).await;
                return Err(format!(
                    "{open} executions have not ended {WORLD_SECONDS_MAX} s after the last fault, \
                     or EventBridge was not told of all ({is_told}); outside: {:?}{executions}",
                    self.outside.borrow(),
                ));
            }
        }
    }

    /// Reads everything back.
    fn outcome(self, backing: &Backing) -> Result<Outcome, String> {
        let writes = self.writes.load(Ordering::Relaxed);
        let told = |error: StoreError| error.to_string();
        let store = backing.store();
        let models = self.outside.borrow().models.clone();
        let (executions, map_runs) = paused_tokio()?.block_on(async {
            let runs = map_runs(&*store).await.map_err(told)?;
            let executions = executions(backing, &*store).await.map_err(told)?;
            let reader = RuntimeConfig::new(Clock::tokio(self.now), [0; 32]);
            let reader = Runtime::open(store.clone(), reader);
            check_machines(&reader, &models).await?;
            Ok::<_, String>((executions, runs))
        })?;
        let outside = self.outside.borrow();
        let mut complaints = outside.complaints.clone();
        complaints.append(&mut self.journal.complaints.lock().expect("nobody panics with it"));
        Ok(Outcome {
            executions,
            map_runs,
            started: outside.started.clone(),
            refused: outside.refused.clone(),
            results: outside.results.clone(),
            complaints,
            journal: self.journal,
            writes,
            crashes: self.crashes,
        })
    }
}

/// Whether there is nothing that EventBridge is still to be told.
async fn is_told(store: &dyn Store) -> Result<bool, StoreError> {
    let scope = Scope { account: "".into(), region: "".into() };
    let rows = store.list_resources(ResourceKind::StatusChange, &scope, None, 1).await?;
    Ok(rows.is_empty())
}

/// What the executions that have not ended wait for; of three at most.
async fn open_executions(store: &dyn Store) -> String {
    let mut told = String::new();
    let machines = store.list_resources(ResourceKind::StateMachine, &scope(), None, 100).await;
    let runs = map_runs(store).await.unwrap_or_default();
    let running = runs.iter().filter(|run| run.stop.is_none());
    for run in running.take(3) {
        told += &format!("\n{run:?}");
    }
    for (key, _) in machines.unwrap_or_default() {
        told += &format!("\nmachine {}", key.name);
    }
    if let Ok(claim) = store.claim_due(Timestamp(i64::MAX / 2), 3).await {
        for id in claim.executions {
            if let Ok(Some(loaded)) = store.load(id).await {
                let (header, frames) = (loaded.header, loaded.execution.frames);
                told += &format!("\n{} {:?}: {frames:#?}", header.arn, header.parent);
            }
        }
    }
    told
}

async fn map_runs(store: &dyn Store) -> Result<Vec<MapRunRecord>, StoreError> {
    let rows = store.list_resources(ResourceKind::MapRun, &scope(), None, usize::MAX / 2).await?;
    rows.iter().map(|(_, row)| encoding::decode_map_run(&row.value)).collect()
}

/// Every execution that has ended, and has nothing left to do.
async fn executions(backing: &Backing, store: &dyn Store) -> Result<Vec<Ended>, StoreError> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page = store.ended_before(Timestamp(i64::MAX), after, 1_000).await?;
        for header in page.headers {
            let id = header.id;
            let gone = || StoreError::Corrupt(format!("{id} is listed and not there"));
            let loaded = store.load(id).await?.ok_or_else(gone)?;
            let rebuilt = backing.rebuilt(id)?;
            let events = events(store, id).await?;
            all.push(Ended { loaded, rebuilt, events });
        }
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

async fn events(store: &dyn Store, id: ExecutionId) -> Result<Vec<HistoryEvent>, StoreError> {
    let mut events = Vec::new();
    let mut from = None;
    loop {
        let page = store.history(id, from, 1_000, false).await?;
        events.extend(page.events);
        from = page.next;
        if from.is_none() {
            return Ok(events);
        }
    }
}

/// The account and region of every world.
pub(crate) fn scope() -> Scope {
    Scope { account: "123456789012".into(), region: "us-east-1".into() }
}
