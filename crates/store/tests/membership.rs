//! Membership, on rows and instants that the tests make up.

use std::collections::BTreeSet;
use std::time::Duration;

use stairwell_store::cluster::{
    Fence, Home, HomeRow, Membership, Node, NodeNumber, NodeRow, Notice, Place, Polled, Turn,
};

/// The rows of a store, and the time.
#[derive(Default)]
struct Rows {
    now: u64,
    nodes: Vec<NodeRow>,
    homes: Vec<HomeRow>,
    versions: u64,
}

fn node(number: u64) -> Node {
    Node { number: NodeNumber(number), address: format!("host-{number}").into() }
}

impl Rows {
    fn now(&self) -> Duration {
        Duration::from_millis(self.now)
    }

    fn set(&mut self, home: u16, holder: Option<u64>) -> HomeRow {
        self.versions += 1;
        let (home, holder) = (Home(home), holder.map(NodeNumber));
        self.homes.retain(|row| row.home != home);
        self.homes.push(HomeRow { home, holder, version: self.versions });
        *self.homes.last().expect("one was pushed")
    }

    /// A node joins with these homes.
    fn join(&mut self, number: u64, homes: impl IntoIterator<Item = u16>) -> Membership {
        self.nodes.push(NodeRow { node: node(number), beat: 0 });
        let homes: Vec<HomeRow> =
            homes.into_iter().map(|home| self.set(home, Some(number))).collect();
        let mut membership = Membership::default();
        membership.joined(NodeNumber(number), self.now(), &homes);
        membership
    }

    fn beat(&mut self, number: u64) {
        for row in &mut self.nodes {
            row.beat += u64::from(row.node.number == NodeNumber(number));
        }
    }

    fn polled(&self) -> Polled {
        let (nodes, homes) = (self.nodes.clone(), self.homes.clone());
        Polled { began: self.now(), ended: self.now(), nodes, homes }
    }

    /// The node raises its beat and polls, so many milliseconds later.
    fn turn(&mut self, membership: &mut Membership, later: u64) -> Turn {
        self.now += later;
        self.beat(membership.number().expect("it has joined").0);
        membership.polled(self.polled())
    }

    /// What a store does with homes to adopt. Returns those that it got.
    fn adopt(&mut self, membership: &mut Membership, turn: &Turn) -> BTreeSet<u16> {
        let me = membership.number().expect("it has joined").0;
        let mut got = BTreeSet::new();
        for wanted in &turn.adopt {
            if self.homes.contains(wanted) {
                let row = self.set(wanted.home.0, Some(me));
                membership.learned(&[row]);
                got.insert(wanted.home.0);
            }
        }
        got
    }

    fn remove(&mut self, number: u64) {
        self.nodes.retain(|row| row.node.number != NodeNumber(number));
    }
}

fn fence(number: u64, beat: u64) -> Vec<Fence> {
    vec![Fence { node: NodeNumber(number), beat }]
}

#[test]
fn a_node_is_dead_after_five_polls_over_two_and_a_half_seconds() {
    // In milliseconds between polls; after how many the other one is dead.
    for (pause, polls) in [(500, 5), (100, 25), (1_000, 4), (2_500, 4), (10_000, 4)] {
        let mut rows = Rows::default();
        let mut mine = rows.join(1, [1]);
        rows.join(2, [2]);
        rows.turn(&mut mine, pause);
        for poll in 1..polls {
            assert_eq!(rows.turn(&mut mine, pause).fence, [], "{pause} ms, {poll} polls");
        }
        assert_eq!(rows.turn(&mut mine, pause).fence, fence(2, 0), "{pause} ms");
        assert_eq!(rows.turn(&mut mine, pause).fence, fence(2, 0), "until it is gone");
        rows.remove(2);
        assert_eq!(rows.turn(&mut mine, pause).fence, []);
    }
}

