//! StartExecution.

use std::sync::Arc;

use asl::{Program, WorkflowType};
use engine::{Effect, EventId, ExecutionId, Limits, Mocks, StartParameters, Status, Timestamp};
use json::Document;
use store::{Commit, ExecutionHeader, Expected, ParentTask, Revision, Scope, StoreError};
use tokio::sync::oneshot;

use crate::arn::ArnPrefix;
use crate::clock::Now;
use crate::express::ExpressStart;
use crate::live::{Held, Message};
use crate::logs::{LogPolicy, Unsent};
use crate::releases::{WEIGHT_SUM, version_number};
use crate::shell::Shell;
use crate::steps::{Begin, Stepped};
use crate::tasks::Work;
use crate::timers::RingOnDrop;
use crate::{
    Arn, ArnError, MockError, OperationalError, Runtime, StateMachine, StateMachineStatus, child,
    drive, mocks, name_is_valid,
};

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
    /// `StateMachineTypeNotSupported`: a Standard machine, of [`Runtime::start_sync_execution`].
    #[error("This operation is not supported by this type of state machine")]
    TypeNotSupported,
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
    /// `ValidationException`: the test case after the `#` of the ARN cannot be run.
    #[error(transparent)]
    Mocks(#[from] MockError),
    /// Not the caller's fault.
    #[error(transparent)]
    Operational(#[from] OperationalError),
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        StartError::Operational(error.into())
    }
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
        scope: &Scope,
        request: StartExecution<'_>,
    ) -> Result<StartedExecution, StartError> {
        let target = self.shell.machine_to_start(scope, request.state_machine_arn).await?;
        let (started, _) = self.shell.start(scope, &target, request, None).await?;
        Ok(started)
    }
}

impl Shell {
    /// The state machine that an execution is to be started of: as it is, as it was published, or
    /// as one of the versions that an alias routes to, drawn anew each time.
    pub(crate) async fn machine_to_start(
        &self,
        scope: &Scope,
        arn: &str,
    ) -> Result<StartTarget, StartError> {
        self.check_open()?;
        let (arn, test_case) = match arn.split_once('#') {
            Some((arn, test_case)) => (arn, Some(test_case)),
            None => (arn, None),
        };
        let parsed = Arn::state_machine(arn)?;
        let does_not_exist = || StartError::StateMachineDoesNotExist(arn.to_owned());
        let known = self.current_machine(scope, &parsed).await?.ok_or_else(does_not_exist)?;
        let machine = &known.machine;
        if machine.status == StateMachineStatus::Deleting {
            return Err(StartError::StateMachineDeleting(machine.arn.clone()));
        }
        let path = self.config.mock_config.as_deref();
        let mocks = match test_case {
            Some(test_case) => Some(mocks::read(path, &machine.name, test_case).await?),
            None => None,
        };
        let Some(qualifier) = parsed.qualifier else {
            let (version_arn, alias_arn) = (None, None);
            return Ok(StartTarget { machine: machine.clone(), version_arn, alias_arn, mocks });
        };
        let (number, alias_arn) = match version_number(qualifier) {
            Some(number) => (number, None),
            None => {
                let alias = known.releases.alias(qualifier).ok_or_else(does_not_exist)?;
                (alias.route(self.random.below(WEIGHT_SUM)), Some(arn.into()))
            }
        };
        let version = known.releases.version(number).ok_or_else(does_not_exist)?;
        Ok(StartTarget {
            machine: Arc::new(version.machine(machine)),
            version_arn: Some(version.arn(machine)),
            alias_arn,
            mocks,
        })
    }

