//! Execution logs to CloudWatch Logs, through the integration that calls it.
//! See <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html>.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use engine::Failure;
use json::{Document, Object, Value};
use store::Scope;
use tokio::sync::{mpsc, oneshot};

use super::{Counts, Line};
use crate::shell::Shell;

/// The integration.
const SERVICE: &str = "aws-sdk:cloudwatchlogs";
/// The quota of AWS on the events of one call.
const EVENTS_MAX: usize = 10_000;
/// The quota of AWS on the bytes of one call, with [`EVENT_BYTES`] for each event.
const BYTES_MAX: usize = 1_048_576;
const EVENT_BYTES: usize = 26;
/// How long lines are gathered before a call.
const GATHERING: Duration = Duration::from_millis(100);
/// The pauses between attempts.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)];

/// Who writes where: the stream of a state machine in its log group.
type Place = (Scope, Arc<str>, Arc<str>);

/// Puts lines until the runtime closes, and then what is left.
pub(super) async fn deliver(
    shell: Weak<Shell>,
    mut lines: mpsc::UnboundedReceiver<Line>,
    mut closing: oneshot::Receiver<()>,
    counts: &Counts,
) {
    let mut streams: BTreeMap<Place, Arc<str>> = BTreeMap::new();
    let mut is_closing = false;
    loop {
        let mut batch = Vec::new();
        let received = tokio::select! {
            biased;
            received = lines.recv_many(&mut batch, EVENTS_MAX) => received,
            _ = &mut closing, if !is_closing => {
                is_closing = true;
                lines.close();
                continue;
            }
        };
        if received == 0 {
            return;
        }
        if !is_closing {
            // More of the same execution is about to come.
            tokio::time::sleep(GATHERING).await;
            while let Ok(line) = lines.try_recv() {
                batch.push(line);
                if batch.len() >= EVENTS_MAX {
                    break;
                }
            }
        }
        let Some(shell) = shell.upgrade() else { return };
        let mut by_place: BTreeMap<Place, Vec<Line>> = BTreeMap::new();
        for line in batch {
            let place = (line.scope.clone(), line.group.clone(), line.machine.clone());
            by_place.entry(place).or_default().push(line);
        }
        for (place, lines) in by_place {
            for part in parts(lines) {
                put(&shell, &mut streams, &place, &part, counts).await;
                counts.done(&part);
            }
        }
    }
}

/// What fits in one call each, in the order of time, which the service asks for.
fn parts(mut lines: Vec<Line>) -> Vec<Vec<Line>> {
    lines.sort_by_key(|line| line.milliseconds);
    let mut parts: Vec<Vec<Line>> = Vec::new();
    let mut bytes = BYTES_MAX;
    for line in lines {
        let own = line.text.len() + EVENT_BYTES;
        match parts.last_mut() {
            Some(part) if bytes + own <= BYTES_MAX && part.len() < EVENTS_MAX => {
                bytes += own;
                part.push(line);
            }
            _ => {
                bytes = own;
                parts.push(vec![line]);
            }
        }
    }
    parts
}

async fn put(
    shell: &Arc<Shell>,
    streams: &mut BTreeMap<Place, Arc<str>>,
    place: &Place,
    lines: &[Line],
    counts: &Counts,
) {
    let mut pauses = PAUSES.into_iter();
    loop {
        let Err(failure) = try_put(shell, streams, place, lines).await else { return };
        // The stream may be gone, or may never have been made.
        streams.remove(place);
        match pauses.next() {
            Some(pause) => tokio::time::sleep(pause).await,
            None => {
                let error = failure.error.as_deref().unwrap_or_default();
                let cause = failure.cause.as_deref().unwrap_or_default();
                let reason = format!("{} takes none: {error}: {cause}", place.1);
                return counts.drop_events(lines.len() as u64, &reason);
            }
        }
    }
}

