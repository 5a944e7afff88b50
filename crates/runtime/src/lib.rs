//! The shell that owns live executions: it claims work, steps, commits, performs effects and fires
//! timers.
//!
//! Promises: an operation that was answered is as durable as the store can make it; an effect is
//! performed after its commit and at least once; no execution needs a thread, a task or memory
//! while it waits; what a crash interrupts is taken up again by the path that timers use anyway.
//!
//! Does not: decide anything about a workflow (that is `engine`), keep bytes (`store`), or know
//! AWS's wire format (`api`).
//!
//! In reading order: [`Runtime`] is the handle and `shell` what is behind it, with `tasks`; `live`,
//! `drive`, `decide` and `timers` move executions, on the threads of `compute` and within `budget`;
//! `effects`, `child`, `offers`, `integration` and `express` do what they ask for, and `logs` and
//! `status_events` tell of it; `homes`, `peers` and `network` reach executions that other nodes
//! drive; `retention` removes what ended long ago; `machines` and `programs` know what they run;
//! then one file per family of operations.

mod arn;
mod budget;
mod clock;
mod compute;
mod config;
mod error;
mod random;

mod shell;
mod tasks;

mod decide;
mod drive;
mod live;
mod steps;
mod timers;

mod call_audit;
mod child;
mod effects;
mod express;
mod express_elsewhere;
mod express_history;
mod homes;
mod integration;
mod logs;
mod map_data;
mod map_run;
mod network;
mod offers;
mod peers;
mod permission;
mod retention;
mod status_events;

mod machines;
mod programs;
mod releases;

mod activities;
mod aliases;
mod executions;
mod map_runs;
mod mocks;
mod quotas;
mod redrive;
mod start;
mod state_machines;
mod tags;
mod test_state;
mod traces;
mod versions;

pub use activities::{
    Activity, ActivityError, ActivityList, ActivityTask, CreateActivity, GetActivityTask,
    ListActivities, SendTaskFailure, SendTaskSuccess, TaskError,
};
pub use aliases::{
    CreateStateMachineAlias, ListStateMachineAliases, RouteTo, StateMachineAlias,
    StateMachineAliasList, UpdateStateMachineAlias,
};
pub use arn::{Arn, ArnError, ResourceName, StateMachineArn, name_is_valid};
pub use budget::Reserved;
pub use call_audit::{AuditedCall, CallAudit, CallAuditHandle};
pub use clock::{Clock, Now};
pub use config::{MapRunDataHandle, RuntimeConfig};
pub use error::OperationalError;
pub use executions::{
    ExecutionDescription, ExecutionError, ExecutionList, ExecutionsOf, GetExecutionHistory,
    ListExecutions, StopExecution,
};
pub use express::SyncExecution;
pub use express_history::ExpressHistory;
pub use integration::{
    CallTrace, HttpExchange, HttpRequestTrace, HttpResponseTrace, Integration, Integrations,
    ServiceCall,
};
pub use logs::{ExecutionLogs, LogDestination, LoggedEvent};
pub use map_data::{
    ChildResult, Item, ItemReader, MapRunData, OpenItems, ReaderPosition, ResultSource,
    WriteResults,
};
pub use map_runs::{ListMapRuns, MapRunError, MapRunList, UpdateMapRun};
pub use mocks::MockError;
pub use network::{Network, NetworkError, NetworkHandle};
pub use permission::{Access, Permission, QUALIFIER, not_assumed, without_qualifier};
pub use redrive::{RedriveExecution, RedriveStatus};
pub use retention::{Retention, purge};
pub use start::{StartError, StartExecution, StartedExecution};
pub use state_machines::{
    Configurations, CreateStateMachine, CreatedStateMachine, ListStateMachines, StateMachine,
    StateMachineError, StateMachineForExecution, StateMachineList, StateMachineStatus,
    UpdateStateMachine, UpdatedStateMachine,
};
pub use status_events::StatusDetail;
pub use tags::{Tag, TagError, Tags};
pub use test_state::{FieldValidationMode, MockInput, TestState, TestStateError, TestedState};
pub use versions::{
    ListStateMachineVersions, Publish, PublishStateMachineVersion, StateMachineVersion,
    StateMachineVersionList,
};

use std::sync::Arc;

use engine::Timestamp;
use store::Store;

use crate::shell::Shell;

/// A handle on everything that runs. A clone is the same runtime.
#[derive(Clone)]
pub struct Runtime {
    shell: Arc<Shell>,
}

impl Runtime {
    /// Takes the store over and goes on with what it holds: timers fire and interrupted effects are
    /// performed again from now on. To be called within a tokio runtime.
    pub fn open(store: Arc<dyn Store>, mut config: RuntimeConfig) -> Runtime {
        let logs = config.execution_logs.take();
        let shell = Arc::new(Shell::new(store, config));
        shell.open_logs(logs);
        shell.supervise("clock", Shell::run_clock);
        shell.supervise("timers", Shell::run_timers);
        shell.supervise("retention", Shell::run_retention);
        shell.supervise("status events", Shell::run_status_events);
        shell.supervise("notices of the store", Shell::run_notices);
        Runtime { shell }
    }

    /// Takes no more work, waits for what is under way, for [`RuntimeConfig::shutdown_wait`] at
    /// most, and closes the store. Operations that come later, and long polls that still wait, get
    /// [`OperationalError::ShuttingDown`]. What is cut off goes on after the next start.
    pub async fn shutdown(&self) {
        self.shell.shutdown().await;
    }

    /// The instant that executions would see now.
    pub fn now(&self) -> Timestamp {
        self.shell.now()
    }

    /// The same, on both scales of time.
    pub fn instant(&self) -> Now {
        self.shell.instant()
    }

    /// How many nodes share the store, this one included, as the store said last.
    pub fn living_nodes(&self) -> u64 {
        self.shell.nodes.borrow().len().max(1) as u64
    }

    /// How often a background task (the timers, retention, events of status changes, the clock) met
    /// a mistake in Stairwell and was begun again.
    pub fn background_restarts(&self) -> u64 {
        self.shell.background_restarts()
    }
}
