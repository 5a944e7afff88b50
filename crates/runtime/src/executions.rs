//! Executions: describe, list, stop, history.

use std::sync::Arc;

use asl::WorkflowType;
use engine::{EventKind, Execution, ExecutionId, Failure, Status, Timestamp};
use json::Document;
use store::{
    ExecutionHeader, ExecutionQuery, HistoryCursor, HistoryPage, ListCursor, Scope, StoreError,
};
use tokio::sync::oneshot;

use crate::express_elsewhere::StartedThrough;
use crate::live::{Answer, Ask, Held, Message, Reply, Undone};
use crate::map_run::items_of;
use crate::releases::version_number;
use crate::shell::Shell;
use crate::{Arn, ArnError, MapRunError, OperationalError, RedriveStatus, Runtime, StateMachine};

/// An execution as DescribeExecution shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionDescription {
    /// ARNs, name, status, dates and `traceHeader`.
    pub header: ExecutionHeader,
    /// `input`
    pub input: Document,
    /// `output`; set where it succeeded.
    pub output: Option<Document>,
    /// `error` and `cause`; either may be missing. None where it runs or succeeded.
    pub failure: Option<Failure>,
    /// `redriveStatus` and `redriveStatusReason`
    pub redrive: RedriveStatus,
}

/// StopExecution.
#[derive(Clone, Copy, Debug)]
pub struct StopExecution<'a> {
    /// `executionArn`
    pub execution_arn: &'a str,
    /// `error`
    pub error: Option<&'a str>,
    /// `cause`
    pub cause: Option<&'a str>,
}

/// ListExecutions.
#[derive(Clone, Copy, Debug)]
pub struct ListExecutions<'a> {
    /// Which.
    pub of: ExecutionsOf<'a>,
    /// `statusFilter`
    pub status: Option<Status>,
    /// Where the last page ended.
    pub after: Option<ListCursor>,
    /// How many at most; at least 1. A page may be shorter although there are more.
    pub limit: usize,
}

/// Whose executions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutionsOf<'a> {
    /// `stateMachineArn`; with a version or an alias, those that were started through it.
    StateMachine(&'a str),
    /// `mapRunArn`: the children of a Map Run.
    MapRun(&'a str),
    /// The ARN of an execution that started others and said so in their input
    /// (`AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID`). Ours; AWS has no such operation.
    StartedBy(&'a str),
}

/// A page of executions, newest start first.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionList {
    /// The executions.
    pub executions: Vec<ExecutionHeader>,
    /// `itemCount` of each, of the children of a Map Run; empty of others.
    pub item_counts: Vec<u64>,
    /// What [`ListExecutions::after`] of the next page is; none at the end.
    pub next: Option<ListCursor>,
}

/// GetExecutionHistory.
#[derive(Clone, Copy, Debug)]
pub struct GetExecutionHistory<'a> {
    /// `executionArn`
    pub execution_arn: &'a str,
    /// Where the page begins: [`HistoryPage::next`] of the page before, with the same order.
    pub from: Option<HistoryCursor>,
    /// How many at most; at least 1.
    pub limit: usize,
    /// `reverseOrder`
    pub reverse: bool,
}

