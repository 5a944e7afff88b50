//! Deciding: what an input leads to.

use std::collections::VecDeque;
use std::sync::Arc;

use asl::{Program, RegionIndex, State, StateIndex, StateKind, Transition};
use json::Document;
use rand_core::Rng;

use crate::evaluate::{Exit, Fault};
use crate::limits::STATE_WORK;
use crate::retry::{RUNTIME, TIMEOUT};
use crate::trial::Trial;
use crate::{
    Effect, EventId, EventKind, Execution, ExecutionId, Failure, Frame, FrameId, HistoryEvent, Job,
    Limits, Mocks, Note, Position, Record, Status, TaskId, TimerShift, Timestamp, WaitingOn,
};

/// What an execution starts with.
#[derive(Clone, Debug, PartialEq)]
pub struct StartParameters {
    /// Its number in the store.
    pub id: ExecutionId,
    /// Its ARN.
    pub arn: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// The unqualified ARN of its state machine.
    pub state_machine_arn: Arc<str>,
    /// The name of its state machine.
    pub state_machine_name: Arc<str>,
    /// The role that it runs with.
    pub role_arn: Arc<str>,
    /// Set where it was started by a version or by an alias.
    pub state_machine_version_arn: Option<Arc<str>>,
    /// Set where it was started by an alias.
    pub state_machine_alias_arn: Option<Arc<str>>,
    /// Its input.
    pub input: Document,
}

/// What arrives.
#[derive(Clone, Debug)]
pub enum Input {
    /// Time has passed: whatever is due by now happens. Also goes on with work that the last step
    /// left over.
    Tick,
    /// A worker took an activity's task.
    ActivityStarted {
        /// Which.
        task: TaskId,
        /// `workerName` of GetActivityTask.
        worker_name: Option<Arc<str>>,
    },
    /// The call of a task that goes on waiting was accepted.
    TaskSubmitted {
        /// Which.
        task: TaskId,
        /// The answer of the call.
        output: Document,
        /// The ARN of the nested execution, where its end is awaited (`.sync`, `.sync:2`).
        child_arn: Option<Arc<str>>,
    },
    /// The call of a task, that would go on waiting, was refused; or the work itself ended.
    TaskFinished {
        /// Which.
        task: TaskId,
        /// Its result, or why it failed.
        outcome: Result<Document, Failure>,
    },
    /// A Map Run has ended.
    MapRunFinished {
        /// Which: the frame, and its `MapRunStarted` event.
        task: TaskId,
        /// Its result, or why it failed.
        outcome: Result<Document, Failure>,
    },
    /// A worker is alive. Writes no record.
    Heartbeat {
        /// Which.
        task: TaskId,
    },
    /// StopExecution.
    Stopped(Failure),
    /// The nested executions, Map Runs and jobs that were to be stopped are: those of
    /// [`Execution::abandoned`] and [`Execution::abandoned_jobs`] that are named are forgotten.
    StopsDone {
        /// Nested executions and Map Runs.
        children: Vec<Arc<str>>,
        /// Jobs of services.
        jobs: Vec<Job>,
    },
    /// RedriveExecution, of an execution that did not succeed: it goes on from where it failed.
    /// Changes nothing of one that runs or succeeded. Whether the redrive is allowed is the
    /// caller's to say.
    Redriven {
        /// `clientToken`
        client_token: Option<Arc<str>>,
    },
}

/// What a step gives.
#[derive(Debug, Default)]
pub struct Step {
    /// To be committed, in order.
    pub records: Vec<Record>,
    /// To be performed after the commit, at least once; [`Execution::pending_effects`] gives those
    /// that are still to be performed after a crash.
    pub effects: Vec<Effect>,
    /// The work that it was, in the units of [`Limits::work_per_step`].
    pub work: u64,
}

/// What a step may look at besides the execution.
pub struct StepEnv<'a> {
    /// The time of day: the step's events bear it, or the execution's last timestamp where that
    /// is later.
    pub now: Timestamp,
    /// The same instant on the scale of timers, which no step of the machine's clock moves: what
    /// is due, is due on it. Equal to `now` where there is one scale.
    pub timer_now: Timestamp,
    /// For UUIDs, tokens and jitter.
    pub random: &'a mut dyn Rng,
    /// What the execution may use.
    pub limits: &'a Limits,
    /// The activities of the program that do not exist at `now`.
    pub absent_activities: &'a [Arc<str>],
}

/// Begins an execution and advances it until it can only wait, or its budget is used up.
pub fn start(
    program: &Program,
    parameters: StartParameters,
    env: &mut StepEnv<'_>,
) -> (Execution, Step) {
    start_mocked(program, parameters, None, env)
}

