//! The optimised integrations.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html>.

use super::{CALLBACK, Integration, ParameterTable, any, text};
use crate::IntegrationPattern;
use crate::IntegrationPattern::{RequestResponse, Sync, Sync2, WaitForTaskToken};
use crate::fields::Field;

/// Every optimised action.
pub(super) fn integrations() -> impl Iterator<Item = Integration> {
    let written = WRITTEN.iter().map(|(service, action, patterns, parameters)| Integration {
        service,
        action,
        patterns,
        parameters: ParameterTable::Fields(parameters),
    });
    let modelled = MODELLED.iter().flat_map(|(service, model, actions)| {
        actions.iter().map(move |(action, patterns)| Integration {
            service,
            action,
            patterns,
            parameters: ParameterTable::Model {
                service: model,
                action,
                has_plain_texts: *service == "dynamodb",
            },
        })
    });
    let renamed = RENAMED.iter().map(|(service, action, model, operation, patterns)| Integration {
        service,
        action,
        patterns,
        parameters: ParameterTable::Model {
            service: model,
            action: operation,
            has_plain_texts: false,
        },
    });
    written.chain(modelled).chain(renamed)
}

type Patterns = &'static [IntegrationPattern];

const PLAIN: Patterns = &[RequestResponse];
const JOB: Patterns = &[RequestResponse, Sync];

/// Those whose parameters are their own, or fewer than those of the API: service, action, patterns,
/// parameters.
const WRITTEN: &[(&str, &str, Patterns, &[Field])] = &[
    (
        "lambda",
        "invoke",
        CALLBACK,
        &[
            text("FunctionName").required(),
            any("Payload"),
            text("InvocationType"),
            text("LogType"),
            text("ClientContext"),
            text("Qualifier"),
        ],
    ),
    (
        "states",
        "startExecution",
        &[RequestResponse, Sync, Sync2, WaitForTaskToken],
        &[text("StateMachineArn").required(), any("Input"), text("Name"), text("TraceHeader")],
    ),
    (
        "apigateway",
        "invoke",
        CALLBACK,
        &[
            text("ApiEndpoint").required(),
            text("Method").required(),
            any("Headers"),
            text("Stage"),
            text("Path"),
            any("QueryParameters"),
            any("RequestBody"),
            any("AllowNullValues"),
            text("AuthType"),
        ],
    ),
    (
        "http",
        "invoke",
        PLAIN,
        &[
            text("ApiEndpoint").required(),
            text("Method").required(),
            any("Authentication"),
            any("InvocationConfig"),
            any("Headers"),
            any("QueryParameters"),
            any("RequestBody"),
            any("Transform"),
        ],
    ),
    (
        "bedrock",
        "invokeModel",
        CALLBACK,
        &[
            text("ModelId").required(),
            any("Body"),
            any("Input"),
            any("Output"),
            text("Accept"),
            text("ContentType"),
            text("GuardrailIdentifier"),
            text("GuardrailVersion"),
            text("Trace"),
        ],
    ),
    (
        "eks",
        "call",
        CALLBACK,
        &[
            text("ClusterName").required(),
            text("CertificateAuthority").required(),
            text("Endpoint").required(),
            text("Method").required(),
            text("Path").required(),
            any("QueryParameters"),
            any("RequestBody"),
        ],
    ),
    (
        "eks",
        "runJob",
        &[RequestResponse, Sync, WaitForTaskToken],
        &[
            text("ClusterName").required(),
            text("CertificateAuthority").required(),
            text("Endpoint").required(),
            text("Namespace"),
            any("Job").required(),
            any("LogOptions"),
        ],
    ),
    ("elasticmapreduce", "terminateCluster", JOB, &[text("ClusterId").required()]),
    (
        "elasticmapreduce",
        "addStep",
        JOB,
        &[text("ClusterId").required(), any("Step").required(), text("ExecutionRoleArn")],
    ),
    (
        "elasticmapreduce",
        "cancelStep",
        PLAIN,
        &[text("ClusterId").required(), text("StepId").required()],
    ),
    (
        "elasticmapreduce",
        "setClusterTerminationProtection",
        PLAIN,
        &[text("ClusterId").required(), any("TerminationProtected").required()],
    ),
    (
        "elasticmapreduce",
        "modifyInstanceFleetByName",
        PLAIN,
        &[
            text("ClusterId").required(),
            text("InstanceFleetName").required(),
            any("InstanceFleet").required(),
        ],
    ),
    (
        "elasticmapreduce",
        "modifyInstanceGroupByName",
        PLAIN,
        &[
            text("ClusterId").required(),
            text("InstanceGroupName").required(),
            any("InstanceGroup").required(),
        ],
    ),
];

