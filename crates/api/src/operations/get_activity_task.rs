//! GetActivityTask.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetActivityTask.html>.

use std::time::Duration;

use runtime::{ActivityError, GetActivityTask, OperationalError};

use super::nothing;
use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;
use crate::write::JsonWriter;

/// How long a poll waits for a task.
const WAIT: Duration = Duration::from_secs(60);

pub(crate) const MEMBERS: &[Member] =
    &[Member::arn("activityArn").required(), Member::name("workerName")];

/// Waits for a task. A client that hangs up ends the wait: the server drops the call then, and the
/// task goes to somebody else. So does the end of the server.
pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let poll = GetActivityTask {
        activity_arn: request.required_text("activityArn"),
        worker_name: request.text("workerName").map(|name| &**name),
        wait: WAIT,
    };
    let mut closing = api.closing.subscribe();
    let task = tokio::select! {
        biased;
        task = api.runtime.get_activity_task(&request.scope, poll) => task,
        _ = closing.wait_for(|closing| *closing) => Ok(None),
    };
    let task = match task {
        // The next poll of the client will find the next server.
        Err(ActivityError::Operational(OperationalError::ShuttingDown)) => None,
        task => task?,
    };
    let Some(task) = task else { return Ok(nothing()) };
    let mut out = JsonWriter::object();
    out.text("taskToken", &task.token.0);
    out.text("input", task.input.text());
    Ok(out.finish())
}
