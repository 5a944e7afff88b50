//! Eras: spans of starts, each with a partition of its own for its history, so that retention drops
//! tables and deletes no rows.

use engine::{ExecutionId, Timestamp};

/// How long before its first start a new era is announced.
pub(crate) const ANNOUNCED_MILLISECONDS: i64 = 60_000;

const DAY_MILLISECONDS: i64 = 86_400_000;

/// An era that nothing was started in for so long after its end is looked at for removal: no clock
/// is that far behind.
const SETTLED_MILLISECONDS: i64 = DAY_MILLISECONDS;

/// The eras of a store, in the order of their starts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Eras(Vec<Era>);

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Era {
    /// The first start that belongs to it, in milliseconds since 1970.
    pub(crate) since: i64,
    /// Its number.
    pub(crate) number: i32,
}

impl Eras {
    pub(crate) fn new(mut eras: Vec<Era>) -> Eras {
        eras.sort_unstable();
        Eras(eras)
    }

    /// The era of an execution, which follows from its start and never changes. What started before
    /// the first belongs to the first.
    pub(crate) fn of(&self, id: ExecutionId) -> i32 {
        let start = id.start().0;
        let behind = self.0.partition_point(|era| era.since <= start);
        self.0.get(behind.saturating_sub(1)).map_or(1, |era| era.number)
    }

    /// Whether there is an era of that number, and nothing of it may have been removed yet.
    pub(crate) fn keeps(&self, number: i32, now: Timestamp) -> bool {
        let is_settled = self.settled(now).iter().any(|(era, ..)| era.number == number);
        !is_settled && self.0.iter().any(|era| era.number == number)
    }

    /// The era to announce now, where the newest is old enough.
    pub(crate) fn next(&self, now: Timestamp, length_milliseconds: i64) -> Option<Era> {
        let newest = self.0.last()?;
        let since = now.0.saturating_add(ANNOUNCED_MILLISECONDS);
        let is_due = newest.since.saturating_add(length_milliseconds) <= since;
        is_due.then_some(Era { since, number: newest.number + 1 })
    }

    /// Eras that ended long ago, each with the ids between which its executions are; the second is
    /// not one of them.
    pub(crate) fn settled(&self, now: Timestamp) -> Vec<(Era, ExecutionId, ExecutionId)> {
        let with_next = self.0.iter().zip(self.0.iter().skip(1));
        let settled = with_next
            .filter(|(_, next)| next.since.saturating_add(SETTLED_MILLISECONDS) < now.0)
            .map(|(era, next)| {
                let first = ExecutionId::first(Timestamp(era.since.max(0)));
                (*era, first, ExecutionId::first(Timestamp(next.since)))
            });
        settled.collect()
    }
}

/// How long an era lasts where executions are kept for so many seconds at most after their end;
/// none where some are kept for ever. An eighth of it, at least a day, at most 90 days.
pub(crate) fn length_milliseconds(retention_seconds_max: Option<u64>) -> i64 {
    let longest = 90 * DAY_MILLISECONDS;
    let Some(seconds) = retention_seconds_max else { return longest };
    let eighth = i64::try_from(seconds / 8).unwrap_or(i64::MAX).saturating_mul(1_000);
    eighth.clamp(DAY_MILLISECONDS, longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(start: i64) -> ExecutionId {
        ExecutionId::first(Timestamp(start))
    }

    #[test]
    fn the_era_follows_from_the_start() {
        let era = |since, number| Era { since, number };
        let eras = Eras::new(vec![era(500, 2), era(0, 1), era(900, 3)]);
        let found = [0, 499, 500, 501, 899, 900, 1_000_000].map(|start| eras.of(id(start)));
        assert_eq!(found, [1, 1, 2, 2, 2, 3, 3]);
    }

    #[test]
    fn an_era_is_announced_ahead_and_once() {
        let mut eras = Eras::new(vec![Era { since: 0, number: 1 }]);
        let now = Timestamp(10 * DAY_MILLISECONDS);
        let next = eras.next(now, DAY_MILLISECONDS).expect("the first is ten days old");
        assert_eq!(next, Era { since: now.0 + ANNOUNCED_MILLISECONDS, number: 2 });
        eras = Eras::new(vec![Era { since: 0, number: 1 }, next]);
        assert_eq!(eras.next(now, DAY_MILLISECONDS), None);
        assert_eq!(eras.of(id(now.0)), 1, "it has not begun");
        let later = Timestamp(now.0 + DAY_MILLISECONDS);
        assert!(eras.next(later, DAY_MILLISECONDS).is_some());
    }

    #[test]
    fn only_an_era_that_ended_long_ago_is_settled() {
        let eras = Eras::new(vec![
            Era { since: 0, number: 1 },
            Era { since: DAY_MILLISECONDS, number: 2 },
            Era { since: 2 * DAY_MILLISECONDS, number: 3 },
        ]);
        assert_eq!(eras.settled(Timestamp(2 * DAY_MILLISECONDS)), []);
        let settled = eras.settled(Timestamp(2 * DAY_MILLISECONDS + 1));
        assert_eq!(settled, [(Era { since: 0, number: 1 }, id(0), id(DAY_MILLISECONDS))]);
        assert_eq!(eras.settled(Timestamp(i64::MAX)).len(), 2, "the newest never is");
    }

    #[test]
    fn eras_are_an_eighth_of_the_retention() {
        let days = |days: u64| length_milliseconds(Some(days * 86_400)) / DAY_MILLISECONDS;
        assert_eq!([0, 1, 8, 16, 90, 800, 10_000].map(days), [1, 1, 1, 2, 11, 90, 90]);
        assert_eq!(length_milliseconds(None), 90 * DAY_MILLISECONDS);
        assert_eq!(length_milliseconds(Some(u64::MAX)), 90 * DAY_MILLISECONDS);
    }
}
