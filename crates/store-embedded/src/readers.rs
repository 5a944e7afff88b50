//! Reads, where they do not keep a thread from serving others.
//!
//! What is in memory is read on the caller's thread. Whatever may have to be read from the disk, or
//! has to wait until the database is open again, is read on a few threads of the runtime's that may
//! block. A read that met a damaged table waits until that is mended, and is tried again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use store::StoreError;
use tokio::sync::{Notify, Semaphore};
use tokio::task::spawn_blocking;

use crate::database::Database;
use crate::store::Shared;

/// As many reads may block at a time; others wait, without a thread.
const BLOCKING_READS_MAX: usize = 16;

/// After so many tries a read answers what it met.
const TRIES_MAX: usize = 3;

/// Who may block, and who waits for tables to be mended.
#[derive(Debug)]
pub(crate) struct Readers {
    blocking: Arc<Semaphore>,
    mended: Notify,
}

impl Default for Readers {
    fn default() -> Readers {
        let blocking = Arc::new(Semaphore::new(BLOCKING_READS_MAX));
        Readers { blocking, mended: Notify::new() }
    }
}

impl Readers {
    /// Lets those go on that wait for tables to be mended.
    pub(crate) fn wake(&self) {
        self.mended.notify_waiters();
    }
}

impl Shared {
    /// Reads, on this thread where `is_in_memory` says that no disk is needed.
    pub(crate) async fn read_async<T: Send + 'static>(
        self: &Arc<Self>,
        is_in_memory: impl Fn(&Database) -> bool,
        call: impl Fn(&Database) -> Result<T, StoreError> + Clone + Send + 'static,
    ) -> Result<T, StoreError> {
        let mut tries = 1;
        loop {
            let mended = self.readers.mended.notified();
            let read = match self.read_now(&is_in_memory, &call) {
                Some(read) => read,
                None => self.read_blocking(call.clone()).await,
            };
            match read {
                Err(StoreError::Corrupt(_)) if self.alarm.is_looked_into() && tries < TRIES_MAX => {
                    mended.await;
                    tries += 1;
                }
                read => return read,
            }
        }
    }

    fn read_now<T>(
        &self,
        is_in_memory: impl Fn(&Database) -> bool,
        call: impl Fn(&Database) -> Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        let database = self.database.try_read()?;
        let database = database.as_ref().ok().filter(|database| is_in_memory(database))?;
        Some(catch(|| call(database)))
    }

    async fn read_blocking<T: Send + 'static>(
        self: &Arc<Self>,
        call: impl Fn(&Database) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.readers.blocking.clone().acquire_owned().await;
        let permit = permit.expect("the semaphore is never closed");
        let shared = self.clone();
        let read = spawn_blocking(move || {
            let _permit = permit;
            catch(|| shared.read(call))
        });
        let ended = || StoreError::Refused("the process ends".to_owned());
        read.await.unwrap_or_else(|_| Err(ended()))
    }
}

/// The engine asserts much of what it reads, so that damage may make it panic.
fn catch<T>(read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let panicked = || StoreError::Corrupt("the storage engine panicked".to_owned());
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(panicked()))
}
