//! What is stored of an execution.

use std::sync::Arc;

use engine::{EventId, Execution, ExecutionId, HistoryEvent, Record, Status, TaskId, Timestamp};

use crate::ResourceKey;

/// An account in a region: what sees nothing of any other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// Twelve digits.
    pub account: Arc<str>,
    /// Such as `us-east-1`.
    pub region: Arc<str>,
}

/// The identity of a state machine: a machine that is made again under the same name is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineId(pub [u8; 16]);

/// The identity of a definition's text: the first 128 bits of its SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DefinitionId(pub [u8; 16]);

/// How many commits with records an execution has had. 1 for the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u32);

/// What must be true for a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// No open execution has this ARN, and no closed one whose name is still taken: `free_after`
    /// is the instant at or before which a closed execution must have stopped for its name to be
    /// free again.
    New {
        /// 90 days ago, with AWS's quota.
        free_after: Timestamp,
    },
    /// The execution is at this revision.
    At(Revision),
}

/// What describing and listing need of an execution, and what finds the rest.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionHeader {
    /// Its number.
    pub id: ExecutionId,
    /// Whose it is.
    pub scope: Scope,
    /// Its ARN.
    pub arn: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its state machine's identity.
    pub machine: MachineId,
    /// Its state machine's unqualified ARN.
    pub state_machine_arn: Arc<str>,
    /// Set where it was started by a version or an alias.
    pub state_machine_version_arn: Option<Arc<str>>,
    /// Set where it was started by an alias.
    pub state_machine_alias_arn: Option<Arc<str>>,
    /// The definition that it runs.
    pub definition: DefinitionId,
    /// The role that it runs with.
    pub role_arn: Arc<str>,
    /// How it stands.
    pub status: Status,
    /// When it started.
    pub start: Timestamp,
    /// When it ended.
    pub stop: Option<Timestamp>,
    /// `traceHeader`, as it was given.
    pub trace_header: Option<Arc<str>>,
    /// The execution that `AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID` in its input names.
    pub started_by: Option<ExecutionId>,
    /// The task that started it and waits for its end.
    pub parent: Option<ParentTask>,
    /// The last event of its history.
    pub last_event: EventId,
    /// `redriveCount`
    pub redrive_count: u64,
    /// `redriveDate`: of the last redrive.
    pub redrive_date: Option<Timestamp>,
    /// The last commit with records.
    pub revision: Revision,
}

impl ExecutionHeader {
    /// The lists that it is in.
    pub fn lists(&self) -> impl Iterator<Item = ExecutionQuery> + use<> {
        let machine = ExecutionQuery::Machine(self.machine);
        [machine].into_iter().chain(self.started_by.map(ExecutionQuery::StartedBy))
    }

    /// The ARN of the Map Run that it is a child of: its state machine bears the label of the run,
    /// and the run stands for its machine.
    pub fn map_run_arn(&self) -> Option<String> {
        let (head, machine) = self.state_machine_arn.split_once(":stateMachine:")?;
        let id = u128::from_be_bytes(self.machine.0);
        let part = |shift: u32, digits: usize| {
            format!("{:0digits$x}", (id >> shift) & ((1 << (digits * 4)) - 1))
        };
        let uuid = [part(96, 8), part(80, 4), part(64, 4), part(48, 4), part(0, 12)].join("-");
        machine.contains('/').then(|| format!("{head}:mapRun:{machine}:{uuid}"))
    }

    /// Whether another execution may have the same ARN: this one stopped then or before.
    pub fn is_name_free(&self, free_after: Timestamp) -> bool {
        self.stop.is_some_and(|stop| stop <= free_after)
    }
}

/// The task of another execution that started this one. What makes a repeated start harmless: it
/// finds its own child by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParentTask {
    /// Whose task.
    pub execution: ExecutionId,
    /// Which attempt.
    pub task: TaskId,
}

/// When an execution needs attention without anybody calling.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Agenda {
    /// At this instant.
    pub due: Option<Timestamp>,
    /// After a restart, since effects are under way or somebody else's end is awaited.
    pub has_effects: bool,
    /// Heartbeat deadlines that are later than the records tell.
    pub heartbeats: Vec<(TaskId, Timestamp)>,
}

/// One transition, to be written together.
#[derive(Clone, Debug)]
pub struct Commit {
    /// What must be true.
    pub expected: Expected,
    /// The new header. Its revision is one more than the last where there are records, and the
    /// same where there are none.
    pub header: ExecutionHeader,
    /// The status before, which finds the old place in the listings; none for a new execution.
    pub previous_status: Option<Status>,
    /// What was decided; may be empty, for a change of the agenda alone.
    pub records: Vec<Record>,
    /// What comes next; none where nothing does.
    pub agenda: Option<Agenda>,
    /// The whole execution as these records leave it, where it is due
    /// ([`crate::encoding::encode_execution`]).
    pub checkpoint: Option<Vec<u8>>,
    /// A resource that is written with it, where there was never one before. Its version is 0; it
    /// is removed one day, and never changed.
    pub resource: Option<(ResourceKey, Vec<u8>)>,
}

impl Commit {
    /// Panics where it contradicts itself, since that is a mistake of ours: the store would lose
    /// its own rows by it.
    pub fn assert_sound(&self) {
        let has_records = !self.records.is_empty();
        match self.expected {
            Expected::New { .. } => {
                assert!(has_records, "a new execution has records");
                assert_eq!(self.header.revision, Revision(1), "of a new execution");
                assert_eq!(self.previous_status, None, "of a new execution");
            }
            Expected::At(Revision(revision)) => {
                let next = Revision(revision + u32::from(has_records));
                assert_eq!(self.header.revision, next, "one more where there are records");
                assert!(self.previous_status.is_some(), "an old execution had a status");
            }
        }
        let is_open = self.header.status == Status::Running;
        assert_eq!(is_open, self.header.stop.is_none(), "what is closed has stopped");
        assert!(has_records || self.checkpoint.is_none(), "a checkpoint comes with its records");
    }
}

/// A loaded execution.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its header.
    pub header: ExecutionHeader,
    /// Its state, heartbeats of the agenda included.
    pub execution: Execution,
    /// Bytes of records since the last checkpoint, for deciding when the next is due.
    pub record_bytes: usize,
    /// Bytes of the last checkpoint; 0 where there is none.
    pub checkpoint_bytes: usize,
}

/// Whose executions to list.
#[derive(Clone, Debug, PartialEq)]
pub enum ExecutionQuery {
    /// Those of a state machine.
    Machine(MachineId),
    /// Those whose input says that this execution started them.
    StartedBy(ExecutionId),
}

/// The last execution of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListCursor(pub ExecutionId);

/// Executions that have ended: part of an answer that goes over all executions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ended {
    /// What was asked for, among the executions that were looked at.
    pub headers: Vec<ExecutionHeader>,
    /// The last execution that was looked at; none where there is none after it.
    pub next: Option<ExecutionId>,
}

/// The first event of a page: its commit, and its position among that commit's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryCursor {
    /// Which commit.
    pub revision: Revision,
    /// Which record of it.
    pub offset: u32,
}

/// A page of history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistoryPage {
    /// The events.
    pub events: Vec<HistoryEvent>,
    /// Where the next page begins; none at the end.
    pub next: Option<HistoryCursor>,
}

/// What was due.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claim {
    /// The executions.
    pub executions: Vec<ExecutionId>,
    /// How many of them, the first ones, are taken for the effects that were pending when the last
    /// process ended. The others are due.
    pub pending: usize,
    /// When something is due next, as far as is known.
    pub next_due: Option<Timestamp>,
}
