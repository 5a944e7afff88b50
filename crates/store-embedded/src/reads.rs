//! Reading, on the caller's thread.

use std::ops::Bound;

use engine::{ExecutionId, Status, Timestamp};
use lsm_tree::{AbstractTree, Guard, IterGuardImpl, UserValue};
use store::encoding::{AgendaRow, STATUSES, decode_agenda, decode_header};
use store::rebuild::{history_page, rebuild};
use store::{
    Ended, ExecutionHeader, ExecutionQuery, HistoryCursor, HistoryPage, ListCursor, Loaded,
    Resource, ResourceKey, ResourceKind, Revision, Scope, StoreError,
};

use crate::database::{Database, Table, View};
use crate::error::store_error;
use crate::keys;

/// A part of the agendas.
pub(crate) struct AgendaSlice {
    pub(crate) rows: Vec<(ExecutionId, AgendaRow)>,
    /// The last one, where there may be more after it.
    pub(crate) next: Option<ExecutionId>,
}

impl Database {
    /// A row as it is now.
    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Result<Option<UserValue>, StoreError> {
        self.view().get(table, key)
    }

    pub(crate) fn header(&self, id: ExecutionId) -> Result<Option<ExecutionHeader>, StoreError> {
        self.view().header(id)
    }

    pub(crate) fn agenda(&self, id: ExecutionId) -> Result<Option<AgendaRow>, StoreError> {
        let view = self.view();
        if !view.is_there(id)? {
            return Ok(None);
        }
        let row = view.get(Table::Index, &keys::agenda(id))?;
        row.map(|row| decode_agenda(&row).map_err(|error| of(id, error))).transpose()
    }

    pub(crate) fn find_execution(&self, arn: &str) -> Result<Option<ExecutionId>, StoreError> {
        self.newest(&keys::name(arn))
    }

    /// The newest execution with the ARN of that hash.
    pub(crate) fn newest(&self, name: &[u8; 17]) -> Result<Option<ExecutionId>, StoreError> {
        self.view().newest(name)
    }

