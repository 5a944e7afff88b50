//! GetEvents: events of a history from any of them on, and by type, step or text.

use json::{Object, Value};
use story::{StepIndex, Story};

use super::read;
use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;

const LIMIT_MAX: i64 = 500;

const TYPE: Member = Member::text("EventType", 1, 64);

pub(super) const MEMBERS: &[Member] = &[
    Member::arn("executionArn").required(),
    Member::integer("from", 1, i64::MAX),
    Member::integer("limit", 1, LIMIT_MAX),
    Member::short_list("types", &TYPE, 1, 64),
    Member::integer("step", 0, i64::MAX),
    Member::text("text", 1, 256),
    Member::boolean("withData"),
];

pub(super) async fn call(api: &Api, request: &Request) -> Result<Object, ApiError> {
    let arn = request.required_text("executionArn");
    let from = request.integer("from").and_then(|it| u64::try_from(it).ok()).unwrap_or(1);
    let limit = request.integer("limit").unwrap_or(100) as usize;
    let wanted_step = request.integer("step").map(|it| StepIndex(it as usize));
    let with_data = request.boolean("withData") == Some(true);
    let types = request.list("types");
    let (mut story, mut events, mut matches) = (Story::default(), Vec::new(), 0_i64);
    read::each_event(api, request, arn, |shown| {
        story.take(&shown.event);
        let kind = shown.value.get("type").and_then(Value::as_str).unwrap_or_default();
        let step = story.step_of(shown.event.id);
        let is_meant = types.is_none_or(|types| types.iter().any(|it| it.as_str() == Some(kind)))
            && wanted_step.is_none_or(|wanted| step == Some(wanted))
            && request.text("text").is_none_or(|text| shown.text.contains(&**text));
        if !is_meant {
            return;
        }
        matches += 1;
        if shown.event.id < from || events.len() == limit {
            return;
        }
        let mut event = Object::new();
        event.insert("id", shown.event.id as i64);
        event.insert("type", kind);
        event.insert("time", shown.event.at);
        event.insert("previous", shown.event.previous as i64);
        if let Some(StepIndex(step)) = step {
            event.insert("step", step as i64);
        }
        event.insert("line", shown.event.summary());
        event.insert("size", shown.text.len() as i64);
        if with_data {
            event.insert("event", shown.value.clone());
        }
        events.push(Value::from(event));
    })
    .await?;
    let mut out = Object::new();
    out.insert("events", events);
    out.insert("total", story.last_event() as i64);
    out.insert("matches", matches);
    Ok(out)
}
