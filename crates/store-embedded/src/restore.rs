//! Rows that follow from other rows, written anew where they were lost.
//!
//! The places in lists, the names and the marks of what is kept behind the horizon follow from the
//! headers. A checkpoint that is lost makes loading longer, and nothing else. A header that can be
//! read, and is doubted since a newer one may have been in what was lost, is believed where it has
//! the revision of the last records: a change of a header comes with records. So after tables were
//! mended, what stays lost are headers that are gone or old, agendas, resources and records.
//!
//! One thing may come back: an execution that was removed for its age, where the row that says so
//! was lost before its records were removed too. It is removed again for the same reason.

use std::collections::BTreeMap;
use std::ops::Bound;

use engine::ExecutionId;
use lsm_tree::{Guard, Slice};
use store::encoding::decode_header;
use store::{ExecutionHeader, StoreError};

use crate::changes::{Value, Write};
use crate::database::{Database, Table, View, WriteFailure};
use crate::error::store_error;
use crate::lost::LostRange;
use crate::{keys, resources};

/// As many rows are written at a time.
const BATCH_ROWS: usize = 1_000;

/// After the versions of resources were lost, the next one is greater than any that is known by
/// this: resources that are gone had versions too.
const VERSION_MARGIN: u64 = 1 << 32;

/// Writes what can be written anew, and tells how many rows these were. Nothing else may be
/// written meanwhile.
///
/// # Errors
/// Where something cannot be read or written; then it is to be tried again.
pub(crate) fn restore(database: &Database) -> Result<u64, StoreError> {
    let lost = database.lost();
    let parts = |letters: &[u8]| -> Vec<LostRange> {
        let index = lost.iter().filter(|range| range.table == Table::Index);
        index.flat_map(|range| letters.iter().filter_map(|it| range.of_letter(*it))).collect()
    };
    let derived = parts(keys::DERIVED);
    let mut restoring = Restoring { database, derived, writes: Vec::new(), rows: 0 };
    restoring.restore_headers(&parts(&[keys::HEADER]))?;
    restoring.write()?;
    if restoring.derived.is_empty() {
        return Ok(restoring.rows);
    }
    restoring.restore_numbers()?;
    restoring.restore_places()?;
    restoring.write()?;
    let mut rest: Vec<_> =
        lost.iter().filter(|range| range.table == Table::History).cloned().collect();
    rest.extend(parts(keys::NOT_DERIVED));
    let written = database.set_lost(rest);
    written.map_err(|error| StoreError::Refused(format!("what was lost: {error}")))?;
    Ok(restoring.rows)
}

struct Restoring<'a> {
    database: &'a Database,
    derived: Vec<LostRange>,
    writes: Vec<Write>,
    rows: u64,
}

