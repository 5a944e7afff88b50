//! Deciding: what an input leads to.

use std::sync::Arc;

use asl::{IntegrationPattern, Program};
use json::Document;
use rand_core::Rng;

use crate::{Execution, ExecutionId, Failure, Limits, Record, TaskId, TaskToken, Timestamp};

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
    /// A worker is alive. Writes no record.
    Heartbeat {
        /// Which.
        task: TaskId,
    },
    /// StopExecution.
    Stopped(Failure),
}

/// What a step gives.
#[derive(Debug, Default)]
pub struct Step {
    /// To be committed, in order.
    pub records: Vec<Record>,
    /// To be performed after the commit, at least once; [`Execution::pending_effects`] gives those
    /// that are still to be performed after a crash.
    pub effects: Vec<Effect>,
}

/// What a step may look at besides the execution.
pub struct StepEnv<'a> {
    /// The instant that the step's events bear.
    pub now: Timestamp,
    /// For UUIDs, tokens and jitter.
    pub random: &'a mut dyn Rng,
    /// What the execution may use.
    pub limits: &'a Limits,
}

/// Something to do outside of the execution.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Start a nested execution; answer with `TaskSubmitted` (patterns that wait), or with
    /// `TaskFinished` (request and response, or a refusal).
    StartChild {
        /// Whose.
        task: TaskId,
        /// What to start.
        child: ChildRequest,
    },
    /// Answer with `TaskFinished` when this nested execution has ended.
    AwaitChild {
        /// Whose.
        task: TaskId,
        /// The nested execution.
        child_arn: Arc<str>,
        /// In which form the answer is.
        pattern: IntegrationPattern,
    },
    /// Stop a nested execution that nobody waits for any more.
    StopChild {
        /// The nested execution.
        child_arn: Arc<str>,
    },
    /// Offer a task to the workers of an activity.
    OfferActivity {
        /// Which.
        task: TaskId,
        /// Whose workers.
        activity_arn: Arc<str>,
        /// What they get.
        input: Document,
        /// How they answer.
        token: TaskToken,
    },
}

/// A nested execution to start.
#[derive(Clone, Debug, PartialEq)]
pub struct ChildRequest {
    /// How the parent waits.
    pub pattern: IntegrationPattern,
    /// The resolved parameters: `StateMachineArn`, `Input`, `Name`, `TraceHeader`.
    pub parameters: Document,
    /// The name for a child whose parameters have none, drawn once so that a repeated effect
    /// starts the same execution.
    pub generated_name: Arc<str>,
}

/// Begins an execution and advances it until it can only wait, or its budget is used up.
pub fn start(
    _program: &Program,
    _parameters: StartParameters,
    _env: &mut StepEnv<'_>,
) -> (Execution, Step) {
    todo!()
}

/// Advances an execution with one input, until it can only wait, or its budget is used up (then
/// [`Execution::is_runnable`] holds, and a `Tick` goes on). An input for a task that is no longer
/// waited for changes nothing and gives an empty step.
pub fn step(
    _program: &Program,
    _execution: &mut Execution,
    _input: Input,
    _env: &mut StepEnv<'_>,
) -> Step {
    todo!()
}
