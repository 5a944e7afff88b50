//! GetStepData: what a step was given, what it asked for and got, and what came of it.

use json::{Object, Value};
use story::Story;

use super::{Asker, read};
use crate::Api;
use crate::constraint::Member;
use crate::error::{ApiError, ErrorCode};
use crate::request::Request;

pub(super) const MEMBERS: &[Member] =
    &[Member::arn("executionArn").required(), Member::integer("entered", 1, i64::MAX).required()];

pub(super) async fn call(
    api: &Api,
    request: &Request,
    asker: &Asker<'_>,
) -> Result<Object, ApiError> {
    let arn = request.required_text("executionArn");
    let entered = request.integer("entered").and_then(|it| u64::try_from(it).ok()).unwrap_or(0);
    let mut story = Story::default();
    let (mut stages, mut assigned) = (Vec::new(), None);
    read::each_event(api, request, arn, |shown| {
        story.take(&shown.event);
        let step = story.step_of(shown.event.id).map(|it| story.step(it));
        let Some(step) = step.filter(|step| step.entered == entered) else { return };
        let Some(object) = shown.value.as_object() else { return };
        let details = object.iter().find(|(name, _)| name.ends_with("EventDetails"));
        let Some((kind, details)) = details else { return };
        for (member, name) in stages_of(kind) {
            let Some(text) = details.get(member).and_then(Value::as_str) else { continue };
            let mut stage = Object::new();
            stage.insert("name", *name);
            stage.insert("event", shown.event.id as i64);
            if !step.attempts.is_empty() && !matches!(*name, "input" | "output") {
                stage.insert("attempt", step.attempts.len() as i64);
            }
            stage.insert("value", text);
            stage.insert("size", text.len() as i64);
            stage.insert("source", "recorded");
            stages.push(Value::from(stage));
        }
        if let Some(variables) = details.get("assignedVariables") {
            assigned = Some(variables.clone());
        }
    })
    .await?;
    let step = story.steps().iter().find(|step| step.entered == entered).ok_or_else(|| {
        ApiError::new(ErrorCode::ResourceNotFound, format!("No step was entered at {entered}"))
    })?;
    let mut out = Object::new();
    out.insert("name", &*step.name);
    out.insert("type", &*step.state_type);
    out.insert("stages", stages);
    if let Some(assigned) = assigned {
        out.insert("assigned", assigned);
    }
    let definition = read::definition(api, request, asker, arn).await?;
    let definition = definition.and_then(|text| json::parse(&text).ok());
    if let Some(state) = definition.and_then(|it| find(&it, &step.name)) {
        out.insert("definition", state);
    }
    Ok(out)
}

/// Which members of details are stages.
fn stages_of(details: &str) -> &'static [(&'static str, &'static str)] {
    match details {
        "stateEnteredEventDetails" => &[("input", "input")],
        "stateExitedEventDetails" => &[("output", "output")],
        "taskScheduledEventDetails" => &[("parameters", "parameters")],
        "activityScheduledEventDetails" | "lambdaFunctionScheduledEventDetails" => {
            &[("input", "parameters")]
        }
        "taskSubmittedEventDetails" => &[("output", "submitted")],
        "taskSucceededEventDetails"
        | "activitySucceededEventDetails"
        | "lambdaFunctionSucceededEventDetails" => &[("output", "result")],
        _ => &[("error", "error"), ("cause", "cause")],
    }
}

/// The state of that name: names are unique in a definition.
fn find(value: &Value, name: &str) -> Option<Value> {
    let region = value.as_object()?;
    let states = region.get("States").and_then(Value::as_object)?;
    if let Some(state) = states.get(name) {
        return Some(state.clone());
    }
    states.iter().find_map(|(_, state)| {
        let branches = state.get("Branches").and_then(Value::as_array).unwrap_or_default();
        let inner = ["ItemProcessor", "Iterator"].into_iter().filter_map(|it| state.get(it));
        branches.iter().chain(inner).find_map(|region| find(region, name))
    })
}
