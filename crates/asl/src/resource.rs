//! What a Task state calls.

use std::sync::Arc;

use json::Value;

use crate::fields::{START_EXECUTION_PARAMETERS, check_parameters, expect_object};
use crate::language::QueryLanguage;
use crate::place::Place;
use crate::state::StateReader;
use crate::{Code, IntegrationPattern, Resource, WorkflowType};

const SUPPORTED: &str = "an activity (arn:aws:states:<region>:<account>:activity:<name>), and \
                         arn:aws:states:::states:startExecution, alone or followed by .sync, \
                         .sync:2 or .waitForTaskToken";

/// `Resource`, and what it asks of the other fields.
pub(crate) fn compile(state: &mut StateReader<'_, '_>) -> Resource {
    // What stands for a resource that was refused.
    let refused = Resource::StartExecution(IntegrationPattern::RequestResponse);
    let Some((Value::String(text), place)) = state.fields.located("Resource") else {
        return refused;
    };
    if let Some(message) = refused_in_express(state.workflow_type, text) {
        state.findings.error(&place, message);
        return refused;
    }
    match parse(text) {
        Ok(resource) => {
            if let Resource::StartExecution(_) = &resource {
                start_execution_parameters(state, text, &place);
            }
            resource
        }
        Err((code, message)) => {
            state.findings.error_with(code, &place, message);
            refused
        }
    }
}

fn parse(text: &Arc<str>) -> Result<Resource, (Code, String)> {
    let not_an_arn = || {
        let message = "Value is not a valid resource ARN".to_owned();
        Err((Code::SchemaValidationFailed, message))
    };
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let &["arn", partition, service, region, account, resource] = parts.as_slice() else {
        return not_an_arn();
    };
    if partition.is_empty() || service.is_empty() || resource.is_empty() {
        return not_an_arn();
    }
    let is_integration = service == "states" && region.is_empty() && account.is_empty();
    if is_integration && let Some(action) = resource.strip_prefix("states:") {
        return match pattern(action) {
            Some(pattern) => Ok(Resource::StartExecution(pattern)),
            None => Err((Code::SchemaValidationFailed, not_recognized(text))),
        };
    }
    match resource.strip_prefix("activity:") {
        Some(name) if service == "states" && !is_integration => {
            if name.is_empty() || name.contains(':') || region.is_empty() || account.is_empty() {
                return not_an_arn();
            }
            Ok(Resource::Activity(Arc::clone(text)))
        }
        _ => Err((
            Code::InvalidResource,
            format!(
                "The resource '{text}' is not supported by this version of Stairwell. Supported \
                 are: {SUPPORTED}"
            ),
        )),
    }
}

fn pattern(action: &str) -> Option<IntegrationPattern> {
    match action.strip_prefix("startExecution")? {
        "" => Some(IntegrationPattern::RequestResponse),
        ".sync" => Some(IntegrationPattern::Sync),
        ".sync:2" => Some(IntegrationPattern::Sync2),
        ".waitForTaskToken" => Some(IntegrationPattern::WaitForTaskToken),
        _ => None,
    }
}

fn not_recognized(text: &str) -> String {
    format!(
        "The resource provided {text} is not recognized. The value is not a valid resource ARN, \
         or the resource is not available in this region."
    )
}

/// What an Express machine cannot call, of whichever service.
fn refused_in_express(workflow_type: WorkflowType, text: &str) -> Option<&'static str> {
    if workflow_type == WorkflowType::Standard {
        return None;
    }
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let &["arn", _, "states", region, account, resource] = parts.as_slice() else { return None };
    let is_integration = region.is_empty() && account.is_empty();
    if !is_integration {
        let message = "Express state machine does not support Activity ARN";
        return resource.starts_with("activity:").then_some(message);
    }
    if resource.ends_with(".sync") || resource.ends_with(".sync:2") {
        return Some("Express state machine does not support '.sync' service integration");
    }
    // The space at the end is AWS's.
    let message = "Express state machine does not support '.waitForTaskToken' service integration ";
    resource.ends_with(".waitForTaskToken").then_some(message)
}

fn start_execution_parameters<'a>(
    state: &mut StateReader<'_, 'a>,
    resource: &str,
    resource_place: &Place<'a>,
) {
    if state.language != QueryLanguage::JsonPath {
        return;
    }
    if !state.fields.has("Parameters") {
        let message = format_args!("Parameters field is required for resource ARN: {resource}");
        state.findings.error(resource_place, message);
    }
    let Some((parameters, place)) = state.fields.located("Parameters") else { return };
    if let Some(parameters) = expect_object(parameters, &place, state.findings) {
        check_parameters(parameters, START_EXECUTION_PARAMETERS, &place, state.findings);
    }
}
