//! What this node knows of all nodes and homes, and what is due in the homes that it holds.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use engine::{ExecutionId, Home, Status, Timestamp};
use parking_lot::Mutex;
use store::cluster::{HomeRow, Membership, NodeNumber, NodeRow, Notice, Polled, Tenure, Turn};
use store::{Claim, ResourceKey, Scope};
use tokio::sync::{Notify, watch};

use crate::agendas::{Agendas, Live};
use crate::changes::Changes;

/// What the callers, the lanes and the beats share of it.
pub(crate) struct Cluster {
    state: Mutex<State>,
    noticed: Notify,
    /// Counts the changes of the state.
    changed: watch::Sender<u64>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) membership: Membership,
    pub(crate) agendas: Agendas,
    pub(crate) changes: Changes,
    notices: VecDeque<Notice>,
    /// Homes whose rows name this node, while their executions are being read. They are held as
    /// soon as these are known, and not before.
    restoring: BTreeSet<Home>,
    /// Whether all homes were read under the present number.
    knows_homes: bool,
    /// Open executions by the numbers of their scopes, as other nodes told with their last beats.
    open_elsewhere: HashMap<i32, u64>,
    /// The own beat, as it was raised last.
    beat: i64,
}

/// Open executions by the numbers of their scopes.
pub(crate) type OpenCounts = Vec<(i32, u64)>;

impl Cluster {
    pub(crate) fn new() -> Cluster {
        let (state, noticed) = (Mutex::default(), Notify::new());
        Cluster { state, noticed, changed: watch::Sender::new(0) }
    }

    /// The time by the machine's own clock that nobody sets, and that counts while the machine is
    /// suspended: others may take a node's homes meanwhile.
    pub(crate) fn now(&self) -> Duration {
        store::running_time()
    }

    pub(crate) fn look<T>(&self, call: impl FnOnce(&State) -> T) -> T {
        call(&self.state.lock())
    }

    /// Changes the state, and wakes those who wait for that.
    pub(crate) fn change<T>(&self, call: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock();
        let answer = call(&mut state);
        if !state.notices.is_empty() {
            self.noticed.notify_one();
        }
        drop(state);
        self.changed.send_modify(|count| *count += 1);
        answer
    }

    /// Its number; none where it was fenced and has not joined anew.
    pub(crate) fn number(&self) -> Option<NodeNumber> {
        self.state.lock().membership.number()
    }

    /// The same, where this node is sure that no other has judged it dead.
    pub(crate) fn sure_number(&self) -> Option<NodeNumber> {
        let state = self.state.lock();
        state.membership.number().filter(|_| state.membership.is_sure(self.now()))
    }

    /// Whether the home is held under that number.
    pub(crate) fn holds(&self, number: NodeNumber, home: Home) -> bool {
        let state = self.state.lock();
        state.membership.number() == Some(number) && state.membership.holds(home)
    }

    /// Whether the home is held, as far as is known. A write must still find its lane.
    pub(crate) fn is_held(&self, home: Home) -> bool {
        self.state.lock().membership.holds(home)
    }

    pub(crate) fn tenure(&self, home: Home) -> Option<Tenure> {
        self.state.lock().membership.tenure(home, self.now())
    }

    /// A home for a new execution, in turn; none where none is held.
    pub(crate) fn new_home(&self) -> Option<Home> {
        self.state.lock().membership.new_home()
    }

    pub(crate) fn claim(&self, now: Timestamp, limit: usize) -> Claim {
        self.state.lock().agendas.claim(now, limit)
    }

    /// Whether this is the node with the least number, which does what only one needs to do.
    pub(crate) fn is_first(&self) -> bool {
        let state = self.state.lock();
        let first = state.membership.nodes().first().map(|node| node.number);
        first.is_some() && first == state.membership.number()
    }

    /// The next notice.
    pub(crate) async fn notice(&self) -> Notice {
        loop {
            if let Some(notice) = self.state.lock().notices.pop_front() {
                return notice;
            }
            self.noticed.notified().await;
        }
    }

