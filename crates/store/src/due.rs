//! What is due, in memory: for stores that keep their agendas elsewhere.

use std::collections::{BTreeSet, VecDeque};

use engine::{ExecutionId, Timestamp};

use crate::{Agenda, Claim};

/// The instants of all agendas, and the executions whose effects are pending since the last start.
/// About 40 bytes for each execution that is due at some time, none for any other.
#[derive(Debug, Default)]
pub struct DueIndex {
    instants: BTreeSet<(Timestamp, ExecutionId)>,
    pending: VecDeque<ExecutionId>,
}

impl DueIndex {
    /// Takes up an agenda that was found after a start.
    pub fn restore(&mut self, id: ExecutionId, agenda: &Agenda) {
        self.instants.extend(agenda.due.map(|due| (due, id)));
        if agenda.has_effects {
            self.pending.push_back(id);
        }
    }

    /// Replaces the instant of an execution, after a commit.
    pub fn replace(&mut self, id: ExecutionId, old: Option<Timestamp>, new: Option<Timestamp>) {
        if let Some(due) = old {
            self.instants.remove(&(due, id));
        }
        self.instants.extend(new.map(|due| (due, id)));
    }

    /// Forgets the executions of which that is so: they are somebody else's.
    pub fn forget(&mut self, is_gone: impl Fn(ExecutionId) -> bool) {
        self.instants.retain(|(_, id)| !is_gone(*id));
        self.pending.retain(|id| !is_gone(*id));
    }

    /// Takes at most so many of those whose effects are pending and of those that are due. One
    /// that is both is given once; one that is given for its effects before it is due is given
    /// again when it is.
    pub fn claim(&mut self, now: Timestamp, limit: usize) -> Claim {
        let pending = self.pending.len().min(limit);
        let mut executions: Vec<_> = self.pending.drain(..pending).collect();
        let given: BTreeSet<_> = executions.iter().copied().collect();
        while let Some((due, id)) = self.instants.first().copied()
            && due <= now
        {
            if !given.contains(&id) {
                if executions.len() >= limit {
                    break;
                }
                executions.push(id);
            }
            self.instants.pop_first();
        }
        let next_due = match self.pending.is_empty() {
            true => self.instants.first().map(|(due, _)| *due),
            false => Some(now),
        };
        Claim { executions, pending, next_due }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> ExecutionId {
        ExecutionId([number; 16])
    }

    #[test]
    fn an_execution_with_effects_that_is_due_is_given_once() {
        let mut index = DueIndex::default();
        let due = Some(Timestamp(5));
        index.restore(id(1), &Agenda { due, has_effects: true, heartbeats: Vec::new() });
        index.restore(id(2), &Agenda { due, has_effects: false, heartbeats: Vec::new() });
        let claim = index.claim(Timestamp(5), 9);
        assert_eq!(claim, Claim { executions: vec![id(1), id(2)], pending: 1, next_due: None });
        assert_eq!(index.claim(Timestamp(9), 9), Claim::default());
    }

    #[test]
    fn an_execution_with_effects_is_given_again_when_it_is_due() {
        let mut index = DueIndex::default();
        let due = Some(Timestamp(5));
        index.restore(id(1), &Agenda { due, has_effects: true, heartbeats: Vec::new() });
        let claim = index.claim(Timestamp(4), 9);
        assert_eq!(claim, Claim { executions: vec![id(1)], pending: 1, next_due: due });
        assert_eq!(index.claim(Timestamp(5), 9).executions, [id(1)]);
    }

    #[test]
    fn what_exceeds_the_limit_stays() {
        let mut index = DueIndex::default();
        for number in 1..=3 {
            index.replace(id(number), None, Some(Timestamp(number.into())));
        }
        index.replace(id(3), Some(Timestamp(3)), Some(Timestamp(7)));
        let claim = index.claim(Timestamp(5), 1);
        assert_eq!(
            claim,
            Claim { executions: vec![id(1)], pending: 0, next_due: Some(Timestamp(2)) }
        );
        let claim = index.claim(Timestamp(5), 5);
        assert_eq!(
            claim,
            Claim { executions: vec![id(2)], pending: 0, next_due: Some(Timestamp(7)) }
        );
    }
}
