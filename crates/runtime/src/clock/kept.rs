//! What is stored of the clocks, so that timers go on across lives as if there had been one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use store::{ResourceKey, ResourceKind, Scope, Store, StoreError};

use super::Clock;
use super::scales::{Before, Offsets};
use crate::shell::Shell;

/// Offsets that differ by less, in microseconds, are not written again: a second.
const SAME_WITHIN: i64 = 1_000_000;

/// The row of the clocks: JSON, with the version that the store gave it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Kept {
    /// Which start of which machine; empty where that is not known.
    machine_start: Arc<str>,
    /// In microseconds: see [`Offsets`].
    day_offset: i64,
    /// In microseconds.
    timers_offset: i64,
    #[serde(skip)]
    version: u64,
}

fn key() -> ResourceKey {
    let scope = Scope { account: "".into(), region: "".into() };
    ResourceKey { kind: ResourceKind::Clock, scope, name: "clock".into() }
}

impl Kept {
    /// The row, where there is one.
    ///
    /// # Errors
    /// Where the store fails. A row that is something else says nothing.
    pub(super) async fn read(store: &dyn Store) -> Result<Option<Kept>, StoreError> {
        let Some(resource) = store.read_resource(&key()).await? else { return Ok(None) };
        let kept = serde_json::from_slice(&resource.value).unwrap_or_else(|error| {
            tracing::warn!(%error, "where the clocks were cannot be read, and is written anew");
            Kept::default()
        });
        Ok(Some(Kept { version: resource.version, ..kept }))
    }

    /// What it means to a life that begins now.
    pub(super) fn before(&self, machine_start: Option<&str>) -> Before {
        let offsets = Offsets { day: self.day_offset, timers: self.timers_offset };
        match machine_start {
            Some(start) if *start == *self.machine_start => Before::SameStart(offsets),
            _ => Before::OtherStart(offsets),
        }
    }

    fn says(&self, machine_start: &str, offsets: Offsets) -> bool {
        *self.machine_start == *machine_start
            && (self.day_offset - offsets.day).abs() < SAME_WITHIN
            && (self.timers_offset - offsets.timers).abs() < SAME_WITHIN
    }
}

impl Clock {
    /// Writes down where the clocks are, unless that is written.
    async fn keep(&self, store: &dyn Store) -> Result<(), StoreError> {
        let Some(kept) = &self.kept else { return Ok(()) };
        let machine_start = self.source.start().unwrap_or_default();
        let offsets = self.scales.lock().offsets();
        let before = kept.lock().clone();
        if before.as_ref().is_some_and(|it| it.says(&machine_start, offsets)) {
            return Ok(());
        }
        let Offsets { day: day_offset, timers: timers_offset } = offsets;
        let new = Kept { machine_start, day_offset, timers_offset, version: 0 };
        let value = serde_json::to_vec(&new).expect("three plain members can be written");
        let expected = before.map(|before| before.version);
        let version = match store.write_resource(&key(), expected, Some(value)).await {
            Ok(version) => version,
            Err(StoreError::Conflict) => {
                // The answer to an earlier write was lost: the next look writes again.
                *kept.lock() = Kept::read(store).await?;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        *kept.lock() = Some(Kept { version, ..new });
        Ok(())
    }
}

impl Shell {
    /// Looks at the clocks once a second, and writes down what became of them. Ends when the
    /// runtime closes.
    pub(crate) async fn run_clock(self: Arc<Self>) {
        let clock = &self.config.clock;
        if !clock.takes_steps() {
            return;
        }
        let mut fails = false;
        loop {
            let kept = clock.keep(&*self.store).await;
            if let Err(error) = &kept
                && !fails
            {
                tracing::warn!(%error, "where the clocks are is not written down");
            }
            fails = kept.is_err();
            tokio::select! {
                biased;
                () = self.closing() => return,
                () = clock.look_on() => {}
            }
        }
    }
}