/// Those whose parameters are those of an operation of another name: service, action, the model's
/// names for both, patterns.
const RENAMED: &[(&str, &str, &str, &str, Patterns)] =
    &[("elasticmapreduce", "createCluster", "emr", "runJobFlow", JOB)];

/// Actions, with how a task may wait for them.
type Actions = &'static [(&'static str, Patterns)];

/// Those whose parameters are those of the API: service, the model's name for it, and actions with
/// their patterns.
const MODELLED: &[(&str, &str, Actions)] = &[
    ("sqs", "sqs", &[("sendMessage", CALLBACK)]),
    ("sns", "sns", &[("publish", CALLBACK)]),
    (
        "dynamodb",
        "dynamodb",
        &[("getItem", PLAIN), ("putItem", PLAIN), ("updateItem", PLAIN), ("deleteItem", PLAIN)],
    ),
    ("events", "eventbridge", &[("putEvents", CALLBACK)]),
    ("ecs", "ecs", &[("runTask", &[RequestResponse, Sync, WaitForTaskToken])]),
    ("batch", "batch", &[("submitJob", &[RequestResponse, Sync, WaitForTaskToken])]),
    ("glue", "glue", &[("startJobRun", JOB)]),
    ("databrew", "databrew", &[("startJobRun", JOB)]),
    (
        "codebuild",
        "codebuild",
        &[
            ("startBuild", JOB),
            ("startBuildBatch", JOB),
            ("retryBuildBatch", JOB),
            ("stopBuild", PLAIN),
            ("stopBuildBatch", PLAIN),
            ("deleteBuildBatch", PLAIN),
            ("batchDeleteBuilds", PLAIN),
            ("batchGetReports", PLAIN),
        ],
    ),
    (
        "athena",
        "athena",
        &[
            ("startQueryExecution", JOB),
            ("stopQueryExecution", PLAIN),
            ("getQueryExecution", PLAIN),
            ("getQueryResults", PLAIN),
        ],
    ),
    ("bedrock", "bedrock", &[("createModelCustomizationJob", JOB)]),
    (
        "sagemaker",
        "sagemaker",
        &[
            ("createTrainingJob", JOB),
            ("createTransformJob", JOB),
            ("createProcessingJob", JOB),
            ("createLabelingJob", JOB),
            ("createHyperParameterTuningJob", JOB),
            ("createModel", PLAIN),
            ("createEndpoint", PLAIN),
            ("createEndpointConfig", PLAIN),
            ("updateEndpoint", PLAIN),
        ],
    ),
    (
        "emr-containers",
        "emrcontainers",
        &[("createVirtualCluster", PLAIN), ("deleteVirtualCluster", JOB), ("startJobRun", JOB)],
    ),
    (
        "emr-serverless",
        "emrserverless",
        &[
            ("createApplication", JOB),
            ("startApplication", JOB),
            ("stopApplication", JOB),
            ("deleteApplication", JOB),
            ("startJobRun", JOB),
            ("cancelJobRun", JOB),
        ],
    ),
    (
        "eks",
        "eks",
        &[
            ("createCluster", JOB),
            ("deleteCluster", JOB),
            ("createNodegroup", JOB),
            ("deleteNodegroup", JOB),
            ("createFargateProfile", JOB),
            ("deleteFargateProfile", JOB),
        ],
    ),
    ("mediaconvert", "mediaconvert", &[("createJob", JOB)]),
];
