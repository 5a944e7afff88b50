//! State machines: create, update, delete, describe, list.

use std::sync::Arc;

use asl::{Diagnostic, Severity, WorkflowType};
use engine::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{DefinitionId, MachineId, ResourceKind, Scope, StoreError};

use crate::arn::ArnPrefix;
use crate::machines::{self, Known, PastRevision};
use crate::programs::definition_id;
use crate::releases::{FirstVersion, Releases, version_arn, version_number};
use crate::shell::Shell;
use crate::versions::{check_active, publish};
use crate::{
    Arn, ArnError, OperationalError, Publish, Runtime, StateMachineArn, Tags, name_is_valid,
};

/// How many past revisions of a state machine are remembered, for the executions that started with
/// them.
const PAST_REVISIONS_MAX: usize = 1_000;

/// A state machine as DescribeStateMachine shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct StateMachine {
    /// Its identity: a machine that is made again under the same name is another.
    pub id: MachineId,
    /// `stateMachineArn`; unqualified, unless it is the description of a version.
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
    /// `description`: of versions alone.
    pub description: Option<Arc<str>>,
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// `stateMachineVersionArn`; set where the call publishes.
    pub version_arn: Option<Arc<str>>,
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
    /// `stateMachineVersionArn`; set where the call publishes.
    pub version_arn: Option<Arc<str>>,
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
    /// execution where the machine, or the version that was started, is gone.
    pub update_date: Timestamp,
    /// `revisionId`
    pub revision_id: Option<Arc<str>>,
    /// Those of today; none where the machine is gone.
    pub configurations: Configurations,
    /// `mapRunArn`, of a child of a Map Run, whose `label` ends the name in `arn`.
    pub map_run_arn: Option<String>,
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
    /// `ConflictException`: the message.
    #[error("{0}")]
    Conflict(String),
    /// `StateMachineLimitExceeded`: there are as many as there may be.
    #[error("The maximum number of state machines has been reached: {0}")]
    LimitExceeded(u64),
    /// `ServiceQuotaExceededException`: the message.
    #[error("{0}")]
    QuotaExceeded(String),
    /// `InvalidLoggingConfiguration`: what is wrong with the destination.
    #[error("Invalid Logging Configuration: {0}")]
    InvalidLogging(String),
    /// `ResourceNotFound`: an alias, or a version that an alias is to route to.
    #[error("Request references a resource that does not exist.")]
    ResourceNotFound,
    /// `ValidationException`: what is wrong with a `routingConfiguration`.
    #[error("{0}")]
    InvalidRouting(String),
    /// `ValidationException`: an update of an alias without anything to update.
    #[error("Either the description or the routing configuration must be specified")]
    NoAliasUpdate,
    /// Not the caller's fault.
    #[error(transparent)]
    Operational(#[from] OperationalError),
}

impl From<StoreError> for StateMachineError {
    fn from(error: StoreError) -> Self {
        StateMachineError::Operational(error.into())
    }
}

