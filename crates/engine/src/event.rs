//! What is written: history events, and the few notes beside them.

use std::sync::Arc;

use asl::{RegionIndex, StateIndex, StateType};
use json::Document;

use crate::{
    ChildRequest, EventId, Failure, FrameId, Job, MapRunRequest, Mocks, TaskToken, Timestamp,
};

/// One entry of what an execution has written: a history event, which AWS's API shows, or a note,
/// which only recovery reads. Applying all records in order gives the execution.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// Shown by GetExecutionHistory.
    Event(HistoryEvent),
    /// Not shown.
    Note(Note),
}

/// A fact that AWS has no event for.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// The failure of a state was taken by one of its retriers: it will run again then. Whatever
    /// ran below the frame is gone.
    RetryScheduled {
        /// Whose state.
        frame: FrameId,
        /// When, by which retrier.
        retry: RetryAt,
    },
    /// How far the scale of timers is ahead of the timestamps from here on: the machine's clock was
    /// set, or the execution goes on where another one counts.
    TimersShifted {
        /// By so much.
        shift: TimerShift,
    },
    /// Nested executions, Map Runs and jobs that nobody awaited any more have been stopped.
    StopsDone {
        /// Nested executions and Map Runs.
        children: Vec<Arc<str>>,
        /// Jobs of services.
        jobs: Vec<Job>,
    },
    /// The execution, which has just started, is a child of a Map Run.
    MapRunChild {
        /// What it runs: the item processor.
        processor: RegionIndex,
    },
    /// The execution, which has just started, runs under a test case.
    Mocked {
        /// The test case.
        mocks: Mocks,
    },
    /// An attempt of a mocked state got its response.
    MockUsed {
        /// The state's name.
        state: Arc<str>,
    },
}

/// How far the scale of timers is ahead of the timestamps of an execution, in milliseconds;
/// negative where it is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimerShift(pub i64);

/// When a state is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAt {
    /// The position in `Retry`.
    pub retrier: u32,
    /// When it starts again.
    pub at: Timestamp,
    /// What the `previousEventId` of the next attempt's first event will be.
    pub previous: EventId,
}

/// An event of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEvent {
    /// From 1, without gaps.
    pub id: EventId,
    /// `previousEventId`: the event that led to it; [`EventId::NONE`] for none.
    pub previous: EventId,
    /// When it was decided.
    pub timestamp: Timestamp,
    /// Not shown: the frame that it is about.
    pub frame: FrameId,
    /// What happened.
    pub kind: EventKind,
}

/// `resourceType` and `resource` of a service integration, such as `states` and
/// `startExecution.sync:2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskResource {
    /// `resourceType`
    pub resource_type: Arc<str>,
    /// `resource`
    pub resource: Arc<str>,
}

