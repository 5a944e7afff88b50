//! Task: asks for work, and goes on with its result.

use std::sync::Arc;

use asl::{Amount, DataFlow, IntegrationPattern, Resource, State, StateKind, Task, Transition};
use json::{Document, Number, Value};
use rand_core::Rng;

use crate::context::Moment;
use crate::evaluate::{Fault, View};
use crate::retry::{HEARTBEAT_TIMEOUT, Raised, TIMEOUT};
use crate::states::parameters::{check_names, check_parameters, completed, kept_token};
use crate::step::{Ended, Stepper};
use crate::{
    Activity, ChildRequest, Effect, EventId, EventKind, Failure, FrameId, MockedOutcome, Note,
    Position, Record, ServiceRequest, ServiceTarget, TaskId, TaskResource, TaskState, TaskToken,
};

/// The families of events that tell of an attempt.
enum Family {
    /// `Task…`
    Task(TaskResource),
    /// `Activity…`
    Activity,
    /// `LambdaFunction…`
    LambdaFunction,
}

/// What an attempt needs to know before it is scheduled.
struct Attempt {
    parameters: Document,
    timeout_seconds: Option<u64>,
    heartbeat_seconds: Option<u64>,
    token: TaskToken,
    role_arn: Option<Arc<str>>,
}

