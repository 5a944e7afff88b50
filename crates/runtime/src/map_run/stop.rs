//! Stopping Map Runs that nobody waits for, and their children.

use std::sync::Arc;

use engine::{ExecutionId, Failure, Status};
use store::{
    ExecutionQuery, ListCursor, MapRunCounts, MapRunRecord, MapRunStatus, Scope, StoreError,
};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::Word;
use super::records::MapRunName;
use crate::child;
use crate::live::Ask;
use crate::shell::Shell;

/// Executions that are listed, or stopped, at a time.
const PAGE: usize = 256;

impl Shell {
    /// Stops a run, by its driver where it has one. Done when the run has stopped, or never began.
    pub(crate) async fn stop_map_run(
        self: &Arc<Self>,
        scope: &Scope,
        arn: &str,
    ) -> Result<(), StoreError> {
        let Some(name) = MapRunName::parse(arn) else {
            return Ok(());
        };
        if let Some(control) = self.map_runs.control(name.run) {
            let (sender, receiver) = oneshot::channel();
            control.tell(Word::Stop(sender));
            // A driver that ends without an answer has ended the run, or met the end of the
            // runtime; what is stored tells.
            let _ = receiver.await;
        }
        let Some((mut record, version)) = self.read_map_run(scope, &name).await? else {
            return Ok(());
        };
        if record.status != MapRunStatus::Running {
            return Ok(());
        }
        record = self.stop_and_count(scope, &name, &record).await?;
        record.status = MapRunStatus::Aborted;
        record.stop = Some(self.now().max(record.start));
        self.write_map_run(scope, &name, Some(version), &record).await.map(drop)
    }

    /// Stops executions, some at a time.
    pub(crate) async fn stop_map_children(
        self: Arc<Self>,
        ids: Vec<ExecutionId>,
        parent_arn: &str,
    ) {
        let failure = child::stop_failure(parent_arn);
        for page in ids.chunks(PAGE) {
            let stops: JoinSet<()> = page
                .iter()
                .map(|id| {
                    let (shell, id, failure) = (self.clone(), *id, failure.clone());
                    async move { shell.stop_one(id, failure).await }
                })
                .collect();
            stops.join_all().await;
        }
    }

    async fn stop_one(self: Arc<Self>, id: ExecutionId, failure: Failure) {
        let mut backoff = crate::shell::Backoff::default();
        loop {
            match self.ask(id, Ask::Stop(failure.clone())).await {
                Ok(_) | Err(crate::live::Undone::Absent) => return,
                Err(crate::live::Undone::Operational(crate::OperationalError::Store(error))) => {
                    if !backoff.pause(&self, &error).await {
                        return;
                    }
                }
                Err(crate::live::Undone::Operational(_)) => return,
            }
        }
    }

    /// Stops the Standard children of a run that run, also those that an earlier driver started,
    /// and gives the record with all of them counted.
    pub(super) async fn stop_and_count(
        self: &Arc<Self>,
        scope: &Scope,
        name: &MapRunName,
        record: &MapRunRecord,
    ) -> Result<MapRunRecord, StoreError> {
        let mut record = record.clone();
        self.stop_running_children(name, &record).await?;
        self.count_children(scope, name, &mut record).await?;
        Ok(record)
    }

    async fn stop_running_children(
        self: &Arc<Self>,
        name: &MapRunName,
        record: &MapRunRecord,
    ) -> Result<(), StoreError> {
        let query = ExecutionQuery::Machine(name.run);
        let mut after = None;
        loop {
            let running = Some(Status::Running);
            let page = self.store.list_executions(&query, running, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(ListCursor(last.id));
            let ids = page.iter().map(|header| header.id).collect();
            self.clone().stop_map_children(ids, &record.execution_arn).await;
        }
    }

    /// Counts the children of a run as the store has them.
    async fn count_children(
        &self,
        scope: &Scope,
        name: &MapRunName,
        record: &mut MapRunRecord,
    ) -> Result<(), StoreError> {
        let (mut items, mut executions) = (MapRunCounts::default(), MapRunCounts::default());
        if record.is_express {
            let mut progress = super::progress::Progress::new(None);
            let mut after = None;
            while let Some((last, rows)) = self.map_run_outcomes(scope, name.run, after).await? {
                after = Some(last);
                rows.into_iter().for_each(|row| progress.recall(row, record.redrive_count));
            }
            progress.count_unreached();
            (items, executions) = (progress.items, progress.executions);
        } else {
            let query = ExecutionQuery::Machine(name.run);
            let mut after = None;
            loop {
                let page = self.store.list_executions(&query, None, after, PAGE).await?;
                let Some(last) = page.last() else { break };
                after = Some(ListCursor(last.id));
                for header in page {
                    let status = match header.status {
                        Status::Running if self.live.is_quarantined(header.id) => Status::Failed,
                        status => status,
                    };
                    let count = match record.is_batched {
                        true => super::items_of(self.description(header).await?.input.value()),
                        false => 1,
                    };
                    executions.add(status, 1);
                    items.add(status, count);
                }
            }
        }
        (record.item_counts, record.execution_counts) = (items, executions);
        Ok(())
    }
}
