//! Calling services: the seam to what calls them, and the calls that are under way.
//!
//! Promises: a call is begun after the commit that asked for it, at least once; it is broken off
//! when its task is not awaited any more; so many run at a time and no more.
//!
//! Does not: know any service.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::future::pending;
use std::sync::Arc;

use async_trait::async_trait;
use engine::{
    EventId, Execution, ExecutionId, Failure, FrameId, Input, Job, ServiceRequest, ServiceTarget,
    TaskId, TaskResource,
};
use json::{Document, Object, Value};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use store::Scope;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;

use crate::live::{Held, Message};
use crate::permission::{Acting, not_assumed};
use crate::shell::Shell;
use crate::tasks::Work;
use crate::{Access, Permission, Runtime};

/// What calls a service.
#[async_trait]
pub trait Integration: Send + Sync {
    /// Calls it, and gives the task's result; where the task waits for its token, what its
    /// TaskSubmitted event shows. Dropped where nobody waits for it any more.
    ///
    /// # Errors
    /// The failure of the task.
    async fn call(&self, call: ServiceCall) -> Result<Document, Failure>;

    /// Whether it is called in this process, and may wait for what calls services itself. Such a
    /// call takes no place among the calls: else those could all be taken by calls that wait for
    /// one more.
    fn is_in_process(&self) -> bool {
        false
    }

    /// All that the role of the execution must allow for a call.
    fn permissions(&self, call: &ServiceCall) -> Vec<Permission> {
        let _ = call;
        Vec::new()
    }

    /// The failure of a task whose role does not allow the call, with AWS's message.
    fn denied(&self, call: &ServiceCall, message: &str) -> Failure {
        let _ = call;
        Failure::new("States.TaskFailed", message)
    }

    /// Waits for the end of the job that a call of it, with the pattern `.sync`, was answered with,
    /// and gives the task's result. Begun anew after a crash; dropped where nobody waits any more.
    ///
    /// # Errors
    /// The failure of the task.
    async fn await_job(&self, call: ServiceCall, submitted: Document) -> Result<Document, Failure> {
        let (_, _) = (call, submitted);
        Err(Failure::new("States.Runtime", "Stairwell does not wait for jobs of this service"))
    }

    /// Stops such a job, which nobody waits for any more. Begun anew after a crash.
    ///
    /// # Errors
    /// Why the service did not take that.
    async fn stop_job(&self, call: ServiceCall, submitted: Document) -> Result<(), Failure> {
        let (_, _) = (call, submitted);
        Err(Failure::new("States.Runtime", "Stairwell does not stop jobs of this service"))
    }
}

/// A call of a service.
#[derive(Clone)]
pub struct ServiceCall {
    /// The runtime whose task calls, for services that are part of it.
    pub runtime: Runtime,
    /// The account and the region of the execution.
    pub scope: Scope,
    /// Who calls.
    pub execution_arn: Arc<str>,
    /// The role that it runs with.
    pub role_arn: Arc<str>,
    /// The trace that it belongs to, where it belongs to one.
    pub trace_header: Option<Arc<str>>,
    /// What to call, and with what.
    pub request: ServiceRequest,
    /// A random UUID, for services that name their requests.
    pub request_id: String,
    /// The same for each call of the same attempt, and of none else, for services that carry out
    /// twice what they are asked twice: 64 characters.
    pub idempotency_token: String,
    /// Where a request over HTTP of the user's own is noted down, where somebody wants to see it.
    pub http_trace: Option<Arc<CallTrace>>,
}

/// Where a call notes down what it sent and got over HTTP.
#[derive(Debug)]
pub struct CallTrace {
    /// Whether what a connection adds is to be seen, too.
    pub reveals_secrets: bool,
    exchange: Mutex<HttpExchange>,
}

/// A request over HTTP, and its answer. What there was not is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HttpExchange {
    /// What was sent.
    pub request: Option<HttpRequestTrace>,
    /// What came back.
    pub response: Option<HttpResponseTrace>,
}

/// A request, in the words of `inspectionData.request`.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpRequestTrace {
    /// `https`
    pub protocol: String,
    /// `POST`
    pub method: String,
    /// With its query.
    pub url: String,
    /// `[Name: value, …]`
    pub headers: String,
    /// Where there was one.
    pub body: Option<String>,
}

