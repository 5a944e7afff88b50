//! The tasks of the runtime: those that a shutdown waits for, and those that live as long as the
//! runtime does.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::shell::Shell;

/// The pause before a background task that panicked is begun again: at first, and at last. Each is
/// twice as long as the one before.
const RESTART_PAUSE_MIN: Duration = Duration::from_millis(100);
const RESTART_PAUSE_MAX: Duration = Duration::from_secs(30);

/// How often a shutdown says what it waits for.
const WAIT_TOLD_EVERY: Duration = Duration::from_secs(5);

/// What a task does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// Drives or commits an execution.
    Execution,
    /// Calls a service, or describes or stops a job of one.
    Call,
    /// Starts, awaits or stops a nested execution.
    Child,
    /// Drives a Map Run.
    MapRun,
    /// Lives as long as the runtime.
    Background,
}

impl Work {
    const ALL: [Work; 5] =
        [Work::Execution, Work::Call, Work::Child, Work::MapRun, Work::Background];

    /// As it follows a number.
    fn name(self) -> &'static str {
        match self {
            Work::Execution => "executions",
            Work::Call => "calls of services",
            Work::Child => "nested executions",
            Work::MapRun => "Map Runs",
            Work::Background => "background tasks",
        }
    }
}

/// The tasks that must not be cut off: while there are any, the store stays open.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    all: AtomicUsize,
    by_work: [AtomicUsize; Work::ALL.len()],
    ended: Notify,
    restarts: AtomicU64,
}

impl Tasks {
    /// Returns when there are none, or after that time, and says meanwhile what it waits for.
    pub(crate) async fn wait(&self, wait_max: Duration) {
        let deadline = Instant::now() + wait_max;
        loop {
            let ended = self.ended.notified();
            if self.all.load(Ordering::Acquire) == 0 {
                return;
            }
            let told = (Instant::now() + WAIT_TOLD_EVERY).min(deadline);
            tokio::select! {
                biased;
                () = ended => {}
                () = tokio::time::sleep_until(told) => {
                    if Instant::now() >= deadline {
                        tracing::error!(
                            waits_for = %self, seconds = wait_max.as_secs(),
                            "the shutdown waits no longer; what is cut off goes on after the next \
                             start"
                        );
                        return;
                    }
                    tracing::warn!(waits_for = %self, "the shutdown waits");
                }
            }
        }
    }
}

/// How many there are of each kind.
impl fmt::Display for Tasks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for work in Work::ALL {
            let count = self.by_work[work as usize].load(Ordering::Relaxed);
            if count > 0 {
                write!(formatter, "{separator}{count} {}", work.name())?;
                separator = ", ";
            }
        }
        Ok(())
    }
}

/// A task that a shutdown waits for.
pub(crate) struct TaskCount {
    shell: Arc<Shell>,
    work: Work,
}

impl Drop for TaskCount {
    fn drop(&mut self) {
        let tasks = &self.shell.tasks;
        tasks.by_work[self.work as usize].fetch_sub(1, Ordering::Relaxed);
        if tasks.all.fetch_sub(1, Ordering::AcqRel) == 1 {
            tasks.ended.notify_waiters();
        }
    }
}

impl Shell {
    /// Runs a task of an execution that a shutdown waits for, and that no caller's end cuts off.
    pub(crate) fn spawn(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn_as(Work::Execution, task);
    }

    /// As [`Shell::spawn`], of other work.
    pub(crate) fn spawn_as(
        self: &Arc<Self>,
        work: Work,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let counted = self.count_task(work);
        tokio::spawn(async move {
            let _counted = counted;
            task.await;
        });
    }

    /// Makes a shutdown wait until the value is dropped.
    pub(crate) fn count_task(self: &Arc<Self>, work: Work) -> TaskCount {
        self.tasks.all.fetch_add(1, Ordering::Relaxed);
        self.tasks.by_work[work as usize].fetch_add(1, Ordering::Relaxed);
        TaskCount { shell: self.clone(), work }
    }

    /// Runs a task that lives as long as the runtime does. Where it panics, it is begun again after
    /// a pause.
    pub(crate) fn supervise<F: Future<Output = ()> + Send + 'static>(
        self: &Arc<Self>,
        name: &'static str,
        task: impl Fn(Arc<Shell>) -> F + Send + 'static,
    ) {
        let shell = self.clone();
        self.spawn_as(Work::Background, async move {
            let mut pause = RESTART_PAUSE_MIN;
            loop {
                let began = Instant::now();
                // It is cancelled where the whole of tokio's runtime ends.
                let panicked =
                    tokio::spawn(task(shell.clone())).await.is_err_and(|error| error.is_panic());
                if !panicked || shell.is_closing() {
                    return;
                }
                shell.tasks.restarts.fetch_add(1, Ordering::Relaxed);
                if began.elapsed() > RESTART_PAUSE_MAX {
                    pause = RESTART_PAUSE_MIN;
                }
                tracing::error!(
                    task = name,
                    ?pause,
                    "a background task met a mistake in Stairwell, and is begun again"
                );
                tokio::select! {
                    biased;
                    () = tokio::time::sleep(pause) => {}
                    () = shell.closing() => return,
                }
                pause = (pause * 2).min(RESTART_PAUSE_MAX);
            }
        });
    }

    /// How often a background task was begun again.
    pub(crate) fn background_restarts(&self) -> u64 {
        self.tasks.restarts.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_shutdown_waits_for_what_is_under_way_and_not_for_ever() {
        for (seconds, waited) in [(3, 3), (1_000, 30)] {
            let clock = crate::Clock::tokio(engine::Timestamp(0));
            let config = crate::RuntimeConfig::new(clock, [1; 32]);
            let shell = Arc::new(Shell::new(Arc::new(store::MemoryStore::new()), config));
            shell.spawn_as(Work::Call, tokio::time::sleep(Duration::from_secs(seconds)));
            shell.spawn_as(Work::MapRun, tokio::time::sleep(Duration::from_secs(1)));
            assert_eq!(shell.tasks.to_string(), "1 calls of services, 1 Map Runs");
            let began = Instant::now();
            shell.shutdown().await;
            assert_eq!(began.elapsed().as_secs(), waited);
        }
    }
}
