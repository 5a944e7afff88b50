//! The store in memory, for tests, simulations and `--in-memory`.
//!
//! Promises: deterministic. No method waits, and the same calls give the same answers.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use engine::{ExecutionId, Status, Timestamp};
use parking_lot::Mutex;

use crate::encoding::{STATUSES, encode_records, status_number};
use crate::rebuild::{history_page, rebuild};
use crate::{
    Agenda, Claim, Commit, DueIndex, Ended, ExecutionHeader, ExecutionQuery, Expected,
    HistoryCursor, HistoryPage, ListCursor, Loaded, Resource, ResourceKey, ResourceKind, Revision,
    Scope, Store, StoreError,
};

/// Keeps everything until it is dropped. Records are kept in their stored form, so that whatever
/// runs on this store also proves the encoding.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    is_closed: bool,
    executions: BTreeMap<ExecutionId, StoredExecution>,
    names: BTreeMap<Arc<str>, ExecutionId>,
    listed: BTreeSet<(ListOwner, u8, Reverse<ExecutionId>)>,
    open: BTreeMap<Scope, u64>,
    due: DueIndex,
    resources: BTreeMap<ResourceKey, Resource>,
    resource_version: u64,
}

#[derive(Debug)]
struct StoredExecution {
    header: ExecutionHeader,
    /// One per commit with records; the first belongs to revision 1.
    rows: Vec<Vec<u8>>,
    checkpoint: Option<(Revision, Vec<u8>)>,
    agenda: Agenda,
}

/// Whose list: the first number keeps the two kinds of list apart.
type ListOwner = (u8, [u8; 16]);

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    /// As [`Store::load`], from the records alone: no checkpoint is looked at.
    ///
    /// # Errors
    /// Where the records cannot be read.
    pub fn rebuild_from_records(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError> {
        let rebuilt = |stored: &StoredExecution| {
            let rows = stored.rows.iter().map(Ok);
            rebuild(stored.header.clone(), None, rows, &stored.agenda.heartbeats)
        };
        self.open(|state| state.executions.get(&id).map(rebuilt).transpose())
    }

    /// Makes it what it would be after the end of its process, however that ended, and a new start:
    /// open, with all that was committed and nothing taken.
    pub fn restart(&self) {
        let mut state = self.state.lock();
        let mut due = DueIndex::default();
        for (id, execution) in &state.executions {
            due.restore(*id, &execution.agenda);
        }
        state.due = due;
        state.is_closed = false;
    }

    fn open<T>(
        &self,
        call: impl FnOnce(&mut State) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(StoreError::Refused("the store is closed".to_owned()));
        }
        call(&mut state)
    }
}

impl State {
    fn commit(&mut self, commit: Commit) -> Result<(), StoreError> {
        if !self.holds(&commit) {
            return Err(StoreError::Conflict);
        }
        let Commit { header, previous_status, records, agenda, checkpoint, resource, .. } = commit;
        if let Some((key, value)) = resource {
            self.resources.insert(key, Resource { version: 0, value: value.into() });
        }
        self.list(&header, previous_status);
        self.count(&header, previous_status);
        if previous_status.is_none() {
            self.names.insert(header.arn.clone(), header.id);
        }
        let (id, revision) = (header.id, header.revision);
        let stored = self.executions.entry(id).or_insert_with(|| StoredExecution {
            header: header.clone(),
            rows: Vec::new(),
            checkpoint: None,
            agenda: Agenda::default(),
        });
        stored.header = header;
        if !records.is_empty() {
            stored.rows.push(encode_records(&records));
        }
        if let Some(checkpoint) = checkpoint {
            stored.checkpoint = Some((revision, checkpoint));
        }
        let old = std::mem::replace(&mut stored.agenda, agenda.unwrap_or_default());
        self.due.replace(id, old.due, stored.agenda.due);
        Ok(())
    }

    fn holds(&self, commit: &Commit) -> bool {
        match commit.expected {
            Expected::At(revision) => self
                .executions
                .get(&commit.header.id)
                .is_some_and(|stored| stored.header.revision == revision),
            Expected::New { free_after } => {
                let newest = self.names.get(&commit.header.arn).map(|id| &self.executions[id]);
                newest.is_none_or(|newest| newest.header.is_name_free(free_after))
            }
        }
    }

