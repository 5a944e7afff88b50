//! StartExecution.

use std::sync::Arc;

use engine::Timestamp;
use store::Scope;

use crate::{ArnError, OperationalError, Runtime};

/// StartExecution.
#[derive(Clone, Copy, Debug)]
pub struct StartExecution<'a> {
    /// `stateMachineArn`
    pub state_machine_arn: &'a str,
    /// `name`; a UUID where it is none.
    pub name: Option<&'a str>,
    /// `input`: JSON text; `{}` where it is none. Its size is the caller's to check.
    pub input: Option<&'a str>,
    /// `traceHeader`
    pub trace_header: Option<&'a str>,
}

/// What StartExecution answers.
#[derive(Clone, Debug, PartialEq)]
pub struct StartedExecution {
    /// `executionArn`
    pub execution_arn: Arc<str>,
    /// `startDate`
    pub start_date: Timestamp,
}

/// Why an execution was not started. The texts are AWS's messages.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StartError {
    /// `InvalidArn`, or `ValidationException` for [`ArnError::Labelled`].
    #[error(transparent)]
    Arn(#[from] ArnError),
    /// `InvalidName`
    #[error("Invalid Name: '{0}'")]
    InvalidName(String),
    /// `InvalidExecutionInput`: what is wrong with the text.
    #[error("Invalid State Machine Execution Input: '{0}'")]
    InvalidInput(String),
    /// `StateMachineDoesNotExist`. Holds the ARN as it was given.
    #[error("State Machine Does Not Exist: '{0}'")]
    StateMachineDoesNotExist(String),
    /// `StateMachineDeleting`. Holds the ARN.
    #[error("State Machine is being deleted: '{0}'")]
    StateMachineDeleting(Arc<str>),
    /// `ExecutionAlreadyExists`: the name is taken. Holds the execution's ARN.
    #[error("Execution Already Exists: '{0}'")]
    AlreadyExists(Arc<str>),
    /// `ExecutionLimitExceeded`: too many executions are open.
    #[error("The maximum number of running executions has been reached: {0}")]
    LimitExceeded(u64),
    /// Not the caller's fault.
    #[error(transparent)]
    Operational(#[from] OperationalError),
}

impl Runtime {
    /// StartExecution. Answers when the start is durable; by then the execution has entered all
    /// states that need no waiting.
    ///
    /// A Standard machine: the same name and the same input text while the first one runs answers
    /// what the first call did. An Express machine: each call starts another one.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start_execution(
        &self,
        _scope: &Scope,
        _request: StartExecution<'_>,
    ) -> Result<StartedExecution, StartError> {
        todo!()
    }
}
