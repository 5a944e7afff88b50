//! Starting child executions of a Map Run.
//!
//! Promises: the name of a child follows from the run and its place in it, so that one that was
//! started before a crash is found again and not started twice.

use std::sync::Arc;

use asl::{Distributed, Program, StateKind};
use engine::{
    Effect, Execution, ExecutionId, Failure, Limits, Position, StartParameters, Status, TaskId,
    Timestamp,
};
use sha2::{Digest, Sha256};
use store::{
    DefinitionId, ExecutionHeader, Expected, MachineId, MapRunChild, Revision, Scope, StoreError,
};

use super::MapRunName;
use super::feed::Child;
use crate::OperationalError;
use crate::arn::ArnPrefix;
use crate::clock::Now;
use crate::drive;
use crate::live::{Answer, Ask, Held, Undone};
use crate::shell::{Backoff, Shell};
use crate::start::FirstStep;
use crate::steps::{Begin, Stepped};

/// What the names of the children of a Map Run follow from.
pub(crate) struct Names {
    /// The run, which its children take for their state machine in listings.
    pub(crate) run: MachineId,
    pub(crate) scope: Scope,
    /// `<machine>/<label>`
    pub(crate) machine: Arc<str>,
    pub(crate) is_express: bool,
}

/// What all children of a Map Run have in common.
pub(crate) struct Family {
    pub(crate) names: Names,
    /// The execution whose Map state it is.
    pub(crate) parent: ExecutionId,
    /// `…:stateMachine:<machine>/<label>`
    pub(crate) state_machine_arn: Arc<str>,
    pub(crate) definition: DefinitionId,
    pub(crate) role_arn: Arc<str>,
    pub(crate) program: Arc<Program>,
    pub(crate) processor: asl::RegionIndex,
    /// The test case of the parent, in which each child counts its attempts by itself.
    pub(crate) mocks: Option<engine::Mocks>,
    /// Of the run, when its children are started.
    pub(crate) redrive_count: u64,
}

/// A child that was started.
pub(crate) enum Started {
    /// It has ended, with the output that its outcome may lack.
    Ended(MapRunChild),
    /// A Standard execution, which runs on by itself.
    Standard(RunningChild),
    /// An Express execution, which somebody has to run on.
    Express(Box<Execution>, Vec<Effect>, Child),
    /// The runtime closes, or met a mistake of its own.
    Lost(Child),
}

/// A Standard child that runs.
pub(crate) struct RunningChild {
    pub(crate) id: ExecutionId,
    pub(crate) child: Child,
    /// How often it has been redriven. The end of an earlier life of it may be told late: it is not
    /// the end that is waited for.
    pub(crate) redrive_count: u64,
}

impl Names {
    pub(crate) fn of(scope: &Scope, name: &MapRunName, is_express: bool) -> Names {
        let (run, machine) = (name.run, name.machine.clone());
        Names { run, scope: scope.clone(), machine, is_express }
    }

    /// `…:stateMachine:<machine>/<label>`
    pub(crate) fn state_machine_arn(&self) -> Arc<str> {
        ArnPrefix(&self.scope).state_machine(&self.machine)
    }

    /// The name of a child that was started after so many redrives: a UUID.
    pub(crate) fn child_name(&self, index: u64, redrive_count: u64) -> Arc<str> {
        let mut hash = Sha256::new();
        hash.update(self.run.0);
        hash.update(index.to_be_bytes());
        // A redriven Standard execution keeps its name; an Express one is another execution.
        let counted = if self.is_express { redrive_count } else { 0 };
        hash.update(counted.to_be_bytes());
        let digest = hash.finalize();
        let bytes = digest[..16].try_into().expect("a SHA-256 has 32 bytes");
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string().into()
    }

    /// The ARN of a child.
    pub(crate) fn child_arn(&self, name: &str) -> Arc<str> {
        if self.is_express {
            let unique = uuid::Uuid::from_bytes(self.run.0).to_string();
            ArnPrefix(&self.scope).express(&self.machine, name, &unique)
        } else {
            ArnPrefix(&self.scope).execution(&self.machine, name)
        }
    }
}

impl Family {
    fn parameters(&self, id: ExecutionId, child: &Child) -> StartParameters {
        let name = self.names.child_name(child.index, self.redrive_count);
        StartParameters {
            id,
            arn: self.names.child_arn(&name),
            name,
            state_machine_arn: self.state_machine_arn.clone(),
            state_machine_name: self.names.machine.clone(),
            role_arn: self.role_arn.clone(),
            state_machine_version_arn: None,
            state_machine_alias_arn: None,
            input: child.input.clone(),
        }
    }