async fn try_put(
    shell: &Arc<Shell>,
    streams: &mut BTreeMap<Place, Arc<str>>,
    place: &Place,
    lines: &[Line],
) -> Result<(), Failure> {
    let (scope, group, machine) = place;
    let group_name = group_name(group);
    let stream = match streams.get(place) {
        Some(stream) => stream.clone(),
        None => {
            let stream = stream_name(shell, machine);
            let mut parameters = Object::new();
            parameters.insert("LogGroupName", group_name);
            parameters.insert("LogStreamName", stream.clone());
            call(shell, scope, "createLogStream", parameters).await?;
            streams.insert(place.clone(), stream.clone());
            stream
        }
    };
    let event = |line: &Line| {
        let mut event = Object::new();
        event.insert("Timestamp", line.milliseconds);
        event.insert("Message", &*line.text);
        Value::from(event)
    };
    let mut parameters = Object::new();
    parameters.insert("LogGroupName", group_name);
    parameters.insert("LogStreamName", stream);
    parameters.insert("LogEvents", lines.iter().map(event).collect::<Value>());
    call(shell, scope, "putLogEvents", parameters).await.map(drop)
}

/// The name of a stream as AWS names its own: the machine, the minute, and something of its own.
fn stream_name(shell: &Shell, machine: &str) -> Arc<str> {
    let minute = jiff::Timestamp::from_millisecond(shell.now().0)
        .map(|now| now.strftime("%Y-%m-%d-%H-%M").to_string())
        .unwrap_or_default();
    let own = crate::random::hexadecimal(&shell.random.bytes::<4>());
    format!("states/{machine}/{minute}/{own}").into()
}

/// The name in the ARN of a log group, `arn:aws:logs:<region>:<account>:log-group:<name>:*`.
fn group_name(arn: &str) -> &str {
    let name = arn.splitn(7, ':').nth(6).unwrap_or_default();
    name.strip_suffix(":*").unwrap_or(name)
}

async fn call(
    shell: &Arc<Shell>,
    scope: &Scope,
    action: &str,
    parameters: Object,
) -> Result<Document, Failure> {
    shell.call_unasked(scope, (SERVICE, action), parameters).await
}

impl Shell {
    /// Whether there is a log group of that ARN.
    ///
    /// # Errors
    /// Where that cannot be known.
    pub(crate) async fn log_group_exists(
        self: &Arc<Self>,
        scope: &Scope,
        arn: &str,
    ) -> Result<bool, Failure> {
        let name = group_name(arn);
        let mut parameters = Object::new();
        parameters.insert("LogGroupNamePrefix", name);
        let found = call(self, scope, "describeLogGroups", parameters).await?;
        let groups = found.value().get("LogGroups").and_then(Value::as_array).unwrap_or_default();
        let is_it = |group: &Value| {
            group.get("LogGroupName").and_then(Value::as_str).is_some_and(|found| found == name)
        };
        Ok(groups.iter().any(is_it))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_named_in_its_arn() {
        for (arn, expected) in [
            ("arn:aws:logs:us-east-1:111111111111:log-group:/aws/a:*", "/aws/a"),
            ("arn:aws:logs:us-east-1:111111111111:log-group:a", "a"),
            ("", ""),
        ] {
            assert_eq!(group_name(arn), expected);
        }
    }

    #[test]
    fn calls_keep_the_order_of_time_and_the_quotas() {
        let line = |milliseconds, length| Line {
            scope: Scope { account: "a".into(), region: "r".into() },
            group: "g".into(),
            machine: "m".into(),
            milliseconds,
            text: "x".repeat(length),
        };
        let parts = parts(vec![line(3, 500_000), line(1, 500_000), line(2, 100_000)]);
        let times: Vec<Vec<i64>> =
            parts.iter().map(|part| part.iter().map(|line| line.milliseconds).collect()).collect();
        assert_eq!(times, [vec![1, 2], vec![3]]);
    }
}
