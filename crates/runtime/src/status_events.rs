//! "Step Functions Execution Status Change" events: put to EventBridge for each Standard execution
//! that begins, ends or is redriven.
//!
//! Promises: each is put at least once, however long EventBridge is away and whatever becomes of
//! the process; executions do not wait for it, and what waits is in the store, not in memory. Those
//! of one execution come in their order, unless EventBridge takes some of a call and others later.
//! Where nothing is to be put, nothing is written.
//!
//! How: the commit that changes the status brings a row ([`ResourceKind::StatusChange`]); one task
//! goes over the rows, puts what they stand for, and removes them.
//!
//! Does not: know the form of an event's `detail` (whoever opens the runtime says it), or put what
//! EventBridge refuses for good: that is told in the log and dropped.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html>.

mod put;

use std::sync::Arc;
use std::time::Duration;

use engine::{EventId, EventKind, ExecutionId, HistoryEvent, Record, Status, Timestamp};
use json::Document;
use parking_lot::Mutex;
use store::{
    Commit, ExecutionHeader, HistoryCursor, Resource, ResourceKey, ResourceKind, Revision, Scope,
    StoreError, encoding,
};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::shell::Shell;
use crate::{ExecutionDescription, RedriveStatus};
use put::Entry;

/// Makes the `detail` of an event: the execution as it was at that change.
pub type StatusDetail = fn(&ExecutionDescription) -> String;

/// Rows that are read, put and removed at a time: their events make a few calls, made at once.
const PAGE: usize = 40;
/// Events of a history that are read at a time.
const EVENTS: usize = 500;
/// The pauses between attempts: at first, and at last.
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// What the task that puts events and those that commit have in common.
pub(crate) struct StatusEvents {
    detail: StatusDetail,
    /// The first row that was written since the task has last looked.
    first: Mutex<Option<Arc<str>>>,
    written: Notify,
}

impl StatusEvents {
    pub(crate) fn new(detail: StatusDetail) -> StatusEvents {
        StatusEvents { detail, first: Mutex::new(None), written: Notify::new() }
    }

    fn tell(&self, name: Arc<str>) {
        let mut first = self.first.lock();
        if first.as_ref().is_none_or(|first| name < *first) {
            *first = Some(name);
        }
        drop(first);
        self.written.notify_one();
    }

    async fn next(&self) -> Arc<str> {
        loop {
            if let Some(first) = self.first.lock().take() {
                return first;
            }
            self.written.notified().await;
        }
    }
}

/// Tells of a row when it is dropped: also where nobody waits for the commit any more, or its reply
/// is lost, and it may have been written.
struct TellOnDrop<'a>(&'a StatusEvents, Arc<str>);

impl Drop for TellOnDrop<'_> {
    fn drop(&mut self) {
        self.0.tell(self.1.clone());
    }
}

impl Shell {
    /// Commits, together with the row for the events that follow from it.
    pub(crate) async fn commit(&self, mut commit: Commit) -> Result<(), StoreError> {
        let changes = || commit.records.iter().any(|record| changed_status(record).is_some());
        let Some(events) = self.status_events.as_ref().filter(|_| changes()) else {
            return self.store.commit(commit).await;
        };
        let name = row_name(commit.header.id, commit.header.revision);
        commit.resource = Some((row_key(name.clone()), encoding::encode_header(&commit.header)));
        let _told = TellOnDrop(events, name);
        self.store.commit(commit).await
    }

    /// Lets the task look at every row again: there may be some that others have left.
    pub(crate) fn tell_all_status_rows(&self) {
        if let Some(events) = &self.status_events {
            events.tell(row_name(ExecutionId([0; 16]), Revision(0)));
        }
    }

    /// Puts events until the runtime closes. What is not put then is put after the next start.
    pub(crate) async fn run_status_events(self: Arc<Self>) {
        let Some(events) = &self.status_events else { return };
        tokio::select! {
            biased;
            () = self.put_status_events(events) => {}
            () = self.closing() => {}
        }
    }

