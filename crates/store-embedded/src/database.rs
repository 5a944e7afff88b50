//! The engine under the store: a log of our own, and trees of tables.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use engine::ExecutionId;
use lsm_tree::{
    AbstractTree, AnyTree, Cache, Config, DescriptorTable, InternalValue, Memtable,
    SequenceNumberCounter, ValueType,
};
use parking_lot::{Mutex, RwLock};
use store::{Revision, StoreError};

use crate::alarm::Alarm;
use crate::changes::{Value, Write};
use crate::disk::{self, Disk, RealDisk};
use crate::error::store_error;
use crate::horizon::Horizon;
use crate::keeper::{Keeper, Sealed};
use crate::log::{self, Form, Log, LogFolder, LogScan};
use crate::lost::{self, LostRange};
use crate::manifest::{self, MARKER_FILE, TABLES_FOLDER};
use crate::{OpenError, Options, keys, mend, restore};

pub(crate) const LOG_FOLDER: &str = "log";
/// As many unreadable executions are told of one by one.
const TOLD_MAX: usize = 1_000;

/// Open files of tables.
const FILES_MAX: usize = 400;

/// A tree of the engine. The names are part of the stored form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    /// Records: most of the bytes, always appended, never changed.
    History,
    /// Everything else: small rows, some of which come and go.
    Index,
}

impl Table {
    /// In the order of their numbers in the log.
    pub(crate) const ALL: [Table; 2] = [Table::History, Table::Index];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Table::History => "history",
            Table::Index => "index",
        }
    }
}

/// The trees, and who reads them.
pub(crate) struct Trees {
    /// The folder of the database.
    path: PathBuf,
    trees: [AnyTree; Table::ALL.len()],
    /// Gives the numbers of batches, and of the engine's own changes.
    numbers: SequenceNumberCounter,
    /// All batches with a lesser number can be seen.
    visible: AtomicU64,
    /// What readers see, and how many of them. Held while what is visible changes.
    views: Mutex<BTreeMap<u64, usize>>,
    pub(crate) horizon: Arc<Horizon>,
    alarm: Alarm,
    lost: RwLock<Vec<LostRange>>,
    /// Whether there is anything in `lost`, so that reads need not take its lock.
    has_lost: AtomicBool,
}

impl Trees {
    /// Says that something is damaged.
    pub(crate) fn raise_alarm(&self) {
        self.alarm.raise();
    }

    /// Whether what cannot be read now may be read later.
    pub(crate) fn is_looked_into(&self) -> bool {
        self.alarm.is_looked_into()
    }

    /// What was lost, as far as it concerns anybody still.
    pub(crate) fn lost(&self) -> Vec<LostRange> {
        self.lost.read().clone()
    }

    /// Replaces what was lost, on the disk too.
    pub(crate) fn set_lost(&self, lost: Vec<LostRange>) -> io::Result<()> {
        lost::write(&self.path, &lost)?;
        self.has_lost.store(!lost.is_empty(), Ordering::Release);
        *self.lost.write() = lost;
        Ok(())
    }

    /// What was lost, where that meets the condition.
    fn find_lost(&self, is_met: impl Fn(&LostRange) -> bool) -> Option<LostRange> {
        match self.has_lost.load(Ordering::Acquire) {
            true => self.lost.read().iter().find(|range| is_met(range)).cloned(),
            false => None,
        }
    }

    pub(crate) fn tree(&self, table: Table) -> &AnyTree {
        &self.trees[table as usize]
    }

    pub(crate) fn all(&self) -> &[AnyTree] {
        &self.trees
    }

    /// What no reader sees may go: versions of a row that a batch before this one has replaced.
    pub(crate) fn unseen_before(&self) -> u64 {
        let views = self.views.lock();
        let visible = self.visible.load(Ordering::Acquire);
        views.first_key_value().map_or(visible, |(oldest, _)| visible.min(*oldest))
    }
}

impl Drop for Trees {
    fn drop(&mut self) {
        self.horizon.set_index(None);
    }
}

/// The engine, open.
pub(crate) struct Database {
    trees: Arc<Trees>,
    writing: Mutex<Writing>,
    keeper: Keeper,
    pub(crate) told: Mutex<Told>,
    /// When so much is in the log, it is written out to tables.
    log_bytes: u64,
    /// Whether the writer waits for that.
    in_step: bool,
}

/// Where a database is.
pub(crate) struct Place {
    /// Where its log is.
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) path: PathBuf,
    /// How its log may look.
    pub(crate) form: Form,
}

/// Why rows were not put in place.
#[derive(Debug)]
pub(crate) enum WriteFailure {
    /// Nothing of them was written.
    Before(lsm_tree::Error),
    /// They may be in the log, whole or in part.
    During(io::Error),
}

