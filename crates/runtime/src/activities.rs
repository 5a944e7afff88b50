//! Activities and task tokens.

use std::sync::Arc;
use std::time::Duration;

use asl::Program;
use engine::{Failure, TaskToken, Timestamp};
use json::Document;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Resource, ResourceKey, ResourceKind, Scope, StoreError};

use crate::arn::ArnPrefix;
use crate::live::{Answer, Ask, Report, Undone};
use crate::offers::{Handout, Offer, TooManyPollers};
use crate::shell::Shell;
use crate::{Arn, ArnError, OperationalError, Runtime, Tags, name_is_valid};

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
    /// Its tags.
    pub tags: Tags,
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
    /// `ActivityLimitExceeded`: there are as many as there may be.
    #[error("The maximum number of activities has been reached: {0}")]
    LimitExceeded(u64),
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

impl From<StoreError> for ActivityError {
    fn from(error: StoreError) -> Self {
        ActivityError::Operational(error.into())
    }
}

/// The stored form, in JSON. Members that are added later need a default.
#[derive(Serialize, Deserialize)]
struct Stored {
    arn: Arc<str>,
    creation_date: i64,
    encryption: Option<Value>,
    #[serde(default)]
    tags: Tags,
}

impl Runtime {
    /// CreateActivity. The same name again answers the first one.
    ///
    /// # Errors
    /// `InvalidName`, `AlreadyExists`.
    pub async fn create_activity(
        &self,
        scope: &Scope,
        request: CreateActivity<'_>,
    ) -> Result<Activity, ActivityError> {
        self.create_activity_with(scope, request, Tags::default()).await
    }

