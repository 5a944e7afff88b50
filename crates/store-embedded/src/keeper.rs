//! What goes on beside the writer: memory is written out to tables, and tables are merged.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use lsm_tree::compaction::Leveled;
use lsm_tree::{AbstractTree, AnyTree, Table as TreeTable};
use parking_lot::{Condvar, Mutex};

use crate::database::{Table, Trees};
use crate::error::{describe, is_damaged};
use crate::log::{LogFolder, Turned};

/// How long merged tables are.
pub(crate) const TABLE_BYTES: u64 = 8 << 20;

/// So many sealed memtables of a tree may wait to be written out, and so many tables that were
/// written out may wait to be merged: then the writer waits too.
const SEALED_MAX: usize = 2;
const FRESH_TABLES_MAX: usize = 24;

/// So many tables may wait while merging meets damage that is not mended yet, or cannot be. Then
/// commits are refused: reads ask each of these tables.
const UNMERGED_TABLES_MAX: usize = 512;

/// The engine closes and removes merged tables, which takes a file system as long as they are,
/// where it lets go of the last version of a tree that has them, and its readers wait for that. So
/// we hold the tables of so many versions, and let go of them where nobody waits.
const VERSIONS_HELD: usize = 8;

/// The tables of some versions of the trees.
type Held = VecDeque<Vec<TreeTable>>;

/// Two threads, which end with this.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Memory to be written out.
pub(crate) struct Sealed {
    /// What can be let go of in the log then.
    pub(crate) turned: Turned,
}

struct Shared {
    trees: Arc<Trees>,
    log: Arc<LogFolder>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    sealed: VecDeque<Sealed>,
    /// There are new tables.
    is_fresh: bool,
    /// Why nothing goes on any more.
    failed: Option<(io::ErrorKind, String)>,
    /// Why tables are not merged, where one of them is damaged.
    unmerged: Option<String>,
    is_closed: bool,
}

impl Keeper {
    pub(crate) fn start(trees: Arc<Trees>, log: Arc<LogFolder>) -> io::Result<Keeper> {
        // What was there at the last end may be merged, or be gone.
        let state = Mutex::new(State { is_fresh: true, ..State::default() });
        let changed = Condvar::new();
        let shared = Arc::new(Shared { trees, log, state, changed });
        let keeper = Keeper { shared, threads: Mutex::default() };
        keeper.spawn("store-flush", Shared::write_out)?;
        keeper.spawn("store-merge", Shared::merge)?;
        Ok(keeper)
    }

    fn spawn(
        &self,
        name: &str,
        work: fn(&Shared) -> Result<(), lsm_tree::Error>,
    ) -> io::Result<()> {
        let shared = self.shared.clone();
        let thread = std::thread::Builder::new().name(name.to_owned());
        self.threads.lock().push(thread.spawn(move || shared.run(work))?);
        Ok(())
    }

    /// Fails where one of the threads has failed.
    pub(crate) fn check(&self) -> Result<(), lsm_tree::Error> {
        self.shared.state.lock().check()
    }

    /// Has memory written out.
    pub(crate) fn write_out(&self, sealed: Sealed) {
        self.shared.state.lock().sealed.push_back(sealed);
        self.shared.changed.notify_all();
    }

    /// Has tables looked at that may be gone.
    pub(crate) fn look(&self) {
        self.shared.state.lock().is_fresh = true;
        self.shared.changed.notify_all();
    }

