//! An execution: plain data, changed by its records alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::{IntegrationPattern, RegionIndex, StateIndex};
use json::Document;

use crate::{
    ChildRequest, Effect, EventId, ExecutionId, Failure, FrameId, Record, RetryAt, StartParameters,
    TaskResource, TaskToken, Timestamp,
};

/// How an execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Status {
    Running,
    Succeeded,
    Failed,
    TimedOut,
    Aborted,
}

/// An execution: a tree of frames, and what its records say of it as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Execution {
    /// What it started with.
    pub parameters: StartParameters,
    /// How it stands.
    pub status: Status,
    /// When it started.
    pub start: Timestamp,
    /// When it ended.
    pub stop: Option<Timestamp>,
    /// When it times out.
    pub deadline: Option<Timestamp>,
    /// Where it succeeded.
    pub output: Option<Document>,
    /// Where it did not.
    pub failure: Option<Failure>,
    /// The last event written.
    pub last_event: EventId,
    /// What runs. When an execution ends otherwise than by success, the frames stay as they were.
    pub frames: BTreeMap<FrameId, Frame>,
    /// The number of the next frame.
    pub next_frame: u32,
    /// Nested executions that were awaited by what is gone since: to be stopped.
    pub abandoned: Vec<Arc<str>>,
}

/// One thread of control: the root, a branch, or an iteration.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The frame whose Parallel or Map state it runs for; none for the root.
    pub parent: Option<FrameId>,
    /// Which states it runs.
    pub region: RegionIndex,
    /// The position of the branch, or the index of the iteration.
    pub index: u64,
    /// The item, where it is an iteration.
    pub item: Option<MapItem>,
    /// `previousEventId` of its next event.
    pub last_event: EventId,
    /// Where it stands.
    pub position: Position,
}

/// `$$.Map.Item` of an iteration.
#[derive(Clone, Debug, PartialEq)]
pub struct MapItem {
    /// `$$.Map.Item.Index`
    pub index: u64,
    /// `$$.Map.Item.Value`
    pub value: Document,
}

/// Where a frame stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Position {
    /// Before the first state of its region.
    Start {
        /// What it will get.
        input: Document,
    },
    /// Before a state.
    Before {
        /// Which.
        state: StateIndex,
        /// What it will get.
        input: Document,
    },
    /// In a state.
    In {
        /// Which.
        state: StateIndex,
        /// What it got, before any processing.
        input: Document,
        /// `$$.State.EnteredTime`
        entered: Timestamp,
        /// Its `…StateEntered` event.
        entered_event: EventId,
        /// How often each retrier was used since the state was entered.
        retries: Vec<u32>,
        /// What it waits for.
        waiting_on: WaitingOn,
    },
    /// At the end of its region.
    Done {
        /// With this result.
        output: Document,
    },
}

/// What a state waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum WaitingOn {
    /// Nothing: its work is to be decided now.
    Nothing,
    /// The time of a Wait state.
    Until(Timestamp),
    /// The next attempt.
    Retry(RetryAt),
    /// A task.
    Task(Box<TaskState>),
    /// The branches or iterations below it.
    Join(Box<Join>),
}

/// An attempt of a Task state that is under way.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskState {
    /// Its `…Scheduled` event.
    pub scheduled: EventId,
    /// When it times out.
    pub deadline: Option<Timestamp>,
    /// `HeartbeatSeconds`
    pub heartbeat_seconds: Option<u64>,
    /// When it is missed. Moved by heartbeats, which write no record.
    pub heartbeat_deadline: Option<Timestamp>,
    /// What a worker answers with.
    pub token: Option<TaskToken>,
    /// What the attempt does.
    pub activity: Activity,
}

/// What an attempt of a Task state does.
#[derive(Clone, Debug, PartialEq)]
pub enum Activity {
    /// Waits for a worker of an activity.
    Worker {
        /// Which activity.
        activity_arn: Arc<str>,
        /// What the worker gets.
        input: Document,
        /// Whether a worker has it.
        started: bool,
    },
    /// Runs a nested execution.
    Child(Box<ChildTask>),
}

/// A nested execution as its parent sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct ChildTask {
    /// `resourceType` and `resource` of the task's events.
    pub resource: TaskResource,
    /// What is started.
    pub request: ChildRequest,
    /// Its ARN, once the start was accepted.
    pub child_arn: Option<Arc<str>>,
}

/// The branches or iterations of a Parallel or Map state.
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    /// The frames, by index; those that ended keep their output until the join is complete.
    pub children: Vec<FrameId>,
    /// How many ended.
    pub finished: u64,
    /// How many there will be.
    pub length: u64,
    /// Of a Map state.
    pub map: Option<MapJoin>,
}

/// What a Map state keeps while its iterations run.
#[derive(Clone, Debug, PartialEq)]
pub struct MapJoin {
    /// An array.
    pub items: Document,
    /// What item selectors see.
    pub input: Document,
    /// 0 for no limit.
    pub max_concurrency: u64,
    /// What each iteration runs.
    pub processor: RegionIndex,
}

impl Execution {
    /// An execution of which nothing is written yet.
    pub fn new(_parameters: StartParameters) -> Execution {
        todo!()
    }

    /// Changes the execution as the record says. Never looks at the program, evaluates nothing,
    /// cannot fail on records that a step gave.
    pub fn apply(&mut self, _record: &Record) {
        todo!()
    }

    /// The effects that were asked for and not answered yet: what is to be performed (again) after
    /// a crash. Of an ended execution: the nested executions to stop.
    pub fn pending_effects(&self) -> Vec<Effect> {
        todo!()
    }

    /// When a [`crate::Input::Tick`] is due next; none where only an answer can move it.
    pub fn next_due(&self) -> Option<Timestamp> {
        todo!()
    }

    /// Whether a `Tick` would move it right now, because the last step used up its budget.
    pub fn is_runnable(&self) -> bool {
        todo!()
    }

    /// The attempt that bears this token and is still waited for.
    pub fn task_by_token(&self, _token: &TaskToken) -> Option<&TaskState> {
        todo!()
    }

    /// The number in the store.
    pub fn id(&self) -> ExecutionId {
        self.parameters.id
    }
}
