//! Calling services: the seam to what calls them, and the calls that are under way.
//!
//! Promises: a call is begun after the commit that asked for it, at least once; it is broken off
//! when its task is not awaited any more; so many run at a time and no more.
//!
//! Does not: know any service.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use engine::{
    EventId, Execution, ExecutionId, Failure, FrameId, Input, ServiceRequest, ServiceTarget, TaskId,
};
use json::Document;
use parking_lot::Mutex;
use store::Scope;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;

use crate::Runtime;
use crate::live::{Held, Message};
use crate::shell::Shell;

/// What calls a service.
#[async_trait]
pub trait Integration: Send + Sync {
    /// Calls it, and gives the task's result; where the task waits for its token, what its
    /// TaskSubmitted event shows. Dropped where nobody waits for it any more.
    ///
    /// # Errors
    /// The failure of the task.
    async fn call(&self, call: ServiceCall) -> Result<Document, Failure>;
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
    /// What to call, and with what.
    pub request: ServiceRequest,
    /// A random UUID, for services that name their requests.
    pub request_id: String,
}

/// What calls each service.
#[derive(Clone, Default)]
pub struct Integrations(BTreeMap<&'static str, Arc<dyn Integration>>);

impl Integrations {
    /// With one more. The service is the `resourceType` of its tasks' events, such as
    /// `aws-sdk:sfn`; that of Lambda functions by their ARN is `lambda`.
    pub fn with(mut self, service: &'static str, integration: Arc<dyn Integration>) -> Self {
        self.0.insert(service, integration);
        self
    }

    fn find(&self, target: &ServiceTarget) -> Result<Arc<dyn Integration>, Failure> {
        let service = match target {
            ServiceTarget::Function(_) => "lambda",
            ServiceTarget::Action(resource) => &resource.resource_type,
        };
        self.0.get(service).cloned().ok_or_else(|| {
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
    under_way: Mutex<BTreeMap<(ExecutionId, TaskId), CallHandle>>,
    places: Semaphore,
}

impl Calls {
    pub(crate) fn new(calls_max: usize) -> Calls {
        Calls {
            under_way: Mutex::new(BTreeMap::new()),
            places: Semaphore::new(calls_max.min(Semaphore::MAX_PERMITS)),
        }
    }

    /// Breaks off the calls that the execution does not await any more.
    pub(crate) fn break_off(&self, execution: &Execution) {
        let task = |frame, scheduled| TaskId { frame: FrameId(frame), scheduled };
        let first = (execution.id(), task(0, EventId::NONE));
        let last = (execution.id(), task(u32::MAX, EventId(u64::MAX)));
        let mut under_way = self.under_way.lock();
        let calls = under_way.range(first..=last).map(|(call, _)| *call);
        let given_up: Vec<_> = calls.filter(|(_, task)| execution.task(*task).is_none()).collect();
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
        let key = (held.header.id, task);
        let (handle, broken_off) = oneshot::channel();
        {
            let mut under_way = self.calls.under_way.lock();
            if under_way.contains_key(&key) {
                return;
            }
            under_way.insert(key, handle);
        }
        let (shell, call) =
            (self.clone(), self.service_call(&held.header.scope, &held.header.arn, request));
        self.spawn(async move {
            let input = shell.answer(task, call, broken_off).await;
            shell.calls.under_way.lock().remove(&key);
            if let Some(input) = input {
                shell.deliver(key.0, Message::input(input));
            }
        });
    }

    pub(crate) fn service_call(
        self: &Arc<Self>,
        scope: &Scope,
        execution_arn: &Arc<str>,
        request: ServiceRequest,
    ) -> ServiceCall {
        ServiceCall {
            runtime: Runtime { shell: self.clone() },
            scope: scope.clone(),
            execution_arn: execution_arn.clone(),
            request,
            request_id: self.random.uuid(),
        }
    }

    /// Calls, and gives what the execution is to be told; nothing where the call is broken off, or
    /// the runtime closes.
    pub(crate) async fn answer(
        &self,
        task: TaskId,
        call: ServiceCall,
        broken_off: oneshot::Receiver<Infallible>,
    ) -> Option<Input> {
        let waits = call.request.waits_for_token();
        let outcome = tokio::select! {
            outcome = self.outcome(call) => outcome,
            _ = broken_off => return None,
            () = self.closing() => return None,
        };
        Some(match outcome {
            Ok(output) if waits => Input::TaskSubmitted { task, output, child_arn: None },
            outcome => Input::TaskFinished { task, outcome },
        })
    }

    async fn outcome(&self, call: ServiceCall) -> Result<Document, Failure> {
        let integration = self.config.integrations.find(&call.request.target)?;
        let _place = self.calls.places.acquire().await.expect("the semaphore is never closed");
        // A task of its own, so that a panic in it does not leave the execution waiting; within a
        // set, so that it ends where this future is dropped.
        let mut calls = JoinSet::new();
        calls.spawn(async move { integration.call(call).await });
        match calls.join_next().await {
            Some(Ok(outcome)) => outcome,
            Some(Err(_)) | None => {
                tracing::error!("the call of a service met a mistake in Stairwell");
                let cause =
                    "Stairwell made a mistake while it called the service; its log says which";
                Err(Failure::new("States.Runtime", cause))
            }
        }
    }
}
