//! Everybody who calls the runtime: those who start and stop executions, workers, and those who
//! bring tokens back. They outlive the process that they call, and try again where it failed.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use engine::{EventKind, Status};
use identity::Identities;
use json::Document;
use runtime::{
    ActivityError, ActivityTask, ExecutionDescription, ExecutionError, ExecutionsOf,
    GetActivityTask, GetExecutionHistory, ListExecutions, RedriveExecution, Runtime,
    SendTaskFailure, SendTaskSuccess, StopExecution, TaskError,
};
use tokio::task::{JoinHandle, spawn_local};

use crate::admin::MachineModel;
use crate::definitions::{ACTIVITY, ARN_PREFIX, CALLBACK};
use crate::world::{Running, scope};
use crate::{Draw, Plan, RedrivePlan, StartPlan, StopPlan};

/// How many call at the same time.
const STARTERS: usize = 3;
const WORKERS: usize = 2;
/// How long to wait before trying again.
pub(crate) const PAUSE: Duration = Duration::from_millis(70);

/// What the outside world knows.
pub(crate) struct Outside {
    /// The ARN of each start that was acknowledged.
    pub(crate) started: Vec<Option<Arc<str>>>,
    /// Which starts were tried.
    pub(crate) tried: Vec<bool>,
    /// Those that found no machine any more.
    pub(crate) refused: Vec<bool>,
    /// What became of those that were waited for.
    pub(crate) results: Vec<Option<String>>,
    /// How many of the steps before the first start are done, and of the changes after.
    pub(crate) steps_done: usize,
    pub(crate) changes_done: usize,
    changes: usize,
    /// What must be there of each machine; none of one that was deleted.
    pub(crate) models: BTreeMap<String, Option<MachineModel>>,
    stopped: usize,
    stops: usize,
    /// Which of the planned redrives are over.
    redriven: Vec<bool>,
    /// Callback executions whose token was brought back.
    called_back: BTreeSet<Arc<str>>,
    pub(crate) draw: Draw,
    pub(crate) complaints: Vec<String>,
}

impl std::fmt::Debug for Outside {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let missing = self.started.iter().filter(|started| started.is_none()).count();
        write!(
            formatter,
            "{missing} starts missing, {} of {} stops done, complaints {:?}",
            self.stopped, self.stops, self.complaints,
        )
    }
}

impl Outside {
    pub(crate) fn new(plan: &Plan) -> Outside {
        Outside {
            started: vec![None; plan.starts.len()],
            tried: vec![false; plan.starts.len()],
            refused: vec![false; plan.starts.len()],
            results: vec![None; plan.starts.len()],
            steps_done: 0,
            changes_done: 0,
            changes: plan.changes.len(),
            models: BTreeMap::new(),
            stopped: 0,
            stops: plan.stops.len(),
            redriven: vec![false; plan.redrives.len()],
            called_back: BTreeSet::new(),
            draw: Draw::new(!plan.seed),
            complaints: Vec::new(),
        }
    }

    /// Whether there is nothing more to do about a start.
    pub(crate) fn has_started(&self, number: usize) -> bool {
        self.started[number].is_some() || self.refused[number]
    }

    /// Whether everything that was planned has been done.
    pub(crate) fn is_done(&self) -> bool {
        (0..self.started.len()).all(|number| self.has_started(number))
            && self.changes_done >= self.changes
            && self.stopped >= self.stops
            && self.redriven.iter().all(|is_over| *is_over)
    }
}

/// Those who call. Dropped, they stop calling.
pub(crate) struct Everybody(Vec<JoinHandle<()>>);

impl Drop for Everybody {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// A caller, and what it needs to know.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) runtime: Runtime,
    pub(crate) outside: Rc<RefCell<Outside>>,
    pub(crate) plan: Rc<Plan>,
    pub(crate) running: Running,
}

