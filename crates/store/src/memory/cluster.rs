//! A store in memory that several nodes share: the same nodes, homes and fences that a database
//! keeps for them, so that what nodes do to each other is tried without one.
//!
//! Promises: deterministic. Nothing waits but [`Store::notice`], and time passes only by the clock
//! that a node is opened with.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::{ExecutionId, Home, Status, Timestamp};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::tables::{DueChange, Tables};
use crate::cluster::{
    Fence, HOMES_OF_A_NODE, HomeRow, Membership, Node, NodeNumber, NodeRow, Notice, Place, Polled,
    Tenure,
};
use crate::{
    Claim, Commit, DueIndex, Ended, ExecutionHeader, ExecutionQuery, HistoryCursor, HistoryPage,
    ListCursor, Loaded, Resource, ResourceKey, ResourceKind, Scope, Store, StoreError,
};

/// What the nodes share.
#[derive(Debug, Default)]
pub struct MemoryCluster {
    shared: Mutex<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    tables: Tables,
    nodes: BTreeMap<NodeNumber, NodeRow>,
    homes: BTreeMap<Home, HomeRow>,
    last_node: u64,
    last_version: u64,
    homes_drawn: u16,
    /// Which resources were written, and by which node.
    written: Vec<(NodeNumber, ResourceKey)>,
}

/// A node's own monotonic clock: the time since any one instant.
pub type Monotonic = Box<dyn Fn() -> Duration + Send + Sync>;

/// One node's handle on the store. It beats where it is told to ([`MemoryNode::beat`]).
pub struct MemoryNode {
    cluster: Arc<MemoryCluster>,
    address: Arc<str>,
    monotonic: Monotonic,
    /// It is no node, and sees what is there for any.
    observes: bool,
    // Locked before what is shared.
    local: Mutex<Local>,
    noticed: Notify,
}

#[derive(Default)]
struct Local {
    is_closed: bool,
    membership: Membership,
    due: DueIndex,
    notices: VecDeque<Notice>,
    /// How many of [`Shared::written`] it has seen.
    written_seen: usize,
}

impl MemoryCluster {
    /// An empty store.
    pub fn new() -> Arc<MemoryCluster> {
        Arc::default()
    }

    /// A node joins.
    pub fn open(self: &Arc<Self>, address: &str, monotonic: Monotonic) -> Arc<MemoryNode> {
        let node = self.handle(address, monotonic, false);
        node.beat();
        node
    }

    /// A handle that reads everything and writes nothing, for checks: it is no node.
    pub fn observe(self: &Arc<Self>) -> Arc<MemoryNode> {
        self.handle("", Box::new(|| Duration::ZERO), true)
    }

    fn handle(
        self: &Arc<Self>,
        address: &str,
        monotonic: Monotonic,
        observes: bool,
    ) -> Arc<MemoryNode> {
        Arc::new(MemoryNode {
            cluster: self.clone(),
            address: address.into(),
            monotonic,
            observes,
            local: Mutex::default(),
            noticed: Notify::new(),
        })
    }

    /// Which nodes live and which homes they hold, for checks.
    pub fn holders(&self) -> (Vec<Node>, Vec<HomeRow>) {
        let shared = self.shared.lock();
        let nodes = shared.nodes.values().map(|row| row.node.clone()).collect();
        (nodes, shared.homes.values().copied().collect())
    }

    /// The execution as its records alone tell it, for checks.
    ///
    /// # Errors
    /// Where the records cannot be read.
    pub fn rebuild_from_records(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError> {
        self.shared.lock().tables.rebuild(id)
    }
}

impl Shared {
    /// A new node, with homes that nobody has had.
    fn join(&mut self, address: Arc<str>) -> (NodeNumber, Vec<HomeRow>) {
        // What was there before at the same address has ended, or it could not be listened at.
        self.nodes.retain(|_, row| row.node.address != address);
        self.last_node += 1;
        let number = NodeNumber(self.last_node);
        self.nodes.insert(number, NodeRow { node: Node { number, address }, beat: 0 });
        let mut homes = Vec::new();
        while homes.len() < HOMES_OF_A_NODE && self.homes_drawn < u16::MAX {
            self.homes_drawn += 1;
            // Odd, so that it comes to each number once; far apart, so that nothing rests on order.
            let home = Home(self.homes_drawn.wrapping_mul(40_503));
            homes.extend(self.take(number, home, None));
        }
        (number, homes)
    }

    /// Gives a home to a node where its row is still the expected one.
    fn take(&mut self, node: NodeNumber, home: Home, expected: Option<HomeRow>) -> Option<HomeRow> {
        if self.homes.get(&home).copied() != expected {
            return None;
        }
        self.last_version += 1;
        let row = HomeRow { home, holder: Some(node), version: self.last_version };
        self.homes.insert(home, row);
        Some(row)
    }

