//! How the engine's types are written: their members in the order given here, a variant behind its
//! number. **These lists are the stored form.** Numbers are never changed or used again.

use asl::{IntegrationPattern, RegionIndex, StateIndex, StateType};
use engine::{
    ActiveFrames, Activity, ChildRequest, ChildTask, EventId, EventKind, Execution, ExecutionId,
    Failure, Frame, FrameId, HistoryEvent, Job, Join, MapItem, MapJoin, MapRunRequest, MapRunState,
    MockedExecution, MockedOutcome, MockedResponse, Mocks, Note, Position, Record, Redrives,
    RetryAt, ServiceRequest, ServiceTarget, ServiceTask, StartParameters, Status, TaskId,
    TaskResource, TaskState, TaskToken, WaitingOn,
};

use super::row::{Malformed, RowReader, RowWriter, Stored};

/// A member: read where the row is of that version or a later one, its default else.
macro_rules! member {
    ($row:ident) => {
        Stored::read($row)?
    };
    ($row:ident since $version:literal) => {
        if $row.version() >= $version { Stored::read($row)? } else { Default::default() }
    };
    ($row:ident follows $value:expr) => {
        $value
    };
}
pub(super) use member;

/// Writes a member, unless it follows from others.
macro_rules! write_member {
    ($row:ident $field:ident) => {
        $field.write($row)
    };
    ($row:ident $field:ident follows $value:expr) => {
        let _ = $field;
    };
}
pub(super) use write_member;

/// Structs, with every member. `member @ 0` is the member of a tuple struct; `member since 2` is in
/// rows of version 2 and later; `member follows value` is in none, and made of the others.
macro_rules! structs {
    ($($name:ident {
        $($field:ident $(@ $index:tt)? $(since $version:literal)? $(follows $value:expr)?),*
    })*) => {$(
        impl Stored for $name {
            fn write<'a>(&'a self, row: &mut RowWriter<'a>) {
                let $name { $($($index:)? $field),* } = self;
                $(write_member!(row $field $(follows $value)?);)*
            }

            fn read(row: &mut RowReader<'_>) -> Result<Self, Malformed> {
                $(let $field = member!(row $(since $version)? $(follows $value)?);)*
                Ok($name { $($($index:)? $field),* })
            }
        }
    )*};
}
pub(super) use structs;

/// Enums, with every variant and every member of it, as in [`structs`].
macro_rules! enums {
    ($($name:ident, $what:literal {
        $($number:literal => $variant:ident {
            $($field:ident $(@ $index:tt)? $(since $version:literal)?),*
        })*
    })*) => {$(
        impl Stored for $name {
            fn write<'a>(&'a self, row: &mut RowWriter<'a>) {
                match self {$(
                    $name::$variant { $($($index:)? $field),* } => {
                        row.byte($number);
                        $($field.write(row);)*
                    }
                )*}
            }

            fn read(row: &mut RowReader<'_>) -> Result<Self, Malformed> {
                match row.byte()? {
                    $($number => {
                        $(let $field = member!(row $(since $version)?);)*
                        Ok($name::$variant { $($($index:)? $field),* })
                    })*
                    _ => Err(row.malformed(concat!("an unknown ", $what))),
                }
            }
        }
    )*};
}

structs! {
    EventId { number @ 0 }
    FrameId { number @ 0 }
    ExecutionId { bytes @ 0 }
    TaskToken { text @ 0 }
    StateIndex { number @ 0 }
    RegionIndex { number @ 0 }
    TaskId { frame, scheduled }
    Failure { error, cause }
    TaskResource { resource_type, resource }
    ChildRequest { pattern, parameters, generated_name, role_arn since 2 }
    ServiceRequest { target, parameters, role_arn since 2 }
    ServiceTask { request, submitted, job since 2 }
    Job { request, submitted }
    RetryAt { retrier, at, previous }
    StartParameters {
        id, arn, name, state_machine_arn, state_machine_name, role_arn, state_machine_version_arn,
        state_machine_alias_arn, input
    }
    Execution {
        parameters, status, start, stop, deadline, output, failure, last_event, frames,
        active follows ActiveFrames::of(&frames), next_frame, abandoned, mocked since 2,
        abandoned_jobs since 2, redrives since 2, last_timestamp since 3,
        timer_shift since 4
    }
    Redrives { count, date, client_tokens }
    Mocks { test_case, states }
    MockedResponse { first, last, outcome }
    MockedExecution { mocks, attempts }
    Frame { parent, region, index, item, last_event, variables, position }
    MapItem { index, value }
    TaskState {
        scheduled, deadline, heartbeat_seconds, heartbeat_deadline, token, activity
    }
    ChildTask { resource, request, submitted, child_arn }
    Join { children, finished, length, map }
    MapJoin { items, input, max_concurrency, processor }
    MapRunState { started, request, ended, redrive_count }
    MapRunRequest {
        arn, processor, input, items, reader_parameters, items_max, writer_parameters,
        batch_items_max, batch_bytes_max, batch_input, max_concurrency, tolerated_failure_count,
        tolerated_failure_percentage
    }
}

pub(super) use enums;

