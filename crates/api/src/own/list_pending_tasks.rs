//! ListPendingTasks: tasks that wait for a callback or for a worker of an activity.

use engine::Status;
use json::{Object, Value};
use runtime::ListStateMachines;
use story::WaitingKind;

use super::{Asker, LIST_EXECUTIONS, read};
use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;

/// How many executions an answer looks at.
const LOOKED_AT_MAX: usize = 500;
/// How many machines an answer looks at.
const MACHINES_MAX: usize = 1_000;

pub(super) const MEMBERS: &[Member] = &[
    Member::arn("activityArn"),
    Member::arn("stateMachineArn"),
    Member::choice("kind", &["callback", "activity"]),
];

pub(super) async fn call(
    api: &Api,
    request: &Request,
    asker: &Asker<'_>,
) -> Result<Object, ApiError> {
    let page = ListStateMachines { after: None, limit: MACHINES_MAX };
    let page = api.runtime.list_state_machines(&request.scope, page).await?;
    let is_meant = |arn: &str| request.text("stateMachineArn").is_none_or(|it| **it == *arn);
    let (mut tasks, mut looked, mut complete) = (Vec::new(), 0, page.next.is_none());
    for machine in page.state_machines.iter().filter(|machine| is_meant(&machine.arn)) {
        if !asker.may(api, LIST_EXECUTIONS, request, ("stateMachineArn", &machine.arn)).await? {
            continue;
        }
        let running = (Some(Status::Running), None, (LOOKED_AT_MAX - looked).max(1));
        let Some(list) = read::executions(api, request, &machine.arn, running).await? else {
            continue;
        };
        complete &= list.next.is_none();
        for header in &list.executions {
            if looked == LOOKED_AT_MAX {
                complete = false;
                break;
            }
            if !asker.may_read(api, request, &header.arn).await? {
                continue;
            }
            looked += 1;
            pending(api, request, &header.arn, &mut tasks).await?;
        }
    }
    let mut out = Object::new();
    out.insert("tasks", tasks);
    out.insert("looked", looked as i64);
    out.insert("complete", complete);
    Ok(out)
}

async fn pending(
    api: &Api,
    request: &Request,
    arn: &str,
    tasks: &mut Vec<Value>,
) -> Result<(), ApiError> {
    let Some(story) = read::story_if_kept(api, request, arn).await? else { return Ok(()) };
    let now = api.runtime.now().0;
    for waiting in story.waiting() {
        let is_of_activity = match &waiting.kind {
            WaitingKind::Callback { .. } => request.text("activityArn").is_none(),
            WaitingKind::Activity { arn, .. } => {
                request.text("activityArn").is_none_or(|wanted| **wanted == **arn)
            }
            _ => false,
        };
        let is_of_kind = request.text("kind").is_none_or(|kind| **kind == *waiting.kind.name());
        if is_of_activity && is_of_kind {
            let mut task = waiting.to_json(now).as_object().cloned().unwrap_or_default();
            let step = story.step(waiting.step);
            task.insert("executionArn", arn);
            task.insert("state", &*step.name);
            task.insert("entered", step.entered as i64);
            tasks.push(task.into());
        }
    }
    Ok(())
}
