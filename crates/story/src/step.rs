//! Steps, their attempts, and the frames that they are in.

use crate::event::WorkKind;

/// A step, by its place in the order in which they were entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepIndex(pub usize);

/// A frame, by its place in the order in which they began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameIndex(pub usize);

/// How a step, a frame or an execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It goes on, or waits.
    Running,
    /// It ended well.
    Succeeded,
    /// It failed, and a catcher went on.
    Caught,
    /// It failed.
    Failed,
    /// It ran out of time.
    TimedOut,
    /// Something else ended it.
    Aborted,
}

impl Status {
    /// Its letter in columns.
    pub fn letter(self) -> char {
        match self {
            Status::Running => 'r',
            Status::Succeeded => 's',
            Status::Caught => 'c',
            Status::Failed => 'f',
            Status::TimedOut => 't',
            Status::Aborted => 'a',
        }
    }

    /// As AWS's API writes the status of an execution.
    pub fn word(self) -> &'static str {
        match self {
            Status::Running => "RUNNING",
            Status::Succeeded | Status::Caught => "SUCCEEDED",
            Status::Failed => "FAILED",
            Status::TimedOut => "TIMED_OUT",
            Status::Aborted => "ABORTED",
        }
    }

    /// Whether it ended otherwise than well, with nobody to catch it.
    pub fn is_bad(self) -> bool {
        matches!(self, Status::Failed | Status::TimedOut | Status::Aborted)
    }
}

/// One visit of a state.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The state.
    pub name: String,
    /// Its `Type`.
    pub state_type: String,
    /// Where it is.
    pub frame: FrameIndex,
    /// The event by which it was entered.
    pub entered: u64,
    /// When, in milliseconds since 1970.
    pub entered_at: i64,
    /// The event that ended it; 0 while there is none.
    pub ended: u64,
    /// When.
    pub ended_at: i64,
    /// How it stands.
    pub status: Status,
    /// The step of its frame before it.
    pub before: Option<StepIndex>,
    /// Attempts of a Task state; starts of a Parallel or Map state.
    pub attempts: Vec<Attempt>,
    /// Bytes of its input.
    pub input: usize,
    /// Bytes of its output; 0 while there is none.
    pub output: usize,
    /// What failed it outside of an attempt.
    pub error: Option<String>,
    /// Its cause.
    pub cause: Option<String>,
    /// The step in it that failed it.
    pub failed_by: Option<StepIndex>,
    /// How many iterations a Map state has.
    pub length: u64,
    /// The ARN of its Map Run.
    pub map_run: Option<String>,
}

/// One attempt of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Its first event.
    pub scheduled: u64,
    /// When, in milliseconds since 1970.
    pub scheduled_at: i64,
    /// When the work began; none while it is queued.
    pub started_at: Option<i64>,
    /// Its last event; 0 while there is none.
    pub ended: u64,
    /// When.
    pub ended_at: i64,
    /// How it stands.
    pub status: Status,
    /// What it asks for; none for the start of a Parallel or Map state.
    pub kind: Option<WorkKind>,
    /// `resourceType`
    pub service: String,
    /// `resource`
    pub resource: String,
    /// Bytes of the parameters.
    pub parameters: usize,
    /// Bytes of the result.
    pub result: usize,
    /// When its time is over, in milliseconds since 1970.
    pub due: Option<i64>,
    /// Seconds that may pass between heartbeats.
    pub heartbeat: Option<i64>,
    /// Who works at it.
    pub worker: Option<String>,
    /// The error.
    pub error: Option<String>,
    /// Its cause.
    pub cause: Option<String>,
    /// The execution that it started.
    pub child: Option<String>,
}

impl Attempt {
    /// Whether its token must be brought back.
    pub fn is_callback(&self) -> bool {
        self.resource.ends_with(".waitForTaskToken")
    }
}

/// What runs steps one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The Parallel or Map state that it is in; none for the execution itself.
    pub parent: Option<StepIndex>,
    /// Which start of that state began it, from 0.
    pub start: usize,
    /// What it is.
    pub kind: FrameKind,
    /// Which branch in order of their beginnings, or which iteration.
    pub index: u64,
    /// Its last step.
    pub last: Option<StepIndex>,
    /// How it stands.
    pub status: Status,
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// The execution.
    Root,
    /// A branch of a Parallel state.
    Branch,
    /// An iteration of a Map state.
    Iteration,
}