    /// Removes a node where its beat is still the one given.
    fn fence(&mut self, fence: Fence) {
        if self.nodes.get(&fence.node).is_some_and(|row| row.beat == fence.beat) {
            self.nodes.remove(&fence.node);
        }
    }

    /// A node goes: its homes are free.
    fn leave(&mut self, node: NodeNumber) {
        if self.nodes.remove(&node).is_none() {
            return;
        }
        for row in self.homes.values_mut().filter(|row| row.holder == Some(node)) {
            self.last_version += 1;
            (row.holder, row.version) = (None, self.last_version);
        }
    }

    /// The holder of a home where it lives.
    fn living_holder(&self, home: Home) -> Option<NodeNumber> {
        let holder = self.homes.get(&home)?.holder?;
        self.nodes.contains_key(&holder).then_some(holder)
    }
}

impl Local {
    /// Keeps what is due in step with the homes, and remembers what is to be told.
    fn note(&mut self, shared: &Shared, notices: Vec<Notice>) {
        for notice in notices {
            match &notice {
                Notice::Lost(homes) => {
                    let homes: BTreeSet<&Home> = homes.iter().collect();
                    self.due.forget(|id| homes.contains(&id.home()));
                }
                Notice::Taken(homes) => {
                    let homes: BTreeSet<&Home> = homes.iter().collect();
                    let executions = shared.tables.executions.iter();
                    for (id, stored) in executions.filter(|(id, _)| homes.contains(&id.home())) {
                        self.due.restore(*id, &stored.agenda);
                    }
                }
                Notice::Nodes(_) | Notice::Changed(_) => {}
            }
            self.notices.push_back(notice);
        }
    }

    /// The node's number, where its row is still there. Where it is not, everything is lost.
    fn number(&mut self, shared: &Shared) -> Result<NodeNumber, StoreError> {
        let number = self.membership.number();
        if let Some(number) = number.filter(|number| shared.nodes.contains_key(number)) {
            return Ok(number);
        }
        let notices = self.membership.fenced();
        self.note(shared, notices);
        Err(StoreError::Refused("this node was fenced and has to join anew".to_owned()))
    }

    /// Takes a home that nobody who lives holds; nothing where it is held here.
    fn take(&mut self, shared: &mut Shared, me: NodeNumber, home: Home) -> Result<(), StoreError> {
        if self.membership.holds(home) {
            assert_eq!(shared.living_holder(home), Some(me), "a home is held by one node");
            return Ok(());
        }
        let row = shared.homes.get(&home).copied();
        if shared.living_holder(home).is_some() {
            let notices = self.membership.learned(row.as_slice());
            self.note(shared, notices);
            return Err(StoreError::Elsewhere);
        }
        let taken = shared.take(me, home, row);
        let notices = self.membership.learned(taken.as_slice());
        self.note(shared, notices);
        Ok(())
    }
}

impl MemoryNode {
    /// Raises the beat and does what a poll leads to: fences, adopts, joins anew. Does nothing
    /// once the handle is closed.
    pub fn beat(&self) {
        let mut local = self.local.lock();
        if !local.is_closed && !self.observes {
            self.turn(&mut local, &mut self.cluster.shared.lock());
        }
    }

    /// The store could not be reached for a beat.
    pub fn beat_failed(&self) {
        self.local.lock().membership.poll_failed();
    }

    /// Its number; none where it was fenced and has not joined anew.
    pub fn number(&self) -> Option<NodeNumber> {
        self.local.lock().membership.number()
    }

    fn turn(&self, local: &mut Local, shared: &mut Shared) {
        let began = (self.monotonic)();
        if let Some(me) = local.membership.number() {
            if let Some(row) = shared.nodes.get_mut(&me) {
                row.beat += 1;
            }
            let nodes = shared.nodes.values().cloned().collect();
            let homes = shared.homes.values().copied().collect();
            let turn = local.membership.polled(Polled { began, ended: began, nodes, homes });
            local.note(shared, turn.notices);
            turn.fence.into_iter().for_each(|fence| shared.fence(fence));
            let adopt = turn.adopt.iter();
            let adopted: Vec<HomeRow> =
                adopt.filter_map(|row| shared.take(me, row.home, Some(*row))).collect();
            let notices = local.membership.learned(&adopted);
            local.note(shared, notices);
        }
        if local.membership.number().is_none() {
            let (number, homes) = shared.join(self.address.clone());
            let notices = local.membership.joined(number, began, &homes);
            local.note(shared, notices);
            // Homes that were set free, and who else lives.
            return self.turn(local, shared);
        }
        let me = local.membership.number();
        let written = shared.written[local.written_seen..].iter();
        let changed: BTreeSet<&ResourceKey> =
            written.filter(|(node, _)| Some(*node) != me).map(|(_, key)| key).collect();
        local.written_seen = shared.written.len();
        if !changed.is_empty() {
            local.notices.push_back(Notice::Changed(changed.into_iter().cloned().collect()));
        }
        if !local.notices.is_empty() {
            self.noticed.notify_one();
        }
    }

