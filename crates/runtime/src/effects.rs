//! Performing what executions ask for. Everything here may be done twice: after a crash it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use asl::{IntegrationPattern, WorkflowType};
use engine::{ChildRequest, Effect, ExecutionId, Failure, Input, TaskId, Timestamp};
use parking_lot::Mutex;
use store::{Commit, Expected, ParentTask, StoreError};
use tokio::task::JoinSet;

use crate::arn::Arn;
use crate::call_audit::Audited;
use crate::child::{self, ACCESS_DENIED, ChildStart, Refusal};
use crate::live::{Ask, Held, Message, Undone};
use crate::offers::Offer;
use crate::permission::{Acting, Permission, not_assumed};
use crate::shell::{Backoff, Shell};
use crate::tasks::Work;
use crate::{ExecutionDescription, OperationalError, StartError, StartExecution};

/// A task of an execution.
type TaskKey = (ExecutionId, TaskId);

/// What is under way outside of any execution.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// Tasks whose nested start is under way.
    starting: Mutex<BTreeSet<TaskKey>>,
    /// Tasks that await an execution that another task, or nobody, started. The task that started
    /// it stands in its header.
    waiters: Mutex<BTreeMap<ExecutionId, BTreeSet<TaskKey>>>,
    /// Tasks that await an execution that another node drives, each with a task of ours.
    elsewhere: Mutex<BTreeSet<(ExecutionId, TaskKey)>>,
}

/// What became of a nested start.
pub(crate) struct NestedStart {
    /// What the parent is to be told of it.
    pub(crate) input: Input,
    /// The child, where it is awaited and had nothing to wait for itself: it has ended already.
    ended: Option<Arc<ExecutionDescription>>,
}

impl From<Input> for NestedStart {
    fn from(input: Input) -> NestedStart {
        NestedStart { input, ended: None }
    }
}

impl Effects {
    /// Remembers who awaits the end of an execution.
    pub(crate) fn add_waiter(&self, child: ExecutionId, waiter: TaskKey) {
        self.waiters.lock().entry(child).or_default().insert(waiter);
    }

    /// Forgets who awaits executions of which that is so: they ask whoever drives these.
    pub(crate) fn forget(&self, is_gone: impl Fn(ExecutionId) -> bool) {
        self.waiters.lock().retain(|child, _| !is_gone(*child));
    }
}

impl Shell {
    /// Performs effects of an execution, or begins to.
    pub(crate) async fn perform(self: &Arc<Self>, held: &mut Held, effects: Vec<Effect>) {
        let (mut children_to_stop, mut jobs_to_stop) = (Vec::new(), Vec::new());
        for effect in effects {
            match effect {
                Effect::OfferActivity { task, activity_arn, .. } => {
                    self.offer(held, task, &activity_arn);
                }
                Effect::StartChild { task, child } => self.start_child(held, task, child),
                Effect::CallService { task, request } => self.call_service(held, task, request),
                // Its end may have come with the news of its start.
                Effect::AwaitChild { task, .. } if held.execution.task(task).is_none() => {}
                Effect::AwaitChild { task, child_arn, .. } => {
                    let waiter = (held.header.id, task);
                    let acting = Acting::from(&held.header);
                    let is_execution = !child_arn.contains(":mapRun:");
                    if is_execution && !self.hears_events(&acting).await {
                        self.spawn_as(
                            Work::Child,
                            self.clone().poll_child(acting, waiter, child_arn),
                        );
                    } else if self.try_await_child(waiter, &child_arn).await.is_err() {
                        let waits = self.clone().await_child(waiter, child_arn);
                        self.spawn_as(Work::Child, waits);
                    }
                }
                Effect::AwaitJob { task, job } => self.await_job(held, task, job),
                Effect::StartMapRun { task, request } => self.start_map_run(held, task, &request),
                Effect::StopChild { child_arn } => children_to_stop.push(child_arn),
                Effect::StopJob { job } => jobs_to_stop.push(job),
            }
        }
        if children_to_stop.is_empty() && jobs_to_stop.is_empty() {
            return;
        }
        let (id, acting) = (held.header.id, Acting::from(&held.header));
        let stop_job = |job| self.clone().stop_job(acting.clone(), job);
        let stops: JoinSet<bool> = jobs_to_stop.iter().cloned().map(stop_job).collect();
        let children = self.clone().stop_children(acting.clone(), children_to_stop.clone());
        let stop = async move {
            let are_stopped = children.await;
            stops.join_all().await.into_iter().all(|is_stopped| is_stopped) && are_stopped
        };
        if held.header.stop.is_none() {
            let shell = self.clone();
            self.spawn_as(Work::Child, async move {
                if stop.await {
                    let done = Input::StopsDone { children: children_to_stop, jobs: jobs_to_stop };
                    shell.deliver(id, Message::input(done));
                }
            });
        } else if stop.await {
            self.forget_effects(held).await;
        }
    }