/// As [`start`]; under a test case, where one is given.
pub fn start_mocked(
    program: &Program,
    parameters: StartParameters,
    mocks: Option<Mocks>,
    env: &mut StepEnv<'_>,
) -> (Execution, Step) {
    let seconds = seconds_max(program, env);
    let notes = mocks.map(|mocks| Note::Mocked { mocks }).into_iter().collect();
    begin(program, parameters, notes, seconds, env)
}

/// As [`start`], of a child execution of a Map Run: it runs the item processor.
pub fn start_map_child(
    program: &Program,
    parameters: StartParameters,
    processor: RegionIndex,
    mocks: Option<Mocks>,
    env: &mut StepEnv<'_>,
) -> (Execution, Step) {
    let seconds = env.limits.execution_seconds_max;
    let mocked = mocks.map(|mocks| Note::Mocked { mocks });
    let notes = [Note::MapRunChild { processor }].into_iter().chain(mocked).collect();
    begin(program, parameters, notes, seconds, env)
}

fn begin(
    program: &Program,
    parameters: StartParameters,
    notes: Vec<Note>,
    seconds: u64,
    env: &mut StepEnv<'_>,
) -> (Execution, Step) {
    let started = EventKind::ExecutionStarted {
        input: parameters.input.clone(),
        role_arn: parameters.role_arn.clone(),
        state_machine_version_arn: parameters.state_machine_version_arn.clone(),
        state_machine_alias_arn: parameters.state_machine_alias_arn.clone(),
        deadline: Some(env.timer_now.plus_seconds(seconds)),
    };
    let mut execution = Execution::new(parameters);
    let step = Stepper::run(program, &mut execution, env, |stepper| {
        stepper.emit(FrameId::ROOT, EventId::NONE, started)?;
        notes.into_iter().for_each(|note| stepper.write(Record::Note(note)));
        Ok(())
    });
    (execution, step)
}

/// How long an execution may run from its start, or from a redrive.
pub(crate) fn seconds_max(program: &Program, env: &StepEnv<'_>) -> u64 {
    let limit_seconds = env.limits.execution_seconds_max;
    program.timeout_seconds.unwrap_or(limit_seconds).min(limit_seconds)
}

/// Advances an execution with one input, until it can only wait, or its budget is used up (then
/// [`Execution::is_runnable`] holds, and a `Tick` goes on). An input for a task that is no longer
/// waited for changes nothing and gives no records.
pub fn step(
    program: &Program,
    execution: &mut Execution,
    input: Input,
    env: &mut StepEnv<'_>,
) -> Step {
    let goes_on = match execution.status {
        Status::Running => true,
        Status::Succeeded => false,
        Status::Failed | Status::TimedOut | Status::Aborted => {
            matches!(input, Input::Redriven { .. })
        }
    };
    if !goes_on {
        return late(execution, input);
    }
    Stepper::run(program, execution, env, |stepper| stepper.take(input))
}

/// What an input that comes too late still leads to: a nested execution that started meanwhile has
/// nobody to wait for it.
fn late(execution: &Execution, input: Input) -> Step {
    let mut step = Step::default();
    if let Input::TaskSubmitted { task, child_arn: Some(child_arn), .. } = input
        && execution.task(task).is_none()
    {
        step.effects.push(Effect::StopChild { child_arn });
    }
    step
}

/// The execution has ended: there is nothing more to decide.
#[derive(Debug)]
pub(crate) struct Ended;

/// A step in the making.
pub(crate) struct Stepper<'a, 'env> {
    pub(crate) program: &'a Program,
    pub(crate) execution: &'a mut Execution,
    pub(crate) env: &'a mut StepEnv<'env>,
    step: Step,
    /// Frames that go on; what a frame that just moved does next comes first, so that histories
    /// read branch by branch.
    ready: VecDeque<FrameId>,
    /// Of [`Limits::work_per_step`], the part that is used.
    work: u64,
    /// How many nested executions and jobs were to be stopped before this step.
    pub(crate) abandoned_before: (usize, usize),
    /// How many states may still be entered, where one is tried on its own.
    states_left: u64,
    /// The state that is about to be entered, while what its event says is worked out.
    pub(crate) entering: Option<&'a State>,
    /// Set where a state is tried on its own.
    pub(crate) trial: Option<&'a mut Trial>,
}

