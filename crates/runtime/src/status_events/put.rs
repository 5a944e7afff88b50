//! Putting events to EventBridge, through the integration that calls it.
//! See <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>.

use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{Failure, Timestamp};
use json::{Object, Value};
use store::Scope;
use tokio::task::JoinSet;

use super::{PAUSE_MAX, PAUSE_MIN, instant};
use crate::shell::Shell;

/// The integration.
const SERVICE: &str = "aws-sdk:eventbridge";
const SOURCE: &str = "aws.states";
const DETAIL_TYPE: &str = "Step Functions Execution Status Change";
/// The quotas of AWS on one call.
const ENTRIES_MAX: usize = 10;
const BYTES_MAX: usize = 256 << 10;
/// What an entry has besides its detail and its resource, as AWS counts.
const ENTRY_BYTES: usize = 14 + SOURCE.len() + DETAIL_TYPE.len();
/// How often it is told that EventBridge is away, at most.
const TELLING: Duration = Duration::from_secs(60);

/// An event to be put.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) scope: Scope,
    pub(super) execution_arn: Arc<str>,
    pub(super) time: Timestamp,
    pub(super) detail: String,
}

impl Entry {
    fn bytes(&self) -> usize {
        ENTRY_BYTES + self.execution_arn.len() + self.detail.len()
    }

    fn value(&self) -> Value {
        let mut entry = Object::new();
        entry.insert("Time", instant(self.time));
        entry.insert("Source", SOURCE);
        entry.insert("DetailType", DETAIL_TYPE);
        entry.insert("Resources", vec![Value::from(&*self.execution_arn)]);
        entry.insert("Detail", self.detail.as_str());
        entry.into()
    }

    fn drop_for(&self, error: &str, reason: &str) {
        let arn = &*self.execution_arn;
        tracing::warn!(arn, error, reason, "EventBridge refuses the event of a status change");
    }
}

/// Puts all of them, those of one execution in their order, however long it takes.
pub(super) async fn put_all(shell: &Arc<Shell>, entries: Vec<Entry>) {
    let put_lane = |lane: Vec<Vec<Entry>>| {
        let shell = shell.clone();
        async move {
            for batch in lane {
                put_batch(&shell, batch).await;
            }
        }
    };
    let lanes: JoinSet<()> = lanes(entries).into_iter().map(put_lane).collect();
    lanes.join_all().await;
}

/// What goes into one call each: the same account and region, within the quotas. Calls of one lane
/// follow one another; what is of one execution is in one lane.
fn lanes(entries: Vec<Entry>) -> Vec<Vec<Vec<Entry>>> {
    let mut lanes: Vec<Vec<Vec<Entry>>> = Vec::new();
    let mut bytes = 0;
    for entry in entries {
        let own = entry.bytes();
        let last = lanes.last_mut().and_then(|lane| {
            let batch = lane.last()?;
            let is_same = batch.last()?.execution_arn == entry.execution_arn;
            let fits = batch.len() < ENTRIES_MAX
                && bytes + own <= BYTES_MAX
                && batch[0].scope == entry.scope;
            Some((lane, is_same, fits))
        });
        match last {
            Some((lane, _, true)) => {
                bytes += own;
                lane.last_mut().expect("a lane has a batch").push(entry);
            }
            Some((lane, true, false)) => {
                bytes = own;
                lane.push(vec![entry]);
            }
            Some((_, false, false)) | None => {
                bytes = own;
                lanes.push(vec![vec![entry]]);
            }
        }
    }
    lanes
}

async fn put_batch(shell: &Arc<Shell>, mut batch: Vec<Entry>) {
    let mut pause = Duration::ZERO;
    let mut told: Option<Instant> = None;
    while !batch.is_empty() {
        let failure = match try_put(shell, &batch).await {
            Ok(left) if left.is_empty() => break,
            Ok(left) => {
                batch = left;
                Failure::named("some entries were not taken")
            }
            Err(failure) if is_final(&failure) => {
                // Which one it is is found by putting them one by one.
                let first = batch.remove(0);
                if batch.is_empty() {
                    let cause = failure.cause.as_deref().unwrap_or_default();
                    first.drop_for(failure.error.as_deref().unwrap_or_default(), cause);
                } else {
                    Box::pin(put_batch(shell, vec![first])).await;
                }
                continue;
            }
            Err(failure) => failure,
        };
        pause = (pause * 2).clamp(PAUSE_MIN, PAUSE_MAX);
        if told.is_none_or(|told| told.elapsed() >= TELLING) {
            told = Some(Instant::now());
            let error = failure.error.as_deref().unwrap_or_default();
            let cause = failure.cause.as_deref().unwrap_or_default();
            tracing::warn!(error, cause, "events of status changes wait for EventBridge");
        }
        tokio::time::sleep(pause).await;
    }
    if told.is_some() {
        tracing::info!("EventBridge takes events again");
    }
}

