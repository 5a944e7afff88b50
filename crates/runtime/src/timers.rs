//! Timers: one task for all executions, which sleeps until the store says that something is due.
//!
//! Promises: timers drive so many executions at a time, however many are due, so that what callers
//! ask for does not wait for all of these.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use engine::{Input, Timestamp};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::live::Message;
use crate::shell::{Backoff, Shell};

/// How many executions are taken at a time.
const CLAIM_MAX: usize = 256;

/// The same where the memory is used up: timers are slow then, and do not stand still.
const FULL_CLAIM_MAX: usize = 8;

/// How long timers wait then, unless there is room before.
const FULL_PAUSE: Duration = Duration::from_millis(10);

/// When the timer task wakes.
pub(crate) struct Timers {
    /// In milliseconds, on the scale of timers; the greatest number where nothing is due.
    wake: AtomicI64,
    rung: Notify,
    /// One for each execution that is driven because it was due.
    permits: Arc<Semaphore>,
}

impl Timers {
    /// Has so many executions driven at a time.
    pub(crate) fn new(driven_max: usize) -> Timers {
        let permits = Arc::new(Semaphore::new(driven_max));
        Timers { wake: AtomicI64::new(i64::MAX), rung: Notify::new(), permits }
    }

    /// To be called after each commit, with what is due next: the timer task wakes then.
    pub(crate) fn ring(&self, due: Option<Timestamp>) {
        if let Some(Timestamp(due)) = due
            && due < self.wake.fetch_min(due, Ordering::AcqRel)
        {
            self.rung.notify_one();
        }
    }
}

/// Rings when it is dropped: also where the caller of a start goes away while it is committed.
pub(crate) struct RingOnDrop<'a> {
    pub(crate) timers: &'a Timers,
    pub(crate) due: Option<Timestamp>,
}

impl Drop for RingOnDrop<'_> {
    fn drop(&mut self) {
        self.timers.ring(self.due);
    }
}

impl Shell {
    /// Wakes executions when they are due; and, at first, those whose effects the last process left
    /// pending. Ends when the runtime closes.
    pub(crate) async fn run_timers(self: Arc<Self>) {
        let mut backoff = Backoff::default();
        while !self.is_closing() {
            let Some(mut permits) = self.timer_permits().await else { return };
            let claim_max = permits.len();
            // Cleared before the claim, so that what is committed meanwhile is not overlooked.
            self.timers.wake.store(i64::MAX, Ordering::Release);
            let claim = match self.store.claim_due(self.instant().timers, claim_max).await {
                Ok(claim) => claim,
                Err(error) => {
                    if !backoff.pause(&self, &error).await {
                        return;
                    }
                    continue;
                }
            };
            backoff.reset();
            let is_full = claim.executions.len() >= claim_max;
            for (index, id) in claim.executions.into_iter().enumerate() {
                // What the last process left pending is asked for again, and done once.
                let mut message = match index < claim.pending {
                    true => Message::recover(),
                    false => Message::input(Input::Tick),
                };
                message.permit = permits.pop();
                self.deliver(id, message);
            }
            drop(permits);
            self.timers.ring(claim.next_due);
            if is_full {
                // Lets the executions run that were just woken.
                tokio::task::yield_now().await;
            } else {
                self.sleep_until_due().await;
            }
        }
    }

    /// Permits to drive executions, one at least, when there are any; none where the runtime
    /// closes.
    /// Where the memory is used up, there are few at a time.
    async fn timer_permits(&self) -> Option<Vec<OwnedSemaphorePermit>> {
        if self.budget.is_full() {
            tokio::select! {
                biased;
                () = self.closing() => return None,
                () = self.budget.freed() => {}
                () = tokio::time::sleep(FULL_PAUSE) => {}
            }
        }
        let claim_max = if self.budget.is_full() { FULL_CLAIM_MAX } else { CLAIM_MAX };
        let permits = &self.timers.permits;
        let first = tokio::select! {
            biased;
            () = self.closing() => return None,
            first = permits.clone().acquire_owned() => first.expect("it is never closed"),
        };
        let others = std::iter::from_fn(|| permits.clone().try_acquire_owned().ok());
        Some(std::iter::once(first).chain(others).take(claim_max).collect())
    }

    async fn sleep_until_due(&self) {
        loop {
            let wake = Timestamp(self.timers.wake.load(Ordering::Acquire));
            if wake <= self.instant().timers {
                return;
            }
            let is_set = wake.0 < i64::MAX;
            tokio::select! {
                biased;
                () = self.closing() => return,
                () = self.config.clock.sleep_until(wake), if is_set => {}
                () = self.timers.rung.notified() => {}
            }
        }
    }
}
