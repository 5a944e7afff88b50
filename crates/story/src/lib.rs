//! What happened in an execution, read from its history.
//!
//! Promises: the same events give the same story; events may be taken one by one, and a story after
//! some of them is that of the part of the history that they are. A history of AWS is read as one
//! of Stairwell's own. Nothing fails: an event that fits nowhere changes nothing.
//!
//! Does not: fetch anything (who follows a [`Chain`] does), know a store or HTTP, or look at the
//! clock.
//!
//! How: [`Event::read`] makes events of what GetExecutionHistory gives; [`Story::take`] puts each
//! into its step by following `previousEventId`. From the steps follow [`Story::failure`],
//! [`Story::waiting`], [`Story::redrive`], [`Story::statuses`] for a graph, and the columns that
//! travel to the console. [`Query`] reads what executions are searched by.

mod chain;
mod columns;
mod event;
mod failure;
mod fold;
mod query;
mod redrive;
mod statuses;
mod step;
mod waiting;
mod words;

pub use chain::{Chain, Gap, Link};
pub use event::{Event, Happening, Outcome, Payload, WorkKind};
pub use failure::Failing;
pub use fold::Story;
pub use query::{Comparison, Field, Operand, Query, QueryError, Term};
pub use redrive::Redrive;
pub use step::{Attempt, Frame, FrameIndex, FrameKind, Status, Step, StepIndex};
pub use waiting::{Waiting, WaitingKind};
pub use words::duration;
