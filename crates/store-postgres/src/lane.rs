//! A lane: a connection that writes, one group after the other.
//!
//! While a group is under way, what arrives becomes the next one. After a lost connection, the lane
//! raises its session, so that nothing of the old connection can be written late, and looks for the
//! tokens of the commits that were under way.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use store::StoreError;
use store::cluster::NodeNumber;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::columns::{self, Columns};
use crate::commit_row::{CommitKind, CommitRow};
use crate::connector::{Connector, Link};
use crate::failure::Failure;
use crate::group;
use crate::statements;
use crate::store::Shared;
use crate::work::{Removed, Task, Work};

mod doubt;

/// How often a statement that was rolled back for others is tried.
const ATTEMPTS_MAX: u32 = 5;
/// Beyond the bound that the database itself keeps.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// Between two attempts to connect.
const CONNECT_PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Lane {
    shared: Arc<Shared>,
    number: i16,
    inbox: UnboundedReceiver<Work>,
    queue: VecDeque<Work>,
    connection: Option<Connection>,
    /// Under which number the connection is, or was before it was lost.
    node: NodeNumber,
    /// A commit that was answered: where it is missing after a lost connection, the database has
    /// lost it.
    witness: Option<Witness>,
}

/// The row of history of a commit.
#[derive(Clone, Copy, Debug)]
struct Witness {
    era: i32,
    id: Uuid,
    revision: i32,
    token: i64,
}

/// A connection with the statements of a lane.
pub(crate) struct Connection {
    link: Link,
    /// The node, the lane, and the session of it.
    fence: (i64, i16, i32),
    pub(crate) starts: Statement,
    pub(crate) steps: Statement,
    agendas: Statement,
    resources: Statement,
    removals: Statement,
    holders: Statement,
}

/// What became of an attempt to open a lane.
pub(crate) enum Opened {
    /// It has a newer session.
    Lane(Box<Connection>),
    /// Its row is gone; by the connection that found so.
    Fenced(Link),
}

/// What a statement did.
enum Outcome {
    /// These executions' commits were written.
    Commits(HashSet<Uuid>),
    /// These resources have these versions now, by their places in the group.
    Resources(HashMap<usize, u64>),
    /// Whether all were removed; else none was.
    Removal(bool),
}

impl Lane {
    pub(crate) fn new(shared: Arc<Shared>, number: i16, inbox: UnboundedReceiver<Work>) -> Lane {
        let (queue, connection, witness, node) = (VecDeque::new(), None, None, NodeNumber(0));
        Lane { shared, number, inbox, queue, connection, node, witness }
    }

    /// Works until nobody can ask for anything any more.
    pub(crate) async fn run(mut self) {
        while self.receive().await {
            let mut group = group::take(&mut self.queue);
            // Locks are taken in this order.
            group.sort_by(|one, other| match (&one.task, &other.task) {
                (Task::Commit(one, _), Task::Commit(other, _)) => columns::order(one, other),
                (Task::Resource(one, _), Task::Resource(other, _)) => one.key.cmp(&other.key),
                _ => std::cmp::Ordering::Equal,
            });
            self.write(group).await;
        }
    }

    /// Waits for work where there is none, and takes all that is there.
    async fn receive(&mut self) -> bool {
        if self.queue.is_empty() {
            match self.inbox.recv().await {
                Some(work) => self.queue.push_back(work),
                None => return false,
            }
        }
        while let Ok(work) = self.inbox.try_recv() {
            self.queue.push_back(work);
        }
        true
    }

    async fn write(&mut self, mut group: Vec<Work>) {
        let mut attempts = 0;
        loop {
            // Nothing of it is under way.
            expire(&mut group);
            if group.is_empty() {
                return;
            }
            if let Some(reason) = self.shared.failure_reason() {
                return refuse(group, &reason);
            }
            self.turn_away(&mut group);
            if self.connection.is_none() {
                self.connect_or_wait().await;
                continue;
            }
            match self.attempt(&group).await {
                // Nothing was written: what is not held under the next number is turned away.
                Ok(None) => self.fenced(),
                Ok(Some(outcome)) => return self.settle(group, outcome).await,
                Err(Failure::Lost(reason)) => {
                    tracing::warn!(reason, "the connection to the database was lost");
                    self.connection = None;
                    group = self.resolve(group).await;
                }
                Err(Failure::Again | Failure::NoPartition) if attempts >= ATTEMPTS_MAX => {
                    return refuse(group, "the database is too busy");
                }
                Err(Failure::Again) => {
                    tokio::time::sleep(Duration::from_millis(5 << attempts)).await;
                    attempts += 1;
                }
                Err(Failure::NoPartition) => {
                    attempts += 1;
                    self.make_partitions(&group).await;
                }
                Err(Failure::Refused(reason)) => return refuse(group, &reason),
                Err(Failure::Row(reason)) => return self.divide(group, reason).await,
            }
        }
    }

