//! Express executions: in memory only, for five minutes at most, and never in the store.
//!
//! Does not: keep a history or a result. Whoever started one learns that it was started, or waits
//! for its end; what becomes of the others stands in the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::{Program, WorkflowType};
use engine::{
    Effect, Execution, Failure, Frame, Input, Limits, Position, Status, TaskId, Timestamp,
};
use json::Document;
use store::Scope;
use tokio::sync::{mpsc, oneshot};

use crate::arn::ArnPrefix;
use crate::budget::Reserved;
use crate::integration::CallHandle;
use crate::logs::LogPolicy;
use crate::permission::Acting;
use crate::shell::Shell;
use crate::start::StartTarget;
use crate::steps::{Begin, Stepped};
use crate::tasks::Work;
use crate::{OperationalError, Runtime, ServiceCall, StartError, StartExecution, StartedExecution};

/// How long an Express execution may run: AWS's quota.
const EXPRESS_SECONDS_MAX: u64 = 300;

/// Durations are billed in steps of this many milliseconds.
const BILLED_MILLISECONDS: u64 = 100;

/// Memory is billed in steps of this many megabytes. Definition and payloads of an execution come
/// to less than one step here.
const BILLED_MEGABYTES: u64 = 64;

/// What an execution takes in memory besides its payloads, about.
pub(crate) const EXPRESS_BYTES: usize = 4_096;

/// An execution as StartSyncExecution shows it: it has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncExecution {
    /// `executionArn`
    pub execution_arn: Arc<str>,
    /// `stateMachineArn`, unqualified.
    pub state_machine_arn: Arc<str>,
    /// `name`
    pub name: Arc<str>,
    /// `startDate`
    pub start_date: Timestamp,
    /// `stopDate`
    pub stop_date: Timestamp,
    /// `status`
    pub status: Status,
    /// `input`
    pub input: Document,
    /// `output`; set where it succeeded.
    pub output: Option<Document>,
    /// `error` and `cause`; set where it did not succeed.
    pub failure: Option<Failure>,
    /// `traceHeader`
    pub trace_header: Option<Arc<str>>,
    /// `billedDurationInMilliseconds`
    pub billed_milliseconds: u64,
    /// `billedMemoryUsedInMB`
    pub billed_megabytes: u64,
}

/// What an Express execution keeps besides itself.
pub(crate) struct ExpressRun {
    pub(crate) scope: Scope,
    pub(crate) program: Arc<Program>,
    /// What of it is logged.
    pub(crate) policy: Option<LogPolicy>,
    /// The trace that it belongs to, where it belongs to one.
    pub(crate) trace_header: Option<Arc<str>>,
    /// What it takes of the memory.
    pub(crate) reserved: Reserved,
}

/// What an Express execution is started with.
pub(crate) struct ExpressStart {
    pub(crate) name: Arc<str>,
    pub(crate) input: Document,
    pub(crate) trace_header: Option<Arc<str>>,
}

impl Runtime {
    /// StartSyncExecution: starts an Express execution, and answers when it has ended, after five
    /// minutes at the latest.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start_sync_execution(
        &self,
        scope: &Scope,
        request: StartExecution<'_>,
    ) -> Result<SyncExecution, StartError> {
        let shell = &self.shell;
        let target = shell.machine_to_start(scope, request.state_machine_arn).await?;
        let machine = &target.machine;
        if machine.workflow_type != WorkflowType::Express {
            return Err(StartError::TypeNotSupported);
        }
        let (name, input) = shell.name_and_input(&request)?;
        let program = shell.program(scope, machine.definition, machine.workflow_type).await?;
        target.check_mocks(&program)?;
        let (sender, receiver) = oneshot::channel();
        let trace_header = shell.trace_header(machine, request.trace_header);
        let start = ExpressStart { name, input, trace_header: trace_header.clone() };
        shell.begin_express(scope, &target, program, start, Some(sender)).await?;
        // It is broken off by a shutdown, and by nothing else.
        let ended = receiver.await.map_err(|_| match shell.is_closing() {
            true => OperationalError::ShuttingDown,
            false => OperationalError::Quarantined,
        })?;
        Ok(sync_execution(ended, trace_header))
    }
}

fn sync_execution(ended: Execution, trace_header: Option<Arc<str>>) -> SyncExecution {
    let stop_date = ended.stop.unwrap_or(ended.start);
    let milliseconds = u64::try_from(stop_date.0 - ended.start.0).unwrap_or(0);
    SyncExecution {
        execution_arn: ended.parameters.arn,
        state_machine_arn: ended.parameters.state_machine_arn,
        name: ended.parameters.name,
        start_date: ended.start,
        stop_date,
        status: ended.status,
        input: ended.parameters.input,
        output: ended.output,
        failure: ended.failure,
        trace_header,
        billed_milliseconds: billed(milliseconds),
        billed_megabytes: BILLED_MEGABYTES,
    }
}