/// Lets everybody call the runtime; where there are several, in turn.
pub(crate) fn spawn_everybody(callers: &[Caller], identities: Arc<Identities>) -> Everybody {
    let mut turns = callers.iter().cycle().cloned();
    let mut next = || turns.next().expect("there is a runtime to call");
    let administrator = next();
    let (plan, outside) = (administrator.plan.clone(), administrator.outside.clone());
    let mut tasks = Vec::new();
    tasks.push(spawn_local(async move {
        administrator.set_up(&identities).await;
        administrator.change_all().await;
    }));
    if plan.updates_map_runs {
        let caller = next();
        tasks.push(spawn_local(async move { caller.update_map_runs().await }));
    }
    // Starts of one caller follow one another.
    for first in 0..STARTERS {
        let starts = plan.starts.iter().cloned().enumerate().skip(first).step_by(STARTERS);
        let mut starts: Vec<(usize, StartPlan)> = starts.collect();
        starts.sort_by_key(|(_, start)| start.at_milliseconds);
        let caller = next();
        tasks.push(spawn_local(async move { caller.start_all(starts).await }));
    }
    for (worker, caller) in (0..WORKERS).flat_map(|it| callers.iter().map(move |to| (it, to))) {
        let caller = caller.clone();
        tasks.push(spawn_local(async move { caller.work(worker).await }));
    }
    let done = outside.borrow().stopped;
    let mut stops = plan.stops.clone();
    stops.sort_by_key(|stop| stop.at_milliseconds);
    for stop in stops.into_iter().skip(done) {
        let arn = plan.execution_arn(stop.start);
        let caller = next();
        tasks.push(spawn_local(async move { caller.stop(stop, &arn).await }));
    }
    for (number, redrive) in plan.redrives.iter().copied().enumerate() {
        let arn = plan.execution_arn(redrive.start);
        let caller = next();
        if !outside.borrow().redriven[number] {
            tasks.push(spawn_local(async move { caller.redrive(number, redrive, &arn).await }));
        }
    }
    let calls_back = |definition: &str| definition.contains(".waitForTaskToken");
    if plan.definitions().any(calls_back) {
        let caller = next();
        tasks.push(spawn_local(async move { caller.bring_tokens_back().await }));
    }
    Everybody(tasks)
}

impl Plan {
    /// Every definition of the world.
    fn definitions(&self) -> impl Iterator<Item = &str> {
        self.machines
            .iter()
            .flat_map(|it| [Some(&it.definition), it.first_definition.as_ref()])
            .flatten()
            .map(String::as_str)
    }

    /// The ARN of a start.
    pub(crate) fn execution_arn(&self, start: usize) -> String {
        let start = &self.starts[start];
        let machine = &self.machines[start.machine].name;
        format!("{ARN_PREFIX}:execution:{machine}:{}", start.name)
    }
}

/// The ARN of a machine.
pub(crate) fn machine_arn(name: &str) -> String {
    format!("{ARN_PREFIX}:stateMachine:{name}")
}

impl Caller {
    pub(crate) fn new(
        runtime: &Runtime,
        outside: &Rc<RefCell<Outside>>,
        plan: &Rc<Plan>,
        running: Running,
    ) -> Caller {
        let (runtime, outside, plan) = (runtime.clone(), outside.clone(), plan.clone());
        Caller { runtime, outside, plan, running }
    }

    pub(crate) fn complain(&self, what: impl std::fmt::Display) {
        self.outside.borrow_mut().complaints.push(what.to_string());
    }

    async fn stop(&self, stop: StopPlan, arn: &str) {
        self.running.sleep_until(stop.at_milliseconds).await;
        let request = StopExecution {
            execution_arn: arn,
            error: Some("Stopped"),
            cause: Some("from outside"),
        };
        loop {
            match self.runtime.stop_execution(&scope(), request).await {
                Ok(_) | Err(ExecutionError::DoesNotExist(_)) => break,
                Err(ExecutionError::Operational(_)) => tokio::time::sleep(PAUSE).await,
                Err(other) => return self.complain(format!("stop {arn}: {other}")),
            }
        }
        self.outside.borrow_mut().stopped += 1;
    }