enums! {
    Status, "status" {
        0 => Running {}
        1 => Succeeded {}
        2 => Failed {}
        3 => TimedOut {}
        4 => Aborted {}
    }
    StateType, "type of state" {
        0 => Pass {}
        1 => Task {}
        2 => Choice {}
        3 => Wait {}
        4 => Succeed {}
        5 => Fail {}
        6 => Parallel {}
        7 => Map {}
    }
    IntegrationPattern, "integration pattern" {
        0 => RequestResponse {}
        1 => Sync {}
        2 => Sync2 {}
        3 => WaitForTaskToken {}
    }
    Position, "position of a frame" {
        0 => Start { input }
        1 => Before { state, input }
        2 => In { state, input, entered, entered_event, retries, waiting_on }
        3 => Done { output }
    }
    WaitingOn, "thing to wait for" {
        0 => Nothing {}
        1 => Until { instant @ 0 }
        2 => Retry { retry @ 0 }
        3 => Task { task @ 0 }
        4 => Join { join @ 0 }
        5 => MapRun { run @ 0 }
    }
    Activity, "activity of a task" {
        0 => Worker { activity_arn, input, started }
        1 => Child { child @ 0 }
        2 => Service { service @ 0 }
    }
    ServiceTarget, "target of a call" {
        0 => Function { arn @ 0 }
        1 => Action { resource @ 0 }
    }
    MockedOutcome, "mocked outcome" {
        0 => Return { result @ 0 }
        1 => Throw { failure @ 0 }
    }
    Record, "kind of record" {
        0 => Event { event @ 0 }
        1 => Note { note @ 0 }
    }
    Note, "note" {
        0 => RetryScheduled { frame, retry }
        1 => Mocked { mocks }
        2 => MockUsed { state }
        3 => MapRunChild { processor }
        4 => StopsDone { children, jobs }
        5 => TimersShifted { shift }
    }
    EventKind, "type of event" {
        1 => ExecutionStarted {
            input, role_arn, state_machine_version_arn, state_machine_alias_arn, deadline
        }
        2 => ExecutionSucceeded { output }
        3 => ExecutionFailed { failure @ 0 }
        4 => ExecutionAborted { failure @ 0 }
        5 => ExecutionTimedOut { failure @ 0 }
        6 => StateEntered { state_type, name, input, state, until }
        7 => StateExited { state_type, name, output, assigned, next }
        8 => TaskScheduled {
            resource, region, parameters, timeout_seconds, heartbeat_seconds, token, child,
            role_arn since 2
        }
        9 => TaskStarted { resource }
        10 => TaskSubmitted { resource, output, child_arn }
        11 => TaskSucceeded { resource, output }
        12 => TaskFailed { resource, failure }
        13 => TaskTimedOut { resource, failure }
        14 => TaskSubmitFailed { resource, failure }
        15 => ActivityScheduled { resource, input, timeout_seconds, heartbeat_seconds, token }
        16 => ActivityStarted { worker_name }
        17 => ActivitySucceeded { output }
        18 => ActivityFailed { failure @ 0 }
        19 => ActivityTimedOut { failure @ 0 }
        20 => ParallelStateStarted { branches, input }
        21 => ParallelStateSucceeded {}
        22 => ParallelStateFailed {}
        23 => ParallelStateAborted {}
        24 => MapStateStarted { length, items, input, max_concurrency, processor }
        25 => MapStateSucceeded {}
        26 => MapStateFailed {}
        27 => MapStateAborted {}
        28 => MapIterationStarted { name, index, iteration, input }
        29 => MapIterationSucceeded { name, index }
        30 => MapIterationFailed { name, index }
        31 => MapIterationAborted { name, index }
        32 => TaskStateAborted {}
        33 => WaitStateAborted {}
        34 => EvaluationFailed { failure, location, state }
        35 => LambdaFunctionScheduled { resource, input, timeout_seconds, role_arn since 2 }
        36 => LambdaFunctionStarted {}
        37 => LambdaFunctionSucceeded { output }
        38 => LambdaFunctionFailed { failure @ 0 }
        39 => LambdaFunctionTimedOut { failure @ 0 }
        40 => DistributedMapStateStarted { length }
        41 => MapRunStarted { request }
        42 => MapRunSucceeded {}
        43 => MapRunFailed { failure @ 0 }
        44 => MapRunAborted {}
        45 => ExecutionRedriven { redrive_count, deadline, client_token, anew }
        46 => MapRunRedriven { map_run_arn, redrive_count }
    }
}

impl Stored for HistoryEvent {
    /// The id is counted from the one before and `previous` from the id, since both are nearly
    /// always one apart.
    fn write<'a>(&'a self, row: &mut RowWriter<'a>) {
        let HistoryEvent { id, previous, timestamp, frame, kind } = self;
        row.event_id(*id);
        row.number(id.0.wrapping_sub(previous.0));
        timestamp.write(row);
        frame.write(row);
        kind.write(row);
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, Malformed> {
        let id = row.event_id()?;
        let previous = EventId(id.0.wrapping_sub(row.number()?));
        let (timestamp, frame) = (Stored::read(row)?, Stored::read(row)?);
        Ok(HistoryEvent { id, previous, timestamp, frame, kind: Stored::read(row)? })
    }
}
