//! The data of Map Runs: the seam to what reads items and writes results.
//!
//! Promises: items are pulled in batches, one batch at a time, so that a run holds bounded memory;
//! results are handed out page by page, and the same again after a crash.
//!
//! Does not: know a format, a bucket or a file.

use std::sync::Arc;

use asl::{ReaderAction, ReaderConfig, WriterConfig};
use async_trait::async_trait;
use engine::{Failure, Status, Timestamp};
use json::{Document, Object, Value};
use store::Scope;

use crate::{Access, OperationalError};

/// What reads the items of Map Runs and writes their results.
#[async_trait]
pub trait MapRunData: Send + Sync {
    /// Opens what an `ItemReader` names. With a position, reading goes on from there: the items are
    /// those that the reader which gave the position would have given next. It is called again
    /// after a crash and after a redrive, with the same parameters.
    ///
    /// # Errors
    /// The failure of the Map Run: `States.ItemReaderFailed` with AWS's words as its cause. Store
    /// or network trouble that may pass is to be retried within.
    async fn open(&self, request: OpenItems) -> Result<Box<dyn ItemReader>, Failure>;

    /// Writes the results of a Map Run as its `ResultWriter` says, and gives the result of the Map
    /// state: with a target `{"MapRunArn", "ResultWriterDetails": {"Bucket", "Key"}}`, without one
    /// the transformed outputs.
    ///
    /// It is called when all child executions have ended; after a crash within it, once more from
    /// the first result, so that what an earlier call left is to be replaced. A run that failed is
    /// written, too. The results come in the order in which the children ended;
    /// [`ChildResult::index`] tells the order of the items.
    ///
    /// # Errors
    /// The failure of the Map Run: `States.ResultWriterFailed` with AWS's words as its cause.
    async fn write(
        &self,
        request: WriteResults,
        results: &mut dyn ResultSource,
    ) -> Result<Document, Failure>;
}

/// Reads items, one batch after the other.
#[async_trait]
pub trait ItemReader: Send {
    /// The next items, in order: `limit` at most (it is at least 1), and none only at the end. It
    /// holds no more in memory than it needs for them. It stops short of `limit` rather than to
    /// give more than about 8 MiB at once. `MaxItems` is the caller's business.
    ///
    /// # Errors
    /// The failure of the Map Run, as of [`MapRunData::open`].
    async fn read(&mut self, limit: usize) -> Result<Vec<Item>, Failure>;

    /// Where the next call of [`ItemReader::read`] goes on, in the reader's own terms; up to a few
    /// kilobytes, which are stored. Cheap. It may be asked for after any batch.
    fn position(&self) -> ReaderPosition;
}

/// A place in what a reader reads. Its bytes mean something to that kind of reader alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReaderPosition(pub Vec<u8>);

/// An item of a Map Run.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What a child gets where there is no `ItemSelector`.
    pub value: Document,
    /// `$$.Map.Item.Key`, where the items are the members of an object; then the value is
    /// `{"Key", "Value"}`, of which `$$.Map.Item.Value` shows the latter.
    pub key: Option<Arc<str>>,
    /// `$$.Map.Item.Source`: the address of what it was read from, such as
    /// `s3://bucket/key`.
    pub source: Arc<str>,
}

/// An `ItemReader` of a Map state, its expressions evaluated.
#[derive(Clone, Debug)]
pub struct OpenItems {
    /// The account and the region of the execution.
    pub scope: Scope,
    /// What its role allows, which is to be asked before each request.
    pub access: Access,
    /// The Map Run.
    pub map_run_arn: Arc<str>,
    /// What `Resource` names.
    pub action: ReaderAction,
    /// The resolved `Parameters` or `Arguments`; an empty object where there are none.
    pub parameters: Document,
    /// `ReaderConfig`
    pub config: ReaderConfig,
    /// Where to go on; none from the first item.
    pub position: Option<ReaderPosition>,
}

