//! What time it is, on two scales: the time of day, which timestamps are taken from, and the scale
//! of timers, which no step of the machine's clock moves.
//! See `docs/decisions/0021-two-scales-of-time.md`.

mod kept;
mod scales;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use engine::Timestamp;
use parking_lot::Mutex;
use store::{Store, StoreError};
use tokio::sync::Notify;
use tokio::time::Instant;

use kept::Kept;
use scales::{Before, Reading, Scales, Step};

/// How often the clocks are looked at where nobody asks what time it is.
const LOOK_PAUSE: Duration = Duration::from_secs(1);

/// When a sleeper looks again at the latest: the clock of tokio stands while a machine is
/// suspended. [`Clock::look_on`] wakes sleepers sooner.
const SLEEP_MAX: Duration = Duration::from_secs(30);

/// The same for the clock of tokio, which takes no longer sleeps than about two years.
const TOKIO_SLEEP_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

const MICROSECONDS_PER_MILLISECOND: i64 = 1_000;

/// Says what time it is, and waits until it is later.
#[derive(Debug)]
pub struct Clock {
    source: Source,
    scales: Mutex<Scales>,
    /// What was last written of it; none where nothing is to be.
    kept: Option<Mutex<Option<Kept>>>,
    woken: Notify,
}

/// One instant, on both scales.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Now {
    /// The time of day, as timestamps show it. Never goes back in the life of a process.
    pub shown: Timestamp,
    /// On the scale of timers. Differences are durations by the machine's running clock.
    pub timers: Timestamp,
}

#[derive(Debug)]
enum Source {
    /// The clocks of the machine.
    Machine,
    /// The clock of tokio, and how far the wall clock was set, in milliseconds.
    Tokio { base: Timestamp, origin: Instant, set_by: Arc<AtomicI64> },
}

impl Source {
    fn tokio(base: Timestamp, set_by: Arc<AtomicI64>) -> Source {
        Source::Tokio { base, origin: Instant::now(), set_by }
    }

    fn reading(&self) -> Reading {
        match self {
            Source::Machine => {
                // In this order: who is held up in between takes the day for earlier, not later.
                let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                let wall = microseconds(since_1970.unwrap_or_default());
                Reading { wall, running: running() }
            }
            Source::Tokio { base, origin, set_by } => {
                let base = base.0.saturating_mul(MICROSECONDS_PER_MILLISECOND);
                let running = base.saturating_add(microseconds(origin.elapsed()));
                let set_by = set_by.load(Ordering::Relaxed) * MICROSECONDS_PER_MILLISECOND;
                Reading { wall: running.saturating_add(set_by), running }
            }
        }
    }

    /// Tells the starts of machines apart; none where that is not known.
    fn start(&self) -> Option<Arc<str>> {
        match self {
            Source::Machine => {
                let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
                Some(id.trim().into())
            }
            Source::Tokio { .. } => Some("simulated".into()),
        }
    }
}

/// Microseconds since the machine was started, suspended or not.
fn running() -> i64 {
    microseconds(store::running_time())
}

impl Clock {
    /// The clocks of the machine, without a memory of earlier lives.
    pub fn system() -> Clock {
        Clock::new(Source::Machine, Before::Nothing, None)
    }

    /// The clock of tokio, which tests pause and move: it is `base` now.
    pub fn tokio(base: Timestamp) -> Clock {
        Clock::new(Source::tokio(base, Arc::default()), Before::Nothing, None)
    }

