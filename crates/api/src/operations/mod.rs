//! The operations: which there are, what each takes, and what does it.

mod create_activity;
mod create_state_machine;
mod create_state_machine_alias;
mod delete_activity;
mod delete_state_machine;
mod delete_state_machine_alias;
mod delete_state_machine_version;
mod describe_activity;
pub(crate) mod describe_execution;
mod describe_map_run;
pub(crate) mod describe_state_machine;
mod describe_state_machine_alias;
mod describe_state_machine_for_execution;
mod get_activity_task;
mod get_execution_history;
mod list_activities;
mod list_executions;
mod list_map_runs;
mod list_state_machine_aliases;
mod list_state_machine_versions;
mod list_state_machines;
mod list_tags_for_resource;
mod publish_state_machine_version;
mod redrive_execution;
mod send_task_failure;
mod send_task_heartbeat;
mod send_task_success;
mod start_execution;
mod start_sync_execution;
mod stop_execution;
mod tag_resource;
mod test_state;
mod untag_resource;
mod update_map_run;
mod update_state_machine;
mod update_state_machine_alias;
mod validate_state_machine_definition;

use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;

/// The operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Supported {
    CreateActivity,
    CreateStateMachine,
    CreateStateMachineAlias,
    DeleteActivity,
    DeleteStateMachine,
    DeleteStateMachineAlias,
    DeleteStateMachineVersion,
    DescribeActivity,
    DescribeExecution,
    DescribeMapRun,
    DescribeStateMachine,
    DescribeStateMachineAlias,
    DescribeStateMachineForExecution,
    GetActivityTask,
    GetExecutionHistory,
    ListActivities,
    ListExecutions,
    ListMapRuns,
    ListStateMachineAliases,
    ListStateMachineVersions,
    ListStateMachines,
    ListTagsForResource,
    PublishStateMachineVersion,
    RedriveExecution,
    SendTaskFailure,
    SendTaskHeartbeat,
    SendTaskSuccess,
    StartExecution,
    StartSyncExecution,
    StopExecution,
    TagResource,
    TestState,
    UntagResource,
    UpdateMapRun,
    UpdateStateMachine,
    UpdateStateMachineAlias,
    ValidateStateMachineDefinition,
}

/// An operation of Step Functions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    supported: Supported,
    /// What its requests may hold.
    pub(crate) members: &'static [Member],
}

const fn has(name: &'static str, supported: Supported, members: &'static [Member]) -> Operation {
    Operation { name, supported, members }
}

