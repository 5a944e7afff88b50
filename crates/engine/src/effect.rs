//! What executions ask for: effects, and what is to be called, started, awaited or stopped.

use std::sync::Arc;

use asl::IntegrationPattern;
use json::Document;

use crate::{Execution, MapRunRequest, TaskId, TaskResource, TaskToken};

/// Something to do outside of the execution.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Start a nested execution; answer with `TaskSubmitted` (patterns that wait), or with
    /// `TaskFinished` (request and response, or a refusal).
    StartChild {
        /// Whose.
        task: TaskId,
        /// What to start.
        child: ChildRequest,
    },
    /// Answer with `TaskFinished` when this nested execution has ended.
    AwaitChild {
        /// Whose.
        task: TaskId,
        /// The nested execution.
        child_arn: Arc<str>,
        /// In which form the answer is.
        pattern: IntegrationPattern,
    },
    /// Start a Map Run, unless it is under way; answer with `MapRunFinished` when it has ended.
    StartMapRun {
        /// Whose: the frame, and its `MapRunStarted` event.
        task: TaskId,
        /// What to start.
        request: Box<MapRunRequest>,
    },
    /// Stop a nested execution, or a Map Run, that nobody waits for any more.
    StopChild {
        /// The nested execution or the Map Run.
        child_arn: Arc<str>,
    },
    /// Call a service; answer with `TaskSubmitted` where the task goes on waiting for its token,
    /// and with `TaskFinished` else, or where the call was refused. Once nobody waits for the task
    /// any more, the call may be broken off.
    CallService {
        /// Whose.
        task: TaskId,
        /// What to call.
        request: ServiceRequest,
    },
    /// Answer with `TaskFinished` when the job that a service was asked for has ended. May be
    /// broken off as a call may be.
    AwaitJob {
        /// Whose.
        task: TaskId,
        /// The job.
        job: Job,
    },
    /// Stop a job that nobody waits for any more, as well as that goes.
    StopJob {
        /// The job.
        job: Job,
    },
    /// Offer a task to the workers of an activity.
    OfferActivity {
        /// Which.
        task: TaskId,
        /// Whose workers.
        activity_arn: Arc<str>,
        /// What they get.
        input: Document,
        /// How they answer.
        token: TaskToken,
    },
}

impl Effect {
    /// Whether the execution still waits for what it would bring.
    pub fn is_wanted(&self, execution: &Execution) -> bool {
        match self {
            Effect::StartChild { task, .. }
            | Effect::AwaitChild { task, .. }
            | Effect::CallService { task, .. }
            | Effect::AwaitJob { task, .. }
            | Effect::OfferActivity { task, .. } => execution.task(*task).is_some(),
            Effect::StartMapRun { task, .. } => execution.map_run(*task).is_some(),
            Effect::StopChild { .. } | Effect::StopJob { .. } => true,
        }
    }
}

/// A service to call.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceRequest {
    /// What to call.
    pub target: ServiceTarget,
    /// The resolved parameters; of a function by its ARN, the event that it gets.
    pub parameters: Document,
    /// The role to call as, where the task has `Credentials`.
    pub role_arn: Option<Arc<str>>,
}

/// What a task calls.
#[derive(Clone, Debug, PartialEq)]
pub enum ServiceTarget {
    /// A Lambda function, by its ARN.
    Function(Arc<str>),
    /// An action of a service.
    Action(TaskResource),
}

/// What a service was asked for, and is to be waited for (`.sync`).
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// What was asked.
    pub request: ServiceRequest,
    /// What the service answered.
    pub submitted: Document,
}

impl ServiceRequest {
    /// Whether the task goes on waiting after the call, for its token or for the end of a job.
    pub fn goes_on_waiting(&self) -> bool {
        self.waits_for_token() || self.awaits_job()
    }

    /// Whether the task goes on waiting for the end of what it asked for.
    pub fn awaits_job(&self) -> bool {
        match &self.target {
            ServiceTarget::Function(_) => false,
            ServiceTarget::Action(TaskResource { resource, .. }) => {
                resource.ends_with(IntegrationPattern::Sync.suffix())
            }
        }
    }

    /// Whether the task goes on waiting for its token after the call.
    pub fn waits_for_token(&self) -> bool {
        match &self.target {
            ServiceTarget::Function(_) => false,
            ServiceTarget::Action(TaskResource { resource, .. }) => {
                resource.ends_with(IntegrationPattern::WaitForTaskToken.suffix())
            }
        }
    }
}

/// A nested execution to start.
#[derive(Clone, Debug, PartialEq)]
pub struct ChildRequest {
    /// How the parent waits.
    pub pattern: IntegrationPattern,
    /// The resolved parameters: `StateMachineArn`, `Input`, `Name`, `TraceHeader`.
    pub parameters: Document,
    /// The name for a child whose parameters have none, drawn once so that a repeated effect
    /// starts the same execution.
    pub generated_name: Arc<str>,
    /// The role to start it as, where the task has `Credentials`.
    pub role_arn: Option<Arc<str>>,
}
