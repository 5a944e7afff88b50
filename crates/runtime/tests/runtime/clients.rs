//! What the clients of workloads do, which real ones do, too: they try again.

use std::time::Duration;

use engine::Status;
use stairwell_runtime::{
    ExecutionError, GetActivityTask, StartError, StartExecution, StopExecution, TaskError,
};

use crate::world::{World, ending, execution_arn, machine_arn, masked, persist, sleep};

/// The activity whose tasks [`World::work`] answers.
pub(crate) const ACTIVITY: &str = "arn:aws:states:us-east-1:111111111111:activity:a";

impl World {
    pub(crate) async fn ensure_machine(&self, name: &str, definition: &str) {
        let request = || stairwell_runtime::CreateStateMachine {
            name,
            definition,
            role_arn: crate::world::ROLE,
            workflow_type: asl::WorkflowType::Standard,
            configurations: Default::default(),
        };
        let create = async || self.runtime.create_state_machine(&self.scope, request()).await;
        persist(create).await.unwrap();
    }

    pub(crate) async fn ensure_started(&self, machine: &str, name: &str) -> String {
        let request = StartExecution {
            state_machine_arn: &machine_arn(machine),
            name: Some(name),
            input: Some("{}"),
            trace_header: None,
        };
        let start = async || self.runtime.start_execution(&self.scope, request).await;
        match persist(start).await {
            Ok(_) | Err(StartError::AlreadyExists(_)) => execution_arn(machine, name),
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn ensure_stopped(&self, arn: &str) {
        let request = StopExecution { execution_arn: arn, error: None, cause: Some("by hand") };
        let stop = async || self.runtime.stop_execution(&self.scope, request).await;
        persist(stop).await.unwrap();
    }

    /// How the execution ended, once it has; none where it is not there.
    pub(crate) async fn ensure_ended(&self, arn: &str) -> Option<String> {
        for _ in 0..1_000 {
            let describe = async || self.runtime.describe_execution(&self.scope, arn).await;
            match persist(describe).await {
                Ok(told) if told.header.status != Status::Running => {
                    return Some(masked(&ending(&told)));
                }
                Ok(_) => sleep(1).await,
                Err(ExecutionError::DoesNotExist(_)) => return None,
                Err(error) => panic!("{error}"),
            }
        }
        panic!("{arn} does not end:\n{}", self.history(arn).await);
    }

    /// Answers every task of the activity, until it is cut off.
    pub(crate) async fn work(&self) {
        loop {
            let wait = Duration::from_secs(60);
            let request = GetActivityTask { activity_arn: ACTIVITY, worker_name: None, wait };
            match self.runtime.get_activity_task(&self.scope, request).await {
                Ok(Some(task)) => self.answer(&task.token.0).await,
                Ok(None) => {}
                Err(_) => sleep(1).await,
            }
        }
    }

    pub(crate) async fn answer(&self, task_token: &str) {
        match persist(async || self.succeed(task_token, r#"{"worker":"was here"}"#).await).await {
            Ok(()) | Err(TaskError::TaskTimedOut) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// The history without times.
    pub(crate) async fn story(&self, arn: &str) -> String {
        let history = self.history(arn).await;
        let lines = history.lines().map(|line| {
            let mut words = line.splitn(3, ' ');
            let (ids, _, rest) = (words.next(), words.next(), words.next());
            format!("{} {}\n", ids.unwrap_or_default(), rest.unwrap_or_default())
        });
        lines.collect()
    }
}

pub(crate) async fn endings(world: &World, executions: &[&str]) -> String {
    let mut endings = String::new();
    for execution in executions {
        let (machine, name) = execution.split_once(':').unwrap();
        let ending = world.ensure_ended(&execution_arn(machine, name)).await;
        endings += &format!("{execution} {}\n", ending.as_deref().unwrap_or("is not there"));
    }
    endings
}