/// All of them, by name, so that they are found by halving.
const OPERATIONS: [Operation; 37] = [
    has("CreateActivity", Supported::CreateActivity, create_activity::MEMBERS),
    has("CreateStateMachine", Supported::CreateStateMachine, create_state_machine::MEMBERS),
    has(
        "CreateStateMachineAlias",
        Supported::CreateStateMachineAlias,
        create_state_machine_alias::MEMBERS,
    ),
    has("DeleteActivity", Supported::DeleteActivity, delete_activity::MEMBERS),
    has("DeleteStateMachine", Supported::DeleteStateMachine, delete_state_machine::MEMBERS),
    has(
        "DeleteStateMachineAlias",
        Supported::DeleteStateMachineAlias,
        delete_state_machine_alias::MEMBERS,
    ),
    has(
        "DeleteStateMachineVersion",
        Supported::DeleteStateMachineVersion,
        delete_state_machine_version::MEMBERS,
    ),
    has("DescribeActivity", Supported::DescribeActivity, describe_activity::MEMBERS),
    has("DescribeExecution", Supported::DescribeExecution, describe_execution::MEMBERS),
    has("DescribeMapRun", Supported::DescribeMapRun, describe_map_run::MEMBERS),
    has("DescribeStateMachine", Supported::DescribeStateMachine, describe_state_machine::MEMBERS),
    has(
        "DescribeStateMachineAlias",
        Supported::DescribeStateMachineAlias,
        describe_state_machine_alias::MEMBERS,
    ),
    has(
        "DescribeStateMachineForExecution",
        Supported::DescribeStateMachineForExecution,
        describe_state_machine_for_execution::MEMBERS,
    ),
    has("GetActivityTask", Supported::GetActivityTask, get_activity_task::MEMBERS),
    has("GetExecutionHistory", Supported::GetExecutionHistory, get_execution_history::MEMBERS),
    has("ListActivities", Supported::ListActivities, list_activities::MEMBERS),
    has("ListExecutions", Supported::ListExecutions, list_executions::MEMBERS),
    has("ListMapRuns", Supported::ListMapRuns, list_map_runs::MEMBERS),
    has(
        "ListStateMachineAliases",
        Supported::ListStateMachineAliases,
        list_state_machine_aliases::MEMBERS,
    ),
    has(
        "ListStateMachineVersions",
        Supported::ListStateMachineVersions,
        list_state_machine_versions::MEMBERS,
    ),
    has("ListStateMachines", Supported::ListStateMachines, list_state_machines::MEMBERS),
    has("ListTagsForResource", Supported::ListTagsForResource, list_tags_for_resource::MEMBERS),
    has(
        "PublishStateMachineVersion",
        Supported::PublishStateMachineVersion,
        publish_state_machine_version::MEMBERS,
    ),
    has("RedriveExecution", Supported::RedriveExecution, redrive_execution::MEMBERS),
    has("SendTaskFailure", Supported::SendTaskFailure, send_task_failure::MEMBERS),
    has("SendTaskHeartbeat", Supported::SendTaskHeartbeat, send_task_heartbeat::MEMBERS),
    has("SendTaskSuccess", Supported::SendTaskSuccess, send_task_success::MEMBERS),
    has("StartExecution", Supported::StartExecution, start_execution::MEMBERS),
    has("StartSyncExecution", Supported::StartSyncExecution, start_sync_execution::MEMBERS),
    has("StopExecution", Supported::StopExecution, stop_execution::MEMBERS),
    has("TagResource", Supported::TagResource, tag_resource::MEMBERS),
    has("TestState", Supported::TestState, test_state::MEMBERS),
    has("UntagResource", Supported::UntagResource, untag_resource::MEMBERS),
    has("UpdateMapRun", Supported::UpdateMapRun, update_map_run::MEMBERS),
    has("UpdateStateMachine", Supported::UpdateStateMachine, update_state_machine::MEMBERS),
    has(
        "UpdateStateMachineAlias",
        Supported::UpdateStateMachineAlias,
        update_state_machine_alias::MEMBERS,
    ),
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

    /// All of them.
    #[cfg(test)]
    pub(crate) fn all() -> &'static [Operation] {
        &OPERATIONS
    }

    /// Does it, and gives the body of the answer.
    ///
    /// # Errors
    /// What the operation answers instead.
    pub(crate) async fn call(self, api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
        match self.supported {
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
            Supported::ListStateMachineVersions => {
                list_state_machine_versions::call(api, request).await
            }
            Supported::ListStateMachines => list_state_machines::call(api, request).await,
            Supported::ListTagsForResource => list_tags_for_resource::call(api, request).await,
            Supported::RedriveExecution => redrive_execution::call(api, request).await,
            Supported::SendTaskFailure => send_task_failure::call(api, request).await,
            Supported::SendTaskHeartbeat => send_task_heartbeat::call(api, request).await,
            Supported::SendTaskSuccess => send_task_success::call(api, request).await,
            Supported::StartExecution => start_execution::call(api, request).await,
            Supported::StopExecution => stop_execution::call(api, request).await,
            Supported::UpdateStateMachine => update_state_machine::call(api, request).await,
            Supported::CreateStateMachineAlias => {
                create_state_machine_alias::call(api, request).await
            }
            Supported::DeleteStateMachineAlias => {
                delete_state_machine_alias::call(api, request).await
            }
            Supported::DeleteStateMachineVersion => {
                delete_state_machine_version::call(api, request).await
            }
            Supported::DescribeStateMachineAlias => {
                describe_state_machine_alias::call(api, request).await
            }
            Supported::ListStateMachineAliases => {
                list_state_machine_aliases::call(api, request).await
            }
            Supported::PublishStateMachineVersion => {
                publish_state_machine_version::call(api, request).await
            }
            Supported::StartSyncExecution => start_sync_execution::call(api, request).await,
            Supported::DescribeMapRun => describe_map_run::call(api, request).await,
            Supported::ListMapRuns => list_map_runs::call(api, request).await,
            Supported::UpdateMapRun => update_map_run::call(api, request).await,
            Supported::TagResource => tag_resource::call(api, request).await,
            Supported::TestState => test_state::call(api, request).await,
            Supported::UntagResource => untag_resource::call(api, request).await,
            Supported::UpdateStateMachineAlias => {
                update_state_machine_alias::call(api, request).await
            }
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
