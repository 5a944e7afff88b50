//! Map Runs: each has a driver, which lives as long as the run and its process.
//!
//! Promises: a run holds bounded memory, whatever the number of its items; what a crash interrupts
//! goes on where the parent's effect asks for the run again; a Standard child that has ended is
//! not run a second time.
//!
//! How: the driver takes children from the `feed`, starts them (`children`), counts their ends
//! (`progress`), and writes the ends in batches (`records`). Standard children are executions of
//! the store, found again by their names. Express children run in memory; those whose ends are not
//! written when the process ends run again. In listings the run stands for the state machine of
//! its children.

mod children;
mod drive;
mod express_children;
mod feed;
mod patience;
mod progress;
mod records;
mod results;
mod stop;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use engine::{ExecutionId, Failure, Input, MapRunRequest, Status, TaskId, Timestamp};
use json::Document;
use parking_lot::Mutex;
use store::cluster::Tenure;
use store::{MachineId, MapRunRecord, Scope, StoreError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::live::{Held, Message};
use crate::shell::{Backoff, Shell};
use crate::tasks::Work;

pub(crate) use records::{MapRunName, map_run_is_running, remove_map_runs, runs_prefix};

/// The Map Runs that are driven now.
#[derive(Default)]
pub(crate) struct MapRuns {
    driven: Mutex<BTreeMap<MachineId, Arc<Control>>>,
}

/// How others reach a driver.
pub(crate) struct Control {
    messages: mpsc::UnboundedSender<Word>,
    /// The execution whose Map state it is.
    parent: ExecutionId,
    /// Under which its home was held when the run was asked for.
    tenure: Option<Tenure>,
    /// Stops the driver at once.
    abort: OnceLock<AbortHandle>,
    /// The run as it stands, for those who ask.
    shown: Mutex<Option<MapRunRecord>>,
}

/// What a driver is told.
pub(crate) enum Word {
    /// A Standard child has ended.
    Ended(ChildEnd),
    /// An execution is quarantined: it will not end in this process. It may be a Standard child.
    Quarantined(ExecutionId),
    /// Nobody waits for the run any more; answered when it has stopped.
    Stop(oneshot::Sender<()>),
    /// UpdateMapRun; answered when it is written.
    Update(Settings, oneshot::Sender<Result<(), StoreError>>),
}

/// The end of a Standard child.
pub(crate) struct ChildEnd {
    pub(crate) id: ExecutionId,
    pub(crate) status: Status,
    /// How often it had been redriven by then.
    pub(crate) redrive_count: u64,
    pub(crate) start: Timestamp,
    pub(crate) stop: Timestamp,
    pub(crate) output: Option<Document>,
}

/// What UpdateMapRun sets.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Settings {
    pub(crate) max_concurrency: Option<u64>,
    pub(crate) tolerated_failure_count: Option<u64>,
    pub(crate) tolerated_failure_percentage: Option<f64>,
}

/// How many items a batch holds, by the input of the child that got it.
pub(crate) fn items_of(input: &json::Value) -> u64 {
    let items = input.as_object().and_then(|input| input.get("Items"));
    items.and_then(json::Value::as_array).map_or(1, |items| items.len() as u64)
}

impl Settings {
    pub(crate) fn apply(self, record: &mut MapRunRecord) {
        let Settings { max_concurrency, tolerated_failure_count, tolerated_failure_percentage } =
            self;
        record.max_concurrency = max_concurrency.unwrap_or(record.max_concurrency);
        record.tolerated_failure_count =
            tolerated_failure_count.unwrap_or(record.tolerated_failure_count);
        record.tolerated_failure_percentage =
            tolerated_failure_percentage.unwrap_or(record.tolerated_failure_percentage);
    }
}

impl Control {
    pub(crate) fn tell(&self, word: Word) {
        // A driver that has ended knows it all.
        let _ = self.messages.send(word);
    }

    /// Stops the driver at once.
    fn break_off(&self) {
        if let Some(driver) = self.abort.get() {
            driver.abort();
        }
    }

    /// The run as it stands; none before its driver has read it.
    pub(crate) fn shown(&self) -> Option<MapRunRecord> {
        self.shown.lock().clone()
    }
}

impl MapRuns {
    pub(crate) fn control(&self, run: MachineId) -> Option<Arc<Control>> {
        self.driven.lock().get(&run).cloned()
    }

