//! What time it is.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use engine::Timestamp;
use tokio::time::Instant;

/// How long [`Clock::sleep_until`] sleeps without looking at the machine's clock, so that it is
/// noticed when the clock was set or the machine suspended.
const SLEEP_MAX: Duration = Duration::from_secs(30);

/// The same for the clock of tokio, which takes no longer sleeps than about two years.
const TOKIO_SLEEP_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Says what time it is, and waits until it is later.
#[derive(Debug)]
pub struct Clock {
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// The latest instant that was told: time never goes back, whoever sets the machine's clock.
    System {
        latest: AtomicI64,
    },
    Tokio {
        base: Timestamp,
        origin: Instant,
    },
}

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Clock {
        Clock { source: Source::System { latest: AtomicI64::new(i64::MIN) } }
    }

    /// The clock of tokio, which tests pause and move: it is `base` now.
    pub fn tokio(base: Timestamp) -> Clock {
        Clock { source: Source::Tokio { base, origin: Instant::now() } }
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        match &self.source {
            Source::System { latest } => {
                let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                let now = milliseconds(since_1970.unwrap_or_default());
                Timestamp(latest.fetch_max(now, Ordering::Relaxed).max(now))
            }
            Source::Tokio { base, origin } => {
                Timestamp(base.0.saturating_add(milliseconds(origin.elapsed())))
            }
        }
    }

    /// Returns at that instant or later.
    pub async fn sleep_until(&self, instant: Timestamp) {
        let sleep_max = match self.source {
            Source::System { .. } => SLEEP_MAX,
            Source::Tokio { .. } => TOKIO_SLEEP_MAX,
        };
        loop {
            let missing = instant.0.saturating_sub(self.now().0);
            let Ok(missing @ 1..) = u64::try_from(missing) else { return };
            tokio::time::sleep(Duration::from_millis(missing).min(sleep_max)).await;
        }
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
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
    fn the_clock_of_the_machine_never_goes_back() {
        let clock = Clock::system();
        let first = clock.now();
        assert!(first > Timestamp(1_700_000_000_000));
        let Source::System { latest } = &clock.source else { panic!("a system clock") };
        latest.store(first.0 + 3_600_000, Ordering::Relaxed);
        assert_eq!(clock.now(), Timestamp(first.0 + 3_600_000));
    }
}
