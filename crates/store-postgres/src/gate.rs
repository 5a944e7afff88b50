//! Reads wait while it is not known whether a commit was written: what they would find might not be
//! what is there a moment later.

use std::time::Duration;

use store::StoreError;
use tokio::sync::watch;

/// How long a read waits. Then the database has been away for long enough to say so.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// How many lanes are in doubt.
#[derive(Debug)]
pub(crate) struct Gate(watch::Sender<usize>);

/// A lane that is in doubt, until this is dropped.
pub(crate) struct Doubt<'a>(&'a Gate);

impl Gate {
    pub(crate) fn new() -> Gate {
        Gate(watch::Sender::new(0))
    }

    /// From now on reads wait.
    pub(crate) fn close(&self) -> Doubt<'_> {
        self.0.send_modify(|doubts| *doubts += 1);
        Doubt(self)
    }

    /// Comes back when nothing is in doubt.
    ///
    /// # Errors
    /// Where that takes too long.
    pub(crate) async fn pass(&self) -> Result<(), StoreError> {
        if *self.0.borrow() == 0 {
            return Ok(());
        }
        let mut doubts = self.0.subscribe();
        match tokio::time::timeout(WAIT_MAX, doubts.wait_for(|doubts| *doubts == 0)).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(StoreError::Refused("the database cannot be reached".to_owned())),
        }
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|doubts| *doubts -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What it answers at once, if anything.
    async fn pass_now(gate: &Gate) -> Option<Result<(), StoreError>> {
        tokio::select! {
            biased;
            passed = gate.pass() => Some(passed),
            () = std::future::ready(()) => None,
        }
    }

    #[tokio::test]
    async fn reads_wait_for_the_end_of_all_doubts() {
        let gate = Gate::new();
        assert_eq!(pass_now(&gate).await, Some(Ok(())));
        let (one, two) = (gate.close(), gate.close());
        assert_eq!(pass_now(&gate).await, None);
        drop(one);
        assert_eq!(pass_now(&gate).await, None);
        let (passed, ()) = tokio::join!(gate.pass(), async { drop(two) });
        assert_eq!(passed, Ok(()));
    }
}