impl<'a> Stepper<'a, '_> {
    pub(crate) fn task(
        &mut self,
        id: FrameId,
        state: &State,
        task: &Task,
        input: &Document,
        previous: EventId,
    ) -> Result<(), Ended> {
        let attempt = match self.attempt(id, state, task, input) {
            Ok(attempt) => attempt,
            Err(fault) => return self.fail_with(id, fault, previous),
        };
        let scheduled = self.execution.last_event.next();
        self.schedule(id, &task.resource, attempt, previous)?;
        match self.execution.mocked.as_ref().and_then(|mocked| mocked.next(&state.name)) {
            None => Ok(()),
            Some(outcome) => self.answer_mocked(TaskId { frame: id, scheduled }, state, outcome),
        }
    }

    /// Answers an attempt that was just scheduled. Its effect is asked for in vain, since nobody
    /// waits for the attempt any more at the end of the step.
    fn answer_mocked(
        &mut self,
        task: TaskId,
        state: &State,
        outcome: Result<MockedOutcome, String>,
    ) -> Result<(), Ended> {
        self.write(Record::Note(Note::MockUsed { state: state.name.clone() }));
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(reason) => {
                let failure = self.failure(task.frame, Fault::runtime(reason));
                return self.task_failed(task, failure);
            }
        };
        let is_function = matches!(self.family(task), Family::LambdaFunction);
        self.activity_started(task, None)?;
        if self.called_by(task.frame).goes_on_waiting() {
            self.task_submitted(task, Document::from_trusted_text("{}"), None)?;
        }
        match outcome {
            // The response of Invoke, of which the state gets no more than the payload.
            MockedOutcome::Return(response) if is_function => {
                let payload = response.value().get("Payload").cloned();
                self.task_succeeded(task, payload.map_or(response, Document::from))
            }
            MockedOutcome::Return(result) => self.task_succeeded(task, result),
            MockedOutcome::Throw(failure) => self.task_failed(task, failure),
        }
    }

    fn schedule(
        &mut self,
        id: FrameId,
        resource: &Resource,
        attempt: Attempt,
        previous: EventId,
    ) -> Result<(), Ended> {
        match resource {
            Resource::Activity(activity_arn) => {
                self.schedule_activity(id, activity_arn, attempt, previous)
            }
            Resource::StartExecution(pattern) => {
                self.schedule_child(id, *pattern, attempt, previous)
            }
            Resource::Lambda(function_arn) => {
                self.schedule_function(id, function_arn, attempt, previous)
            }
            Resource::Service { service, action, pattern } => {
                let resource = TaskResource {
                    resource_type: (*service).into(),
                    resource: format!("{action}{}", pattern.suffix()).into(),
                };
                self.schedule_service(id, resource, attempt, previous)
            }
        }
    }

    fn attempt(
        &mut self,
        id: FrameId,
        state: &State,
        task: &Task,
        input: &Document,
    ) -> Result<Attempt, Fault> {
        if *task.partition != *partition_of(&self.execution.parameters.arn) {
            return Err(Fault::runtime(
                "The resource belongs to a different partition from the running execution.",
            ));
        }
        self.check_activity(state, &task.resource)?;
        let effective = self.effective_input(id, state, input)?;
        let scheduled = self.execution.last_event.next();
        let task_id = TaskId { frame: id, scheduled };
        let token = TaskToken::new(self.execution.id(), task_id, self.env.random);
        let shown = task.resource.shows_token().then_some(&token);
        let moment = Moment { token: shown, item: None };
        let parameters = self.arguments(id, state, &effective, moment)?;
        self.check_size(task.resource.service(), &parameters)?;
        if matches!(state.data, DataFlow::JsonPath(_)) && task.resource.shows_token() {
            check_names(&parameters)?;
        }
        check_parameters(&task.resource, &parameters)?;
        let parameters = completed(&task.resource, parameters);
        let timeout = task.timeout_seconds.as_ref();
        let timeout_seconds = self.seconds(id, timeout, "TimeoutSeconds", &effective)?;
        let heartbeat = task.heartbeat_seconds.as_ref();
        let heartbeat_seconds = self.seconds(id, heartbeat, "HeartbeatSeconds", &effective)?;
        let role_arn = self.role_arn(id, task, &effective)?;
        Ok(Attempt { parameters, timeout_seconds, heartbeat_seconds, token, role_arn })
    }

    /// Refuses an activity that does not exist, unless its answers are mocked.
    fn check_activity(&self, state: &State, resource: &Resource) -> Result<(), Fault> {
        let Resource::Activity(arn) = resource else { return Ok(()) };
        let mocked = self.execution.mocked.as_ref();
        let is_mocked = mocked.is_some_and(|mocked| mocked.next(&state.name).is_some());
        if is_mocked || !self.env.absent_activities.contains(arn) {
            return Ok(());
        }
        Err(Fault::runtime("The activity ARN does not exist."))
    }

    /// The role of the task's `Credentials`.
    fn role_arn(
        &mut self,
        id: FrameId,
        task: &Task,
        input: &Document,
    ) -> Result<Option<Arc<str>>, Fault> {
        let Some(credentials) = &task.credentials else { return Ok(None) };
        let credentials = self.payload(id, credentials, "Credentials", View::of(input))?;
        match credentials.value().get("RoleArn") {
            Some(Value::String(role_arn)) => Ok(Some(role_arn.clone())),
            _ => {
                Err(Fault::runtime("The value for the field 'RoleArn' must be a STRING".to_owned()))
            }
        }
    }

    fn seconds(
        &mut self,
        id: FrameId,
        amount: Option<&Amount>,
        field: &str,
        input: &Document,
    ) -> Result<Option<u64>, Fault> {
        let Some(amount) = amount else {
            return Ok(None);
        };
        match self.amount(id, amount, field, input)? {
            0 if matches!(amount, Amount::Jsonata(_)) => {
                let text = format!("The {field} field must be a positive integer but was: 0");
                Err(Fault::query(Some(field.to_owned()), text))
            }
            0 => Err(Fault::runtime(format!("The {field}Path field must be a positive integer."))),
            seconds => Ok(Some(seconds)),
        }
    }

    /// A number that may stand at a path, in the field of that name with `Path` after it, or that
    /// an expression may give.
    pub(crate) fn amount(
        &mut self,
        id: FrameId,
        amount: &Amount,
        field: &str,
        input: &Document,
    ) -> Result<u64, Fault> {
        let path = match amount {
            Amount::Literal(literal) => return Ok(*literal),
            Amount::Path(path) => path,
            Amount::Jsonata(template) => {
                let maximum = field.ends_with("Seconds").then_some(asl::SECONDS_MAX);
                return self.jsonata_integer(id, template, (field, maximum), View::of(input));
            }
        };
        let value = self.at(id, path, input)?;
        let number = match &value {
            Value::Number(number) => number.as_i64(),
            // AWS takes digits in a string, too.
            Value::String(text) => Number::parse(text).and_then(|number| number.as_i64()),
            _ => None,
        };
        number.and_then(|number| u64::try_from(number).ok()).ok_or_else(|| {
            Fault::runtime(format!(
                "The {field}Path field refers to value \"{}\" which is not a valid integer: {}",
                value.as_str().map_or_else(|| value.to_string(), str::to_owned),
                path.text()
            ))
        })
    }

    fn schedule_activity(
        &mut self,
        id: FrameId,
        activity_arn: &Arc<str>,
        attempt: Attempt,
        previous: EventId,
    ) -> Result<(), Ended> {
        // Activities have no `Credentials`.
        let Attempt { parameters: input, timeout_seconds, heartbeat_seconds, token, role_arn: _ } =
            attempt;
        let kind = EventKind::ActivityScheduled {
            resource: activity_arn.clone(),
            input: input.clone(),
            timeout_seconds,
            heartbeat_seconds,
            token: token.clone(),
        };
        let scheduled = self.emit(id, previous, kind)?;
        let task = TaskId { frame: id, scheduled };
        let activity_arn = activity_arn.clone();
        self.ask(Effect::OfferActivity { task, activity_arn, input, token });
        Ok(())
    }

    fn schedule_child(
        &mut self,
        id: FrameId,
        pattern: IntegrationPattern,
        attempt: Attempt,
        previous: EventId,
    ) -> Result<(), Ended> {
        let Attempt { parameters, timeout_seconds, heartbeat_seconds, token, role_arn } = attempt;
        let child = ChildRequest {
            pattern,
            parameters: parameters.clone(),
            generated_name: random_uuid(self.env.random).into(),
            role_arn: role_arn.clone(),
        };
        let resource = TaskResource {
            resource_type: "states".into(),
            resource: format!("startExecution{}", pattern.suffix()).into(),
        };
        let kind = EventKind::TaskScheduled {
            resource: resource.clone(),
            region: region_of(&self.execution.parameters.arn).into(),
            parameters,
            timeout_seconds,
            heartbeat_seconds,
            token: kept_token(
                token,
                pattern == IntegrationPattern::WaitForTaskToken,
                &child.parameters,
            ),
            child: Some(Box::new(child.clone())),
            role_arn,
        };
        let scheduled = self.emit(id, previous, kind)?;
        self.emit(id, scheduled, EventKind::TaskStarted { resource })?;
        self.ask(Effect::StartChild { task: TaskId { frame: id, scheduled }, child });
        Ok(())
    }

    fn schedule_function(
        &mut self,
        id: FrameId,
        function_arn: &Arc<str>,
        attempt: Attempt,
        previous: EventId,
    ) -> Result<(), Ended> {
        // AWS takes heartbeats of a function, and shows them nowhere.
        let Attempt { parameters, timeout_seconds, heartbeat_seconds: _, token: _, role_arn } =
            attempt;
        let kind = EventKind::LambdaFunctionScheduled {
            resource: function_arn.clone(),
            input: parameters.clone(),
            timeout_seconds,
            role_arn: role_arn.clone(),
        };
        let scheduled = self.emit(id, previous, kind)?;
        self.emit(id, scheduled, EventKind::LambdaFunctionStarted)?;
        let target = ServiceTarget::Function(function_arn.clone());
        let request = ServiceRequest { target, parameters, role_arn };
        self.ask(Effect::CallService { task: TaskId { frame: id, scheduled }, request });
        Ok(())
    }

    fn schedule_service(
        &mut self,
        id: FrameId,
        resource: TaskResource,
        attempt: Attempt,
        previous: EventId,
    ) -> Result<(), Ended> {
        let Attempt { parameters, timeout_seconds, heartbeat_seconds, token, role_arn } = attempt;
        let request = ServiceRequest {
            target: ServiceTarget::Action(resource.clone()),
            parameters: parameters.clone(),
            role_arn: role_arn.clone(),
        };
        let kind = EventKind::TaskScheduled {
            resource: resource.clone(),
            region: region_of(&self.execution.parameters.arn).into(),
            parameters,
            timeout_seconds,
            heartbeat_seconds,
            token: kept_token(token, request.waits_for_token(), &request.parameters),
            child: None,
            role_arn,
        };
        let scheduled = self.emit(id, previous, kind)?;
        self.emit(id, scheduled, EventKind::TaskStarted { resource })?;
        self.ask(Effect::CallService { task: TaskId { frame: id, scheduled }, request });
        Ok(())
    }

    /// Whether an answer is for the attempt that the frame waits for.
    fn is_awaited(&self, task: TaskId) -> bool {
        self.execution.task(task).is_some()
    }

    /// Which events tell of an attempt that is waited for.
    fn family(&self, task: TaskId) -> Family {
        match &self.execution.task(task).expect("the attempt is waited for").activity {
            Activity::Child(child) => Family::Task(child.resource.clone()),
            Activity::Worker { .. } => Family::Activity,
            Activity::Service(service) => match &service.request.target {
                ServiceTarget::Action(resource) => Family::Task(resource.clone()),
                ServiceTarget::Function(_) => Family::LambdaFunction,
            },
        }
    }

    pub(crate) fn activity_started(
        &mut self,
        task: TaskId,
        worker_name: Option<Arc<str>>,
    ) -> Result<(), Ended> {
        let is_offered = self
            .execution
            .task(task)
            .is_some_and(|task| matches!(task.activity, Activity::Worker { started: false, .. }));
        if !is_offered {
            return Ok(());
        }
        self.emit(task.frame, task.scheduled, EventKind::ActivityStarted { worker_name }).map(drop)
    }

    pub(crate) fn task_submitted(
        &mut self,
        task: TaskId,
        output: Document,
        child_arn: Option<Arc<str>>,
    ) -> Result<(), Ended> {
        let unsubmitted = self.execution.task(task).and_then(|task| match &task.activity {
            Activity::Child(child) => (!child.submitted).then(|| child.resource.clone()),
            Activity::Service(service) => match &service.request.target {
                ServiceTarget::Action(resource) if !service.submitted => Some(resource.clone()),
                ServiceTarget::Action(_) | ServiceTarget::Function(_) => None,
            },
            Activity::Worker { .. } => None,
        });
        let Some(resource) = unsubmitted else {
            if let Some(child_arn) = child_arn.filter(|_| !self.is_awaited(task)) {
                self.ask(Effect::StopChild { child_arn });
            }
            return Ok(());
        };
        let called = self.called_by(task.frame);
        if let Err(fault) = self.check_size(called.service(), &output) {
            let failure = self.failure(task.frame, fault);
            return self.task_failed(task, failure);
        }
        let previous = self.execution.frame(task.frame).last_event;
        let submitted = EventKind::TaskSubmitted { resource, output, child_arn: child_arn.clone() };
        self.emit(task.frame, previous, submitted)?;
        if let Some(job) = self.execution.task(task).and_then(TaskState::awaited_job) {
            self.ask(Effect::AwaitJob { task, job });
        }
        if let (Some(child_arn), Resource::StartExecution(pattern)) = (child_arn, called) {
            self.ask(Effect::AwaitChild { task, child_arn, pattern: *pattern });
        }
        Ok(())
    }

    pub(crate) fn task_finished(
        &mut self,
        task: TaskId,
        outcome: Result<Document, Failure>,
    ) -> Result<(), Ended> {
        if !self.is_awaited(task) {
            return Ok(());
        }
        match outcome {
            Ok(output) => self.task_succeeded(task, output),
            Err(failure) => self.task_failed(task, failure),
        }
    }

    fn task_succeeded(&mut self, task: TaskId, output: Document) -> Result<(), Ended> {
        let id = task.frame;
        let state = self.state_of(id);
        let StateKind::Task(Task { resource: called, transition, .. }) = &state.kind else {
            unreachable!("only a Task state waits for a task");
        };
        let previous = self.execution.frame(id).last_event;
        if let Err(fault) = self.check_size(called.service(), &output) {
            let failure = self.failure(id, fault);
            return self.task_failed(task, failure);
        }
        let kind = match self.family(task) {
            Family::Task(resource) => EventKind::TaskSucceeded { resource, output: output.clone() },
            Family::Activity => EventKind::ActivitySucceeded { output: output.clone() },
            Family::LambdaFunction => EventKind::LambdaFunctionSucceeded { output: output.clone() },
        };
        let succeeded = self.emit(id, previous, kind)?;
        self.task_left(id, state, *transition, output, succeeded)
    }

    /// What the Task state of a frame calls.
    fn called_by(&self, id: FrameId) -> &'a Resource {
        match &self.state_of(id).kind {
            StateKind::Task(task) => &task.resource,
            _ => unreachable!("only a Task state waits for a task"),
        }
    }

    fn task_left(
        &mut self,
        id: FrameId,
        state: &State,
        transition: Transition,
        result: Document,
        previous: EventId,
    ) -> Result<(), Ended> {
        let Position::In { input, .. } = &self.execution.frame(id).position else {
            unreachable!("a task runs in a state");
        };
        let input = input.clone();
        let output = self.output(id, state, &input, result);
        self.leave(id, output, transition, previous)
    }

    fn task_failed(&mut self, task: TaskId, failure: Failure) -> Result<(), Ended> {
        let kind = match self.family(task) {
            Family::Task(resource) => EventKind::TaskFailed { resource, failure: failure.clone() },
            Family::Activity => EventKind::ActivityFailed(failure.clone()),
            Family::LambdaFunction => EventKind::LambdaFunctionFailed(failure.clone()),
        };
        let previous = self.execution.frame(task.frame).last_event;
        let failed = self.emit(task.frame, previous, kind)?;
        self.fail_state(task.frame, failure.into(), failed)
    }

    /// The time of a task, or the patience for its heartbeat, is over.
    pub(crate) fn task_timed_out(&mut self, id: FrameId) -> Result<(), Ended> {
        let frame = self.execution.frame(id);
        let task = frame.task().expect("only a task times out");
        let scheduled = TaskId { frame: id, scheduled: task.scheduled };
        let missed_heartbeat = task.deadline.is_none_or(|deadline| deadline > self.env.timer_now);
        let previous = frame.last_event;
        let failure = Failure::named(TIMEOUT);
        let failed = failure.clone();
        let kind = match self.family(scheduled) {
            Family::Task(resource) => EventKind::TaskTimedOut { resource, failure: failed },
            Family::Activity => EventKind::ActivityTimedOut(failed),
            Family::LambdaFunction => EventKind::LambdaFunctionTimedOut(failed),
        };
        let timed_out = self.emit(id, previous, kind)?;
        let alias = missed_heartbeat.then_some(HEARTBEAT_TIMEOUT);
        self.fail_state(id, Raised { failure, alias }, timed_out)
    }

    pub(crate) fn heartbeat(&mut self, task: TaskId) {
        let Some(state) = self.execution.task(task) else {
            return;
        };
        if let Some(seconds) = state.heartbeat_seconds {
            let deadline = self.env.timer_now.plus_seconds(seconds);
            self.execution.set_heartbeat_deadline(task, deadline);
        }
    }
}

/// The second part of an ARN.
fn partition_of(arn: &str) -> &str {
    arn.split(':').nth(1).unwrap_or_default()
}

/// The fourth part of an ARN.
fn region_of(arn: &str) -> &str {
    arn.split(':').nth(3).unwrap_or_default()
}

/// A random (version 4) UUID.
pub(crate) fn random_uuid(random: &mut dyn Rng) -> String {
    let mut bytes = [0; 16];
    random.fill_bytes(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
