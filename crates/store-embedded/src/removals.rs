//! Removing executions that have ended.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use engine::ExecutionId;
use lsm_tree::Slice;
use store::{ExecutionHeader, Revision, StoreError};

use crate::changes::{Value, Write};
use crate::database::{Database, Table, View};
use crate::keys;
use crate::reads::FoundHeader;

/// The horizon passes so many that are kept for each that goes: they cost a few rows each.
const KEPT_MAX: usize = 4;

/// As many records of executions that are gone are removed at a time: two megabytes of the log.
pub(crate) const ROWS_AT_ONCE: usize = 65_536;

/// What a removal writes.
pub(crate) struct Removal {
    pub(crate) writes: Vec<Write>,
    /// Where the horizon is then.
    pub(crate) horizon: Option<ExecutionId>,
    /// What can be written afterwards, and be left undone by a crash.
    pub(crate) cleanup: Cleanup,
}

/// Records of executions that are gone. Nobody sees them without a header, so that they are removed
/// a few at a time, each in a batch of its own; what is left undone goes when tables are merged
/// behind the horizon.
#[derive(Default)]
pub(crate) struct Cleanup {
    /// Executions, and the revisions up to which they have records.
    left: VecDeque<(ExecutionId, Revision)>,
}

impl Cleanup {
    pub(crate) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    pub(crate) fn append(&mut self, mut other: Cleanup) {
        self.left.append(&mut other.left);
    }

    /// Takes as many rows to be removed.
    pub(crate) fn take(&mut self, rows_max: usize) -> Vec<Write> {
        let mut writes = Vec::new();
        while let Some((id, revision)) = self.left.front_mut()
            && writes.len() < rows_max
        {
            if revision.0 == 0 {
                self.left.pop_front();
                continue;
            }
            let key = Slice::from(keys::history(*id, *revision).as_slice());
            writes.push(Write { table: Table::History, key, value: Value::RemoveOnce });
            revision.0 -= 1;
        }
        writes
    }
}

/// Removes them by a step of the horizon, as far as it comes, and row by row beyond it.
///
/// # Errors
/// [`StoreError::Conflict`] where one is not there at its header's revision.
pub(crate) fn plan(
    database: &Database,
    headers: &[ExecutionHeader],
) -> Result<Removal, StoreError> {
    let view = database.view();
    let mut ahead = BTreeMap::new();
    let mut removal = Removal { writes: Vec::new(), horizon: None, cleanup: Cleanup::default() };
    for header in headers {
        let found = view.header(header.id)?;
        if found.is_none_or(|found| found.revision != header.revision) {
            return Err(StoreError::Conflict);
        }
        if header.id > view.horizon() {
            ahead.insert(header.id, header);
        } else {
            removal.forget(header);
        }
    }
    let Some((&last, _)) = ahead.last_key_value() else {
        return Ok(removal.with_first_records());
    };
    let (kept, horizon) = passed(&view, &ahead, last)?;
    for header in ahead.into_values() {
        if header.id > horizon {
            removal.remove(&view, header)?;
        } else if !kept.is_empty() {
            // No table can be dropped as a whole then, and tables are merged where they overlap.
            removal.remove_rows(header);
        }
    }
    kept.iter().for_each(|(id, header)| removal.keep(*id, header.as_ref().ok()));
    removal.put(keys::horizon(), horizon.0);
    removal.horizon = Some(horizon);
    Ok(removal.with_first_records())
}

/// What the horizon passes besides these on its way to the last one, and where it comes to.
fn passed(
    view: &View<'_>,
    ahead: &BTreeMap<ExecutionId, &ExecutionHeader>,
    last: ExecutionId,
) -> Result<(Vec<FoundHeader>, ExecutionId), StoreError> {
    let range =
        (Bound::Excluded(keys::header(view.horizon())), Bound::Included(keys::header(last)));
    let mut kept = Vec::new();
    for header in view.headers(range) {
        let (id, header) = header?;
        if !ahead.contains_key(&id) {
            kept.push((id, header));
        }
        if kept.len() >= KEPT_MAX * ahead.len() {
            return Ok((kept, id));
        }
    }
    Ok((kept, last))
}

/// How an execution is taken off a list, given its header after that. A redrive puts it back to
/// where it was before, so that a row may be there for the second time.
pub(crate) fn unlisting(header: &ExecutionHeader) -> Value {
    match header.redrive_count {
        0 => Value::RemoveOnce,
        _ => Value::Remove,
    }
}

impl Removal {
    /// Takes records into the batch itself, which for most removals are all.
    fn with_first_records(mut self) -> Removal {
        self.writes.extend(self.cleanup.take(ROWS_AT_ONCE));
        self
    }

    /// Keeps it behind the horizon. One whose header cannot be read is in no list there.
    fn keep(&mut self, id: ExecutionId, header: Option<&ExecutionHeader>) {
        self.put(keys::kept(id), []);
        let Some(header) = header else { return };
        for list in header.lists() {
            let mut key = keys::listing(&list, header.status, header.id);
            keys::list_as_kept(&mut key);
            self.put(key, []);
        }
    }

    /// Keeps it no longer.
    fn forget(&mut self, header: &ExecutionHeader) {
        self.write(Table::Index, keys::kept(header.id), Value::Remove);
        for list in header.lists() {
            let mut key = keys::listing(&list, header.status, header.id);
            keys::list_as_kept(&mut key);
            self.write(Table::Index, key, Value::Remove);
        }
        self.remove_rows(header);
    }

    /// Removes the rows that say in the beginning of their key whose they are.
    fn remove_rows(&mut self, header: &ExecutionHeader) {
        self.cleanup.left.push_back((header.id, header.revision));
        self.write(Table::Index, keys::checkpoint(header.id), Value::Remove);
        self.write(Table::Index, keys::header(header.id), Value::Remove);
    }

    /// Removes all of its rows.
    fn remove(&mut self, view: &View<'_>, header: &ExecutionHeader) -> Result<(), StoreError> {
        self.remove_rows(header);
        for list in header.lists() {
            let key = keys::listing(&list, header.status, header.id);
            self.write(Table::Index, key, unlisting(header));
        }
        // It may have gone over to another execution.
        let name = keys::name(&header.arn);
        if view.newest(&name)? == Some(header.id) {
            self.write(Table::Index, name, Value::Remove);
        }
        Ok(())
    }

    fn put(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.write(Table::Index, key, Value::Put(Slice::from(value.as_ref())));
    }

    fn write(&mut self, table: Table, key: impl AsRef<[u8]>, value: Value) {
        self.writes.push(Write { table, key: Slice::from(key.as_ref()), value });
    }
}