    /// As [`Runtime::create_activity`], with tags, which the first call decides.
    ///
    /// # Errors
    /// As [`Runtime::create_activity`].
    pub async fn create_activity_with(
        &self,
        scope: &Scope,
        request: CreateActivity<'_>,
        tags: Tags,
    ) -> Result<Activity, ActivityError> {
        self.shell.check_open()?;
        let CreateActivity { name, encryption } = request;
        if !name_is_valid(name) {
            return Err(ActivityError::InvalidName(name.to_owned()));
        }
        let activity = Activity {
            arn: ArnPrefix(scope).activity(name),
            name: name.into(),
            creation_date: self.shell.now(),
            encryption,
            tags,
        };
        let key = activity_key(scope, name);
        loop {
            if let Some((existing, _)) = self.shell.activity(&key).await? {
                return if existing.encryption == activity.encryption {
                    Ok(existing)
                } else {
                    Err(ActivityError::AlreadyExists(existing.arn))
                };
            }
            let max = self.shell.config.activities_max;
            if !self.shell.has_room(ResourceKind::Activity, scope, max).await? {
                return Err(ActivityError::LimitExceeded(max));
            }
            match self.shell.write_activity(&key, None, &activity).await {
                Ok(()) => return Ok(activity),
                // Somebody else made it meanwhile.
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// DescribeActivity.
    ///
    /// # Errors
    /// `Arn`, `DoesNotExist`.
    pub async fn describe_activity(
        &self,
        scope: &Scope,
        arn: &str,
    ) -> Result<Activity, ActivityError> {
        self.shell.check_open()?;
        let (parsed, name) = Arn::activity(arn)?;
        let found = self.shell.tagged_activity(scope, &parsed, name).await?;
        found
            .map(|(activity, _)| activity)
            .ok_or_else(|| ActivityError::DoesNotExist(arn.to_owned()))
    }

    /// DeleteActivity. An activity that is not there is fine. Its tasks wait on, until they time
    /// out or the activity is there again.
    ///
    /// # Errors
    /// `Arn`.
    pub async fn delete_activity(&self, scope: &Scope, arn: &str) -> Result<(), ActivityError> {
        self.shell.check_open()?;
        let (parsed, name) = Arn::activity(arn)?;
        if !parsed.is_in(scope) {
            return Ok(());
        }
        let key = activity_key(scope, name);
        loop {
            let Some((_, version)) = self.shell.activity(&key).await? else {
                return Ok(());
            };
            match self.shell.store.write_resource(&key, Some(version), None).await {
                Ok(_) => return Ok(()),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// ListActivities.
    ///
    /// # Errors
    /// Operational ones alone.
    pub async fn list_activities(
        &self,
        scope: &Scope,
        request: ListActivities<'_>,
    ) -> Result<ActivityList, ActivityError> {
        self.shell.check_open()?;
        let ListActivities { after, limit } = request;
        let kind = ResourceKind::Activity;
        // One more tells whether there is another page.
        let found = self.shell.store.list_resources(kind, scope, after, limit + 1).await?;
        let activities = found.iter().take(limit).map(|(key, resource)| decode(key, resource));
        let activities = activities.collect::<Result<Vec<_>, _>>()?;
        let last = activities.last().map(|activity| activity.name.clone());
        let next = last.filter(|_| found.len() > limit);
        Ok(ActivityList { activities, next })
    }

    /// GetActivityTask: the oldest task, as soon as there is one; none where none came in time.
    /// The task is durably the worker's when it is answered.
    ///
    /// # Errors
    /// `Arn`, `DoesNotExist`, `WorkerLimitExceeded`.
    pub async fn get_activity_task(
        &self,
        scope: &Scope,
        request: GetActivityTask<'_>,
    ) -> Result<Option<ActivityTask>, ActivityError> {
        let activity = self.describe_activity(scope, request.activity_arn).await?;
        let worker_name = request.worker_name.map(Arc::<str>::from);
        let deadline = tokio::time::sleep(request.wait);
        tokio::pin!(deadline);
        loop {
            let polled = self.shell.offers.poll(&activity.arn);
            let polled = polled.map_err(|TooManyPollers| {
                ActivityError::WorkerLimitExceeded(activity.arn.to_string())
            })?;
            let handout = match polled {
                Ok(handout) => Some(handout),
                Err(mut poll) => tokio::select! {
                    biased;
                    handout = poll.handout() => handout,
                    offer = self.shell.offer_elsewhere(&activity.arn) => {
                        drop(poll);
                        let taken = self.shell.take_offer(offer, worker_name.clone()).await?;
                        if let Some(task) = taken {
                            return Ok(Some(task));
                        }
                        continue;
                    }
                    () = &mut deadline => return Ok(None),
                    () = self.shell.closing() => {
                        return Err(OperationalError::ShuttingDown.into());
                    }
                },
            };
            let Some(handout) = handout else { continue };
            if let Some(task) = self.shell.take_task(handout, worker_name.clone()).await? {
                return Ok(Some(task));
            }
        }
    }

    /// SendTaskSuccess.
    ///
    /// # Errors
    /// See [`TaskError`].
    pub async fn send_task_success(
        &self,
        scope: &Scope,
        request: SendTaskSuccess<'_>,
    ) -> Result<(), TaskError> {
        let SendTaskSuccess { task_token, output } = request;
        let bytes_max = self.shell.config.limits.payload_bytes_max;
        let report = if output.len() > bytes_max {
            Err(TaskError::InvalidOutput(format!("Output is longer than {bytes_max} bytes.")))
        } else {
            let output = Document::from_text(output);
            output
                .map(|output| Report::Finished(Ok(output)))
                .map_err(|error| TaskError::InvalidOutput(error.message))
        };
        self.shell.report(scope, task_token, report).await
    }

    /// SendTaskFailure.
    ///
    /// # Errors
    /// See [`TaskError`].
    pub async fn send_task_failure(
        &self,
        scope: &Scope,
        request: SendTaskFailure<'_>,
    ) -> Result<(), TaskError> {
        let SendTaskFailure { task_token, error, cause } = request;
        let failure = Failure { error: error.map(Arc::from), cause: cause.map(Arc::from) };
        self.shell.report(scope, task_token, Ok(Report::Finished(Err(failure)))).await
    }

    /// SendTaskHeartbeat.
    ///
    /// # Errors
    /// See [`TaskError`].
    pub async fn send_task_heartbeat(
        &self,
        scope: &Scope,
        task_token: &str,
    ) -> Result<(), TaskError> {
        self.shell.report(scope, task_token, Ok(Report::Heartbeat)).await
    }
}

impl Shell {
    async fn activity(&self, key: &ResourceKey) -> Result<Option<(Activity, u64)>, StoreError> {
        let resource = self.store.read_resource(key).await?;
        resource.map(|resource| Ok((decode(key, &resource)?, resource.version))).transpose()
    }

    /// The activity with that ARN, and the version of its record.
    pub(crate) async fn tagged_activity(
        &self,
        scope: &Scope,
        arn: &Arn<'_>,
        name: &str,
    ) -> Result<Option<(Activity, u64)>, StoreError> {
        if !arn.is_in(scope) {
            return Ok(None);
        }
        let found = self.activity(&activity_key(scope, name)).await?;
        // The partition is part of the ARN, and not of the key.
        Ok(found.filter(|(activity, _)| *activity.arn == *arn.text))
    }

    /// The activities that tasks of a program are for and that do not exist. One of another account
    /// or region is none of its own.
    pub(crate) async fn absent_activities(
        &self,
        scope: &Scope,
        program: &Program,
    ) -> Result<Vec<Arc<str>>, StoreError> {
        let mut absent = Vec::new();
        for activity_arn in program.activities() {
            let found = match Arn::activity(activity_arn) {
                Ok((arn, name)) => self.tagged_activity(scope, &arn, name).await?,
                Err(_) => None,
            };
            if found.is_none() {
                absent.push(activity_arn.clone());
            }
        }
        Ok(absent)
    }

    /// Writes an activity, where its record still has that version.
    pub(crate) async fn write_activity(
        &self,
        key: &ResourceKey,
        expected: Option<u64>,
        activity: &Activity,
    ) -> Result<(), StoreError> {
        self.store.write_resource(key, expected, Some(encode(activity))).await.map(drop)
    }

    /// Makes a task the worker's; none where it is not waited for any more.
    async fn take_task(
        self: &Arc<Self>,
        handout: Handout,
        worker_name: Option<Arc<str>>,
    ) -> Result<Option<ActivityTask>, OperationalError> {
        let taken = self.take_offer(handout.offer(), worker_name).await;
        if taken.is_ok() {
            handout.take();
        }
        // Or the handout is dropped here, and its task goes back to the queue.
        taken
    }

    async fn take_offer(
        self: &Arc<Self>,
        offer: Offer,
        worker_name: Option<Arc<str>>,
    ) -> Result<Option<ActivityTask>, OperationalError> {
        let Offer { execution, task } = offer;
        match self.ask(execution, Ask::TakeTask { task, worker_name }).await {
            Ok(Answer::Task(task)) => Ok(task),
            Ok(_) => unreachable!("a worker is answered with a task"),
            Err(Undone::Absent | Undone::Operational(OperationalError::Quarantined)) => Ok(None),
            Err(Undone::Operational(error)) => Err(error),
        }
    }

    /// Tells an execution what a worker says of its task. What is wrong with that is told after
    /// what is wrong with the token.
    async fn report(
        self: &Arc<Self>,
        scope: &Scope,
        token: &str,
        report: Result<Report, TaskError>,
    ) -> Result<(), TaskError> {
        self.check_open()?;
        let token = TaskToken(token.into());
        let (execution, _) = token.task().ok_or(TaskError::InvalidToken)?;
        let header = self.store.header(execution).await.map_err(OperationalError::from)?;
        match header {
            None => return Err(TaskError::TaskDoesNotExist),
            Some(header) if header.scope != *scope => return Err(TaskError::InvalidToken),
            Some(_) => {}
        }
        let report = report?;
        match self.ask(execution, Ask::Report { token, report }).await {
            Ok(Answer::Reported(true)) => Ok(()),
            Ok(Answer::Reported(false)) => Err(TaskError::TaskTimedOut),
            Ok(_) => unreachable!("a report is answered with whether it was waited for"),
            Err(Undone::Absent) => Err(TaskError::TaskDoesNotExist),
            Err(Undone::Operational(error)) => Err(error.into()),
        }
    }
}

pub(crate) fn activity_key(scope: &Scope, name: &str) -> ResourceKey {
    ResourceKey { kind: ResourceKind::Activity, scope: scope.clone(), name: name.into() }
}

fn encode(activity: &Activity) -> Vec<u8> {
    let Activity { arn, creation_date, encryption, tags, .. } = activity;
    let (arn, encryption, tags) = (arn.clone(), encryption.clone(), tags.clone());
    let stored = Stored { arn, creation_date: creation_date.0, encryption, tags };
    serde_json::to_vec(&stored).expect("the record of an activity has only text names")
}

fn decode(key: &ResourceKey, resource: &Resource) -> Result<Activity, StoreError> {
    let Stored { arn, creation_date, encryption, tags } =
        serde_json::from_slice(&resource.value)
            .map_err(|error| StoreError::Corrupt(format!("the record of an activity: {error}")))?;
    let (name, creation_date) = (key.name.clone(), Timestamp(creation_date));
    Ok(Activity { arn, name, creation_date, encryption, tags })
}
