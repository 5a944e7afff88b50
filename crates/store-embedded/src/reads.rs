//! Reading, on the caller's thread.

use std::ops::Bound;

use engine::{ExecutionId, Status, Timestamp};
use fjall::{Readable, Snapshot, UserValue};
use store::encoding::{AgendaRow, STATUSES, decode_agenda, decode_header};
use store::rebuild::{history_page, rebuild};
use store::{
    Ended, ExecutionHeader, ExecutionQuery, HistoryCursor, HistoryPage, ListCursor, Loaded,
    Resource, ResourceKey, ResourceKind, Revision, Scope, StoreError,
};

use crate::database::{Database, Table};
use crate::error::store_error;
use crate::keys;

impl Database {
    /// A row as it is now.
    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Result<Option<UserValue>, StoreError> {
        self.snapshot().get(self.table(table), key).map_err(|error| failed(table, key, &error))
    }

    pub(crate) fn header(&self, id: ExecutionId) -> Result<Option<ExecutionHeader>, StoreError> {
        let row = self.get(Table::Index, &keys::header(id))?;
        row.map(|row| decode_header(&row).map_err(|error| of(id, error))).transpose()
    }

    pub(crate) fn agenda(&self, id: ExecutionId) -> Result<Option<AgendaRow>, StoreError> {
        let row = self.get(Table::Index, &keys::agenda(id))?;
        row.map(|row| decode_agenda(&row).map_err(|error| of(id, error))).transpose()
    }

    pub(crate) fn find_execution(&self, arn: &str) -> Result<Option<ExecutionId>, StoreError> {
        self.newest(&keys::name(arn))
    }

    /// The newest execution with the ARN of that hash.
    pub(crate) fn newest(&self, name: &[u8; 17]) -> Result<Option<ExecutionId>, StoreError> {
        let Some(row) = self.get(Table::Index, name)? else { return Ok(None) };
        keys::execution_id(&row).map(Some).ok_or_else(|| malformed(Table::Index, name))
    }

