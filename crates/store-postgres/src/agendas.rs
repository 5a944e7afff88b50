//! What is due and how many executions are open, in memory: filled when the store is opened, and
//! kept by what is committed.

use std::collections::HashMap;

use engine::{ExecutionId, Status, Timestamp};
use store::{Agenda, Claim, DueIndex, Scope};

/// The instants of all agendas, and the open executions of each scope.
#[derive(Debug, Default)]
pub(crate) struct Agendas {
    due: DueIndex,
    /// The instant of each execution that has one. Only looked up in, never iterated.
    instants: HashMap<ExecutionId, Timestamp>,
    open: HashMap<Scope, u64>,
}

impl Agendas {
    /// Takes up an execution that was found when the store was opened.
    pub(crate) fn restore(
        &mut self,
        id: ExecutionId,
        scope: &Scope,
        is_open: bool,
        agenda: &Agenda,
    ) {
        self.due.restore(id, agenda);
        self.instants.extend(agenda.due.map(|due| (id, due)));
        if is_open {
            *self.open.entry(scope.clone()).or_default() += 1;
        }
    }

    /// Takes up a commit that was written. Those of one execution must come in their order.
    pub(crate) fn committed(
        &mut self,
        id: ExecutionId,
        scope: &Scope,
        statuses: (Option<Status>, Status),
        due: Option<Timestamp>,
    ) {
        let old = match due {
            Some(due) => self.instants.insert(id, due),
            None => self.instants.remove(&id),
        };
        self.due.replace(id, old, due);
        let (was_open, is_open) =
            (statuses.0 == Some(Status::Running), statuses.1 == Status::Running);
        if was_open != is_open {
            let count = self.open.entry(scope.clone()).or_default();
            *count = (*count + u64::from(is_open)).saturating_sub(u64::from(was_open));
        }
    }

    pub(crate) fn claim(&mut self, now: Timestamp, limit: usize) -> Claim {
        self.due.claim(now, limit)
    }

    pub(crate) fn open_count(&self, scope: &Scope) -> u64 {
        self.open.get(scope).copied().unwrap_or_default()
    }
}
