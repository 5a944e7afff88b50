//! What each action asks of its service, and what it makes of the answer, where that is not the
//! operation of the same name with the same parameters.

use json::{Object, Value};
use service_model::{Service, ShapeId, ShapeKind};

/// The operation, and its parameters.
pub(super) fn request(
    service: &str,
    action: &str,
    parameters: &Value,
    execution_arn: &str,
) -> (&'static str, Value) {
    let renamed =
        |operation, names: &[(&str, &'static str, Form)]| (operation, rename(parameters, names));
    match (service, action) {
        ("elasticmapreduce", "createCluster") => ("runJobFlow", parameters.clone()),
        ("elasticmapreduce", "terminateCluster") => {
            renamed("terminateJobFlows", &[("ClusterId", "JobFlowIds", Form::List)])
        }
        ("elasticmapreduce", "addStep") => renamed(
            "addJobFlowSteps",
            &[("ClusterId", "JobFlowId", Form::Same), ("Step", "Steps", Form::List)],
        ),
        ("elasticmapreduce", "cancelStep") => {
            renamed("cancelSteps", &[("StepId", "StepIds", Form::List)])
        }
        ("elasticmapreduce", "setClusterTerminationProtection") => {
            renamed("setTerminationProtection", &[("ClusterId", "JobFlowIds", Form::List)])
        }
        ("elasticmapreduce", "modifyInstanceFleetByName") => {
            ("modifyInstanceFleet", parameters.clone())
        }
        ("elasticmapreduce", "modifyInstanceGroupByName") => {
            ("modifyInstanceGroups", parameters.clone())
        }
        ("bedrock", "invokeModel") => ("invokeModel", parameters.clone()),
        ("events", "putEvents") => ("putEvents", with_resources(parameters, execution_arn)),
        ("dynamodb", action) => ("", with_attribute_values(action, parameters)),
        _ => ("", parameters.clone()),
    }
}

/// A plain text where DynamoDB has a value with its type is that of type `S`.
fn with_attribute_values(action: &str, parameters: &Value) -> Value {
    let service = service_model::service("dynamodb").expect("there is a model of DynamoDB");
    let input = service.operation(action).and_then(|operation| operation.input);
    input.map_or_else(|| parameters.clone(), |input| typed(service, input, parameters))
}

fn typed(service: &Service, shape: ShapeId, value: &Value) -> Value {
    match (&service.shape(shape).kind, value) {
        (ShapeKind::Structure(members), Value::String(text)) if members.is_attribute_value() => {
            let mut typed = Object::new();
            typed.insert("S", text.clone());
            typed.into()
        }
        (ShapeKind::Structure(members), Value::Object(given)) => {
            let mut changed = Object::new();
            for (name, value) in given.iter() {
                let member = members.parameter(name);
                let value = member
                    .map_or_else(|| value.clone(), |member| typed(service, member.shape, value));
                changed.insert(name.clone(), value);
            }
            changed.into()
        }
        (ShapeKind::List { item, .. }, Value::Array(items)) => {
            items.iter().map(|value| typed(service, *item, value)).collect::<Vec<_>>().into()
        }
        (ShapeKind::Map { value: shape, .. }, Value::Object(given)) => {
            let mut changed = Object::new();
            for (name, value) in given.iter() {
                changed.insert(name.clone(), typed(service, *shape, value));
            }
            changed.into()
        }
        (_, value) => value.clone(),
    }
}

/// The model that an action is in, where it is not that of its service.
pub(super) fn model(service: &str, action: &str) -> Option<&'static str> {
    (service == "bedrock" && action == "invokeModel").then_some("bedrockruntime")
}

/// What the task gets of an answer.
pub(super) fn result(service: &str, action: &str, answer: Value) -> Value {
    let place = |pointer: &str| at(&answer, pointer).cloned().unwrap_or(Value::Null);
    let names: &[(&str, &str)] = match (service, action) {
        ("elasticmapreduce", "createCluster") => {
            &[("ClusterArn", "/ClusterArn"), ("ClusterId", "/JobFlowId")]
        }
        ("elasticmapreduce", "addStep") => &[("StepId", "/StepIds/0")],
        ("elasticmapreduce", "cancelStep") => &[("CancelStepsInfo", "/CancelStepsInfoList/0")],
        ("bedrock", "invokeModel") => return with_parsed_body(answer),
        _ => return answer,
    };
    let mut result = Object::new();
    names.iter().for_each(|(name, pointer)| result.insert(*name, place(pointer)));
    result.into()
}

/// A body that is JSON is given as that.
fn with_parsed_body(answer: Value) -> Value {
    let parsed = answer.get("Body").and_then(Value::as_str).and_then(|text| json::parse(text).ok());
    match (answer, parsed) {
        (Value::Object(members), Some(body)) => {
            let mut members = Object::clone(&members);
            members.insert("Body", body);
            members.into()
        }
        (answer, _) => answer,
    }
}

/// How a renamed parameter is given.
enum Form {
    Same,
    List,
}

fn rename(parameters: &Value, names: &[(&str, &'static str, Form)]) -> Value {
    let mut renamed = Object::new();
    for (name, value) in parameters.as_object().into_iter().flat_map(Object::iter) {
        match names.iter().find(|(from, _, _)| **from == **name) {
            Some((_, to, Form::Same)) => renamed.insert(*to, value.clone()),
            Some((_, to, Form::List)) => renamed.insert(*to, vec![value.clone()]),
            None => renamed.insert(name.clone(), value.clone()),
        }
    }
    renamed.into()
}

/// With the execution and its state machine among the resources of each event.
fn with_resources(parameters: &Value, execution_arn: &str) -> Value {
    let Some(Value::Array(entries)) = parameters.get("Entries") else { return parameters.clone() };
    let machine_arn = machine_of(execution_arn);
    let entry = |entry: &Value| {
        let Value::Object(members) = entry else { return entry.clone() };
        let mut members = Object::clone(members);
        let given = members.get("Resources").and_then(Value::as_array).unwrap_or_default();
        let mut resources = given.to_vec();
        resources.extend([Value::from(machine_arn.as_str()), Value::from(execution_arn)]);
        members.insert("Resources", resources);
        Value::from(members)
    };
    let mut changed = parameters.as_object().cloned().unwrap_or_default();
    changed.insert("Entries", entries.iter().map(entry).collect::<Vec<_>>());
    changed.into()
}

/// The state machine of an execution, Standard (`…:execution:<machine>:<name>`) or Express
/// (`…:express:<machine>:<name>:<id>`).
fn machine_of(execution_arn: &str) -> String {
    let parts: Vec<&str> = execution_arn.split(':').collect();
    let machine = parts.get(6).copied().unwrap_or_default();
    format!("{}:stateMachine:{machine}", parts[..parts.len().min(5)].join(":"))
}

/// What stands at a pointer; the empty one is the value itself.
pub(super) fn at<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    pointer.split('/').skip(1).try_fold(value, |value, part| match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        value => value.get(part),
    })
}