    fn header(&self, id: ExecutionId, parameters: &StartParameters) -> ExecutionHeader {
        ExecutionHeader {
            id,
            scope: self.names.scope.clone(),
            arn: parameters.arn.clone(),
            name: parameters.name.clone(),
            machine: self.names.run,
            state_machine_arn: self.state_machine_arn.clone(),
            state_machine_version_arn: None,
            state_machine_alias_arn: None,
            definition: self.definition,
            role_arn: self.role_arn.clone(),
            status: Status::Running,
            start: id.start(),
            stop: None,
            trace_header: None,
            started_by: None,
            parent: None,
            last_event: engine::EventId::NONE,
            redrive_count: 0,
            redrive_date: None,
            revision: Revision(0),
        }
    }
}

impl Shell {
    /// Starts children, one after the other or together as their type allows.
    pub(crate) async fn start_map_children(
        self: Arc<Self>,
        family: Arc<Family>,
        children: Vec<Child>,
        keeps_outputs: bool,
    ) -> Vec<Started> {
        if family.names.is_express {
            let mut started = Vec::with_capacity(children.len());
            for child in children {
                started.push(self.start_express_child(&family, child).await);
            }
            return started;
        }
        let mut starts = tokio::task::JoinSet::new();
        for child in children {
            let (shell, family) = (self.clone(), family.clone());
            starts.spawn(async move { shell.start_child_of(&family, child, keeps_outputs).await });
        }
        starts.join_all().await
    }

    async fn start_express_child(self: &Arc<Self>, family: &Family, child: Child) -> Started {
        let now = self.instant();
        let id = self.new_execution_id(now.shown, Some(family.parent));
        let parameters = family.parameters(id, &child);
        let limits = self.express_limits();
        let facts = (&limits, Vec::new());
        let step = self.first_child_step(family, parameters, now, facts).await;
        let Some(Stepped { execution, records, effects }) = step else {
            return Started::Lost(child);
        };
        let policy = self.child_log_policy(&family.state_machine_arn);
        let lines = self.log_lines(policy.as_ref(), &family.names.scope, &execution, &records);
        self.send_log_lines(lines);
        if execution.status == Status::Running {
            return Started::Express(execution, effects, child);
        }
        Started::Ended(express_outcome(&execution, &child))
    }

    /// A fault of ours in a child's first step ends nothing but this child.
    async fn first_child_step(
        &self,
        family: &Family,
        parameters: StartParameters,
        now: Now,
        facts: (&Limits, Vec<Arc<str>>),
    ) -> Option<Stepped> {
        let (parameters, mocks) = (Box::new(parameters), family.mocks.clone());
        let begin = Begin::StartMapChild(parameters, family.processor, mocks);
        let started = self.step(&family.program, begin, now, facts).await;
        if started.is_none() {
            let run = &family.names.machine;
            tracing::error!(%run, "a child of a Map Run met a mistake in Stairwell");
        }
        started
    }

    /// Starts a Standard child, or finds the one that was started before, however long the store is
    /// away.
    async fn start_child_of(
        self: &Arc<Self>,
        family: &Family,
        child: Child,
        keeps_output: bool,
    ) -> Started {
        let mut backoff = Backoff::default();
        loop {
            let error = match self.try_start_child_of(family, &child, keeps_output).await {
                Ok(started) => return started,
                Err(error) => error,
            };
            if matches!(error, StoreError::Corrupt(_)) || !backoff.pause(self, &error).await {
                tracing::error!(run = %family.names.machine, %error, "a child was not started");
                return Started::Lost(child);
            }
        }
    }

