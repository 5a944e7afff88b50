//! SearchExecutions: executions of all state machines that a query holds of, newest start first.

use engine::{ExecutionId, Status};
use json::{Object, Value};
use runtime::{ExecutionDescription, ExecutionError, ListStateMachines, StateMachine};
use std::sync::Arc;
use store::{ExecutionHeader, ListCursor};
use story::{Field, Query, Story, Term};

use super::{Asker, LIST_EXECUTIONS, read};
use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::operations::describe_execution::status_text;
use crate::operations::describe_state_machine::type_text;
use crate::request::Request;
use crate::token::Listing;

/// How many executions an answer looks at, and how many histories it reads.
const LOOKED_AT_MAX: usize = 20_000;
const READ_MAX: usize = 500;
/// How many machines an answer looks at.
const MACHINES_MAX: usize = 1_000;
/// How many executions are taken from the store at a time, of all machines.
const BATCH: usize = 2_000;

pub(super) const MEMBERS: &[Member] = &[
    Member::text("query", 0, 4_096).required(),
    Member::integer("maxResults", 1, 100),
    Member::page_token("nextToken"),
];

/// What was found, and how far the search came.
#[derive(Default)]
struct Found {
    rows: Vec<Value>,
    looked: usize,
    read: usize,
    denied: usize,
    last: Option<ExecutionId>,
}

pub(super) async fn call(
    api: &Api,
    request: &Request,
    asker: &Asker<'_>,
) -> Result<Object, ApiError> {
    let (text, now) = (request.required_text("query"), api.runtime.now());
    let query = Query::read(text, now.0).map_err(|error| {
        ApiError::validation(format!("{} (at offset {} of query)", error.message, error.offset))
    })?;
    let listing =
        Listing { operation: "SearchExecutions", scope: &request.scope, arguments: &[text] };
    let mut after =
        match request.text("nextToken") {
            Some(token) => Some(listing.cursor(now, token, |bytes| {
                Some(ListCursor(ExecutionId(bytes.try_into().ok()?)))
            })?),
            None => None,
        };
    let limit = request.page_size();
    let (machines, has_all_machines) = machines(api, request, asker, &query).await?;
    let mut found = Found::default();
    let is_complete = loop {
        let (headers, has_more) = batch(api, request, &machines, after).await?;
        let Some((last, _)) = headers.last() else { break !has_more };
        let next = ListCursor(last.id);
        if !look(api, request, asker, &query, &headers, limit, &mut found).await? {
            break false;
        }
        if !has_more {
            break true;
        }
        after = Some(next);
    };
    let mut out = Object::new();
    out.insert("executions", found.rows);
    out.insert("looked", found.looked as i64);
    out.insert("complete", is_complete && has_all_machines && found.denied == 0);
    if found.denied > 0 {
        out.insert("denied", found.denied as i64);
    }
    if let Some(ExecutionId(last)) = found.last.filter(|_| !is_complete) {
        out.insert("nextToken", listing.token(now, &last));
    }
    Ok(out)
}

/// The machines whose executions the query may hold of and the caller may list; and whether there
/// are no more.
async fn machines(
    api: &Api,
    request: &Request,
    asker: &Asker<'_>,
    query: &Query,
) -> Result<(Vec<Arc<StateMachine>>, bool), ApiError> {
    let page = ListStateMachines { after: None, limit: MACHINES_MAX };
    let page = api.runtime.list_state_machines(&request.scope, page).await?;
    let mut machines = Vec::new();
    for machine in page.state_machines {
        let is_meant = query.terms.iter().all(|term| match term.field {
            Field::Machine => term.holds_of_text(Some(&machine.name)),
            Field::Type => term.holds_of_text(Some(type_text(machine.workflow_type))),
            _ => true,
        });
        let arn = ("stateMachineArn", &*machine.arn);
        if is_meant && asker.may(api, LIST_EXECUTIONS, request, arn).await? {
            machines.push(machine);
        }
    }
    Ok((machines, page.next.is_none()))
}

type Batch = Vec<(ExecutionHeader, Arc<StateMachine>)>;

/// The next executions of all these machines, newest first, and whether there are more.
async fn batch(
    api: &Api,
    request: &Request,
    machines: &[Arc<StateMachine>],
    after: Option<ListCursor>,
) -> Result<(Batch, bool), ApiError> {
    let limit = (BATCH / machines.len().max(1)).max(10);
    let (mut headers, mut bound): (Batch, Option<ExecutionId>) = (Vec::new(), None);
    for machine in machines {
        let newest = (None, after, limit);
        let Some(list) = read::executions(api, request, &machine.arn, newest).await? else {
            continue;
        };
        // What is older than where a list was cut may come before what that list still has.
        bound = bound.max(list.next.map(|ListCursor(id)| id));
        headers.extend(list.executions.into_iter().map(|header| (header, machine.clone())));
    }
    headers.retain(|(header, _)| bound.is_none_or(|bound| header.id >= bound));
    headers.sort_by_key(|(header, _)| std::cmp::Reverse(header.id));
    Ok((headers, bound.is_some()))
}

