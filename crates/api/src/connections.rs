//! Limits for connections: how many there may be, and how long one may stay without a request.
//!
//! A client that connects and says nothing must not keep others out. When there are too many
//! connections, the one that has been idle for longest is ended, and those on which no request has
//! arrived yet go first. A connection with a request under way is never ended.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The limits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections in all.
    pub(crate) connections: usize,
    /// Connections on which no whole request head has arrived yet.
    pub(crate) silent: usize,
    /// How long a connection may take until its first whole request head.
    pub(crate) first_request: Duration,
    /// How long a connection may stay between two requests.
    pub(crate) idle: Duration,
}

impl Limits {
    /// The limits of a server that may have this many connections, of which a tenth may be silent.
    pub(crate) fn new(connections: usize) -> Limits {
        Limits {
            connections: connections.max(1),
            silent: (connections / 10).max(1),
            first_request: Duration::from_secs(20),
            idle: Duration::from_secs(120),
        }
    }
}

/// The connections of a server.
pub(crate) struct Connections {
    limits: Limits,
    /// The instants of the connections count from here.
    began: Instant,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    next: u64,
    open: HashMap<u64, Arc<State>>,
    /// How many of them are silent.
    silent: usize,
}

struct State {
    /// When it was opened or its last request ended, in milliseconds.
    since: AtomicU64,
    /// Requests under way.
    requests: AtomicU32,
    /// Requests so far; 0 is a silent connection.
    served: AtomicU64,
    ended: Notify,
}

impl State {
    fn is_silent(&self) -> bool {
        self.served.load(Ordering::Relaxed) == 0
    }

    fn is_busy(&self) -> bool {
        self.requests.load(Ordering::Relaxed) > 0
    }
}

impl Connections {
    pub(crate) fn new(limits: Limits) -> Arc<Connections> {
        let table = Mutex::new(Table::default());
        Arc::new(Connections { limits, began: Instant::now(), table })
    }

    /// Makes room for a connection. None where there is none: all others have a request under way.
    pub(crate) fn open(self: &Arc<Self>) -> Option<Connection> {
        let mut table = self.table.lock();
        if table.silent >= self.limits.silent {
            table.end_idlest(true);
        }
        if table.open.len() >= self.limits.connections && !table.end_idlest(false) {
            return None;
        }
        let state = Arc::new(State {
            since: AtomicU64::new(self.now()),
            requests: AtomicU32::new(0),
            served: AtomicU64::new(0),
            ended: Notify::new(),
        });
        let id = table.next;
        table.next += 1;
        table.silent += 1;
        table.open.insert(id, state.clone());
        drop(table);
        Some(Connection { connections: self.clone(), id, state })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Table {
    /// Ends the connection that has been idle for longest, silent ones first. False where none is
    /// idle.
    fn end_idlest(&mut self, silent_only: bool) -> bool {
        let idle = self.open.iter().filter(|(_, state)| !state.is_busy());
        let idle = idle.filter(|(_, state)| !silent_only || state.is_silent());
        let idlest = idle.min_by_key(|(id, state)| {
            (!state.is_silent(), state.since.load(Ordering::Relaxed), **id)
        });
        let Some((&id, _)) = idlest else { return false };
        let state = self.remove(id).expect("it was found under this id");
        state.ended.notify_one();
        true
    }

    fn remove(&mut self, id: u64) -> Option<Arc<State>> {
        let state = self.open.remove(&id)?;
        if state.is_silent() {
            self.silent -= 1;
        }
        Some(state)
    }
}

/// A connection. It counts until it is dropped.
pub(crate) struct Connection {
    connections: Arc<Connections>,
    id: u64,
    state: Arc<State>,
}

impl Connection {
    /// Notes that a request is under way, until the result is dropped.
    pub(crate) fn begin(&self) -> RequestUnderWay {
        self.state.requests.fetch_add(1, Ordering::Relaxed);
        if self.state.is_silent() {
            let mut table = self.connections.table.lock();
            if self.state.served.fetch_add(1, Ordering::Relaxed) == 0
                && table.open.contains_key(&self.id)
            {
                table.silent -= 1;
            }
        }
        RequestUnderWay { connections: self.connections.clone(), state: self.state.clone() }
    }

    /// Returns when the connection is to be ended: it was idle for too long, or others need the
    /// room.
    pub(crate) async fn is_over(&self) {
        loop {
            let limits = &self.connections.limits;
            let limit = if self.state.is_silent() { limits.first_request } else { limits.idle };
            let since = Duration::from_millis(self.state.since.load(Ordering::Relaxed));
            let idle = self.connections.began.elapsed().saturating_sub(since);
            let left = if self.state.is_busy() { limit } else { limit.saturating_sub(idle) };
            if left.is_zero() {
                return;
            }
            tokio::select! {
                biased;
                () = self.state.ended.notified() => return,
                () = tokio::time::sleep(left) => {}
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.connections.table.lock().remove(self.id);
    }
}

/// A request that is being answered.
pub(crate) struct RequestUnderWay {
    connections: Arc<Connections>,
    state: Arc<State>,
}

impl Drop for RequestUnderWay {
    fn drop(&mut self) {
        self.state.since.store(self.connections.now(), Ordering::Relaxed);
        self.state.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        connections: 3,
        silent: 2,
        first_request: Duration::from_secs(20),
        idle: Duration::from_secs(120),
    };

    /// Whether the connection is over at this instant.
    async fn is_over(connection: &Connection) -> bool {
        tokio::time::timeout(Duration::ZERO, connection.is_over()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_silent_connection_makes_room_for_a_new_one() {
        let connections = Connections::new(LIMITS);
        let first = connections.open().expect("there is room");
        let second = connections.open().expect("there is room");
        assert!(!is_over(&first).await);
        let _third = connections.open().expect("the first one goes");
        assert!(is_over(&first).await);
        assert!(!is_over(&second).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_with_a_request_under_way_stays() {
        let connections = Connections::new(LIMITS);
        let all: Vec<_> = (0..3)
            .map(|_| {
                let connection = connections.open().expect("there is room");
                let request = connection.begin();
                (connection, request)
            })
            .collect();
        assert!(connections.open().is_none());
        for (connection, _) in &all {
            assert!(!is_over(connection).await);
        }
        drop(all);
        assert!(connections.open().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_that_was_idle_for_longest_goes() {
        let connections = Connections::new(Limits { silent: 3, ..LIMITS });
        let open = || connections.open().expect("there is room");
        let all = [open(), open(), open()];
        for connection in all.iter().rev() {
            tokio::time::advance(Duration::from_millis(10)).await;
            drop(connection.begin());
        }
        let _fourth = open();
        assert!(is_over(&all[2]).await);
        assert!(!is_over(&all[0]).await && !is_over(&all[1]).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_says_nothing_ends() {
        let connections = Connections::new(LIMITS);
        let connection = connections.open().expect("there is room");
        let began = Instant::now();
        connection.is_over().await;
        assert_eq!(began.elapsed(), LIMITS.first_request);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_may_be_idle_for_longer_after_a_request() {
        let connections = Connections::new(LIMITS);
        let connection = connections.open().expect("there is room");
        let request = connection.begin();
        let poll = async {
            tokio::time::sleep(Duration::from_secs(300)).await;
            drop(request);
            Instant::now()
        };
        let (answered, ()) = tokio::join!(poll, connection.is_over());
        let idle = answered.elapsed();
        assert!(idle >= LIMITS.idle && idle < LIMITS.idle * 2, "{idle:?}");
    }
}
