//! The context object, `$$`.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html>.

use asl::{Program, State};
use json::{Document, Object, Value};

use crate::{Execution, FrameId, MapItem, Position, TaskToken, Timestamp};

/// What the context object shows beside the frame: facts of a moment that no record holds yet.
#[derive(Clone, Copy, Default)]
pub(crate) struct Moment<'a> {
    /// `$$.Task.Token` of the attempt that is about to be scheduled.
    pub(crate) token: Option<&'a TaskToken>,
    /// `$$.Map.Item` of the iteration that is about to start.
    pub(crate) item: Option<ItemView<'a>>,
}

/// `$$.Map.Item`
#[derive(Clone, Copy)]
pub(crate) struct ItemView<'a> {
    pub(crate) index: u64,
    pub(crate) value: &'a Document,
    pub(crate) key: Option<&'a str>,
    /// Of a Map Run alone.
    pub(crate) source: Option<&'a str>,
}

impl<'a> From<&'a MapItem> for ItemView<'a> {
    fn from(item: &'a MapItem) -> ItemView<'a> {
        ItemView { index: item.index, value: &item.value, key: None, source: None }
    }
}

/// The context object as an expression of this frame sees it; `entering` is the state that the
/// frame is about to enter, and when, where no record says so yet.
pub(crate) fn context(
    program: &Program,
    execution: &Execution,
    frame: FrameId,
    moment: Moment<'_>,
    entering: Option<(&State, Timestamp)>,
) -> Value {
    let mut context = Object::new();
    context.insert("Execution", execution_part(execution));
    context.insert("StateMachine", state_machine_part(execution));
    let state = match entering {
        Some((state, now)) => Some(state_part(state, now, &[])),
        None => current_state_part(program, execution, frame),
    };
    if let Some(state) = state {
        context.insert("State", state);
    }
    if let Some(token) = moment.token {
        let mut task = Object::new();
        task.insert("Token", token.0.clone());
        context.insert("Task", task);
    }
    if let Some(item) = moment.item.or_else(|| enclosing_item(execution, frame)) {
        context.insert("Map", map_part(item));
    }
    context.into()
}

fn execution_part(execution: &Execution) -> Object {
    let parameters = &execution.parameters;
    let mut part = Object::new();
    part.insert("Id", parameters.arn.clone());
    part.insert("Input", parameters.input.value().clone());
    part.insert("StartTime", iso(execution.start));
    part.insert("Name", parameters.name.clone());
    part.insert("RoleArn", parameters.role_arn.clone());
    // Express executions, whose ARNs say `express`, are never redriven and have no count.
    if !parameters.arn.contains(":express:") {
        let redrives = &execution.redrives;
        part.insert("RedriveCount", i64::try_from(redrives.count).unwrap_or(i64::MAX));
        if let Some(date) = redrives.date {
            part.insert("RedriveTime", iso(date));
        }
    }
    part
}

fn state_machine_part(execution: &Execution) -> Object {
    let mut part = Object::new();
    part.insert("Id", execution.parameters.state_machine_arn.clone());
    part.insert("Name", execution.parameters.state_machine_name.clone());
    part
}

fn current_state_part(program: &Program, execution: &Execution, frame: FrameId) -> Option<Object> {
    let frame = execution.frames.get(&frame)?;
    let Position::In { state, entered, retries, .. } = &frame.position else {
        return None;
    };
    Some(state_part(program.state(*state), *entered, retries))
}

fn state_part(state: &State, entered: Timestamp, retries: &[u32]) -> Object {
    let mut part = Object::new();
    part.insert("Name", state.name.clone());
    part.insert("EnteredTime", iso(entered));
    if state.kind.can_retry() {
        part.insert("RetryCount", retries.iter().map(|count| i64::from(*count)).sum::<i64>());
    }
    part
}

fn enclosing_item(execution: &Execution, frame: FrameId) -> Option<ItemView<'_>> {
    let mut frame = execution.frames.get(&frame)?;
    loop {
        if let Some(item) = &frame.item {
            return Some(item.into());
        }
        frame = execution.frames.get(&frame.parent?)?;
    }
}

fn map_part(item: ItemView<'_>) -> Object {
    let mut inner = Object::new();
    inner.insert("Index", i64::try_from(item.index).unwrap_or(i64::MAX));
    if let Some(key) = item.key {
        inner.insert("Key", key);
    }
    inner.insert("Value", item.value.value().clone());
    if let Some(source) = item.source {
        inner.insert("Source", source);
    }
    let mut part = Object::new();
    part.insert("Item", inner);
    part
}

/// ISO 8601 in UTC, with milliseconds where there are any, as Java prints an instant.
pub(crate) fn iso(time: Timestamp) -> String {
    let instant = jiff::Timestamp::from_millisecond(time.0)
        .expect("no instant of an execution lies beyond the year 9999");
    if time.0 % 1_000 == 0 { instant.to_string() } else { format!("{instant:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_have_three_digits_of_a_second_or_none() {
        for (milliseconds, expected) in [
            (1_704_164_645_000, "2024-01-02T03:04:05Z"),
            (1_704_164_645_100, "2024-01-02T03:04:05.100Z"),
            (1_704_164_645_007, "2024-01-02T03:04:05.007Z"),
        ] {
            assert_eq!(iso(Timestamp(milliseconds)), expected);
        }
    }
}