    fn offer(self: &Arc<Self>, held: &Held, task: TaskId, activity_arn: &Arc<str>) {
        let id = held.header.id;
        if Arn::activity(activity_arn).is_ok_and(|(arn, _)| arn.is_in(&held.header.scope)) {
            return self.offers.offer(activity_arn, Offer { execution: id, task });
        }
        // No worker of another account or region may get it.
        let cause = format!("Activity Does Not Exist: '{activity_arn}'");
        let outcome = Err(Failure::new("States.Runtime", cause));
        self.deliver(id, Message::input(Input::TaskFinished { task, outcome }));
    }

    /// Begins to start a nested execution.
    fn start_child(self: &Arc<Self>, held: &Held, task: TaskId, request: ChildRequest) {
        let key = (held.header.id, task);
        if !self.effects.starting.lock().insert(key) {
            return;
        }
        let (shell, acting) = (self.clone(), Acting::from(&held.header));
        self.spawn_as(Work::Child, async move {
            let parent = ParentTask { execution: key.0, task };
            let started = shell.start_nested(&acting, Some(parent), task, &request).await;
            shell.effects.starting.lock().remove(&key);
            if let Some(NestedStart { input, ended }) = started {
                let ended = ended.map(|child| Message::child_ended(task, child));
                let messages = [Some(Message::input(input)), ended];
                shell.deliver_all(key.0, messages.into_iter().flatten().collect());
            }
        });
    }

    /// Starts a nested execution, however long the store is away. Returns what the parent is to be
    /// told; nothing where the runtime closes.
    pub(crate) async fn start_nested(
        self: &Arc<Self>,
        acting: &Acting,
        parent: Option<ParentTask>,
        task: TaskId,
        request: &ChildRequest,
    ) -> Option<NestedStart> {
        let mut backoff = Backoff::default();
        let refusal = loop {
            match self.try_start_nested(acting, parent, task, request).await {
                Ok(started) => return Some(started),
                Err(StartError::Operational(OperationalError::Store(
                    error
                    @ (StoreError::Refused(_) | StoreError::Unknown(_) | StoreError::Conflict),
                ))) => {
                    if !backoff.pause(self, &error).await {
                        return None;
                    }
                }
                Err(StartError::Operational(OperationalError::Overloaded)) => {
                    let error = StoreError::Refused("too much is under way".to_owned());
                    if !backoff.pause(self, &error).await {
                        return None;
                    }
                }
                // The node that drives the parent now starts it.
                Err(StartError::Operational(OperationalError::Store(StoreError::Elsewhere)))
                    if parent.is_some() =>
                {
                    return None;
                }
                Err(StartError::Operational(OperationalError::ShuttingDown)) => return None,
                Err(error) => break Refusal::from(&error),
            }
        };
        Some(self.refused(task, &refusal).into())
    }