    async fn try_start_child_of(
        self: &Arc<Self>,
        family: &Family,
        child: &Child,
        keeps_output: bool,
    ) -> Result<Started, StoreError> {
        let now = self.instant();
        let id = self.new_execution_id(now.shown, Some(family.parent));
        let parameters = family.parameters(id, child);
        let mut header = family.header(id, &parameters);
        header.start = now.shown;
        let arn = header.arn.clone();
        let limits = &self.config.limits;
        let absent = self.absent_activities(&family.names.scope, &family.program).await?;
        let step = self.first_child_step(family, parameters, now, (limits, absent)).await;
        let Some(Stepped { execution, records, effects }) = step else {
            return Ok(Started::Lost(child.clone()));
        };
        let policy = self.child_log_policy(&family.state_machine_arn);
        let lines = self.log_lines(policy.as_ref(), &family.names.scope, &execution, &records);
        let (execution, program) = (*execution, family.program.clone());
        let (record_bytes, state_bytes) = (0, 0);
        let tenure = self.store.tenure(header.id);
        let mut held =
            Box::new(Held { header, execution, program, record_bytes, state_bytes, tenure });
        // However old it is, a child that was there has had its turn.
        let expected = Expected::New { free_after: Timestamp(i64::MIN) };
        let commit = drive::commit(&mut held, expected, None, records, now.timers);
        let first = FirstStep { held, commit, effects, lines };
        match self.commit_start(first).await {
            Ok(Some(ended)) => {
                let output = ended.execution.output.clone().filter(|_| keeps_output);
                Ok(Started::Ended(standard_outcome(&ended.header, child, output)))
            }
            // Whoever drives it tells of its end.
            Ok(None) => Ok(running(id, child, 0)),
            Err(StoreError::Conflict) => self.existing_child(&arn, child, keeps_output).await,
            Err(error) => Err(error),
        }
    }

    async fn existing_child(
        self: &Arc<Self>,
        arn: &str,
        child: &Child,
        keeps_output: bool,
    ) -> Result<Started, StoreError> {
        let id = self.store.find_execution(arn).await?;
        let header = match id {
            Some(id) => self.store.header(id).await?,
            None => None,
        };
        let Some(header) = header else {
            return Err(StoreError::Refused(format!("{arn} is there, and is not")));
        };
        if header.stop.is_none() {
            return Ok(running(header.id, child, header.redrive_count));
        }
        // One redrive follows each of its failures that came before a redrive of the run.
        let is_over =
            header.status != Status::Succeeded && header.redrive_count < child.failures_before;
        if is_over {
            match self.ask(header.id, Ask::Redrive(None)).await {
                Ok(Answer::Redriven(Ok(_))) => {
                    return Ok(running(header.id, child, header.redrive_count + 1));
                }
                Err(Undone::Operational(OperationalError::Store(error))) => return Err(error),
                // It cannot run again: it stays as it is.
                Ok(_) | Err(_) => {}
            }
        }
        let output = match keeps_output {
            true => self.description(header.clone()).await?.output,
            false => None,
        };
        Ok(Started::Ended(standard_outcome(&header, child, output)))
    }
}

fn running(id: ExecutionId, child: &Child, redrive_count: u64) -> Started {
    Started::Standard(RunningChild { id, child: child.clone(), redrive_count })
}

/// What became of a Standard child: the rest is kept with its execution.
pub(crate) fn standard_outcome(
    header: &ExecutionHeader,
    child: &Child,
    output: Option<json::Document>,
) -> MapRunChild {
    MapRunChild {
        index: child.index,
        items: child.items,
        status: header.status,
        start: header.start,
        stop: header.stop.unwrap_or(header.start),
        input: None,
        output,
        failure: None,
    }
}

/// What became of an Express child.
pub(crate) fn express_outcome(execution: &Execution, child: &Child) -> MapRunChild {
    MapRunChild {
        index: child.index,
        items: child.items,
        status: execution.status,
        start: execution.start,
        stop: execution.stop.unwrap_or(execution.start),
        input: Some(child.input.clone()),
        output: execution.output.clone(),
        failure: execution.failure.clone(),
    }
}

/// What became of a child that did not come to an end of its own.
pub(crate) fn cut_outcome(
    child: &Child,
    (start, stop): (Timestamp, Timestamp),
    status: Status,
    failure: Failure,
) -> MapRunChild {
    MapRunChild {
        index: child.index,
        items: child.items,
        status,
        start,
        stop,
        input: Some(child.input.clone()),
        output: None,
        failure: Some(failure),
    }
}

/// What the Map state of a frame has in DISTRIBUTED mode.
pub(super) fn distributed(held: &Held, task: TaskId) -> Option<&Distributed> {
    let frame = held.execution.frames.get(&task.frame)?;
    let Position::In { state, .. } = &frame.position else {
        return None;
    };
    match &held.program.state(*state).kind {
        StateKind::Map(map) => map.distributed.as_deref(),
        _ => None,
    }
}