    /// The clocks of the machine, going on from what the store has of them. The runtime writes down
    /// what becomes of them.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn system_of(store: &dyn Store) -> Result<Clock, StoreError> {
        Clock::going_on(Source::Machine, store).await
    }

    /// As [`Clock::system_of`], on the clock of tokio, which runs since `base`. The wall clock is
    /// `set_by` milliseconds ahead of it, at any moment.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn tokio_of(
        base: Timestamp,
        set_by: Arc<AtomicI64>,
        store: &dyn Store,
    ) -> Result<Clock, StoreError> {
        Clock::going_on(Source::tokio(base, set_by), store).await
    }

    async fn going_on(source: Source, store: &dyn Store) -> Result<Clock, StoreError> {
        let kept = Kept::read(store).await?;
        let before = match &kept {
            Some(kept) => kept.before(source.start().as_deref()),
            None => {
                let ended = store.ended_before(Timestamp(i64::MAX), None, 1).await?;
                if ended.headers.is_empty() { Before::Nothing } else { Before::Unknown }
            }
        };
        Ok(Clock::new(source, before, Some(Mutex::new(kept))))
    }

    fn new(source: Source, before: Before, kept: Option<Mutex<Option<Kept>>>) -> Clock {
        let (scales, step) = Scales::begin(source.reading(), before);
        tell(step);
        Clock { source, scales: Mutex::new(scales), kept, woken: Notify::new() }
    }

    /// The instant on both scales.
    pub fn read(&self) -> Now {
        let mut scales = self.scales.lock();
        let step = scales.read(self.source.reading());
        let now = Now { shown: timestamp(scales.shown()), timers: timestamp(scales.timers()) };
        drop(scales);
        tell(step);
        now
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        self.read().shown
    }

    /// The time of day as it is believed now, which is behind what is [shown](Clock::now) after the
    /// wall clock was set back. What is removed for its age is removed by this one.
    pub fn day(&self) -> Timestamp {
        let mut scales = self.scales.lock();
        tell(scales.read(self.source.reading()));
        timestamp(scales.day())
    }

    /// Whether the time of day may be wrong: nothing is to be removed for its age now.
    pub fn is_doubted(&self) -> bool {
        let mut scales = self.scales.lock();
        tell(scales.read(self.source.reading()));
        scales.is_doubted()
    }

    /// Returns when the time of day is beyond doubt: after a minute, if the wall clock stays.
    pub async fn believed(&self) {
        while self.is_doubted() {
            self.look_on().await;
        }
    }

    /// Returns at that instant of the scale of timers, or later.
    pub async fn sleep_until(&self, instant: Timestamp) {
        let sleep_max = match self.source {
            Source::Machine => SLEEP_MAX,
            Source::Tokio { .. } => TOKIO_SLEEP_MAX,
        };
        loop {
            let woken = self.woken.notified();
            let missing = instant.0.saturating_sub(self.read().timers.0);
            let Ok(missing @ 1..) = u64::try_from(missing) else { return };
            tokio::select! {
                biased;
                () = tokio::time::sleep(Duration::from_millis(missing).min(sleep_max)) => {}
                () = woken => {}
            }
        }
    }

    /// Whether somebody must [look on](Clock::look_on) for steps to be seen.
    fn takes_steps(&self) -> bool {
        matches!(self.source, Source::Machine) || self.kept.is_some()
    }

    /// Looks at the clocks after a moment, and wakes sleepers where the scale of timers is not
    /// where it would be by the clock that they sleep by: after the machine was suspended.
    async fn look_on(&self) {
        let (before, began) = (self.read().timers, Instant::now());
        tokio::time::sleep(LOOK_PAUSE).await;
        let slept = began.elapsed().as_millis();
        let passed = self.read().timers.0.saturating_sub(before.0);
        if u128::try_from(passed).unwrap_or_default() > slept + LOOK_PAUSE.as_millis() / 2 {
            self.woken.notify_waiters();
        }
    }
}

fn tell(step: Option<Step>) {
    let seconds = |microseconds: i64| microseconds / 1_000_000;
    match step {
        None => {}
        Some(Step::Back(by)) => tracing::warn!(
            seconds = seconds(by),
            "the machine's clock was set back; timestamps go on at half speed until they are level"
        ),
        Some(Step::Doubted(by)) => tracing::warn!(
            seconds = seconds(by),
            "the machine's clock jumped ahead; it is believed, and old executions are removed \
             again, if it stays there for a minute"
        ),
        Some(Step::Ahead(by)) => tracing::warn!(
            seconds = seconds(by),
            "the machine's clock was set ahead, and is believed; timers run on as they were"
        ),
    }
}

fn timestamp(microseconds: i64) -> Timestamp {
    Timestamp(microseconds.div_euclid(MICROSECONDS_PER_MILLISECOND))
}

fn microseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_clock_of_tokio_moves_when_tokio_does() {
        let clock = Clock::tokio(Timestamp(1_000));
        assert_eq!(clock.now(), Timestamp(1_000));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(clock.now(), Timestamp(6_000));
        clock.sleep_until(Timestamp(100_000)).await;
        assert_eq!(clock.now(), Timestamp(100_000));
        clock.sleep_until(Timestamp(1)).await;
        assert_eq!(clock.now(), Timestamp(100_000));
    }

    #[test]
    fn the_clock_of_the_machine_tells_the_time_of_day() {
        let clock = Clock::system();
        let Now { shown, timers } = clock.read();
        let day = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert!((i64::try_from(day.as_millis()).unwrap() - shown.0).abs() < 10_000);
        assert!((timers.0 - shown.0).abs() < 10_000);
        assert!(!clock.is_doubted());
    }
}
