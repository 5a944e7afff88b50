//! Timers: one task for all executions, which sleeps until the store says that something is due.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use engine::Timestamp;
use tokio::sync::Notify;

use crate::live::Message;
use crate::shell::{Backoff, Shell};

/// How many executions are taken at a time.
const CLAIM_MAX: usize = 256;

/// When the timer task wakes.
pub(crate) struct Timers {
    /// In milliseconds, on the scale of timers; the greatest number where nothing is due.
    wake: AtomicI64,
    rung: Notify,
}

impl Timers {
    pub(crate) fn new() -> Timers {
        Timers { wake: AtomicI64::new(i64::MAX), rung: Notify::new() }
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
            // Cleared before the claim, so that what is committed meanwhile is not overlooked.
            self.timers.wake.store(i64::MAX, Ordering::Release);
            let claim = match self.store.claim_due(self.instant().timers, CLAIM_MAX).await {
                Ok(claim) => claim,
                Err(error) => {
                    if !backoff.pause(&self, &error).await {
                        return;
                    }
                    continue;
                }
            };
            backoff.reset();
            let is_full = claim.executions.len() >= CLAIM_MAX;
            for id in claim.executions {
                // What is claimed may have been left by another process, whatever its clock said:
                // its effects are asked for again. What is asked twice is done once.
                self.deliver(id, Message::recover());
            }
            self.timers.ring(claim.next_due);
            if is_full {
                // Lets the executions run that were just woken.
                tokio::task::yield_now().await;
            } else {
                self.sleep_until_due().await;
            }
        }
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
