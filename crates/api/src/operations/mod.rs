//! The operations: which there are, what each takes, and what does it.

mod create_activity;
mod create_state_machine;
mod delete_activity;
mod delete_state_machine;
mod describe_activity;
mod describe_execution;
mod describe_state_machine;
mod describe_state_machine_for_execution;
mod get_activity_task;
mod get_execution_history;
mod list_activities;
mod list_executions;
mod list_state_machine_versions;
mod list_state_machines;
mod list_tags_for_resource;
mod send_task_failure;
mod send_task_heartbeat;
mod send_task_success;
mod start_execution;
mod stop_execution;
mod update_state_machine;
mod validate_state_machine_definition;

use crate::Api;
use crate::constraint::Member;
use crate::error::{ApiError, ErrorCode};
use crate::request::Request;

/// The operations that Stairwell has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Supported {
    CreateActivity,
    CreateStateMachine,
    DeleteActivity,
    DeleteStateMachine,
    DescribeActivity,
    DescribeExecution,
    DescribeStateMachine,
    DescribeStateMachineForExecution,
    GetActivityTask,
    GetExecutionHistory,
    ListActivities,
    ListExecutions,
    ListStateMachineVersions,
    ListStateMachines,
    ListTagsForResource,
    SendTaskFailure,
    SendTaskHeartbeat,
    SendTaskSuccess,
    StartExecution,
    StopExecution,
    UpdateStateMachine,
    ValidateStateMachineDefinition,
}

/// An operation of Step Functions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    name: &'static str,
    /// None where Stairwell does not have it yet.
    supported: Option<Supported>,
    /// What its requests may hold.
    pub(crate) members: &'static [Member],
}

const fn has(name: &'static str, supported: Supported, members: &'static [Member]) -> Operation {
    Operation { name, supported: Some(supported), members }
}

const fn lacks(name: &'static str) -> Operation {
    Operation { name, supported: None, members: &[] }
}

/// All of them, by name, so that they are found by halving.
const OPERATIONS: [Operation; 37] = [
    has("CreateActivity", Supported::CreateActivity, create_activity::MEMBERS),
    has("CreateStateMachine", Supported::CreateStateMachine, create_state_machine::MEMBERS),
    lacks("CreateStateMachineAlias"),
    has("DeleteActivity", Supported::DeleteActivity, delete_activity::MEMBERS),
    has("DeleteStateMachine", Supported::DeleteStateMachine, delete_state_machine::MEMBERS),
    lacks("DeleteStateMachineAlias"),
    lacks("DeleteStateMachineVersion"),
    has("DescribeActivity", Supported::DescribeActivity, describe_activity::MEMBERS),
    has("DescribeExecution", Supported::DescribeExecution, describe_execution::MEMBERS),
    lacks("DescribeMapRun"),
    has("DescribeStateMachine", Supported::DescribeStateMachine, describe_state_machine::MEMBERS),
    lacks("DescribeStateMachineAlias"),
    has(
        "DescribeStateMachineForExecution",
        Supported::DescribeStateMachineForExecution,
        describe_state_machine_for_execution::MEMBERS,
    ),
    has("GetActivityTask", Supported::GetActivityTask, get_activity_task::MEMBERS),
    has("GetExecutionHistory", Supported::GetExecutionHistory, get_execution_history::MEMBERS),
    has("ListActivities", Supported::ListActivities, list_activities::MEMBERS),
    has("ListExecutions", Supported::ListExecutions, list_executions::MEMBERS),
    lacks("ListMapRuns"),
    lacks("ListStateMachineAliases"),
    has(
        "ListStateMachineVersions",
        Supported::ListStateMachineVersions,
        list_state_machine_versions::MEMBERS,
    ),
    has("ListStateMachines", Supported::ListStateMachines, list_state_machines::MEMBERS),
    has("ListTagsForResource", Supported::ListTagsForResource, list_tags_for_resource::MEMBERS),
    lacks("PublishStateMachineVersion"),
    lacks("RedriveExecution"),
    has("SendTaskFailure", Supported::SendTaskFailure, send_task_failure::MEMBERS),
    has("SendTaskHeartbeat", Supported::SendTaskHeartbeat, send_task_heartbeat::MEMBERS),
    has("SendTaskSuccess", Supported::SendTaskSuccess, send_task_success::MEMBERS),
    has("StartExecution", Supported::StartExecution, start_execution::MEMBERS),
    lacks("StartSyncExecution"),
    has("StopExecution", Supported::StopExecution, stop_execution::MEMBERS),
    lacks("TagResource"),
    lacks("TestState"),
    lacks("UntagResource"),
    lacks("UpdateMapRun"),
    has("UpdateStateMachine", Supported::UpdateStateMachine, update_state_machine::MEMBERS),
    lacks("UpdateStateMachineAlias"),
    has(
        "ValidateStateMachineDefinition",
        Supported::ValidateStateMachineDefinition,
        validate_state_machine_definition::MEMBERS,
    ),
];