/// Looks at these executions; false where it stopped before their end.
async fn look(
    api: &Api,
    request: &Request,
    asker: &Asker<'_>,
    query: &Query,
    headers: &Batch,
    limit: usize,
    found: &mut Found,
) -> Result<bool, ApiError> {
    let needs_history = query.terms.iter().any(|term| term.field.is_of_history());
    for (header, machine) in headers {
        let is_full =
            found.rows.len() == limit || found.looked == LOOKED_AT_MAX || found.read == READ_MAX;
        if is_full {
            return Ok(false);
        }
        found.looked += 1;
        found.last = Some(header.id);
        let now = api.runtime.now().0;
        // Children are not listed unless the query says something of parents.
        if !query.has(&Field::Parent) && has_parent(header) {
            continue;
        }
        if !query.terms.iter().all(|term| holds_of_header(term, header, now)) {
            continue;
        }
        if needs_history {
            if !asker.may_read(api, request, &header.arn).await? {
                found.denied += 1;
                continue;
            }
            found.read += 1;
            if !holds_of_history(api, request, query, &header.arn).await? {
                continue;
            }
        }
        let mut row = read::row(header);
        row.insert("machine", &*machine.name);
        found.rows.push(row.into());
    }
    Ok(true)
}

fn has_parent(header: &ExecutionHeader) -> bool {
    header.started_by.is_some() || header.parent.is_some()
}

fn holds_of_header(term: &Term, header: &ExecutionHeader, now: i64) -> bool {
    let last = |arn: &Option<Arc<str>>| {
        arn.as_deref().and_then(|arn| Some(arn.rsplit_once(':')?.1.to_owned()))
    };
    match &term.field {
        Field::Word => {
            let is_meant = term.operands.iter().any(|operand| match operand {
                story::Operand::Text(word) => {
                    *header.arn == **word || header.name.starts_with(&**word)
                }
                _ => false,
            });
            is_meant != term.is_negated
        }
        Field::Status => term.holds_of_text(Some(status_text(header.status))),
        Field::Name => term.holds_of_text(Some(&header.name)),
        Field::Alias => term.holds_of_text(last(&header.state_machine_alias_arn).as_deref()),
        Field::Version => term.holds_of_text(last(&header.state_machine_version_arn).as_deref()),
        Field::After => begins(term, header, |start, bound| start >= bound),
        Field::Before => begins(term, header, |start, bound| start < bound),
        Field::Ended => term.holds_of_number(header.stop.map(|stop| stop.0)),
        Field::Duration => {
            let stop = header.stop.map_or(now, |stop| stop.0);
            term.holds_of_number(Some(stop - header.start.0))
        }
        Field::Events => term.holds_of_number(i64::try_from(header.last_event.0).ok()),
        Field::Redriven => term.holds_of_number(i64::try_from(header.redrive_count).ok()),
        Field::Parent => term.holds_of_text(has_parent(header).then_some("any")),
        // What did not fail has no error: its history need not be read.
        Field::Error | Field::Cause | Field::State => {
            let is_bad = !matches!(header.status, Status::Running | Status::Succeeded);
            is_bad || term.holds_of_text(None)
        }
        Field::Machine
        | Field::Type
        | Field::Reached
        | Field::Waiting
        | Field::Input(_)
        | Field::Output(_) => true,
    }
}

fn begins(term: &Term, header: &ExecutionHeader, is_meant: fn(i64, i64) -> bool) -> bool {
    let holds = term.operands.iter().any(|operand| match operand {
        story::Operand::Number(bound) => is_meant(header.start.0, *bound),
        _ => false,
    });
    holds != term.is_negated
}

async fn holds_of_history(
    api: &Api,
    request: &Request,
    query: &Query,
    arn: &str,
) -> Result<bool, ApiError> {
    let is_of_data = |term: &Term| matches!(term.field, Field::Input(_) | Field::Output(_));
    if query.terms.iter().any(is_of_data) {
        let described = match api.runtime.describe_execution(&request.scope, arn).await {
            Ok(described) => described,
            // It was removed since it was listed.
            Err(ExecutionError::DoesNotExist(_)) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if !query.terms.iter().all(|term| holds_of_data(term, &described)) {
            return Ok(false);
        }
    }
    if !query.terms.iter().any(|term| term.field.is_of_history() && !is_of_data(term)) {
        return Ok(true);
    }
    let Some(story) = read::story_if_kept(api, request, arn).await? else { return Ok(false) };
    Ok(query.terms.iter().all(|term| holds_of_story(term, &story)))
}

fn holds_of_data(term: &Term, described: &ExecutionDescription) -> bool {
    match &term.field {
        Field::Input(path) => term.holds_of_value(described.input.value(), path),
        Field::Output(path) => match &described.output {
            Some(output) => term.holds_of_value(output.value(), path),
            None => term.holds_of_text(None),
        },
        _ => true,
    }
}

fn holds_of_story(term: &Term, story: &Story) -> bool {
    let failure = story.failure();
    match term.field {
        Field::Error => term.holds_of_text(failure.as_ref().and_then(|it| it.error.as_deref())),
        Field::Cause => term.holds_of_text(failure.as_ref().and_then(|it| it.cause.as_deref())),
        Field::State => {
            let step = failure.and_then(|it| it.step);
            term.holds_of_text(step.map(|step| &*story.step(step).name))
        }
        Field::Reached => term.holds_of_any(story.steps().iter().map(|step| &*step.name)),
        Field::Waiting => term.holds_of_any(story.waiting().iter().map(|it| it.kind.name())),
        _ => true,
    }
}
