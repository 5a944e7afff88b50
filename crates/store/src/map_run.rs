//! What is stored of a Map Run besides its child executions: resources of the kinds
//! [`crate::ResourceKind::MapRun`] and [`crate::ResourceKind::MapRunOutcomes`].

use std::sync::Arc;

use engine::{ExecutionId, Failure, Status, Timestamp};
use json::Document;

use crate::DefinitionId;

/// How a Map Run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum MapRunStatus {
    Running,
    Succeeded,
    Failed,
    Aborted,
}

/// How many items, or how many child executions, stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct MapRunCounts {
    pub pending: u64,
    pub running: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub timed_out: u64,
    pub aborted: u64,
    pub results_written: u64,
}

impl MapRunCounts {
    /// All of them; results that are written were counted before.
    pub fn total(&self) -> u64 {
        let MapRunCounts { pending, running, succeeded, failed, timed_out, aborted, .. } = self;
        pending + running + succeeded + failed + timed_out + aborted
    }

    /// Those that ended otherwise than by success.
    pub fn unsuccessful(&self) -> u64 {
        self.failed + self.timed_out + self.aborted
    }

    /// Counts so many more that ended so.
    pub fn add(&mut self, status: Status, count: u64) {
        *self.of(status) += count;
    }

    fn of(&mut self, status: Status) -> &mut u64 {
        match status {
            Status::Running => &mut self.running,
            Status::Succeeded => &mut self.succeeded,
            Status::Failed => &mut self.failed,
            Status::TimedOut => &mut self.timed_out,
            Status::Aborted => &mut self.aborted,
        }
    }
}

/// A Map Run as DescribeMapRun shows it. It is written when the run starts, when its settings
/// change, and when it ends; the counts of one that runs are older than its outcomes tell.
#[derive(Clone, Debug, PartialEq)]
pub struct MapRunRecord {
    /// `mapRunArn`
    pub arn: Arc<str>,
    /// `executionArn`
    pub execution_arn: Arc<str>,
    /// The number of that execution.
    pub execution: ExecutionId,
    /// The definition that its children run.
    pub definition: DefinitionId,
    /// Whether its children are Express executions, which are no executions of the store.
    pub is_express: bool,
    /// Whether a child gets a batch of items.
    pub is_batched: bool,
    /// `status`
    pub status: MapRunStatus,
    /// `startDate`
    pub start: Timestamp,
    /// `stopDate`
    pub stop: Option<Timestamp>,
    /// `maxConcurrency`
    pub max_concurrency: u64,
    /// `toleratedFailureCount`
    pub tolerated_failure_count: u64,
    /// `toleratedFailurePercentage`
    pub tolerated_failure_percentage: f64,
    /// `itemCounts`
    pub item_counts: MapRunCounts,
    /// `executionCounts`
    pub execution_counts: MapRunCounts,
    /// `redriveCount`
    pub redrive_count: u64,
    /// `redriveDate`
    pub redrive_date: Option<Timestamp>,
    /// The result of the Map state, of a run that succeeded.
    pub result: Option<Document>,
    /// Why it failed.
    pub failure: Option<Failure>,
}

/// What became of some children of a Map Run, since what was written before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MapRunOutcomes {
    /// The redrives of the run by then: what was unsuccessful before the last one counts no more.
    pub redrive_count: u64,
    /// Where reading can begin so that no child that is not in the outcomes is missed; none from
    /// the first item.
    pub mark: Option<MapRunMark>,
    /// The children.
    pub children: Vec<MapRunChild>,
}

/// A place in the items of a Map Run.
#[derive(Clone, Debug, PartialEq)]
pub struct MapRunMark {
    /// A child; all before it have ended.
    pub child: u64,
    /// Its first item.
    pub child_item: u64,
    /// The first item that is read from the place: that one, or one before it.
    pub item: u64,
    /// What the reader calls the place.
    pub position: Vec<u8>,
}

/// A child execution of a Map Run that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct MapRunChild {
    /// Which batch, or which item where there are no batches, from 0.
    pub index: u64,
    /// How many items it got.
    pub items: u64,
    /// How it ended.
    pub status: Status,
    /// When it started.
    pub start: Timestamp,
    /// When it ended.
    pub stop: Timestamp,
    /// Its input; of an Express execution alone.
    pub input: Option<Document>,
    /// Its output, where it succeeded: of an Express execution, and where it is needed soon.
    pub output: Option<Document>,
    /// Why it did not succeed; of an Express execution alone.
    pub failure: Option<Failure>,
}
