//! How a server joins those that serve a database: it looks at how the database is set up, brings
//! the tables forward, and writes down that it is there, with the homes that it brings. A server
//! that serves alone waits first until it knows that no other is at work.

use std::collections::HashMap;
use std::time::Duration;

use engine::Home;
use store::cluster::{BEAT, DEAD_AFTER, DEAD_POLLS, Fence, HOMES_OF_A_NODE, HomeRow, NodeNumber};
use tokio::time::Instant;
use tokio_postgres::{Error, Transaction};
use uuid::Uuid;

use crate::connector::{Connector, Link};
use crate::nodes::{self, fence_node, home_row};
use crate::statements::in_schema;
use crate::{OpenError, Options, migrations};

/// The oldest PostgreSQL: partitions are detached without stopping others since 14.
const SERVER_VERSION_MIN: i32 = 140_000;

/// A database that does not come to an answer by then counts as away.
const ANSWER_MAX: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(200);

/// Lanes of a node.
pub(crate) const LANES: i16 = 2;

/// How often homes are drawn until there are enough that nobody has.
const DRAWS_MAX: usize = 8;

/// What a server says of itself in `form`: it serves alone, as releases before the second version
/// of the tables did, or together with others.
const ALONE: i16 = 1;
const TOGETHER: i16 = 2;

/// What a server writes down of itself.
const JOIN: &str = "INSERT INTO stairwell.nodes (address, beat, release, form, peer, open, process)
VALUES ($1, 0, $2, $3, 1, '', $4) RETURNING node";
const JOIN_LANE: &str = "INSERT INTO stairwell.lanes (node, lane, session) VALUES ($1, $2, 0)";
/// Those at the same address, and those that this one cannot work beside.
const PREDECESSORS: &str = "SELECT node, beat, process FROM stairwell.nodes WHERE address = $1";
const BLOCKERS: &str = "SELECT node, beat, address FROM stairwell.nodes WHERE form = $1 OR $2";
/// Homes that nobody has.
const ORPHANS: &str = "SELECT h.home, h.node, h.version FROM stairwell.homes h
LEFT JOIN stairwell.nodes n ON n.node = h.node WHERE n.node IS NULL LIMIT $1";
/// Homes of executions that a server began which knew none.
const STRAYS: &str = "INSERT INTO stairwell.homes (home, node, version)
SELECT s.home, NULL, nextval('stairwell.versions') FROM (
  SELECT home FROM stairwell.executions WHERE live
  UNION SELECT home FROM stairwell.resources WHERE kind = 8 AND home IS NOT NULL) AS s
WHERE NOT EXISTS (SELECT FROM stairwell.nodes)
ON CONFLICT DO NOTHING";

/// What a server is, whatever its number.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    address: String,
    release: String,
    is_alone: bool,
    /// Drawn by each process: what tells its rows from those of another under the same number,
    /// which there can be after the database was set back.
    pub(crate) process: Uuid,
}

/// A server that has joined.
pub(crate) struct Joined {
    /// Its number, which is never used again.
    pub(crate) number: NodeNumber,
    /// Homes that nobody had before.
    pub(crate) new: Vec<HomeRow>,
    /// Homes that it took from servers that are gone: their executions are to be read.
    pub(crate) taken: Vec<HomeRow>,
}

/// A server that this one cannot work beside, as long as it lives.
#[derive(Debug)]
pub(crate) struct Blocked {
    pub(crate) node: i64,
    pub(crate) beat: i64,
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn new(options: &Options) -> Server {
        let Options { address, release, is_alone, .. } = options.clone();
        Server { address, release, is_alone, process: Uuid::new_v4() }
    }
}

/// A connection to a database that can be served from, whose tables are what this program needs.
///
/// # Errors
/// Where it cannot be served from.
pub(crate) async fn prepare(
    connector: &Connector,
    options: &Options,
) -> Result<(Link, [u8; 32]), OpenError> {
    let (place, schema) = (connector.address.place(), &*connector.address.schema);
    let mut link = first_connection(connector, options.start_wait).await?;
    check_setting(&link, &place, schema, options).await?;
    migrations::run(&mut link, &place, schema).await?;
    let text = in_schema("SELECT secret FROM stairwell.meta", schema);
    let row = link.query_one(&text, &[]).await;
    let row = row.map_err(|error| OpenError::of(&place, schema, &error))?;
    let secret = <[u8; 32]>::try_from(row.get::<_, &[u8]>(0));
    let secret = secret.map_err(|_| OpenError::Unsuitable {
        place,
        reason: "the secret in its table meta does not have 32 bytes".to_owned(),
    })?;
    Ok((link, secret))
}

