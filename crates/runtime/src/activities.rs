//! Activities and task tokens.

use std::sync::Arc;
use std::time::Duration;

use engine::{TaskToken, Timestamp};
use json::Document;
use serde_json::Value;
use store::Scope;

use crate::{ArnError, OperationalError, Runtime};

/// An activity as DescribeActivity shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    /// `activityArn`
    pub arn: Arc<str>,
    /// `name`
    pub name: Arc<str>,
    /// `creationDate`
    pub creation_date: Timestamp,
    /// `encryptionConfiguration`, as the caller normalised it; none where it was not given.
    pub encryption: Option<Value>,
}

/// CreateActivity.
#[derive(Clone, Debug)]
pub struct CreateActivity<'a> {
    /// `name`
    pub name: &'a str,
    /// `encryptionConfiguration`, normalised.
    pub encryption: Option<Value>,
}

/// ListActivities.
#[derive(Clone, Debug)]
pub struct ListActivities<'a> {
    /// The name after which the page begins.
    pub after: Option<&'a str>,
    /// How many at most; at least 1.
    pub limit: usize,
}

/// A page of activities, by name in byte order.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivityList {
    /// The activities.
    pub activities: Vec<Activity>,
    /// What [`ListActivities::after`] of the next page is; none at the end.
    pub next: Option<Arc<str>>,
}

/// GetActivityTask.
#[derive(Clone, Copy, Debug)]
pub struct GetActivityTask<'a> {
    /// `activityArn`
    pub activity_arn: &'a str,
    /// `workerName`
    pub worker_name: Option<&'a str>,
    /// How long to wait for a task: 60 seconds, with AWS.
    pub wait: Duration,
}

/// A task that a worker got.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivityTask {
    /// `taskToken`
    pub token: TaskToken,
    /// `input`
    pub input: Document,
}

/// SendTaskSuccess.
#[derive(Clone, Copy, Debug)]
pub struct SendTaskSuccess<'a> {
    /// `taskToken`
    pub task_token: &'a str,
    /// `output`: JSON text.
    pub output: &'a str,
}

/// SendTaskFailure.
#[derive(Clone, Copy, Debug)]
pub struct SendTaskFailure<'a> {
    /// `taskToken`
    pub task_token: &'a str,
    /// `error`
    pub error: Option<&'a str>,
    /// `cause`
    pub cause: Option<&'a str>,
}

/// Why an operation on activities was refused. The texts are AWS's messages.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ActivityError {
    /// `InvalidArn`
    #[error(transparent)]
    Arn(#[from] ArnError),
    /// `InvalidName`
    #[error("Invalid Name: '{0}'")]
    InvalidName(String),
    /// `ActivityAlreadyExists`: with another encryption configuration. Holds the ARN.
    #[error("Activity Already Exists: '{0}'")]
    AlreadyExists(Arc<str>),
    /// `ActivityDoesNotExist`. Holds the ARN as it was given.
    #[error("Activity Does Not Exist: '{0}'")]
    DoesNotExist(String),
    /// `ActivityWorkerLimitExceeded`. Holds the ARN.
    #[error("Too many workers poll for tasks of the activity: '{0}'")]
    WorkerLimitExceeded(String),
    /// Not the caller's fault.
    #[error(transparent)]
    Operational(#[from] OperationalError),
}

/// Why the answer of a worker was refused. The texts are AWS's messages.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TaskError {
    /// `InvalidToken`: no token of ours.
    #[error("Invalid Token: 'Invalid token'")]
    InvalidToken,
    /// `TaskTimedOut`: the task is not waited for any more.
    #[error("Task Timed Out: 'Provided task does not exist anymore'")]
    TaskTimedOut,
    /// `TaskDoesNotExist`: the execution is gone.
    #[error("Task Does Not Exist: 'Provided task does not exist'")]
    TaskDoesNotExist,
    /// `InvalidOutput`: not JSON, or too long.
    #[error("Invalid Output: '{0}'")]
    InvalidOutput(String),
    /// Not the caller's fault.
    #[error(transparent)]
    Operational(#[from] OperationalError),
}

impl Runtime {
    /// CreateActivity. The same name again answers the first one.
    ///
    /// # Errors
    /// `InvalidName`, `AlreadyExists`.
    pub async fn create_activity(
        &self,
        _scope: &Scope,
        _request: CreateActivity<'_>,
    ) -> Result<Activity, ActivityError> {
        todo!()
    }

    /// DescribeActivity.
    ///
    /// # Errors
    /// `Arn`, `DoesNotExist`.
    pub async fn describe_activity(
        &self,
        _scope: &Scope,
        _arn: &str,
    ) -> Result<Activity, ActivityError> {
        todo!()
    }

    /// DeleteActivity. An activity that is not there is fine.
    ///
    /// # Errors
    /// `Arn`.
    pub async fn delete_activity(&self, _scope: &Scope, _arn: &str) -> Result<(), ActivityError> {
        todo!()
    }

    /// ListActivities.
    ///
    /// # Errors
    /// Operational ones alone.
    pub async fn list_activities(
        &self,
        _scope: &Scope,
        _request: ListActivities<'_>,
    ) -> Result<ActivityList, ActivityError> {
        todo!()
    }

    /// GetActivityTask: the oldest task, as soon as there is one; none where none came in time.
    /// The task is durably the worker's when it is answered.
    ///
    /// # Errors
    /// `Arn`, `DoesNotExist`, `WorkerLimitExceeded`.
    pub async fn get_activity_task(
        &self,
        _scope: &Scope,
        _request: GetActivityTask<'_>,
    ) -> Result<Option<ActivityTask>, ActivityError> {
        todo!()
    }

    /// SendTaskSuccess.
    ///
    /// # Errors
    /// See [`TaskError`].
    pub async fn send_task_success(
        &self,
        _scope: &Scope,
        _request: SendTaskSuccess<'_>,
    ) -> Result<(), TaskError> {
        todo!()
    }

    /// SendTaskFailure.
    ///
    /// # Errors
    /// See [`TaskError`].
    pub async fn send_task_failure(
        &self,
        _scope: &Scope,
        _request: SendTaskFailure<'_>,
    ) -> Result<(), TaskError> {
        todo!()
    }

    /// SendTaskHeartbeat.
    ///
    /// # Errors
    /// See [`TaskError`].
    pub async fn send_task_heartbeat(
        &self,
        _scope: &Scope,
        _task_token: &str,
    ) -> Result<(), TaskError> {
        todo!()
    }
}
