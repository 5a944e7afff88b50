//! Map Runs: what a Map state in DISTRIBUTED mode asks for, and what its children get.
//!
//! The run itself, with its children, lies outside of the execution: the frame waits for its end
//! as for that of a task.

use std::sync::Arc;

use asl::{Program, RegionIndex, StateKind};
use json::{Document, Value};

use crate::context::{ItemView, Moment};
use crate::evaluate::View;
use crate::step::Stepper;
use crate::{EventId, Execution, Failure, FrameId, Limits, StepEnv};

/// A Map Run to start: everything about it that had to be evaluated. The rest stands in the Map
/// state of the program.
#[derive(Clone, Debug, PartialEq)]
pub struct MapRunRequest {
    /// `…:mapRun:<machine>/<label>:<uuid>`
    pub arn: Arc<str>,
    /// What the child executions run.
    pub processor: RegionIndex,
    /// The effective input of the Map state, which item selectors see.
    pub input: Document,
    /// The items, an array or an object; none where an `ItemReader` reads them.
    pub items: Option<Document>,
    /// `Parameters` or `Arguments` of `ItemReader`.
    pub reader_parameters: Option<Document>,
    /// `MaxItems` of `ReaderConfig`; 0 for no limit, and
    /// [`MapRunRequest::ITEMS_MAX_NOT_POSITIVE`] for one that fails the run.
    pub items_max: u64,
    /// `Parameters` or `Arguments` of `ResultWriter`.
    pub writer_parameters: Option<Document>,
    /// `MaxItemsPerBatch`; 0 for no limit.
    pub batch_items_max: u64,
    /// `MaxInputBytesPerBatch`; 0 for no limit.
    pub batch_bytes_max: u64,
    /// `BatchInput`
    pub batch_input: Option<Document>,
    /// `MaxConcurrency`; 0 for as many as there can be.
    pub max_concurrency: u64,
    /// `ToleratedFailureCount`, in items.
    pub tolerated_failure_count: u64,
    /// `ToleratedFailurePercentage`, between 0 and 100.
    pub tolerated_failure_percentage: f64,
}

/// A Map Run as the frame sees it that waits for its end.
#[derive(Clone, Debug, PartialEq)]
pub struct MapRunState {
    /// Its `MapRunStarted` event.
    pub started: EventId,
    /// What was asked for.
    pub request: MapRunRequest,
    /// Whether it has ended.
    pub ended: bool,
    /// How often it was redriven.
    pub redrive_count: u64,
}

/// An item of a Map Run, as `ItemSelector` sees it in `$$.Map.Item`.
#[derive(Clone, Copy, Debug)]
pub struct MapRunItem<'a> {
    /// `Index`
    pub index: u64,
    /// `Value`
    pub value: &'a Document,
    /// `Key`, of an item that is a member of an object.
    pub key: Option<&'a str>,
    /// `Source`
    pub source: &'a str,
}

/// Evaluates the `ItemSelector` of a Map state whose run is under way: the input of a child
/// execution, or an item of its batch. The execution is left as it is.
///
/// # Errors
/// The failure of the Map Run.
pub fn select_item(
    program: &Program,
    execution: &mut Execution,
    frame: FrameId,
    item: MapRunItem<'_>,
    env: &mut StepEnv<'_>,
) -> Result<Document, Failure> {
    let mut stepper = Stepper::new(program, execution, env);
    let state = stepper.state_of(frame);
    let StateKind::Map(map) = &state.kind else {
        unreachable!("only a Map state has items");
    };
    let Some(selector) = &map.item_selector else {
        return Ok(item.value.clone());
    };
    let run = stepper.execution.frames.get(&frame).and_then(|frame| frame.map_run());
    let input = run.expect("the Map Run is under way").request.input.clone();
    let MapRunItem { index, value, key, source } = item;
    let view = ItemView { index, value, key, source: Some(source) };
    let moment = Moment { token: None, item: Some(view) };
    let view = View { moment, ..View::of(&input) };
    stepper
        .payload(frame, selector, "ItemSelector", view)
        .map_err(|fault| stepper.failure(frame, fault))
}

/// How many items there are in an array or an object.
pub(crate) fn count_items(items: &Value) -> Option<u64> {
    match items {
        Value::Array(items) => Some(items.len() as u64),
        Value::Object(members) => Some(members.len() as u64),
        _ => None,
    }
}

impl MapRunRequest {
    /// Stands for a limit on the items that is zero or negative. It is found at a path, so that the
    /// run is there when it fails by it. No limit is as great.
    pub const ITEMS_MAX_NOT_POSITIVE: u64 = u64::MAX;

    /// How many children may run at once.
    pub fn concurrency(&self, limits: &Limits) -> u64 {
        match self.max_concurrency {
            0 => limits.map_run_concurrency_max,
            limit => limit.min(limits.map_run_concurrency_max),
        }
    }
}
