//! The interpreter: what an execution is, and how it moves.
//!
//! Three nouns, never mixed: an [`Input`] arrives, a [`Record`] is written, an [`Effect`] is asked
//! for. [`start`] and [`step`] decide; [`Execution::apply`] is the only thing that changes an
//! execution, live and at recovery alike.
//!
//! Promises: pure. The same arguments give the same answer, on any machine, at any time.
//!
//! Does not: know stores, services, HTTP, tokio or the clock.

mod active;
mod apply;
mod context;
mod effect;
mod evaluate;
mod event;
mod execution;
mod failure;
mod fault;
mod ids;
mod limits;
mod map_run;
mod mock;
mod pending;
mod redrive;
mod retry;
mod states;
mod step;
mod trial;

pub use active::ActiveFrames;
pub use effect::{ChildRequest, Effect, Job, ServiceRequest, ServiceTarget};
pub use event::{EventKind, HistoryEvent, Note, Record, RetryAt, TaskResource, TimerShift};
pub use execution::{
    Activity, ChildTask, Execution, Frame, Join, MapItem, MapJoin, Position, Redrives, ServiceTask,
    Status, TaskState, WaitingOn,
};
pub use failure::{ErrorName, Failure};
pub use ids::{EventId, ExecutionId, FrameId, Home, TaskId, TaskToken, Timestamp};
pub use limits::{Limits, STATE_WORK};
pub use map_run::{MapRunItem, MapRunRequest, MapRunState, select_item};
pub use mock::{MockedExecution, MockedOutcome, MockedResponse, Mocks};
pub use step::{Input, StartParameters, Step, StepEnv, start, start_map_child, start_mocked, step};
pub use trial::{
    Inspection, StateTrial, TRIED_STATE_NAME, TrialMock, TrialOutcome, TrialParameters, TrialStatus,
};