/// Joins for the first time. Waits until those are gone, or known to be dead, that this server
/// cannot work beside.
///
/// # Errors
/// Where one of them lives.
pub(crate) async fn join(
    link: &mut Link,
    connector: &Connector,
    server: &Server,
) -> Result<Joined, OpenError> {
    let (place, schema) = (connector.address.place(), &*connector.address.schema);
    let failed = |error: Error| OpenError::of(&place, schema, &error);
    let mut seen: HashMap<i64, Silence> = HashMap::new();
    loop {
        let Blocked { node, beat, address } =
            match register(link, schema, server, true).await.map_err(failed)? {
                Ok(joined) => return Ok(joined),
                Err(blocked) => blocked,
            };
        let silence = seen.entry(node).or_insert_with(|| Silence::new(beat));
        if !silence.is_the_same(beat) {
            return Err(OpenError::InUse { place, holder: address });
        }
        if silence.is_dead() {
            let transaction = locked(link, schema).await.map_err(failed)?;
            let fence =
                Fence { node: NodeNumber(node.cast_unsigned()), beat: beat.cast_unsigned() };
            let is_fenced = fence_node(&transaction, schema, fence).await.map_err(failed)?;
            transaction.commit().await.map_err(failed)?;
            tracing::warn!(node, is_fenced, "a server that ended without a word is replaced");
        }
        tokio::time::sleep(BEAT).await;
    }
}

/// Joins again after it was fenced. Not where another server has its address, or serves alone: then
/// that one took its place.
pub(crate) async fn join_anew(
    link: &mut Link,
    schema: &str,
    server: &Server,
) -> Result<Result<Joined, Blocked>, Error> {
    register(link, schema, server, false).await
}

