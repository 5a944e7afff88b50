//! Trying one state on its own, as TestState does, by the same evaluation that executions use.
//!
//! Promises: pure, like every step; what the state works out on its way is noted down by the
//! methods that work it out, so that there is no second reading of the language.
//!
//! Does not: know what a caller is shown of it, or check what the caller asked for.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/test-state-isolation.html>.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::{Program, StateIndex, StateKind};
use json::{Document, Value};

use crate::step::Stepper;
use crate::{
    Effect, EventId, EventKind, Execution, Failure, FrameId, HistoryEvent, Input, Position, Record,
    StartParameters, Status, Step, StepEnv, TaskId, Timestamp, WaitingOn,
};

/// The name under which a state that is tried sees itself, whatever it is called.
pub const TRIED_STATE_NAME: &str = "StateName";

/// What a state is tried with.
#[derive(Clone, Debug)]
pub struct TrialParameters {
    /// The execution that the state believes to be in; without a role where the role is empty.
    pub start: StartParameters,
    /// Which state.
    pub state: StateIndex,
    /// The workflow variables that it finds.
    pub variables: BTreeMap<Arc<str>, Document>,
    /// The context object in place of the one that the execution would have.
    pub context: Option<Value>,
    /// How often the retrier that takes a failure was used before.
    pub retries: u32,
    /// What happens in place of the state's work; none to let it work.
    pub mock: Option<TrialMock>,
}

/// What stands for the work of a Task, Parallel or Map state.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialMock {
    /// The result of the work, or its failure.
    pub outcome: Result<Document, Failure>,
    /// How many iterations of a Map state failed.
    pub iteration_failures: Option<u64>,
    /// The items that the `ItemReader` of a Map state reads: an array.
    pub reader_items: Option<Document>,
}

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrialStatus {
    /// `SUCCEEDED`
    Succeeded,
    /// `FAILED`
    Failed,
    /// `RETRIABLE`: a retrier would try again.
    Retriable,
    /// `CAUGHT_ERROR`: a catcher took the failure.
    CaughtError,
}

/// The end of a trial.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialOutcome {
    /// How it ended.
    pub status: TrialStatus,
    /// What the state left behind, where it was left.
    pub output: Option<Document>,
    /// The failure of the state, caught or not.
    pub failure: Option<Failure>,
    /// The state that would come next.
    pub next_state: Option<Arc<str>>,
}

/// What a state worked out on its way. What it did not come to is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inspection {
    /// The input after `InputPath`.
    pub after_input_path: Option<Document>,
    /// After `Parameters`, or `Arguments`.
    pub arguments: Option<Document>,
    /// The raw result.
    pub result: Option<Document>,
    /// After `ResultSelector`.
    pub after_result_selector: Option<Document>,
    /// After `ResultPath`.
    pub after_result_path: Option<Document>,
    /// After `ItemsPath`.
    pub after_items_path: Option<Document>,
    /// What `ItemSelector` made of each item.
    pub after_item_selector: Option<Document>,
    /// `MaxConcurrency`
    pub max_concurrency: Option<u64>,
    /// `ToleratedFailureCount`
    pub tolerated_failure_count: Option<u64>,
    /// `ToleratedFailurePercentage`
    pub tolerated_failure_percentage: Option<f64>,
    /// The first retrier that matches the failure, whether or not it has attempts left.
    pub retry_index: Option<usize>,
    /// How long it would wait, in seconds, where it has attempts left.
    pub retry_backoff_seconds: Option<u64>,
    /// The catcher that took the failure.
    pub catch_index: Option<usize>,
    /// The variables after the state.
    pub variables: BTreeMap<Arc<str>, Document>,
    failure: Option<Failure>,
}

/// What a step knows of the trial that it belongs to.
#[derive(Debug)]
pub(crate) struct Trial {
    context: Option<Value>,
    retries: u32,
    mock: Option<TrialMock>,
    inspection: Inspection,
}

/// One state that is being tried.
#[derive(Debug)]
pub struct StateTrial {
    execution: Execution,
    trial: Trial,
}

impl StateTrial {
    /// Enters the state. The effects are to be performed as those of an execution are, and answered
    /// with [`StateTrial::go_on`]; there are none where the work is mocked.
    pub fn begin(
        program: &Program,
        parameters: TrialParameters,
        env: &mut StepEnv<'_>,
    ) -> (StateTrial, Vec<Effect>) {
        let TrialParameters { start, state, variables, context, retries, mock } = parameters;
        let execution = execution_before(program, start, state, variables.clone(), env);
        let inspection = Inspection { variables, ..Inspection::default() };
        let trial = Trial { context, retries, mock, inspection };
        let mut this = StateTrial { execution, trial };
        let effects = this.step(program, None, 1, env).effects;
        let mock = this.trial.mock.as_ref().map(|mock| mock.outcome.clone());
        match (this.task(), mock) {
            (Some(task), Some(outcome)) => {
                let effects = this.go_on(program, Input::TaskFinished { task, outcome }, env);
                (this, effects)
            }
            _ => (this, effects),
        }
    }

    /// Takes what arrives.
    pub fn go_on(&mut self, program: &Program, input: Input, env: &mut StepEnv<'_>) -> Vec<Effect> {
        self.step(program, Some(input), 0, env).effects
    }