#[test]
fn a_beat_begins_the_count_anew() {
    let mut rows = Rows::default();
    let mut mine = rows.join(1, [1]);
    rows.join(2, [2]);
    for round in 0..20 {
        if round % 5 == 4 {
            rows.beat(2);
        }
        assert_eq!(rows.turn(&mut mine, 500).fence, [], "{round}");
    }
}

#[test]
fn a_poll_that_failed_begins_the_count_anew() {
    let mut rows = Rows::default();
    let mut mine = rows.join(1, [1]);
    rows.join(2, [2]);
    for round in 0..20 {
        if round % 5 == 4 {
            rows.now += 500;
            mine.poll_failed();
        } else {
            assert_eq!(rows.turn(&mut mine, 500).fence, [], "{round}");
        }
    }
    // However long the store was away: nobody could raise a beat.
    rows.now += 600_000;
    mine.poll_failed();
    for _ in 0..5 {
        assert_eq!(rows.turn(&mut mine, 500).fence, []);
    }
    assert_eq!(rows.turn(&mut mine, 500).fence, fence(2, 0));
}

#[test]
fn orphans_are_shared_by_those_who_live_and_taken_once() {
    for (living, orphans) in [(1, 16), (2, 16), (3, 16), (3, 1), (5, 3), (7, 100)] {
        let mut rows = Rows::default();
        let mut nodes: Vec<Membership> = (1..=living).map(|number| rows.join(number, [])).collect();
        rows.join(99, 1_000..1_000 + orphans);
        nodes.iter_mut().for_each(|node| drop(rows.turn(node, 1)));
        rows.remove(99);
        let mut all = BTreeSet::new();
        let share = usize::from(orphans).div_ceil(nodes.len());
        for round in 0.. {
            // All decide by the same rows; the one that is later loses what another has taken.
            let turns: Vec<Turn> = nodes.iter_mut().map(|node| rows.turn(node, 500)).collect();
            for (node, turn) in nodes.iter_mut().zip(&turns) {
                assert!(turn.adopt.len() <= share, "{living} nodes, {orphans} orphans");
                for home in rows.adopt(node, turn) {
                    assert!(all.insert(home), "home {home} was taken twice");
                }
            }
            if turns.iter().all(|turn| turn.adopt.is_empty()) {
                assert!(round <= 2, "taken in {round} rounds");
                break;
            }
        }
        assert_eq!(all.len(), usize::from(orphans));
        let held: usize = nodes
            .iter()
            .map(|node| (0..2_000).filter(|home| node.holds(Home(*home))).count())
            .sum();
        assert_eq!(held, usize::from(orphans));
    }
}

#[test]
fn homes_of_a_node_that_joins_are_no_orphans() {
    let mut rows = Rows::default();
    let mut mine = rows.join(1, [1]);
    rows.turn(&mut mine, 500);
    // The nodes are read, then another joins, then the homes are read.
    rows.beat(1);
    let nodes = rows.polled().nodes;
    rows.join(2, [2, 3]);
    let turn = mine.polled(Polled { nodes, ..rows.polled() });
    assert_eq!(turn.adopt, []);
    assert_eq!(rows.turn(&mut mine, 500).adopt, []);
    // Of one that is gone they are, as soon as that is certain.
    rows.remove(2);
    assert_eq!(rows.turn(&mut mine, 500).adopt.len(), 2);
}

#[test]
fn homes_that_were_set_free_are_adopted_at_once() {
    let mut rows = Rows::default();
    let mut mine = rows.join(1, []);
    rows.join(2, [5]);
    rows.turn(&mut mine, 500);
    let row = rows.set(5, None);
    rows.remove(2);
    let turn = rows.turn(&mut mine, 500);
    assert_eq!(turn.adopt, [row]);
    assert_eq!(turn.notices, [Notice::Nodes(vec![node(1)])]);
    assert_eq!(rows.adopt(&mut mine, &turn), BTreeSet::from([5]));
    assert_eq!(mine.place(Home(5)), Some(Place::Here));
}

