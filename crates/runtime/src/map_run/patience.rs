//! What the driver of a Map Run needs of the store: time, and the home of the parent.

use engine::{ExecutionId, Failure};
use store::StoreError;
use store::cluster::Tenure;

use super::drive::Halt;
use crate::shell::{Backoff, Shell};

/// The home of the parent, which whoever writes down how far the run is must hold.
#[derive(Clone, Copy)]
pub(super) struct HeldHome {
    pub(super) parent: ExecutionId,
    pub(super) tenure: Option<Tenure>,
}

impl HeldHome {
    /// Fails where another node may drive the run. Where one does, this driver is broken off.
    pub(super) fn check(self, shell: &Shell) -> Result<(), StoreError> {
        match shell.store.tenure(self.parent) {
            held if held == self.tenure => Ok(()),
            _ => Err(StoreError::Elsewhere),
        }
    }
}

/// Does something with the store, however long it is away.
pub(super) async fn insist<T, F: Future<Output = Result<T, StoreError>>>(
    shell: &Shell,
    mut action: impl FnMut() -> F,
) -> Result<T, Halt> {
    let mut backoff = Backoff::default();
    loop {
        match action().await {
            Ok(done) => return Ok(done),
            Err(error @ StoreError::Corrupt(_)) => {
                let cause = format!("The store cannot be read: {error}");
                return Err(Halt::Failed(Failure::new("States.Runtime", cause)));
            }
            Err(error) => {
                if !backoff.pause(shell, &error).await {
                    return Err(Halt::Closing);
                }
            }
        }
    }
}