    async fn put_status_events(self: &Arc<Self>, events: &StatusEvents) {
        let mut after: Option<Arc<str>> = None;
        let mut pause = Duration::ZERO;
        loop {
            let (kind, scope) = (ResourceKind::StatusChange, no_scope());
            let page = self.store.list_resources(kind, &scope, after.as_deref(), PAGE).await;
            let done = match page {
                Ok(rows) if rows.is_empty() => {
                    after = Some(before(&events.next().await));
                    continue;
                }
                Ok(rows) => self.put_rows(events, &rows).await.map(|()| rows),
                Err(error) => Err(error),
            };
            match done {
                Ok(rows) => {
                    pause = Duration::ZERO;
                    let last = rows.last().map(|(key, _)| key.name.clone());
                    let lower = events.first.lock().take().map(|first| before(&first));
                    after = lower.into_iter().chain(last).min();
                }
                Err(error) => {
                    pause = (pause * 2).clamp(PAUSE_MIN, PAUSE_MAX);
                    tracing::warn!(%error, ?pause, "events of status changes wait for the store");
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    /// Puts the events of some rows, and removes these.
    async fn put_rows(
        self: &Arc<Self>,
        events: &StatusEvents,
        rows: &[(ResourceKey, Resource)],
    ) -> Result<(), StoreError> {
        let mut entries = Vec::new();
        for (key, resource) in rows {
            match self.entries_of(events, &resource.value).await {
                Ok(found) => entries.extend(found),
                Err(error) if error.is_passing() => return Err(error),
                Err(error) => {
                    tracing::error!(%error, row = %key.name, "an event of a status change is lost");
                }
            }
        }
        put::put_all(self, entries).await;
        let removals = rows.iter().map(|(key, resource)| {
            let (store, key, version) = (self.store.clone(), key.clone(), resource.version);
            async move { store.write_resource(&key, Some(version), None).await }
        });
        let removals: JoinSet<_> = removals.collect();
        for removed in removals.join_all().await {
            match removed {
                Ok(_) | Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The events that a row stands for.
    async fn entries_of(
        &self,
        events: &StatusEvents,
        row: &[u8],
    ) -> Result<Vec<Entry>, StoreError> {
        let header = encoding::decode_header(row)?;
        let changes = self.changes_of(&header).await?;
        let Some(input) = self.input_of(header.id).await? else {
            tracing::warn!(arn = %header.arn, "removed before the event of its status was put");
            return Ok(Vec::new());
        };
        let redrives = |it: &&HistoryEvent| matches!(it.kind, EventKind::ExecutionRedriven { .. });
        let mut redrive_count =
            header.redrive_count.saturating_sub(changes.iter().filter(redrives).count() as u64);
        let mut redrive_date = header.redrive_date.filter(|_| redrive_count > 0);
        let machine_is_gone = self.machine_is_gone(&header).await;
        let mut entries = Vec::with_capacity(changes.len());
        for event in &changes {
            if redrives(&event) {
                (redrive_count, redrive_date) = (redrive_count + 1, Some(event.timestamp));
            }
            let (status, output, failure) = outcome_of(&event.kind);
            let then = ExecutionHeader {
                status,
                stop: (status != Status::Running).then_some(event.timestamp),
                last_event: event.id,
                redrive_count,
                redrive_date,
                ..header.clone()
            };
            let limits = &self.config.limits;
            let redrive = RedriveStatus::of_header(&then, machine_is_gone, limits, event.timestamp);
            let input = input.clone();
            let described = ExecutionDescription { header: then, input, output, failure, redrive };
            entries.push(Entry {
                scope: header.scope.clone(),
                execution_arn: header.arn.clone(),
                time: event.timestamp,
                detail: (events.detail)(&described),
            });
        }
        Ok(entries)
    }

    /// The events of the row's commit that changed the status.
    async fn changes_of(&self, header: &ExecutionHeader) -> Result<Vec<HistoryEvent>, StoreError> {
        let mut from = Some(HistoryCursor { revision: header.revision, offset: 0 });
        let mut changes = Vec::new();
        while from.is_some() {
            let page = self.store.history(header.id, from, EVENTS, false).await?;
            let is_over = page.events.last().is_none_or(|last| last.id >= header.last_event);
            let is_of_it = |event: &HistoryEvent| event.id <= header.last_event;
            changes.extend(
                page.events.into_iter().filter(|it| is_of_it(it) && changes_status(&it.kind)),
            );
            from = page.next.filter(|_| !is_over);
        }
        Ok(changes)
    }

    async fn input_of(&self, id: ExecutionId) -> Result<Option<Document>, StoreError> {
        let first = self.store.history(id, None, 1, false).await?.events.pop();
        Ok(first.and_then(|event| match event.kind {
            EventKind::ExecutionStarted { input, .. } => Some(input),
            _ => None,
        }))
    }
}

/// The event that the record is, where it changes the status of its execution.
fn changed_status(record: &Record) -> Option<EventId> {
    match record {
        Record::Event(event) => changes_status(&event.kind).then_some(event.id),
        Record::Note(_) => None,
    }
}

fn changes_status(kind: &EventKind) -> bool {
    use EventKind as Kind;
    matches!(
        kind,
        Kind::ExecutionStarted { .. }
            | Kind::ExecutionSucceeded { .. }
            | Kind::ExecutionFailed(_)
            | Kind::ExecutionAborted(_)
            | Kind::ExecutionTimedOut(_)
            | Kind::ExecutionRedriven { .. }
    )
}

/// How an execution stands after an event, as DescribeExecution would tell.
fn outcome_of(kind: &EventKind) -> (Status, Option<Document>, Option<engine::Failure>) {
    use EventKind as Kind;
    match kind {
        Kind::ExecutionSucceeded { output } => (Status::Succeeded, Some(output.clone()), None),
        Kind::ExecutionFailed(failure) => (Status::Failed, None, Some(failure.clone())),
        Kind::ExecutionAborted(failure) => (Status::Aborted, None, Some(failure.clone())),
        // AWS tells no error of an execution that timed out.
        Kind::ExecutionTimedOut(_) => (Status::TimedOut, None, None),
        _ => (Status::Running, None, None),
    }
}

/// Rows are in the order of the starts of their executions, and of the commits of each.
fn row_name(id: ExecutionId, Revision(revision): Revision) -> Arc<str> {
    format!("{id}{revision:08x}").into()
}

fn row_key(name: Arc<str>) -> ResourceKey {
    ResourceKey { kind: ResourceKind::StatusChange, scope: no_scope(), name }
}

/// Where the rows of all scopes are, so that one reader finds them.
fn no_scope() -> Scope {
    Scope { account: "".into(), region: "".into() }
}

/// A text that comes before the name, and after every name that does not begin like it.
fn before(name: &str) -> Arc<str> {
    name[..name.len() - 1].into()
}

/// An instant as parameters of services have it.
fn instant(Timestamp(milliseconds): Timestamp) -> String {
    jiff::Timestamp::from_millisecond(milliseconds)
        .map_or_else(|_| String::new(), |instant| instant.to_string())
}
