//! What is due and how many executions are open in the homes that are held here, in memory: filled
//! when a home is taken, and kept by what is committed.

use std::collections::{BTreeSet, HashMap};

use engine::{ExecutionId, Home, Status, Timestamp};
use store::{Agenda, Claim, DueIndex, Scope};

/// The instants of all agendas, and the open executions of each scope.
#[derive(Debug, Default)]
pub(crate) struct Agendas {
    due: DueIndex,
    /// The instant of each execution that has one. Only looked up in, never iterated in order.
    instants: HashMap<ExecutionId, Timestamp>,
    open: HashMap<Scope, u64>,
    /// The same for each home, which may be lost.
    open_at: HashMap<Home, HashMap<Scope, u64>>,
}

/// An execution that was found live when its home was taken.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) id: ExecutionId,
    pub(crate) scope: Scope,
    pub(crate) is_open: bool,
    pub(crate) agenda: Agenda,
}

impl Agendas {
    /// Takes up an execution that was found when its home was taken.
    pub(crate) fn restore(&mut self, live: &Live) {
        self.due.restore(live.id, &live.agenda);
        self.instants.extend(live.agenda.due.map(|due| (live.id, due)));
        if live.is_open {
            self.count(live.id.home(), &live.scope, false, true);
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
            self.count(id.home(), scope, was_open, is_open);
        }
    }

    /// Forgets the executions of homes that are held here no more.
    pub(crate) fn lose(&mut self, homes: &BTreeSet<Home>) {
        self.due.forget(|id| homes.contains(&id.home()));
        self.instants.retain(|id, _| !homes.contains(&id.home()));
        for home in homes {
            for (scope, count) in self.open_at.remove(home).into_iter().flatten() {
                let all = self.open.entry(scope).or_default();
                *all = all.saturating_sub(count);
            }
        }
    }

    fn count(&mut self, home: Home, scope: &Scope, was_open: bool, is_open: bool) {
        let here = self.open_at.entry(home).or_default();
        for counts in [here, &mut self.open] {
            let count = counts.entry(scope.clone()).or_default();
            *count = (*count + u64::from(is_open)).saturating_sub(u64::from(was_open));
        }
    }

    pub(crate) fn claim(&mut self, now: Timestamp, limit: usize) -> Claim {
        self.due.claim(now, limit)
    }

    pub(crate) fn open_count(&self, scope: &Scope) -> u64 {
        self.open.get(scope).copied().unwrap_or_default()
    }

    /// Of all scopes that have any.
    pub(crate) fn open_counts(&self) -> impl Iterator<Item = (&Scope, u64)> {
        self.open.iter().filter(|(_, count)| **count > 0).map(|(scope, count)| (scope, *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(home: u8, number: u8, due: i64) -> Live {
        let mut id = ExecutionId([number; 16]);
        id.0[6..8].copy_from_slice(&[0, home]);
        let scope = Scope { account: "1".into(), region: "r".into() };
        let agenda =
            Agenda { due: Some(Timestamp(due)), has_effects: false, heartbeats: Vec::new() };
        Live { id, scope, is_open: true, agenda }
    }

    #[test]
    fn what_is_lost_is_neither_due_nor_counted() {
        let mut agendas = Agendas::default();
        let (kept, lost) = (live(1, 1, 5), live(2, 2, 5));
        agendas.restore(&kept);
        agendas.restore(&lost);
        assert_eq!(agendas.open_count(&kept.scope), 2);
        agendas.lose(&BTreeSet::from([Home(2)]));
        assert_eq!(agendas.open_count(&kept.scope), 1);
        assert_eq!(agendas.claim(Timestamp(9), 9).executions, [kept.id]);
        // And taken again, with an end that somebody else's commit told of.
        agendas.restore(&Live { is_open: false, ..live(2, 2, 7) });
        assert_eq!(agendas.open_count(&kept.scope), 1);
        assert_eq!(agendas.claim(Timestamp(9), 9).executions, [lost.id]);
    }
}