impl Operation {
    /// The operation of that name.
    pub(crate) fn by_name(name: &str) -> Option<Operation> {
        let index = OPERATIONS.binary_search_by(|operation| operation.name.cmp(name)).ok()?;
        Some(OPERATIONS[index])
    }

    /// Does it, and gives the body of the answer.
    ///
    /// # Errors
    /// What the operation answers instead; `UnknownOperationException` where Stairwell does not
    /// have it yet.
    pub(crate) async fn call(self, api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
        let Some(supported) = self.supported else {
            let message = format!("Stairwell does not support {} yet", self.name);
            return Err(ApiError::new(ErrorCode::UnknownOperationException, message));
        };
        match supported {
            Supported::CreateActivity => create_activity::call(api, request).await,
            Supported::CreateStateMachine => create_state_machine::call(api, request).await,
            Supported::DeleteActivity => delete_activity::call(api, request).await,
            Supported::DeleteStateMachine => delete_state_machine::call(api, request).await,
            Supported::DescribeActivity => describe_activity::call(api, request).await,
            Supported::DescribeExecution => describe_execution::call(api, request).await,
            Supported::DescribeStateMachine => describe_state_machine::call(api, request).await,
            Supported::DescribeStateMachineForExecution => {
                describe_state_machine_for_execution::call(api, request).await
            }
            Supported::GetActivityTask => get_activity_task::call(api, request).await,
            Supported::GetExecutionHistory => get_execution_history::call(api, request).await,
            Supported::ListActivities => list_activities::call(api, request).await,
            Supported::ListExecutions => list_executions::call(api, request).await,
            Supported::ListStateMachineVersions => list_state_machine_versions::call(request),
            Supported::ListStateMachines => list_state_machines::call(api, request).await,
            Supported::ListTagsForResource => list_tags_for_resource::call(api, request).await,
            Supported::SendTaskFailure => send_task_failure::call(api, request).await,
            Supported::SendTaskHeartbeat => send_task_heartbeat::call(api, request).await,
            Supported::SendTaskSuccess => send_task_success::call(api, request).await,
            Supported::StartExecution => start_execution::call(api, request).await,
            Supported::StopExecution => stop_execution::call(api, request).await,
            Supported::UpdateStateMachine => update_state_machine::call(api, request).await,
            Supported::ValidateStateMachineDefinition => {
                validate_state_machine_definition::call(request)
            }
        }
    }
}

/// The answer of operations that have nothing to say.
fn nothing() -> Vec<u8> {
    b"{}".to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_found_by_its_name() {
        for operation in OPERATIONS {
            let found = Operation::by_name(operation.name).expect("it is in the table");
            assert_eq!(found.name, operation.name);
        }
        for name in ["", "createActivity", "StartExecutions", "ZZZ"] {
            assert!(Operation::by_name(name).is_none(), "{name}");
        }
    }
}
