//! Signs of life, and what follows from those of the others: nodes that are dead are fenced, homes
//! that nobody holds are taken, and a node that was fenced itself joins anew.

use std::sync::Arc;
use std::time::Duration;

use engine::Home;
use store::StoreError;
use store::cluster::{BEAT, HomeRow, NodeNumber, Turn};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{oneshot, watch};
use tokio::time::MissedTickBehavior;

use crate::cluster::encode_open;
use crate::joining::{self, Blocked, Joined, Server};
use crate::nodes::{NodeLink, OwnBeat, Poll};
use crate::store::Shared;
use crate::{failure, restoring};

/// A turn that takes longer is broken off, and counts as one that failed.
const TURN_MAX: Duration = Duration::from_secs(4);
/// What a turn did may call for the next one at once, but not for ever.
const TURNS_MAX: usize = 4;
/// Homes that are taken with one statement.
const ADOPTED_MAX: usize = 4_096;
/// A clock that is further off is told of.
const OFFSET_MAX_MILLISECONDS: u64 = 500;

/// What the beats are asked for by others.
pub(crate) enum Ask {
    /// A turn now. Whether it succeeded.
    Turn(oneshot::Sender<bool>),
    /// To take a home whose row is that one, or that has none.
    Take(Home, Option<HomeRow>, oneshot::Sender<Result<(), StoreError>>),
    /// A turn now, where the beats go on: this node was fenced.
    Wake,
}

pub(crate) struct Beats {
    shared: Arc<Shared>,
    server: Server,
    link: Option<NodeLink>,
    asks: UnboundedReceiver<Ask>,
    /// Whether the turns by the clock are left out.
    is_held: watch::Receiver<bool>,
    /// Whether the last turn failed.
    is_away: bool,
    is_offset_told: bool,
}

impl Beats {
    pub(crate) fn new(
        shared: Arc<Shared>,
        server: Server,
        asks: UnboundedReceiver<Ask>,
        is_held: watch::Receiver<bool>,
    ) -> Beats {
        Beats { shared, server, link: None, asks, is_held, is_away: false, is_offset_told: false }
    }