/// Why an operation on executions was refused. The texts are AWS's messages.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ExecutionError {
    /// `InvalidArn`, or `ValidationException` for [`ArnError::Labelled`].
    #[error(transparent)]
    Arn(#[from] ArnError),
    /// `ExecutionDoesNotExist`. Holds the ARN as it was given.
    #[error("Execution Does Not Exist: '{0}'")]
    DoesNotExist(String),
    /// `StateMachineDoesNotExist`. Holds the ARN as it was given.
    #[error("State Machine Does Not Exist: '{0}'")]
    StateMachineDoesNotExist(String),
    /// `ExecutionNotRedrivable`: why.
    #[error("{0}")]
    NotRedrivable(&'static str),
    /// `ExecutionLimitExceeded`: too many executions are open.
    #[error("The maximum number of running executions has been reached: {0}")]
    LimitExceeded(u64),
    /// `StateMachineTypeNotSupported`: Express executions are not listed.
    #[error("This operation is not supported by this type of state machine")]
    TypeNotSupported,
    /// Of [`ExecutionsOf::MapRun`].
    #[error(transparent)]
    MapRun(#[from] MapRunError),
    /// Not the caller's fault.
    #[error(transparent)]
    Operational(#[from] OperationalError),
}

impl From<StoreError> for ExecutionError {
    fn from(error: StoreError) -> Self {
        ExecutionError::Operational(error.into())
    }
}

/// Executions that are looked through at a time for those of a version or alias.
const BATCH: usize = 1_000;

/// Executions that one call looks through, at most about.
const LOOKED_THROUGH_MAX: usize = 20_000;

/// What executions were started through, by its ARN.
#[derive(Clone, Copy, Debug)]
enum Through<'a> {
    Version(&'a str),
    Alias(&'a str),
}

impl Through<'_> {
    fn is_of(self, header: &ExecutionHeader) -> bool {
        match self {
            Through::Version(arn) => header.state_machine_version_arn.as_deref() == Some(arn),
            Through::Alias(arn) => header.state_machine_alias_arn.as_deref() == Some(arn),
        }
    }

    fn started_through(self) -> StartedThrough {
        match self {
            Through::Version(arn) => {
                StartedThrough { version_arn: Some(arn.into()), ..StartedThrough::default() }
            }
            Through::Alias(arn) => {
                StartedThrough { alias_arn: Some(arn.into()), ..StartedThrough::default() }
            }
        }
    }
}

impl Runtime {
    /// DescribeExecution.
    ///
    /// # Errors
    /// `Arn`, `DoesNotExist`.
    pub async fn describe_execution(
        &self,
        scope: &Scope,
        execution_arn: &str,
    ) -> Result<ExecutionDescription, ExecutionError> {
        self.shell.check_open()?;
        if let Some(express) = self.shell.describe_express(scope, execution_arn).await {
            return express;
        }
        let header = self.shell.execution_header(scope, execution_arn).await?;
        Ok(self.shell.description(header).await?)
    }

    /// ListExecutions.
    ///
    /// # Errors
    /// `Arn`, `StateMachineDoesNotExist`, `TypeNotSupported`; `DoesNotExist` for
    /// [`ExecutionsOf::StartedBy`].
    pub async fn list_executions(
        &self,
        scope: &Scope,
        request: ListExecutions<'_>,
    ) -> Result<ExecutionList, ExecutionError> {
        self.shell.check_open()?;
        let of = request.of;
        let (query, through) = match of {
            ExecutionsOf::StateMachine(arn) => {
                let (machine, through) = self.shell.machine_to_list(scope, arn).await?;
                if machine.workflow_type == WorkflowType::Express {
                    let through = through.map(Through::started_through).unwrap_or_default();
                    return self.shell.list_express(machine.id, through, request).await;
                }
                (ExecutionQuery::Machine(machine.id), through)
            }
            ExecutionsOf::MapRun(arn) => {
                return self.shell.list_map_children(scope, arn, request).await;
            }
            ExecutionsOf::StartedBy(arn) => {
                let id = self.shell.execution_header(scope, arn).await?.id;
                (ExecutionQuery::StartedBy(id), None)
            }
        };
        if let Some(through) = through {
            return Ok(self.shell.list_through(&query, through, request).await?);
        }
        Ok(self.shell.list_page(&query, request).await?)
    }

    /// GetExecutionHistory: a page of events.
    ///
    /// # Errors
    /// `Arn`, `DoesNotExist`.
    pub async fn get_execution_history(
        &self,
        scope: &Scope,
        request: GetExecutionHistory<'_>,
    ) -> Result<HistoryPage, ExecutionError> {
        self.shell.check_open()?;
        let GetExecutionHistory { execution_arn, from, limit, reverse } = request;
        let express = self.shell.history_of_express(scope, execution_arn, from, limit, reverse);
        if let Some(express) = express.await {
            return express;
        }
        let header = self.shell.execution_header(scope, execution_arn).await?;
        Ok(self.shell.store.history(header.id, from, limit, reverse).await?)
    }

    /// StopExecution: answers the `stopDate` when the end is durable; of an execution that has
    /// ended before, that of its end.
    ///
    /// # Errors
    /// `Arn`, `DoesNotExist`.
    pub async fn stop_execution(
        &self,
        scope: &Scope,
        request: StopExecution<'_>,
    ) -> Result<Timestamp, ExecutionError> {
        self.shell.check_open()?;
        let StopExecution { execution_arn, error, cause } = request;
        let failure = Failure { error: error.map(Arc::from), cause: cause.map(Arc::from) };
        if let Some(express) = self.shell.stop_express(scope, execution_arn, &failure).await {
            return express;
        }
        let header = self.shell.execution_header(scope, execution_arn).await?;
        match self.shell.ask(header.id, Ask::Stop(failure)).await {
            Ok(Answer::Stopped(stop)) => Ok(stop),
            Ok(_) => unreachable!("a stop is answered with its date"),
            Err(Undone::Absent) => Err(ExecutionError::DoesNotExist(execution_arn.to_owned())),
            Err(Undone::Operational(error)) => Err(error.into()),
        }
    }
}

impl Shell {
    /// Delivers a message and waits for its answer.
    pub(crate) async fn ask(self: &Arc<Self>, id: ExecutionId, ask: Ask) -> Reply {
        let (sender, receiver) = oneshot::channel();
        self.deliver(id, Message::new(ask, Some(sender)));
        // A driver that panics drops what it was asked.
        let lost = Err(Undone::Operational(OperationalError::Quarantined));
        receiver.await.unwrap_or(lost)
    }

    /// The header of the newest execution with that ARN, where the scope may see it.
    pub(crate) async fn find_header(
        &self,
        scope: &Scope,
        arn: &Arn<'_>,
    ) -> Result<Option<ExecutionHeader>, StoreError> {
        if !arn.is_in(scope) {
            return Ok(None);
        }
        match self.store.find_execution(arn.text).await? {
            Some(id) => self.store.header(id).await,
            None => Ok(None),
        }
    }

    pub(crate) async fn execution_header(
        &self,
        scope: &Scope,
        arn: &str,
    ) -> Result<ExecutionHeader, ExecutionError> {
        let header = self.find_header(scope, &Arn::execution(arn)?).await?;
        header.ok_or_else(|| ExecutionError::DoesNotExist(arn.to_owned()))
    }

    /// The machine whose executions are asked for, and the version or alias that the ARN names.
    async fn machine_to_list<'a>(
        &self,
        scope: &Scope,
        arn: &'a str,
    ) -> Result<(Arc<StateMachine>, Option<Through<'a>>), ExecutionError> {
        let does_not_exist = || ExecutionError::StateMachineDoesNotExist(arn.to_owned());
        let parsed = Arn::state_machine(arn)?;
        let known = self.current_machine(scope, &parsed).await?.ok_or_else(does_not_exist)?;
        let through = match parsed.qualifier {
            None => None,
            Some(qualifier) => match version_number(qualifier) {
                Some(number) => known.releases.version(number).map(|_| Through::Version(arn)),
                None => known.releases.alias(qualifier).map(|_| Through::Alias(arn)),
            },
        };
        if parsed.qualifier.is_some() && through.is_none() {
            return Err(does_not_exist());
        }
        Ok((known.machine.clone(), through))
    }

    async fn list_page(
        &self,
        query: &ExecutionQuery,
        request: ListExecutions<'_>,
    ) -> Result<ExecutionList, StoreError> {
        let ListExecutions { status, after, limit, .. } = request;
        // One more tells whether there is another page.
        let mut executions = self.store.list_executions(query, status, after, limit + 1).await?;
        let is_last = executions.len() <= limit;
        executions.truncate(limit);
        let next = executions.last().filter(|_| !is_last).map(|last| ListCursor(last.id));
        Ok(ExecutionList { executions, item_counts: Vec::new(), next })
    }

    /// A page of the children of a Map Run.
    async fn list_map_children(
        &self,
        scope: &Scope,
        arn: &str,
        request: ListExecutions<'_>,
    ) -> Result<ExecutionList, ExecutionError> {
        let (name, run) = self.find_map_run(scope, arn).await?;
        if run.is_express {
            return Ok(self.list_express_children(scope, (&name, &run), request).await?);
        }
        let mut page = self.list_page(&ExecutionQuery::Machine(name.run), request).await?;
        for header in &page.executions {
            page.item_counts.push(match run.is_batched {
                true => items_of(self.description(header.clone()).await?.input.value()),
                false => 1,
            });
        }
        Ok(page)
    }

    /// A page of the executions that were started through a version or an alias. There is no index
    /// of them: those of the machine are looked through, so many at most that a page comes soon.
    async fn list_through(
        &self,
        query: &ExecutionQuery,
        through: Through<'_>,
        request: ListExecutions<'_>,
    ) -> Result<ExecutionList, StoreError> {
        let ListExecutions { status, mut after, limit, .. } = request;
        let mut executions = Vec::new();
        let mut seen = 0;
        loop {
            let batch = self.store.list_executions(query, status, after, BATCH).await?;
            let is_last = batch.len() < BATCH;
            seen += batch.len();
            for header in batch {
                let cursor = ListCursor(header.id);
                if through.is_of(&header) {
                    if executions.len() == limit {
                        return Ok(ExecutionList {
                            executions,
                            item_counts: Vec::new(),
                            next: after,
                        });
                    }
                    executions.push(header);
                }
                after = Some(cursor);
            }
            if is_last {
                return Ok(ExecutionList { executions, item_counts: Vec::new(), next: None });
            }
            if seen >= LOOKED_THROUGH_MAX {
                return Ok(ExecutionList { executions, item_counts: Vec::new(), next: after });
            }
        }
    }

    /// An execution as it is described. Input and output stand in the first and last events, so
    /// that nothing is rebuilt, however long the history is.
    pub(crate) async fn description(
        &self,
        header: ExecutionHeader,
    ) -> Result<ExecutionDescription, StoreError> {
        let corrupt = |what: &str| {
            StoreError::Corrupt(format!("the history of execution {} {what}", header.id))
        };
        let first = self.store.history(header.id, None, 1, false).await?.events.pop();
        let Some(EventKind::ExecutionStarted { input, .. }) = first.map(|event| event.kind) else {
            return Err(corrupt("does not begin with its start"));
        };
        let (mut output, mut failure) = (None, None);
        if header.stop.is_some() {
            let from = HistoryCursor { revision: header.revision, offset: u32::MAX };
            let last = self.store.history(header.id, Some(from), 1, true).await?.events.pop();
            match last.map(|event| event.kind) {
                Some(EventKind::ExecutionSucceeded { output: told }) => output = Some(told),
                Some(EventKind::ExecutionFailed(told) | EventKind::ExecutionAborted(told)) => {
                    failure = Some(told);
                }
                // AWS tells no error of an execution that timed out.
                Some(EventKind::ExecutionTimedOut(_)) => {}
                _ => return Err(corrupt("does not end with its end")),
            }
        }
        let machine_is_gone = self.machine_is_gone(&header).await;
        let redrive =
            RedriveStatus::of_header(&header, machine_is_gone, &self.config.limits, self.now());
        Ok(ExecutionDescription { header, input, output, failure, redrive })
    }

    /// As [`Shell::description`], of an execution in memory.
    pub(crate) async fn description_of(&self, held: &Held) -> ExecutionDescription {
        let machine_is_gone = self.machine_is_gone(&held.header).await;
        let Execution { parameters, status, output, failure, .. } = &held.execution;
        ExecutionDescription {
            header: held.header.clone(),
            input: parameters.input.clone(),
            output: output.clone(),
            failure: failure.clone().filter(|_| *status != Status::TimedOut),
            redrive: RedriveStatus::of_header(
                &held.header,
                machine_is_gone,
                &self.config.limits,
                self.now(),
            ),
        }
    }
}