    fn list(&mut self, header: &ExecutionHeader, previous: Option<Status>) {
        for query in header.lists() {
            let owner = list_owner(&query);
            if let Some(previous) = previous {
                self.listed.remove(&(owner, status_number(previous), Reverse(header.id)));
            }
            self.listed.insert((owner, status_number(header.status), Reverse(header.id)));
        }
    }

    fn count(&mut self, header: &ExecutionHeader, previous: Option<Status>) {
        let was_open = previous == Some(Status::Running);
        let is_open = header.status == Status::Running;
        let count = self.open.entry(header.scope.clone()).or_default();
        *count = *count + u64::from(is_open) - u64::from(was_open);
    }

    fn list_executions(
        &self,
        query: &ExecutionQuery,
        status: Option<Status>,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Vec<ExecutionHeader> {
        let owner = list_owner(query);
        let mut ids = Vec::new();
        for listed in STATUSES.into_iter().filter(|listed| status.is_none_or(|one| one == *listed))
        {
            let number = status_number(listed);
            let begin = match after {
                Some(ListCursor(id)) => Bound::Excluded((owner, number, Reverse(id))),
                None => Bound::Included((owner, number, Reverse(ExecutionId([0xFF; 16])))),
            };
            let end = Bound::Included((owner, number, Reverse(ExecutionId([0; 16]))));
            ids.extend(self.listed.range((begin, end)).take(limit).map(|(_, _, id)| *id));
        }
        ids.sort_unstable();
        ids.truncate(limit);
        ids.iter().map(|Reverse(id)| self.executions[id].header.clone()).collect()
    }

    fn ended_before(&self, instant: Timestamp, after: Option<ExecutionId>, limit: usize) -> Ended {
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        let end = ExecutionId::first(instant);
        let mut ended = Ended::default();
        let later = self.executions.range((begin, Bound::Unbounded));
        for (id, stored) in later.take_while(|(id, _)| **id < end).take(limit) {
            ended.next = Some(*id);
            let has_ended = stored.header.stop.is_some_and(|stop| stop < instant);
            if has_ended && stored.agenda == Agenda::default() {
                ended.headers.push(stored.header.clone());
            }
        }
        ended
    }

    fn remove(&mut self, headers: &[ExecutionHeader]) -> Result<(), StoreError> {
        let is_there = |header: &ExecutionHeader| {
            let stored = self.executions.get(&header.id);
            stored.is_some_and(|stored| stored.header.revision == header.revision)
        };
        if !headers.iter().all(is_there) {
            return Err(StoreError::Conflict);
        }
        headers.iter().for_each(|header| self.remove_one(header));
        Ok(())
    }

    fn remove_one(&mut self, header: &ExecutionHeader) {
        self.executions.remove(&header.id);
        if self.names.get(&header.arn) == Some(&header.id) {
            self.names.remove(&header.arn);
        }
        for query in header.lists() {
            self.listed.remove(&(
                list_owner(&query),
                status_number(header.status),
                Reverse(header.id),
            ));
        }
    }

    fn write_resource(
        &mut self,
        key: &ResourceKey,
        expected: Option<u64>,
        value: Option<Vec<u8>>,
    ) -> Result<u64, StoreError> {
        if self.resources.get(key).map(|resource| resource.version) != expected {
            return Err(StoreError::Conflict);
        }
        self.resource_version += 1;
        let version = self.resource_version;
        match value {
            Some(value) => {
                self.resources.insert(key.clone(), Resource { version, value: value.into() });
            }
            None => {
                self.resources.remove(key);
            }
        }
        Ok(version)
    }
}

fn list_owner(query: &ExecutionQuery) -> ListOwner {
    match query {
        ExecutionQuery::Machine(machine) => (0, machine.0),
        ExecutionQuery::StartedBy(execution) => (1, execution.0),
    }
}

impl StoredExecution {
    fn load(&self) -> Result<Loaded, StoreError> {
        let checkpoint = self.checkpoint.as_ref();
        let skipped = checkpoint.map_or(0, |(revision, _)| revision.0 as usize);
        rebuild(
            self.header.clone(),
            checkpoint.map(|(_, bytes)| bytes.as_slice()),
            self.rows.iter().skip(skipped).map(Ok),
            &self.agenda.heartbeats,
        )
    }

