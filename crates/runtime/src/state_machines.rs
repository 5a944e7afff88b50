//! State machines: create, update, delete, describe, list.

use std::sync::Arc;

use asl::{Diagnostic, WorkflowType};
use engine::Timestamp;
use serde_json::Value;
use store::{DefinitionId, MachineId, Scope};

use crate::{ArnError, OperationalError, Runtime};

/// A state machine as DescribeStateMachine shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct StateMachine {
    /// Its identity: a machine that is made again under the same name is another.
    pub id: MachineId,
    /// `stateMachineArn`, unqualified.
    pub arn: Arc<str>,
    /// `name`
    pub name: Arc<str>,
    /// `status`
    pub status: StateMachineStatus,
    /// `type`; never changes.
    pub workflow_type: WorkflowType,
    /// The identity of the definition's text.
    pub definition: DefinitionId,
    /// `roleArn`
    pub role_arn: Arc<str>,
    /// `creationDate`
    pub creation_date: Timestamp,
    /// `updateDate`: when it was last updated; none where it never was.
    pub update_date: Option<Timestamp>,
    /// `revisionId`; none until the first update that changes something.
    pub revision_id: Option<Arc<str>>,
    /// What is kept for others.
    pub configurations: Configurations,
}

/// `status` of a state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateMachineStatus {
    /// `ACTIVE`
    Active,
    /// `DELETING`: its last executions run; no new one is started.
    Deleting,
}

/// Members that are kept and shown, and that change nothing here: as the caller normalised them,
/// so that equal ones compare as equal; none where they were not given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configurations {
    /// `loggingConfiguration`
    pub logging: Option<Value>,
    /// `tracingConfiguration`
    pub tracing: Option<Value>,
    /// `encryptionConfiguration`
    pub encryption: Option<Value>,
}

/// CreateStateMachine.
#[derive(Clone, Debug)]
pub struct CreateStateMachine<'a> {
    /// `name`
    pub name: &'a str,
    /// `definition`
    pub definition: &'a str,
    /// `roleArn`
    pub role_arn: &'a str,
    /// `type`
    pub workflow_type: WorkflowType,
    /// What else was given.
    pub configurations: Configurations,
}

/// What CreateStateMachine answers.
#[derive(Clone, Debug, PartialEq)]
pub struct CreatedStateMachine {
    /// `stateMachineArn`
    pub arn: Arc<str>,
    /// `creationDate`
    pub creation_date: Timestamp,
}

/// UpdateStateMachine. What is none stays as it is.
#[derive(Clone, Debug)]
pub struct UpdateStateMachine<'a> {
    /// `stateMachineArn`
    pub arn: &'a str,
    /// `definition`
    pub definition: Option<&'a str>,
    /// `roleArn`
    pub role_arn: Option<&'a str>,
    /// What else was given.
    pub configurations: Configurations,
}

/// What UpdateStateMachine answers.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdatedStateMachine {
    /// `updateDate`
    pub update_date: Timestamp,
    /// `revisionId`; none where nothing was ever changed.
    pub revision_id: Option<Arc<str>>,
}

/// DescribeStateMachineForExecution: the machine as it was when the execution started.
#[derive(Clone, Debug, PartialEq)]
pub struct StateMachineForExecution {
    /// `stateMachineArn`, unqualified.
    pub arn: Arc<str>,
    /// `name`
    pub name: Arc<str>,
    /// `definition`
    pub definition: Arc<str>,
    /// `roleArn`
    pub role_arn: Arc<str>,
    /// `updateDate`; the creation date where it was not updated before, and the start of the
    /// execution where the machine is gone.
    pub update_date: Timestamp,
    /// `revisionId`
    pub revision_id: Option<Arc<str>>,
    /// Those of today; none where the machine is gone.
    pub configurations: Configurations,
}

/// ListStateMachines.
#[derive(Clone, Debug)]
pub struct ListStateMachines<'a> {
    /// The name after which the page begins.
    pub after: Option<&'a str>,
    /// How many at most; at least 1.
    pub limit: usize,
}

/// A page of state machines, by name in byte order.
#[derive(Clone, Debug, PartialEq)]
pub struct StateMachineList {
    /// The machines.
    pub state_machines: Vec<Arc<StateMachine>>,
    /// What [`ListStateMachines::after`] of the next page is; none at the end.
    pub next: Option<Arc<str>>,
}

