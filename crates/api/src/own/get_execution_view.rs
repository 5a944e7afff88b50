//! GetExecutionView: an execution as its page shows it.

use graph::Graph;
use json::Object;
use runtime::RedriveStatus;

use super::{Asker, read};
use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;

/// How many things that are waited for are told.
const WAITING_MAX: usize = 100;
/// How many events a history may have.
/// See <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>.
const EVENTS_MAX: i64 = 25_000;

pub(super) const MEMBERS: &[Member] =
    &[Member::arn("executionArn").required(), Member::integer("since", 0, i64::MAX)];

pub(super) async fn call(
    api: &Api,
    request: &Request,
    asker: &Asker<'_>,
) -> Result<Object, ApiError> {
    let arn = request.required_text("executionArn");
    // The description first: the history that is read after it is not older.
    let described = api.runtime.describe_execution(&request.scope, arn).await?;
    let header = &described.header;
    let mut out = Object::new();
    out.insert("revision", i64::from(header.revision.0));
    if request.integer("since") == Some(i64::from(header.revision.0)) {
        out.insert("unchanged", true);
        return Ok(out);
    }
    let story = read::story(api, request, arn).await?;
    let mut shown = read::row(header);
    shown.insert("eventsMax", EVENTS_MAX);
    shown.insert("inputBytes", described.input.len_bytes() as i64);
    if let Some(output) = &described.output {
        shown.insert("outputBytes", output.len_bytes() as i64);
    }
    if let Some(failure) = &described.failure {
        for (name, text) in [("error", &failure.error), ("cause", &failure.cause)] {
            if let Some(text) = text {
                shown.insert(name, &**text);
            }
        }
    }
    out.insert("header", shown);
    let definition = read::definition(api, request, asker, arn).await?;
    let graph = definition.and_then(|text| Graph::read(&text).ok());
    let id = u128::from_be_bytes(header.definition.0);
    out.insert("definitionId", format!("{id:032x}"));
    if let Some(columns) = story.to_json(graph.as_ref()).as_object() {
        columns.iter().for_each(|(name, column)| out.insert(name.clone(), column.clone()));
    }
    if let Some(chain) = read::chain(api, request, asker, arn, &story).await? {
        out.insert("failure", chain.to_json());
    }
    if let Some(redrive) = story.redrive() {
        let mut redrive = redrive.to_json().as_object().cloned().unwrap_or_default();
        let reason = match described.redrive {
            RedriveStatus::Redrivable => None,
            RedriveStatus::RedrivableByMapRun => Some("it is redriven with its Map Run"),
            RedriveStatus::NotRedrivable(reason) => Some(reason),
        };
        redrive.insert("possible", reason.is_none());
        if let Some(reason) = reason {
            redrive.insert("reason", reason);
        }
        out.insert("redrive", redrive);
    }
    let (waiting, now) = (story.waiting(), api.runtime.now().0);
    let told = waiting.iter().take(WAITING_MAX).map(|it| it.to_json(now)).collect::<Vec<_>>();
    out.insert("waiting", told);
    out.insert("waitingCount", waiting.len() as i64);
    let mut links = Object::new();
    links.insert("machine", &*header.state_machine_arn);
    if let Some(parent) = story.started_by() {
        links.insert("parent", parent);
    }
    if let Some(map_run) = header.map_run_arn() {
        links.insert("mapRun", map_run);
    }
    out.insert("links", links);
    Ok(out)
}