    /// Connects. Where that is not possible now, waits for a moment.
    async fn connect_or_wait(&mut self) {
        let connected = match self.shared.cluster.number() {
            Some(_) => self.connect().await.map(drop),
            None => Err("this server has not joined anew yet".to_owned()),
        };
        if let Err(reason) = connected {
            tracing::debug!(reason, "no connection to the database");
            tokio::time::sleep(CONNECT_PAUSE).await;
        }
    }

    /// One of them is the cause: each half alone, until it stands alone.
    async fn divide(&mut self, mut group: Vec<Work>, reason: String) {
        if let [one] = &mut *group {
            tracing::error!(reason, "the database refuses a row");
            return one.fail(StoreError::Corrupt(reason));
        }
        let half = group.split_off(group.len() / 2);
        Box::pin(self.write(group)).await;
        Box::pin(self.write(half)).await;
    }

    /// Lets go of a connection that is not under the present number, and of commits whose homes are
    /// not held under it. Nothing of the group may be under way.
    ///
    /// A commit that passes goes out under this number. Where its home is lost before it arrives,
    /// the number's lanes are gone with it, and nothing is written.
    fn turn_away(&mut self, group: &mut Vec<Work>) {
        let number = self.shared.cluster.number();
        if number != Some(self.node) {
            self.connection = None;
        }
        let holds = |home| number.is_some_and(|number| self.shared.cluster.holds(number, home));
        for work in &mut *group {
            let Task::Commit(row, _) = &work.task else { continue };
            if !holds(row.execution.home()) {
                work.is_due = false;
                work.fail(StoreError::Elsewhere);
            }
        }
        group.retain(|work| work.is_awaited() || work.is_due);
        if let Some(number) = number {
            self.node = number;
        }
    }

    /// The lane's row is gone.
    fn fenced(&mut self) {
        self.connection = None;
        self.shared.fenced(self.node);
    }

    /// Connects, and makes statements of all older sessions of the lane do nothing. Where its row
    /// is gone, nothing of it is written any more; gives the connection that found so.
    async fn connect(&mut self) -> Result<Option<Link>, String> {
        let shared = self.shared.clone();
        let opened = Connection::open(&shared.connector, self.node, shared.process, self.number);
        let opened = tokio::time::timeout(ANSWER_MAX, opened).await;
        let opened = opened.map_err(|_| "the database does not answer".to_owned())?;
        match opened.map_err(|error| crate::failure::describe(&error))? {
            Opened::Lane(connection) => {
                self.check_witness(&connection.link).await?;
                self.connection = Some(*connection);
                Ok(None)
            }
            Opened::Fenced(link) => {
                self.check_witness(&link).await?;
                self.fenced();
                Ok(Some(link))
            }
        }
    }