#[test]
fn a_node_that_was_fenced_loses_everything_and_joins_under_another_number() {
    let mut rows = Rows::default();
    let mut mine = rows.join(1, [1, 2]);
    rows.turn(&mut mine, 500);
    let tenure = mine.tenure(Home(1), rows.now());
    assert!(tenure.is_some());
    rows.remove(1);
    rows.now += 500;
    let turn = mine.polled(rows.polled());
    let lost = Notice::Lost(vec![Home(1), Home(2)]);
    assert_eq!(turn, Turn { is_fenced: true, notices: vec![lost], ..Turn::default() });
    assert_eq!((mine.number(), mine.new_home()), (None, None));
    assert!(!mine.holds(Home(1)));
    assert_eq!(mine.polled(rows.polled()), Turn::default(), "nothing until it joins");

    rows.nodes.push(NodeRow { node: node(2), beat: 0 });
    let row = rows.set(3, Some(2));
    assert_eq!(mine.joined(NodeNumber(2), rows.now(), &[row]), [Notice::Taken(vec![Home(3)])]);
    let turn = rows.turn(&mut mine, 500);
    assert_eq!(turn.adopt.len(), 2, "its own of before, like any other's");
    rows.adopt(&mut mine, &turn);
    assert_ne!(mine.tenure(Home(1), rows.now()), tenure, "what was known of it is of the past");
    assert_eq!([1, 2, 3].map(|home| mine.holds(Home(home))), [true; 3]);
}

#[test]
fn a_node_is_sure_of_its_homes_for_less_time_than_others_need_to_fence_it() {
    let mut rows = Rows::default();
    let mut mine = rows.join(1, [1]);
    let mut other = rows.join(2, [2]);
    rows.turn(&mut mine, 500);
    let began = rows.now();
    rows.turn(&mut other, 0);
    loop {
        let turn = rows.turn(&mut other, 100);
        if !turn.fence.is_empty() {
            break;
        }
        let is_sure = rows.now() - began < Duration::from_secs(2);
        assert_eq!(mine.tenure(Home(1), rows.now()).is_some(), is_sure);
        assert!(mine.holds(Home(1)), "it knows of nothing else");
    }
    assert_eq!(mine.tenure(Home(1), rows.now()), None);
    assert!(rows.turn(&mut mine, 0).notices.is_empty());
    assert!(mine.tenure(Home(1), rows.now()).is_some(), "it was not fenced after all");
}

#[test]
fn what_was_adopted_although_the_answer_was_lost_is_learned_from_the_rows() {
    let mut rows = Rows::default();
    let mut mine = rows.join(1, []);
    let row = rows.set(5, Some(1));
    assert_eq!(rows.turn(&mut mine, 500).notices[1..], [Notice::Taken(vec![Home(5)])]);
    // Rows that were read before change nothing.
    let stale = HomeRow { holder: None, version: row.version - 1, ..row };
    assert_eq!(mine.learned(&[stale]), []);
    assert!(mine.holds(Home(5)));
}

#[test]
fn new_executions_go_over_all_homes_in_turn() {
    let mut rows = Rows::default();
    let mut mine = rows.join(1, [7, 3, 5]);
    let homes: Vec<u16> = (0..7).filter_map(|_| mine.new_home()).map(|home| home.0).collect();
    assert_eq!(homes, [3, 5, 7, 3, 5, 7, 3]);
}

#[test]
fn the_place_of_a_home_is_its_holder_where_that_lives() {
    let mut rows = Rows::default();
    let mut mine = rows.join(1, [1]);
    rows.join(2, [2]);
    rows.set(3, None);
    rows.turn(&mut mine, 500);
    let place = |home| mine.place(Home(home));
    assert_eq!(place(1), Some(Place::Here));
    assert_eq!(place(2), Some(Place::At(node(2))));
    assert_eq!((place(3), place(4)), (None, None));
    rows.remove(2);
    rows.turn(&mut mine, 500);
    assert_eq!(mine.place(Home(2)), None);
}
