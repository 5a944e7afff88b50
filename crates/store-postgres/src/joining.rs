//! How a server takes a database: it looks at how the database is set up, brings the tables
//! forward, writes down that it is there, and waits until it knows that no other server is at work.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::{Error, Transaction};

use crate::connector::{Connector, Link};
use crate::statements::in_schema;
use crate::{OpenError, Options, migrations};

/// The oldest PostgreSQL: partitions are detached without stopping others since 14.
const SERVER_VERSION_MIN: i32 = 140_000;

/// A database that does not come to an answer by then counts as away.
const ANSWER_MAX: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(200);

/// Between two looks at the others.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// A server whose beat is the same for so long, and in so many looks, is dead.
const SILENT_MAX: Duration = Duration::from_millis(2_500);
const LOOKS_MIN: u32 = 5;

/// What a server writes down of itself.
const JOIN: &str = "INSERT INTO stairwell.nodes (address, beat, release, form, peer, open)
VALUES ($1, 0, $2, 1, 1, '') RETURNING node";
const JOIN_LANE: &str = "INSERT INTO stairwell.lanes (node, lane, session) VALUES ($1, $2, 0)";
/// Those that joined before, each with its beat.
const OTHERS: &str = "SELECT node, address, beat FROM stairwell.nodes WHERE node < $1";
/// Takes away the rows of a node that has not moved. The second waits for what is under way.
const FENCE: &str = "DELETE FROM stairwell.nodes WHERE node = $1 AND beat = $2";
const FENCE_LANES: &str = "DELETE FROM stairwell.lanes WHERE node = $1";
const LEAVE: &str = "DELETE FROM stairwell.nodes WHERE node = $1";

/// A server that has joined.
pub(crate) struct Joined {
    /// Its number, which is never used again.
    pub(crate) node: i64,
}

/// Takes the database for a server with so many lanes.
///
/// # Errors
/// Where it cannot be served from, or another server is at work in it.
pub(crate) async fn join(
    connector: &Connector,
    options: &Options,
    lanes: i16,
) -> Result<Joined, OpenError> {
    let (place, schema) = (connector.address.place(), &*connector.address.schema);
    let failed = |error: Error| OpenError::of(&place, schema, &error);
    let mut link = first_connection(connector, options.start_wait).await?;
    check_setting(&link, &place, schema, options).await?;
    migrations::run(&mut link, &place, schema).await?;
    let node = register(&mut link, schema, options, lanes).await.map_err(failed)?;
    match take_over(&mut link, schema, node).await {
        Ok(None) => Ok(Joined { node }),
        Ok(Some(holder)) => {
            leave(&link, schema, node).await.map_err(failed)?;
            Err(OpenError::InUse { place, holder })
        }
        Err(error) => Err(failed(error)),
    }
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
    options: &Options,
    lanes: i16,
) -> Result<i64, Error> {
    let transaction = locked(link, schema).await?;
    // A server at the same address has ended: the address is taken by this one.
    let predecessors = "SELECT node, beat FROM stairwell.nodes WHERE address = $1";
    let predecessors = in_schema(predecessors, schema);
    for row in transaction.query(&predecessors, &[&options.address]).await? {
        fence(&transaction, schema, row.get(0), row.get(1)).await?;
    }
    let join = in_schema(JOIN, schema);
    let row = transaction.query_one(&join, &[&options.address, &options.release]).await?;
    let node: i64 = row.get(0);
    let join_lane = in_schema(JOIN_LANE, schema);
    for lane in 0..lanes {
        transaction.execute(&join_lane, &[&node, &lane]).await?;
    }
    transaction.commit().await?;
    Ok(node)
}

/// A transaction that others wait for.
async fn locked<'a>(link: &'a mut Link, schema: &str) -> Result<Transaction<'a>, Error> {
    let transaction = link.transaction().await?;
    let lock = in_schema("SELECT version FROM stairwell.meta FOR UPDATE", schema);
    transaction.query_one(&lock, &[]).await?;
    Ok(transaction)
}

/// Whether it had not moved.
async fn fence(
    transaction: &Transaction<'_>,
    schema: &str,
    node: i64,
    beat: i64,
) -> Result<bool, Error> {
    if transaction.execute(&in_schema(FENCE, schema), &[&node, &beat]).await? == 0 {
        return Ok(false);
    }
    transaction.execute(&in_schema(FENCE_LANES, schema), &[&node]).await?;
    Ok(true)
}

/// Waits until those that joined before are gone or known to be dead, and takes their rows away.
/// Gives the address of one that lives. Beats meanwhile, for those that join later.
async fn take_over(link: &mut Link, schema: &str, node: i64) -> Result<Option<String>, Error> {
    let mut seen: HashMap<i64, Silence> = HashMap::new();
    let beat = in_schema(crate::statements::BEAT, schema);
    let others = in_schema(OTHERS, schema);
    loop {
        if link.execute(&beat, &[&node]).await? == 0 {
            return Ok(Some("an address that was given to this server too".to_owned()));
        }
        let rows = link.query(&others, &[&node]).await?;
        if rows.is_empty() {
            return Ok(None);
        }
        for row in &rows {
            let (other, beat): (i64, i64) = (row.get(0), row.get(2));
            let silence = seen.entry(other).or_insert_with(|| Silence::new(beat));
            if !silence.is_the_same(beat) {
                return Ok(Some(row.get(1)));
            }
            if silence.is_dead() {
                let transaction = locked(link, schema).await?;
                let is_fenced = fence(&transaction, schema, other, beat).await?;
                transaction.commit().await?;
                tracing::warn!(other, is_fenced, "a server that ended without a word is replaced");
            }
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
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
        self.looks >= LOOKS_MIN && self.since.elapsed() >= SILENT_MAX
    }
}

/// Takes its own rows away.
pub(crate) async fn leave(link: &Link, schema: &str, node: i64) -> Result<(), Error> {
    link.execute(&in_schema(FENCE_LANES, schema), &[&node]).await?;
    link.execute(&in_schema(LEAVE, schema), &[&node]).await?;
    Ok(())
}
