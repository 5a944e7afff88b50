//! Lets a plan happen.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::{HistoryEvent, Status, Timestamp};
use runtime::{Clock, ExecutionsOf, Integrations, ListExecutions, Runtime, RuntimeConfig};
use store::{
    Fault, FaultyStore, Loaded, MemoryStore, Operation, ResourceKind, Scope, Store, StoreError,
};
use tokio::sync::Notify;
use tokio::task::LocalSet;

use crate::outside::{Outside, machine_arn, spawn_everybody};
use crate::services::{EventBridge, Function, status_detail};
use crate::{Crash, Draw, Plan};

/// When every world begins.
pub(crate) const BEGINNING: Timestamp = Timestamp(1_700_000_000_000);
/// How long a world may go on after its last fault.
const WORLD_SECONDS_MAX: u64 = 50_000;
/// How many calls of the store may fail in the life of a process, so that it gets somewhere.
const FAULTY_CALLS_MAX: u64 = 400;

/// What is there when everything has ended.
#[derive(Debug)]
pub struct Outcome {
    /// Every execution, children included, in the order of their ids.
    pub executions: Vec<Ended>,
    /// Which of the starts were acknowledged, and the ARN that was told.
    pub started: Vec<Option<Arc<str>>>,
    /// What the outside world had to complain of.
    pub complaints: Vec<String>,
    /// What EventBridge was told of changes of statuses, in order.
    pub told: Vec<String>,
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
    /// As its records alone tell it, no checkpoint considered.
    pub rebuilt: Loaded,
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
        plan,
        memory: Arc::new(MemoryStore::new()),
        outside: Rc::new(RefCell::new(Outside::new(plan))),
        now: BEGINNING,
        told: Arc::default(),
        writes: Arc::default(),
        crashes: 0,
    };
    let mut crashes = plan.crashes.iter();
    for life in 0.. {
        let crash = crashes.next();
        let jump = crash.map_or(0, |crash| crash.clock_jump_milliseconds);
        match world.live(life, crash)? {
            End::Finished => break,
            End::Crashed => {
                world.crashes += 1;
                world.memory.restart();
                world.now = Timestamp(world.now.0 + jump);
            }
        }
    }
    world.memory.restart();
    world.outcome()
}

struct World<'a> {
    plan: &'a Plan,
    memory: Arc<MemoryStore>,
    outside: Rc<RefCell<Outside>>,
    now: Timestamp,
    /// What EventBridge was told.
    told: Arc<Mutex<Vec<String>>>,
    /// How many writes the process has made.
    writes: Arc<std::sync::atomic::AtomicU64>,
    crashes: u64,
}