/// A `ResultWriter` of a Map state, its expressions evaluated.
#[derive(Clone, Debug)]
pub struct WriteResults {
    /// The account and the region of the execution.
    pub scope: Scope,
    /// What its role allows, which is to be asked before each request.
    pub access: Access,
    /// The Map Run.
    pub map_run_arn: Arc<str>,
    /// The resolved `Parameters` or `Arguments` of `Resource`; none where there is no `Resource`.
    pub target: Option<Document>,
    /// `WriterConfig`
    pub config: WriterConfig,
}

/// Hands out the results of the child executions of a Map Run.
#[async_trait]
pub trait ResultSource: Send {
    /// The next results, a page of bounded size; none only at the end.
    ///
    /// # Errors
    /// What is stored cannot be read, or the runtime closes: the writer gives up, with any failure.
    async fn next(&mut self) -> Result<Vec<ChildResult>, OperationalError>;
}

/// What became of a child execution of a Map Run: a row of the files of a `ResultWriter`.
#[derive(Clone, Debug, PartialEq)]
pub struct ChildResult {
    /// Which batch, or which item where there are no batches, from 0.
    pub index: u64,
    /// `ExecutionArn`
    pub execution_arn: Arc<str>,
    /// `Name`
    pub name: Arc<str>,
    /// `StateMachineArn`: the labelled one, `…:stateMachine:<name>/<label>`.
    pub state_machine_arn: Arc<str>,
    /// How it stands; none for one that was never started (`PENDING`).
    pub status: Option<Status>,
    /// `Input`
    pub input: Document,
    /// `Output`, where it succeeded.
    pub output: Option<Document>,
    /// `Error` and `Cause`, where it did not.
    pub failure: Option<Failure>,
    /// `StartDate`
    pub start: Option<Timestamp>,
    /// `StopDate`
    pub stop: Option<Timestamp>,
    /// `RedriveCount`
    pub redrive_count: u64,
}

impl ChildResult {
    /// What describes the execution, as a row of the results has it.
    /// See <https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html>.
    pub fn described(&self) -> Value {
        let included = || {
            let mut details = Object::new();
            details.insert("Included", true);
            details
        };
        let mut row = Object::new();
        if let Some(failure) = &self.failure {
            if let Some(cause) = &failure.cause {
                row.insert("Cause", cause.clone());
            }
            if let Some(error) = &failure.error {
                row.insert("Error", error.to_string());
            }
        }
        row.insert("ExecutionArn", self.execution_arn.clone());
        row.insert("Input", self.input.text());
        row.insert("InputDetails", included());
        row.insert("Name", self.name.clone());
        if let Some(output) = &self.output {
            row.insert("Output", output.text());
        }
        row.insert("OutputDetails", included());
        row.insert("RedriveCount", self.redrive_count.cast_signed());
        let (status, reason) = redrive_status(self.status);
        row.insert("RedriveStatus", status);
        if let Some(reason) = reason {
            row.insert("RedriveStatusReason", reason);
        }
        if let Some(start) = self.start {
            row.insert("StartDate", instant(start));
        }
        row.insert("StateMachineArn", self.state_machine_arn.clone());
        row.insert("Status", status_name(self.status));
        if let Some(stop) = self.stop {
            row.insert("StopDate", instant(stop));
        }
        Value::from(row)
    }
}

/// As Java writes it.
fn instant(time: Timestamp) -> String {
    let instant = jiff::Timestamp::from_millisecond(time.0).unwrap_or_default();
    if time.0 % 1_000 == 0 { format!("{instant:.0}") } else { format!("{instant:.3}") }
}

fn redrive_status(status: Option<Status>) -> (&'static str, Option<&'static str>) {
    match status {
        Some(Status::Succeeded) => {
            ("NOT_REDRIVABLE", Some("Execution is SUCCEEDED and cannot be redriven"))
        }
        Some(Status::Failed | Status::TimedOut | Status::Aborted | Status::Running) | None => {
            ("REDRIVABLE_BY_MAP_RUN", None)
        }
    }
}

fn status_name(status: Option<Status>) -> &'static str {
    match status {
        None | Some(Status::Running) => "PENDING",
        Some(Status::Succeeded) => "SUCCEEDED",
        Some(Status::Failed) => "FAILED",
        Some(Status::TimedOut) => "TIMED_OUT",
        Some(Status::Aborted) => "ABORTED",
    }
}