    /// Whether a start is no execution, or one that need not be there any more.
    fn is_gone(&self, start: usize) -> bool {
        let outside = self.outside.borrow();
        let is_kept = self.plan.retention_seconds.is_none();
        outside.refused[start] || outside.started[start].is_some() && !is_kept
    }

    /// Redrives an execution when it has ended, so long as it does not succeed.
    async fn redrive(&self, number: usize, redrive: RedrivePlan, arn: &str) {
        loop {
            tokio::time::sleep(PAUSE).await;
            let described = match self.runtime.describe_execution(&scope(), arn).await {
                Ok(described) => described,
                Err(ExecutionError::DoesNotExist(_)) if self.is_gone(redrive.start) => break,
                Err(ExecutionError::DoesNotExist(_) | ExecutionError::Operational(_)) => continue,
                Err(other) => return self.complain(format!("describe {arn}: {other}")),
            };
            let header = described.header;
            if header.status == Status::Succeeded
                || header.status != Status::Running && header.redrive_count >= redrive.times
            {
                break;
            }
            if header.status == Status::Running {
                continue;
            }
            match self.redrive_once(arn, header.redrive_count).await {
                Ok(()) => {}
                // Stopped or redriven by somebody else meanwhile, or at its last event.
                Err(ExecutionError::NotRedrivable(why))
                    if ["limit", "DELETING", "period"].iter().any(|word| why.contains(word)) =>
                {
                    break;
                }
                Err(ExecutionError::DoesNotExist(_)) if self.is_gone(redrive.start) => break,
                Err(ExecutionError::NotRedrivable(why)) if why.contains("RUNNING") => {}
                Err(other) => return self.complain(format!("redrive {arn}: {other}")),
            }
        }
        self.outside.borrow_mut().redriven[number] = true;
    }

    /// Asks until there is an answer, and once more: with the same token, that changes nothing.
    async fn redrive_once(&self, arn: &str, count: u64) -> Result<(), ExecutionError> {
        let token = format!("{arn}-{count}");
        let request = RedriveExecution { execution_arn: arn, client_token: Some(&token) };
        let mut first = None;
        loop {
            match self.runtime.redrive_execution(&scope(), request).await {
                Ok(date) if first.is_none() => first = Some(date),
                Ok(date) => {
                    if first != Some(date) {
                        self.complain(format!("{arn} was redriven at {first:?} and at {date:?}"));
                    }
                    return Ok(());
                }
                Err(ExecutionError::Operational(_)) => tokio::time::sleep(PAUSE).await,
                Err(other) => return Err(other),
            }
        }
    }

    /// A worker of the activity.
    async fn work(&self, worker: usize) {
        let activity = format!("{ARN_PREFIX}:activity:{ACTIVITY}");
        let name = format!("worker-{worker}");
        loop {
            let request = GetActivityTask {
                activity_arn: &activity,
                worker_name: (worker == 0).then_some(name.as_str()),
                wait: Duration::from_secs(60),
            };
            match self.runtime.get_activity_task(&scope(), request).await {
                Ok(Some(task)) => self.answer(&task).await,
                Ok(None) => {}
                Err(ActivityError::Operational(_) | ActivityError::DoesNotExist(_)) => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(other) => return self.complain(other),
            }
        }
    }