    fn open<T>(
        &self,
        call: impl FnOnce(&mut Local, &mut Shared) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut local = self.local.lock();
        if local.is_closed {
            return Err(StoreError::Refused("the store is closed".to_owned()));
        }
        let answer = call(&mut local, &mut self.cluster.shared.lock());
        if !local.notices.is_empty() {
            self.noticed.notify_one();
        }
        answer
    }

    fn read<T>(&self, call: impl FnOnce(&Tables) -> T) -> Result<T, StoreError> {
        self.open(|_, shared| Ok(call(&shared.tables)))
    }
}

#[async_trait]
impl Store for MemoryNode {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        commit.assert_sound();
        self.open(|local, shared| {
            let me = local.number(shared).map_err(|_| StoreError::Elsewhere)?;
            local.take(shared, me, commit.header.id.home())?;
            let DueChange { id, old, new } = shared.tables.commit(commit)?;
            local.due.replace(id, old, new);
            Ok(())
        })
    }

    async fn load(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError> {
        self.read(|tables| tables.load(id))?
    }

    async fn find_execution(&self, arn: &str) -> Result<Option<ExecutionId>, StoreError> {
        self.read(|tables| tables.find(arn))
    }

    async fn header(&self, id: ExecutionId) -> Result<Option<ExecutionHeader>, StoreError> {
        self.read(|tables| tables.header(id))
    }

    async fn history(
        &self,
        id: ExecutionId,
        from: Option<HistoryCursor>,
        limit: usize,
        reverse: bool,
    ) -> Result<HistoryPage, StoreError> {
        self.read(|tables| tables.history(id, from, limit, reverse))?
    }

    async fn list_executions(
        &self,
        query: &ExecutionQuery,
        status: Option<Status>,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ExecutionHeader>, StoreError> {
        self.read(|tables| tables.list_executions(query, status, after, limit))
    }

    async fn ended_before(
        &self,
        instant: Timestamp,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Ended, StoreError> {
        self.read(|tables| tables.ended_before(instant, after, limit))
    }

    async fn remove(&self, headers: &[ExecutionHeader]) -> Result<(), StoreError> {
        self.open(|local, shared| {
            local.number(shared)?;
            shared.tables.remove(headers)
        })
    }

    async fn claim_due(&self, now: Timestamp, limit: usize) -> Result<Claim, StoreError> {
        self.open(|local, _| Ok(local.due.claim(now, limit)))
    }

    async fn open_count(&self, scope: &Scope) -> Result<u64, StoreError> {
        self.read(|tables| tables.open_count(scope))
    }

    async fn read_resource(&self, key: &ResourceKey) -> Result<Option<Resource>, StoreError> {
        self.read(|tables| tables.read_resource(key))
    }

    async fn write_resource(
        &self,
        key: &ResourceKey,
        expected: Option<u64>,
        value: Option<Vec<u8>>,
    ) -> Result<u64, StoreError> {
        self.open(|local, shared| {
            let me = local.number(shared)?;
            let version = shared.tables.write_resource(key, expected, value)?;
            shared.written.push((me, key.clone()));
            Ok(version)
        })
    }

    async fn list_resources(
        &self,
        kind: ResourceKind,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(ResourceKey, Resource)>, StoreError> {
        self.open(|local, shared| {
            let is_held = |home| local.membership.holds(home);
            let is_seen = |key: &ResourceKey| self.observes || key.home().is_none_or(is_held);
            Ok(shared.tables.list_resources(kind, scope, after, limit, is_seen))
        })
    }

    async fn close(&self) -> Result<(), StoreError> {
        let mut local = self.local.lock();
        local.is_closed = true;
        if let Some(number) = local.membership.number() {
            self.cluster.shared.lock().leave(number);
        }
        Ok(())
    }

    fn home(&self, near: Option<ExecutionId>) -> Option<Home> {
        near.map(ExecutionId::home).or_else(|| self.local.lock().membership.new_home())
    }

    fn tenure(&self, id: ExecutionId) -> Option<Tenure> {
        self.local.lock().membership.tenure(id.home(), (self.monotonic)())
    }

    fn node(&self) -> Option<NodeNumber> {
        self.number()
    }

    async fn locate(&self, id: ExecutionId) -> Result<Place, StoreError> {
        let home = id.home();
        self.open(|local, shared| {
            if local.membership.tenure(home, (self.monotonic)()).is_none() {
                self.turn(local, shared);
            }
            if let Some(place) = local.membership.place(home) {
                return Ok(place);
            }
            let me = local.number(shared)?;
            local.take(shared, me, home).map(|()| Place::Here)
        })
    }

    async fn notice(&self) -> Notice {
        loop {
            if let Some(notice) = self.local.lock().notices.pop_front() {
                return notice;
            }
            self.noticed.notified().await;
        }
    }
}
