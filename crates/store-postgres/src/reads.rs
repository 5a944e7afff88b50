//! Reading executions, histories, lists and resources.

use std::collections::HashMap;

use engine::{EventId, ExecutionId, Status, Timestamp};
use store::encoding::{STATUSES, decode_agenda, decode_header, status_number};
use store::rebuild::{history_page, rebuild};
use store::{
    Ended, ExecutionHeader, ExecutionQuery, HistoryCursor, HistoryPage, ListCursor, Loaded,
    Resource, ResourceKey, ResourceKind, Revision, Scope, StoreError,
};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::commit_row;
use crate::packed::unpack;
use crate::statements;
use crate::store::Shared;

/// So many rows of history are read at once.
const CHUNK_ROWS: usize = 64;
/// A page of history is not longer than that; see [`history_page`].
const PAGE_BYTES: usize = 4 << 20;

/// The row of history of a revision, and the last event up to it.
type HistoryRow = (Revision, u64, Vec<u8>);

impl Shared {
    pub(crate) async fn load(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError> {
        self.gate.pass().await?;
        let era = self.eras.read().of(id);
        let rows = self.readers.query(statements::LOAD, &[&era, &uuid(id)]).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let header = first.get::<_, Option<&[u8]>>("header");
        let header = header.ok_or_else(|| corrupt(id, "the row of its checkpoint is missing"))?;
        let header = with_newest(decode_header(&unpack(header)?)?, first);
        let heartbeats = match first.get::<_, Option<&[u8]>>("heartbeats") {
            Some(bytes) => decode_agenda(&unpack(bytes)?)?.agenda.heartbeats,
            None => Vec::new(),
        };
        let mut checkpoint = None;
        let mut records = Vec::with_capacity(rows.len());
        for row in &rows {
            let bytes = row.get::<_, Option<&[u8]>>("bytes");
            let bytes = unpack(bytes.ok_or_else(|| corrupt(id, "its checkpoint is missing"))?)?;
            match row.get("is_checkpoint") {
                true => checkpoint = Some(bytes),
                false => records.push(Ok(bytes)),
            }
        }
        rebuild(header, checkpoint.as_deref(), records.into_iter(), &heartbeats).map(Some)
    }

    pub(crate) async fn find(&self, arn: &str) -> Result<Option<ExecutionId>, StoreError> {
        self.gate.pass().await?;
        let rows = self.readers.query(statements::FIND, &[&commit_row::name(arn)]).await?;
        Ok(rows.first().map(|row| execution_id(row.get(0))))
    }

    pub(crate) async fn header(
        &self,
        id: ExecutionId,
    ) -> Result<Option<ExecutionHeader>, StoreError> {
        self.gate.pass().await?;
        let era = self.eras.read().of(id);
        let rows = self.readers.query(statements::HEADER, &[&era, &uuid(id)]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let header = decode_header(&unpack(row.get("header"))?)?;
        Ok(Some(with_newest(header, row)))
    }

    pub(crate) async fn history(
        &self,
        id: ExecutionId,
        from: Option<HistoryCursor>,
        limit: usize,
        reverse: bool,
    ) -> Result<HistoryPage, StoreError> {
        self.gate.pass().await?;
        let text = if reverse { statements::HISTORY_REVERSE } else { statements::HISTORY };
        let era = self.eras.read().of(id);
        let chunk = CHUNK_ROWS.min(limit.saturating_add(1)) as i64;
        let mut next = match (from, reverse) {
            (Some(from), _) => from.revision.0.cast_signed(),
            (None, false) => 0,
            (None, true) => i32::MAX,
        };
        let mut rows: Vec<HistoryRow> = Vec::new();
        loop {
            let found = self.readers.query(text, &[&era, &uuid(id), &next, &chunk]).await?;
            for row in &found {
                let revision: i32 = row.get("revision");
                let last_event: i64 = row.get("last_event");
                let records = unpack(row.get("records"))?;
                rows.push((
                    Revision(revision.cast_unsigned()),
                    last_event.cast_unsigned(),
                    records,
                ));
                next = if reverse { revision - 1 } else { revision + 1 };
            }
            let is_end = (found.len() as i64) < chunk;
            if is_end || fills_page(&rows, limit) {
                let in_order = rows.iter().map(|(revision, _, row)| Ok((*revision, row)));
                let page = history_page(in_order, from, limit, reverse)?;
                if is_end || page.next.is_some() {
                    return Ok(page);
                }
            }
        }
    }

    pub(crate) async fn list_executions(
        &self,
        query: &ExecutionQuery,
        status: Option<Status>,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ExecutionHeader>, StoreError> {
        self.gate.pass().await?;
        let (text, owner) = match query {
            ExecutionQuery::Machine(machine) => (statements::LIST_MACHINE, machine.0),
            ExecutionQuery::StartedBy(id) => (statements::LIST_STARTED_BY, id.0),
        };
        let statuses: Vec<i16> = STATUSES
            .into_iter()
            .filter(|listed| status.is_none_or(|status| status == *listed))
            .map(|status| i16::from(status_number(status)))
            .collect();
        let before = after.map_or(Uuid::max(), |ListCursor(id)| uuid(id));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let owner = Uuid::from_bytes(owner);
        let rows = self.readers.query(text, &[&owner, &statuses, &before, &limit]).await?;
        let running = i16::from(status_number(Status::Running));
        let open = rows.iter().filter(|row| row.get::<_, i16>("status") == running);
        let newest = self.newest(open.map(|row| execution_id(row.get("id"))).collect()).await?;
        let headers = rows.iter().map(|row| {
            let header = decode_header(&unpack(row.get("header"))?)?;
            Ok(match newest.get(&header.id) {
                Some(row) => with_newest(header, row),
                None => header,
            })
        });
        headers.collect()
    }

    /// The newest rows of the histories of these executions.
    pub(crate) async fn newest(
        &self,
        ids: Vec<ExecutionId>,
    ) -> Result<HashMap<ExecutionId, Row>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let eras: Vec<i32> = {
            let eras = self.eras.read();
            ids.iter().map(|id| eras.of(*id)).collect()
        };
        let ids: Vec<Uuid> = ids.into_iter().map(uuid).collect();
        let rows = self.readers.query(statements::NEWEST, &[&eras, &ids]).await?;
        Ok(rows.into_iter().map(|row| (execution_id(row.get("id")), row)).collect())
    }

    pub(crate) async fn ended_before(
        &self,
        instant: Timestamp,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Ended, StoreError> {
        self.gate.pass().await?;
        let begin = after.map_or(Uuid::nil(), uuid);
        let end = uuid(ExecutionId::first(Timestamp(instant.0.clamp(0, (1 << 48) - 1))));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.readers.query(statements::ENDED, &[&begin, &end, &limit]).await?;
        let mut ended = Ended::default();
        for row in &rows {
            ended.next = Some(execution_id(row.get("id")));
            let stop: Option<i64> = row.get("stop");
            let header: Option<&[u8]> = row.get("header");
            if let Some(header) = header
                && stop.is_some_and(|stop| stop < instant.0)
            {
                ended.headers.push(decode_header(&unpack(header)?)?);
            }
        }
        Ok(ended)
    }

    pub(crate) async fn read_resource(
        &self,
        key: &ResourceKey,
    ) -> Result<Option<Resource>, StoreError> {
        self.gate.pass().await?;
        let (kind, name) = (key.kind as i16, key.name.as_bytes());
        let (account, region) = (&*key.scope.account, &*key.scope.region);
        let rows =
            self.readers.query(statements::RESOURCE, &[&kind, &account, &region, &name]).await?;
        Ok(rows.first().map(resource))
    }

    pub(crate) async fn list_resources(
        &self,
        kind: ResourceKind,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(ResourceKey, Resource)>, StoreError> {
        self.gate.pass().await?;
        // The least name behind another one has one byte more.
        let from = after.map(|name| [name.as_bytes(), &[0]].concat()).unwrap_or_default();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let (number, account, region) = (kind as i16, &*scope.account, &*scope.region);
        // Only the node that drives an execution reads what belongs to it.
        let homes = (kind == ResourceKind::StatusChange)
            .then(|| self.cluster.look(|state| state.held_homes()));
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
            [&number, &account, &region, &from, &limit, &homes];
        let rows = self.readers.query(statements::RESOURCES, &parameters).await?;
        let listed = rows.iter().map(|row| {
            let name = std::str::from_utf8(row.get("name"))
                .map_err(|_| StoreError::Corrupt("the name of a resource is no text".to_owned()))?;
            Ok((ResourceKey { kind, scope: scope.clone(), name: name.into() }, resource(row)))
        });
        listed.collect()
    }
}

/// Whether there is surely a page, and one event more, in these rows.
fn fills_page(rows: &[HistoryRow], limit: usize) -> bool {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return false };
    let events = first.1.abs_diff(last.1);
    let bytes: usize = rows[..rows.len() - 1].iter().map(|row| row.2.len()).sum();
    events > limit as u64 || bytes > PAGE_BYTES
}

/// What changes with each commit, from the newest row of history.
fn with_newest(mut header: ExecutionHeader, row: &Row) -> ExecutionHeader {
    header.revision = Revision(row.get::<_, i32>("revision").cast_unsigned());
    header.last_event = EventId(row.get::<_, i64>("last_event").cast_unsigned());
    header
}

fn resource(row: &Row) -> Resource {
    let version = row.get::<_, i64>("version").cast_unsigned();
    Resource { version, value: row.get::<_, &[u8]>("value").into() }
}

fn corrupt(id: ExecutionId, what: &str) -> StoreError {
    StoreError::Corrupt(format!("{id}: {what}"))
}

pub(crate) fn uuid(id: ExecutionId) -> Uuid {
    Uuid::from_bytes(id.0)
}

pub(crate) fn execution_id(id: Uuid) -> ExecutionId {
    ExecutionId(*id.as_bytes())
}