    /// Changes of the state from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

impl State {
    /// The node has joined under that number, with homes that nobody has had.
    pub(crate) fn joined(&mut self, number: NodeNumber, began: Duration, homes: &[HomeRow]) {
        self.beat = 0;
        let notices = self.membership.joined(number, began, homes);
        self.note(notices);
    }

    /// The rows of that number are gone: everything is lost. False where that was known.
    pub(crate) fn fenced(&mut self, number: NodeNumber) -> bool {
        if self.membership.number() != Some(number) {
            return false;
        }
        let notices = self.membership.fenced();
        self.note(notices);
        self.forget_all();
        true
    }

    /// Nothing that was read under the old number is taken for granted under the next.
    fn forget_all(&mut self) {
        self.membership = Membership::default();
        self.restoring.clear();
        self.open_elsewhere.clear();
        self.knows_homes = false;
    }

    /// Above which version homes are to be read, and resources; none where all are, and where none
    /// was read before.
    pub(crate) fn floors(&mut self, now: Duration) -> (Option<i64>, Option<i64>) {
        let floor = self.changes.floor(now);
        (floor.filter(|_| self.knows_homes), floor)
    }

    /// Takes up a poll. Gives what is to be done, and the homes of this node whose executions are
    /// to be read.
    pub(crate) fn polled(
        &mut self,
        began: Duration,
        ended: Duration,
        nodes: Vec<NodeRow>,
        homes: Vec<HomeRow>,
    ) -> (Turn, Vec<HomeRow>) {
        let me = self.membership.number();
        if me.is_none() {
            return (Turn::default(), Vec::new());
        }
        let is_unread = |row: &HomeRow| {
            row.holder.is_some() && row.holder == me && !self.membership.holds(row.home)
        };
        let (unread, homes): (Vec<HomeRow>, Vec<HomeRow>) = homes.into_iter().partition(is_unread);
        let mut turn = self.membership.polled(Polled { began, ended, nodes, homes });
        let notices = std::mem::take(&mut turn.notices);
        self.note(notices);
        if turn.is_fenced {
            self.forget_all();
            return (turn, Vec::new());
        }
        self.knows_homes = true;
        turn.adopt.retain(|row| !self.restoring.contains(&row.home));
        (turn, self.restoring(unread))
    }

    /// Those among the homes, whose rows name this node, that nobody reads yet.
    pub(crate) fn restoring(&mut self, homes: Vec<HomeRow>) -> Vec<HomeRow> {
        let mut new = homes;
        new.retain(|row| !self.membership.holds(row.home) && self.restoring.insert(row.home));
        new
    }

    /// Whether the executions of the home are being read.
    pub(crate) fn is_restoring(&self, home: Home) -> bool {
        self.restoring.contains(&home)
    }

    /// Whether those of any home are.
    pub(crate) fn is_restoring_any(&self) -> bool {
        !self.restoring.is_empty()
    }

    /// The executions of homes were read, that were taken under that number: they are held now.
    pub(crate) fn restored(&mut self, number: NodeNumber, homes: &[HomeRow], live: &[Live]) {
        if self.membership.number() != Some(number) {
            return;
        }
        for row in homes {
            self.restoring.remove(&row.home);
        }
        live.iter().for_each(|live| self.agendas.restore(live));
        let notices = self.membership.learned(homes);
        self.note(notices);
    }

    /// The homes that are held here.
    pub(crate) fn held_homes(&self) -> Vec<i32> {
        self.membership.held().map(|home| i32::from(home.0)).collect()
    }

    /// A home as it was read, which another node holds.
    pub(crate) fn learned(&mut self, row: HomeRow) {
        let notices = self.membership.learned(&[row]);
        self.note(notices);
    }

    /// A commit was written, under that number.
    pub(crate) fn committed(
        &mut self,
        number: NodeNumber,
        id: ExecutionId,
        scope: &Scope,
        statuses: (Option<Status>, Status),
        due: Option<Timestamp>,
    ) {
        // What was lost meanwhile is read again by whoever takes the home.
        if self.membership.number() == Some(number) && self.membership.holds(id.home()) {
            self.agendas.committed(id, scope, statuses, due);
        }
    }

