//! The Amazon States Language: from a definition's text to a [`Program`], or to all its mistakes.
//!
//! Promises: a program that [`compile`] returns has no dangling name and no expression left to
//! parse; every field of the definition was understood, or refused by name; all mistakes are
//! reported at once, each with its place.
//!
//! Does not: run anything, or know what a service answers.
//!
//! How: `outline` numbers regions and states; `state` and `states` compile each state against the
//! tables in `fields`, in the query language that `language` finds for it; `flow` makes its data
//! flow; `reachability` looks at all of them together. A value that is refused is reported and
//! replaced, so that one pass finds every mistake.

mod compile;
mod diagnostic;
mod distributed;
mod expressions;
mod fields;
mod findings;
mod flow;
mod integration;
mod language;
mod outline;
mod paths;
mod place;
mod program;
mod reachability;
mod resource;
mod retry;
mod single_state;
mod state;
mod states;
mod template;
mod timestamp;
mod variables;

pub use compile::{Analysis, Rules, compile, compile_stored};
pub use diagnostic::{Code, Diagnostic, Severity, diagnostics_message};
pub use distributed::{
    CsvDelimiter, CsvHeaders, Distributed, InputType, ItemBatcher, ItemReader, ManifestType,
    OutputType, ReaderAction, ReaderConfig, ReaderTransformation, ResultTransformation,
    ResultWriter, WriterConfig, WriterTarget,
};
pub use integration::{Integration, integration, integrations};
pub use program::{
    Amount, Branches, Catcher, Choice, ChoiceRule, Comparison, Condition, DataFlow, ErrorNames,
    Fail, FailField, IntegrationPattern, Items, JitterStrategy, JsonPathFlow, JsonataFlow, Map,
    Operand, Order, Pass, Payload, Percentage, Program, Region, RegionIndex, Resource, ResultPath,
    Retrier, SECONDS_MAX, Select, State, StateIndex, StateKind, StateType, Task, Transition, Wait,
    WaitFor, WorkflowType,
};
pub use single_state::compile_state;
pub use timestamp::parse_timestamp;
