//! What a commit writes, encoded on the caller's thread so that the writer only has to check it
//! and pass it on.

use engine::{ExecutionId, Status, Timestamp};
use lsm_tree::Slice;
use store::encoding::{AgendaRow, encode_agenda, encode_header, encode_records};
use store::{Commit, Expected, Revision, Scope};

use crate::database::Table;
use crate::removals::unlisting;
use crate::{agendas, keys};

/// A commit, encoded.
pub(crate) struct ExecutionChange {
    pub(crate) id: ExecutionId,
    pub(crate) expected: Expected,
    pub(crate) name: [u8; 17],
    pub(crate) scope: Scope,
    pub(crate) previous_status: Option<Status>,
    pub(crate) status: Status,
    pub(crate) revision: Revision,
    pub(crate) due: Option<Timestamp>,
    pub(crate) writes: Vec<Write>,
}

/// A row to write.
pub(crate) struct Write {
    pub(crate) table: Table,
    pub(crate) key: Slice,
    pub(crate) value: Value,
}

impl Write {
    /// Whether it writes a resource.
    pub(crate) fn is_of_resource(&self) -> bool {
        self.table == Table::Index && keys::is_resource(&self.key)
    }
}

/// What to do with a row.
pub(crate) enum Value {
    /// Put this there.
    Put(Slice),
    /// Remove it.
    Remove,
    /// Remove a row that was put there once: leaves nothing behind for later scans to step over.
    RemoveOnce,
}

impl ExecutionChange {
    pub(crate) fn new(commit: Commit) -> ExecutionChange {
        let Commit { expected, header, previous_status, records, agenda, checkpoint, resource } =
            commit;
        let mut change = ExecutionChange {
            id: header.id,
            expected,
            name: keys::name(&header.arn),
            scope: header.scope.clone(),
            previous_status,
            status: header.status,
            revision: header.revision,
            due: agendas::due(agenda.as_ref()),
            writes: Vec::with_capacity(8),
        };
        if !records.is_empty() {
            let key = keys::history(header.id, header.revision);
            change.put(Table::History, key, encode_records(&records));
        }
        if let Some(checkpoint) = checkpoint {
            let mut value = Vec::with_capacity(4 + checkpoint.len());
            value.extend_from_slice(&header.revision.0.to_be_bytes());
            value.extend_from_slice(&checkpoint);
            change.put(Table::Index, keys::checkpoint(header.id), value);
        }
        change.put(Table::Index, keys::header(header.id), encode_header(&header));
        if previous_status.is_none() {
            change.put(Table::Index, change.name, header.id.0);
        }
        if previous_status != Some(header.status) {
            for list in header.lists() {
                change.put(Table::Index, keys::listing(&list, header.status, header.id), []);
                if let Some(previous) = previous_status {
                    let key = keys::listing(&list, previous, header.id);
                    change.write(Table::Index, key, unlisting(&header));
                }
            }
        }
        if let Some((key, value)) = resource {
            let row = [&0_u64.to_be_bytes(), value.as_slice()].concat();
            change.put(Table::Index, keys::resource(&key), row);
        }
        // A row for whatever is open, even where nothing comes next, so that it is counted.
        if agenda.is_some() || header.status == Status::Running {
            let (scope, status, revision) = (header.scope, header.status, header.revision);
            let row = AgendaRow { scope, status, revision, agenda: agenda.unwrap_or_default() };
            change.put(Table::Index, keys::agenda(header.id), encode_agenda(&row));
        } else if previous_status.is_some() {
            change.write(Table::Index, keys::agenda(header.id), Value::Remove);
        }
        change
    }

    /// Whether it may write the row of its name.
    pub(crate) fn names(&self) -> bool {
        matches!(self.expected, Expected::New { .. })
    }

    /// Marks what is behind the horizon as kept, and lists it as such.
    pub(crate) fn keep(&mut self) {
        for write in &mut self.writes {
            if write.table == Table::Index && keys::is_listing(&write.key) {
                let mut key = write.key.to_vec();
                keys::list_as_kept(&mut key);
                write.key = key.into();
            }
        }
        if self.names() {
            self.put(Table::Index, keys::kept(self.id), []);
        }
    }

    /// How much the engine has to write.
    pub(crate) fn bytes(&self) -> usize {
        let size = |write: &Write| match &write.value {
            Value::Put(value) => write.key.len() + value.len(),
            Value::Remove | Value::RemoveOnce => write.key.len(),
        };
        self.writes.iter().map(size).sum()
    }

    fn put(&mut self, table: Table, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.write(table, key, Value::Put(Slice::from(value.as_ref())));
    }

    fn write(&mut self, table: Table, key: impl AsRef<[u8]>, value: Value) {
        self.writes.push(Write { table, key: Slice::from(key.as_ref()), value });
    }
}
