//! The Task state.

use crate::paths::{self, Sees};
use crate::resource;
use crate::state::StateReader;
use crate::{Amount, Task};

/// The fields of a Task state.
pub(crate) fn compile(state: &mut StateReader<'_, '_>) -> Task {
    let resource = resource::compile(state);
    state.fields.one_of(&["TimeoutSeconds", "TimeoutSecondsPath"], false, state.findings);
    state.fields.one_of(&["HeartbeatSeconds", "HeartbeatSecondsPath"], false, state.findings);
    let timeout_seconds = amount(state, "TimeoutSeconds", "TimeoutSecondsPath");
    let heartbeat_seconds = amount(state, "HeartbeatSeconds", "HeartbeatSecondsPath");
    if let (Some(Amount::Literal(timeout)), Some(Amount::Literal(heartbeat))) =
        (&timeout_seconds, &heartbeat_seconds)
        && heartbeat >= timeout
    {
        let place = state.fields.place().member("HeartbeatSeconds");
        state.findings.error(&place, "HeartbeatSeconds must be smaller than TimeoutSeconds");
    }
    Task { resource, timeout_seconds, heartbeat_seconds, transition: state.transition() }
}

fn amount(
    state: &mut StateReader<'_, '_>,
    literal: &'static str,
    path: &'static str,
) -> Option<Amount> {
    match state.fields.integer(literal) {
        Some(seconds) => Some(Amount::Literal(seconds)),
        None => paths::single(state.fields.located(path), Sees::Everything, state.findings)
            .map(Amount::Path),
    }
}