impl WriteFailure {
    /// What it is to somebody who does not try again.
    pub(crate) fn into_error(self) -> StoreError {
        match self {
            WriteFailure::Before(error) => store_error("cannot write", &error),
            WriteFailure::During(error) => StoreError::Unknown(format!("cannot write: {error}")),
        }
    }
}

/// The executions that were told to be unreadable, each once, as long as they are few enough.
#[derive(Default)]
pub(crate) struct Told(HashSet<ExecutionId>);

impl Told {
    /// Whether to tell it.
    pub(crate) fn tells(&mut self, id: ExecutionId) -> bool {
        self.0.len() < TOLD_MAX && self.0.insert(id)
    }
}

/// What the writer alone uses.
struct Writing {
    log: Log,
    /// Where the trees take rows. Nobody but the writer seals them.
    memtables: [Arc<Memtable>; Table::ALL.len()],
}

impl Database {
    /// Opens it, or makes it where there is none. The log is read before anything is changed.
    /// Tables that the engine cannot open are mended.
    pub(crate) fn open(
        place: &Place,
        options: &Options,
        alarm: &Alarm,
    ) -> Result<Database, OpenError> {
        let path = &place.path;
        let read_log = || log::scan(&*place.disk, &path.join(LOG_FOLDER), place.form)?.sound();
        remove_unfinished(path, &read_log()?, place.form)?;
        disk::create_folders(&RealDisk, path).map_err(OpenError::io(path))?;
        mend::remove_copies(path)?;
        for table in Table::ALL {
            manifest::read(&path.join(table.name()))?;
        }
        let open = || {
            // Anew each time: the first attempt may have written the log again.
            let scan = read_log()?;
            // The engine asserts much of what it reads, so that damage may make it panic.
            catch_unwind(AssertUnwindSafe(|| Database::try_open(place, &scan, options, alarm)))
                .unwrap_or_else(|_| Err(OpenError::corrupt(path, "the storage engine panicked")))
        };
        let database = match open() {
            Err(OpenError::Corrupt { .. }) if mend::mend(path)? > 0 => open(),
            result => result,
        }?;
        match restore::restore(&database) {
            Ok(0) => {}
            Ok(rows) => tracing::warn!(rows, "rows that follow from others were written anew"),
            // What it met is damaged too, or the disk is full: it is done at the next opening.
            Err(error) => tracing::error!(%error, "rows that follow from others are not there"),
        }
        Ok(database)
    }

    fn try_open(
        place: &Place,
        scan: &LogScan,
        options: &Options,
        alarm: &Alarm,
    ) -> Result<Database, OpenError> {
        let path = &place.path;
        let numbers = SequenceNumberCounter::new(1);
        let horizon = Arc::<Horizon>::default();
        let trees = open_trees(path, options, &numbers, &horizon)?;
        let lost = lost::read(path)?;
        if scan.is_missing() {
            // Their names; the engine syncs what is in them.
            RealDisk.sync_folder(path).map_err(OpenError::io(path))?;
            // The name of the data folder is durable since its version was written.
            disk::make_folders_durable(&RealDisk, path, 1).map_err(OpenError::io(path))?;
        }
        let memtables = [trees[0].active_memtable(), trees[1].active_memtable()];
        let written_out = [0, 1].map(|tree: usize| trees[tree].get_highest_persisted_seqno());
        let lost_numbers = lost.iter().map(|range| range.newest);
        let mut last = written_out.iter().copied().flatten().chain(lost_numbers).max().unwrap_or(0);
        let log_path = path.join(LOG_FOLDER);
        if scan.is_missing() && last > 0 && place.form == Form::Now {
            return Err(OpenError::corrupt(&log_path, "missing, although there is data"));
        }
        let spare_bytes_max = options.log_bytes.saturating_mul(2);
        let log_folder = LogFolder::new(place.disk.clone(), &log_path, spare_bytes_max);
        let log = Log::open(&log_folder, scan, |batch| {
            last = last.max(batch.number);
            let mut is_needed = false;
            for write in batch.writes()? {
                let table = write.table as usize;
                if written_out[table].is_none_or(|written_out| batch.number > written_out) {
                    memtables[table].insert(row(write, batch.number));
                    is_needed = true;
                }
            }
            Ok(is_needed)
        })?;
        numbers.set(last + 1);
        let visible = AtomicU64::new(last + 1);
        set_horizon(&horizon, &trees[Table::Index as usize], path, last)?;
        let trees = Arc::new(Trees {
            path: path.to_owned(),
            trees,
            numbers,
            visible,
            views: Mutex::default(),
            horizon,
            alarm: alarm.clone(),
            has_lost: AtomicBool::new(!lost.is_empty()),
            lost: RwLock::new(lost),
        });
        let keeper = Keeper::start(trees.clone(), log_folder).map_err(OpenError::io(path))?;
        let writing = Mutex::new(Writing { log, memtables });
        let Options { log_bytes, in_step, .. } = *options;
        let told = Mutex::default();
        Ok(Database { trees, writing, keeper, told, log_bytes, in_step })
    }

