//! Threads for work that may take long: steps, and what is compiled. They are apart from those that
//! serve requests, fire timers and hear the store's answers.
//!
//! Promises: work that is little is done where it is asked for; no more than so many pieces of the
//! rest are under way at a time; a panic costs the piece that met it.
//!
//! Does not: break work off. What is long is made of pieces by those who ask (see [`LongWork`]).

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

/// The work that is done where it is asked for, in the units of [`engine::Limits::work_per_step`]:
/// two hundred states, about a tenth of a millisecond.
const WORK_AT_ONCE: u64 = 4_000;

/// The stack of a thread. Expressions may use 1 MiB of it.
const STACK_BYTES: usize = 4 << 20;

/// Something to work on, piece by piece.
pub(crate) trait LongWork: Send + 'static {
    /// Whether even a small piece may take long.
    fn may_be_long(&self) -> bool;

    /// Goes on until it is done or that much work was done in all. Returns whether it is done.
    fn go_on(&mut self, work_max: u64) -> bool;
}

type Job = Box<dyn FnOnce() + Send>;

/// The threads; or none, where everything is done where it is asked for.
pub(crate) struct Compute {
    queue: Option<Arc<Queue>>,
}

#[derive(Default)]
struct Queue {
    jobs: Mutex<Jobs>,
    changed: Condvar,
}

/// In order. As many as there are callers, each of which waits for its own: driven executions and
/// requests in flight, which have bounds of their own.
#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    is_closed: bool,
}

impl Compute {
    /// So many threads.
    pub(crate) fn new(threads: usize) -> Compute {
        if threads == 0 {
            return Compute { queue: None };
        }
        let queue = Arc::new(Queue::default());
        for number in 0..threads {
            let queue = queue.clone();
            thread::Builder::new()
                .name(format!("compute-{number}"))
                .stack_size(STACK_BYTES)
                .spawn(move || queue.work())
                .expect("the system has a thread for each processor");
        }
        Compute { queue: Some(queue) }
    }

    /// Does it, and returns it when it is done; none where it panicked.
    pub(crate) async fn work<W: LongWork>(&self, mut work: W) -> Option<W> {
        if !work.may_be_long() {
            let go_on = AssertUnwindSafe(|| work.go_on(WORK_AT_ONCE));
            if catch_unwind(go_on).ok()? {
                return Some(work);
            }
        }
        self.run(move || {
            work.go_on(u64::MAX);
            work
        })
        .await
    }

    /// What the function gives, on a thread for what takes long; none where it panicked.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        function: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let Some(queue) = &self.queue else {
            return catch_unwind(AssertUnwindSafe(function)).ok();
        };
        let (sender, receiver) = oneshot::channel();
        queue.push(Box::new(move || {
            // A panic drops the sender, which tells of it.
            if let Ok(value) = catch_unwind(AssertUnwindSafe(function)) {
                // Who does not wait any more does not want it.
                let _ = sender.send(value);
            }
        }));
        receiver.await.ok()
    }
}

impl Drop for Compute {
    /// The threads end when they have done what waits.
    fn drop(&mut self) {
        if let Some(queue) = &self.queue {
            queue.jobs.lock().is_closed = true;
            queue.changed.notify_all();
        }
    }
}

impl Queue {
    fn push(&self, job: Job) {
        self.jobs.lock().waiting.push_back(job);
        self.changed.notify_one();
    }

    fn work(&self) {
        while let Some(job) = self.next() {
            job();
        }
    }

    /// The next job; none where there will be none any more.
    fn next(&self) -> Option<Job> {
        let mut jobs = self.jobs.lock();
        loop {
            if let Some(job) = jobs.waiting.pop_front() {
                return Some(job);
            }
            if jobs.is_closed {
                return None;
            }
            self.changed.wait(&mut jobs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts to an end, and notes down on which threads.
    struct Counting {
        end: u64,
        count: u64,
        threads: Vec<Option<String>>,
        may_be_long: bool,
    }

    impl LongWork for Counting {
        fn may_be_long(&self) -> bool {
            self.may_be_long
        }

        fn go_on(&mut self, work_max: u64) -> bool {
            self.threads.push(thread::current().name().map(str::to_owned));
            self.count = self.end.min(work_max);
            self.count == self.end
        }
    }

    async fn count(compute: &Compute, end: u64, may_be_long: bool) -> Vec<bool> {
        let work = Counting { end, count: 0, threads: Vec::new(), may_be_long };
        let done = compute.work(work).await.expect("it does not panic");
        assert_eq!(done.count, end);
        let is_apart = |name: &Option<String>| name.as_deref() == Some("compute-0");
        done.threads.iter().map(is_apart).collect()
    }

    #[tokio::test]
    async fn what_is_little_is_done_at_once_and_the_rest_apart() {
        let compute = Compute::new(1);
        assert_eq!(count(&compute, WORK_AT_ONCE, false).await, [false]);
        assert_eq!(count(&compute, WORK_AT_ONCE + 1, false).await, [false, true]);
        assert_eq!(count(&compute, 1, true).await, [true]);
        let here = Compute::new(0);
        assert_eq!(count(&here, WORK_AT_ONCE + 1, false).await, [false, false]);
    }

    #[tokio::test]
    async fn a_panic_costs_its_own_work_alone() {
        for threads in [0, 1] {
            let compute = Compute::new(threads);
            assert_eq!(compute.run(|| -> u8 { panic!("on purpose") }).await, None);
            assert_eq!(compute.run(|| 7).await, Some(7));
        }
    }

    #[tokio::test]
    async fn the_thread_that_asks_is_free_meanwhile() {
        let compute = Compute::new(1);
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let waits = compute.run(move || receiver.recv().is_ok());
        let sends = async { sender.send(()).expect("it waits for this") };
        // On one thread the second can only run while the first waits.
        assert_eq!(tokio::join!(waits, sends).0, Some(true));
    }
}
