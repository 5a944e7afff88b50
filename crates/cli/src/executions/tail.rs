//! `stairwell wait` and `stairwell tail`: until an execution has ended.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use json::{Object, Value};
use story::Event;

use super::INCOMPLETE;
use super::reader::{Reader, as_on_the_wire};
use crate::arguments::{TailArguments, WaitArguments};
use crate::{print, threads};

/// How long after an answer the next question comes: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// How many events a page has.
const PAGE_EVENTS: i64 = 100;

/// Waits for the end of an execution.
pub(crate) fn wait(arguments: &WaitArguments) -> anyhow::Result<ExitCode> {
    let asked = &arguments.asked;
    let end = arguments.timeout.map(Duration::from_secs);
    threads::block_on(async {
        let reader = Reader::new(asked)?;
        let (began, mut pause) = (Instant::now(), PAUSES.0);
        loop {
            let described = reader.describe(&asked.execution_arn).await?;
            let status = Reader::status(&described)?.to_owned();
            let left = end.map(|end| end.saturating_sub(began.elapsed()));
            if status != "RUNNING" || left == Some(Duration::ZERO) {
                match asked.json {
                    true => print::line(as_on_the_wire(&described).to_pretty_string())?,
                    false => print::line(&status)?,
                }
                return Ok(exit_code(&status));
            }
            tokio::time::sleep(left.map_or(pause, |left| left.min(pause))).await;
            pause = PAUSES.1.min(pause * 2);
        }
    })?
}

fn exit_code(status: &str) -> ExitCode {
    match status {
        "SUCCEEDED" => ExitCode::SUCCESS,
        "RUNNING" => ExitCode::from(INCOMPLETE),
        _ => ExitCode::from(1),
    }
}

/// Prints events until the execution has ended.
pub(crate) fn tail(arguments: &TailArguments) -> anyhow::Result<ExitCode> {
    let asked = &arguments.asked;
    threads::block_on(async {
        let reader = Reader::new(asked)?;
        let (mut last, mut started, mut pause) = (0, None, PAUSES.0);
        loop {
            // The status first: what it tells of is in the history that is read after it.
            let described = reader.describe(&asked.execution_arn).await?;
            let events = news(&reader, &asked.execution_arn, last).await?;
            pause = if events.is_empty() { PAUSES.1.min(pause * 2) } else { PAUSES.0 };
            for (event, value) in &events {
                let start = *started.get_or_insert(event.at);
                match asked.json {
                    true => print::line(as_on_the_wire(value).to_text())?,
                    false => print::line(print::shown(&line(event, value, start)))?,
                }
                last = event.id;
            }
            let status = Reader::status(&described)?;
            if status != "RUNNING" {
                return Ok(exit_code(status));
            }
            tokio::time::sleep(pause).await;
        }
    })?
}

/// The events after that one: read from the newest on, since only these are new.
async fn news(reader: &Reader<'_>, arn: &str, last: u64) -> anyhow::Result<Vec<(Event, Value)>> {
    let mut parameters = Object::new();
    parameters.insert("ExecutionArn", arn);
    parameters.insert("MaxResults", PAGE_EVENTS);
    parameters.insert("ReverseOrder", true);
    let mut found = Vec::new();
    loop {
        let page = reader.api.call("getExecutionHistory", parameters.clone()).await?;
        let events = page.get("Events").and_then(Value::as_array).unwrap_or(&[]);
        for value in events {
            match Event::read(value) {
                Some(event) if event.id > last => found.push((event, value.clone())),
                _ => {
                    found.reverse();
                    return Ok(found);
                }
            }
        }
        match page.get("NextToken") {
            Some(token) => parameters.insert("NextToken", token.clone()),
            None => {
                found.reverse();
                return Ok(found);
            }
        }
    }
}

/// `   12  +0.912 s  TaskStateEntered  Pay`
fn line(event: &Event, value: &Value, start: i64) -> String {
    let kind = value.get("Type").and_then(Value::as_str).unwrap_or_default();
    let seconds = (event.at - start) as f64 / 1_000.0;
    let summary = event.summary();
    let gap = if summary.is_empty() { "" } else { "  " };
    format!("{:>5}  +{seconds:.3} s  {kind}{gap}{summary}", event.id)
}
