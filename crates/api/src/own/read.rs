//! Reads histories, and what several answers have in common.

use std::sync::Arc;

use engine::{Status, Timestamp};
use json::{Object, Value};
use runtime::{ExecutionError, ExecutionList, ExecutionsOf, GetExecutionHistory, ListExecutions};
use store::{ExecutionHeader, ListCursor};
use story::{Chain, Event, Gap, Story};

use super::{Asker, DEFINITION, LIST_EXECUTIONS};
use crate::Api;
use crate::error::{ApiError, ErrorCode};
use crate::history;
use crate::operations::describe_execution::status_text;
use crate::request::Request;
use crate::write::JsonWriter;

/// How many events are taken from the store at a time.
const EVENTS_AT_A_TIME: usize = 100;

/// An event, as AWS's API shows it.
pub(super) struct Shown {
    pub(super) event: Event,
    pub(super) text: String,
    pub(super) value: Value,
}

/// Gives all events of a history, one after the other.
///
/// # Errors
/// As GetExecutionHistory.
pub(super) async fn each_event(
    api: &Api,
    request: &Request,
    execution_arn: &str,
    mut take: impl FnMut(Shown),
) -> Result<(), ApiError> {
    let mut from = None;
    loop {
        let page =
            GetExecutionHistory { execution_arn, from, limit: EVENTS_AT_A_TIME, reverse: false };
        let page = api.runtime.get_execution_history(&request.scope, page).await?;
        for event in &page.events {
            let mut out = JsonWriter::object();
            history::write_event(&mut out, event, true);
            let text = String::from_utf8(out.finish()).expect("the writer writes text");
            let value = json::parse(&text).expect("the writer writes JSON");
            let event = Event::read(&value).expect("events have a type and an id");
            take(Shown { event, text, value });
        }
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok(()),
        }
    }
}

/// What happened in an execution so far.
///
/// # Errors
/// As GetExecutionHistory.
pub(super) async fn story(api: &Api, request: &Request, arn: &str) -> Result<Story, ApiError> {
    let mut story = Story::default();
    each_event(api, request, arn, |shown| story.take(&shown.event)).await?;
    Ok(story)
}

/// The same; none where the execution was removed since it was listed.
///
/// # Errors
/// As GetExecutionHistory.
pub(super) async fn story_if_kept(
    api: &Api,
    request: &Request,
    arn: &str,
) -> Result<Option<Story>, ApiError> {
    match story(api, request, arn).await {
        Ok(story) => Ok(Some(story)),
        Err(error) if error.code == ErrorCode::ExecutionDoesNotExist => Ok(None),
        Err(error) => Err(error),
    }
}

/// The definition that an execution runs by, where the caller may read it.
///
/// # Errors
/// As DescribeStateMachineForExecution.
pub(super) async fn definition(
    api: &Api,
    request: &Request,
    asker: &Asker<'_>,
    arn: &str,
) -> Result<Option<Arc<str>>, ApiError> {
    if !asker.may(api, DEFINITION, request, ("executionArn", arn)).await? {
        return Ok(None);
    }
    let found = api.runtime.describe_state_machine_for_execution(&request.scope, arn).await?;
    Ok(Some(found.definition))
}

/// Executions of a state machine, the newest first; none where the machine is an Express machine
/// whose executions are not listed, or is gone.
///
/// # Errors
/// As ListExecutions.
pub(super) async fn executions(
    api: &Api,
    request: &Request,
    machine_arn: &str,
    (status, after, limit): (Option<Status>, Option<ListCursor>, usize),
) -> Result<Option<ExecutionList>, ApiError> {
    let of = ExecutionsOf::StateMachine(machine_arn);
    let list = ListExecutions { of, status, after, limit };
    match api.runtime.list_executions(&request.scope, list).await {
        Ok(list) => Ok(Some(list)),
        Err(ExecutionError::TypeNotSupported | ExecutionError::StateMachineDoesNotExist(_)) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// What happened in another execution than the one that was asked for.
///
/// # Errors
/// Where the store cannot be read.
pub(super) async fn nested(
    api: &Api,
    request: &Request,
    asker: &Asker<'_>,
    arn: &str,
) -> Result<Result<Story, Gap>, ApiError> {
    if !asker.may_read(api, request, arn).await? {
        return Ok(Err(Gap::Denied));
    }
    match story(api, request, arn).await {
        Ok(story) => Ok(Ok(story)),
        Err(error) => match error.code {
            ErrorCode::ExecutionDoesNotExist => Ok(Err(Gap::Gone)),
            ErrorCode::InvalidArn | ErrorCode::StateMachineTypeNotSupported => {
                Ok(Err(Gap::Other(error.message)))
            }
            _ => Err(error),
        },
    }
}

/// The failure chain of an execution, over all generations that may be read.
///
/// # Errors
/// Where the store cannot be read.
pub(super) async fn chain(
    api: &Api,
    request: &Request,
    asker: &Asker<'_>,
    arn: &str,
    of: &Story,
) -> Result<Option<Chain>, ApiError> {
    let Some(mut chain) = Chain::new(arn, of) else { return Ok(None) };
    loop {
        if let Some(next) = chain.next().map(str::to_owned) {
            let read = nested(api, request, asker, &next).await?;
            chain.take(read.as_ref().map_err(Clone::clone));
        } else if let Some(map_run) = chain.map_run().map(str::to_owned)
            && let Some(child) = failed_child(api, request, asker, &map_run).await?
        {
            chain.follow(child);
        } else {
            return Ok(Some(chain));
        }
    }
}

/// A failed child of a Map Run, where the caller may list them and one is left.
async fn failed_child(
    api: &Api,
    request: &Request,
    asker: &Asker<'_>,
    map_run: &str,
) -> Result<Option<String>, ApiError> {
    if !asker.may(api, LIST_EXECUTIONS, request, ("mapRunArn", map_run)).await? {
        return Ok(None);
    }
    let (of, status) = (ExecutionsOf::MapRun(map_run), Some(Status::Failed));
    let list = ListExecutions { of, status, after: None, limit: 1 };
    let list = api.runtime.list_executions(&request.scope, list).await?;
    Ok(list.executions.first().map(|header| header.arn.to_string()))
}

/// Seconds since 1970, as AWS's wire has them.
pub(super) fn seconds(Timestamp(milliseconds): Timestamp) -> Value {
    Value::from(milliseconds as f64 / 1_000.0)
}

/// What lists show of an execution.
pub(super) fn row(header: &ExecutionHeader) -> Object {
    let mut row = Object::new();
    row.insert("executionArn", &*header.arn);
    row.insert("stateMachineArn", &*header.state_machine_arn);
    row.insert("name", &*header.name);
    row.insert("status", status_text(header.status));
    row.insert("startDate", seconds(header.start));
    if let Some(stop) = header.stop {
        row.insert("stopDate", seconds(stop));
    }
    let optional = [
        ("stateMachineVersionArn", header.state_machine_version_arn.as_deref()),
        ("stateMachineAliasArn", header.state_machine_alias_arn.as_deref()),
    ];
    for (name, text) in optional {
        if let Some(text) = text {
            row.insert(name, text);
        }
    }
    row.insert("redriveCount", header.redrive_count as i64);
    row.insert("events", header.last_event.0 as i64);
    row.insert("revision", i64::from(header.revision.0));
    row
}