    /// Waits while too much waits to be written out or to be merged.
    ///
    /// # Errors
    /// Where it waits for what cannot be merged.
    pub(crate) fn wait_for_room(&self) -> Result<(), lsm_tree::Error> {
        let trees = self.shared.trees.clone();
        let are_more_than = |max| trees.all().iter().any(|tree| tree.l0_run_count() >= max);
        self.wait_while(|state| {
            state.sealed.len() >= SEALED_MAX
                || state.unmerged.is_none() && are_more_than(FRESH_TABLES_MAX)
        })?;
        match &self.shared.state.lock().unmerged {
            Some(reason) if are_more_than(UNMERGED_TABLES_MAX) => {
                let reason = format!("tables cannot be merged any more: {reason}");
                Err(io::Error::other(reason).into())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Waits until nothing waits to be written out.
    pub(crate) fn wait_until_written_out(&self) -> Result<(), lsm_tree::Error> {
        self.wait_while(|state| !state.sealed.is_empty())
    }

    fn wait_while(&self, mut is_wanted: impl FnMut(&State) -> bool) -> Result<(), lsm_tree::Error> {
        let mut state = self.shared.state.lock();
        while state.failed.is_none() && is_wanted(&state) {
            self.shared.changed.wait(&mut state);
        }
        state.check()
    }
}

impl Keeper {
    /// Ends both threads, when they have done what they are at.
    pub(crate) fn stop(&self) {
        self.shared.state.lock().is_closed = true;
        self.shared.changed.notify_all();
        for thread in self.threads.lock().drain(..) {
            // It catches its panics.
            let _ = thread.join();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop();
    }
}

impl State {
    fn check(&self) -> Result<(), lsm_tree::Error> {
        match &self.failed {
            Some((kind, reason)) => Err(io::Error::new(*kind, reason.clone()).into()),
            None => Ok(()),
        }
    }
}

impl Shared {
    fn run(&self, work: impl FnOnce(&Shared) -> Result<(), lsm_tree::Error>) {
        let failed = match catch_unwind(AssertUnwindSafe(|| work(self))) {
            Ok(Ok(())) => return,
            Ok(Err(lsm_tree::Error::Io(error))) => (error.kind(), error.to_string()),
            Ok(Err(error)) => (io::ErrorKind::Other, error.to_string()),
            Err(_) => (io::ErrorKind::Other, "the storage engine panicked".to_owned()),
        };
        tracing::error!(failed = failed.1, "tables cannot be written");
        self.state.lock().failed = Some(failed);
        self.changed.notify_all();
    }

    /// Writes out what is sealed, until the end.
    fn write_out(&self) -> Result<(), lsm_tree::Error> {
        loop {
            let turned = {
                let mut state = self.state.lock();
                while state.sealed.is_empty() && !state.is_closed {
                    self.changed.wait(&mut state);
                }
                let Some(sealed) = state.sealed.front() else { return Ok(()) };
                sealed.turned.clone()
            };
            for tree in self.trees.all() {
                let lock = tree.get_flush_lock();
                tree.flush(&lock, self.trees.unseen_before())?;
            }
            self.log.free(&turned)?;
            let mut state = self.state.lock();
            state.sealed.pop_front();
            state.is_fresh = true;
            self.changed.notify_all();
        }
    }

    /// Drops tables in which nothing is left.
    fn drop_gone(&self, held: &mut Held) -> Result<(), lsm_tree::Error> {
        for table in Table::ALL {
            let tree = self.trees.tree(table);
            // Nothing is written out meanwhile, or it might be dropped too.
            let _lock = tree.get_flush_lock();
            let tables: Vec<_> = tree.current_version().iter_tables().cloned().collect();
            let gone = self.trees.horizon.gone_ranges(table, &tables)?;
            held.push_back(tables);
            for (first, last) in gone {
                tree.drop_range(first..=last)?;
            }
        }
        Ok(())
    }

    /// Merges tables where there are new ones, until the end. What is damaged is left for whom the
    /// alarm calls, and the other tree is merged.
    fn merge(&self) -> Result<(), lsm_tree::Error> {
        let strategy = Arc::new(Leveled::default().with_table_target_size(TABLE_BYTES));
        let mut held = Held::new();
        loop {
            {
                let mut state = self.state.lock();
                while !state.is_fresh && !state.is_closed {
                    self.changed.wait(&mut state);
                }
                if state.is_closed {
                    return Ok(());
                }
                state.is_fresh = false;
            }
            let mut damage = None;
            damage = damage.or(damage_in(self.drop_gone(&mut held))?);
            for (table, tree) in Table::ALL.into_iter().zip(self.trees.all()) {
                let found = damage_in(self.merge_tree(tree, &strategy, &mut held))?;
                damage = damage.or(found.map(|found| format!("{}: {found}", table.name())));
            }
            if damage.is_some() {
                self.trees.raise_alarm();
            }
            self.state.lock().unmerged = damage;
            self.changed.notify_all();
            held.drain(..held.len().saturating_sub(2));
        }
    }

    fn merge_tree(
        &self,
        tree: &AnyTree,
        strategy: &Arc<Leveled>,
        held: &mut Held,
    ) -> Result<(), lsm_tree::Error> {
        loop {
            let version = tree.current_version();
            let before = version.id();
            held.push_back(version.iter_tables().cloned().collect());
            drop(version);
            tree.compact(strategy.clone(), self.trees.unseen_before())?;
            if held.len() > VERSIONS_HELD {
                held.pop_front();
            }
            self.changed.notify_all();
            if tree.current_version().id() == before || self.state.lock().is_closed {
                return Ok(());
            }
        }
    }
}

/// What is damaged, apart from what cannot be written or read at all.
fn damage_in(result: Result<(), lsm_tree::Error>) -> Result<Option<String>, lsm_tree::Error> {
    match result {
        Ok(()) => Ok(None),
        Err(error) if is_damaged(&error) => Ok(Some(describe(&error))),
        Err(error) => Err(error),
    }
}