    pub(crate) fn load(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError> {
        let view = View { database: self, snapshot: self.snapshot() };
        let Some(header) = view.header(id)? else { return Ok(None) };
        let checkpoint = view.get(Table::Index, &keys::checkpoint(id))?;
        let (revision, checkpoint) = match checkpoint.as_deref() {
            Some(row) => {
                let (revision, rest) = row
                    .split_first_chunk()
                    .ok_or_else(|| malformed(Table::Index, &keys::checkpoint(id)))?;
                (Revision(u32::from_be_bytes(*revision)), Some(rest))
            }
            None => (Revision(0), None),
        };
        let agenda = view.get(Table::Index, &keys::agenda(id))?;
        let agenda = agenda.map(|row| decode_agenda(&row)).transpose();
        let heartbeats = agenda.map_err(|error| of(id, error))?;
        let heartbeats = heartbeats.map_or(Vec::new(), |row| row.agenda.heartbeats);
        let begin = Bound::Excluded(keys::history(id, revision));
        let end = Bound::Included(keys::history(id, header.revision));
        let rows = view.history_rows(begin, end).map(|row| row.map(|(_, row)| row));
        rebuild(header, checkpoint, rows, &heartbeats).map(Some).map_err(|error| of(id, error))
    }

    pub(crate) fn history(
        &self,
        id: ExecutionId,
        from: Option<HistoryCursor>,
        limit: usize,
        reverse: bool,
    ) -> Result<HistoryPage, StoreError> {
        let view = View { database: self, snapshot: self.snapshot() };
        let (mut first, mut last) = (Revision(0), Revision(u32::MAX));
        match (from, reverse) {
            (Some(from), false) => first = from.revision,
            (Some(from), true) => last = from.revision,
            (None, _) => {}
        }
        let begin = Bound::Included(keys::history(id, first));
        let rows = view.history_rows(begin, Bound::Included(keys::history(id, last)));
        let page = match reverse {
            false => history_page(rows, from, limit, reverse),
            true => history_page(rows.rev(), from, limit, reverse),
        };
        page.map_err(|error| of(id, error))
    }

    pub(crate) fn list_executions(
        &self,
        query: &ExecutionQuery,
        status: Option<Status>,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ExecutionHeader>, StoreError> {
        let view = View { database: self, snapshot: self.snapshot() };
        let mut ids = Vec::new();
        for listed in STATUSES.into_iter().filter(|listed| status.is_none_or(|one| one == *listed))
        {
            let key = |id| keys::listing(query, listed, id);
            let begin = match after {
                Some(ListCursor(id)) => Bound::Excluded(key(id)),
                None => Bound::Included(key(ExecutionId([0xFF; 16]))),
            };
            let range = (begin, Bound::Included(key(ExecutionId([0; 16]))));
            let rows = view.snapshot.range(self.table(Table::Index), range);
            for row in rows.take(limit) {
                let key = row.key().map_err(|error| failed(Table::Index, &[], &error))?;
                ids.extend(keys::listing_id(&key));
            }
        }
        ids.sort_unstable_by(|one, other| other.cmp(one));
        ids.truncate(limit);
        let missing =
            |id: ExecutionId| StoreError::Corrupt(format!("{id} is listed, and not there"));
        ids.into_iter().map(|id| view.header(id)?.ok_or_else(|| missing(id))).collect()
    }

    pub(crate) fn ended_before(
        &self,
        instant: Timestamp,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Ended, StoreError> {
        let view = View { database: self, snapshot: self.snapshot() };
        let begin = match after {
            Some(id) => Bound::Excluded(keys::header(id)),
            None => Bound::Included(keys::header(ExecutionId([0; 16]))),
        };
        let last = ExecutionId::first(instant);
        if after.is_some_and(|id| id >= last) {
            return Ok(Ended::default());
        }
        let end = Bound::Excluded(keys::header(last));
        let mut ended = Ended::default();
        for row in view.snapshot.range(self.table(Table::Index), (begin, end)).take(limit) {
            let (key, row) =
                row.into_inner().map_err(|error| failed(Table::Index, b"h", &error))?;
            let id = keys::header_id(&key).ok_or_else(|| malformed(Table::Index, &key))?;
            ended.next = Some(id);
            let header = decode_header(&row).map_err(|error| of(id, error))?;
            let has_ended = header.stop.is_some_and(|stop| stop < instant);
            if has_ended && view.get(Table::Index, &keys::agenda(id))?.is_none() {
                ended.headers.push(header);
            }
        }
        Ok(ended)
    }

    pub(crate) fn read_resource(&self, key: &ResourceKey) -> Result<Option<Resource>, StoreError> {
        let key = keys::resource(key);
        let row = self.get(Table::Index, &key)?;
        row.map(|row| resource(&key, &row)).transpose()
    }

    pub(crate) fn list_resources(
        &self,
        kind: ResourceKind,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(ResourceKey, Resource)>, StoreError> {
        let prefix = keys::resource_prefix(kind, scope);
        let begin = match after {
            Some(name) => Bound::Excluded([&prefix, name.as_bytes()].concat()),
            None => Bound::Included(prefix.clone()),
        };
        let rows = self.snapshot().range(self.table(Table::Index), (begin, Bound::Unbounded));
        let mut resources = Vec::new();
        for row in rows.take(limit) {
            let (key, value) =
                row.into_inner().map_err(|error| failed(Table::Index, &prefix, &error))?;
            if !key.starts_with(&prefix) {
                break;
            }
            let name =
                keys::resource_name(&key, &prefix).ok_or_else(|| malformed(Table::Index, &key))?;
            let found = ResourceKey { kind, scope: scope.clone(), name };
            resources.push((found, resource(&key, &value)?));
        }
        Ok(resources)
    }

    /// So many agendas after that one.
    pub(crate) fn agendas_after(
        &self,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<(ExecutionId, AgendaRow)>, StoreError> {
        let begin = match after {
            Some(id) => Bound::Excluded(keys::agenda(id)),
            None => Bound::Included(keys::agenda(ExecutionId([0; 16]))),
        };
        let end = Bound::Included(keys::agenda(ExecutionId([0xFF; 16])));
        let rows = self.snapshot().range(self.table(Table::Index), (begin, end));
        let read = |row: fjall::Guard| {
            let place = keys::agenda(after.unwrap_or(ExecutionId([0; 16])));
            let (key, value) =
                row.into_inner().map_err(|error| failed(Table::Index, &place, &error))?;
            let id = keys::agenda_id(&key).ok_or_else(|| malformed(Table::Index, &key))?;
            Ok((id, decode_agenda(&value).map_err(|error| of(id, error))?))
        };
        rows.take(limit).map(read).collect()
    }
}

/// All tables as one batch left them.
struct View<'a> {
    database: &'a Database,
    snapshot: Snapshot,
}

impl View<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<UserValue>, StoreError> {
        let row = self.snapshot.get(self.database.table(table), key);
        row.map_err(|error| failed(table, key, &error))
    }

    fn header(&self, id: ExecutionId) -> Result<Option<ExecutionHeader>, StoreError> {
        let row = self.get(Table::Index, &keys::header(id))?;
        row.map(|row| decode_header(&row).map_err(|error| of(id, error))).transpose()
    }

    fn history_rows(
        &self,
        begin: Bound<[u8; 20]>,
        end: Bound<[u8; 20]>,
    ) -> impl DoubleEndedIterator<Item = Result<(Revision, UserValue), StoreError>> {
        let rows = self.snapshot.range(self.database.table(Table::History), (begin, end));
        rows.map(|row| {
            let (key, value) =
                row.into_inner().map_err(|error| failed(Table::History, &[], &error))?;
            let revision = keys::history_revision(&key);
            Ok((revision.ok_or_else(|| malformed(Table::History, &key))?, value))
        })
    }
}

/// Version, value.
fn resource(key: &[u8], row: &[u8]) -> Result<Resource, StoreError> {
    let (version, value) = row.split_first_chunk().ok_or_else(|| malformed(Table::Index, key))?;
    Ok(Resource { version: u64::from_be_bytes(*version), value: value.into() })
}

fn failed(table: Table, key: &[u8], error: &fjall::Error) -> StoreError {
    store_error(format_args!("{} {}", table.name(), key.escape_ascii()), error)
}

fn malformed(table: Table, key: &[u8]) -> StoreError {
    StoreError::Corrupt(format!("{} {}: not in our form", table.name(), key.escape_ascii()))
}

/// Says whose row it is that cannot be decoded.
fn of(id: ExecutionId, error: StoreError) -> StoreError {
    match error {
        StoreError::Corrupt(reason) => StoreError::Corrupt(format!("execution {id}: {reason}")),
        StoreError::Conflict | StoreError::Unavailable(_) => error,
    }
}