impl World<'_> {
    /// The life of one process: a tokio runtime of its own, so that nothing of it is left behind.
    fn live(&mut self, life: u64, crash: Option<&Crash>) -> Result<End, String> {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let tokio = builder.enable_time().start_paused(true).build();
        let tokio = tokio.map_err(|error| format!("no tokio runtime: {error}"))?;
        let died = Arc::new(Notify::new());
        let store = self.store(life, crash.copied(), died.clone());
        let local = LocalSet::new();
        local.block_on(&tokio, async {
            let mut config = RuntimeConfig::new(Clock::tokio(self.now), self.seed(life));
            config.limits = self.plan.limits.clone();
            let function = Function { seed: self.plan.seed };
            let draw = Mutex::new(Draw::new(self.plan.seed ^ life.rotate_left(20)));
            let events = EventBridge { told: self.told.clone(), draw };
            config.integrations = Integrations::default()
                .with("lambda", Arc::new(function))
                .with("aws-sdk:eventbridge", Arc::new(events));
            config.status_detail = Some(status_detail);
            config.live_executions_max = self.plan.live_executions_max;
            let runtime = Runtime::open(store, config);
            let everybody = spawn_everybody(&runtime, self.plan, &self.outside);
            let end = tokio::select! {
                biased;
                () = died.notified() => Ok(End::Crashed),
                end = self.finished(&runtime) => end.map(|()| End::Finished),
            };
            drop(everybody);
            self.now = runtime.now();
            if matches!(end, Ok(End::Finished)) && self.plan.seed.is_multiple_of(2) {
                runtime.shutdown().await;
            }
            end
        })
    }

    fn seed(&self, life: u64) -> [u8; 32] {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.plan.seed.to_le_bytes());
        seed[8..16].copy_from_slice(&life.to_le_bytes());
        seed
    }

    /// The store of a process that dies at a write, if it does.
    fn store(&self, life: u64, crash: Option<Crash>, died: Arc<Notify>) -> Arc<dyn Store> {
        let mut draw = Draw::new(self.plan.seed ^ life.rotate_left(40));
        let faults_per_thousand = self.plan.faults_per_thousand;
        let mut calls = 0;
        let mut writes_left = crash.map(|crash| crash.writes);
        let mut is_dead = false;
        let writes = self.writes.clone();
        writes.store(0, std::sync::atomic::Ordering::Relaxed);
        let decide = move |operation: Operation| {
            if is_dead {
                return Some(Fault::Before);
            }
            calls += 1;
            if operation.is_write() {
                writes.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if writes_left == Some(0) {
                    is_dead = true;
                    died.notify_one();
                    return crash.map(|crash| crash.fault);
                }
                writes_left = writes_left.map(|left| left - 1);
            }
            let fails = calls < FAULTY_CALLS_MAX
                && operation != Operation::Close
                && draw.below(1_000) < faults_per_thousand;
            fails.then(|| *draw.pick(&[Fault::Before, Fault::After]))
        };
        Arc::new(FaultyStore::new(self.memory.clone(), decide))
    }

    /// Returns when everything that was to happen has happened, and nothing is open.
    async fn finished(&self, runtime: &Runtime) -> Result<(), String> {
        let began = runtime.now();
        loop {
            tokio::time::sleep(Duration::from_secs(2)).await;
            let open = self.memory.open_count(&scope()).await.map_err(|error| error.to_string())?;
            let is_told = self.is_told().await.map_err(|error| error.to_string())?;
            if open == 0 && is_told && self.outside.borrow().is_done() {
                return Ok(());
            }
            if runtime.now() > began.plus_seconds(WORLD_SECONDS_MAX) {
                let stuck = self.open_executions(runtime).await;
                return Err(format!(
                    "{open} executions have not ended {WORLD_SECONDS_MAX} s after the last fault, \
                     or EventBridge was not told of all ({is_told}); outside: {:?}{stuck}",
                    self.outside.borrow(),
                ));
            }
        }
    }

    /// Whether there is nothing that EventBridge is still to be told.
    async fn is_told(&self) -> Result<bool, StoreError> {
        let scope = Scope { account: "".into(), region: "".into() };
        let rows = self.memory.list_resources(ResourceKind::StatusChange, &scope, None, 1).await?;
        Ok(rows.is_empty())
    }

    /// What the executions that have not ended wait for.
    async fn open_executions(&self, runtime: &Runtime) -> String {
        let mut told = String::new();
        for name in self.plan.machine_names() {
            let arn = machine_arn(&name);
            let of = ExecutionsOf::StateMachine(&arn);
            let status = Some(Status::Running);
            let request = ListExecutions { of, status, after: None, limit: 3 };
            let list = runtime.list_executions(&scope(), request).await;
            for header in list.into_iter().flat_map(|list| list.executions) {
                if let Ok(Some(loaded)) = self.memory.load(header.id).await {
                    let frames = loaded.execution.frames;
                    told += &format!("\n{} {:?}: {frames:#?}", header.arn, header.parent);
                }
            }
        }
        told
    }

    /// Reads everything back.
    fn outcome(self) -> Result<Outcome, String> {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let tokio = builder.enable_time().start_paused(true).build();
        let tokio = tokio.map_err(|error| format!("no tokio runtime: {error}"))?;
        let writes = self.writes.load(std::sync::atomic::Ordering::Relaxed);
        let executions = tokio.block_on(self.executions())?;
        let outside = self.outside.borrow();
        Ok(Outcome {
            executions,
            started: outside.started.clone(),
            complaints: outside.complaints.clone(),
            told: self.told.lock().expect("nobody panics with it").clone(),
            writes,
            crashes: self.crashes,
        })
    }

    async fn executions(&self) -> Result<Vec<Ended>, String> {
        let config = RuntimeConfig::new(Clock::tokio(self.now), [0; 32]);
        let reader = Runtime::open(self.memory.clone(), config);
        let mut ended = Vec::new();
        for name in self.plan.machine_names() {
            let arn = machine_arn(&name);
            let mut after = None;
            loop {
                let of = ExecutionsOf::StateMachine(&arn);
                let request = ListExecutions { of, status: None, after, limit: 100 };
                let page = reader.list_executions(&scope(), request).await;
                let page = page.map_err(|error| format!("{name}: {error}"))?;
                for header in page.executions {
                    ended.push(self.ended(header.id).await.map_err(|error| error.to_string())?);
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        ended.sort_by_key(|ended| ended.loaded.header.id);
        Ok(ended)
    }

    async fn ended(&self, id: engine::ExecutionId) -> Result<Ended, store::StoreError> {
        let gone = || store::StoreError::Corrupt(format!("{id} is listed and not there"));
        let loaded = self.memory.load(id).await?.ok_or_else(gone)?;
        let rebuilt = self.memory.rebuild_from_records(id)?.ok_or_else(gone)?;
        let page = self.memory.history(id, None, usize::MAX, false).await?;
        Ok(Ended { loaded, rebuilt, events: page.events })
    }
}

/// The account and region of every world.
pub(crate) fn scope() -> Scope {
    Scope { account: "123456789012".into(), region: "us-east-1".into() }
}
