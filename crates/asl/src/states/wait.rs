//! The Wait state.

use json::Value;

use crate::expressions::expression;
use crate::paths::{self, Sees};
use crate::state::StateReader;
use crate::{Wait, WaitFor, parse_timestamp};

/// In the order in which AWS lists them.
const FORMS: &[&str] = &["SecondsPath", "Seconds", "TimestampPath", "Timestamp"];

/// The fields of a Wait state.
pub(crate) fn compile(state: &mut StateReader<'_, '_>) -> Wait {
    state.fields.one_of(FORMS, true, state.findings);
    let fields = &state.fields;
    let seconds_path =
        paths::single(fields.located("SecondsPath"), Sees::Everything, state.findings);
    let timestamp_path =
        paths::single(fields.located("TimestampPath"), Sees::Everything, state.findings);
    let timestamp = fields.text("Timestamp").and_then(parse_timestamp);
    let seconds = fields.get("Seconds").filter(|value| matches!(value, Value::Number(_)));
    let language = state.language;
    let seconds_expression = expression(fields, "Seconds", language, state.findings);
    let timestamp_expression = expression(fields, "Timestamp", language, state.findings);
    let until = match (seconds, seconds_path, timestamp, timestamp_path) {
        (Some(_), ..) => WaitFor::Seconds(fields.integer("Seconds").unwrap_or_default()),
        (_, Some(path), ..) => WaitFor::SecondsPath(path),
        (_, _, Some(instant), _) => WaitFor::Timestamp(instant),
        (_, _, _, Some(path)) => WaitFor::TimestampPath(path),
        _ => match (seconds_expression, timestamp_expression) {
            (Some(template), _) => WaitFor::SecondsJsonata(template),
            (_, Some(template)) => WaitFor::TimestampJsonata(template),
            // Refused.
            _ => WaitFor::Seconds(0),
        },
    };
    Wait { until, transition: state.transition() }
}