    /// When a tick is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.execution.next_due()
    }

    /// The ARN of the execution that the state believes to be in.
    pub fn execution_arn(&self) -> &Arc<str> {
        &self.execution.parameters.arn
    }

    /// What the state worked out so far.
    pub fn inspection(&self) -> &Inspection {
        &self.trial.inspection
    }

    /// The end, once it has come.
    pub fn outcome(&self, program: &Program) -> Option<TrialOutcome> {
        let inspection = &self.trial.inspection;
        let left = if inspection.catch_index.is_some() {
            TrialStatus::CaughtError
        } else {
            TrialStatus::Succeeded
        };
        let (status, output, next) = match self.execution.status {
            Status::Succeeded => (left, self.execution.output.clone(), None),
            Status::Failed | Status::TimedOut | Status::Aborted => {
                let failure = self.execution.failure.clone();
                let status = TrialStatus::Failed;
                return Some(TrialOutcome { status, output: None, failure, next_state: None });
            }
            Status::Running => match &self.execution.frame(FrameId::ROOT).position {
                Position::Before { state, input } => {
                    let next = program.state(*state).name.clone();
                    (left, Some(input.clone()), Some(next))
                }
                Position::In { waiting_on: WaitingOn::Retry(_), .. } => {
                    (TrialStatus::Retriable, None, None)
                }
                Position::Start { .. } | Position::In { .. } | Position::Done { .. } => {
                    return None;
                }
            },
        };
        let failure = inspection.failure.clone();
        Some(TrialOutcome { status, output, failure, next_state: next })
    }

    /// The attempt that the state waits for.
    fn task(&self) -> Option<TaskId> {
        let frame = FrameId::ROOT;
        let scheduled = self.execution.frames.get(&frame)?.task()?.scheduled;
        Some(TaskId { frame, scheduled })
    }

    fn step(
        &mut self,
        program: &Program,
        input: Option<Input>,
        states_max: u64,
        env: &mut StepEnv<'_>,
    ) -> Step {
        if self.execution.status != Status::Running {
            return Step::default();
        }
        // No other state is entered.
        let trial = (&mut self.trial, states_max);
        Stepper::run_trial(program, &mut self.execution, env, trial, input)
    }
}

/// An execution that is about to enter the state.
fn execution_before(
    program: &Program,
    start: StartParameters,
    state: StateIndex,
    variables: BTreeMap<Arc<str>, Document>,
    env: &StepEnv<'_>,
) -> Execution {
    let input = start.input.clone();
    let started = EventKind::ExecutionStarted {
        input: input.clone(),
        role_arn: start.role_arn.clone(),
        state_machine_version_arn: None,
        state_machine_alias_arn: None,
        deadline: Some(env.timer_now.plus_seconds(env.limits.execution_seconds_max)),
    };
    let mut execution = Execution::new(start);
    execution.apply(&Record::Event(HistoryEvent {
        id: EventId::NONE.next(),
        previous: EventId::NONE,
        timestamp: env.now,
        frame: FrameId::ROOT,
        kind: started,
    }));
    let root = execution.frames.get_mut(&FrameId::ROOT).expect("it has just been started");
    root.region = program.state(state).region;
    root.variables = variables;
    root.position = Position::Before { state, input };
    execution
}

impl Trial {
    /// The context object that the state sees in place of that of the execution.
    pub(crate) fn context(&self, mut own: Value) -> Value {
        if let Some(context) = &self.context {
            return context.clone();
        }
        let Value::Object(parts) = &mut own else { return own };
        let parts = Arc::make_mut(parts);
        if let Some(Value::Object(state)) = parts.get_mut("State") {
            let state = Arc::make_mut(state);
            state.insert("Name", TRIED_STATE_NAME);
            if state.get("RetryCount").is_some() {
                state.insert("RetryCount", i64::from(self.retries));
            }
        }
        if let Some(Value::Object(execution)) = parts.get_mut("Execution")
            && execution.get("RoleArn").and_then(Value::as_str) == Some("")
        {
            Arc::make_mut(execution).insert("RoleArn", Value::Null);
        }
        own
    }

    /// How often the retrier that takes a failure was used before.
    pub(crate) fn retries(&self) -> u32 {
        self.retries
    }
}

impl Stepper<'_, '_> {
    /// Notes down what a state that is tried has worked out.
    pub(crate) fn observe(&mut self, note: impl FnOnce(&mut Inspection)) {
        if let Some(trial) = &mut self.trial {
            note(&mut trial.inspection);
        }
    }

    /// Notes down the failure of a state that is tried.
    pub(crate) fn observe_failure(&mut self, failure: &Failure) {
        self.observe(|seen| seen.failure = Some(failure.clone()));
    }

    /// What stands for the work of a state with frames below it; a Task state is answered by the
    /// mock once it waits.
    pub(crate) fn mock_of(&self, kind: &StateKind) -> Option<TrialMock> {
        match kind {
            StateKind::Parallel(_) | StateKind::Map(_) => self.trial.as_ref()?.mock.clone(),
            StateKind::Pass(_)
            | StateKind::Task(_)
            | StateKind::Choice(_)
            | StateKind::Wait(_)
            | StateKind::Succeed
            | StateKind::Fail(_) => None,
        }
    }
}