    /// Whether all of the log is in the form of today.
    pub(crate) fn has_new_log(&self) -> bool {
        self.writing.lock().log.is_rewritten()
    }

    /// What was lost, as far as it concerns anybody still.
    pub(crate) fn lost(&self) -> Vec<LostRange> {
        self.trees.lost()
    }

    /// Replaces what was lost, on the disk too.
    pub(crate) fn set_lost(&self, lost: Vec<LostRange>) -> io::Result<()> {
        self.trees.set_lost(lost)
    }

    /// Ends the merging and writing out of tables, for good.
    pub(crate) fn stop(&self) {
        self.keeper.stop();
    }

    /// Whether what cannot be read now may be read later.
    pub(crate) fn is_looked_into(&self) -> bool {
        self.trees.is_looked_into()
    }

    /// Whether the newest version of a row is in the memory that rows are written to.
    pub(crate) fn holds(&self, table: Table, key: &[u8]) -> bool {
        self.trees.tree(table).active_memtable().get(key, u64::MAX).is_some()
    }

    /// Whether all records of an execution are there, and so are its other rows.
    pub(crate) fn holds_history(&self, id: ExecutionId) -> bool {
        self.holds(Table::History, &keys::history(id, Revision(1)))
    }

    /// The tables that the trees have now.
    pub(crate) fn tables(&self) -> Vec<(Table, u64)> {
        let numbers = |table: Table| {
            let version = self.trees.tree(table).current_version();
            let numbers: Vec<_> = version.iter_tables().map(|found| (table, found.id())).collect();
            numbers
        };
        Table::ALL.into_iter().flat_map(numbers).collect()
    }

    /// All tables as one batch left them.
    pub(crate) fn view(&self) -> View<'_> {
        let mut views = self.trees.views.lock();
        let number = self.trees.visible.load(Ordering::Acquire);
        let horizon = self.trees.horizon.last();
        *views.entry(number).or_default() += 1;
        View { trees: &self.trees, number, horizon }
    }

    /// Puts these rows in place together, on the disk when this returns. No row may be there twice.
    /// The horizon moves with them, where they say so.
    pub(crate) fn write(
        &self,
        writes: Vec<Write>,
        horizon: Option<ExecutionId>,
    ) -> Result<(), WriteFailure> {
        let mut writing = self.writing.lock();
        self.keeper.check().map_err(WriteFailure::Before)?;
        if writing.log.bytes() >= self.log_bytes {
            self.seal(&mut writing).map_err(WriteFailure::Before)?;
        }
        let number = self.trees.numbers.next();
        writing.log.append(number, &writes).map_err(WriteFailure::During)?;
        for write in writes {
            let memtable = &writing.memtables[write.table as usize];
            memtable.insert(row(write, number));
        }
        let views = self.trees.views.lock();
        self.trees.visible.store(number + 1, Ordering::Release);
        if let Some(last) = horizon {
            self.trees.horizon.set(last);
            drop(views);
            self.keeper.look();
        }
        Ok(())
    }

    /// The last execution that is gone, if it is not kept.
    pub(crate) fn horizon(&self) -> ExecutionId {
        self.trees.horizon.last()
    }

    /// After a write that failed for want of room: cuts off what it left in the log.
    pub(crate) fn cut_refused(&self) -> io::Result<()> {
        self.writing.lock().log.cut()
    }

    /// Has what is in memory written out, and takes up rows elsewhere meanwhile.
    fn seal(&self, writing: &mut Writing) -> Result<(), lsm_tree::Error> {
        self.keeper.wait_for_room()?;
        let turned = writing.log.turn()?;
        for (tree, memtable) in self.trees.all().iter().zip(&mut writing.memtables) {
            tree.rotate_memtable();
            *memtable = tree.active_memtable();
        }
        self.keeper.write_out(Sealed { turned });
        match self.in_step {
            true => self.keeper.wait_until_written_out(),
            false => Ok(()),
        }
    }

    /// Writes everything in memory to tables, and leaves an empty log: the next opening reads none.
    pub(crate) fn flush(&self) -> Result<(), lsm_tree::Error> {
        let mut writing = self.writing.lock();
        self.seal(&mut writing)?;
        self.keeper.wait_until_written_out()?;
        Ok(writing.log.conclude()?)
    }
}

