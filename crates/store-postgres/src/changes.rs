//! Which resources other nodes wrote, told from the versions of rows.
//!
//! A transaction may draw a version early and be seen late. So each poll reads everything above
//! the version that was the newest some seconds ago, and what was told already is remembered until
//! then.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use store::{ResourceKey, ResourceKind};

/// Longer than any statement that draws versions may take.
const WINDOW: Duration = Duration::from_secs(10);

/// So many versions below the newest are read by the first poll.
pub(crate) const BEFORE_FIRST: i64 = 1_000;

/// The kinds that nodes keep in memory.
pub(crate) const REMEMBERED: [ResourceKind; 3] =
    [ResourceKind::StateMachine, ResourceKind::Activity, ResourceKind::Identity];

/// What was seen of versions.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Everything up to it has been told; none before the first poll.
    floor: Option<i64>,
    /// The newest version of each poll of the last seconds.
    newest: VecDeque<(Duration, i64)>,
    /// Versions above the floor that were told, or are of this node.
    seen: BTreeSet<i64>,
}

impl Changes {
    /// Above which version the next poll is to read; none before the first.
    pub(crate) fn floor(&mut self, now: Duration) -> Option<i64> {
        while let Some((at, newest)) = self.newest.front().copied()
            && at + WINDOW <= now
        {
            self.newest.pop_front();
            self.floor = Some(newest);
            self.seen = self.seen.split_off(&(newest + 1));
        }
        self.floor
    }

    /// This node wrote it.
    pub(crate) fn own(&mut self, version: i64) {
        self.seen.insert(version);
    }

    /// What a poll read, which found that version to be the newest. Gives what is to be told.
    pub(crate) fn polled(
        &mut self,
        now: Duration,
        newest: i64,
        rows: Vec<(i64, ResourceKey)>,
    ) -> Vec<ResourceKey> {
        let is_first = self.floor.is_none();
        let floor = *self.floor.get_or_insert(newest - BEFORE_FIRST);
        self.newest.push_back((now, newest));
        let is_new = |version: i64| version > floor;
        let mut told = BTreeSet::new();
        for (version, key) in rows {
            if is_new(version) && self.seen.insert(version) && !is_first {
                told.insert(key);
            }
        }
        told.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::Scope;

    fn row(version: i64) -> (i64, ResourceKey) {
        let scope = Scope { account: "1".into(), region: "r".into() };
        let name = version.to_string().into();
        (version, ResourceKey { kind: ResourceKind::Activity, scope, name })
    }

    fn told(changes: &mut Changes, second: u64, newest: i64, rows: &[i64]) -> Vec<String> {
        let now = Duration::from_secs(second);
        let floor = changes.floor(now).unwrap_or(i64::MIN);
        let rows = rows.iter().filter(|it| **it > floor).map(|it| row(*it)).collect();
        changes.polled(now, newest, rows).into_iter().map(|key| key.name.to_string()).collect()
    }

    #[test]
    fn each_change_is_told_once_and_a_late_one_too() {
        let mut changes = Changes::default();
        assert_eq!(told(&mut changes, 0, 5, &[3, 5]), Vec::<String>::new(), "nothing is known yet");
        assert_eq!(told(&mut changes, 1, 7, &[3, 5, 7]), ["7"]);
        assert_eq!(told(&mut changes, 2, 7, &[3, 5, 6, 7]), ["6"], "it was drawn before 7");
        assert_eq!(told(&mut changes, 13, 9, &[3, 5, 6, 7, 9]), ["9"]);
        assert_eq!(changes.floor(Duration::from_secs(13)), Some(7));
        assert_eq!(told(&mut changes, 30, 9, &[9]), Vec::<String>::new());
    }

    #[test]
    fn own_changes_are_not_told() {
        let mut changes = Changes::default();
        told(&mut changes, 0, 5, &[]);
        changes.own(6);
        assert_eq!(told(&mut changes, 1, 7, &[6, 7]), ["7"]);
    }
}