    pub(crate) fn load(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError> {
        let view = self.view();
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
        let view = self.view();
        if !view.is_there(id)? {
            return Ok(HistoryPage::default());
        }
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
        let view = self.view();
        let mut ids = Vec::new();
        for listed in STATUSES.into_iter().filter(|listed| status.is_none_or(|one| one == *listed))
        {
            view.listed(query, listed, after, limit, &mut ids)?;
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
        let view = self.view();
        let last = ExecutionId::first(instant);
        let mut ended = Ended::default();
        let mut left = limit;
        let mut look_at = |header: ExecutionHeader| {
            ended.next = Some(header.id);
            left -= 1;
            let has_ended = header.stop.is_some_and(|stop| stop < instant);
            if has_ended && view.get(Table::Index, &keys::agenda(header.id))?.is_none() {
                ended.headers.push(header);
            }
            Ok(left > 0)
        };
        let after = after.unwrap_or(ExecutionId([0; 16]));
        for id in view.kept(after, last).take(limit) {
            let id = id?;
            let missing = || StoreError::Corrupt(format!("{id} is kept, and not there"));
            if !look_at(view.header(id)?.ok_or_else(missing)?)? {
                return Ok(ended);
            }
        }
        let after = after.max(view.horizon());
        if after < last {
            let range = (Bound::Excluded(keys::header(after)), Bound::Excluded(keys::header(last)));
            for header in view.headers(range) {
                if !look_at(header?)? {
                    break;
                }
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
        let view = self.view();
        let rows = view.range(Table::Index, (begin, Bound::Unbounded));
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
    ) -> Result<AgendaSlice, StoreError> {
        let begin = match after {
            Some(id) => Bound::Excluded(keys::agenda(id)),
            None => Bound::Included(keys::agenda(ExecutionId([0; 16]))),
        };
        let end = Bound::Included(keys::agenda(ExecutionId([0xFF; 16])));
        let view = self.view();
        let (mut rows, mut last, mut count) = (Vec::new(), None, 0);
        for row in view.range(Table::Index, (begin, end)).take(limit) {
            let place = keys::agenda(last.or(after).unwrap_or(ExecutionId([0; 16])));
            let (key, value) =
                row.into_inner().map_err(|error| failed(Table::Index, &place, &error))?;
            let id = keys::agenda_id(&key).ok_or_else(|| malformed(Table::Index, &key))?;
            (last, count) = (Some(id), count + 1);
            // A table that was dropped behind the horizon may have held that the row was removed.
            if view.is_there(id)? {
                rows.push((id, decode_agenda(&value).map_err(|error| of(id, error))?));
            }
        }
        Ok(AgendaSlice { rows, next: last.filter(|_| count == limit) })
    }
}

impl View<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<UserValue>, StoreError> {
        let row = self.tree(table).get(key, self.number());
        row.map_err(|error| failed(table, key, &error))
    }

    fn range<Key: AsRef<[u8]>>(
        &self,
        table: Table,
        range: (Bound<Key>, Bound<Key>),
    ) -> impl DoubleEndedIterator<Item = IterGuardImpl> + use<Key> {
        self.tree(table).range(range, self.number(), None)
    }

    /// Whether an execution is there, if it ever was.
    fn is_there(&self, id: ExecutionId) -> Result<bool, StoreError> {
        Ok(id > self.horizon() || self.get(Table::Index, &keys::kept(id))?.is_some())
    }

    pub(crate) fn header(&self, id: ExecutionId) -> Result<Option<ExecutionHeader>, StoreError> {
        if !self.is_there(id)? {
            return Ok(None);
        }
        let row = self.get(Table::Index, &keys::header(id))?;
        row.map(|row| decode_header(&row).map_err(|error| of(id, error))).transpose()
    }

    /// The headers in that range, which lies before the horizon.
    pub(crate) fn headers(
        &self,
        range: (Bound<[u8; 17]>, Bound<[u8; 17]>),
    ) -> impl Iterator<Item = Result<ExecutionHeader, StoreError>> {
        self.range(Table::Index, range).map(|row| {
            let (key, row) =
                row.into_inner().map_err(|error| failed(Table::Index, b"h", &error))?;
            let id = keys::header_id(&key).ok_or_else(|| malformed(Table::Index, &key))?;
            decode_header(&row).map_err(|error| of(id, error))
        })
    }

    /// What is kept behind the horizon, of what started after that one and before the last.
    fn kept(
        &self,
        after: ExecutionId,
        last: ExecutionId,
    ) -> impl Iterator<Item = Result<ExecutionId, StoreError>> {
        let range = (after < last)
            .then(|| (Bound::Excluded(keys::kept(after)), Bound::Excluded(keys::kept(last))));
        range.into_iter().flat_map(|range| self.range(Table::Index, range)).map(|row| {
            let key = row.key().map_err(|error| failed(Table::Index, b"k", &error))?;
            keys::kept_id(&key).ok_or_else(|| malformed(Table::Index, &key))
        })
    }

    /// The execution that has that name now.
    pub(crate) fn newest(&self, name: &[u8; 17]) -> Result<Option<ExecutionId>, StoreError> {
        let Some(row) = self.get(Table::Index, name)? else { return Ok(None) };
        let id = keys::execution_id(&row).ok_or_else(|| malformed(Table::Index, name))?;
        Ok(self.is_there(id)?.then_some(id))
    }

    /// Adds so many of a list, newest first, after the cursor.
    fn listed(
        &self,
        query: &ExecutionQuery,
        status: Status,
        after: Option<ListCursor>,
        limit: usize,
        ids: &mut Vec<ExecutionId>,
    ) -> Result<(), StoreError> {
        let key = |id| keys::listing(query, status, id);
        let begin = match after {
            Some(ListCursor(id)) => Bound::Excluded(key(id)),
            None => Bound::Included(key(ExecutionId([0xFF; 16]))),
        };
        let before = ids.len();
        if after.is_none_or(|ListCursor(id)| id > self.horizon()) {
            let range = (begin, Bound::Excluded(key(self.horizon())));
            for row in self.range(Table::Index, range).take(limit) {
                let key = row.key().map_err(|error| failed(Table::Index, b"l", &error))?;
                ids.extend(keys::listing_id(&key));
            }
        }
        let as_kept = |bound: Bound<[u8; 35]>| {
            bound.map(|mut key| {
                keys::list_as_kept(&mut key);
                key
            })
        };
        let end = Bound::Included(key(ExecutionId([0; 16])));
        let left = limit - (ids.len() - before);
        for row in self.range(Table::Index, (as_kept(begin), as_kept(end))).take(left) {
            let key = row.key().map_err(|error| failed(Table::Index, b"m", &error))?;
            ids.extend(keys::listing_id(&key));
        }
        Ok(())
    }

    fn history_rows(
        &self,
        begin: Bound<[u8; 20]>,
        end: Bound<[u8; 20]>,
    ) -> impl DoubleEndedIterator<Item = Result<(Revision, UserValue), StoreError>> {
        let rows = self.range(Table::History, (begin, end));
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

fn failed(table: Table, key: &[u8], error: &lsm_tree::Error) -> StoreError {
    store_error(format_args!("{} {}", table.name(), key.escape_ascii()), error)
}

fn malformed(table: Table, key: &[u8]) -> StoreError {
    StoreError::Corrupt(format!("{} {}: not in our form", table.name(), key.escape_ascii()))
}

/// Says whose row it is that cannot be decoded.
fn of(id: ExecutionId, error: StoreError) -> StoreError {
    match error {
        StoreError::Corrupt(reason) => StoreError::Corrupt(format!("execution {id}: {reason}")),
        StoreError::Conflict | StoreError::Refused(_) | StoreError::Unknown(_) => error,
    }
}