pub(crate) fn joined(diagnostics: &[Diagnostic]) -> String {
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
        scope: &Scope,
        request: CreateStateMachine<'_>,
    ) -> Result<CreatedStateMachine, StateMachineError> {
        self.create_state_machine_with(scope, request, None, Tags::default()).await
    }

    /// As [`Runtime::create_state_machine`], with tags, which the same call again may have others
    /// of, and with `publish`, which it may not.
    ///
    /// # Errors
    /// As [`Runtime::create_state_machine`].
    pub async fn create_state_machine_with(
        &self,
        scope: &Scope,
        request: CreateStateMachine<'_>,
        publication: Option<Publish<'_>>,
        tags: Tags,
    ) -> Result<CreatedStateMachine, StateMachineError> {
        self.shell.check_open()?;
        if !name_is_valid(request.name) {
            return Err(StateMachineError::InvalidName(request.name.to_owned()));
        }
        let definition =
            self.shell.check_definition(request.definition, request.workflow_type).await?;
        self.shell.check_log_destination(scope, &request.configurations).await?;
        let arn = ArnPrefix(scope).state_machine(request.name);
        let parsed = Arn::state_machine(&arn)?;
        loop {
            if let Some(known) = self.shell.current_machine(scope, &parsed).await? {
                return already_there(&known, definition, &request, publication);
            }
            let max = self.shell.config.state_machines_max;
            if !self.shell.has_room(ResourceKind::StateMachine, scope, max).await? {
                return Err(StateMachineError::LimitExceeded(max));
            }
            let (text, workflow_type) = (request.definition, request.workflow_type);
            self.shell.keep_definition(scope, definition, text, workflow_type).await?;
            let machine = StateMachine {
                id: MachineId(self.shell.random.bytes()),
                arn: arn.clone(),
                name: request.name.into(),
                status: StateMachineStatus::Active,
                workflow_type: request.workflow_type,
                definition,
                role_arn: request.role_arn.into(),
                creation_date: self.shell.now(),
                update_date: None,
                revision_id: None,
                description: None,
                configurations: request.configurations.clone(),
            };
            let mut releases = Releases::default();
            if let Some(Publish { description }) = publication {
                publish(&mut releases, &machine, description, machine.creation_date)?;
                let description = description.map(Arc::from);
                releases.first = Some(FirstVersion { description });
            }
            let (machine, tags) = (Arc::new(machine), tags.clone());
            let known = Known { machine, past: Vec::new(), releases, tags, version: 0 };
            match self.shell.write_machine(scope, None, known).await {
                Ok(known) => return Ok(created(&known)),
                // Somebody else made it meanwhile.
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether there is an Express machine of that ARN, qualified or not.
    pub async fn is_express(&self, scope: &Scope, arn: &str) -> bool {
        let Ok(parsed) = Arn::state_machine(arn) else { return false };
        let known = self.shell.current_machine(scope, &parsed).await;
        matches!(known, Ok(Some(known)) if known.machine.workflow_type == WorkflowType::Express)
    }

    /// UpdateStateMachine. Executions that run keep the definition and role they started with. An
    /// update that changes nothing keeps the revision.
    ///
    /// # Errors
    /// `Arn`, `DoesNotExist` (qualified ARNs too), `Deleting`, `InvalidDefinition`,
    /// `NothingToUpdate`.
    pub async fn update_state_machine(
        &self,
        scope: &Scope,
        request: UpdateStateMachine<'_>,
    ) -> Result<UpdatedStateMachine, StateMachineError> {
        self.update_state_machine_with(scope, request, None).await
    }

    /// As [`Runtime::update_state_machine`], with `publish`: a revision that is published already
    /// keeps its version, which gets the new description where there is one.
    ///
    /// # Errors
    /// As [`Runtime::update_state_machine`], and `QuotaExceeded`.
    pub async fn update_state_machine_with(
        &self,
        scope: &Scope,
        request: UpdateStateMachine<'_>,
        publication: Option<Publish<'_>>,
    ) -> Result<UpdatedStateMachine, StateMachineError> {
        self.shell.check_open()?;
        let arn = Arn::state_machine(request.arn)?;
        let UpdateStateMachine { definition, role_arn, configurations, .. } = &request;
        if definition.is_none()
            && role_arn.is_none()
            && *configurations == Configurations::default()
        {
            return Err(StateMachineError::NothingToUpdate);
        }
        self.shell.check_log_destination(scope, configurations).await?;
        loop {
            let known = self.known(scope, &arn).await?;
            check_active(&known.machine)?;
            match self.update(scope, &known, &request, publication).await {
                Err(StateMachineError::Operational(OperationalError::Store(
                    StoreError::Conflict,
                ))) => {}
                answer => return answer,
            }
        }
    }

    async fn update(
        &self,
        scope: &Scope,
        known: &Known,
        request: &UpdateStateMachine<'_>,
        publication: Option<Publish<'_>>,
    ) -> Result<UpdatedStateMachine, StateMachineError> {
        let old = &known.machine;
        let definition = match request.definition {
            Some(text) => {
                let workflow_type = old.workflow_type;
                let definition = self.shell.check_definition(text, workflow_type).await?;
                self.shell.keep_definition(scope, definition, text, workflow_type).await?;
                definition
            }
            None => old.definition,
        };
        let new = StateMachine {
            definition,
            role_arn: request.role_arn.map_or_else(|| old.role_arn.clone(), Arc::from),
            configurations: old.configurations.updated(&request.configurations),
            ..StateMachine::clone(old)
        };
        let now = self.shell.now();
        let mut changed = known.clone();
        if new != **old {
            let since = old.since();
            changed
                .past
                .push(PastRevision { revision_id: old.revision_id.clone(), since: since.0 });
            changed.past.drain(..changed.past.len().saturating_sub(PAST_REVISIONS_MAX));
            let (update_date, revision_id) = (Some(now.max(since)), Some(self.shell.random.uuid()));
            let revision_id = revision_id.map(Arc::from);
            changed.machine = Arc::new(StateMachine { update_date, revision_id, ..new });
        }
        let machine = changed.machine.clone();
        let version_arn = match publication {
            Some(Publish { description }) => {
                let version = publish(&mut changed.releases, &machine, description, now)?;
                changed.releases.describe(version.number, description);
                Some(version.arn(&machine))
            }
            None => None,
        };
        let is_changed = machine != *old;
        if changed != *known {
            self.shell.write_machine(scope, Some(known.version), changed).await?;
        }
        Ok(UpdatedStateMachine {
            update_date: machine.update_date.filter(|_| is_changed).unwrap_or(now),
            revision_id: machine.revision_id.clone(),
            version_arn,
        })
    }

    /// The machine with that ARN, if it is unqualified.
    pub(crate) async fn known(
        &self,
        scope: &Scope,
        arn: &StateMachineArn<'_>,
    ) -> Result<Arc<Known>, StateMachineError> {
        let known = match arn.qualifier {
            None => self.shell.current_machine(scope, arn).await?,
            Some(_) => None,
        };
        known.ok_or_else(|| StateMachineError::DoesNotExist(arn.arn.text.to_owned()))
    }

    /// DeleteStateMachine: at once where nothing runs; otherwise no execution can be started any
    /// more, those that run are aborted when they next move, and the machine goes with the last.
    /// A machine that is not there is fine.
    ///
    /// # Errors
    /// `Arn`.
    pub async fn delete_state_machine(
        &self,
        scope: &Scope,
        arn: &str,
    ) -> Result<(), StateMachineError> {
        self.shell.check_open()?;
        let arn = Arn::state_machine(arn)?;
        loop {
            let known = match self.known(scope, &arn).await {
                Ok(known) if known.machine.status == StateMachineStatus::Active => known,
                Ok(_) | Err(StateMachineError::DoesNotExist(_)) => return Ok(()),
                Err(error) => return Err(error),
            };
            // First the status, so that no start slips in between the look and the removal.
            let status = StateMachineStatus::Deleting;
            let machine = Arc::new(StateMachine { status, ..StateMachine::clone(&known.machine) });
            let deleting = Known { machine, ..Known::clone(&known) };
            match self.shell.write_machine(scope, Some(known.version), deleting).await {
                Ok(known) => {
                    self.shell.finish_deletion(scope, &known).await?;
                    return Ok(());
                }
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// DescribeStateMachine: the machine or a version of it, and its definition's text.
    ///
    /// # Errors
    /// `Arn`, `DoesNotExist`, for the ARNs of aliases too.
    pub async fn describe_state_machine(
        &self,
        scope: &Scope,
        arn: &str,
    ) -> Result<(Arc<StateMachine>, Arc<str>), StateMachineError> {
        self.shell.check_open()?;
        let parsed = Arn::state_machine(arn)?;
        let does_not_exist = || StateMachineError::DoesNotExist(arn.to_owned());
        let known = self.shell.current_machine(scope, &parsed).await?;
        let known = known.ok_or_else(does_not_exist)?;
        let machine = match parsed.qualifier {
            None => known.machine.clone(),
            Some(qualifier) => {
                let number = version_number(qualifier);
                let version = number.and_then(|number| known.releases.version(number));
                let version = version.ok_or_else(does_not_exist)?;
                let arn = version.arn(&known.machine);
                Arc::new(StateMachine { arn, ..version.machine(&known.machine) })
            }
        };
        let definition = self.shell.definition(scope, machine.definition).await?;
        Ok((machine, definition))
    }

    /// DescribeStateMachineForExecution.
    ///
    /// # Errors
    /// `Arn`, `ExecutionDoesNotExist`.
    pub async fn describe_state_machine_for_execution(
        &self,
        scope: &Scope,
        execution_arn: &str,
    ) -> Result<StateMachineForExecution, StateMachineError> {
        self.shell.check_open()?;
        let arn = Arn::execution(execution_arn)?;
        let header = self.shell.find_header(scope, &arn).await?;
        let header = header
            .ok_or_else(|| StateMachineError::ExecutionDoesNotExist(execution_arn.to_owned()))?;
        // Children of a Map Run run a part of the machine whose name comes before the label.
        let map_run_arn = header.map_run_arn();
        let unlabelled = match (&map_run_arn, header.state_machine_arn.rsplit_once('/')) {
            (Some(_), Some((unlabelled, _))) => unlabelled,
            _ => &header.state_machine_arn,
        };
        let machine_arn = Arn::state_machine(unlabelled)?;
        let known = self.shell.machine(scope, &machine_arn).await?;
        let is_its_own = |known: &Arc<machines::Known>| match map_run_arn {
            Some(_) => known.machine.definition == header.definition,
            None => known.machine.id == header.machine,
        };
        let known = known.filter(is_its_own);
        let version_arn = header.state_machine_version_arn.as_deref();
        let revision = known.as_ref().and_then(|known| match version_arn {
            None => Some(known.revision_at(header.start)),
            Some(version_arn) => known.revision_of(version_arn),
        });
        let (update_date, revision_id) = revision.unwrap_or((header.start, None));
        Ok(StateMachineForExecution {
            arn: header.state_machine_arn.clone(),
            name: machine_arn.name.into(),
            definition: self.shell.definition(scope, header.definition).await?,
            role_arn: header.role_arn.clone(),
            update_date,
            revision_id,
            map_run_arn: header.map_run_arn(),
            configurations: known
                .map(|known| known.machine.configurations.clone())
                .unwrap_or_default(),
        })
    }

    /// ListStateMachines.
    ///
    /// # Errors
    /// Operational ones alone.
    pub async fn list_state_machines(
        &self,
        scope: &Scope,
        request: ListStateMachines<'_>,
    ) -> Result<StateMachineList, StateMachineError> {
        self.shell.check_open()?;
        let ListStateMachines { after, limit } = request;
        let kind = ResourceKind::StateMachine;
        // One more tells whether there is another page.
        let found = self.shell.store.list_resources(kind, scope, after, limit + 1).await?;
        let machines = found.iter().take(limit).map(|(_, resource)| machines::decode(resource));
        let machines = machines.collect::<Result<Vec<_>, _>>()?;
        let state_machines: Vec<_> = machines.into_iter().map(|known| known.machine).collect();
        let last = state_machines.last().map(|machine| machine.name.clone());
        let next = last.filter(|_| found.len() > limit);
        Ok(StateMachineList { state_machines, next })
    }
}

impl Shell {
    /// Compiles a definition.
    async fn check_definition(
        &self,
        text: &str,
        workflow_type: WorkflowType,
    ) -> Result<DefinitionId, StateMachineError> {
        let analysis = self.compile(text, workflow_type).await;
        let analysis = analysis.ok_or(OperationalError::Quarantined)?;
        match analysis.program {
            Some(program) => {
                let definition = definition_id(text);
                self.programs.insert(definition, workflow_type, Arc::new(program), text);
                Ok(definition)
            }
            None => {
                let mut errors = analysis.diagnostics;
                errors.retain(|diagnostic| diagnostic.severity == Severity::Error);
                Err(StateMachineError::InvalidDefinition(errors))
            }
        }
    }
}

fn created(known: &Known) -> CreatedStateMachine {
    let Known { machine, releases, .. } = known;
    CreatedStateMachine {
        arn: machine.arn.clone(),
        creation_date: machine.creation_date,
        // What a creation publishes is the first version there is.
        version_arn: releases.first.as_ref().map(|_| version_arn(machine, 1)),
    }
}

/// What CreateStateMachine answers where there is a machine of that name.
fn already_there(
    known: &Known,
    definition: DefinitionId,
    request: &CreateStateMachine<'_>,
    publication: Option<Publish<'_>>,
) -> Result<CreatedStateMachine, StateMachineError> {
    let machine = &known.machine;
    check_active(machine)?;
    let first = known.releases.first.as_ref();
    let published = first.map(|first| Publish { description: first.description.as_deref() });
    let is_same = machine.definition == definition
        && machine.workflow_type == request.workflow_type
        && machine.configurations == request.configurations
        && published == publication;
    if is_same {
        Ok(created(known))
    } else {
        Err(StateMachineError::AlreadyExists(machine.arn.clone()))
    }
}

impl StateMachine {
    /// Since when it is as it is.
    pub(crate) fn since(&self) -> Timestamp {
        self.update_date.unwrap_or(self.creation_date)
    }
}

impl Known {
    /// When the revision came that was published as that version, and its name.
    fn revision_of(&self, version_arn: &str) -> Option<(Timestamp, Option<Arc<str>>)> {
        let number = version_number(Arn::state_machine(version_arn).ok()?.qualifier?)?;
        let version = self.releases.version(number)?;
        Some((version.revision_since(), version.revision_id.clone()))
    }

    /// When the revision that was current then came, and its name.
    fn revision_at(&self, instant: Timestamp) -> (Timestamp, Option<Arc<str>>) {
        let StateMachine { revision_id, .. } = &*self.machine;
        let past = self.past.iter().map(|past| (Timestamp(past.since), &past.revision_id));
        let revisions: Vec<_> = past.chain([(self.machine.since(), revision_id)]).collect();
        let current = revisions.iter().rev().find(|(since, _)| *since <= instant);
        let (since, revision_id) = *current.unwrap_or(&revisions[0]);
        (since, revision_id.clone())
    }
}

impl Configurations {
    /// These, with those that are given in the place of the old ones.
    fn updated(&self, given: &Configurations) -> Configurations {
        let newer = |new: &Option<Value>, old: &Option<Value>| new.clone().or_else(|| old.clone());
        Configurations {
            logging: newer(&given.logging, &self.logging),
            tracing: newer(&given.tracing, &self.tracing),
            encryption: newer(&given.encryption, &self.encryption),
        }
    }
}