    /// Resources that other nodes wrote.
    pub(crate) fn heard(&mut self, keys: Vec<ResourceKey>) {
        if !keys.is_empty() {
            self.notices.push_back(Notice::Changed(keys));
        }
    }

    /// What the other nodes told of open executions.
    pub(crate) fn open_elsewhere(&mut self, counts: impl Iterator<Item = OpenCounts>) {
        self.open_elsewhere.clear();
        for (scope, count) in counts.flatten() {
            *self.open_elsewhere.entry(scope).or_default() += count;
        }
    }

    /// Open executions of a scope on other nodes, as of their last beats.
    pub(crate) fn open_count_elsewhere(&self, scope: i32) -> u64 {
        self.open_elsewhere.get(&scope).copied().unwrap_or_default()
    }

    pub(crate) fn has_open_elsewhere(&self) -> bool {
        !self.open_elsewhere.is_empty()
    }

    /// The own beat as it was raised now. False where the database is set back: beats are not
    /// flushed, so a crash may take some, but not that many.
    pub(crate) fn beaten(&mut self, beat: i64) -> bool {
        let known = std::mem::replace(&mut self.beat, beat);
        beat + BEATS_LOST_MAX >= known
    }

    /// Keeps what is due in step with the homes, and remembers what is to be told.
    fn note(&mut self, notices: Vec<Notice>) {
        for notice in notices {
            if let Notice::Lost(homes) = &notice {
                self.agendas.lose(&homes.iter().copied().collect());
            }
            self.notices.push_back(notice);
        }
    }
}

/// More beats than a crash takes, even where many were asked for besides.
const BEATS_LOST_MAX: i64 = 100;

/// The open executions of a node, as its row has them: for each scope its number in four bytes and
/// the count in eight, the lowest first.
pub(crate) fn encode_open(counts: &[(i32, u64)]) -> Vec<u8> {
    let one = |(scope, count): &(i32, u64)| {
        scope.to_le_bytes().into_iter().chain(count.to_le_bytes()).collect::<Vec<u8>>()
    };
    counts.iter().flat_map(one).collect()
}

/// What [`encode_open`] wrote. What is left over is of a newer form.
pub(crate) fn decode_open(bytes: &[u8]) -> OpenCounts {
    let one = |chunk: &[u8]| {
        let (scope, count) = chunk.split_at_checked(4)?;
        let scope = i32::from_le_bytes(scope.try_into().ok()?);
        Some((scope, u64::from_le_bytes(count.try_into().ok()?)))
    };
    bytes.chunks_exact(12).filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_open_executions_are_read_as_they_were_written() {
        let counts = vec![(1, 7), (300, u64::MAX)];
        assert_eq!(decode_open(&encode_open(&counts)), counts);
        assert_eq!(decode_open(&[]), []);
    }

    #[test]
    fn a_home_is_held_when_its_executions_are_known() {
        let cluster = Cluster::new();
        let (me, home) = (NodeNumber(3), Home(5));
        let row = HomeRow { home, holder: Some(me), version: 9 };
        let node = store::cluster::Node { number: me, address: "a".into() };
        let nodes = vec![NodeRow { node, beat: 1 }];
        cluster.change(|state| {
            state.joined(me, Duration::ZERO, &[]);
            let (turn, unread) = state.polled(Duration::ZERO, Duration::ZERO, nodes, vec![row]);
            assert_eq!((turn.adopt, unread), (vec![], vec![row]));
            assert_eq!(state.restoring(vec![row]), [], "somebody reads them already");
        });
        assert!(!cluster.holds(me, home));
        cluster.change(|state| state.restored(NodeNumber(2), &[row], &[]));
        assert!(!cluster.holds(me, home), "that was under another number");
        cluster.change(|state| state.restored(me, &[row], &[]));
        assert!(cluster.holds(me, home));
        assert!(cluster.change(|state| state.fenced(me)));
        assert!(!cluster.is_held(home));
        assert!(!cluster.change(|state| state.fenced(me)), "it is known");
    }
}
