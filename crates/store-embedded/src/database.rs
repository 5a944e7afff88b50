//! The engine under the store, and its tables.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fjall::compaction::Leveled;
use fjall::{Keyspace, KeyspaceCreateOptions, PersistMode, Snapshot};

use crate::changes::{Value, Write};
use crate::{OpenError, Options, journal};

/// The engine's own marker, the last thing that it writes when it makes a database.
const MARKER_FILE: &str = "version";

/// Beyond this the engine writes out its memory. The least that it allows is 64 MiB; more makes
/// opening after a crash slower.
const JOURNAL_BYTES_MAX: u64 = 96 << 20;

/// Flushing and compaction. One of them keeps to flushing.
const WORKERS: usize = 2;

/// How long the engine's tables are. It closes and removes those that it has merged while its
/// writers wait, which takes a file system as long as they are: 50 ms for the 64 MiB that it would
/// make of itself.
const TABLE_BYTES: u64 = 8 << 20;

/// The engine makes its writers wait for its workers at 4, and goes on waiting where these have
/// failed; we wait before that, and look after them while we do.
const SEALED_MEMTABLES_MAX: usize = 2;
const FRESH_TABLES_MAX: usize = 16;
const WORKERS_PAUSE: Duration = Duration::from_millis(1);

/// How soon a reader looks again whether a batch is done.
const BATCH_PAUSE: Duration = Duration::from_micros(50);

/// A keyspace of the engine. Few of them, since each costs a dozen syncs when it is made and
/// several at every flush. The names are part of the stored form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    /// Records: most of the bytes, always appended, never changed.
    History,
    /// Everything else: small rows, some of which come and go.
    Index,
}

impl Table {
    const ALL: [Table; 2] = [Table::History, Table::Index];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Table::History => "history",
            Table::Index => "index",
        }
    }

    /// So large that both are written out about equally often under load: a journal is kept until
    /// all tables have written out what is in it, and what is kept is read after a crash.
    fn options(self) -> KeyspaceCreateOptions {
        let memtable_bytes_max = match self {
            Table::History => 16 << 20,
            Table::Index => 8 << 20,
        };
        let compaction = Leveled::default().with_table_target_size(TABLE_BYTES);
        KeyspaceCreateOptions::default()
            .max_memtable_size(memtable_bytes_max)
            .compaction_strategy(Arc::new(compaction))
    }
}

/// The engine, open.
pub(crate) struct Database {
    engine: fjall::Database,
    tables: [Keyspace; Table::ALL.len()],
    /// The batch that is being written has this number or a greater one; the greatest number where
    /// none is.
    writing: AtomicU64,
}

impl Database {
    /// Opens it, or makes it where there is none.
    pub(crate) fn open(path: &Path, options: &Options) -> Result<Database, OpenError> {
        remove_unfinished(path)?;
        let torn = journal::check(path)?;
        match (Database::open_engine(path, options), torn) {
            (Err(OpenError::Corrupt { .. }), Some(torn)) => {
                torn.cut_off()?;
                Database::open_engine(path, options)
            }
            (opened, _) => opened,
        }
    }

    /// The engine asserts much of what it reads, so that damage may make it panic.
    fn open_engine(path: &Path, options: &Options) -> Result<Database, OpenError> {
        catch_unwind(|| Database::try_open_engine(path, options))
            .unwrap_or_else(|_| Err(OpenError::corrupt(path, "the storage engine panicked")))
    }

    fn try_open_engine(path: &Path, options: &Options) -> Result<Database, OpenError> {
        let failed = |error| OpenError::engine(path, error);
        let engine = fjall::Database::builder(path)
            .cache_size(options.cache_bytes)
            .max_journaling_size(JOURNAL_BYTES_MAX)
            .journal_compression(fjall::CompressionType::None)
            .worker_threads(WORKERS)
            .open()
            .map_err(failed)?;
        let open = |table: Table| engine.keyspace(table.name(), || table.options());
        let tables: Vec<_> =
            Table::ALL.into_iter().map(open).collect::<Result<_, _>>().map_err(failed)?;
        let tables = tables.try_into().ok().expect("as many as there are names");
        Ok(Database { engine, tables, writing: AtomicU64::new(u64::MAX) })
    }

    pub(crate) fn table(&self, table: Table) -> &Keyspace {
        &self.tables[table as usize]
    }

    /// All tables as one batch left them.
    ///
    /// The engine's own snapshots are not quite that: each time that one of its workers puts a new
    /// table in place, all numbers given so far become visible, also that of a batch whose rows
    /// are still being put in place one by one. Whoever comes just then waits for that batch;
    /// the next one is out of sight, since its number is not given yet.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let snapshot = self.engine.snapshot();
        while snapshot.seqno() > self.writing.load(Ordering::Acquire) {
            std::thread::sleep(BATCH_PAUSE);
        }
        snapshot
    }

    /// Puts these rows in place together, on the disk when this returns. No row may be there twice.
    pub(crate) fn write(&self, writes: Vec<Write>) -> Result<(), fjall::Error> {
        self.wait_for_workers()?;
        let mut batch = fjall::OwnedWriteBatch::with_capacity(self.engine.clone(), writes.len());
        for Write { table, key, value } in writes {
            let table = self.table(table);
            match value {
                Value::Put(value) => batch.insert(table, key, value),
                Value::Remove => batch.remove(table, key),
                Value::RemoveOnce => batch.remove_weak(table, key),
            }
        }
        self.writing.store(self.next_number(), Ordering::SeqCst);
        let _done = Done(&self.writing);
        batch.durability(Some(PersistMode::SyncData)).commit()
    }

    /// No batch that was committed so far has this number or a greater one.
    pub(crate) fn next_number(&self) -> u64 {
        self.engine.seqno()
    }

    /// Waits until the engine's workers have caught up.
    fn wait_for_workers(&self) -> Result<(), fjall::Error> {
        let is_behind = |table: &Keyspace| {
            table.sealed_memtable_count() >= SEALED_MEMTABLES_MAX
                || table.l0_table_count() >= FRESH_TABLES_MAX
        };
        while self.tables.iter().any(is_behind) {
            // Fails where a worker has failed.
            self.engine.persist(PersistMode::Buffer)?;
            std::thread::sleep(WORKERS_PAUSE);
        }
        Ok(())
    }

    /// Writes everything in memory to tables, so that the next opening need not.
    pub(crate) fn flush(&self) -> Result<(), fjall::Error> {
        self.engine.persist(PersistMode::SyncAll)?;
        for table in &self.tables {
            table.rotate_memtable()?;
        }
        while self.tables.iter().any(|table| table.sealed_memtable_count() > 0) {
            self.engine.persist(PersistMode::Buffer)?;
            std::thread::sleep(WORKERS_PAUSE);
        }
        Ok(())
    }
}

/// Says that no batch is being written, when it goes, however that comes.
struct Done<'a>(&'a AtomicU64);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(u64::MAX, Ordering::Release);
    }
}

/// Removes what is left of making a database when that was cut short, which the engine would
/// stumble over. Refuses where that is not certain.
fn remove_unfinished(path: &Path) -> Result<(), OpenError> {
    let marker = path.join(MARKER_FILE);
    if !path.exists() || marker.exists() {
        return Ok(());
    }
    if journal::holds_batches(path)? || path.join("keyspaces").join("1").exists() {
        return Err(OpenError::corrupt(&marker, "missing, although there is data"));
    }
    fs::remove_dir_all(path).map_err(OpenError::io(path))
}
