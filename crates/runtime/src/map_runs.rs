//! Map Runs: describe, list, update.

use std::sync::Arc;

use store::{MapRunRecord, MapRunStatus, ResourceKind, Scope, StoreError};
use tokio::sync::oneshot;

use crate::arn::ResourceName;
use crate::map_run::{MapRunName, Settings, Word, runs_prefix};
use crate::shell::Shell;
use crate::{Arn, ArnError, OperationalError, Runtime};

/// How often a change is tried while others change the same run.
const ATTEMPTS_MAX: usize = 10;

/// ListMapRuns.
#[derive(Clone, Copy, Debug)]
pub struct ListMapRuns<'a> {
    /// `executionArn`
    pub execution_arn: &'a str,
    /// Where the last page ended.
    pub after: Option<&'a str>,
    /// How many at most; at least 1.
    pub limit: usize,
}

/// A page of Map Runs, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct MapRunList {
    /// The runs.
    pub runs: Vec<MapRunRecord>,
    /// What [`ListMapRuns::after`] of the next page is; none at the end.
    pub next: Option<String>,
}

/// UpdateMapRun. What is none stays as it is.
#[derive(Clone, Copy, Debug)]
pub struct UpdateMapRun<'a> {
    /// `mapRunArn`
    pub map_run_arn: &'a str,
    /// `maxConcurrency`; 0 for as many as there can be.
    pub max_concurrency: Option<u64>,
    /// `toleratedFailureCount`
    pub tolerated_failure_count: Option<u64>,
    /// `toleratedFailurePercentage`, between 0 and 100.
    pub tolerated_failure_percentage: Option<f64>,
}

/// Why an operation on Map Runs was refused. The texts are AWS's messages where they are known.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MapRunError {
    /// `InvalidArn`
    #[error(transparent)]
    Arn(#[from] ArnError),
    /// `ResourceNotFound`. Holds the ARN as it was given.
    #[error("Resource not found: '{0}'")]
    NotFound(String),
    /// `ExecutionDoesNotExist`. Holds the ARN as it was given.
    #[error("Execution Does Not Exist: '{0}'")]
    ExecutionDoesNotExist(String),
    /// `ValidationException`: the run has ended.
    #[error("Map Run '{0}' is not running and cannot be updated")]
    NotRunning(String),
    /// Not the caller's fault.
    #[error(transparent)]
    Operational(#[from] OperationalError),
}

impl From<StoreError> for MapRunError {
    fn from(error: StoreError) -> Self {
        MapRunError::Operational(error.into())
    }
}

impl Runtime {
    /// DescribeMapRun.
    ///
    /// # Errors
    /// `Arn`, `NotFound`.
    pub async fn describe_map_run(
        &self,
        scope: &Scope,
        arn: &str,
    ) -> Result<MapRunRecord, MapRunError> {
        self.shell.check_open()?;
        Ok(self.shell.find_map_run(scope, arn).await?.1)
    }

    /// ListMapRuns.
    ///
    /// # Errors
    /// `Arn`, `ExecutionDoesNotExist`.
    pub async fn list_map_runs(
        &self,
        scope: &Scope,
        request: ListMapRuns<'_>,
    ) -> Result<MapRunList, MapRunError> {
        let shell = &self.shell;
        shell.check_open()?;
        let ListMapRuns { execution_arn, after, limit } = request;
        let header = shell.find_header(scope, &Arn::execution(execution_arn)?).await?;
        let header =
            header.ok_or_else(|| MapRunError::ExecutionDoesNotExist(execution_arn.to_owned()))?;
        let prefix = runs_prefix(header.id);
        let after = format!("{prefix}{}", after.unwrap_or_default());
        let kind = ResourceKind::MapRunOfExecution;
        // One more tells whether there is another page.
        let rows = shell.store.list_resources(kind, scope, Some(&after), limit + 1).await?;
        let names: Vec<&str> =
            rows.iter().map_while(|(key, _)| key.name.strip_prefix(&*prefix)).collect();
        let next = (names.len() > limit).then(|| names[limit - 1].to_owned());
        let mut runs = Vec::new();
        for name in names.into_iter().take(limit) {
            let Some((_, text)) = name.split_once('/') else { continue };
            let Some(name) = MapRunName::of_text(text) else { continue };
            // A run that never began is in the list, and nowhere else.
            runs.extend(shell.shown_map_run(scope, &name).await?);
        }
        Ok(MapRunList { runs, next })
    }

    /// UpdateMapRun: what it sets holds for the children that start from now on, and is durable.
    ///
    /// # Errors
    /// `Arn`, `NotFound`, `NotRunning`.
    pub async fn update_map_run(
        &self,
        scope: &Scope,
        request: UpdateMapRun<'_>,
    ) -> Result<(), MapRunError> {
        let shell = &self.shell;
        shell.check_open()?;
        let arn = request.map_run_arn;
        let settings = Settings {
            max_concurrency: request.max_concurrency,
            tolerated_failure_count: request.tolerated_failure_count,
            tolerated_failure_percentage: request.tolerated_failure_percentage,
        };
        for _ in 0..ATTEMPTS_MAX {
            let (name, record) = shell.find_map_run(scope, arn).await?;
            if record.status != MapRunStatus::Running {
                return Err(MapRunError::NotRunning(arn.to_owned()));
            }
            if let Some(control) = shell.map_runs.control(name.run) {
                let (sender, receiver) = oneshot::channel();
                control.tell(Word::Update(settings, sender));
                // A driver that ends without an answer has ended the run.
                if receiver.await.is_ok() {
                    return Ok(());
                }
                continue;
            }
            let Some((mut record, version)) = shell.read_map_run(scope, &name).await? else {
                return Err(MapRunError::NotFound(arn.to_owned()));
            };
            settings.apply(&mut record);
            match shell.write_map_run(scope, &name, Some(version), &record).await {
                Ok(_) => return Ok(()),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }
}

impl Shell {
    /// The run with that ARN, where the scope may see it.
    pub(crate) async fn find_map_run(
        &self,
        scope: &Scope,
        arn: &str,
    ) -> Result<(MapRunName, MapRunRecord), MapRunError> {
        let parsed = Arn::parse(arn)?;
        let ResourceName::MapRun = parsed.resource else {
            return Err(parsed.resource.wrong_type().into());
        };
        let not_found = || MapRunError::NotFound(arn.to_owned());
        let name = MapRunName::parse(arn).filter(|_| parsed.is_in(scope)).ok_or_else(not_found)?;
        let record = self.shown_map_run(scope, &name).await?.ok_or_else(not_found)?;
        Ok((name, record))
    }

    /// A run as it stands: as its driver sees it, or as it is stored.
    async fn shown_map_run(
        &self,
        scope: &Scope,
        name: &MapRunName,
    ) -> Result<Option<MapRunRecord>, StoreError> {
        let Some((record, _)) = self.read_map_run(scope, name).await? else {
            return Ok(None);
        };
        let shown = self.map_runs.control(name.run).and_then(|control| control.shown());
        Ok(Some(match (record.status, shown) {
            (MapRunStatus::Running, Some(shown)) => shown,
            _ => record,
        }))
    }
}

impl MapRunList {
    /// `stateMachineArn` of a run: `…:stateMachine:<machine>/<label>`.
    pub fn state_machine_arn(run: &MapRunRecord) -> Arc<str> {
        let (head, rest) = run.arn.split_once(":mapRun:").unwrap_or((&run.arn, ""));
        let machine = rest.split_once(':').map_or(rest, |(machine, _)| machine);
        format!("{head}:stateMachine:{machine}").into()
    }
}