    async fn try_start_nested(
        self: &Arc<Self>,
        acting: &Acting,
        parent: Option<ParentTask>,
        task: TaskId,
        request: &ChildRequest,
    ) -> Result<NestedStart, StartError> {
        let start = match child::parse(&request.parameters) {
            Ok(start) => start,
            Err(failure) => return Ok(Input::TaskFinished { task, outcome: Err(failure) }.into()),
        };
        if let Err(refusal) = start.name.map_or(Ok(()), child::check_length) {
            return Ok(self.refused(task, &refusal).into());
        }
        let starter = match &request.role_arn {
            None => Some(acting.clone()),
            Some(role_arn) => {
                self.assume(acting, role_arn).await.map_err(OperationalError::from)?
            }
        };
        let Some(starter) = starter else {
            let wanted = request.role_arn.as_deref().unwrap_or_default();
            let outcome = Err(not_assumed(&acting.role_arn, wanted));
            return Ok(Input::TaskFinished { task, outcome }.into());
        };
        let audited = self.audited(&starter, "StartExecution", start.state_machine_arn);
        let permission = Permission::on_arn("states:StartExecution", start.state_machine_arn);
        let permitted = self.check_permission(&starter, &permission).await;
        if let Err(message) = permitted.map_err(OperationalError::from)? {
            let refusal = Refusal::access_denied(message);
            audited.end(Some((refusal.code, &refusal.message))).await;
            return Ok(self.refused(task, &refusal).into());
        }
        audited.begin().await.map_err(OperationalError::from)?;
        let roles = (&starter, acting);
        let started = self.start_permitted(roles, parent, task, request, &start, &audited).await;
        let refusal = started.as_ref().err().map(Refusal::from);
        audited.end(refusal.as_ref().map(|it| (it.code, &*it.message))).await;
        started
    }

    /// Starts a nested execution that the role may start: the first of the roles starts it, the
    /// second one is that of the parent.
    async fn start_permitted(
        self: &Arc<Self>,
        (starter, acting): (&Acting, &Acting),
        parent: Option<ParentTask>,
        task: TaskId,
        request: &ChildRequest,
        start: &ChildStart<'_>,
        audited: &Audited<'_>,
    ) -> Result<NestedStart, StartError> {
        let scope = &starter.scope;
        let awaits =
            matches!(request.pattern, IntegrationPattern::Sync | IntegrationPattern::Sync2);
        let target = self.machine_to_start(scope, start.state_machine_arn).await?;
        // They end without anybody knowing: they cannot be waited for.
        if awaits && target.machine.workflow_type == WorkflowType::Express {
            return Err(StartError::TypeNotSupported);
        }
        let (started, ended) = self
            .start(
                scope,
                &target,
                StartExecution {
                    state_machine_arn: start.state_machine_arn,
                    name: start.name.or(Some(&request.generated_name)),
                    input: Some(&start.input),
                    // What calls in a trace sends its trace header along.
                    trace_header: start.trace_header.or(acting.trace_header.as_deref()),
                },
                parent,
            )
            .await?;
        let arn = started.execution_arn;
        let output = child::start_response(&arn, started.start_date, &audited.request_id());
        let input = match request.pattern {
            IntegrationPattern::RequestResponse => {
                Input::TaskFinished { task, outcome: Ok(output) }
            }
            IntegrationPattern::Sync
            | IntegrationPattern::Sync2
            | IntegrationPattern::WaitForTaskToken => {
                Input::TaskSubmitted { task, output, child_arn: awaits.then_some(arn) }
            }
        };
        let hears = awaits && ended.is_some() && self.hears_events(acting).await;
        let ended = match ended.filter(|_| hears) {
            Some(held) => Some(Arc::new(self.description_of(&held).await)),
            None => None,
        };
        Ok(NestedStart { input, ended })
    }

    fn refused(&self, task: TaskId, refusal: &Refusal) -> Input {
        Input::TaskFinished { task, outcome: Err(refusal.failure(&self.random.uuid())) }
    }

