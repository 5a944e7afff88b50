//! What stores in memory keep, and what the calls of a store do with it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use engine::{ExecutionId, Status, Timestamp};

use crate::encoding::{STATUSES, encode_records, status_number};
use crate::rebuild::{history_page, rebuild};
use crate::{
    Agenda, Commit, Ended, ExecutionHeader, ExecutionQuery, Expected, HistoryCursor, HistoryPage,
    ListCursor, Loaded, Resource, ResourceKey, ResourceKind, Revision, Scope, StoreError,
};

/// Everything that is kept. Records are kept in their stored form.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) executions: BTreeMap<ExecutionId, StoredExecution>,
    names: BTreeMap<Arc<str>, ExecutionId>,
    listed: BTreeSet<(ListOwner, u8, Reverse<ExecutionId>)>,
    open: BTreeMap<Scope, u64>,
    resources: BTreeMap<ResourceKey, Resource>,
    resource_version: u64,
}

/// How the instant of an execution's agenda has changed.
pub(super) struct DueChange {
    pub(super) id: ExecutionId,
    pub(super) old: Option<Timestamp>,
    pub(super) new: Option<Timestamp>,
}

#[derive(Debug)]
pub(super) struct StoredExecution {
    pub(super) header: ExecutionHeader,
    /// One per commit with records; the first belongs to revision 1.
    rows: Vec<Vec<u8>>,
    checkpoint: Option<(Revision, Vec<u8>)>,
    pub(super) agenda: Agenda,
}

/// Whose list: the first number keeps the two kinds of list apart.
type ListOwner = (u8, [u8; 16]);

impl Tables {
    pub(super) fn commit(&mut self, commit: Commit) -> Result<DueChange, StoreError> {
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
        Ok(DueChange { id, old: old.due, new: stored.agenda.due })
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

    pub(super) fn list_executions(
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

    pub(super) fn ended_before(
        &self,
        instant: Timestamp,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Ended {
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

    pub(super) fn remove(&mut self, headers: &[ExecutionHeader]) -> Result<(), StoreError> {
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

    pub(super) fn write_resource(
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

    pub(super) fn load(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError> {
        self.executions.get(&id).map(StoredExecution::load).transpose()
    }

    /// As [`Tables::load`], from the records alone.
    pub(super) fn rebuild(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError> {
        let rebuilt = |stored: &StoredExecution| {
            let rows = stored.rows.iter().map(Ok);
            rebuild(stored.header.clone(), None, rows, &stored.agenda.heartbeats)
        };
        self.executions.get(&id).map(rebuilt).transpose()
    }

    pub(super) fn find(&self, arn: &str) -> Option<ExecutionId> {
        self.names.get(arn).copied()
    }

    pub(super) fn header(&self, id: ExecutionId) -> Option<ExecutionHeader> {
        self.executions.get(&id).map(|stored| stored.header.clone())
    }

    pub(super) fn history(
        &self,
        id: ExecutionId,
        from: Option<HistoryCursor>,
        limit: usize,
        reverse: bool,
    ) -> Result<HistoryPage, StoreError> {
        match self.executions.get(&id) {
            Some(stored) => stored.history(from, limit, reverse),
            None => Ok(HistoryPage::default()),
        }
    }

    pub(super) fn open_count(&self, scope: &Scope) -> u64 {
        self.open.get(scope).copied().unwrap_or_default()
    }

    pub(super) fn read_resource(&self, key: &ResourceKey) -> Option<Resource> {
        self.resources.get(key).cloned()
    }

    pub(super) fn list_resources(
        &self,
        kind: ResourceKind,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
        is_wanted: impl Fn(&ResourceKey) -> bool,
    ) -> Vec<(ResourceKey, Resource)> {
        let key = |name: &str| ResourceKey { kind, scope: scope.clone(), name: name.into() };
        let begin = match after {
            Some(name) => Bound::Excluded(key(name)),
            None => Bound::Included(key("")),
        };
        let rest = self.resources.range((begin, Bound::Unbounded));
        let ours = rest.take_while(|(key, _)| key.kind == kind && key.scope == *scope);
        let wanted = ours.filter(|(key, _)| is_wanted(key));
        wanted.take(limit).map(|(key, value)| (key.clone(), value.clone())).collect()
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