impl Restoring<'_> {
    fn covers(&self, key: &[u8]) -> bool {
        self.derived.iter().any(|range| range.covers(Table::Index, key))
    }

    fn add(&mut self, key: &[u8], value: Value) -> Result<(), StoreError> {
        self.writes.push(Write { table: Table::Index, key: key.into(), value });
        if self.writes.len() >= BATCH_ROWS { self.write() } else { Ok(()) }
    }

    fn put(&mut self, key: &[u8], value: impl AsRef<[u8]>) -> Result<(), StoreError> {
        self.add(key, Value::Put(Slice::from(value.as_ref())))
    }

    fn write(&mut self) -> Result<(), StoreError> {
        let mut writes = std::mem::take(&mut self.writes);
        // No row may be in a batch twice.
        writes.sort_by(|one, other| one.key.cmp(&other.key));
        writes.dedup_by(|one, other| one.key == other.key);
        if writes.is_empty() {
            return Ok(());
        }
        self.rows += writes.len() as u64;
        let written = self.database.write(writes, None);
        written.map_err(WriteFailure::into_error)
    }

    /// Headers that are doubted, and are as new as their records.
    fn restore_headers(&mut self, doubted: &[LostRange]) -> Result<(), StoreError> {
        let view = self.database.view();
        for range in doubted {
            let bounds =
                (Bound::Included(range.first.clone()), Bound::Included(range.last.clone()));
            for row in view.range(Table::Index, bounds) {
                let (key, row) =
                    row.into_inner().map_err(|error| store_error("headers", &error))?;
                match view.get(Table::Index, &key) {
                    Ok(_) => continue,
                    Err(StoreError::Corrupt(_)) => {}
                    Err(error) => return Err(error),
                }
                let (Some(id), Ok(header)) = (keys::header_id(&key), decode_header(&row)) else {
                    continue;
                };
                match view.last_revision(id) {
                    Ok(last) if last == Some(header.revision) => self.put(&key, row)?,
                    // Unless the records say so, it is not believed.
                    Ok(_) | Err(StoreError::Corrupt(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// The horizon, which is the last one known, and the last version of a resource.
    fn restore_numbers(&mut self) -> Result<(), StoreError> {
        if self.covers(&keys::horizon()) {
            let horizon = self.database.horizon();
            self.put(&keys::horizon(), horizon.0)?;
        }
        if self.covers(&keys::resource_version()) {
            let view = self.database.view();
            let mut last = 0;
            for row in view.range(Table::Index, keys::resources()) {
                let (key, row) =
                    row.into_inner().map_err(|error| store_error("resources", &error))?;
                last = last.max(resources::version(&key, &row)?);
            }
            self.put(&keys::resource_version(), (last + VERSION_MARGIN).to_be_bytes())?;
        }
        Ok(())
    }

    /// The places in lists, the names and the marks of what is kept.
    fn restore_places(&mut self) -> Result<(), StoreError> {
        let view = self.database.view();
        let mut newest = BTreeMap::new();
        let all = keys::header(ExecutionId([0; 16]))..=keys::header(ExecutionId([0xFF; 16]));
        for header in view.headers((Bound::Included(*all.start()), Bound::Included(*all.end()))) {
            let (id, Ok(header)) = header? else { continue };
            let is_kept = id <= view.horizon();
            if is_kept && !self.is_kept(&view, &header)? {
                continue;
            }
            if is_kept && self.covers(&keys::kept(id)) {
                self.put(&keys::kept(id), [])?;
            }
            for key in places(&header, is_kept) {
                if self.covers(&key) {
                    self.put(&key, [])?;
                }
            }
            let name = keys::name(&header.arn);
            if self.covers(&name) {
                let newest = newest.entry(name).or_insert(id);
                *newest = id.max(*newest);
            }
        }
        for (name, id) in newest {
            self.put(&name, id.0)?;
        }
        self.remove_stale_places(&view)
    }

    /// Whether an execution behind the horizon is kept: by its mark, or by its place in a list of
    /// such executions where the marks were lost.
    fn is_kept(&self, view: &View<'_>, header: &ExecutionHeader) -> Result<bool, StoreError> {
        let mark = keys::kept(header.id);
        if view.get_unchecked(Table::Index, &mark)?.is_some() {
            return Ok(true);
        }
        if !self.covers(&mark) {
            return Ok(false);
        }
        for key in places(header, true) {
            if self.covers(&key) || view.get_unchecked(Table::Index, &key)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Places that were left, with a row that says so, which was lost.
    fn remove_stale_places(&mut self, view: &View<'_>) -> Result<(), StoreError> {
        for range in self.derived.clone() {
            let bounds =
                (Bound::Included(range.first.clone()), Bound::Included(range.last.clone()));
            for row in view.range(Table::Index, bounds) {
                let key = row.key().map_err(|error| store_error("lists", &error))?;
                let Some((id, is_kept)) = keys::place(&key) else { continue };
                let is_stale = match view.header(id) {
                    Ok(Some(header)) => !places(&header, is_kept).any(|place| place == *key),
                    Ok(None) => true,
                    // Whatever it says of one that cannot be read is as good as anything.
                    Err(StoreError::Corrupt(_)) => false,
                    Err(error) => return Err(error),
                };
                if is_stale && range.covers(Table::Index, &key) {
                    self.add(&key, Value::Remove)?;
                }
            }
        }
        Ok(())
    }
}

/// The places in lists of an execution.
fn places(header: &ExecutionHeader, is_kept: bool) -> impl Iterator<Item = [u8; 35]> {
    let (status, id) = (header.status, header.id);
    header.lists().map(move |list| {
        let mut key = keys::listing(&list, status, id);
        if is_kept {
            keys::list_as_kept(&mut key);
        }
        key
    })
}