/// An answer, in the words of `inspectionData.response`.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpResponseTrace {
    /// `https`
    pub protocol: String,
    /// `200`
    pub status_code: String,
    /// `OK`
    pub status_message: String,
    /// `[Name: value, …]`
    pub headers: String,
    /// All of it.
    pub body: String,
}

impl CallTrace {
    pub(crate) fn new(reveals_secrets: bool) -> CallTrace {
        CallTrace { reveals_secrets, exchange: Mutex::default() }
    }

    /// Notes down what is sent.
    pub fn sent(&self, request: HttpRequestTrace) {
        *self.exchange.lock() = HttpExchange { request: Some(request), response: None };
    }

    /// Notes down what came back.
    pub fn got(&self, response: HttpResponseTrace) {
        self.exchange.lock().response = Some(response);
    }

    pub(crate) fn exchange(&self) -> HttpExchange {
        self.exchange.lock().clone()
    }
}

impl ServiceCall {
    /// What whoever calls may do: the role of the execution, or that of the task's `Credentials`;
    /// none where that one may not be assumed. Comes to no end where the runtime closes.
    pub async fn access(&self) -> Option<Access> {
        let shell = &self.runtime.shell;
        if shell.config.guard.is_none() {
            return Some(Access::default());
        }
        let acting = Acting {
            scope: self.scope.clone(),
            role_arn: self.role_arn.clone(),
            execution_arn: self.execution_arn.clone(),
            trace_header: None,
        };
        let acting = match &self.request.role_arn {
            None => acting,
            Some(role_arn) => match shell.assume_patiently(&acting, role_arn).await {
                Some(assumed) => assumed?,
                None => pending().await,
            },
        };
        Some(Access::new(shell.clone(), acting))
    }
}