/// Whether the same call will never be taken.
fn is_final(failure: &Failure) -> bool {
    let error = failure.error.as_deref().unwrap_or_default();
    ["ValidationException", "RequestEntityTooLargeException"].iter().any(|it| error.ends_with(it))
}

/// Returns the entries that are to be put again.
async fn try_put(shell: &Arc<Shell>, batch: &[Entry]) -> Result<Vec<Entry>, Failure> {
    let mut parameters = Object::new();
    parameters.insert("Entries", batch.iter().map(Entry::value).collect::<Vec<Value>>());
    let answer = shell.call_unasked(&batch[0].scope, (SERVICE, "putEvents"), parameters).await?;
    let results = answer.value().get("Entries").and_then(Value::as_array).unwrap_or_default();
    let mut left = Vec::new();
    for (entry, result) in batch.iter().zip(results) {
        let text = |name: &str| result.get(name).and_then(Value::as_str);
        match text("ErrorCode") {
            None => {}
            Some(code) if may_pass(code) => left.push(entry.clone()),
            Some(code) => entry.drop_for(code, text("ErrorMessage").unwrap_or_default()),
        }
    }
    Ok(left)
}

/// Whether an entry that was refused with that may be taken another time.
fn may_pass(code: &str) -> bool {
    code.contains("Internal") || code.contains("Throttling") || code.contains("Unavailable")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries as `REGION EXECUTION BYTES`; lanes as the lengths of their batches.
    fn check(entries: &[(&str, &str, usize)], expected: &[&[usize]]) {
        let entry = |(region, execution, bytes): &(&str, &str, usize)| Entry {
            scope: Scope { account: "1".into(), region: (*region).into() },
            execution_arn: (*execution).into(),
            time: Timestamp(0),
            detail: "x".repeat(*bytes),
        };
        let lanes = lanes(entries.iter().map(entry).collect());
        let lengths: Vec<Vec<usize>> =
            lanes.iter().map(|lane| lane.iter().map(Vec::len).collect()).collect();
        assert_eq!(lengths, expected);
    }

    #[test]
    fn calls_keep_the_quotas_and_are_of_one_region() {
        check(&[], &[]);
        let many: Vec<String> = (0..23).map(|number| number.to_string()).collect();
        let many: Vec<_> = many.iter().map(|name| ("a", name.as_str(), 1)).collect();
        check(&many, &[&[10], &[10], &[3]]);
        let regions = [("a", "1", 1), ("b", "2", 1), ("b", "3", 1), ("a", "4", 1)];
        check(&regions, &[&[1], &[2], &[1]]);
        check(&[("a", "1", 200_000), ("a", "2", 50_000), ("a", "3", 50_000)], &[&[2], &[1]]);
    }

    #[test]
    fn what_is_of_one_execution_follows_one_another() {
        // The second execution's first event fits into the call before; its second must wait for it.
        let large = [("a", "1", 200_000), ("a", "1", 200_000), ("a", "2", 9), ("a", "2", 200_000)];
        check(&large, &[&[1, 2, 1]]);
        check(&[("a", "1", 1); 12], &[&[10, 2]]);
    }

    #[test]
    fn what_may_pass_is_told_from_what_will_not() {
        for (code, passes) in [
            ("InternalFailure", true),
            ("ThrottlingException", true),
            ("MalformedDetail", false),
            ("NotAuthorizedForSourceException", false),
        ] {
            assert_eq!(may_pass(code), passes, "{code}");
        }
        assert!(is_final(&Failure::named("EventBridge.ValidationException")));
        assert!(!is_final(&Failure::named("EventBridge.SdkClientException")));
        assert!(!is_final(&Failure::named("EventBridge.InternalException")));
    }
}
