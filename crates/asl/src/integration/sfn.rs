//! `aws-sdk:sfn`: the operations of Step Functions itself.

use super::any;
use crate::fields::Field;

/// The operations of Step Functions, each with the members of its request. What is a text there
/// may be any value here: it is written as JSON.
pub(super) const SFN: &[(&str, &[Field])] = &[
    ("createActivity", &[any("Name").required(), any("Tags"), any("EncryptionConfiguration")]),
    (
        "createStateMachine",
        &[
            any("Name").required(),
            any("Definition").required(),
            any("RoleArn").required(),
            any("Type"),
            any("LoggingConfiguration"),
            any("Tags"),
            any("TracingConfiguration"),
            any("Publish"),
            any("VersionDescription"),
            any("EncryptionConfiguration"),
        ],
    ),
    (
        "createStateMachineAlias",
        &[any("Name").required(), any("RoutingConfiguration").required(), any("Description")],
    ),
    ("deleteActivity", &[any("ActivityArn").required()]),
    ("deleteStateMachine", &[any("StateMachineArn").required()]),
    ("deleteStateMachineAlias", &[any("StateMachineAliasArn").required()]),
    ("deleteStateMachineVersion", &[any("StateMachineVersionArn").required()]),
    ("describeActivity", &[any("ActivityArn").required()]),
    ("describeExecution", &[any("ExecutionArn").required(), any("IncludedData")]),
    ("describeMapRun", &[any("MapRunArn").required()]),
    ("describeStateMachine", &[any("StateMachineArn").required(), any("IncludedData")]),
    ("describeStateMachineAlias", &[any("StateMachineAliasArn").required()]),
    ("describeStateMachineForExecution", &[any("ExecutionArn").required(), any("IncludedData")]),
    ("getActivityTask", &[any("ActivityArn").required(), any("WorkerName")]),
    (
        "getExecutionHistory",
        &[
            any("ExecutionArn").required(),
            any("MaxResults"),
            any("ReverseOrder"),
            any("NextToken"),
            any("IncludeExecutionData"),
        ],
    ),
    ("listActivities", &[any("MaxResults"), any("NextToken")]),
    (
        "listExecutions",
        &[
            any("StateMachineArn"),
            any("StatusFilter"),
            any("MaxResults"),
            any("NextToken"),
            any("MapRunArn"),
            any("RedriveFilter"),
        ],
    ),
    ("listMapRuns", &[any("ExecutionArn").required(), any("MaxResults"), any("NextToken")]),
    (
        "listStateMachineAliases",
        &[any("StateMachineArn").required(), any("NextToken"), any("MaxResults")],
    ),
    (
        "listStateMachineVersions",
        &[any("StateMachineArn").required(), any("NextToken"), any("MaxResults")],
    ),
    ("listStateMachines", &[any("MaxResults"), any("NextToken")]),
    ("listTagsForResource", &[any("ResourceArn").required()]),
    (
        "publishStateMachineVersion",
        &[any("StateMachineArn").required(), any("RevisionId"), any("Description")],
    ),
    ("redriveExecution", &[any("ExecutionArn").required(), any("ClientToken")]),
    ("sendTaskFailure", &[any("TaskToken").required(), any("Error"), any("Cause")]),
    ("sendTaskHeartbeat", &[any("TaskToken").required()]),
    ("sendTaskSuccess", &[any("TaskToken").required(), any("Output").required()]),
    (
        "startExecution",
        &[any("StateMachineArn").required(), any("Name"), any("Input"), any("TraceHeader")],
    ),
    (
        "startSyncExecution",
        &[
            any("StateMachineArn").required(),
            any("Name"),
            any("Input"),
            any("TraceHeader"),
            any("IncludedData"),
        ],
    ),
    ("stopExecution", &[any("ExecutionArn").required(), any("Error"), any("Cause")]),
    ("tagResource", &[any("ResourceArn").required(), any("Tags").required()]),
    (
        "testState",
        &[
            any("Definition").required(),
            any("RoleArn"),
            any("Input"),
            any("InspectionLevel"),
            any("RevealSecrets"),
            any("Variables"),
            any("StateName"),
            any("Mock"),
            any("Context"),
            any("StateConfiguration"),
        ],
    ),
    ("untagResource", &[any("ResourceArn").required(), any("TagKeys").required()]),
    (
        "updateMapRun",
        &[
            any("MapRunArn").required(),
            any("MaxConcurrency"),
            any("ToleratedFailurePercentage"),
            any("ToleratedFailureCount"),
        ],
    ),
    (
        "updateStateMachine",
        &[
            any("StateMachineArn").required(),
            any("Definition"),
            any("RoleArn"),
            any("LoggingConfiguration"),
            any("TracingConfiguration"),
            any("Publish"),
            any("VersionDescription"),
            any("EncryptionConfiguration"),
        ],
    ),
    (
        "updateStateMachineAlias",
        &[any("StateMachineAliasArn").required(), any("Description"), any("RoutingConfiguration")],
    ),
    (
        "validateStateMachineDefinition",
        &[any("Definition").required(), any("Type"), any("Severity"), any("MaxResults")],
    ),
];