/// Why an operation on state machines was refused. The texts are AWS's messages.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StateMachineError {
    /// `InvalidArn`, or `ValidationException` for [`ArnError::Labelled`].
    #[error(transparent)]
    Arn(#[from] ArnError),
    /// `InvalidName`
    #[error("Invalid Name: '{0}'")]
    InvalidName(String),
    /// `InvalidDefinition`: the errors, at least one.
    #[error("Invalid State Machine Definition: '{}'", joined(.0))]
    InvalidDefinition(Vec<Diagnostic>),
    /// `StateMachineAlreadyExists`: with another definition, type or configuration. Holds the ARN.
    #[error("State Machine Already Exists: '{0}'")]
    AlreadyExists(Arc<str>),
    /// `StateMachineDoesNotExist`. Holds the ARN as it was given.
    #[error("State Machine Does Not Exist: '{0}'")]
    DoesNotExist(String),
    /// `StateMachineDeleting`. Holds the ARN.
    #[error("State Machine is being deleted: '{0}'")]
    Deleting(Arc<str>),
    /// `MissingRequiredParameter`: an update without anything to update.
    #[error(
        "Either the definition, the role ARN, the LoggingConfiguration, or the \
         TracingConfiguration must be specified"
    )]
    NothingToUpdate,
    /// `ExecutionDoesNotExist`. Holds the ARN as it was given.
    #[error("Execution Does Not Exist: '{0}'")]
    ExecutionDoesNotExist(String),
    /// Not the caller's fault.
    #[error(transparent)]
    Operational(#[from] OperationalError),
}

fn joined(diagnostics: &[Diagnostic]) -> String {
    let texts = diagnostics.iter().map(|diagnostic| {
        let Diagnostic { code, message, pointer, .. } = diagnostic;
        format!("{}: {message} at {pointer}", code.as_str())
    });
    texts.collect::<Vec<_>>().join(", ")
}

impl Runtime {
    /// CreateStateMachine. The same again (name, definition text, type and configurations; another
    /// role is overlooked) answers what the first call did.
    ///
    /// # Errors
    /// `InvalidName`, `InvalidDefinition`, `AlreadyExists`, `Deleting`.
    pub async fn create_state_machine(
        &self,
        _scope: &Scope,
        _request: CreateStateMachine<'_>,
    ) -> Result<CreatedStateMachine, StateMachineError> {
        todo!()
    }

    /// UpdateStateMachine. Executions that run keep the definition and role they started with. An
    /// update that changes nothing keeps the revision.
    ///
    /// # Errors
    /// `Arn`, `DoesNotExist` (qualified ARNs too), `Deleting`, `InvalidDefinition`,
    /// `NothingToUpdate`.
    pub async fn update_state_machine(
        &self,
        _scope: &Scope,
        _request: UpdateStateMachine<'_>,
    ) -> Result<UpdatedStateMachine, StateMachineError> {
        todo!()
    }

    /// DeleteStateMachine: at once where nothing runs; otherwise no execution can be started any
    /// more, those that run are aborted when they next move, and the machine goes with the last.
    /// A machine that is not there is fine.
    ///
    /// # Errors
    /// `Arn`.
    pub async fn delete_state_machine(
        &self,
        _scope: &Scope,
        _arn: &str,
    ) -> Result<(), StateMachineError> {
        todo!()
    }

    /// DescribeStateMachine: the machine, and its definition's text.
    ///
    /// # Errors
    /// `Arn`, `DoesNotExist`.
    pub async fn describe_state_machine(
        &self,
        _scope: &Scope,
        _arn: &str,
    ) -> Result<(Arc<StateMachine>, Arc<str>), StateMachineError> {
        todo!()
    }

    /// DescribeStateMachineForExecution.
    ///
    /// # Errors
    /// `Arn`, `ExecutionDoesNotExist`.
    pub async fn describe_state_machine_for_execution(
        &self,
        _scope: &Scope,
        _execution_arn: &str,
    ) -> Result<StateMachineForExecution, StateMachineError> {
        todo!()
    }

    /// ListStateMachines.
    ///
    /// # Errors
    /// Operational ones alone.
    pub async fn list_state_machines(
        &self,
        _scope: &Scope,
        _request: ListStateMachines<'_>,
    ) -> Result<StateMachineList, StateMachineError> {
        todo!()
    }
}
