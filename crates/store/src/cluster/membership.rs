//! Who lives and who holds which home, as a state machine: rows that were read and instants come
//! in, what is to be done comes out.
//!
//! Promises: it reads no clock and calls nothing. It compares instants of this node's own
//! monotonic clock alone, each given as the time since any one instant.
//!
//! A store calls it in this order: [`Membership::joined`] once the node's rows are written; then
//! at each [`BEAT`] it raises its own beat, reads the rows, and calls [`Membership::polled`], or
//! [`Membership::poll_failed`]; it carries out what the [`Turn`] says and tells what became of it
//! by [`Membership::learned`]. Where a write finds that the node's rows are gone, it calls
//! [`Membership::fenced`], and joins anew.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use engine::Home;

use super::{Node, NodeNumber, Notice, Place, Tenure};

/// How often a node raises its beat and reads the rows.
pub const BEAT: Duration = Duration::from_millis(500);

/// How many homes a node brings with it when it joins.
pub const HOMES_OF_A_NODE: usize = 16;

/// A node is dead where that many polls in a row, each of which succeeded, saw the same beat …
pub const DEAD_POLLS: u32 = 5;

/// … and the first and the last of them were this far apart.
pub const DEAD_AFTER: Duration = Duration::from_millis(2_500);

/// How long after it raised its beat a node may be sure that nobody has judged it dead. Less than
/// [`DEAD_AFTER`], so that two clocks need not run at exactly the same rate.
const SURE_FOR: Duration = Duration::from_secs(2);

/// A node as its row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRow {
    /// Which node.
    pub node: Node,
    /// Grows as long as it lives.
    pub beat: u64,
}

/// A home as its row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HomeRow {
    /// Which home.
    pub home: Home,
    /// The node that took it last, which may be gone; none where it was set free.
    pub holder: Option<NodeNumber>,
    /// Grows with each change of the holder.
    pub version: u64,
}

/// What one poll read, after it raised this node's own beat.
#[derive(Clone, Debug)]
pub struct Polled {
    /// When it was begun: before the beat was raised.
    pub began: Duration,
    /// When its answer was there.
    pub ended: Duration,
    /// All nodes.
    pub nodes: Vec<NodeRow>,
    /// All homes, or at least those that changed since the last poll that succeeded.
    pub homes: Vec<HomeRow>,
}

/// A node to be removed, so that it can commit nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence {
    /// Which node.
    pub node: NodeNumber,
    /// Only where its beat is still this one.
    pub beat: u64,
}

/// What is to be done after a poll.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turn {
    /// This node was fenced: it is to join anew. Nothing else is to be done then.
    pub is_fenced: bool,
    /// Nodes that are dead.
    pub fence: Vec<Fence>,
    /// Homes that this node is to take, each only where holder and version are still these.
    pub adopt: Vec<HomeRow>,
    /// What the process is to be told.
    pub notices: Vec<Notice>,
}

/// Another node as the polls saw it.
#[derive(Clone, Debug)]
struct Watched {
    row: NodeRow,
    /// Polls in a row that saw this beat; 0 after one that failed.
    polls: u32,
    /// When the answer of the first of them was there.
    since: Duration,
}

/// What a node knows of all nodes and homes.
#[derive(Clone, Debug, Default)]
pub struct Membership {
    /// None before it joins, and after it was fenced.
    me: Option<NodeNumber>,
    watched: BTreeMap<NodeNumber, Watched>,
    homes: BTreeMap<Home, HomeRow>,
    held: BTreeSet<Home>,
    /// Until then no other node can have judged this one dead.
    sure_until: Duration,
    /// Where the last new execution was put.
    last_home: Option<Home>,
}

impl Membership {
    /// The node has joined under a number that no node had before, with homes that nobody held;
    /// `began` is when that was begun.
    pub fn joined(
        &mut self,
        number: NodeNumber,
        began: Duration,
        homes: &[HomeRow],
    ) -> Vec<Notice> {
        self.me = Some(number);
        self.sure_until = began + SURE_FOR;
        self.learned(homes)
    }

    /// Its number; none where it has not joined.
    pub fn number(&self) -> Option<NodeNumber> {
        self.me
    }

    /// A poll succeeded.
    pub fn polled(&mut self, polled: Polled) -> Turn {
        let Some(me) = self.me else { return Turn::default() };
        let Polled { began, ended, nodes, homes } = polled;
        if nodes.iter().all(|row| row.node.number != me) {
            return Turn { is_fenced: true, notices: self.fenced(), ..Turn::default() };
        }
        self.sure_until = began + SURE_FOR;
        let mut notices = Vec::from_iter(self.watch(nodes, ended));
        let adopt = self.orphans(me, &homes);
        notices.extend(self.learned(&homes));
        let is_dead = |watched: &&Watched| {
            let is_long_enough = began.saturating_sub(watched.since) >= DEAD_AFTER;
            watched.row.node.number != me && watched.polls >= DEAD_POLLS && is_long_enough
        };
        let fence =
            |watched: &Watched| Fence { node: watched.row.node.number, beat: watched.row.beat };
        let fence = self.watched.values().filter(is_dead).map(fence).collect();
        Turn { is_fenced: false, fence, adopt, notices }
    }

