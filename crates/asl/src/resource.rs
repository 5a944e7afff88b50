//! What a Task state calls.

use std::collections::BTreeSet;
use std::sync::Arc;

use json::{Object, Value};

use crate::fields::{check_parameters, expect_object, nearest};
use crate::findings::Findings;
use crate::integration;
use crate::integration::{ParameterTable, SDK, as_written, integrations, sdk_integrations};
use crate::language::QueryLanguage;
use crate::place::Place;
use crate::state::StateReader;
use crate::{Code, IntegrationPattern, Resource, WorkflowType};

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
        Ok((resource, parameters)) => {
            check_call(state, parameters, text, &place);
            resource
        }
        Err((code, message)) => {
            let kept = state.findings.error_with(code, &place, message);
            match nearest(text, known(text).iter().map(String::as_str)) {
                Some(meant) => kept.help(format_args!("did you mean '{meant}'?")),
                None => kept.help(
                    "such as arn:aws:states:::lambda:invoke, or the ARN of an activity or a \
                     function",
                ),
            }
            refused
        }
    }
}

/// What a resource without parameters of its own takes: whatever it is given.
const NOTHING: ParameterTable = ParameterTable::Fields(&[]);

/// Every service integration that a resource may have meant, as a `Resource` names it.
fn known(text: &str) -> Vec<String> {
    let sdk = text.split(SDK).nth(1).and_then(|rest| rest.split(':').next());
    let meant = |name| nearest(name, service_model::service_names());
    let sdk = sdk.and_then(meant).map(sdk_integrations).into_iter().flatten();
    let actions = integrations().chain(sdk).flat_map(|found| {
        let name = format!("arn:aws:states:::{}:{}", found.service, found.action);
        found.patterns.iter().map(move |pattern| format!("{name}{}", pattern.suffix()))
    });
    actions.collect()
}

/// The resource, and what its parameters may be.
fn parse(text: &Arc<str>) -> Result<(Resource, ParameterTable), (Code, String)> {
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
    let is_placed = !region.is_empty() && !account.is_empty();
    if service == "states"
        && (!region.is_empty() || !account.is_empty())
        && let Some(name) = resource.strip_prefix("activity:")
    {
        if name.is_empty() || name.contains(':') || !is_placed {
            return not_an_arn();
        }
        return Ok((Resource::Activity(Arc::clone(text)), NOTHING));
    }
    if service == "lambda"
        && let Some(function) = resource.strip_prefix("function:")
    {
        let (name, qualifier) = function.split_once(':').unwrap_or((function, "$LATEST"));
        if name.is_empty() || qualifier.is_empty() || qualifier.contains(':') || !is_placed {
            return not_an_arn();
        }
        return Ok((Resource::Lambda(Arc::clone(text)), NOTHING));
    }
    // AWS takes an integration with the region and the account filled in, too.
    if service == "states" && is_placed == (!region.is_empty() || !account.is_empty()) {
        return parse_integration(text, resource);
    }
    Err(not_supported(text))
}

/// The second part of an ARN.
pub(crate) fn partition(arn: &str) -> Arc<str> {
    arn.split(':').nth(1).unwrap_or_default().into()
}

/// `<service>:<action>[.<pattern>]`, where the service may be `aws-sdk:` and a name.
fn parse_integration(
    text: &str,
    resource: &str,
) -> Result<(Resource, ParameterTable), (Code, String)> {
    // A pattern may hold a colon, too.
    let named = resource.split('.').next().unwrap_or_default();
    let Some(colon) = named.rfind(':') else {
        return Err((Code::SchemaValidationFailed, not_recognized(text)));
    };
    let (service, action) = (&resource[..colon], &resource[colon + 1..]);
    if let Some(what) = service.strip_prefix(SDK).and_then(unspoken) {
        let message = format!(
            "The resource '{text}' is not supported by this version of Stairwell: the service \
             {what}"
        );
        return Err((Code::InvalidResource, message));
    }
    match integration::find(service, action) {
        Some((found, pattern)) if found.service == "states" => {
            Ok((Resource::StartExecution(pattern), found.parameters))
        }
        Some((found, pattern)) => {
            let (service, action) = (found.service, found.action);
            Ok((Resource::Service { service, action, pattern }, found.parameters))
        }
        None if integration::is_service(service) || service.starts_with(SDK) => {
            Err((Code::SchemaValidationFailed, not_recognized(text)))
        }
        None => Err(not_supported(text)),
    }
}

