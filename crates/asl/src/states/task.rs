//! The Task state.

use crate::expressions::amount;
use crate::paths::Sees;
use crate::resource;
use crate::state::StateReader;
use crate::{Amount, Task};

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
    Task { resource, timeout_seconds, heartbeat_seconds, transition: state.transition() }
}
