//! Express children of Map Runs, which are in the outcomes and nowhere else.

use engine::{ExecutionId, Status};
use store::{ExecutionHeader, ListCursor, MapRunChild, MapRunRecord, Revision, Scope, StoreError};

use super::MapRunName;
use super::children::Names;
use crate::shell::Shell;
use crate::{ExecutionList, ListExecutions};

impl Shell {
    /// A page of the Express children of a run that have ended, oldest end first.
    pub(crate) async fn list_express_children(
        &self,
        scope: &Scope,
        (name, run): (&MapRunName, &MapRunRecord),
        request: ListExecutions<'_>,
    ) -> Result<ExecutionList, StoreError> {
        let ListExecutions { status, after, limit, .. } = request;
        let names = Names::of(scope, name, true);
        let mut page =
            ExecutionList { executions: Vec::new(), item_counts: Vec::new(), next: None };
        // The row to begin with, and how many of its children were shown.
        let (mut row, mut shown) = after.map_or((0, 0), read_cursor);
        loop {
            let before = row.checked_sub(1);
            let Some((last, rows)) = self.map_run_outcomes(scope, name.run, before).await? else {
                return Ok(page);
            };
            for outcomes in rows {
                for (position, child) in outcomes.children.iter().enumerate().skip(shown) {
                    if status.is_some_and(|status| status != child.status) {
                        continue;
                    }
                    if page.executions.len() == limit {
                        page.next = Some(cursor(row, position));
                        return Ok(page);
                    }
                    page.executions.push(header(&names, run, outcomes.redrive_count, child));
                    page.item_counts.push(child.items);
                }
                (row, shown) = (row + 1, 0);
            }
            row = last + 1;
        }
    }
}

fn header(
    names: &Names,
    run: &MapRunRecord,
    redrive_count: u64,
    child: &MapRunChild,
) -> ExecutionHeader {
    let name = names.child_name(child.index, redrive_count);
    ExecutionHeader {
        id: ExecutionId([0; 16]),
        scope: names.scope.clone(),
        arn: names.child_arn(&name),
        name,
        machine: names.run,
        state_machine_arn: names.state_machine_arn(),
        state_machine_version_arn: None,
        state_machine_alias_arn: None,
        definition: run.definition,
        role_arn: "".into(),
        status: child.status,
        start: child.start,
        stop: (child.status != Status::Running).then_some(child.stop),
        trace_header: None,
        started_by: None,
        parent: None,
        last_event: engine::EventId::NONE,
        revision: Revision(0),
        redrive_count: 0,
        redrive_date: None,
    }
}

/// A place in the outcomes, in the form of other listings' places.
fn cursor(row: u64, position: usize) -> ListCursor {
    ListCursor(ExecutionId((u128::from(row) << 64 | position as u128).to_be_bytes()))
}

fn read_cursor(ListCursor(ExecutionId(bytes)): ListCursor) -> (u64, usize) {
    let number = u128::from_be_bytes(bytes);
    ((number >> 64) as u64, number as u64 as usize)
}
