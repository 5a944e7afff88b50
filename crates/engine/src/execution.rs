//! An execution: plain data, changed by its records alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::{RegionIndex, StateIndex};
use json::Document;

use crate::{
    ActiveFrames, ChildRequest, EventId, EventKind, ExecutionId, Failure, FrameId, HistoryEvent,
    Job, MapRunState, MockedExecution, Record, RetryAt, ServiceRequest, StartParameters, TaskId,
    TaskResource, TaskToken, TimerShift, Timestamp,
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
    /// Its timestamp: no later event has an earlier one.
    pub last_timestamp: Timestamp,
    /// What timestamps are to the scale of timers, on which everything is due.
    pub timer_shift: TimerShift,
    /// What runs. When an execution ends otherwise than by success, the frames stay as they were.
    pub frames: BTreeMap<FrameId, Frame>,
    /// Those of them that have not come to their end.
    pub active: ActiveFrames,
    /// The number of the next frame.
    pub next_frame: u32,
    /// Nested executions and Map Runs that were awaited by what is gone since: to be stopped.
    pub abandoned: Vec<Arc<str>>,
    /// Jobs of services that were awaited by what is gone since: to be stopped.
    pub abandoned_jobs: Vec<Job>,
    /// The test case that it runs under.
    pub mocked: Option<Box<MockedExecution>>,
    /// How often, when and by whom it was redriven.
    pub redrives: Redrives,
}

/// The redrives of an execution.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Redrives {
    /// `redriveCount`
    pub count: u64,
    /// `redriveDate`: of the last one.
    pub date: Option<Timestamp>,
    /// The last `clientToken`s that led to a redrive, each with the instant of that: ten at most.
    pub client_tokens: Vec<(Arc<str>, Timestamp)>,
}

impl Redrives {
    /// How many tokens are remembered: AWS's number.
    const CLIENT_TOKENS_MAX: usize = 10;
    /// For how long, in seconds: AWS's number, 15 minutes.
    const CLIENT_TOKEN_SECONDS: u64 = 15 * 60;

    /// When a request with that token led to a redrive, where it is to be given the same answer.
    pub fn answered(&self, client_token: &str, now: Timestamp) -> Option<Timestamp> {
        let mut tokens = self.client_tokens.iter();
        let (_, date) = tokens.find(|(token, _)| **token == *client_token)?;
        (now < date.plus_seconds(Redrives::CLIENT_TOKEN_SECONDS)).then_some(*date)
    }

    pub(crate) fn count_one(
        &mut self,
        count: u64,
        date: Timestamp,
        client_token: Option<&Arc<str>>,
    ) {
        self.count = count;
        self.date = Some(date);
        self.client_tokens.extend(client_token.map(|token| (token.clone(), date)));
        let too_many = self.client_tokens.len().saturating_sub(Redrives::CLIENT_TOKENS_MAX);
        self.client_tokens.drain(..too_many);
    }
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
    /// The workflow variables that its states assigned.
    pub variables: BTreeMap<Arc<str>, Document>,
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
    /// A Map Run.
    MapRun(Box<MapRunState>),
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
    /// Calls a service.
    Service(Box<ServiceTask>),
}

/// A service that a task calls.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceTask {
    /// What is called.
    pub request: ServiceRequest,
    /// Whether the call was answered, and the token or the job is awaited.
    pub submitted: bool,
    /// What the call was answered, where the job is awaited.
    pub job: Option<Document>,
}