    /// Beats until the store is closed.
    pub(crate) async fn run(mut self) {
        let mut end = self.shared.end.subscribe();
        let mut ticks = tokio::time::interval(BEAT);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let ask = tokio::select! {
                biased;
                // A store that is dropped ends as one that is closed.
                _ = end.wait_for(|ended| *ended) => return,
                ask = self.asks.recv() => ask,
                _ = ticks.tick() => Some(Ask::Wake),
            };
            let Some(ask) = ask else { return };
            self.answer(ask).await;
        }
    }

    /// Does what is asked for by then. One turn serves all who ask for one.
    async fn answer(&mut self, ask: Ask) {
        let (mut turns, mut takes) = (Vec::new(), Vec::new());
        let mut is_due = false;
        let mut next = Some(ask);
        while let Some(ask) = next {
            match ask {
                Ask::Turn(reply) => turns.push(reply),
                Ask::Take(home, row, reply) => takes.push((home, row, reply)),
                Ask::Wake => is_due |= !*self.is_held.borrow(),
            }
            next = self.asks.try_recv().ok();
        }
        if is_due || !turns.is_empty() {
            let is_done = self.turn().await;
            for reply in turns {
                // Whoever is gone needs no answer.
                let _ = reply.send(is_done);
            }
        }
        for (home, row, reply) in takes {
            let taken = tokio::time::timeout(TURN_MAX, self.take(home, row)).await;
            let taken = taken.unwrap_or_else(|_| Err("the database does not answer".to_owned()));
            let _ = reply.send(taken.map_err(StoreError::Refused));
        }
    }

    /// Raises the beat, reads the rows and does what they lead to. False where the database could
    /// not be asked.
    pub(crate) async fn turn(&mut self) -> bool {
        let turn = tokio::time::timeout(TURN_MAX, self.try_turn()).await;
        let turn = turn.unwrap_or_else(|_| Err("the database does not answer".to_owned()));
        let was_away = std::mem::replace(&mut self.is_away, turn.is_err());
        if let Err(reason) = &turn {
            // Once, however long it is away.
            match was_away {
                false => tracing::warn!(reason, "no sign of life could be given"),
                true => tracing::debug!(reason, "no sign of life could be given"),
            }
            self.link = None;
            self.shared.cluster.change(|state| state.membership.poll_failed());
        }
        turn.is_ok()
    }

    async fn try_turn(&mut self) -> Result<(), String> {
        for _ in 0..TURNS_MAX {
            let number = match self.shared.cluster.number() {
                Some(number) => number,
                None => self.join_anew().await?,
            };
            let Some((turn, unread)) = self.poll(number).await? else { continue };
            restoring::start(&self.shared, number, unread);
            if !self.carry_out(number, turn).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn link(&mut self) -> Result<&mut NodeLink, String> {
        if self.link.as_ref().is_none_or(NodeLink::is_closed) {
            self.link = None;
        }
        match &mut self.link {
            Some(link) => Ok(link),
            none => Ok(none.insert(NodeLink::open(&self.shared.connector).await?)),
        }
    }

    /// Raises the beat and reads the rows. None where this node was fenced.
    async fn poll(&mut self, number: NodeNumber) -> Result<Option<(Turn, Vec<HomeRow>)>, String> {
        let shared = self.shared.clone();
        let (cluster, process) = (&shared.cluster, self.server.process);
        let link = self.link().await?;
        let began = cluster.now();
        let floors = cluster.change(|state| state.floors(began));
        let open = encode_open(&shared.open_counts());
        let poll = link.poll(number, process, &open, floors).await;
        let poll = poll.map_err(|error| failure::describe(&error))?;
        let ended = cluster.now();
        let Poll { own, nodes, open, homes, changes, eras } = poll;
        let outcome = cluster.change(|state| {
            let (turn, unread) = state.polled(began, ended, nodes, homes);
            if let Some(own) = own {
                let keys = state.changes.polled(began, own.newest, changes);
                state.heard(keys);
                state.open_elsewhere(open.into_iter().map(|(_, counts)| counts));
            }
            let is_set_back = own.is_some_and(|own| !state.beaten(own.beat));
            (turn, unread, is_set_back)
        });
        let (turn, unread, is_set_back) = outcome;
        if is_set_back {
            shared.lost_commits();
        }
        let Some(own) = own.filter(|_| !turn.is_fenced) else {
            tracing::warn!(number = number.0, "this server was given up by others: it joins anew");
            return Ok(None);
        };
        self.tell_offset(own);
        if *shared.eras.read() != eras {
            *shared.eras.write() = eras;
        }
        Ok(Some((turn, unread)))
    }

    /// Whether another turn is to follow at once.
    async fn carry_out(&mut self, number: NodeNumber, turn: Turn) -> Result<bool, String> {
        let shared = self.shared.clone();
        let link = self.link().await?;
        let mut is_changed = false;
        for fence in turn.fence {
            match link.fence(fence).await {
                Ok(true) => {
                    let node = fence.node.0;
                    tracing::warn!(node, "a server that gives no sign of life is replaced");
                    is_changed = true;
                }
                Ok(false) => {}
                // A statement of its lanes is under way, or somebody else does it.
                Err(error) => {
                    let reason = failure::describe(&error);
                    tracing::debug!(reason, "a server is not replaced yet");
                }
            }
        }
        let mut adopt = turn.adopt;
        let is_more = adopt.len() > ADOPTED_MAX;
        adopt.truncate(ADOPTED_MAX);
        if !adopt.is_empty() {
            let adopted = link.adopt(number, &adopt).await;
            let adopted = adopted.map_err(|error| failure::describe(&error))?;
            tracing::info!(homes = adopted.len(), "homes that nobody held are taken");
            let new = shared.cluster.change(|state| state.restoring(adopted));
            restoring::start(&shared, number, new);
        }
        Ok(is_changed || is_more)
    }

    async fn take(&mut self, home: Home, row: Option<HomeRow>) -> Result<(), String> {
        let shared = self.shared.clone();
        let Some(number) = shared.cluster.number() else { return Ok(()) };
        let link = self.link().await?;
        let taken = match row {
            Some(row) => link.adopt(number, &[row]).await,
            None => link.make(number, home).await,
        };
        let taken = taken.map_err(|error| failure::describe(&error))?;
        let new = shared.cluster.change(|state| state.restoring(taken));
        restoring::start(&shared, number, new);
        Ok(())
    }

    /// Joins under another number.
    async fn join_anew(&mut self) -> Result<NodeNumber, String> {
        let (shared, server) = (self.shared.clone(), self.server.clone());
        if let Some(reason) = shared.failure_reason() {
            return Err(reason);
        }
        let began = shared.cluster.now();
        let link = self.link().await?.link();
        let schema = &shared.connector.address.schema;
        let joined = joining::join_anew(link, schema, &server).await;
        match joined.map_err(|error| failure::describe(&error))? {
            Ok(joined) => {
                tracing::info!(number = joined.number.0, "joined anew");
                Ok(take_up(&shared, began, joined))
            }
            Err(Blocked { address, .. }) => {
                shared.taken_over(&address);
                Err(format!("the server at {address} took over"))
            }
        }
    }

    fn tell_offset(&mut self, own: OwnBeat) {
        let offset = own.offset_milliseconds;
        self.shared.tell_clock_offset(offset);
        if offset.unsigned_abs() > OFFSET_MAX_MILLISECONDS && !self.is_offset_told {
            self.is_offset_told = true;
            tracing::warn!(
                offset,
                "the clock of this machine and the database's are apart, by these milliseconds"
            );
        }
    }
}

/// The node has joined: what it brings is held, and what it took over is read.
pub(crate) fn take_up(shared: &Arc<Shared>, began: Duration, joined: Joined) -> NodeNumber {
    let Joined { number, new, taken } = joined;
    let unread = shared.cluster.change(|state| {
        state.joined(number, began, &new);
        state.restoring(taken)
    });
    restoring::start(shared, number, unread);
    number
}