    /// Answers a task in one way or another, or never.
    async fn answer(&self, task: &ActivityTask) {
        let (mood, delay) = {
            let draw = &mut self.outside.borrow_mut().draw;
            (draw.below(10), Duration::from_millis(draw.below(3_000)))
        };
        tokio::time::sleep(delay).await;
        let token = &task.token.0;
        match mood {
            0 => {}
            1 => drop(self.fail(token, Some("Custom"), Some("on purpose")).await),
            2 => drop(self.fail(token, None, None).await),
            3 => {
                for _ in 0..3 {
                    // It may have timed out meanwhile, as any answer may.
                    drop(self.runtime.send_task_heartbeat(&scope(), token).await);
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                drop(self.succeed(token).await);
            }
            4 => {
                if self.succeed(token).await.is_ok() && self.succeed(token).await.is_ok() {
                    self.complain("a result was taken twice");
                }
            }
            _ => drop(self.succeed(token).await),
        }
    }

    async fn succeed(&self, token: &str) -> Result<(), TaskError> {
        let request = SendTaskSuccess { task_token: token, output: r#"{"done":[1,2.0]}"# };
        loop {
            match self.runtime.send_task_success(&scope(), request).await {
                Err(TaskError::Operational(_)) => tokio::time::sleep(PAUSE).await,
                other => return other,
            }
        }
    }

    async fn fail(
        &self,
        token: &str,
        error: Option<&str>,
        cause: Option<&str>,
    ) -> Result<(), TaskError> {
        let request = SendTaskFailure { task_token: token, error, cause };
        loop {
            match self.runtime.send_task_failure(&scope(), request).await {
                Err(TaskError::Operational(_)) => tokio::time::sleep(PAUSE).await,
                other => return other,
            }
        }
    }

    /// Finds the tokens in the inputs of the callback machine's executions, and brings them back.
    async fn bring_tokens_back(&self) {
        loop {
            tokio::time::sleep(Duration::from_millis(1_300)).await;
            let arn = machine_arn(CALLBACK);
            let of = ExecutionsOf::StateMachine(&arn);
            let request = ListExecutions { of, status: None, after: None, limit: 1_000 };
            let Ok(list) = self.runtime.list_executions(&scope(), request).await else { continue };
            for header in list.executions {
                if self.outside.borrow().called_back.contains(&header.arn) {
                    continue;
                }
                let described = self.runtime.describe_execution(&scope(), &header.arn).await;
                if let Ok(described) = described
                    && self.is_expected(&described).await
                    && self.bring_back(&described.input).await
                {
                    self.outside.borrow_mut().called_back.insert(header.arn);
                }
            }
        }
    }

    /// Whether the parent knows that its task was submitted. Without that, a token that comes back
    /// while a crash is mended shows in the history: rightly, but not in an ordered world.
    async fn is_expected(&self, child: &ExecutionDescription) -> bool {
        let Some(parent) = child.input.value().get("parent").and_then(json::Value::as_str) else {
            return false;
        };
        let request = GetExecutionHistory {
            execution_arn: parent,
            from: None,
            limit: 30_000,
            reverse: false,
        };
        let history = self.runtime.get_execution_history(&scope(), request).await;
        let submitted = history.into_iter().flat_map(|page| page.events).any(|event| {
            matches!(&event.kind, EventKind::TaskSubmitted { output, .. }
                if output.text().contains(&*child.header.arn))
        });
        submitted || !self.plan.is_ordered
    }

    /// Brings a token back. What with depends on the input alone, so that an ordered world answers
    /// the same whatever happened. Says whether that is over.
    async fn bring_back(&self, input: &Document) -> bool {
        let member = |name: &str| input.value().get(name).map(json::Value::to_text);
        let Some(token) = input.value().get("token").and_then(json::Value::as_str) else {
            self.complain(format!("no token in {}", input.text()));
            return true;
        };
        if !self.plan.is_ordered {
            match self.outside.borrow_mut().draw.below(6) {
                0 => return false,
                1 => {
                    let runtime = self.runtime.clone();
                    let token = token.to_owned();
                    spawn_local(async move {
                        drop(runtime.send_task_heartbeat(&scope(), &token).await);
                    });
                    return false;
                }
                _ => {}
            }
        }
        let salt = format!("{:?} {:?}", member("retries"), member("n"));
        let salt =
            salt.bytes().fold(self.plan.seed, |sum, byte| sum.rotate_left(5) ^ u64::from(byte));
        let result = match Draw::new(salt).below(4) {
            0 => self.fail(token, Some("Custom"), Some("brought back")).await,
            _ => self.succeed(token).await,
        };
        match result {
            Ok(()) | Err(TaskError::TaskTimedOut | TaskError::TaskDoesNotExist) => true,
            Err(other) => {
                self.complain(other);
                true
            }
        }
    }
}
