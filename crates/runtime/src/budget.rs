//! One bound on the memory of what is under way: requests, executions that are driven, what waits
//! for them, and Express executions.
//!
//! Promises: what a caller asks for is refused above the bound, so that the caller tries again
//! later. What was accepted before is done in any case, and counted: then more is refused.
//!
//! Does not: count what is at rest, which the caches weigh; or every byte. What is counted is the
//! size of payloads and records, and something for the rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::{OperationalError, Runtime};

/// What is in use, and the bound.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes: AtomicUsize,
    bytes_max: usize,
    /// Told when there is room again.
    freed: Notify,
}

/// A part of the bound, in use until the value is dropped.
#[derive(Debug)]
pub struct Reserved {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    pub(crate) fn new(bytes_max: usize) -> Arc<Budget> {
        Arc::new(Budget { bytes: AtomicUsize::new(0), bytes_max, freed: Notify::new() })
    }

    /// Takes a part of what is left.
    ///
    /// # Errors
    /// [`OperationalError::Overloaded`] where that is not enough.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: usize) -> Result<Reserved, OperationalError> {
        let reserved = self.take(bytes);
        if self.bytes.load(Ordering::Relaxed) > self.bytes_max {
            return Err(OperationalError::Overloaded);
        }
        Ok(reserved)
    }

    /// Counts what cannot be refused.
    pub(crate) fn take(self: &Arc<Self>, bytes: usize) -> Reserved {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        Reserved { budget: self.clone(), bytes }
    }

    /// Whether more is refused.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) >= self.bytes_max
    }

    /// Returns when there may be room again.
    pub(crate) async fn freed(&self) {
        let freed = self.freed.notified();
        if self.is_full() {
            freed.await;
        }
    }
}

impl Reserved {
    /// Counts so many bytes from now on.
    pub fn resize(&mut self, bytes: usize) {
        if bytes > self.bytes {
            self.budget.bytes.fetch_add(bytes - self.bytes, Ordering::Relaxed);
        } else {
            self.free(self.bytes - bytes);
        }
        self.bytes = bytes;
    }

    fn free(&self, bytes: usize) {
        let before = self.budget.bytes.fetch_sub(bytes, Ordering::Relaxed);
        if before >= self.budget.bytes_max && before - bytes < self.budget.bytes_max {
            self.budget.freed.notify_waiters();
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.free(self.bytes);
    }
}

impl Runtime {
    /// Counts the memory that a request takes while it is in flight.
    ///
    /// # Errors
    /// [`OperationalError::Overloaded`] where too much is under way.
    pub fn reserve(&self, bytes: usize) -> Result<Reserved, OperationalError> {
        self.shell.budget.reserve(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_exceeds_the_bound_is_refused_until_there_is_room() {
        let budget = Budget::new(100);
        let first = budget.reserve(60).unwrap();
        assert_eq!(budget.reserve(41).unwrap_err(), OperationalError::Overloaded);
        let second = budget.reserve(40).unwrap();
        assert!(budget.is_full());
        drop(first);
        assert!(!budget.is_full());
        // What cannot be refused counts all the same.
        let mut forced = budget.take(1_000);
        assert_eq!(budget.reserve(1).unwrap_err(), OperationalError::Overloaded);
        forced.resize(10);
        assert!(budget.reserve(50).is_ok());
        drop((second, forced));
        assert_eq!(budget.bytes.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn room_is_told() {
        let budget = Budget::new(100);
        budget.freed().await;
        let all = budget.take(100);
        let frees = async {
            tokio::task::yield_now().await;
            drop(all);
        };
        tokio::join!(budget.freed(), frees);
    }
}
