//! What nodes ask each other. A frame is one question or one answer, encoded as a row.

use std::sync::Arc;

use engine::{ExecutionId, Failure, Record, Status, TaskId, TaskToken, Timestamp};
use json::Document;

use crate::{ExecutionHeader, MachineId, Scope};

/// What one node asks another: most are for the node that drives an execution.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Question {
    /// StopExecution.
    Stop { execution: ExecutionId, failure: Failure },
    /// The task that awaited the execution is given up.
    StopChild { execution: ExecutionId, failure: Failure },
    /// RedriveExecution.
    Redrive { execution: ExecutionId, client_token: Option<Arc<str>> },
    /// A worker is there for an activity's task.
    TakeTask { execution: ExecutionId, task: TaskId, worker_name: Option<Arc<str>> },
    /// SendTaskSuccess.
    TaskSucceeded { execution: ExecutionId, token: TaskToken, output: Document },
    /// SendTaskFailure.
    TaskFailed { execution: ExecutionId, token: TaskToken, failure: Failure },
    /// SendTaskHeartbeat.
    TaskHeartbeat { execution: ExecutionId, token: TaskToken },
    /// The execution that this one's task awaits has ended, as the store says.
    ChildEnded { execution: ExecutionId, task: TaskId, child: ExecutionId },
    /// A task of an execution elsewhere awaits the end of this one: for the holder of the child.
    Await { child: ExecutionId, execution: ExecutionId, task: TaskId },
    /// A worker waits for a task of the activity: whether the other node's executions offer one.
    Poll { activity_arn: Arc<str> },
    /// UpdateMapRun, of a run of the execution.
    UpdateMapRun {
        execution: ExecutionId,
        scope: Scope,
        arn: Arc<str>,
        max_concurrency: Option<u64>,
        tolerated_failure_count: Option<u64>,
        tolerated_failure_percentage: Option<f64>,
    },
    /// A state machine was written or removed: what is in memory of it is of the past.
    MachineChanged { scope: Scope, name: Arc<str> },
    /// DescribeExecution of an Express execution, which the node may keep that ran it.
    DescribeExpress { scope: Scope, arn: Arc<str> },
    /// GetExecutionHistory of one: so many events from that one on, counted from 0.
    ReadExpress { scope: Scope, arn: Arc<str>, from: Option<u32>, limit: u32, reverse: bool },
    /// StopExecution of one.
    StopExpress { scope: Scope, arn: Arc<str>, failure: Failure },
    /// ListExecutions of an Express machine, of its version or alias where one is named: those
    /// before `after`, the newest first.
    ListExpress {
        machine: MachineId,
        version_arn: Option<Arc<str>>,
        alias_arn: Option<Arc<str>>,
        status: Option<Status>,
        after: Option<ExecutionId>,
        limit: u32,
    },
}

/// What the other node answers.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Answer {
    /// The execution is driven by another node, or by nobody: ask the store.
    NotHere,
    Done,
    Stopped {
        at: Timestamp,
    },
    Redriven {
        at: Timestamp,
    },
    NotRedrivable {
        why: Arc<str>,
    },
    /// The task, which the worker has now.
    Task {
        token: TaskToken,
        input: Document,
    },
    /// Somebody else has it, or it is gone.
    NoTask,
    /// Whether the token's task was waited for.
    Reported {
        was_waited_for: bool,
    },
    /// There is no such execution.
    Absent,
    /// The Map Run has ended.
    NotRunning,
    /// A task of an activity, which the worker has for some seconds to take.
    Offered {
        execution: ExecutionId,
        task: TaskId,
    },
    /// Not now: nothing was done.
    Refused {
        reason: Arc<str>,
    },
    /// It may have been done.
    Unknown {
        reason: Arc<str>,
    },
    Corrupt {
        reason: Arc<str>,
    },
    Quarantined,
    Overloaded,
    ExpressExecution {
        header: Box<ExecutionHeader>,
        input: Document,
        output: Option<Document>,
        failure: Option<Failure>,
    },
    /// Events, and the number of the next one where there are more.
    ExpressEvents {
        events: Vec<Record>,
        next: Option<u32>,
    },
    /// Whether there are no more after these.
    ExpressExecutions {
        headers: Vec<ExecutionHeader>,
        is_last: bool,
    },
}

impl Question {
    /// The execution whose holder is asked; none where every node is.
    pub fn subject(&self) -> Option<ExecutionId> {
        match self {
            Question::Stop { execution, .. }
            | Question::StopChild { execution, .. }
            | Question::Redrive { execution, .. }
            | Question::TakeTask { execution, .. }
            | Question::TaskSucceeded { execution, .. }
            | Question::TaskFailed { execution, .. }
            | Question::TaskHeartbeat { execution, .. }
            | Question::ChildEnded { execution, .. }
            | Question::UpdateMapRun { execution, .. } => Some(*execution),
            Question::Await { child, .. } => Some(*child),
            Question::Poll { .. }
            | Question::MachineChanged { .. }
            | Question::DescribeExpress { .. }
            | Question::ReadExpress { .. }
            | Question::StopExpress { .. }
            | Question::ListExpress { .. } => None,
        }
    }
}