/// Why a service of the AWS SDK cannot be called, where it cannot.
fn unspoken(name: &str) -> Option<&'static str> {
    service_model::service(name)?.unspoken()
}

fn not_supported(text: &str) -> (Code, String) {
    let services: BTreeSet<&str> = integrations().map(|integration| integration.service).collect();
    let services: Vec<&str> = services.into_iter().collect();
    let message = format!(
        "The resource '{text}' is not supported by this version of Stairwell. Supported are: \
         activities, Lambda functions, every service of the AWS SDK (aws-sdk:<service>:<action>), \
         and the integrations {}",
        services.join(", ")
    );
    (Code::InvalidResource, message)
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
    let &["arn", _, "states", region, _, resource] = parts.as_slice() else { return None };
    if !region.is_empty() && resource.starts_with("activity:") {
        return Some("Express state machine does not support Activity ARN");
    }
    if resource.ends_with(".sync") || resource.ends_with(".sync:2") {
        return Some("Express state machine does not support '.sync' service integration");
    }
    // The space at the end is AWS's.
    let message = "Express state machine does not support '.waitForTaskToken' service integration ";
    resource.ends_with(".waitForTaskToken").then_some(message)
}

/// The parameters of an integration, as far as they can be known before it runs.
fn check_call<'a>(
    state: &mut StateReader<'_, 'a>,
    table: ParameterTable,
    resource: &str,
    resource_place: &Place<'a>,
) {
    let field = match state.language {
        QueryLanguage::JsonPath => "Parameters",
        QueryLanguage::Jsonata => "Arguments",
    };
    if !state.fields.has(field) && table.has_required() {
        let message = format_args!("{field} field is required for resource ARN: {resource}");
        state.findings.error(resource_place, message);
    }
    let Some((parameters, place)) = state.fields.located(field) else { return };
    let is_expression = parameters.as_str().and_then(jsonata::expression_text).is_some();
    if matches!(table, ParameterTable::Fields([])) || field == "Arguments" && is_expression {
        return;
    }
    let Some(given) = expect_object(parameters, &place, state.findings) else { return };
    warn_of_plain_endpoint(given, &place, resource, state.findings);
    check_model_objects(given, &place, resource, state.findings);
    match table {
        ParameterTable::Fields(fields) => {
            check_parameters(given, fields, state.language, &place, state.findings);
        }
        ParameterTable::Model { .. } => {
            for (pointer, reason) in table.unfit(parameters, as_written(state.language)) {
                let (place, _) = place.find(parameters, &pointer);
                state.findings.error(&place, reason);
            }
        }
    }
}

/// Tells that an `ApiEndpoint` with `http://` is taken here, and not by AWS.
fn warn_of_plain_endpoint<'a>(
    given: &'a Object,
    place: &Place<'a>,
    resource: &str,
    findings: &mut Findings<'a>,
) {
    let is_rest = [":apigateway:invoke", ":http:invoke"].iter().any(|it| resource.contains(it));
    let endpoint = given.get("ApiEndpoint").and_then(Value::as_str);
    if is_rest && endpoint.is_some_and(|endpoint| endpoint.starts_with("http://")) {
        let message = "An ApiEndpoint that begins with 'http://' is only taken by Stairwell, and \
                       only for a host of the own machine. AWS refuses it";
        findings.warning(Code::PlainEndpoint, &place.member("ApiEndpoint"), message);
    }
}

/// `bedrock:invokeModel` takes a `Body`, or an `Input` that says where it is.
/// See <https://docs.aws.amazon.com/step-functions/latest/dg/connect-bedrock.html>.
fn check_model_objects<'a>(
    given: &'a Object,
    place: &Place<'a>,
    resource: &str,
    findings: &mut Findings<'a>,
) {
    if !resource.contains(":bedrock:invokeModel") {
        return;
    }
    let has = |name: &str| given.contains(name) || given.contains(&format!("{name}.$"));
    match (has("Body"), has("Input")) {
        (true, true) => {
            let message = "There should only be one of the following fields: [Body, Input]";
            findings.error(place, message);
        }
        (false, false) => {
            let message = "This object should have only one of the following fields: [Body, Input]";
            findings.error(place, message).help("add one of them");
        }
        (true, false) | (false, true) => {}
    }
}