/// Takes up the horizon from its row, as of that batch.
fn set_horizon(
    horizon: &Horizon,
    index: &AnyTree,
    path: &Path,
    last: u64,
) -> Result<(), OpenError> {
    let place = path.join(Table::Index.name());
    let row = index.get(keys::horizon(), last + 1);
    if let Some(row) = row.map_err(|error| OpenError::engine(&place, error))? {
        let last = keys::execution_id(&row);
        horizon.set(last.ok_or_else(|| OpenError::corrupt(&place, "the horizon is no id"))?);
    }
    horizon.set_index(Some(index.clone()));
    Ok(())
}

/// Opens the trees, or makes them where there are none.
fn open_trees(
    path: &Path,
    options: &Options,
    numbers: &SequenceNumberCounter,
    horizon: &Arc<Horizon>,
) -> Result<[AnyTree; Table::ALL.len()], OpenError> {
    let cache = Arc::new(Cache::with_capacity_bytes(options.cache_bytes));
    let files = Arc::new(DescriptorTable::new(FILES_MAX));
    let open = |table: Table| {
        let folder = path.join(table.name());
        // The engine counts up its own idea of what is visible, which is not ours.
        Config::new(&folder, numbers.clone(), SequenceNumberCounter::default())
            .use_cache(cache.clone())
            .use_descriptor_table(Some(files.clone()))
            .with_compaction_filter_factory(Some(horizon.filter(table)))
            .open()
            .map_err(|error| OpenError::engine(&folder, error))
    };
    let [history, index] = Table::ALL.map(open);
    Ok([history?, index?])
}

fn row(write: Write, number: u64) -> InternalValue {
    match write.value {
        Value::Put(value) => {
            InternalValue::from_components(write.key, value, number, ValueType::Value)
        }
        Value::Remove => InternalValue::new_tombstone(write.key, number),
        Value::RemoveOnce => InternalValue::new_weak_tombstone(write.key, number),
    }
}

/// All tables as one batch left them, for as long as this lives.
pub(crate) struct View<'a> {
    trees: &'a Trees,
    number: u64,
    horizon: ExecutionId,
}

impl View<'_> {
    pub(crate) fn tree(&self, table: Table) -> &AnyTree {
        self.trees.tree(table)
    }

    /// The last execution that is gone, if it is not kept.
    pub(crate) fn horizon(&self) -> ExecutionId {
        self.horizon
    }

    /// Says that something is damaged.
    pub(crate) fn raise_alarm(&self) {
        self.trees.raise_alarm();
    }

    /// Whether what cannot be read now may be read later.
    pub(crate) fn is_looked_into(&self) -> bool {
        self.trees.is_looked_into()
    }

    /// What was lost where that key is.
    pub(crate) fn lost_at(&self, table: Table, key: &[u8]) -> Option<LostRange> {
        self.trees.find_lost(|range| range.covers(table, key))
    }

    /// What was lost between these keys, which are included.
    pub(crate) fn lost_between(
        &self,
        table: Table,
        first: &[u8],
        last: &[u8],
    ) -> Option<LostRange> {
        self.trees.find_lost(|range| range.meets(table, first, last))
    }

    /// What the engine calls it.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for View<'_> {
    fn drop(&mut self) {
        let mut views = self.trees.views.lock();
        let count = views.get_mut(&self.number).expect("it is entered as long as it lives");
        *count -= 1;
        if *count == 0 {
            views.remove(&self.number);
        }
    }
}

/// Removes what is left of making a database when that was cut short. Refuses where that is not
/// certain.
fn remove_unfinished(path: &Path, scan: &LogScan, form: Form) -> Result<(), OpenError> {
    let folders = Table::ALL.map(|table| path.join(table.name()));
    let missing = folders.iter().map(|folder| folder.join(MARKER_FILE)).find(|it| !it.exists());
    let Some(missing) = missing else { return Ok(()) };
    let holds_tables = |folder: &Path| {
        fs::read_dir(folder.join(TABLES_FOLDER)).is_ok_and(|mut tables| tables.next().is_some())
    };
    // Today the log is made after the trees.
    let holds_batches = match form {
        Form::Now => !scan.is_missing(),
        Form::Before => scan.batches() > 0,
    };
    if holds_batches || folders.iter().any(|folder| holds_tables(folder)) {
        return Err(OpenError::corrupt(&missing, "missing, although there is data"));
    }
    if path.exists() {
        fs::remove_dir_all(path).map_err(OpenError::io(path))?;
    }
    Ok(())
}