async fn first_connection(connector: &Connector, wait: Duration) -> Result<Link, OpenError> {
    let (place, schema) = (connector.address.place(), &*connector.address.schema);
    let begin = Instant::now();
    let mut is_told = false;
    loop {
        let error = match tokio::time::timeout(ANSWER_MAX, connector.connect()).await {
            Ok(Ok(link)) => return Ok(link),
            Ok(Err(error)) => OpenError::of(&place, schema, &error),
            Err(_) => {
                let reason = "it does not answer".to_owned();
                OpenError::Unreachable { place: place.clone(), reason }
            }
        };
        if !error.is_passing() || begin.elapsed() >= wait {
            return Err(error);
        }
        if !std::mem::replace(&mut is_told, true) {
            tracing::warn!(%error, "waiting for the database");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Refuses what nothing durable can be kept in, and warns of what may lose it.
async fn check_setting(
    link: &Link,
    place: &str,
    schema: &str,
    options: &Options,
) -> Result<(), OpenError> {
    let text = "SELECT current_setting('server_version_num')::int, \
        current_setting('server_encoding'), current_setting('transaction_read_only') = 'on', \
        current_setting('synchronous_commit', true), current_setting('fsync', true), \
        current_setting('full_page_writes', true)";
    let row = link.query_one(text, &[]).await.map_err(|it| OpenError::of(place, schema, &it))?;
    let unsuitable = |reason: String| OpenError::Unsuitable { place: place.to_owned(), reason };
    let version: i32 = row.get(0);
    if version < SERVER_VERSION_MIN {
        let (major, least) = (version / 10_000, SERVER_VERSION_MIN / 10_000);
        return Err(unsuitable(format!("it is PostgreSQL {major}, and {least} is the oldest")));
    }
    let encoding: &str = row.get(1);
    if encoding != "UTF8" {
        return Err(unsuitable(format!("its encoding is {encoding}, and UTF8 is needed")));
    }
    if row.get(2) {
        let reason = "its transactions are read-only".to_owned();
        return Err(OpenError::ReadOnly { place: place.to_owned(), reason });
    }
    let is_off = |index: usize| row.get::<_, Option<&str>>(index) == Some("off");
    if is_off(3) && !options.allow_lost_commits {
        return Err(unsuitable(
            "synchronous_commit is off, so that what was answered may be lost: set it to on for \
             this user (ALTER ROLE ... SET synchronous_commit = on), or allow it with \
             --allow-lost-commits"
                .to_owned(),
        ));
    }
    for (index, name) in [(3, "synchronous_commit"), (4, "fsync"), (5, "full_page_writes")] {
        if is_off(index) {
            tracing::warn!(
                "{name} of the database is off: what was answered may be lost when its machine \
                 fails"
            );
        }
    }
    Ok(())
}

/// Writes down that there is another server. Those that join at once do it one after the other, so
/// that a later one sees the earlier.
async fn register(
    link: &mut Link,
    schema: &str,
    server: &Server,
    is_first: bool,
) -> Result<Result<Joined, Blocked>, Error> {
    let Server { address, release, is_alone, process } = server;
    let text = |text: &str| in_schema(text, schema);
    let transaction = locked(link, schema).await?;
    for row in transaction.query(&text(PREDECESSORS), &[address]).await? {
        let (node, beat): (i64, i64) = (row.get(0), row.get(1));
        // What this process wrote before has no answer. Else a server at the same address has
        // ended, since this one has the address; but not where this one slept meanwhile.
        if !is_first && row.get::<_, Option<Uuid>>(2) != Some(*process) {
            return Ok(Err(Blocked { node, beat, address: address.clone() }));
        }
        let fence = Fence { node: NodeNumber(node.cast_unsigned()), beat: beat.cast_unsigned() };
        fence_node(&transaction, schema, fence).await?;
    }
    let blockers = transaction.query(&text(BLOCKERS), &[&ALONE, is_alone]).await?;
    if let Some(row) = blockers.first() {
        let (node, beat, address) = (row.get(0), row.get(1), row.get(2));
        return Ok(Err(Blocked { node, beat, address }));
    }
    transaction.execute(&text(STRAYS), &[]).await?;
    let form = if *is_alone { ALONE } else { TOGETHER };
    let row = transaction.query_one(&text(JOIN), &[address, release, &form, process]).await?;
    let node: i64 = row.get(0);
    for lane in 0..LANES {
        transaction.execute(&text(JOIN_LANE), &[&node, &lane]).await?;
    }
    let number = NodeNumber(node.cast_unsigned());
    let (new, taken) = bring_homes(&transaction, schema, number).await?;
    transaction.commit().await?;
    Ok(Ok(Joined { number, new, taken }))
}

/// The homes that a server brings: those of servers that are gone, if there are any, so that there
/// are never more than were needed at once; else some that nobody has had.
async fn bring_homes(
    transaction: &Transaction<'_>,
    schema: &str,
    number: NodeNumber,
) -> Result<(Vec<HomeRow>, Vec<HomeRow>), Error> {
    let orphans = in_schema(ORPHANS, schema);
    let orphans = transaction.query(&orphans, &[&(HOMES_OF_A_NODE as i64)]).await?;
    let orphans: Vec<HomeRow> = orphans.iter().filter_map(home_row).collect();
    let taken = nodes::adopt(transaction, schema, number, &orphans).await?;
    let mut new = Vec::new();
    for _ in 0..DRAWS_MAX {
        let missing = HOMES_OF_A_NODE.saturating_sub(taken.len() + new.len());
        let drawn = Uuid::new_v4();
        // Bytes 6 and 8 of a UUID are not all drawn.
        let drawn = [0, 2, 4, 10, 12, 14].map(|at| {
            let bytes = drawn.as_bytes();
            Home(u16::from_be_bytes([bytes[at], bytes[at + 1]]))
        });
        let drawn = &drawn[..missing.min(drawn.len())];
        if drawn.is_empty() {
            break;
        }
        new.extend(nodes::make(transaction, schema, number, drawn).await?);
    }
    Ok((new, taken))
}

/// A transaction that others wait for.
async fn locked<'a>(link: &'a mut Link, schema: &str) -> Result<Transaction<'a>, Error> {
    let transaction = link.transaction().await?;
    // Counting what is live may take longer than a statement that somebody waits for.
    transaction.batch_execute("SET LOCAL statement_timeout = '60s'").await?;
    let lock = in_schema("SELECT version FROM stairwell.meta FOR UPDATE", schema);
    transaction.query_one(&lock, &[]).await?;
    Ok(transaction)
}

/// A beat that does not change. No clock but ours tells for how long.
struct Silence {
    beat: i64,
    since: Instant,
    looks: u32,
}

impl Silence {
    fn new(beat: i64) -> Silence {
        Silence { beat, since: Instant::now(), looks: 0 }
    }

    fn is_the_same(&mut self, beat: i64) -> bool {
        self.looks += 1;
        self.beat == beat
    }

    fn is_dead(&self) -> bool {
        self.looks >= DEAD_POLLS && self.since.elapsed() >= DEAD_AFTER
    }
}
