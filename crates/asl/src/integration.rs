//! The service integrations: the one table of what Task states can call beside activities and
//! functions by their ARN.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/integrate-services.html>.

use json::{Object, Value};

use crate::IntegrationPattern;
use crate::fields::{Field, Shape};

/// An action of a service that Task states can call.
#[derive(Clone, Copy)]
pub struct Integration {
    /// `resourceType` of its events: `lambda`, `aws-sdk:sfn`, ….
    pub service: &'static str,
    /// The action, in camel case: `invoke`.
    pub action: &'static str,
    /// How a task may wait for it.
    pub patterns: &'static [IntegrationPattern],
    /// What `Parameters` may hold.
    pub(crate) parameters: &'static [Field],
}

impl std::fmt::Debug for Integration {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.service, self.action)
    }
}

impl Integration {
    /// Looks for what AWS refuses of parameters that are known in full.
    ///
    /// # Errors
    /// What is wrong, in AWS's words.
    pub fn check(&self, parameters: &Value) -> Result<(), String> {
        let none = Object::new();
        let parameters = parameters.as_object().unwrap_or(&none);
        for field in self.parameters {
            let name = field.name;
            match parameters.get(name) {
                None if field.required => {
                    return Err(format!("The field '{name}' is required but was missing"));
                }
                Some(value) if field.is_text() && value.as_str().is_none() => {
                    if field.required || !value.is_null() {
                        return Err(format!("The value for the field '{name}' must be a STRING"));
                    }
                }
                Some(_) | None => {}
            }
        }
        let is_known = |name: &str| self.parameters.iter().any(|field| field.name == name);
        match parameters.iter().find(|(name, _)| !is_known(name)) {
            Some((name, _)) => {
                Err(format!("The field '{name}' is not supported by Step Functions"))
            }
            None => Ok(()),
        }
    }
}

/// The action of that service and name.
pub fn integration(service: &str, action: &str) -> Option<Integration> {
    integrations().find(|found| found.service == service && found.action == action)
}

/// Every action that there is, by service.
pub fn integrations() -> impl Iterator<Item = Integration> {
    let sdk = SFN.iter().map(|(action, parameters)| Integration {
        service: "aws-sdk:sfn",
        action,
        patterns: CALLBACK,
        parameters,
    });
    OPTIMISED.iter().copied().chain(sdk)
}

/// Whether there is any action of that service.
pub(crate) fn is_service(service: &str) -> bool {
    integrations().any(|integration| integration.service == service)
}

/// The action that the end of a resource names, such as `startExecution.sync:2`.
pub(crate) fn find(service: &str, resource: &str) -> Option<(Integration, IntegrationPattern)> {
    let (action, suffix) = resource.split_at(resource.find('.').unwrap_or(resource.len()));
    let integration = integration(service, action)?;
    let pattern = integration.patterns.iter().find(|pattern| pattern.suffix() == suffix)?;
    Some((integration, *pattern))
}

const CALLBACK: &[IntegrationPattern] =
    &[IntegrationPattern::RequestResponse, IntegrationPattern::WaitForTaskToken];

const OPTIMISED: &[Integration] = &[
    Integration {
        service: "lambda",
        action: "invoke",
        patterns: CALLBACK,
        parameters: &[
            text("FunctionName").required(),
            any("Payload"),
            text("InvocationType"),
            text("LogType"),
            text("ClientContext"),
            text("Qualifier"),
        ],
    },
    Integration {
        service: "states",
        action: "startExecution",
        patterns: &[
            IntegrationPattern::RequestResponse,
            IntegrationPattern::Sync,
            IntegrationPattern::Sync2,
            IntegrationPattern::WaitForTaskToken,
        ],
        parameters: &[
            text("StateMachineArn").required(),
            any("Input"),
            text("Name"),
            text("TraceHeader"),
        ],
    },
];

/// The operations of Step Functions, each with the members of its request. What is a text there
/// may be any value here: it is written as JSON.
const SFN: &[(&str, &[Field])] = &[
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

const fn text(name: &'static str) -> Field {
    Field::new(name, Shape::Text)
}

const fn any(name: &'static str) -> Field {
    Field::new(name, Shape::Any)
}
