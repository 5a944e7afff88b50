//! Removing executions that ended long ago.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use engine::{ExecutionId, Timestamp};
use store::{ExecutionHeader, Store, StoreError};
use tokio::time::Instant;

use crate::map_run::{map_run_is_running, remove_map_runs};
use crate::shell::Shell;

/// Executions that are looked at, and removed, at a time.
const PAGE: usize = 256;

/// Between two rounds over all that is old enough: a twentieth of the time that it is kept, but at
/// least and at most so many seconds.
const ROUND_PAUSE_SECONDS: RangeInclusive<u64> = 1..=600;

/// How long executions are kept after they have ended. What is open is always kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Retention {
    /// In seconds; for ever where it is none. AWS keeps them for 90 days.
    pub default_seconds: Option<u64>,
    /// The same for the executions of certain state machines, by the machine's name.
    pub machines: BTreeMap<String, Option<u64>>,
}

impl Retention {
    /// The last instant at which the execution is kept; none where it is kept for ever.
    fn keeps_until(&self, header: &ExecutionHeader) -> Option<Timestamp> {
        let name = header.state_machine_arn.rsplit(':').next().unwrap_or_default();
        let seconds = self.machines.get(name).unwrap_or(&self.default_seconds);
        Some(header.stop?.plus_seconds((*seconds)?))
    }

    /// How long after a round the next one begins.
    fn round_pause(&self) -> Option<Duration> {
        let (least, most) = ROUND_PAUSE_SECONDS.into_inner();
        Some(Duration::from_secs((self.shortest_seconds()? / 20).clamp(least, most)))
    }

    /// The shortest time that anything is kept; none where all is kept for ever.
    fn shortest_seconds(&self) -> Option<u64> {
        self.machines.values().chain([&self.default_seconds]).copied().flatten().min()
    }
}

/// Goes over all executions once, and removes those that need not be kept any more; only counts
/// them where `removes` is not set. Returns how many there are of each state machine, by its ARN.
///
/// # Errors
/// Where the store fails. What was removed until then stays so.
pub async fn purge(
    store: &Arc<dyn Store>,
    retention: &Retention,
    now: Timestamp,
    removes: bool,
) -> Result<BTreeMap<Arc<str>, u64>, StoreError> {
    let mut removed = BTreeMap::new();
    let Some(shortest) = retention.shortest_seconds() else { return Ok(removed) };
    let shortest = i64::try_from(shortest).unwrap_or(i64::MAX).saturating_mul(1_000);
    let ended_before = Timestamp(now.0.saturating_sub(shortest));
    let mut after: Option<ExecutionId> = None;
    loop {
        let page = store.ended_before(ended_before, after, PAGE).await?;
        let is_due = |header: &ExecutionHeader| {
            retention.keeps_until(header).is_some_and(|until| until < now)
        };
        let mut headers: Vec<_> = page.headers.into_iter().filter(is_due).collect();
        keep_awaited(&**store, &mut headers).await?;
        for header in &headers {
            *removed.entry(header.state_machine_arn.clone()).or_default() += 1;
        }
        if removes && !headers.is_empty() {
            let began = Instant::now();
            remove(&**store, headers).await?;
            // Half of the time is left to others, however fast the disk is.
            tokio::time::sleep(began.elapsed()).await;
        }
        after = page.next;
        if after.is_none() {
            return Ok(removed);
        }
    }
}

/// Takes out those that an open execution may still ask for: its nested executions, and the
/// children of its Map Runs. Their ends may not have reached it yet, however long ago they were:
/// the server was down for longer than executions are kept.
async fn keep_awaited(
    store: &dyn Store,
    headers: &mut Vec<ExecutionHeader>,
) -> Result<(), StoreError> {
    // Children of one parent, or of one run, are often beside one another.
    let mut parents = BTreeMap::<ExecutionId, bool>::new();
    let mut runs = BTreeMap::<String, bool>::new();
    let mut awaited = Vec::with_capacity(headers.len());
    for header in headers.iter() {
        let is_awaited = match (header.parent, header.map_run_arn()) {
            (Some(parent), _) => match parents.get(&parent.execution) {
                Some(is_open) => *is_open,
                None => {
                    let found = store.header(parent.execution).await?;
                    let is_open = found.is_some_and(|parent| parent.stop.is_none());
                    parents.insert(parent.execution, is_open);
                    is_open
                }
            },
            (None, Some(arn)) => match runs.get(&arn) {
                Some(is_running) => *is_running,
                None => {
                    let is_running = map_run_is_running(store, &header.scope, &arn).await?;
                    runs.insert(arn, is_running);
                    is_running
                }
            },
            (None, None) => false,
        };
        awaited.push(is_awaited);
    }
    let mut awaited = awaited.into_iter();
    headers.retain(|_| !awaited.next().expect("there is one for each"));
    Ok(())
}

/// Removes them, but those that somebody has redriven or removed meanwhile.
async fn remove(store: &dyn Store, headers: Vec<ExecutionHeader>) -> Result<(), StoreError> {
    let mut free = Vec::with_capacity(headers.len());
    for header in headers {
        match remove_map_runs(store, &header).await {
            Ok(()) => free.push(header),
            // Its runs go on: so does it.
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
    match store.remove(&free).await {
        Err(StoreError::Conflict) => {}
        removed => return removed,
    }
    for header in free {
        match store.remove(&[header]).await {
            Ok(()) | Err(StoreError::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Shell {
    /// Returns when the time of day is beyond doubt; says whether the runtime goes on.
    async fn day_is_sure(&self) -> bool {
        tokio::select! {
            biased;
            () = self.config.clock.believed() => true,
            () = self.closing() => false,
        }
    }

    /// Removes what need not be kept any more, now and then. Ends when the runtime closes.
    pub(crate) async fn run_retention(self: Arc<Self>) {
        let retention = &self.config.retention;
        let Some(pause) = retention.round_pause() else { return };
        loop {
            if !self.day_is_sure().await {
                return;
            }
            let round = purge(&self.store, retention, self.config.clock.day(), true);
            tokio::select! {
                biased;
                purged = round => match purged {
                    Ok(removed) if removed.is_empty() => {}
                    Ok(removed) => {
                        let executions: u64 = removed.values().sum();
                        tracing::info!(executions, "removed what ended long ago");
                    }
                    Err(error) => tracing::warn!(%error, "what ended long ago is not removed"),
                },
                () = self.closing() => return,
            }
            tokio::select! {
                biased;
                () = tokio::time::sleep(pause) => {}
                () = self.closing() => return,
            }
        }
    }
}