    /// None where nothing was done, since the lane's row is gone.
    async fn attempt(&self, group: &[Work]) -> Result<Option<Outcome>, Failure> {
        let silent = || Failure::Lost("the database does not answer".to_owned());
        let Some(connection) = &self.connection else { return Err(silent()) };
        let attempt = connection.attempt(group);
        match tokio::time::timeout(ANSWER_MAX, attempt).await {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(error)) => Err(Failure::of(&error)),
            Err(_) => Err(silent()),
        }
    }

    /// Answers those who wait.
    async fn settle(&mut self, group: Vec<Work>, outcome: Outcome) {
        match outcome {
            Outcome::Commits(written) => {
                let mut losers = Vec::new();
                for mut work in group {
                    match &work.task {
                        Task::Commit(row, _) if written.contains(&row.id) => self.written(work),
                        Task::Commit(row, _) if matches!(row.kind, CommitKind::Start { .. }) => {
                            losers.push(work);
                        }
                        _ => work.fail(StoreError::Conflict),
                    }
                }
                self.lost_names(losers).await;
            }
            Outcome::Resources(versions) => {
                for (place, work) in group.into_iter().enumerate() {
                    let Task::Resource(_, Some(reply)) = work.task else { continue };
                    let version = versions.get(&place).copied().ok_or(StoreError::Conflict);
                    if let Ok(version) = version {
                        let own = version.cast_signed();
                        self.shared.cluster.change(|state| state.changes.own(own));
                    }
                    // Whoever is gone needs no answer.
                    let _ = reply.send(version);
                }
            }
            Outcome::Removal(all) => {
                for mut work in group {
                    match all {
                        true => self.written(work),
                        false => work.fail(StoreError::Conflict),
                    }
                }
            }
        }
    }

    /// It is there: what is in memory follows, and then who waits is told.
    fn written(&mut self, work: Work) {
        let reply = match work.task {
            Task::Commit(row, reply) => {
                self.shared.cluster.change(|state| {
                    let CommitRow { execution, scope, statuses, instant, .. } = &*row;
                    state.committed(self.node, *execution, scope, *statuses, *instant);
                });
                if row.kind != CommitKind::Agenda {
                    let CommitRow { era, id, revision, token, .. } = *row;
                    self.witness = Some(Witness { era, id, revision, token });
                }
                reply
            }
            Task::Removal(_, reply) => reply,
            Task::Resource(..) => None,
        };
        // Whoever is gone needs no answer.
        reply.map(|reply| reply.send(Ok(())));
    }

    /// Starts whose names were taken: they are tried again where the holder's is free by now.
    async fn lost_names(&mut self, mut losers: Vec<Work>) {
        if losers.is_empty() {
            return;
        }
        let holders = match &self.connection {
            Some(connection) => connection.holders(&losers).await,
            None => return self.queue.extend(losers),
        };
        let Ok(holders) = holders else {
            // Nothing of them is under way: the connection is found broken by the next group.
            self.queue.extend(losers);
            return;
        };
        for mut loser in losers.drain(..) {
            let Task::Commit(row, _) = &mut loser.task else { continue };
            let CommitKind::Start { free_after, old } = &mut row.kind else { continue };
            let holder = holders.get(&row.name).copied();
            let is_free = holder.is_none_or(|(_, stop)| stop.is_some_and(|it| it <= free_after.0));
            if is_free {
                *old = holder.map(|(id, _)| id);
                self.queue.push_back(loser);
            } else {
                loser.fail(StoreError::Conflict);
            }
        }
    }

    async fn make_partitions(&self, group: &[Work]) {
        let Some(connection) = &self.connection else { return };
        let eras: HashSet<i32> = group
            .iter()
            .filter_map(|work| match &work.task {
                Task::Commit(row, _) => Some(row.era),
                Task::Resource(..) | Task::Removal(..) => None,
            })
            .collect();
        for era in eras {
            crate::upkeep::make_partition(&connection.link, &self.shared, era).await;
        }
    }
}

impl Connection {
    /// Raises the session of the lane.
    pub(crate) async fn open(
        connector: &Connector,
        node: NodeNumber,
        process: Uuid,
        lane: i16,
    ) -> Result<Opened, tokio_postgres::Error> {
        let (link, node) = (connector.connect().await?, node.0.cast_signed());
        let text = |text: &str| statements::in_schema(text, &connector.address.schema);
        let raised = link.query_opt(&text(statements::SESSION), &[&node, &lane, &process]).await?;
        let Some(session) = raised.map(|row| row.get(0)) else { return Ok(Opened::Fenced(link)) };
        let texts = [statements::starts(), statements::steps(), statements::agendas()];
        let [starts, steps, agendas] = texts.map(|it| text(&it));
        let [resources, removals] =
            [statements::resources(), statements::removals()].map(|it| text(&it));
        let holders = text(statements::HOLDERS);
        // All of them in one round trip.
        let prepared = tokio::try_join!(
            link.prepare(&starts),
            link.prepare(&steps),
            link.prepare(&agendas),
            link.prepare(&resources),
            link.prepare(&removals),
            link.prepare(&holders),
        );
        let (starts, steps, agendas, resources, removals, holders) = prepared?;
        Ok(Opened::Lane(Box::new(Connection {
            link,
            fence: (node, lane, session),
            starts,
            steps,
            agendas,
            resources,
            removals,
            holders,
        })))
    }

