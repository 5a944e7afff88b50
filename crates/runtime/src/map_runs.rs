//! Map Runs: describe, list, update.

use std::sync::Arc;

use engine::ExecutionId;
use store::cluster::{Answer as NodeAnswer, Place, Question};
use store::{MapRunRecord, MapRunStatus, ResourceKind, Scope, StoreError};
use tokio::sync::oneshot;

use crate::arn::ResourceName;
use crate::map_run::{MapRunName, Settings, Word, runs_prefix};
use crate::peers::answer_of_error;
use crate::shell::{Backoff, Shell};
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
        let mut backoff = Backoff::default();
        for _ in 0..ATTEMPTS_MAX {
            let (name, record) = shell.find_map_run(scope, arn).await?;
            if record.status != MapRunStatus::Running {
                return Err(MapRunError::NotRunning(arn.to_owned()));
            }
            let error = match shell.locate(record.execution).await? {
                Place::Here => match shell.try_update_map_run(scope, &name, settings).await {
                    Ok(()) => return Ok(()),
                    Err(MapRunError::Operational(OperationalError::Store(
                        StoreError::Conflict,
                    ))) => {
                        continue;
                    }
                    Err(error) => return Err(error),
                },
                Place::At(node) => {
                    let question = settings.question(record.execution, scope, arn);
                    match shell.ask_node(&node, &question).await {
                        Ok(NodeAnswer::Done) => return Ok(()),
                        Ok(NodeAnswer::Absent) => {
                            return Err(MapRunError::NotFound(arn.to_owned()));
                        }
                        Ok(NodeAnswer::NotRunning) => {
                            return Err(MapRunError::NotRunning(arn.to_owned()));
                        }
                        Ok(_) | Err(_) => StoreError::Elsewhere,
                    }
                }
            };
            if !backoff.pause(shell, &error).await {
                return Err(OperationalError::ShuttingDown.into());
            }
        }
        Err(StoreError::Conflict.into())
    }
}

impl Settings {
    /// As another node is asked to set them.
    fn question(self, execution: ExecutionId, scope: &Scope, arn: &str) -> Question {
        let Settings { max_concurrency, tolerated_failure_count, tolerated_failure_percentage } =
            self;
        Question::UpdateMapRun {
            execution,
            scope: scope.clone(),
            arn: arn.into(),
            max_concurrency,
            tolerated_failure_count,
            tolerated_failure_percentage,
        }
    }
}

impl Shell {
    /// Where an execution is driven.
    async fn locate(&self, id: ExecutionId) -> Result<Place, StoreError> {
        match self.store.is_here(id) {
            true => Ok(Place::Here),
            false => self.store.locate(id).await,
        }
    }

    /// Sets what another node asks to set of a Map Run that is driven here.
    pub(crate) async fn update_map_run_here(&self, question: Question) -> NodeAnswer {
        let Question::UpdateMapRun {
            scope,
            arn,
            max_concurrency,
            tolerated_failure_count,
            tolerated_failure_percentage,
            ..
        } = question
        else {
            unreachable!("only for this question");
        };
        let settings =
            Settings { max_concurrency, tolerated_failure_count, tolerated_failure_percentage };
        let updated = match self.find_map_run(&scope, &arn).await {
            Ok((_, record)) if record.status != MapRunStatus::Running => {
                return NodeAnswer::NotRunning;
            }
            Ok((name, _)) => self.try_update_map_run(&scope, &name, settings).await,
            Err(error) => Err(error),
        };
        match updated {
            Ok(()) => NodeAnswer::Done,
            Err(MapRunError::Operational(OperationalError::Store(error))) => answer_of_error(error),
            Err(MapRunError::Operational(_)) => NodeAnswer::NotHere,
            Err(_) => NodeAnswer::Absent,
        }
    }

    /// Sets something of a Map Run whose execution is driven here: a conflict where it is to be
    /// tried again.
    async fn try_update_map_run(
        &self,
        scope: &Scope,
        name: &MapRunName,
        settings: Settings,
    ) -> Result<(), MapRunError> {
        if let Some(control) = self.map_runs.control(name.run) {
            let (sender, receiver) = oneshot::channel();
            control.tell(Word::Update(settings, sender));
            // A driver that ends without an answer has ended the run.
            return match receiver.await {
                Ok(_) => Ok(()),
                Err(_) => Err(StoreError::Conflict.into()),
            };
        }
        let Some((mut record, version)) = self.read_map_run(scope, name).await? else {
            return Err(MapRunError::NotFound(name.text.to_string()));
        };
        settings.apply(&mut record);
        self.write_map_run(scope, name, Some(version), &record).await?;
        Ok(())
    }

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
