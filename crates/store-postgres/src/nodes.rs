//! The rows of nodes, lanes and homes: what is read at each beat, and how homes change hands.
//!
//! A home is taken by comparing its row with the holder and the version that are known to be dead;
//! to ask instead whether the holder has a row would not see who joins meanwhile. Whoever takes one
//! has its own row locked, so that nobody who is fenced takes anything.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use engine::Home;
use store::cluster::{Fence, HomeRow, Node, NodeNumber, NodeRow};
use store::{ResourceKey, Scope};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row, Statement, Transaction};
use uuid::Uuid;

use crate::changes::{BEFORE_FIRST, REMEMBERED};
use crate::cluster::{OpenCounts, decode_open};
use crate::connector::{Connector, Link};
use crate::eras::{Era, Eras};
use crate::resource_kind;
use crate::statements::{ERAS, in_schema};

/// A node that takes homes, which it must not once its row is gone.
const LIVING: &str = "WITH living AS (SELECT FROM stairwell.nodes WHERE node = $1 FOR KEY SHARE)";

/// For how long a fence waits for the statement of a lane that is under way. It is tried again with
/// the next beat, which it must not hold up.
const FENCE_WAIT: &str = "SET LOCAL lock_timeout = '400ms'";

/// Beats need no flush: one that is lost with the database's machine is beaten again. Only within
/// the transaction, so that a pooler gives it to nobody else.
const BEGIN_BEAT: &str = "BEGIN; SET LOCAL synchronous_commit = off";
const END_BEAT: &str = "COMMIT";

