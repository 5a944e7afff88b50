//! What is due and how much is open, in memory.
//!
//! After a start this is filled by a scan of the agendas, in the order of their ids, a slice at a
//! time. The writer does it between two groups of commits, so that nothing changes under the scan:
//! what a commit changes behind the scan's position is taken up at once, and what it changes before
//! it is found by the scan.

use std::collections::{BTreeMap, BTreeSet};

use engine::{ExecutionId, Status, Timestamp};
use store::encoding::AgendaRow;
use store::{Agenda, Claim, DueIndex, ExecutionHeader, Scope, StoreError};

/// How soon to ask again while the scan runs.
const SCAN_PAUSE_MILLISECONDS: u64 = 20;

/// What is due and how much is open.
#[derive(Debug, Default)]
pub(crate) struct Agendas {
    due: DueIndex,
    open: BTreeMap<Scope, u64>,
    scan: Scan,
    /// Executions that wait for an operator, since their agendas cannot be read.
    quarantined: BTreeSet<ExecutionId>,
    /// Set while nothing can be committed, and so nothing should be taken.
    broken: Option<StoreError>,
}

/// How far the scan is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scan {
    /// Nothing was read yet.
    #[default]
    Begun,
    /// All agendas up to this one are taken up.
    Behind(ExecutionId),
    /// All are, but for those that cannot be read.
    Done,
}

/// What a commit changes.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) id: ExecutionId,
    pub(crate) scope: Scope,
    pub(crate) previous_status: Option<Status>,
    pub(crate) status: Status,
    pub(crate) previous_due: Option<Timestamp>,
    pub(crate) due: Option<Timestamp>,
}

impl Agendas {
    pub(crate) fn scan(&self) -> &Scan {
        &self.scan
    }

    /// Takes up what a scan found, and how far it came.
    pub(crate) fn take_up(
        &mut self,
        rows: Vec<(ExecutionId, AgendaRow)>,
        unreadable: &[(ExecutionId, StoreError)],
        scan: Scan,
    ) {
        self.quarantined.extend(unreadable.iter().map(|(id, _)| *id));
        for (id, AgendaRow { scope, status, agenda, .. }) in rows {
            self.due.restore(id, &agenda);
            if status == Status::Running {
                *self.open.entry(scope).or_default() += 1;
            }
        }
        self.scan = scan;
    }

    /// Counts an open execution that is not taken up, since its agenda is lost.
    pub(crate) fn quarantine(&mut self, header: &ExecutionHeader) {
        self.quarantined.insert(header.id);
        *self.open.entry(header.scope.clone()).or_default() += 1;
    }

    /// How many executions were found whose agendas cannot be read.
    pub(crate) fn quarantined(&self) -> usize {
        self.quarantined.len()
    }

    /// Takes up what a commit changed.
    pub(crate) fn change(&mut self, change: Change) {
        let is_known = match &self.scan {
            Scan::Begun => false,
            Scan::Behind(position) => change.id <= *position,
            Scan::Done => true,
        };
        if !is_known {
            return;
        }
        self.due.replace(change.id, change.previous_due, change.due);
        let was_open = change.previous_status == Some(Status::Running);
        let is_open = change.status == Status::Running;
        if was_open != is_open {
            let count = self.open.entry(change.scope).or_default();
            *count = if is_open { *count + 1 } else { count.saturating_sub(1) };
        }
    }

    /// Refuses claims with that error, or no longer.
    pub(crate) fn set_broken(&mut self, error: Option<StoreError>) {
        self.broken = error;
    }

    pub(crate) fn claim(&mut self, now: Timestamp, limit: usize) -> Result<Claim, StoreError> {
        let mut claim = match &self.broken {
            Some(error) => return Err(error.clone()),
            None => self.due.claim(now, limit),
        };
        if self.scan != Scan::Done {
            let soon = now.plus_milliseconds(SCAN_PAUSE_MILLISECONDS);
            claim.next_due = Some(claim.next_due.map_or(soon, |next| next.min(soon)));
        }
        Ok(claim)
    }

    pub(crate) fn open_count(&self, scope: &Scope) -> u64 {
        self.open.get(scope).copied().unwrap_or_default()
    }
}

/// What the agenda of a row is when there is none: as if it said nothing.
pub(crate) fn due(agenda: Option<&Agenda>) -> Option<Timestamp> {
    agenda.and_then(|agenda| agenda.due)
}