impl<'a, 'env> Stepper<'a, 'env> {
    pub(crate) fn new(
        program: &'a Program,
        execution: &'a mut Execution,
        env: &'a mut StepEnv<'env>,
    ) -> Self {
        let abandoned_before = (execution.abandoned.len(), execution.abandoned_jobs.len());
        Stepper {
            program,
            execution,
            env,
            step: Step::default(),
            ready: VecDeque::new(),
            work: 0,
            abandoned_before,
            states_left: u64::MAX,
            entering: None,
            trial: None,
        }
    }

    fn run(
        program: &'a Program,
        execution: &'a mut Execution,
        env: &'a mut StepEnv<'env>,
        first: impl FnOnce(&mut Self) -> Result<(), Ended>,
    ) -> Step {
        Stepper::run_with(program, execution, env, None, first)
    }

    /// A step of a state that is tried on its own, which enters so many states at most.
    pub(crate) fn run_trial(
        program: &'a Program,
        execution: &'a mut Execution,
        env: &'a mut StepEnv<'env>,
        trial: (&'a mut Trial, u64),
        input: Option<Input>,
    ) -> Step {
        Stepper::run_with(program, execution, env, Some(trial), |stepper| match input {
            None => Ok(()),
            Some(input) => stepper.take(input),
        })
    }

    fn run_with(
        program: &'a Program,
        execution: &'a mut Execution,
        env: &'a mut StepEnv<'env>,
        trial: Option<(&'a mut Trial, u64)>,
        first: impl FnOnce(&mut Self) -> Result<(), Ended>,
    ) -> Step {
        let mut stepper = Stepper::new(program, execution, env);
        if let Some((trial, states_max)) = trial {
            (stepper.trial, stepper.states_left) = (Some(trial), states_max);
        }
        // How an execution ends is written in its records; there is nothing to report here.
        let (Ok(()) | Err(Ended)) = first(&mut stepper).and_then(|()| stepper.advance_all());
        stepper.ask_for_stops();
        stepper.step.work = stepper.work;
        stepper.step
    }

    fn take(&mut self, input: Input) -> Result<(), Ended> {
        match input {
            Input::Tick => self.tick(),
            Input::ActivityStarted { task, worker_name } => {
                self.activity_started(task, worker_name)
            }
            Input::TaskSubmitted { task, output, child_arn } => {
                self.task_submitted(task, output, child_arn)
            }
            Input::TaskFinished { task, outcome } => self.task_finished(task, outcome),
            Input::Heartbeat { task } => {
                self.heartbeat(task);
                Ok(())
            }
            Input::MapRunFinished { task, outcome } => self.map_run_finished(task, outcome),
            Input::StopsDone { children, jobs } => {
                self.stops_done(children, jobs);
                Ok(())
            }
            Input::Redriven { client_token } => self.redrive(client_token),
            Input::Stopped(failure) => {
                self.abort_map_run(FrameId::ROOT)?;
                self.abort_below(FrameId::ROOT, None, None)?;
                self.end(EventId::NONE, EventKind::ExecutionAborted(failure))
            }
        }
    }

    fn tick(&mut self) -> Result<(), Ended> {
        if self.execution.deadline.is_some_and(|deadline| deadline <= self.env.timer_now) {
            let failure = Failure::named(TIMEOUT);
            return self.end(EventId::NONE, EventKind::ExecutionTimedOut(failure));
        }
        let now = self.env.timer_now;
        let is_due = |frame: &Frame| frame.due().is_some_and(|due| due <= now);
        let frames = self.execution.active_frames();
        let due: Vec<FrameId> =
            frames.filter(|(_, frame)| is_due(frame)).map(|(id, _)| id).collect();
        for frame in due {
            // What happened to the frames before it may have moved or removed this one.
            if self.execution.frames.get(&frame).is_some_and(is_due) {
                self.time_passed(frame)?;
            }
        }
        Ok(())
    }

    fn time_passed(&mut self, id: FrameId) -> Result<(), Ended> {
        let Position::In { waiting_on, .. } = &self.execution.frame(id).position else {
            unreachable!("only a frame in a state is due");
        };
        match waiting_on {
            WaitingOn::Until(_) => self.wait_ended(id),
            WaitingOn::Retry(retry) => {
                let previous = retry.previous;
                self.work(id, previous)
            }
            WaitingOn::Task(_) => self.task_timed_out(id),
            WaitingOn::Nothing | WaitingOn::Join(_) | WaitingOn::MapRun(_) => {
                unreachable!("none of them is ever due")
            }
        }
    }

    /// Lets every frame that can go on do so, within the budget.
    ///
    /// They go in the order of their numbers. A frame that moved goes on before the others, all of
    /// which have greater numbers; and so do those that it makes. So the next step goes on where
    /// this one stops, and the history is the same whatever the budget is.
    fn advance_all(&mut self) -> Result<(), Ended> {
        let frames = self.execution.active_frames();
        self.ready = frames.filter(|(_, frame)| frame.is_runnable()).map(|(id, _)| id).collect();
        let mut is_first = true;
        while self.states_left > 0 && (is_first || self.work < self.env.limits.work_per_step) {
            let Some(id) = self.ready.pop_front() else {
                break;
            };
            self.advance(id)?;
            is_first = false;
        }
        Ok(())
    }

    /// Counts work.
    pub(crate) fn charge(&mut self, work: u64) {
        self.work += work;
    }

    fn advance(&mut self, id: FrameId) -> Result<(), Ended> {
        // A frame may be gone since it was queued, with the state that it ran for.
        let Some(frame) = self.execution.frames.get(&id) else {
            return Ok(());
        };
        let (state, input) = match &frame.position {
            Position::Start { input } => (self.program.region(frame.region).start, input.clone()),
            Position::Before { state, input } => (*state, input.clone()),
            Position::In { .. } | Position::Done { .. } => return Ok(()),
        };
        self.states_left -= 1;
        self.charge(STATE_WORK);
        self.enter(id, state, input)
    }

    pub(crate) fn enter(
        &mut self,
        id: FrameId,
        index: StateIndex,
        input: Document,
    ) -> Result<(), Ended> {
        let state = self.program.state(index);
        let until = match &state.kind {
            StateKind::Wait(wait) => {
                self.entering = Some(state);
                Some(self.wait_until(id, state, wait, &input))
            }
            _ => None,
        };
        self.entering = None;
        let previous = self.execution.frame(id).last_event;
        let entered = EventKind::StateEntered {
            state_type: state.kind.state_type(),
            name: state.name.clone(),
            input,
            state: index,
            until: until.as_ref().and_then(|until| until.as_ref().ok().copied()),
        };
        let entered = self.emit(id, previous, entered)?;
        match until {
            Some(Err(fault)) => self.fail_with(id, fault, entered),
            Some(Ok(until)) if until <= self.env.timer_now => self.wait_ended(id),
            Some(Ok(_)) => Ok(()),
            None => self.work(id, entered),
        }
    }

    /// Does what the state of a frame is there for: when it was entered, and at each retry.
    /// `previous` is the event that led here.
    pub(crate) fn work(&mut self, id: FrameId, previous: EventId) -> Result<(), Ended> {
        let Position::In { state, input, .. } = &self.execution.frame(id).position else {
            unreachable!("a frame works in a state");
        };
        let (state, input) = (self.program.state(*state), input.clone());
        if let Some(mock) = self.mock_of(&state.kind) {
            return self.mocked(id, state, &input, mock, previous);
        }
        match &state.kind {
            StateKind::Pass(pass) => self.pass(id, state, pass, &input),
            StateKind::Task(task) => self.task(id, state, task, &input, previous),
            StateKind::Choice(choice) => self.choice(id, state, choice, &input),
            StateKind::Wait(_) => unreachable!("a Wait state waits, and is never tried again"),
            StateKind::Succeed => self.succeed(id, state, &input),
            StateKind::Fail(fail) => self.fail(id, fail, &input),
            StateKind::Parallel(branches) => self.parallel(id, state, branches, &input, previous),
            StateKind::Map(map) => self.map(id, state, map, &input, previous),
        }
    }

    /// Leaves a state for the next one, or ends the region.
    pub(crate) fn exit(
        &mut self,
        id: FrameId,
        previous: EventId,
        exit: Exit,
        next: Option<StateIndex>,
    ) -> Result<(), Ended> {
        let state = self.state_of(id);
        let Exit { output, assigned } = exit;
        self.observe(|seen| seen.variables.extend(assigned.iter().cloned()));
        let exited = EventKind::StateExited {
            state_type: state.kind.state_type(),
            name: state.name.clone(),
            output: output.clone(),
            assigned,
            next,
        };
        let exited = self.emit(id, previous, exited)?;
        if next.is_some() {
            self.ready.push_front(id);
            return Ok(());
        }
        match self.execution.frame(id).parent {
            None => self.end(exited, EventKind::ExecutionSucceeded { output }),
            Some(parent) => self.child_done(parent, id),
        }
    }

    /// Leaves a state as its `Next` or `End` says.
    pub(crate) fn leave(
        &mut self,
        id: FrameId,
        output: Result<Exit, Fault>,
        transition: Transition,
        previous: EventId,
    ) -> Result<(), Ended> {
        let next = match transition {
            Transition::Next(next) => Some(next),
            Transition::End => None,
        };
        match output {
            Ok(exit) => self.exit(id, previous, exit, next),
            Err(fault) => self.fail_with(id, fault, previous),
        }
    }

    /// The state that a frame is in.
    pub(crate) fn state_of(&self, id: FrameId) -> &'a State {
        let Position::In { state, .. } = &self.execution.frame(id).position else {
            unreachable!("asked of a frame in a state");
        };
        self.program.state(*state)
    }

    /// Writes an event, unless the history is full: then its last event says so instead.
    pub(crate) fn emit(
        &mut self,
        frame: FrameId,
        previous: EventId,
        kind: EventKind,
    ) -> Result<EventId, Ended> {
        self.follow_timers(frame, &kind);
        let id = self.execution.last_event.next();
        if id.0 >= self.env.limits.history_events_max && !kind.ends_execution() {
            let text = format!(
                "The execution reached the maximum number of history events ({}).",
                self.env.limits.history_events_max
            );
            let failed = EventKind::ExecutionFailed(Failure::new(RUNTIME, text));
            self.end(previous, failed)?;
        }
        self.write(Record::Event(HistoryEvent {
            id,
            previous,
            timestamp: self.now(),
            frame,
            kind,
        }));
        Ok(id)
    }

    /// Before an event that a timeout or a heartbeat is counted from: says how far the scale of
    /// timers is from the timestamps, where that has changed.
    fn follow_timers(&mut self, frame: FrameId, kind: &EventKind) {
        // A little is not worth a record: a timeout is right within a second.
        const LITTLE_MILLISECONDS: u64 = 500;
        let counts = match kind {
            EventKind::TaskScheduled { timeout_seconds, heartbeat_seconds, .. }
            | EventKind::ActivityScheduled { timeout_seconds, heartbeat_seconds, .. } => {
                timeout_seconds.is_some() || heartbeat_seconds.is_some()
            }
            EventKind::LambdaFunctionScheduled { timeout_seconds, .. } => timeout_seconds.is_some(),
            EventKind::ActivityStarted { .. } => {
                let task = self.execution.frame(frame).task();
                task.is_some_and(|task| task.heartbeat_seconds.is_some())
            }
            _ => false,
        };
        let shift = self.env.timer_now.0.saturating_sub(self.now().0);
        if counts && shift.abs_diff(self.execution.timer_shift.0) >= LITTLE_MILLISECONDS {
            let shift = TimerShift(shift);
            self.write(Record::Note(Note::TimersShifted { shift }));
        }
    }

    /// Writes the event that ends the execution.
    pub(crate) fn end(&mut self, previous: EventId, kind: EventKind) -> Result<(), Ended> {
        let id = self.execution.last_event.next();
        let (timestamp, frame) = (self.now(), FrameId::ROOT);
        self.write(Record::Event(HistoryEvent { id, previous, timestamp, frame, kind }));
        Err(Ended)
    }

    /// The timestamp of the next event: those of an execution never go back, whatever became of
    /// the clock since the last one.
    pub(crate) fn now(&self) -> Timestamp {
        self.execution.not_before_last_event(self.env.now)
    }

    pub(crate) fn write(&mut self, record: Record) {
        self.execution.apply(&record);
        self.step.records.push(record);
    }

    /// What was written in this step so far.
    pub(crate) fn records(&self) -> &[Record] {
        &self.step.records
    }

    pub(crate) fn ask(&mut self, effect: Effect) {
        self.step.effects.push(effect);
    }

    pub(crate) fn make_ready(&mut self, id: FrameId) {
        self.ready.push_back(id);
    }

    pub(crate) fn next_frame(&self) -> FrameId {
        FrameId(self.execution.next_frame)
    }

    /// Asks for an end of the nested executions and jobs that nobody waits for since this step.
    fn ask_for_stops(&mut self) {
        let (children_before, jobs_before) = self.abandoned_before;
        // Effects for tasks that this very step gave up again need not be performed.
        let execution = &*self.execution;
        self.step.effects.retain(|effect| effect.is_wanted(execution));
        let children = execution.abandoned.iter().skip(children_before);
        let children = children.map(|child_arn| Effect::StopChild { child_arn: child_arn.clone() });
        let jobs = execution.abandoned_jobs.iter().skip(jobs_before);
        let jobs = jobs.map(|job| Effect::StopJob { job: job.clone() });
        let mut stops: Vec<Effect> = children.chain(jobs).collect();
        if execution.status != Status::Running {
            stops = execution.pending_effects();
        }
        self.step.effects.extend(stops);
    }
}