/// The steps that were begun, and one at least.
fn billed(milliseconds: u64) -> u64 {
    milliseconds.div_ceil(BILLED_MILLISECONDS).max(1) * BILLED_MILLISECONDS
}

impl Shell {
    /// Starts an Express execution. The same name may come again: each start is another execution.
    pub(crate) async fn start_express(
        self: &Arc<Self>,
        scope: &Scope,
        target: &StartTarget,
        program: Arc<Program>,
        start: ExpressStart,
    ) -> Result<StartedExecution, StartError> {
        self.begin_express(scope, target, program, start, None).await
    }

    /// As [`Shell::start_express`]; whoever waits is given the execution when it has ended.
    async fn begin_express(
        self: &Arc<Self>,
        scope: &Scope,
        target: &StartTarget,
        program: Arc<Program>,
        start: ExpressStart,
        waits: Option<oneshot::Sender<Execution>>,
    ) -> Result<StartedExecution, StartError> {
        let ExpressStart { name, input, trace_header } = start;
        let reserved = self.budget.reserve(EXPRESS_BYTES + input.len_bytes())?;
        let instant = self.instant();
        let now = instant.shown;
        let arn = ArnPrefix(scope).express(&target.machine.name, &name, &self.random.uuid());
        let id = self.new_execution_id(now, None);
        let parameters = target.parameters(id, arn.clone(), name, input);
        let limits = self.express_limits();
        let policy = LogPolicy::of(&target.machine.configurations);
        let (mocks, facts) = (target.mocks.clone(), (&limits, Vec::new()));
        let step = self.engine_start(&program, parameters, mocks, instant, facts).await?;
        let Stepped { execution, records, effects } = step;
        tracing::debug!(%arn, "started");
        if let Some(kept) = &self.express_history {
            kept.begin(scope, target, trace_header.clone(), &execution, &records);
        }
        self.send_log_lines(self.log_lines(policy.as_ref(), scope, &execution, &records));
        if execution.status == Status::Running {
            let run = ExpressRun { scope: scope.clone(), program, policy, trace_header, reserved };
            self.spawn(self.clone().run_express(run, *execution, effects, waits));
        } else {
            end(*execution, waits);
        }
        Ok(StartedExecution { execution_arn: arn, start_date: now })
    }

    pub(crate) fn express_limits(&self) -> Limits {
        Limits {
            execution_seconds_max: EXPRESS_SECONDS_MAX,
            // AWS counts the events of Standard executions alone.
            history_events_max: u64::MAX,
            ..self.config.limits.clone()
        }
    }

    pub(crate) async fn run_express(
        self: Arc<Self>,
        run: ExpressRun,
        execution: Execution,
        mut effects: Vec<Effect>,
        waits: Option<oneshot::Sender<Execution>>,
    ) {
        let ExpressRun { scope, program, policy, trace_header, mut reserved } = run;
        let mut execution = Box::new(execution);
        let limits = self.express_limits();
        let acting = Acting {
            scope: scope.clone(),
            role_arn: execution.parameters.role_arn.clone(),
            execution_arn: execution.parameters.arn.clone(),
            trace_header,
        };
        let (sender, mut inputs) = mpsc::unbounded_channel();
        if let Some(kept) = &self.express_history {
            kept.listens(execution.id(), &sender);
        }
        let mut calls: BTreeMap<TaskId, CallHandle> = BTreeMap::new();
        while execution.status == Status::Running {
            calls.retain(|task, _| execution.task(*task).is_some());
            for effect in effects.drain(..) {
                if let Effect::CallService { task, request } = effect {
                    let call = self.service_call(&acting, Some(task), request);
                    calls.insert(task, self.call_express(task, call, &sender));
                } else {
                    self.perform_express(&acting, effect, &sender);
                }
            }
            let due = execution.next_due().unwrap_or_default();
            let input = if execution.is_runnable() {
                tokio::task::yield_now().await;
                Input::Tick
            } else {
                tokio::select! {
                    biased;
                    Some(input) = inputs.recv() => input,
                    () = self.config.clock.sleep_until(due) => Input::Tick,
                    () = self.closing() => return,
                }
            };
            let instant = self.instant();
            let now = execution.not_before_last_event(instant.shown);
            let begin = Begin::Input(execution, input);
            let Some(step) = self.step(&program, begin, instant, (&limits, Vec::new())).await
            else {
                return;
            };
            execution = step.execution;
            reserved.resize(EXPRESS_BYTES + payload_bytes(&execution));
            let lines = self.log_lines(policy.as_ref(), &scope, &execution, &step.records);
            self.send_log_lines(lines);
            if let Some(kept) = &self.express_history {
                kept.add(&execution, &step.records, now);
            }
            effects = step.effects;
        }
        end(*execution, waits);
    }

    /// Begins a call, which goes on as long as the handle is there.
    pub(crate) fn call_express(
        self: &Arc<Self>,
        task: TaskId,
        call: ServiceCall,
        inputs: &mpsc::UnboundedSender<Input>,
    ) -> CallHandle {
        let (handle, broken_off) = oneshot::channel();
        let (shell, inputs) = (self.clone(), inputs.clone());
        self.spawn_as(Work::Call, async move {
            if let Some(input) = shell.answer(task, call, broken_off).await {
                // An execution that has ended meanwhile needs no answer.
                let _ = inputs.send(input);
            }
        });
        handle
    }

