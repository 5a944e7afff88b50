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
use crate::error::{is_damaged, store_error};
use crate::keys;
use crate::lost::LostRange;

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
        match view.is_there(id)? {
            true => view.agenda(id),
            false => Ok(None),
        }
    }

    /// The newest execution with the ARN of that hash.
    pub(crate) fn newest(&self, name: &[u8; 17]) -> Result<Option<ExecutionId>, StoreError> {
        self.view().newest(name)
    }

    pub(crate) fn load(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError> {
        let view = self.view();
        let Some(header) = view.header(id)? else { return Ok(None) };
        let checkpoint = match view.get(Table::Index, &keys::checkpoint(id)) {
            // It only makes loading shorter: the records from the first on are enough.
            Err(StoreError::Corrupt(_)) => None,
            checkpoint => checkpoint?,
        };
        let (revision, checkpoint) = match checkpoint.as_deref() {
            Some(row) => {
                let (revision, rest) = row
                    .split_first_chunk()
                    .ok_or_else(|| malformed(Table::Index, &keys::checkpoint(id)))?;
                (Revision(u32::from_be_bytes(*revision)), Some(rest))
            }
            None => (Revision(0), None),
        };
        let heartbeats = match view.agenda(id) {
            Ok(row) => row.map_or(Vec::new(), |row| row.agenda.heartbeats),
            // What has ended waits for no heartbeat.
            Err(StoreError::Corrupt(_)) if header.stop.is_some() => Vec::new(),
            Err(error) => return Err(error),
        };
        let begin = Bound::Excluded(keys::history(id, revision));
        let end = Bound::Included(keys::history(id, header.revision));
        if revision < header.revision {
            let first = keys::history(id, Revision(revision.0 + 1));
            view.check(Table::History, &first, &keys::history(id, header.revision))
                .map_err(|error| of(id, error))?;
        }
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
        view.check(Table::History, &keys::history(id, first), &keys::history(id, last))
            .map_err(|error| of(id, error))?;
        if limit == 1
            && let Some(page) = view.one_event(id, from, reverse)?
        {
            return Ok(page);
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
        let mut headers = Vec::with_capacity(limit.min(1_000));
        let mut after = after;
        loop {
            let wanted = limit - headers.len();
            let ids = view.newest_listed(query, status, after, wanted)?;
            let is_last = ids.len() < wanted;
            after = ids.last().map(|id| ListCursor(*id));
            for id in ids {
                let header = view.header(id).and_then(|it| it.ok_or_else(listed_and_missing));
                headers.extend(self.or_left_out(id, header)?);
            }
            if is_last || headers.len() >= limit {
                return Ok(headers);
            }
        }
    }

    /// The header, or none where it is left out of an answer, which is told once for each: one
    /// execution that cannot be read must not keep the others from being listed.
    ///
    /// # Errors
    /// Why it cannot be read, where it may be later, or where the store has failed.
    fn or_left_out(
        &self,
        id: ExecutionId,
        header: Result<ExecutionHeader, StoreError>,
    ) -> Result<Option<ExecutionHeader>, StoreError> {
        match header {
            Ok(header) => Ok(Some(header)),
            Err(error @ StoreError::Corrupt(_)) if !self.is_looked_into() => {
                if self.told.lock().tells(id) {
                    let message = "an execution cannot be read: left out";
                    tracing::error!(execution = %id, %error, message);
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
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
        let mut look_at = |id: ExecutionId, header: Option<ExecutionHeader>| {
            ended.next = Some(id);
            left -= 1;
            if let Some(header) = header
                && header.stop.is_some_and(|stop| stop < instant)
                && !view.has_agenda(id)?
            {
                ended.headers.push(header);
            }
            Ok::<_, StoreError>(left > 0)
        };
        let after = after.unwrap_or(ExecutionId([0; 16]));
        for id in view.kept(after, last).take(limit) {
            let id = id?;
            let header = view.header(id).and_then(|header| header.ok_or_else(kept_and_missing));
            if !look_at(id, self.or_left_out(id, header)?)? {
                return Ok(ended);
            }
        }
        let after = after.max(view.horizon());
        if after < last {
            let range = (Bound::Excluded(keys::header(after)), Bound::Excluded(keys::header(last)));
            for header in view.headers(range) {
                let (id, header) = header?;
                if !look_at(id, self.or_left_out(id, header)?)? {
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
                row.into_inner().map_err(|error| view.failed(Table::Index, &prefix, &error))?;
            if !key.starts_with(&prefix) {
                break;
            }
            let name =
                keys::resource_name(&key, &prefix).ok_or_else(|| malformed(Table::Index, &key))?;
            // An older version of one that was lost is not listed: reading it says why.
            if view.lost_at(Table::Index, &key).is_some() && view.get(Table::Index, &key).is_err() {
                continue;
            }
            let found = ResourceKey { kind, scope: scope.clone(), name };
            resources.push((found, resource(&key, &value)?));
        }
        Ok(resources)
    }
}

impl View<'_> {
    /// A row. Where rows were lost, only one that was written since is believed.
    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Result<Option<UserValue>, StoreError> {
        let Some(range) = self.lost_at(table, key) else {
            let row = self.tree(table).get(key, self.number());
            return row.map_err(|error| self.failed(table, key, &error));
        };
        let row = self.tree(table).get_internal_entry(key, self.number());
        match row.map_err(|error| self.failed(table, key, &error))? {
            Some(row) if row.key.seqno > range.newest => Ok(Some(row.value)),
            Some(_) | None => Err(lost(table, key, &range)),
        }
    }

    /// A row as it is in the trees, whatever was lost.
    pub(crate) fn get_unchecked(
        &self,
        table: Table,
        key: &[u8],
    ) -> Result<Option<UserValue>, StoreError> {
        let row = self.tree(table).get(key, self.number());
        row.map_err(|error| self.failed(table, key, &error))
    }

    /// Fails where a row between these two may be lost.
    fn check(&self, table: Table, first: &[u8], last: &[u8]) -> Result<(), StoreError> {
        self.lost_between(table, first, last)
            .map_or(Ok(()), |range| Err(lost(table, first, &range)))
    }

    /// The agenda of an execution that is there.
    pub(crate) fn agenda(&self, id: ExecutionId) -> Result<Option<AgendaRow>, StoreError> {
        let row = self.get(Table::Index, &keys::agenda(id)).map_err(|error| of(id, error))?;
        row.map(|row| decode_agenda(&row).map_err(|error| of(id, error))).transpose()
    }

    /// Whether an execution that has ended has something left to do. Where that was lost, it has
    /// nothing: what it had to do was asked for after its end.
    fn has_agenda(&self, id: ExecutionId) -> Result<bool, StoreError> {
        match self.get(Table::Index, &keys::agenda(id)) {
            Ok(row) => Ok(row.is_some()),
            Err(StoreError::Corrupt(_)) if !self.is_looked_into() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What a failed read is to the caller. Damage is looked into.
    pub(crate) fn failed(&self, table: Table, key: &[u8], error: &lsm_tree::Error) -> StoreError {
        if is_damaged(error) {
            self.raise_alarm();
        }
        store_error(format_args!("{} {}", table.name(), key.escape_ascii()), error)
    }

    pub(crate) fn range<Key: AsRef<[u8]>>(
        &self,
        table: Table,
        range: (Bound<Key>, Bound<Key>),
    ) -> impl DoubleEndedIterator<Item = IterGuardImpl> + use<Key> {
        self.tree(table).range(range, self.number(), None)
    }

    /// Whether an execution is there, if it ever was.
    pub(crate) fn is_there(&self, id: ExecutionId) -> Result<bool, StoreError> {
        Ok(id > self.horizon() || self.get(Table::Index, &keys::kept(id))?.is_some())
    }

    pub(crate) fn header(&self, id: ExecutionId) -> Result<Option<ExecutionHeader>, StoreError> {
        if !self.is_there(id)? {
            return Ok(None);
        }
        let row = self.get(Table::Index, &keys::header(id)).map_err(|error| of(id, error))?;
        row.map(|row| decode_header(&row).map_err(|error| of(id, error))).transpose()
    }

    /// The headers in that range, whether or not they are behind the horizon. Fails where a block
    /// of rows cannot be read; one that cannot be decoded fails alone.
    pub(crate) fn headers(
        &self,
        range: (Bound<[u8; 17]>, Bound<[u8; 17]>),
    ) -> impl Iterator<Item = Result<FoundHeader, StoreError>> {
        self.range(Table::Index, range).map(|row| {
            let (key, row) =
                row.into_inner().map_err(|error| self.failed(Table::Index, b"h", &error))?;
            let id = keys::header_id(&key).ok_or_else(|| malformed(Table::Index, &key))?;
            let row = match self.lost_at(Table::Index, &key) {
                Some(_) => self.get(Table::Index, &key).map(|newer| newer.unwrap_or(row)),
                None => Ok(row),
            };
            let header = row.and_then(|row| decode_header(&row)).map_err(|error| of(id, error));
            match header {
                Err(error) if !matches!(error, StoreError::Corrupt(_)) => Err(error),
                header => Ok((id, header)),
            }
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
            let key = row.key().map_err(|error| self.failed(Table::Index, b"k", &error))?;
            keys::kept_id(&key).ok_or_else(|| malformed(Table::Index, &key))
        })
    }

    /// The execution that has that name now.
    pub(crate) fn newest(&self, name: &[u8; 17]) -> Result<Option<ExecutionId>, StoreError> {
        let Some(row) = self.get(Table::Index, name)? else { return Ok(None) };
        let id = keys::execution_id(&row).ok_or_else(|| malformed(Table::Index, name))?;
        Ok(self.is_there(id)?.then_some(id))
    }

    /// As many of a list, of one status or of all, newest first, after the cursor.
    fn newest_listed(
        &self,
        query: &ExecutionQuery,
        status: Option<Status>,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ExecutionId>, StoreError> {
        let mut ids = Vec::new();
        for listed in STATUSES.into_iter().filter(|listed| status.is_none_or(|one| one == *listed))
        {
            self.listed(query, listed, after, limit, &mut ids)?;
        }
        ids.sort_unstable_by(|one, other| other.cmp(one));
        ids.truncate(limit);
        Ok(ids)
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
                let key = row.key().map_err(|error| self.failed(Table::Index, b"l", &error))?;
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
            let key = row.key().map_err(|error| self.failed(Table::Index, b"m", &error))?;
            ids.extend(keys::listing_id(&key));
        }
        Ok(())
    }

    /// The revision of an execution's last records.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where records of it may be lost.
    pub(crate) fn last_revision(&self, id: ExecutionId) -> Result<Option<Revision>, StoreError> {
        let [first, last] = [0, u32::MAX].map(|at| keys::history(id, Revision(at)));
        self.check(Table::History, &first, &last)?;
        let mut rows = self.history_rows(Bound::Included(first), Bound::Included(last));
        Ok(rows.next_back().transpose()?.map(|(revision, _)| revision))
    }

    /// A page of one event, where it and the next one are in the row that the page begins with:
    /// reading a row by its key costs a fraction of looking for all. DescribeExecution needs two
    /// such pages.
    fn one_event(
        &self,
        id: ExecutionId,
        from: Option<HistoryCursor>,
        reverse: bool,
    ) -> Result<Option<HistoryPage>, StoreError> {
        let revision = match from {
            Some(from) => from.revision,
            None if reverse => return Ok(None),
            None => Revision(1),
        };
        let row = self.get(Table::History, &keys::history(id, revision));
        let Some(row) = row.map_err(|error| of(id, error))? else { return Ok(None) };
        let page = history_page([Ok((revision, row))].into_iter(), from, 1, reverse);
        Ok(Some(page.map_err(|error| of(id, error))?).filter(|page| page.next.is_some()))
    }

    fn history_rows(
        &self,
        begin: Bound<[u8; 20]>,
        end: Bound<[u8; 20]>,
    ) -> impl DoubleEndedIterator<Item = Result<(Revision, UserValue), StoreError>> {
        let rows = self.range(Table::History, (begin, end));
        rows.map(|row| {
            let (key, value) =
                row.into_inner().map_err(|error| self.failed(Table::History, &[], &error))?;
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

/// An execution that was found, and its header or why it cannot be read.
pub(crate) type FoundHeader = (ExecutionId, Result<ExecutionHeader, StoreError>);

fn lost(table: Table, key: &[u8], range: &LostRange) -> StoreError {
    let (table, key) = (table.name(), key.escape_ascii());
    StoreError::Corrupt(format!("{table} {key}: lost with {}", range.describe()))
}

fn listed_and_missing() -> StoreError {
    StoreError::Corrupt("it is listed, and not there".to_owned())
}

fn kept_and_missing() -> StoreError {
    StoreError::Corrupt("it is kept, and not there".to_owned())
}

pub(crate) fn malformed(table: Table, key: &[u8]) -> StoreError {
    StoreError::Corrupt(format!("{} {}: not in our form", table.name(), key.escape_ascii()))
}

/// Says whose row it is that cannot be decoded.
pub(crate) fn of(id: ExecutionId, error: StoreError) -> StoreError {
    match error {
        StoreError::Corrupt(reason) => StoreError::Corrupt(format!("execution {id}: {reason}")),
        StoreError::Conflict
        | StoreError::Refused(_)
        | StoreError::Unknown(_)
        | StoreError::Elsewhere => error,
    }
}