/// The types of event, by AWS's names. Members marked "not shown" are facts for recovery that
/// AWS's API does not have.
/// See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html>.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum EventKind {
    ExecutionStarted {
        input: Document,
        role_arn: Arc<str>,
        state_machine_version_arn: Option<Arc<str>>,
        state_machine_alias_arn: Option<Arc<str>>,
        /// Not shown: when the execution times out.
        deadline: Option<Timestamp>,
    },
    ExecutionSucceeded {
        output: Document,
    },
    ExecutionFailed(Failure),
    ExecutionAborted(Failure),
    ExecutionTimedOut(Failure),
    /// The execution goes on from where it failed.
    ExecutionRedriven {
        /// How often that has happened, this time included.
        redrive_count: u64,
        /// Not shown: when the execution times out now.
        deadline: Option<Timestamp>,
        /// Not shown: the `clientToken` of the request.
        client_token: Option<Arc<str>>,
        /// Not shown: the frames whose Parallel or Map state begins anew, although nothing below
        /// it failed.
        anew: Vec<FrameId>,
    },

    /// `PassStateEntered`, `TaskStateEntered`, …
    StateEntered {
        state_type: StateType,
        name: Arc<str>,
        input: Document,
        /// Not shown: which state.
        state: StateIndex,
        /// Not shown: when a Wait state ends.
        until: Option<Timestamp>,
    },
    /// `PassStateExited`, `TaskStateExited`, …
    StateExited {
        state_type: StateType,
        name: Arc<str>,
        output: Document,
        /// `assignedVariables`, in order.
        assigned: Vec<(Arc<str>, Document)>,
        /// Not shown: the state that follows; none at the end of the region.
        next: Option<StateIndex>,
    },

    TaskScheduled {
        resource: TaskResource,
        region: Arc<str>,
        parameters: Document,
        timeout_seconds: Option<u64>,
        heartbeat_seconds: Option<u64>,
        /// Not shown: of a task that waits for its token.
        token: Option<TaskToken>,
        /// Not shown: the execution to start, where it is a nested start.
        child: Option<Box<ChildRequest>>,
        /// The role that the task calls as, where it has `Credentials`.
        role_arn: Option<Arc<str>>,
    },
    TaskStarted {
        resource: TaskResource,
    },
    TaskSubmitted {
        resource: TaskResource,
        output: Document,
        /// Not shown: the ARN of the nested execution.
        child_arn: Option<Arc<str>>,
    },
    TaskSucceeded {
        resource: TaskResource,
        output: Document,
    },
    TaskFailed {
        resource: TaskResource,
        failure: Failure,
    },
    TaskTimedOut {
        resource: TaskResource,
        failure: Failure,
    },
    TaskSubmitFailed {
        resource: TaskResource,
        failure: Failure,
    },

    ActivityScheduled {
        /// The activity's ARN.
        resource: Arc<str>,
        input: Document,
        timeout_seconds: Option<u64>,
        heartbeat_seconds: Option<u64>,
        /// Not shown.
        token: TaskToken,
    },
    ActivityStarted {
        worker_name: Option<Arc<str>>,
    },
    ActivitySucceeded {
        output: Document,
    },
    ActivityFailed(Failure),
    ActivityTimedOut(Failure),

    LambdaFunctionScheduled {
        /// The function's ARN.
        resource: Arc<str>,
        input: Document,
        timeout_seconds: Option<u64>,
        /// The role that the task calls as, where it has `Credentials`.
        role_arn: Option<Arc<str>>,
    },
    LambdaFunctionStarted,
    LambdaFunctionSucceeded {
        output: Document,
    },
    LambdaFunctionFailed(Failure),
    LambdaFunctionTimedOut(Failure),

    ParallelStateStarted {
        /// Not shown: the branches, each with the frame that runs it and the input that it gets.
        branches: Vec<(FrameId, RegionIndex)>,
        /// Not shown.
        input: Document,
    },
    ParallelStateSucceeded,
    ParallelStateFailed,
    ParallelStateAborted,

    MapStateStarted {
        length: u64,
        /// Not shown: the items, an array.
        items: Document,
        /// Not shown: the effective input, which item selectors see.
        input: Document,
        /// Not shown: the resolved limit; 0 for none.
        max_concurrency: u64,
        /// Not shown: what each iteration runs.
        processor: RegionIndex,
    },
    /// Shown as `MapStateStarted`: the Map state is in DISTRIBUTED mode.
    DistributedMapStateStarted {
        /// How many items its input has; 0 where they are read from elsewhere.
        length: u64,
    },
    MapRunStarted {
        /// Not shown, but for its ARN.
        request: Box<MapRunRequest>,
    },
    MapRunRedriven {
        map_run_arn: Arc<str>,
        /// How often that has happened, this time included.
        redrive_count: u64,
    },
    MapRunSucceeded,
    MapRunFailed(Failure),
    MapRunAborted,
    MapStateSucceeded,
    MapStateFailed,
    MapStateAborted,
    MapIterationStarted {
        name: Arc<str>,
        index: u64,
        /// Not shown: the frame that runs it.
        iteration: FrameId,
        /// Not shown: what it gets.
        input: Document,
    },
    MapIterationSucceeded {
        name: Arc<str>,
        index: u64,
    },
    MapIterationFailed {
        name: Arc<str>,
        index: u64,
    },
    MapIterationAborted {
        name: Arc<str>,
        index: u64,
    },

    TaskStateAborted,
    WaitStateAborted,

    EvaluationFailed {
        failure: Failure,
        location: Option<Arc<str>>,
        state: Arc<str>,
    },
}

impl EventKind {
    /// Whether it is the last of a history, until a redrive.
    pub fn ends_execution(&self) -> bool {
        matches!(
            self,
            EventKind::ExecutionSucceeded { .. }
                | EventKind::ExecutionFailed(_)
                | EventKind::ExecutionAborted(_)
                | EventKind::ExecutionTimedOut(_)
        )
    }
}
