//! Executions: describe, list, stop, history.

use engine::{Failure, Status, Timestamp};
use json::Document;
use store::{ExecutionHeader, HistoryCursor, HistoryPage, ListCursor, Scope};

use crate::{ArnError, OperationalError, Runtime};

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

/// Whether an execution could be redriven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedriveStatus {
    /// `REDRIVABLE`
    Redrivable,
    /// `NOT_REDRIVABLE`, with `redriveStatusReason`.
    NotRedrivable(&'static str),
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
    /// How many at most; at least 1.
    pub limit: usize,
}

/// Whose executions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutionsOf<'a> {
    /// `stateMachineArn`
    StateMachine(&'a str),
    /// The ARN of an execution that started others and said so in their input
    /// (`AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID`). Ours; AWS has no such operation.
    StartedBy(&'a str),
}

/// A page of executions, newest start first.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionList {
    /// The executions.
    pub executions: Vec<ExecutionHeader>,
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
    /// `StateMachineTypeNotSupported`: Express executions are not listed.
    #[error("This operation is not supported by this type of state machine")]
    TypeNotSupported,
    /// Not the caller's fault.
    #[error(transparent)]
    Operational(#[from] OperationalError),
}

impl Runtime {
    /// DescribeExecution.
    ///
    /// # Errors
    /// `Arn`, `DoesNotExist`.
    pub async fn describe_execution(
        &self,
        _scope: &Scope,
        _execution_arn: &str,
    ) -> Result<ExecutionDescription, ExecutionError> {
        todo!()
    }

    /// ListExecutions.
    ///
    /// # Errors
    /// `Arn`, `StateMachineDoesNotExist`, `TypeNotSupported`; `DoesNotExist` for
    /// [`ExecutionsOf::StartedBy`].
    pub async fn list_executions(
        &self,
        _scope: &Scope,
        _request: ListExecutions<'_>,
    ) -> Result<ExecutionList, ExecutionError> {
        todo!()
    }

    /// GetExecutionHistory: a page of events.
    ///
    /// # Errors
    /// `Arn`, `DoesNotExist`.
    pub async fn get_execution_history(
        &self,
        _scope: &Scope,
        _request: GetExecutionHistory<'_>,
    ) -> Result<HistoryPage, ExecutionError> {
        todo!()
    }

    /// StopExecution: answers the `stopDate` when the end is durable; of an execution that has
    /// ended before, that of its end.
    ///
    /// # Errors
    /// `Arn`, `DoesNotExist`.
    pub async fn stop_execution(
        &self,
        _scope: &Scope,
        _request: StopExecution<'_>,
    ) -> Result<Timestamp, ExecutionError> {
        todo!()
    }
}