    /// An execution is quarantined. Which run it may be a child of is not known: it may be that it
    /// cannot be read.
    pub(crate) fn child_quarantined(&self, id: ExecutionId) {
        for control in self.driven.lock().values() {
            control.tell(Word::Quarantined(id));
        }
    }

    /// Stops driving runs, by their executions and the tenures of these: whoever drives the
    /// executions now drives the runs.
    pub(crate) fn forget(&self, is_gone: impl Fn(ExecutionId, Option<Tenure>) -> bool) {
        let driven = self.driven.lock();
        let gone = driven.values().filter(|it| is_gone(it.parent, it.tenure));
        gone.for_each(|control| control.break_off());
    }

    /// A Standard execution has ended: where it is a child of a run that is driven, its driver
    /// learns of it.
    pub(crate) fn child_ended(&self, held: &Held) {
        let Some(control) = self.control(held.header.machine) else {
            return;
        };
        let execution = &held.execution;
        control.tell(Word::Ended(ChildEnd {
            id: held.header.id,
            status: held.header.status,
            redrive_count: held.header.redrive_count,
            start: held.header.start,
            stop: held.header.stop.unwrap_or(held.header.start),
            output: execution.output.clone(),
        }));
    }
}

impl Shell {
    /// Begins to drive the Map Run that a frame of an execution waits for, unless it is driven.
    pub(crate) fn start_map_run(
        self: &Arc<Self>,
        held: &Held,
        task: TaskId,
        request: &MapRunRequest,
    ) {
        let Some(name) = MapRunName::parse(&request.arn) else {
            tracing::error!(arn = %request.arn, "no ARN of a Map Run");
            return;
        };
        let run = name.run;
        let (messages, inbox) = mpsc::unbounded_channel();
        let (abort, shown) = (OnceLock::new(), Mutex::new(None));
        let (parent, tenure) = (held.header.id, held.tenure);
        let control = Arc::new(Control { messages, parent, tenure, abort, shown });
        {
            let mut driven = self.map_runs.driven.lock();
            match driven.get(&run) {
                Some(old) if old.tenure == tenure => return,
                // What it knows of the run is of the past.
                Some(old) => old.break_off(),
                None => {}
            }
            driven.insert(run, control.clone());
        }
        let driving = Driving { shell: self.clone(), run, control: control.clone() };
        let driver = drive::Driver::new(driving, held, task, request, &name, inbox);
        let shell = self.clone();
        let driver = tokio::spawn(driver.drive());
        let _ = control.abort.set(driver.abort_handle());
        let (scope, arn) = (held.header.scope.clone(), request.arn.clone());
        self.spawn_as(Work::MapRun, async move {
            let has_panicked = driver.await.is_err_and(|error| error.is_panic());
            if has_panicked && !shell.is_closing() {
                shell.end_broken_run(parent, task, &scope, &arn).await;
            }
        });
    }

    /// Ends a run whose driver panicked: it costs this run, and nothing else.
    async fn end_broken_run(
        self: &Arc<Self>,
        parent: ExecutionId,
        task: TaskId,
        scope: &Scope,
        arn: &str,
    ) {
        tracing::error!(arn, "the driver of a Map Run met a mistake in Stairwell: the run failed");
        let mut backoff = Backoff::default();
        while let Err(error) = self.stop_map_run(scope, arn).await {
            if matches!(error, StoreError::Corrupt(_)) || !backoff.pause(self, &error).await {
                break;
            }
        }
        let outcome = Err(Failure::new("States.Runtime", "Stairwell made a mistake"));
        self.deliver(parent, Message::input(Input::MapRunFinished { task, outcome }));
    }
}

/// A place in the list of runs that are driven, which its driver gives back when it ends, however
/// that is.
pub(crate) struct Driving {
    shell: Arc<Shell>,
    run: MachineId,
    control: Arc<Control>,
}

impl Driving {
    /// Shows how the run stands to those who ask.
    fn show(&self, record: &MapRunRecord) {
        *self.control.shown.lock() = Some(record.clone());
    }

    /// Gives the place back: from now on the run may be asked for again.
    fn leave(&self) {
        let mut driven = self.shell.map_runs.driven.lock();
        if driven.get(&self.run).is_some_and(|control| Arc::ptr_eq(control, &self.control)) {
            driven.remove(&self.run);
        }
    }
}

impl Drop for Driving {
    fn drop(&mut self) {
        self.leave();
    }
}