    pub(crate) fn perform_express(
        self: &Arc<Self>,
        acting: &Acting,
        effect: Effect,
        inputs: &mpsc::UnboundedSender<Input>,
    ) {
        let inputs = inputs.clone();
        match effect {
            Effect::StartChild { task, child } => {
                let (shell, acting) = (self.clone(), acting.clone());
                self.spawn_as(Work::Child, async move {
                    if let Some(started) = shell.start_nested(&acting, None, task, &child).await {
                        // An execution that has ended meanwhile needs no answer.
                        let _ = inputs.send(started.input);
                    }
                });
            }
            // The analysis of definitions refuses the patterns that lead here.
            Effect::OfferActivity { task, .. }
            | Effect::AwaitChild { task, .. }
            | Effect::AwaitJob { task, .. } => {
                let cause = "An Express execution waits for no activities, executions or jobs";
                let outcome = Err(Failure::new("States.Runtime", cause));
                let _ = inputs.send(Input::TaskFinished { task, outcome });
            }
            // A Map state in DISTRIBUTED mode is refused in an Express machine.
            Effect::StartMapRun { .. }
            | Effect::CallService { .. }
            | Effect::StopChild { .. }
            | Effect::StopJob { .. } => {}
        }
    }
}

/// The bytes of what the frames of an execution work on, and of its variables.
fn payload_bytes(execution: &Execution) -> usize {
    let of_frame = |frame: &Frame| {
        let input = match &frame.position {
            Position::Start { input }
            | Position::Before { input, .. }
            | Position::In { input, .. } => input.len_bytes(),
            Position::Done { output } => output.len_bytes(),
        };
        input + frame.variables.values().map(Document::len_bytes).sum::<usize>()
    };
    execution.active_frames().map(|(_, frame)| of_frame(frame)).sum()
}

fn end(execution: Execution, waits: Option<oneshot::Sender<Execution>>) {
    tracing::debug!(arn = %execution.parameters.arn, status = ?execution.status, "ended");
    if let Some(waits) = waits {
        // Who does not wait any more does not want to know.
        let _ = waits.send(execution);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An Express execution whose next step panics: it is in a state that its program has not.
    #[tokio::test(start_paused = true)]
    async fn a_step_that_panics_fails_its_execution_and_no_other() {
        let clock = crate::Clock::tokio(Timestamp(1_700_000_000_000));
        let config = crate::RuntimeConfig::new(clock, [1; 32]);
        let store = Arc::new(store::MemoryStore::new());
        let shell = Arc::new(Shell::new(store, config));
        let definition = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":5,"End":true}}}"#;
        let program = Arc::new(asl::compile(definition, WorkflowType::Express).program.unwrap());
        let limits = shell.express_limits();
        let mut ends = Vec::new();
        for breaks in [true, false] {
            let text = || Arc::<str>::from("a:b:c:d:e:f:g");
            let parameters = engine::StartParameters {
                id: engine::ExecutionId([u8::from(breaks); 16]),
                arn: text(),
                name: text(),
                state_machine_arn: text(),
                state_machine_name: text(),
                role_arn: text(),
                state_machine_version_arn: None,
                state_machine_alias_arn: None,
                input: Document::from_trusted_text("{}"),
            };
            let facts = (&limits, Vec::new());
            let started = shell.engine_start(&program, parameters, None, shell.instant(), facts);
            let Stepped { mut execution, effects, .. } = started.await.unwrap();
            for frame in execution.frames.values_mut().filter(|_| breaks) {
                if let engine::Position::In { state, .. } = &mut frame.position {
                    state.0 = 1_000;
                }
            }
            let (sender, receiver) = oneshot::channel();
            let scope = Scope { account: text(), region: text() };
            let (program, reserved) = (program.clone(), shell.budget.take(0));
            let run = ExpressRun { scope, program, policy: None, trace_header: None, reserved };
            shell.spawn(shell.clone().run_express(run, *execution, effects, Some(sender)));
            ends.push(receiver);
        }
        let sound = ends.pop().unwrap().await.unwrap();
        let broken = ends.pop().unwrap().await.unwrap();
        assert_eq!(sound.status, Status::Succeeded);
        assert_eq!(broken.status, Status::Failed);
        assert_eq!(broken.failure.unwrap().error.as_deref(), Some("States.Runtime"));
        // The step left no event but the last one.
        assert_eq!((broken.last_event, broken.stop), (engine::EventId(3), sound.stop));
    }

    #[test]
    fn durations_are_billed_in_steps() {
        for (milliseconds, expected) in
            [(0, 100), (1, 100), (100, 100), (101, 200), (300_000, 300_000)]
        {
            assert_eq!(billed(milliseconds), expected);
        }
    }
}