    fn history(
        &self,
        from: Option<HistoryCursor>,
        limit: usize,
        reverse: bool,
    ) -> Result<HistoryPage, StoreError> {
        let rows = (1..).map(Revision).zip(&self.rows);
        if reverse {
            let count = from.map_or(usize::MAX, |from| from.revision.0 as usize);
            let rows: Vec<_> = rows.take(count).collect();
            history_page(rows.into_iter().rev().map(Ok), from, limit, reverse)
        } else {
            let before = from.map_or(0, |from| from.revision.0.saturating_sub(1) as usize);
            history_page(rows.skip(before).map(Ok), from, limit, reverse)
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        commit.assert_sound();
        self.open(|state| state.commit(commit))
    }

    async fn load(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError> {
        self.open(|state| state.executions.get(&id).map(StoredExecution::load).transpose())
    }

    async fn find_execution(&self, arn: &str) -> Result<Option<ExecutionId>, StoreError> {
        self.open(|state| Ok(state.names.get(arn).copied()))
    }

    async fn header(&self, id: ExecutionId) -> Result<Option<ExecutionHeader>, StoreError> {
        self.open(|state| Ok(state.executions.get(&id).map(|stored| stored.header.clone())))
    }

    async fn history(
        &self,
        id: ExecutionId,
        from: Option<HistoryCursor>,
        limit: usize,
        reverse: bool,
    ) -> Result<HistoryPage, StoreError> {
        self.open(|state| match state.executions.get(&id) {
            Some(stored) => stored.history(from, limit, reverse),
            None => Ok(HistoryPage::default()),
        })
    }

    async fn list_executions(
        &self,
        query: &ExecutionQuery,
        status: Option<Status>,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ExecutionHeader>, StoreError> {
        self.open(|state| Ok(state.list_executions(query, status, after, limit)))
    }

    async fn ended_before(
        &self,
        instant: Timestamp,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Ended, StoreError> {
        self.open(|state| Ok(state.ended_before(instant, after, limit)))
    }

    async fn remove(&self, headers: &[ExecutionHeader]) -> Result<(), StoreError> {
        self.open(|state| state.remove(headers))
    }

    async fn claim_due(&self, now: Timestamp, limit: usize) -> Result<Claim, StoreError> {
        self.open(|state| Ok(state.due.claim(now, limit)))
    }

    async fn open_count(&self, scope: &Scope) -> Result<u64, StoreError> {
        self.open(|state| Ok(state.open.get(scope).copied().unwrap_or_default()))
    }

    async fn read_resource(&self, key: &ResourceKey) -> Result<Option<Resource>, StoreError> {
        self.open(|state| Ok(state.resources.get(key).cloned()))
    }

    async fn write_resource(
        &self,
        key: &ResourceKey,
        expected: Option<u64>,
        value: Option<Vec<u8>>,
    ) -> Result<u64, StoreError> {
        self.open(|state| state.write_resource(key, expected, value))
    }

    async fn list_resources(
        &self,
        kind: ResourceKind,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(ResourceKey, Resource)>, StoreError> {
        let key = |name: &str| ResourceKey { kind, scope: scope.clone(), name: name.into() };
        let begin = match after {
            Some(name) => Bound::Excluded(key(name)),
            None => Bound::Included(key("")),
        };
        self.open(|state| {
            let rest = state.resources.range((begin, Bound::Unbounded));
            let ours = rest.take_while(|(key, _)| key.kind == kind && key.scope == *scope);
            Ok(ours.take(limit).map(|(key, value)| (key.clone(), value.clone())).collect())
        })
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.state.lock().is_closed = true;
        Ok(())
    }
}
