//! ListMachineSummaries: state machines with how their executions stand.

use engine::Status;
use json::{Object, Value};
use runtime::{ExecutionList, ListStateMachines};

use super::{Asker, LIST_EXECUTIONS, read};
use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::operations::describe_state_machine::type_text;
use crate::request::Request;
use crate::token::{self, Listing};

/// How many executions of a machine are counted; where there are more, the newest.
const COUNTED_MAX: usize = 1_000;

pub(super) const MEMBERS: &[Member] = &[
    Member::text("nameContains", 1, 80),
    Member::choice("type", &["STANDARD", "EXPRESS"]),
    Member::integer("maxResults", 1, 100),
    Member::page_token("nextToken"),
];

pub(super) async fn call(
    api: &Api,
    request: &Request,
    asker: &Asker<'_>,
) -> Result<Object, ApiError> {
    let text = |name| request.text(name).map_or("", |text| &**text);
    let (name, kind) = (text("nameContains"), text("type"));
    let listing = Listing {
        operation: "ListMachineSummaries",
        scope: &request.scope,
        arguments: &[name, kind],
    };
    let now = api.runtime.now();
    let after = match request.text("nextToken") {
        Some(token) => Some(listing.cursor(now, token, token::read_name)?),
        None => None,
    };
    let limit = request.page_size();
    let page = ListStateMachines { after: after.as_deref(), limit };
    let page = api.runtime.list_state_machines(&request.scope, page).await?;
    let mut machines = Vec::new();
    for machine in &page.state_machines {
        let type_name = type_text(machine.workflow_type);
        if !machine.name.contains(name) || !(kind.is_empty() || kind == type_name) {
            continue;
        }
        let mut shown = Object::new();
        shown.insert("stateMachineArn", &*machine.arn);
        shown.insert("name", &*machine.name);
        shown.insert("type", type_name);
        shown.insert("creationDate", read::seconds(machine.creation_date));
        if asker.may(api, LIST_EXECUTIONS, request, ("stateMachineArn", &machine.arn)).await? {
            let newest = (None, None, COUNTED_MAX);
            if let Some(list) = read::executions(api, request, &machine.arn, newest).await? {
                count(&mut shown, &list);
            }
        }
        machines.push(Value::from(shown));
    }
    let mut out = Object::new();
    out.insert("machines", machines);
    if let Some(next) = page.next {
        out.insert("nextToken", listing.token(now, next.as_bytes()));
    }
    Ok(out)
}

fn count(shown: &mut Object, list: &ExecutionList) {
    let mut counts = Object::new();
    for (name, status) in [
        ("running", Status::Running),
        ("succeeded", Status::Succeeded),
        ("failed", Status::Failed),
        ("timedOut", Status::TimedOut),
        ("aborted", Status::Aborted),
    ] {
        let count = list.executions.iter().filter(|header| header.status == status).count();
        counts.insert(name, count as i64);
    }
    counts.insert("exact", list.next.is_none());
    shown.insert("counts", counts);
    if let Some(last) = list.executions.first() {
        shown.insert("last", read::row(last));
    }
}
