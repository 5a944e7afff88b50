//! The clock of the machine that nobody sets.

use std::time::Duration;

/// How long the machine has been running since its start; on Linux also while it was suspended.
pub fn running_time() -> Duration {
    #[cfg(target_os = "linux")]
    let clock = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let clock = rustix::time::ClockId::Monotonic;
    let time = rustix::time::clock_gettime(clock);
    let microseconds = time.tv_sec * 1_000_000 + time.tv_nsec / 1_000;
    Duration::from_micros(microseconds.unsigned_abs())
}
