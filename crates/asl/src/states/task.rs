//! The Task state.

use crate::expressions::{Offers, amount, payload};
use crate::language::QueryLanguage;
use crate::paths::Sees;
use crate::resource;
use crate::state::StateReader;
use crate::{Amount, Payload, Resource, Task};

/// The fields of a Task state.
pub(crate) fn compile(state: &mut StateReader<'_, '_>) -> Task {
    let resource = resource::compile(state);
    state.fields.one_of(&["TimeoutSeconds", "TimeoutSecondsPath"], false, state.findings);
    state.fields.one_of(&["HeartbeatSeconds", "HeartbeatSecondsPath"], false, state.findings);
    let timeout_seconds = amount(state, "TimeoutSeconds", "TimeoutSecondsPath", Sees::Everything);
    let heartbeat_seconds =
        amount(state, "HeartbeatSeconds", "HeartbeatSecondsPath", Sees::Everything);
    if let (Some(Amount::Literal(timeout)), Some(Amount::Literal(heartbeat))) =
        (&timeout_seconds, &heartbeat_seconds)
        && heartbeat >= timeout
    {
        let place = state.fields.place().member("HeartbeatSeconds");
        state.findings.error(&place, "HeartbeatSeconds must be smaller than TimeoutSeconds");
    }
    let partition = resource::partition(state.fields.text("Resource").unwrap_or_default());
    let credentials = credentials(state, &resource);
    let transition = state.transition();
    Task { resource, partition, credentials, timeout_seconds, heartbeat_seconds, transition }
}

/// `Credentials`: the role that the task calls as.
/// See <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-access-cross-acct-resources.html>.
fn credentials(state: &mut StateReader<'_, '_>, resource: &Resource) -> Option<Payload> {
    let (value, place) = state.fields.located("Credentials")?;
    if matches!(resource, Resource::Activity(_)) {
        state.findings.error(state.fields.place(), "Field 'Credentials' is not supported");
        return None;
    }
    let object = value.as_object()?;
    let has_paths = state.language == QueryLanguage::JsonPath;
    let is_role = |name: &str| name == "RoleArn" || has_paths && name == "RoleArn.$";
    if !object.iter().any(|(name, _)| is_role(name)) {
        state.findings.error(&place, "These fields are required: [RoleArn]");
    }
    for (name, value) in object.iter() {
        if !is_role(name) {
            state.findings.error(&place, format_args!("Field '{name}' is not supported"));
        } else if value.as_str().is_none() {
            state.findings.error(&place.member(name), "Expected value of type [STRING]");
        }
    }
    payload(state, Some((value, place)), Offers::Nothing)
}
