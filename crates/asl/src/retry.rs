//! `Retry` and `Catch`.

use std::sync::Arc;

use json::Value;

use crate::expressions::{Offers, assign, jsonata};
use crate::fields::{CATCHER, Fields, RETRIER, Table, expect_object};
use crate::paths;
use crate::state::StateReader;
use crate::{Catcher, ErrorNames, JitterStrategy, Retrier};

const INTERVAL_SECONDS: u64 = 1;
const MAX_ATTEMPTS: u64 = 3;
const BACKOFF_RATE: f64 = 2.0;

/// The entries of `Retry`.
pub(crate) fn retriers(state: &mut StateReader<'_, '_>) -> Vec<Retrier> {
    entries(state, "Retry", RETRIER).into_iter().map(|entry| retrier(state, &entry)).collect()
}

/// The entries of `Catch`.
pub(crate) fn catchers(state: &mut StateReader<'_, '_>) -> Vec<Catcher> {
    entries(state, "Catch", CATCHER).into_iter().map(|entry| catcher(state, &entry)).collect()
}

struct Entry<'a> {
    fields: Fields<'a>,
    is_last: bool,
}

fn entries<'a>(
    state: &mut StateReader<'_, 'a>,
    name: &'static str,
    table: Table,
) -> Vec<Entry<'a>> {
    let items = state.fields.items(name);
    let last = items.len().saturating_sub(1);
    let mut entries = Vec::with_capacity(items.len());
    for (index, (item, place)) in items.into_iter().enumerate() {
        if let Some(object) = expect_object(item, &place, state.findings) {
            let fields = Fields::check(object, table, state.language, place, state.findings);
            entries.push(Entry { fields, is_last: index == last });
        } else {
            // Where a catcher leads that is none, nobody knows.
            state.leads_somewhere();
        }
    }
    entries
}

fn retrier<'a>(state: &mut StateReader<'_, 'a>, entry: &Entry<'a>) -> Retrier {
    let errors = error_names(state, entry);
    let fields = &entry.fields;
    let interval_seconds = fields.integer("IntervalSeconds");
    let max_delay_seconds = fields.integer("MaxDelaySeconds");
    if let (Some(interval), Some(max_delay)) = (interval_seconds, max_delay_seconds)
        && max_delay <= interval
    {
        let message = "MaxDelaySeconds must be greater than IntervalSeconds";
        state
            .findings
            .error(&fields.place().member("MaxDelaySeconds"), message)
            .help(format_args!("raise it above {interval}, or lower IntervalSeconds"));
    }
    let backoff_rate = fields.get("BackoffRate").and_then(Value::as_number);
    Retrier {
        errors,
        interval_seconds: interval_seconds.unwrap_or(INTERVAL_SECONDS),
        max_attempts: fields.integer("MaxAttempts").unwrap_or(MAX_ATTEMPTS),
        backoff_rate: backoff_rate.map_or(BACKOFF_RATE, json::Number::as_f64),
        max_delay_seconds,
        jitter: match fields.text("JitterStrategy") {
            Some("FULL") => JitterStrategy::Full,
            _ => JitterStrategy::None,
        },
    }
}

fn catcher<'a>(state: &mut StateReader<'_, 'a>, entry: &Entry<'a>) -> Catcher {
    let errors = error_names(state, entry);
    let next = state.target_in(&entry.fields, "Next");
    let result_path = paths::result_path(entry.fields.located("ResultPath"), state.findings);
    let output = jsonata(entry.fields.located("Output"), Offers::ErrorOutput, state.findings);
    let assign = assign(state, entry.fields.located("Assign"), Offers::ErrorOutput);
    Catcher { errors, result_path, assign, output, next }
}

/// `ErrorEquals`
fn error_names<'a>(state: &mut StateReader<'_, 'a>, entry: &Entry<'a>) -> ErrorNames {
    let items = entry.fields.items("ErrorEquals");
    let is_alone = items.len() == 1;
    let mut names = Vec::with_capacity(items.len());
    for (item, place) in items {
        let Value::String(name) = item else {
            state.findings.error(&place, "Expected value of type [STRING]");
            continue;
        };
        if **name == *"States.ALL" && !(is_alone && entry.is_last) {
            let message = "States.ALL must appear alone and at end of list";
            state.findings.error(&place, message).help(
                "put it into an entry of its own, the last one: \"ErrorEquals\": [\"States.ALL\"]",
            );
        }
        names.push(Arc::clone(name));
    }
    ErrorNames(names)
}
