//! From stored rows to executions and pages of history, the same for every store.

use std::sync::Arc;

use engine::{EventKind, Execution, HistoryEvent, Record, StartParameters, TaskId, Timestamp};
use json::Document;

use crate::encoding::{Records, decode_execution};
use crate::{ExecutionHeader, HistoryCursor, HistoryPage, Loaded, Revision, StoreError};

/// A page ends with the row that exceeds this, so that large payloads do not add up.
const PAGE_BYTES_MAX: usize = 4 << 20;

/// The execution: its checkpoint, where there is one, with the rows after it applied, and the
/// heartbeats of its agenda.
///
/// # Errors
/// Those of the rows, and [`StoreError::Corrupt`] where they do not begin with a start.
pub fn rebuild<Row: AsRef<[u8]>>(
    header: ExecutionHeader,
    checkpoint: Option<&[u8]>,
    rows: impl Iterator<Item = Result<Row, StoreError>>,
    heartbeats: &[(TaskId, Timestamp)],
) -> Result<Loaded, StoreError> {
    let mut execution = checkpoint.map(decode_execution).transpose()?;
    let mut record_bytes = 0;
    for row in rows {
        let row = row?;
        record_bytes += row.as_ref().len();
        for record in Records::of(row.as_ref())? {
            let record = record?;
            let begun = match execution.take() {
                Some(begun) => begun,
                None => begin(&header, &record)?,
            };
            execution.insert(begun).apply(&record);
        }
    }
    let mut execution =
        execution.ok_or_else(|| StoreError::Corrupt(format!("{}: no records", header.id)))?;
    for (task, deadline) in heartbeats {
        execution.set_heartbeat_deadline(*task, *deadline);
    }
    let checkpoint_bytes = checkpoint.map_or(0, <[u8]>::len);
    Ok(Loaded { header, execution, record_bytes, checkpoint_bytes })
}

/// The execution before its first record.
fn begin(header: &ExecutionHeader, first: &Record) -> Result<Execution, StoreError> {
    let Record::Event(HistoryEvent { kind: EventKind::ExecutionStarted { input, .. }, .. }) = first
    else {
        return Err(StoreError::Corrupt(format!("{}: does not begin with a start", header.id)));
    };
    Ok(Execution::new(start_parameters(header, input.clone())))
}

/// What an execution with that header started with.
fn start_parameters(header: &ExecutionHeader, input: Document) -> StartParameters {
    let (_, state_machine_name) =
        header.state_machine_arn.rsplit_once(':').unwrap_or(("", &header.state_machine_arn));
    StartParameters {
        id: header.id,
        arn: header.arn.clone(),
        name: header.name.clone(),
        state_machine_arn: header.state_machine_arn.clone(),
        state_machine_name: Arc::from(state_machine_name),
        role_arn: header.role_arn.clone(),
        state_machine_version_arn: header.state_machine_version_arn.clone(),
        state_machine_alias_arn: header.state_machine_alias_arn.clone(),
        input,
    }
}

/// A page of history. The rows must come in the order asked for, from the cursor's on.
///
/// # Errors
/// Those of the rows.
pub fn history_page<Row: AsRef<[u8]>>(
    rows: impl Iterator<Item = Result<(Revision, Row), StoreError>>,
    from: Option<HistoryCursor>,
    limit: usize,
    reverse: bool,
) -> Result<HistoryPage, StoreError> {
    let mut page = HistoryPage::default();
    let mut bytes = 0;
    for row in rows {
        let (revision, row) = row?;
        let is_full = bytes > PAGE_BYTES_MAX;
        bytes += row.as_ref().len();
        // A description asks for the first event alone, which should not cost all others.
        let mut in_order = (0..).zip(Records::of(row.as_ref())?);
        let mut reversed = Vec::new();
        if reverse {
            reversed = in_order.by_ref().collect();
        }
        for (offset, record) in in_order.chain(reversed.into_iter().rev()) {
            let record = record?;
            let before = from.is_some_and(|from| match reverse {
                false => (revision, offset) < (from.revision, from.offset),
                true => (revision, offset) > (from.revision, from.offset),
            });
            match record {
                Record::Event(event) if !before => {
                    if page.events.len() >= limit.max(1) || is_full && !page.events.is_empty() {
                        page.next = Some(HistoryCursor { revision, offset });
                        return Ok(page);
                    }
                    page.events.push(event);
                }
                Record::Event(_) | Record::Note(_) => {}
            }
        }
    }
    Ok(page)
}
