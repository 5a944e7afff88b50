//! How the store's own types are written. See [`super::engine_forms`] for the rules.

use std::sync::Arc;

use engine::{ExecutionId, Status};

use super::engine_forms::{enums, member, structs, write_member};
use super::row::{Malformed, RowReader, RowWriter, Stored};
use crate::{
    Agenda, DefinitionId, ExecutionHeader, MachineId, MapRunChild, MapRunCounts, MapRunMark,
    MapRunOutcomes, MapRunRecord, MapRunStatus, ParentTask, Revision, Scope,
};

/// What is kept of every open execution, and of a closed one that still has an agenda, in one
/// place, so that a scan of these rows after a start tells all that is due and all that is open.
#[derive(Clone, Debug, PartialEq)]
pub struct AgendaRow {
    /// Whose it is.
    pub scope: Scope,
    /// How it stands.
    pub status: Status,
    /// Its last commit with records.
    pub revision: Revision,
    /// What comes next; the default where nothing does.
    pub agenda: Agenda,
}

structs! {
    Scope { account, region }
    MachineId { bytes @ 0 }
    DefinitionId { bytes @ 0 }
    Revision { number @ 0 }
    ParentTask { execution, task }
    Agenda { due, has_effects, heartbeats }
    AgendaRow { scope, status, revision, agenda }
}

structs! {
    MapRunCounts { pending, running, succeeded, failed, timed_out, aborted, results_written }
    MapRunRecord {
        arn, execution_arn, execution, definition, is_express, is_batched, status, start, stop,
        max_concurrency, tolerated_failure_count, tolerated_failure_percentage, item_counts,
        execution_counts, redrive_count, redrive_date, result, failure
    }
    MapRunOutcomes { redrive_count, mark, children }
    MapRunMark { child, child_item, item, position }
    MapRunChild { index, items, status, start, stop, input, output, failure }
}

enums! {
    MapRunStatus, "status of a Map Run" {
        0 => Running {}
        1 => Succeeded {}
        2 => Failed {}
        3 => Aborted {}
    }
}

impl Stored for ExecutionHeader {
    /// The ARN follows from that of the state machine and from the name, and is left out where it
    /// does.
    fn write<'a>(&'a self, row: &mut RowWriter<'a>) {
        let ExecutionHeader {
            id,
            scope,
            arn,
            name,
            machine,
            state_machine_arn,
            state_machine_version_arn,
            state_machine_alias_arn,
            definition,
            role_arn,
            status,
            start,
            stop,
            trace_header,
            started_by,
            parent,
            last_event,
            redrive_count,
            redrive_date,
            revision,
        } = self;
        id.write(row);
        scope.write(row);
        name.write(row);
        machine.write(row);
        state_machine_arn.write(row);
        let derived = derived_arn(state_machine_arn, name).is_some_and(|derived| *derived == **arn);
        row.byte(u8::from(!derived));
        if !derived {
            arn.write(row);
        }
        state_machine_version_arn.write(row);
        state_machine_alias_arn.write(row);
        definition.write(row);
        role_arn.write(row);
        status.write(row);
        start.write(row);
        stop.write(row);
        trace_header.write(row);
        started_by.write(row);
        parent.write(row);
        last_event.write(row);
        revision.write(row);
        redrive_count.write(row);
        redrive_date.write(row);
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, Malformed> {
        let (id, scope, name): (ExecutionId, Scope, Arc<str>) =
            (Stored::read(row)?, Stored::read(row)?, Stored::read(row)?);
        let (machine, state_machine_arn): (MachineId, Arc<str>) =
            (Stored::read(row)?, Stored::read(row)?);
        let arn = match Option::<Arc<str>>::read(row)? {
            Some(arn) => arn,
            None => derived_arn(&state_machine_arn, &name)
                .ok_or_else(|| row.malformed("an ARN that does not tell its execution's"))?
                .into(),
        };
        Ok(ExecutionHeader {
            id,
            scope,
            arn,
            name,
            machine,
            state_machine_arn,
            state_machine_version_arn: Stored::read(row)?,
            state_machine_alias_arn: Stored::read(row)?,
            definition: Stored::read(row)?,
            role_arn: Stored::read(row)?,
            status: Stored::read(row)?,
            start: Stored::read(row)?,
            stop: Stored::read(row)?,
            trace_header: Stored::read(row)?,
            started_by: Stored::read(row)?,
            parent: Stored::read(row)?,
            last_event: Stored::read(row)?,
            revision: Stored::read(row)?,
            redrive_count: member!(row since 2),
            redrive_date: member!(row since 2),
        })
    }
}

/// `…:stateMachine:Name` and `One` give `…:execution:Name:One`.
fn derived_arn(state_machine_arn: &str, name: &str) -> Option<String> {
    let (head, machine) = state_machine_arn.split_once(":stateMachine:")?;
    Some(format!("{head}:execution:{machine}:{name}"))
}