    /// Tells the waiter when the nested execution has ended, or sees to it that it will be told.
    async fn try_await_child(
        self: &Arc<Self>,
        waiter: TaskKey,
        child_arn: &str,
    ) -> Result<(), StoreError> {
        let found = match self.store.find_execution(child_arn).await? {
            Some(id) => self.store.header(id).await?,
            None => None,
        };
        let Some(mut header) = found else {
            self.tell_absence(waiter, child_arn);
            return Ok(());
        };
        let id = header.id;
        let parent = ParentTask { execution: waiter.0, task: waiter.1 };
        if header.stop.is_none() && !self.store.is_here(id) {
            if self.effects.elsewhere.lock().insert((id, waiter)) {
                let shell = self.clone();
                self.spawn_as(Work::Child, async move {
                    shell.clone().await_elsewhere(waiter, id).await;
                    shell.effects.elsewhere.lock().remove(&(id, waiter));
                });
            }
            return Ok(());
        }
        if header.stop.is_none() && header.parent != Some(parent) {
            self.effects.add_waiter(id, waiter);
            // It may have ended before the waiter was there.
            header = self.store.header(id).await?.unwrap_or(header);
        }
        if header.stop.is_some() {
            let child = Arc::new(self.description(header).await?);
            self.tell_end(waiter, child);
        }
        Ok(())
    }

    /// Asks again and again whether a nested execution has ended, as Step Functions does where the
    /// role lacks what events need; and tells its parent.
    async fn poll_child(self: Arc<Self>, acting: Acting, waiter: TaskKey, child_arn: Arc<str>) {
        let mut is_told = false;
        loop {
            let next = Timestamp(self.instant().timers.0 + self.poll_pause_milliseconds());
            tokio::select! {
                biased;
                () = self.config.clock.sleep_until(next) => {}
                () = self.closing() => return,
            }
            let describe = Permission::new("states:DescribeExecution", Some(child_arn.to_string()));
            match self.check_permission_patiently(&acting, &describe).await {
                None => return,
                Some(Err(message)) if !is_told => {
                    tracing::warn!(message, "a task does not learn of the end that it awaits");
                    is_told = true;
                }
                Some(Err(_)) => {}
                Some(Ok(())) => match self.child_that_ended(&child_arn).await {
                    Ok(Some(child)) => return self.tell_end(waiter, child),
                    Ok(None) => {}
                    Err(error) => tracing::warn!(%error, "the store failed; asking again"),
                },
            }
            if !self.may_wait(waiter.0).await {
                return;
            }
        }
    }

    fn poll_pause_milliseconds(&self) -> i64 {
        i64::try_from(self.config.child_poll_pause.as_millis()).unwrap_or(i64::MAX / 2)
    }

    async fn child_that_ended(
        &self,
        child_arn: &str,
    ) -> Result<Option<Arc<ExecutionDescription>>, StoreError> {
        let Some(id) = self.store.find_execution(child_arn).await? else { return Ok(None) };
        match self.store.header(id).await?.filter(|header| header.stop.is_some()) {
            Some(header) => Ok(Some(Arc::new(self.description(header).await?))),
            None => Ok(None),
        }
    }

    async fn await_child(self: Arc<Self>, waiter: TaskKey, child_arn: Arc<str>) {
        let mut backoff = Backoff::default();
        while let Err(error) = self.try_await_child(waiter, &child_arn).await {
            if !backoff.pause(&self, &error).await {
                return;
            }
        }
    }

    pub(crate) fn tell_end(
        self: &Arc<Self>,
        (parent, task): TaskKey,
        child: Arc<ExecutionDescription>,
    ) {
        self.deliver(parent, Message::child_ended(task, child));
    }

    /// An execution that is awaited is not there any more: somebody removed it. Its end cannot be
    /// known.
    fn tell_absence(self: &Arc<Self>, (parent, task): TaskKey, child_arn: &str) {
        tracing::warn!(child = child_arn, "an execution that is awaited is not there any more");
        let cause = format!("Execution Does Not Exist: '{child_arn}'");
        let outcome = Err(Failure::new("States.TaskFailed", cause));
        self.deliver(parent, Message::input(Input::TaskFinished { task, outcome }));
    }

