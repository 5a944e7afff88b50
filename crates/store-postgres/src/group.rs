//! Which of the work that waits goes out together.

use std::collections::{HashSet, VecDeque};

/// As much as one statement writes.
pub(crate) const MEMBERS_MAX: usize = 256;
/// What is written by one statement is at most this, unless one member alone is more.
pub(crate) const BYTES_MAX: usize = 1 << 20;
/// How far ahead it is looked for work of the same kind.
const LOOKED_AT_MAX: usize = 1_024;

/// Work that waits.
pub(crate) trait Member {
    /// Only work of one kind goes out together; none goes out alone.
    fn kind(&self) -> Option<u8>;

    /// What it changes: two that change the same never go out together, and never overtake each
    /// other. Kinds of keys must not meet by chance.
    fn keys(&self) -> impl Iterator<Item = [u8; 17]>;

    /// How much it writes.
    fn bytes(&self) -> usize;
}

/// Takes the first of the queue, and of what waits behind it what can go out with it, in its order.
pub(crate) fn take<M: Member>(queue: &mut VecDeque<M>) -> Vec<M> {
    let Some(first) = queue.pop_front() else { return Vec::new() };
    let Some(kind) = first.kind() else { return vec![first] };
    let mut met: HashSet<[u8; 17]> = first.keys().collect();
    let (mut bytes, mut group) = (first.bytes(), vec![first]);
    let mut left = VecDeque::new();
    let mut looked_at = 0;
    while group.len() < MEMBERS_MAX
        && looked_at < LOOKED_AT_MAX
        && let Some(next) = queue.pop_front()
    {
        looked_at += 1;
        let is_free = next.keys().all(|key| !met.contains(&key));
        met.extend(next.keys());
        if is_free && next.kind() == Some(kind) && bytes + next.bytes() <= BYTES_MAX {
            bytes += next.bytes();
            group.push(next);
        } else {
            left.push_back(next);
        }
    }
    while let Some(next) = left.pop_back() {
        queue.push_front(next);
    }
    group
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kind, key, bytes.
    #[derive(Clone, Debug, PartialEq)]
    struct One(Option<u8>, u8, usize);

    impl Member for One {
        fn kind(&self) -> Option<u8> {
            self.0
        }

        fn keys(&self) -> impl Iterator<Item = [u8; 17]> {
            [[self.1; 17]].into_iter()
        }

        fn bytes(&self) -> usize {
            self.2
        }
    }

    fn groups(work: &[One]) -> Vec<Vec<One>> {
        let mut queue: VecDeque<One> = work.iter().cloned().collect();
        let mut groups = Vec::new();
        while !queue.is_empty() {
            groups.push(take(&mut queue));
        }
        groups
    }

    #[test]
    fn a_group_is_of_one_kind() {
        let [a, b, c, d] = [(1, 1), (2, 2), (1, 3), (2, 4)].map(|(it, key)| One(Some(it), key, 1));
        let work = [a.clone(), b.clone(), c.clone(), d.clone()];
        assert_eq!(groups(&work), [vec![a, c], vec![b, d]]);
    }

    #[test]
    fn nothing_is_in_a_group_twice_or_overtakes_itself() {
        let [a, b] = [(1, 1), (1, 1)].map(|(it, key)| One(Some(it), key, 1));
        // A second of another kind, behind which one of the first kind must wait.
        let c = One(Some(2), 1, 1);
        let d = One(Some(1), 2, 1);
        let work = [a.clone(), c.clone(), b.clone(), d.clone()];
        assert_eq!(groups(&work), [vec![a, d], vec![c], vec![b]]);
    }

    #[test]
    fn what_is_of_no_kind_goes_out_alone() {
        let alone = One(None, 1, 1);
        let work = [alone.clone(), One(None, 2, 1), One(Some(1), 3, 1), One(None, 4, 1)];
        assert_eq!(groups(&work).len(), 4);
    }

    #[test]
    fn a_group_has_bounds() {
        let many: Vec<One> = (0..600).map(|it| One(Some(1), (it % 251) as u8, 1)).collect();
        let sizes: Vec<usize> = groups(&many).iter().map(Vec::len).collect();
        assert!(sizes.iter().all(|size| *size <= MEMBERS_MAX), "{sizes:?}");
        assert_eq!(sizes.iter().sum::<usize>(), 600);
        let large: Vec<One> = (0..4).map(|it| One(Some(1), it, BYTES_MAX / 2)).collect();
        assert_eq!(groups(&large).len(), 2);
        let huge: Vec<One> = (0..2).map(|it| One(Some(1), it, 3 * BYTES_MAX)).collect();
        assert_eq!(groups(&huge).len(), 2, "each goes out alone, and goes out");
    }
}