    /// None where nothing was done: the lane's row is gone, or has a newer session.
    async fn attempt(&self, group: &[Work]) -> Result<Option<Outcome>, tokio_postgres::Error> {
        let (mut commits, mut writes) = (Vec::new(), Vec::new());
        for work in group {
            match &work.task {
                Task::Commit(row, _) => commits.push(&**row),
                Task::Resource(write, _) => writes.push(write),
                Task::Removal(removed, _) => return self.remove(removed).await,
            }
        }
        let Some(first) = commits.first() else {
            let columns = columns::resources(&writes);
            let rows = self.query(&self.resources, &columns).await?;
            return Ok(resources_outcome(&rows));
        };
        let (statement, columns) = match first.kind {
            CommitKind::Start { .. } => (&self.starts, columns::starts(&commits)),
            CommitKind::Step { .. } => (&self.steps, columns::steps(&commits)),
            CommitKind::Agenda => (&self.agendas, columns::agendas(&commits)),
        };
        let rows = self.query(statement, &columns).await?;
        let ids: Vec<Option<Uuid>> = rows.iter().map(|row| row.get(0)).collect();
        let is_fenced = ids.is_empty();
        Ok((!is_fenced).then(|| Outcome::Commits(ids.into_iter().flatten().collect())))
    }

    /// Runs a statement that begins with the fence.
    pub(crate) async fn query(
        &self,
        statement: &Statement,
        columns: &Columns,
    ) -> Result<Vec<tokio_postgres::Row>, tokio_postgres::Error> {
        let (node, lane, session) = self.fence;
        let fence: [&(dyn ToSql + Sync); 3] = [&node, &lane, &session];
        let columns = columns.iter().map(|column| &**column as &(dyn ToSql + Sync));
        let parameters: Vec<&(dyn ToSql + Sync)> = fence.into_iter().chain(columns).collect();
        self.link.query(statement, &parameters).await
    }

    async fn remove(&self, removed: &[Removed]) -> Result<Option<Outcome>, tokio_postgres::Error> {
        let (node, lane, session) = self.fence;
        let ids: Vec<Uuid> = removed.iter().map(|one| Uuid::from_bytes(one.id.0)).collect();
        let revisions: Vec<i32> = removed.iter().map(|one| one.revision).collect();
        self.link.batch_execute("BEGIN").await?;
        let parameters: [&(dyn ToSql + Sync); 5] = [&node, &lane, &session, &ids, &revisions];
        let answer = self.link.query_one(&self.removals, &parameters).await;
        let counts = answer.map(|row| (row.get::<_, i64>(0), row.get::<_, i64>(1)));
        let all = matches!(counts, Ok((1, gone)) if gone == removed.len() as i64);
        let end = if all { "COMMIT" } else { "ROLLBACK" };
        self.link.batch_execute(end).await?;
        Ok(match counts?.0 {
            0 => None,
            _ => Some(Outcome::Removal(all)),
        })
    }

    /// Who has the names of these starts, and when they stopped.
    async fn holders(
        &self,
        losers: &[Work],
    ) -> Result<HashMap<Uuid, (Uuid, Option<i64>)>, tokio_postgres::Error> {
        let names: Vec<Uuid> = losers
            .iter()
            .filter_map(|work| match &work.task {
                Task::Commit(row, _) => Some(row.name),
                Task::Resource(..) | Task::Removal(..) => None,
            })
            .collect();
        let rows = self.link.query(&self.holders, &[&names]).await?;
        Ok(rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect())
    }
}

fn resources_outcome(rows: &[tokio_postgres::Row]) -> Option<Outcome> {
    if rows.is_empty() {
        return None;
    }
    let written = rows.iter().filter_map(|row| {
        let (place, version): (Option<i32>, Option<i64>) = (row.get(0), row.get(1));
        Some((usize::try_from(place?).ok()?, version?.cast_unsigned()))
    });
    Some(Outcome::Resources(written.collect()))
}

/// Tells those who have waited for too long that nothing was done, and lets go of what nobody waits
/// for. Nothing of it may be under way.
fn expire(group: &mut Vec<Work>) {
    for work in &mut *group {
        if work.is_late() {
            work.fail(StoreError::Refused("the database cannot be reached".to_owned()));
        }
    }
    group.retain(|work| work.is_awaited() || work.is_due);
}

fn refuse(mut group: Vec<Work>, reason: &str) {
    group.iter_mut().for_each(|work| work.fail(StoreError::Refused(reason.to_owned())));
}