    /// What the end of an execution means to others, once it is durable.
    pub(crate) async fn ended(self: &Arc<Self>, held: &Held) {
        tracing::debug!(arn = %held.header.arn, status = ?held.header.status, "ended");
        self.map_runs.child_ended(held);
        let mut waiters = self.effects.waiters.lock().remove(&held.header.id).unwrap_or_default();
        if let Some(ParentTask { execution, task }) = held.header.parent
            && self.may_wait(execution).await
            && self.parent_hears_events(execution).await
        {
            waiters.insert((execution, task));
        }
        if !waiters.is_empty() {
            let child = Arc::new(self.description_of(held).await);
            waiters.into_iter().for_each(|waiter| self.tell_end(waiter, child.clone()));
        }
        if self.machine_is_gone(&held.header).await {
            self.machine_lost_execution(&held.header).await;
        }
    }

    /// Whether a parent may wait for anything: spares loading it where it has ended.
    pub(crate) async fn may_wait(&self, parent: ExecutionId) -> bool {
        match self.store.header(parent).await {
            Ok(header) => header.is_some_and(|header| header.stop.is_none()),
            Err(_) => true,
        }
    }

    /// Stops nested executions, all at once. Says whether that is done.
    async fn stop_children(self: Arc<Self>, parent: Acting, children: Vec<Arc<str>>) -> bool {
        let failure = child::stop_failure(&parent.execution_arn);
        let stop = |child_arn| self.clone().stop_child(parent.clone(), child_arn, failure.clone());
        let stops: JoinSet<bool> = children.into_iter().map(stop).collect();
        stops.join_all().await.into_iter().all(|is_stopped| is_stopped)
    }

    async fn stop_child(
        self: Arc<Self>,
        parent: Acting,
        child_arn: Arc<str>,
        failure: Failure,
    ) -> bool {
        if child_arn.contains(":mapRun:") {
            return self.stop_patiently(&parent, &child_arn, &failure).await;
        }
        let audited = self.audited(&parent, "StopExecution", &child_arn);
        let stop = Permission::new("states:StopExecution", Some(child_arn.to_string()));
        match self.check_permission_patiently(&parent, &stop).await {
            None => return false,
            Some(Ok(())) => {}
            Some(Err(message)) => {
                audited.end(Some((ACCESS_DENIED, &message))).await;
                tracing::warn!(message, "a nested execution goes on without its parent");
                return true;
            }
        }
        if !audited.begin_patiently().await {
            return false;
        }
        let is_stopped = self.stop_patiently(&parent, &child_arn, &failure).await;
        audited.end((!is_stopped).then_some(("InternalFailure", ""))).await;
        is_stopped
    }

    /// Stops a nested execution or a Map Run, however long the store is away. Says whether that is
    /// done.
    async fn stop_patiently(
        self: &Arc<Self>,
        parent: &Acting,
        child_arn: &Arc<str>,
        failure: &Failure,
    ) -> bool {
        let mut backoff = Backoff::default();
        loop {
            if child_arn.contains(":mapRun:") {
                let Err(error) = self.stop_map_run(&parent.scope, child_arn).await else {
                    return true;
                };
                if !backoff.pause(self, &error).await {
                    return false;
                }
                continue;
            }
            let error = match self.store.find_execution(child_arn).await {
                Ok(None) => return true,
                Ok(Some(id)) => match self.ask(id, Ask::StopChild(failure.clone())).await {
                    Ok(_) | Err(Undone::Absent) => return true,
                    Err(Undone::Operational(OperationalError::Store(error))) => error,
                    Err(Undone::Operational(error)) => {
                        tracing::error!(arn = %child_arn, %error, "not stopped");
                        return false;
                    }
                },
                Err(error) => error,
            };
            if !backoff.pause(self, &error).await {
                return false;
            }
        }
    }

    /// Takes an ended execution, whose effects are all performed, off the agenda.
    async fn forget_effects(&self, held: &Held) {
        let commit = || Commit {
            expected: Expected::At(held.header.revision),
            header: held.header.clone(),
            previous_status: Some(held.header.status),
            records: Vec::new(),
            agenda: None,
            checkpoint: None,
            resource: None,
        };
        let mut backoff = Backoff::default();
        // Where it stays on the agenda, they are performed again after the next start.
        while let Err(error) = self.store.commit(commit()).await {
            if !error.is_passing() || !backoff.pause(self, &error).await {
                return;
            }
        }
    }
}