const BEAT: &str = "UPDATE stairwell.nodes SET beat = beat + 1, open = $3
WHERE node = $1 AND process = $2
RETURNING beat, (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now,
  (SELECT last_value FROM stairwell.versions) AS newest";
const NODES: &str = "SELECT node, address, beat, open FROM stairwell.nodes";
const HOMES: &str = "SELECT home, node, version FROM stairwell.homes WHERE version > $1";

/// Takes away the row of a node that has not moved, and then those of its lanes, which waits for
/// what is under way.
const FENCE: &str = "DELETE FROM stairwell.nodes WHERE node = $1 AND beat = $2";
const FENCE_LANES: &str = "DELETE FROM stairwell.lanes WHERE node = $1";
const LEAVE: &str = "DELETE FROM stairwell.nodes WHERE node = $1";
const FREE: &str = "UPDATE stairwell.homes SET node = NULL, version = nextval('stairwell.versions')
WHERE node = $1";

/// Those that changed of the resources that nodes keep in memory.
fn changes() -> String {
    let above = format!(
        "version > coalesce($1, (SELECT last_value - {BEFORE_FIRST} FROM stairwell.versions))"
    );
    format!(
        "SELECT version, kind, account, region, name FROM stairwell.resources
WHERE version > 0 AND {above} AND kind = ANY($2)
UNION ALL
SELECT version, kind, account, region, name FROM stairwell.forgotten WHERE {above}"
    )
}

/// Homes whose rows are still as they are given, those that somebody else is about to take left
/// out.
fn adopt_text() -> String {
    format!(
        "{LIVING},
free AS (
  SELECT h.home FROM living, unnest($2::int[], $3::bigint[], $4::bigint[])
    AS r(home, holder, version)
  JOIN stairwell.homes h ON h.home = r.home
  WHERE h.node IS NOT DISTINCT FROM r.holder AND h.version = r.version
  FOR UPDATE OF h SKIP LOCKED)
UPDATE stairwell.homes h SET node = $1, version = nextval('stairwell.versions')
FROM free WHERE h.home = free.home RETURNING h.home, h.node, h.version"
    )
}

/// Homes that have no row.
fn make_text() -> String {
    format!(
        "{LIVING}
INSERT INTO stairwell.homes (home, node, version)
SELECT r.home, $1, nextval('stairwell.versions') FROM living, unnest($2::int[]) AS r(home)
ON CONFLICT DO NOTHING RETURNING home, node, version"
    )
}

/// The connection of the beats, and of what follows from them.
pub(crate) struct NodeLink {
    link: Link,
    schema: String,
    beat: Statement,
    nodes: Statement,
    homes: Statement,
    changes: Statement,
    eras: Statement,
}

/// What a beat read.
pub(crate) struct Poll {
    /// None where the node's own row is gone.
    pub(crate) own: Option<OwnBeat>,
    pub(crate) nodes: Vec<NodeRow>,
    /// What the others told of open executions.
    pub(crate) open: Vec<(NodeNumber, OpenCounts)>,
    pub(crate) homes: Vec<HomeRow>,
    /// Resources that changed, each with its version.
    pub(crate) changes: Vec<(i64, ResourceKey)>,
    pub(crate) eras: Eras,
}

/// What raising the beat told.
#[derive(Clone, Copy)]
pub(crate) struct OwnBeat {
    pub(crate) beat: i64,
    /// See [`clock_offset`].
    pub(crate) offset_milliseconds: i64,
    /// The newest version of all.
    pub(crate) newest: i64,
}

impl NodeLink {
    pub(crate) async fn open(connector: &Connector) -> Result<NodeLink, String> {
        let link = connector.connect_soon().await?;
        let schema = connector.address.schema.clone();
        let prepared = async {
            let text = |text: &str| in_schema(text, &schema);
            let texts = [BEAT, NODES, HOMES, &changes(), ERAS].map(text);
            let [beat, nodes, homes, changes, eras] = &texts;
            tokio::try_join!(
                link.prepare(beat),
                link.prepare(nodes),
                link.prepare(homes),
                link.prepare(changes),
                link.prepare(eras)
            )
        };
        let prepared: Result<_, Error> = prepared.await;
        let prepared = prepared.map_err(|error| crate::failure::describe(&error))?;
        let (beat, nodes, homes, changes, eras) = prepared;
        Ok(NodeLink { link, schema, beat, nodes, homes, changes, eras })
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.link.is_closed()
    }

    pub(crate) fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    /// Raises the beat and reads the rows, in one round trip and in this order: a home is read
    /// after the nodes, so that its holder, where it joined in between, is not taken for dead.
    pub(crate) async fn poll(
        &self,
        node: NodeNumber,
        process: Uuid,
        open: &[u8],
        floors: (Option<i64>, Option<i64>),
    ) -> Result<Poll, Error> {
        let (number, began, wall) = (node.0.cast_signed(), Instant::now(), wall_milliseconds());
        let homes_above = floors.0.unwrap_or(i64::MIN);
        let kinds = REMEMBERED.map(resource_kind).to_vec();
        let of_beat: [&(dyn ToSql + Sync); 3] = [&number, &process, &open];
        let of_homes: [&(dyn ToSql + Sync); 1] = [&homes_above];
        let of_changes: [&(dyn ToSql + Sync); 2] = [&floors.1, &kinds];
        let beat = async {
            let row = self.link.query_opt(&self.beat, &of_beat).await?;
            Ok(row.map(|row| own_beat(&row, wall, began.elapsed())))
        };
        let ((), own, (), nodes, homes, changes, eras) = tokio::try_join!(
            biased;
            self.link.batch_execute(BEGIN_BEAT),
            beat,
            self.link.batch_execute(END_BEAT),
            self.link.query(&self.nodes, &[]),
            self.link.query(&self.homes, &of_homes),
            self.link.query(&self.changes, &of_changes),
            self.link.query(&self.eras, &[]),
        )?;
        let is_other = |row: &&Row| row.get::<_, i64>("node") != number;
        Ok(Poll {
            own,
            // Where the row under this number is another process's, this one has none.
            nodes: nodes
                .iter()
                .filter(|row| own.is_some() || is_other(row))
                .map(node_row)
                .collect(),
            open: nodes.iter().filter(is_other).map(|row| (number_of(row), open_of(row))).collect(),
            homes: homes.iter().filter_map(home_row).collect(),
            changes: changes.iter().filter_map(change).collect(),
            eras: Eras::new(eras.iter().map(era).collect()),
        })
    }

    /// Fences a node. False where it has moved.
    pub(crate) async fn fence(&mut self, fence: Fence) -> Result<bool, Error> {
        let transaction = self.link.transaction().await?;
        transaction.batch_execute(FENCE_WAIT).await?;
        let is_fenced = fence_node(&transaction, &self.schema, fence).await?;
        transaction.commit().await?;
        Ok(is_fenced)
    }

    /// Takes homes, each only where its row is still the same. Gives those that were taken.
    pub(crate) async fn adopt(
        &mut self,
        node: NodeNumber,
        rows: &[HomeRow],
    ) -> Result<Vec<HomeRow>, Error> {
        let transaction = self.link.transaction().await?;
        transaction.batch_execute(FENCE_WAIT).await?;
        let adopted = adopt(&transaction, &self.schema, node, rows).await?;
        transaction.commit().await?;
        Ok(adopted)
    }

    /// Takes a home that has no row. Nothing where it has one by now.
    pub(crate) async fn make(
        &mut self,
        node: NodeNumber,
        home: Home,
    ) -> Result<Vec<HomeRow>, Error> {
        let transaction = self.link.transaction().await?;
        transaction.batch_execute(FENCE_WAIT).await?;
        let made = make(&transaction, &self.schema, node, &[home]).await?;
        transaction.commit().await?;
        Ok(made)
    }
}

/// Takes away the rows of a node that has not moved. False where it has.
pub(crate) async fn fence_node(
    transaction: &Transaction<'_>,
    schema: &str,
    fence: Fence,
) -> Result<bool, Error> {
    let (node, beat) = (fence.node.0.cast_signed(), fence.beat.cast_signed());
    if transaction.execute(&in_schema(FENCE, schema), &[&node, &beat]).await? == 0 {
        return Ok(false);
    }
    transaction.execute(&in_schema(FENCE_LANES, schema), &[&node]).await?;
    Ok(true)
}

/// Gives the node's homes back, and takes its own rows away.
pub(crate) async fn leave(link: &mut Link, schema: &str, node: NodeNumber) -> Result<(), Error> {
    let node = node.0.cast_signed();
    let transaction = link.transaction().await?;
    for text in [FENCE_LANES, FREE, LEAVE] {
        transaction.execute(&in_schema(text, schema), &[&node]).await?;
    }
    transaction.commit().await
}

pub(crate) async fn adopt(
    transaction: &Transaction<'_>,
    schema: &str,
    node: NodeNumber,
    rows: &[HomeRow],
) -> Result<Vec<HomeRow>, Error> {
    let homes: Vec<i32> = rows.iter().map(|row| i32::from(row.home.0)).collect();
    let holders: Vec<Option<i64>> =
        rows.iter().map(|row| row.holder.map(|holder| holder.0.cast_signed())).collect();
    let versions: Vec<i64> = rows.iter().map(|row| row.version.cast_signed()).collect();
    let text = in_schema(&adopt_text(), schema);
    let node = node.0.cast_signed();
    let adopted = transaction.query(&text, &[&node, &homes, &holders, &versions]).await?;
    Ok(adopted.iter().filter_map(home_row).collect())
}

pub(crate) async fn make(
    transaction: &Transaction<'_>,
    schema: &str,
    node: NodeNumber,
    homes: &[Home],
) -> Result<Vec<HomeRow>, Error> {
    let homes: Vec<i32> = homes.iter().map(|home| i32::from(home.0)).collect();
    let text = in_schema(&make_text(), schema);
    let made = transaction.query(&text, &[&node.0.cast_signed(), &homes]).await?;
    Ok(made.iter().filter_map(home_row).collect())
}

fn own_beat(row: &Row, wall: i64, round_trip: Duration) -> OwnBeat {
    OwnBeat {
        beat: row.get("beat"),
        offset_milliseconds: clock_offset(row.get("now"), wall, round_trip),
        newest: row.get("newest"),
    }
}

/// By how many milliseconds the database's clock is ahead of this one's, which showed `wall` when
/// the database was asked; half of the way there and back is taken off.
pub(crate) fn clock_offset(database: f64, wall: i64, round_trip: Duration) -> i64 {
    let half = i64::try_from(round_trip.as_millis() / 2).unwrap_or(i64::MAX);
    (database as i64).saturating_sub(wall.saturating_add(half))
}

fn number_of(row: &Row) -> NodeNumber {
    NodeNumber(row.get::<_, i64>("node").cast_unsigned())
}

fn open_of(row: &Row) -> OpenCounts {
    decode_open(row.get("open"))
}

fn node_row(row: &Row) -> NodeRow {
    let address = row.get::<_, &str>("address").into();
    let beat = row.get::<_, i64>("beat").cast_unsigned();
    NodeRow { node: Node { number: number_of(row), address }, beat }
}

/// None where it is none of the homes that there are.
pub(crate) fn home_row(row: &Row) -> Option<HomeRow> {
    let home = Home(u16::try_from(row.get::<_, i32>("home")).ok()?);
    let holder = row.get::<_, Option<i64>>("node");
    let version = row.get::<_, i64>("version").cast_unsigned();
    Some(HomeRow { home, holder: holder.map(|it| NodeNumber(it.cast_unsigned())), version })
}

fn change(row: &Row) -> Option<(i64, ResourceKey)> {
    let number: i16 = row.get("kind");
    let kind = REMEMBERED.into_iter().find(|kind| resource_kind(*kind) == number)?;
    let (account, region): (&str, &str) = (row.get("account"), row.get("region"));
    let scope = Scope { account: account.into(), region: region.into() };
    let name = std::str::from_utf8(row.get("name")).ok()?;
    Some((row.get("version"), ResourceKey { kind, scope, name: name.into() }))
}

fn era(row: &Row) -> Era {
    Era { number: row.get("era"), since: row.get("since") }
}

pub(crate) fn wall_milliseconds() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}