    /// Starts an execution; for a task of another one, where `parent` says so: then a start that is
    /// repeated after a crash finds what it started before, whatever became of it. Also returns
    /// the execution, where it had nothing to wait for and has ended already.
    pub(crate) async fn start(
        self: &Arc<Self>,
        scope: &Scope,
        target: &StartTarget,
        request: StartExecution<'_>,
        parent: Option<ParentTask>,
    ) -> Result<(StartedExecution, Option<Box<Held>>), StartError> {
        let (name, input) = self.name_and_input(&request)?;
        let machine = &target.machine;
        let program = self.program(scope, machine.definition, machine.workflow_type).await?;
        target.check_mocks(&program)?;
        if machine.workflow_type == WorkflowType::Express {
            let trace_header = self.trace_header(machine, request.trace_header);
            let start = ExpressStart { name, input, trace_header };
            return Ok((self.start_express(scope, target, program, start).await?, None));
        }
        let open_max = self.config.open_executions_max;
        if self.store.open_count(scope).await? >= open_max {
            return Err(StartError::LimitExceeded(open_max));
        }
        let header = self.new_header(scope, target, name, &input, request.trace_header, parent);
        let absent = self.absent_activities(scope, &program).await?;
        let input_and_absent = (input.clone(), absent);
        let first = self.first_step(header.await?, target, program, input_and_absent).await?;
        let ExecutionHeader { arn, start, .. } = &first.held.header;
        let started = StartedExecution { execution_arn: arn.clone(), start_date: *start };
        match self.commit_start(first).await {
            Ok(ended) => {
                tracing::debug!(arn = %started.execution_arn, "started");
                Ok((started, ended))
            }
            Err(StoreError::Conflict) => {
                Ok((self.existing(started.execution_arn, &input, parent).await?, None))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The name that the execution gets, and its input.
    pub(crate) fn name_and_input(
        &self,
        request: &StartExecution<'_>,
    ) -> Result<(Arc<str>, Document), StartError> {
        let name: Arc<str> = match request.name {
            Some(name) if !name_is_valid(name) => {
                return Err(StartError::InvalidName(name.to_owned()));
            }
            Some(name) => name.into(),
            None => self.random.uuid().into(),
        };
        Ok((name, read_input(request.input)?))
    }

    async fn new_header(
        &self,
        scope: &Scope,
        target: &StartTarget,
        name: Arc<str>,
        input: &Document,
        trace_header: Option<&str>,
        parent: Option<ParentTask>,
    ) -> Result<ExecutionHeader, StartError> {
        let machine = &target.machine;
        let start = self.now();
        let started_by = match child::started_by(input).map(Arn::execution) {
            Some(Ok(arn)) if arn.is_in(scope) => self.store.find_execution(arn.text).await?,
            _ => None,
        };
        Ok(ExecutionHeader {
            id: self.new_execution_id(start, parent.map(|parent| parent.execution)),
            scope: scope.clone(),
            arn: ArnPrefix(scope).execution(&machine.name, &name),
            name,
            machine: machine.id,
            state_machine_arn: machine.arn.clone(),
            state_machine_version_arn: target.version_arn.clone(),
            state_machine_alias_arn: target.alias_arn.clone(),
            definition: machine.definition,
            role_arn: machine.role_arn.clone(),
            status: Status::Running,
            start,
            stop: None,
            trace_header: self.trace_header(machine, trace_header),
            started_by,
            parent,
            last_event: EventId::NONE,
            redrive_count: 0,
            redrive_date: None,
            revision: Revision(0),
        })
    }

    async fn first_step(
        &self,
        header: ExecutionHeader,
        target: &StartTarget,
        program: Arc<Program>,
        (input, absent_activities): (Document, Vec<Arc<str>>),
    ) -> Result<FirstStep, StartError> {
        let now = Now { shown: header.start, timers: self.instant().timers };
        let (id, arn, name) = (header.id, header.arn.clone(), header.name.clone());
        let parameters = target.parameters(id, arn, name, input);
        let facts = (&self.config.limits, absent_activities);
        let mocks = target.mocks.clone();
        let step = self.engine_start(&program, parameters, mocks, now, facts).await?;
        let Stepped { execution, records, effects } = step;
        let policy = LogPolicy::of(&target.machine.configurations);
        let lines = self.log_lines(policy.as_ref(), &header.scope, &execution, &records);
        let (record_bytes, state_bytes, execution) = (0, 0, *execution);
        let tenure = self.store.tenure(header.id);
        let mut held =
            Box::new(Held { header, execution, program, record_bytes, state_bytes, tenure });
        let taken_seconds = i64::try_from(self.config.closed_name_taken_seconds);
        let taken = taken_seconds.unwrap_or(i64::MAX).saturating_mul(1_000);
        let free_after = Timestamp(now.shown.0.saturating_sub(taken));
        let expected = Expected::New { free_after };
        let commit = drive::commit(&mut held, expected, None, records, now.timers);
        Ok(FirstStep { held, commit, effects, lines })
    }

    /// The first step of an execution. A fault of ours in it ends nothing but this start.
    pub(crate) async fn engine_start(
        &self,
        program: &Arc<Program>,
        parameters: StartParameters,
        mocks: Option<Mocks>,
        now: Now,
        facts: (&Limits, Vec<Arc<str>>),
    ) -> Result<Stepped, OperationalError> {
        let arn = parameters.arn.clone();
        let begin = Begin::Start(Box::new(parameters), mocks);
        self.step(program, begin, now, facts).await.ok_or_else(|| {
            tracing::error!(%arn, reason = "a step panicked", "not started");
            OperationalError::Quarantined
        })
    }

    /// Returns the execution where it has ended, with nothing left to do.
    pub(crate) async fn commit_start(
        self: &Arc<Self>,
        first: FirstStep,
    ) -> Result<Option<Box<Held>>, StoreError> {
        let FirstStep { held, commit, .. } = &first;
        let id = held.header.id;
        if !first.effects.is_empty() || held.execution.is_runnable() {
            let (sender, receiver) = oneshot::channel();
            // From now on inputs wait for the driver, which nobody's end cuts off.
            self.live.begin(id);
            self.spawn(self.clone().drive_start(first, sender));
            let lost = || StoreError::Unknown("the driver of the start ended".to_owned());
            return receiver.await.unwrap_or_else(|_| Err(lost())).map(|()| None);
        }
        // There is nothing to do after the commit that somebody would miss.
        let _counted = self.count_task(Work::Execution);
        let _ring = RingOnDrop { timers: &self.timers, due: commit_due(commit) };
        self.commit(first.commit).await?;
        self.send_log_lines(first.lines);
        if first.held.header.stop.is_some() {
            return Ok(Some(first.held));
        }
        self.live.park(id, first.held);
        Ok(None)
    }

    async fn drive_start(
        self: Arc<Self>,
        first: FirstStep,
        sender: oneshot::Sender<Result<(), StoreError>>,
    ) {
        let FirstStep { mut held, commit, effects, lines } = first;
        let id = held.header.id;
        let committed = self.commit(commit).await;
        let error = committed.as_ref().err().cloned();
        // Who does not wait any more does not want to know.
        let _ = sender.send(committed);
        match error {
            None => {
                self.send_log_lines(lines);
                if self.is_still_held(&held) {
                    let ends = held.header.stop.is_some();
                    self.committed(&mut held, ends, effects).await;
                    self.drive(id, Some(held)).await;
                } else {
                    self.follow_later(id);
                    self.drive(id, None).await;
                }
            }
            Some(StoreError::Refused(_) | StoreError::Unknown(_)) => {
                // It may have been written although the reply was lost.
                self.live.put_back(id, vec![Message::recover()]);
                self.drive(id, None).await;
            }
            Some(StoreError::Conflict | StoreError::Corrupt(_) | StoreError::Elsewhere) => {
                drop(self.live.abandon(id));
            }
        }
    }

    /// What a start answers whose name is taken.
    async fn existing(
        &self,
        arn: Arc<str>,
        input: &Document,
        parent: Option<ParentTask>,
    ) -> Result<StartedExecution, StartError> {
        let id = self.store.find_execution(&arn).await?;
        let header = match id {
            Some(id) => self.store.header(id).await?,
            None => None,
        };
        let Some(header) = header else {
            // It was there a moment ago, and was removed for its age since.
            return Err(StartError::AlreadyExists(arn));
        };
        let is_own = parent.is_some() && header.parent == parent;
        let is_same = is_own || {
            header.status == Status::Running
                && self.description(header.clone()).await?.input == *input
        };
        if is_same {
            let ExecutionHeader { arn, start, .. } = header;
            Ok(StartedExecution { execution_arn: arn, start_date: start })
        } else {
            Err(StartError::AlreadyExists(arn))
        }
    }
}

/// What an execution is started of.
#[derive(Clone, Debug)]
pub(crate) struct StartTarget {
    /// The machine as the execution is to see it, under its unqualified ARN.
    pub(crate) machine: Arc<StateMachine>,
    /// Set where it is started by a version or by an alias.
    pub(crate) version_arn: Option<Arc<str>>,
    /// Set where it is started by an alias.
    pub(crate) alias_arn: Option<Arc<str>>,
    /// The test case that it is to run under.
    pub(crate) mocks: Option<Mocks>,
}

impl StartTarget {
    /// That the machine has the states that the test case mocks.
    pub(crate) fn check_mocks(&self, program: &Program) -> Result<(), MockError> {
        self.mocks.as_ref().map_or(Ok(()), |mocks| mocks::check(mocks, program))
    }

    pub(crate) fn parameters(
        &self,
        id: ExecutionId,
        arn: Arc<str>,
        name: Arc<str>,
        input: Document,
    ) -> StartParameters {
        StartParameters {
            id,
            arn,
            name,
            state_machine_arn: self.machine.arn.clone(),
            state_machine_name: self.machine.name.clone(),
            role_arn: self.machine.role_arn.clone(),
            state_machine_version_arn: self.version_arn.clone(),
            state_machine_alias_arn: self.alias_arn.clone(),
            input,
        }
    }
}

/// An execution that has taken its first step, and whose commit is still to come.
pub(crate) struct FirstStep {
    pub(crate) held: Box<Held>,
    pub(crate) commit: Commit,
    pub(crate) effects: Vec<Effect>,
    /// What is logged after the commit.
    pub(crate) lines: Unsent,
}

fn commit_due(commit: &Commit) -> Option<Timestamp> {
    commit.agenda.as_ref().and_then(|agenda| agenda.due)
}

/// `input` of a request: `{}` where it was not given.
pub(crate) fn read_input(text: Option<&str>) -> Result<Document, StartError> {
    match text {
        None => Ok(Document::from_trusted_text("{}")),
        Some("") => Err(StartError::InvalidInput("Invalid execution input.".to_owned())),
        Some(text) => {
            Document::from_text(text).map_err(|error| StartError::InvalidInput(error.message))
        }
    }
}
