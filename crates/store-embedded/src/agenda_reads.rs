//! Reading agendas after a start, around those that cannot be read.

use std::ops::Bound;

use engine::ExecutionId;
use lsm_tree::Guard;
use store::encoding::{AgendaRow, decode_agenda};
use store::{ExecutionHeader, StoreError};

use crate::database::{Database, Table};
use crate::keys;
use crate::reads::{malformed, of};

/// A part of the agendas.
pub(crate) struct AgendaSlice {
    pub(crate) rows: Vec<(ExecutionId, AgendaRow)>,
    /// Those that cannot be read, and why.
    pub(crate) unreadable: Vec<(ExecutionId, StoreError)>,
    /// The last one, where there may be more after it.
    pub(crate) next: Option<ExecutionId>,
}

impl Database {
    /// As many agendas after that one. One that cannot be read does not hide the others.
    ///
    /// # Errors
    /// Where a block of rows cannot be read.
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
        let mut slice = AgendaSlice { rows: Vec::new(), unreadable: Vec::new(), next: None };
        let (mut last, mut count) = (None, 0);
        for row in view.range(Table::Index, (begin, end)).take(limit) {
            let place = keys::agenda(last.or(after).unwrap_or(ExecutionId([0; 16])));
            let (key, value) =
                row.into_inner().map_err(|error| view.failed(Table::Index, &place, &error))?;
            let id = keys::agenda_id(&key).ok_or_else(|| malformed(Table::Index, &key))?;
            (last, count) = (Some(id), count + 1);
            // A table that was dropped behind the horizon may have held that the row was removed.
            if !view.is_there(id)? {
                continue;
            }
            let lost = view.lost_at(Table::Index, &key);
            let row = match lost {
                Some(_) => view.get(Table::Index, &key).map(|row| row.unwrap_or(value)),
                None => Ok(value),
            };
            match row.and_then(|row| decode_agenda(&row)).map_err(|error| of(id, error)) {
                Ok(row) => slice.rows.push((id, row)),
                Err(error @ StoreError::Corrupt(_)) => slice.unreadable.push((id, error)),
                Err(error) => return Err(error),
            }
        }
        slice.next = last.filter(|_| count == limit);
        Ok(slice)
    }

    /// The open executions whose agendas were lost, so that no scan finds them.
    pub(crate) fn lost_agendas(&self) -> Result<Vec<(ExecutionHeader, StoreError)>, StoreError> {
        let view = self.view();
        let mut found = Vec::new();
        for range in self.lost() {
            let Some((first, last)) = keys::agendas_between(&range.first, &range.last) else {
                continue;
            };
            let range = (Bound::Included(keys::header(first)), Bound::Included(keys::header(last)));
            for header in view.headers(range) {
                let (id, Ok(header)) = header? else { continue };
                if let (None, Err(error)) = (header.stop, view.agenda(id)) {
                    found.push((header, error));
                }
            }
        }
        Ok(found)
    }
}