/// What calls each service.
#[derive(Clone, Default)]
pub struct Integrations(BTreeMap<&'static str, Arc<dyn Integration>>);

impl Integrations {
    /// The name of what calls every service of the AWS SDK that has nothing of its own.
    pub const SDK: &str = "aws-sdk";

    /// With one more. The service is the `resourceType` of its tasks' events, such as
    /// `aws-sdk:sfn`; that of Lambda functions by their ARN is `lambda`.
    pub fn with(mut self, service: &'static str, integration: Arc<dyn Integration>) -> Self {
        self.0.insert(service, integration);
        self
    }

    /// Whether there is something that calls the service.
    pub fn calls(&self, service: &str) -> bool {
        let is_of_sdk = service.starts_with("aws-sdk:");
        self.0.contains_key(service) || is_of_sdk && self.0.contains_key(Self::SDK)
    }

    pub(crate) fn find(&self, target: &ServiceTarget) -> Result<Arc<dyn Integration>, Failure> {
        let service = match target {
            ServiceTarget::Function(_) => "lambda",
            ServiceTarget::Action(resource) => &resource.resource_type,
        };
        let of_sdk = || service.starts_with("aws-sdk:").then(|| self.0.get(Self::SDK)).flatten();
        self.0.get(service).or_else(of_sdk).cloned().ok_or_else(|| {
            let cause = format!("Nothing in this process of Stairwell calls {service}");
            Failure::new("States.Runtime", cause)
        })
    }
}

impl fmt::Debug for Integrations {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// What breaks a call off when it is dropped.
pub(crate) type CallHandle = oneshot::Sender<Infallible>;

/// The calls of Standard executions that are under way.
pub(crate) struct Calls {
    under_way: Mutex<BTreeMap<(ExecutionId, TaskId, Stage), CallHandle>>,
    places: Semaphore,
}

/// What a call of a task is for. Both may be under way at once: after a failure of the store, a
/// task is called again although its answer, with which it begins to wait, is on its way already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// To do what it asks for.
    Call,
    /// To wait for the job that it submitted.
    Await,
}

impl Calls {
    pub(crate) fn new(calls_max: usize) -> Calls {
        Calls {
            under_way: Mutex::new(BTreeMap::new()),
            places: Semaphore::new(calls_max.min(Semaphore::MAX_PERMITS)),
        }
    }

    /// Breaks off the calls of all executions of which that is so.
    pub(crate) fn forget(&self, is_gone: impl Fn(ExecutionId) -> bool) {
        self.under_way.lock().retain(|(execution, ..), _| !is_gone(*execution));
    }

    /// Breaks off the calls that the execution does not await any more.
    pub(crate) fn break_off(&self, execution: &Execution) {
        let task = |frame, scheduled| TaskId { frame: FrameId(frame), scheduled };
        let first = (execution.id(), task(0, EventId::NONE), Stage::Call);
        let last = (execution.id(), task(u32::MAX, EventId(u64::MAX)), Stage::Await);
        let mut under_way = self.under_way.lock();
        let calls = under_way.range(first..=last).map(|(call, _)| *call);
        let given_up: Vec<_> =
            calls.filter(|(_, task, _)| execution.task(*task).is_none()).collect();
        for call in given_up {
            under_way.remove(&call);
        }
    }
}

impl Shell {
    /// Begins a call of a Standard execution, unless it is under way.
    pub(crate) fn call_service(
        self: &Arc<Self>,
        held: &Held,
        task: TaskId,
        request: ServiceRequest,
    ) {
        self.begin_call(held, task, Asked::Call(request));
    }

    /// Begins to wait for a job of a Standard execution, unless that is under way.
    pub(crate) fn await_job(self: &Arc<Self>, held: &Held, task: TaskId, job: Job) {
        self.begin_call(held, task, Asked::Await(job));
    }

    fn begin_call(self: &Arc<Self>, held: &Held, task: TaskId, asked: Asked) {
        let stage = match asked {
            Asked::Call(_) => Stage::Call,
            Asked::Await(_) => Stage::Await,
        };
        let key = (held.header.id, task, stage);
        let (handle, broken_off) = oneshot::channel();
        {
            let mut under_way = self.calls.under_way.lock();
            if under_way.contains_key(&key) {
                return;
            }
            under_way.insert(key, handle);
        }
        let (request, submitted) = match asked {
            Asked::Call(request) => (request, None),
            Asked::Await(Job { request, submitted }) => (request, Some(submitted)),
        };
        let acting = Acting::from(&held.header);
        let (shell, call) = (self.clone(), self.service_call(&acting, Some(task), request));
        self.spawn_as(Work::Call, async move {
            let input = match submitted {
                None => shell.answer(task, call, broken_off).await,
                Some(submitted) => shell.end_of_job(task, call, submitted, broken_off).await,
            };
            shell.calls.under_way.lock().remove(&key);
            if let Some(input) = input {
                shell.deliver(key.0, Message::input(input));
            }
        });
    }

    /// Stops a job. One that is not stopped is told in the log: the service may have lost it, or
    /// not let this server do it, and there is nobody left who could do more. Says whether that is
    /// done; it is not where the runtime closes before.
    pub(crate) async fn stop_job(self: Arc<Self>, acting: Acting, job: Job) -> bool {
        let Job { request, submitted } = job;
        let Ok(integration) = self.config.integrations.find(&request.target) else { return true };
        let arn = acting.execution_arn.clone();
        let call = self.service_call(&acting, None, request);
        tokio::select! {
            biased;
            outcome = integration.stop_job(call, submitted) => {
                if let Err(failure) = outcome {
                    let error = failure.error.as_deref();
                    tracing::warn!(%arn, error, "a job was not stopped");
                }
                true
            }
            () = self.closing() => false,
        }
    }

    /// A call, for an attempt of a task or for nobody.
    pub(crate) fn service_call(
        self: &Arc<Self>,
        acting: &Acting,
        task: Option<TaskId>,
        request: ServiceRequest,
    ) -> ServiceCall {
        let attempt = match task {
            Some(TaskId { frame, scheduled }) => {
                format!("{} {} {}", acting.execution_arn, frame.0, scheduled.0)
            }
            None => self.random.uuid(),
        };
        let digest = Sha256::digest(attempt.as_bytes());
        ServiceCall {
            runtime: Runtime { shell: self.clone() },
            scope: acting.scope.clone(),
            execution_arn: acting.execution_arn.clone(),
            role_arn: acting.role_arn.clone(),
            trace_header: acting.trace_header.clone(),
            request,
            request_id: self.random.uuid(),
            idempotency_token: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            http_trace: None,
        }
    }

    /// Calls an action of a service that no execution asks for, and no role.
    pub(crate) async fn call_unasked(
        self: &Arc<Self>,
        scope: &Scope,
        (service, action): (&str, &str),
        parameters: Object,
    ) -> Result<Document, Failure> {
        let resource = TaskResource { resource_type: service.into(), resource: action.into() };
        let target = ServiceTarget::Action(resource);
        let parameters = Document::from(Value::from(parameters));
        let request = ServiceRequest { target, parameters, role_arn: None };
        let nobody: Arc<str> = "".into();
        let acting = Acting {
            scope: scope.clone(),
            role_arn: nobody.clone(),
            execution_arn: nobody,
            trace_header: None,
        };
        let call = self.service_call(&acting, None, request);
        let integration = self.config.integrations.find(&call.request.target)?;
        integration.call(call).await
    }

    /// Calls, and gives what the execution is to be told; nothing where the call is broken off, or
    /// the runtime closes.
    pub(crate) async fn answer(
        &self,
        task: TaskId,
        call: ServiceCall,
        broken_off: oneshot::Receiver<Infallible>,
    ) -> Option<Input> {
        let waits = call.request.goes_on_waiting();
        let outcome = tokio::select! {
            biased;
            outcome = self.outcome(call) => outcome,
            _ = broken_off => return None,
            () = self.closing() => return None,
        };
        Some(match outcome {
            Ok(output) if waits => Input::TaskSubmitted { task, output, child_arn: None },
            outcome => Input::TaskFinished { task, outcome },
        })
    }

    /// Waits for a job as [`Shell::answer`] waits for an answer. It takes no place among the calls:
    /// there may be many jobs, and they may take days.
    async fn end_of_job(
        &self,
        task: TaskId,
        call: ServiceCall,
        submitted: Document,
        broken_off: oneshot::Receiver<Infallible>,
    ) -> Option<Input> {
        let integration = match self.config.integrations.find(&call.request.target) {
            Ok(integration) => integration,
            Err(failure) => return Some(Input::TaskFinished { task, outcome: Err(failure) }),
        };
        let waiting = async move { integration.await_job(call, submitted).await };
        let outcome = tokio::select! {
            biased;
            outcome = guarded(waiting) => outcome,
            _ = broken_off => return None,
            () = self.closing() => return None,
        };
        Some(Input::TaskFinished { task, outcome })
    }

    async fn outcome(&self, call: ServiceCall) -> Result<Document, Failure> {
        let integration = self.config.integrations.find(&call.request.target)?;
        let Some(access) = call.access().await else {
            let wanted = call.request.role_arn.as_deref().unwrap_or_default();
            return Err(not_assumed(&call.role_arn, wanted));
        };
        for permission in integration.permissions(&call) {
            if let Err(message) = access.check(&permission).await {
                return Err(integration.denied(&call, &message));
            }
        }
        let places = (!integration.is_in_process()).then_some(&self.calls.places);
        let _place = match places {
            Some(places) => Some(places.acquire().await.expect("the semaphore is never closed")),
            None => None,
        };
        guarded(async move { integration.call(call).await }).await
    }
}

/// What is asked of a service.
enum Asked {
    Call(ServiceRequest),
    Await(Job),
}

/// Runs a call as a task of its own, so that a panic in it does not leave the execution waiting;
/// within a set, so that it ends where this future is dropped.
async fn guarded(
    call: impl Future<Output = Result<Document, Failure>> + Send + 'static,
) -> Result<Document, Failure> {
    let mut calls = JoinSet::new();
    calls.spawn(call);
    match calls.join_next().await {
        Some(Ok(outcome)) => outcome,
        Some(Err(_)) | None => {
            tracing::error!("the call of a service met a mistake in Stairwell");
            let cause = "Stairwell made a mistake while it called the service; its log says which";
            Err(Failure::new("States.Runtime", cause))
        }
    }
}