/// A nested execution as its parent sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct ChildTask {
    /// `resourceType` and `resource` of the task's events.
    pub resource: TaskResource,
    /// What is started.
    pub request: ChildRequest,
    /// Whether the start was accepted.
    pub submitted: bool,
    /// Its ARN, where the start was accepted and its end is awaited.
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
    pub fn new(parameters: StartParameters) -> Execution {
        Execution {
            parameters,
            status: Status::Running,
            start: Timestamp::default(),
            stop: None,
            deadline: None,
            output: None,
            failure: None,
            last_event: EventId::NONE,
            last_timestamp: Timestamp::default(),
            timer_shift: TimerShift::default(),
            frames: BTreeMap::new(),
            active: ActiveFrames::default(),
            next_frame: 0,
            abandoned: Vec::new(),
            abandoned_jobs: Vec::new(),
            mocked: None,
            redrives: Redrives::default(),
        }
    }

    /// The number in the store.
    pub fn id(&self) -> ExecutionId {
        self.parameters.id
    }

    /// That instant, or the timestamp of the last event where this is later: timestamps never go
    /// back, whatever the clocks of the machines say that the execution ran on. (The start is the
    /// last one that is known of a checkpoint of form 2.)
    pub fn not_before_last_event(&self, now: Timestamp) -> Timestamp {
        now.max(self.last_timestamp).max(self.start)
    }

    /// That timestamp of one of its events on the scale of timers, some seconds later.
    pub(crate) fn due_after(&self, timestamp: Timestamp, seconds: u64) -> Timestamp {
        Timestamp(timestamp.0.saturating_add(self.timer_shift.0)).plus_seconds(seconds)
    }

    /// Ends an execution in memory after a step of it panicked, which may have left anything in it:
    /// nothing that the step wrote counts. `last` is the last event before the step.
    pub fn fail_after_panic(
        &mut self,
        last: (EventId, Timestamp),
        failure: Failure,
        now: Timestamp,
    ) -> Record {
        (self.last_event, self.last_timestamp) = last;
        self.status = Status::Running;
        let failed = Record::Event(HistoryEvent {
            id: self.last_event.next(),
            previous: self.last_event,
            timestamp: self.not_before_last_event(now),
            frame: FrameId::ROOT,
            kind: EventKind::ExecutionFailed(failure),
        });
        self.apply(&failed);
        failed
    }

    /// Whether a `Tick` would move it right now, because the last step used up its budget.
    pub fn is_runnable(&self) -> bool {
        self.status == Status::Running && self.active_frames().any(|(_, frame)| frame.is_runnable())
    }

    /// When a [`crate::Input::Tick`] is due next; none where only an answer can move it.
    pub fn next_due(&self) -> Option<Timestamp> {
        if self.status != Status::Running {
            return None;
        }
        self.active_frames().filter_map(|(_, frame)| frame.due()).chain(self.deadline).min()
    }

    /// The workflow variable of that name, as the states of a frame see it: their own, or one of
    /// the frames around.
    pub fn variable(&self, frame: FrameId, name: &str) -> Option<&Document> {
        let mut frame = self.frames.get(&frame)?;
        loop {
            if let Some(value) = frame.variables.get(name) {
                return Some(value);
            }
            frame = self.frames.get(&frame.parent?)?;
        }
    }

    /// The attempt that is still waited for.
    pub fn task(&self, task: TaskId) -> Option<&TaskState> {
        let state = self.frames.get(&task.frame)?.task()?;
        (self.status == Status::Running && state.scheduled == task.scheduled).then_some(state)
    }

    /// The Map Run that is still waited for.
    pub fn map_run(&self, task: TaskId) -> Option<&MapRunState> {
        let run = self.frames.get(&task.frame)?.map_run()?;
        let is_awaited =
            self.status == Status::Running && run.started == task.scheduled && !run.ended;
        is_awaited.then_some(run)
    }

    /// The attempt that bears this token and is still waited for.
    pub fn task_by_token(&self, token: &TaskToken) -> Option<&TaskState> {
        let (execution, task) = token.task()?;
        let state = self.task(task)?;
        (execution == self.id() && state.token.as_ref() == Some(token)).then_some(state)
    }

    /// Moves the heartbeat deadline of an attempt that is still waited for.
    pub fn set_heartbeat_deadline(&mut self, task: TaskId, deadline: Timestamp) {
        if self.task(task).is_some()
            && let Some(state) = self.frames.get_mut(&task.frame).and_then(Frame::task_mut)
        {
            state.heartbeat_deadline = Some(deadline);
        }
    }

    /// The heartbeat deadlines of every attempt that has one.
    pub fn heartbeat_deadlines(&self) -> impl Iterator<Item = (TaskId, Timestamp)> {
        self.active_frames().filter_map(|(id, frame)| {
            let task = frame.task()?;
            let id = TaskId { frame: id, scheduled: task.scheduled };
            task.heartbeat_deadline.map(|deadline| (id, deadline))
        })
    }
}

impl Frame {
    /// Whether it goes on without anything happening.
    pub fn is_runnable(&self) -> bool {
        matches!(self.position, Position::Start { .. } | Position::Before { .. })
    }

    /// When its wait, its next attempt or its task's patience ends.
    pub fn due(&self) -> Option<Timestamp> {
        let Position::In { waiting_on, .. } = &self.position else {
            return None;
        };
        match waiting_on {
            WaitingOn::Until(until) => Some(*until),
            WaitingOn::Retry(retry) => Some(retry.at),
            WaitingOn::Task(task) => task.due(),
            WaitingOn::Nothing | WaitingOn::Join(_) | WaitingOn::MapRun(_) => None,
        }
    }

    /// The attempt that it waits for.
    pub fn task(&self) -> Option<&TaskState> {
        match &self.position {
            Position::In { waiting_on: WaitingOn::Task(task), .. } => Some(task),
            _ => None,
        }
    }

    /// The Map Run that it waits for, or that was the last thing it waited for.
    pub fn map_run(&self) -> Option<&MapRunState> {
        match &self.position {
            Position::In { waiting_on: WaitingOn::MapRun(run), .. } => Some(run),
            _ => None,
        }
    }

    /// The branches or iterations that it waits for.
    pub fn join(&self) -> Option<&Join> {
        match &self.position {
            Position::In { waiting_on: WaitingOn::Join(join), .. } => Some(join),
            _ => None,
        }
    }

    pub(crate) fn task_mut(&mut self) -> Option<&mut TaskState> {
        match &mut self.position {
            Position::In { waiting_on: WaitingOn::Task(task), .. } => Some(task),
            _ => None,
        }
    }
}

impl TaskState {
    /// When it times out, for whichever reason comes first.
    pub fn due(&self) -> Option<Timestamp> {
        self.deadline.into_iter().chain(self.heartbeat_deadline).min()
    }

    /// The nested execution whose end it awaits.
    pub fn awaited_child(&self) -> Option<&Arc<str>> {
        match &self.activity {
            Activity::Child(child) => child.child_arn.as_ref(),
            Activity::Worker { .. } | Activity::Service(_) => None,
        }
    }

    /// The job whose end it awaits.
    pub fn awaited_job(&self) -> Option<Job> {
        match &self.activity {
            Activity::Service(service) => service
                .job
                .clone()
                .map(|submitted| Job { request: service.request.clone(), submitted }),
            Activity::Worker { .. } | Activity::Child(_) => None,
        }
    }
}