    /// A poll failed: the counts begin anew, so that nobody is dead because the store was away.
    pub fn poll_failed(&mut self) {
        self.watched.values_mut().for_each(|watched| watched.polls = 0);
    }

    /// Homes as they were read or written, in whichever order that is told.
    pub fn learned(&mut self, rows: &[HomeRow]) -> Vec<Notice> {
        let (mut lost, mut taken) = (Vec::new(), Vec::new());
        for row in rows {
            if self.homes.get(&row.home).is_some_and(|known| known.version >= row.version) {
                continue;
            }
            self.homes.insert(row.home, *row);
            let is_mine = self.me.is_some() && row.holder == self.me;
            if is_mine && self.held.insert(row.home) {
                taken.push(row.home);
            } else if !is_mine && self.held.remove(&row.home) {
                lost.push(row.home);
            }
        }
        let lost = (!lost.is_empty()).then_some(Notice::Lost(lost));
        let taken = (!taken.is_empty()).then_some(Notice::Taken(taken));
        lost.into_iter().chain(taken).collect()
    }

    /// This node's rows are gone, or it has given them back: it holds nothing any more.
    pub fn fenced(&mut self) -> Vec<Notice> {
        self.me = None;
        self.sure_until = Duration::ZERO;
        let lost: Vec<Home> = std::mem::take(&mut self.held).into_iter().collect();
        Vec::from_iter((!lost.is_empty()).then_some(Notice::Lost(lost)))
    }

    /// Whether this node holds the home, as far as it knows. A write must still find its rows.
    pub fn holds(&self, home: Home) -> bool {
        self.held.contains(&home)
    }

    /// The homes that this node holds, as far as it knows.
    pub fn held(&self) -> impl Iterator<Item = Home> {
        self.held.iter().copied()
    }

    /// Whether no other node can have judged this one dead by now.
    pub fn is_sure(&self, now: Duration) -> bool {
        self.me.is_some() && now < self.sure_until
    }

    /// The tenure under which this node certainly holds the home now.
    pub fn tenure(&self, home: Home, now: Duration) -> Option<Tenure> {
        let row = self.homes.get(&home).filter(|_| self.is_sure(now))?;
        (row.holder == self.me).then_some(Tenure(row.version))
    }

    /// Who holds a home; none where nobody is known to who lives.
    pub fn place(&self, home: Home) -> Option<Place> {
        if self.held.contains(&home) {
            return Some(Place::Here);
        }
        let holder = self.homes.get(&home)?.holder?;
        Some(Place::At(self.watched.get(&holder)?.row.node.clone()))
    }

    /// The home as it was last read, which a node that takes it compares with; none where there is
    /// no row of it as far as is known.
    pub fn row(&self, home: Home) -> Option<HomeRow> {
        self.homes.get(&home).copied()
    }

    /// A home for a new execution, in turn; none where none is held.
    pub fn new_home(&mut self) -> Option<Home> {
        let after = self.last_home.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.held.range((after, Bound::Unbounded)).next();
        self.last_home = next.or(self.held.first()).copied();
        self.last_home
    }

    /// The nodes that live, this one included, by their numbers.
    pub fn nodes(&self) -> Vec<Node> {
        self.watched.values().map(|watched| watched.row.node.clone()).collect()
    }

    /// Takes up the rows of all nodes. Says which live, where others do than before.
    fn watch(&mut self, rows: Vec<NodeRow>, now: Duration) -> Option<Notice> {
        let before: Vec<NodeNumber> = self.watched.keys().copied().collect();
        let mut seen = BTreeMap::new();
        for row in rows {
            let number = row.node.number;
            let watched = match self.watched.remove(&number) {
                Some(old) if old.polls > 0 && old.row.beat == row.beat => {
                    Watched { polls: old.polls + 1, ..old }
                }
                _ => Watched { row, polls: 1, since: now },
            };
            seen.insert(number, watched);
        }
        self.watched = seen;
        let is_new = !before.iter().eq(self.watched.keys());
        is_new.then(|| Notice::Nodes(self.nodes()))
    }

    /// This node's share of the homes that nobody who lives holds. To be called with the nodes of a
    /// poll, before its homes are learned: a home that it shows for the first time with its holder
    /// may be that of a node which joined after the nodes were read.
    fn orphans(&self, me: NodeNumber, rows: &[HomeRow]) -> Vec<HomeRow> {
        let mut known = self.homes.clone();
        for row in rows {
            let is_newer = known.get(&row.home).is_none_or(|known| known.version < row.version);
            match row.holder {
                _ if !is_newer => {}
                None => drop(known.insert(row.home, *row)),
                Some(_) => drop(known.remove(&row.home)),
            }
        }
        let lives = |holder: NodeNumber| self.watched.contains_key(&holder);
        let orphans: Vec<HomeRow> =
            known.into_values().filter(|row| !row.holder.is_some_and(lives)).collect();
        let nodes = self.watched.len().max(1);
        let share = orphans.len().div_ceil(nodes);
        // Each begins at another place, so that few want the same.
        let rank = self.watched.keys().position(|number| *number == me).unwrap_or_default();
        orphans.iter().cycle().skip(rank * share).take(share).copied().collect()
    }
}
