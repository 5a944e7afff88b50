//! What somebody sees of the servers of a database who only looks.

use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::{Error, Row};

use crate::cluster::decode_open;
use crate::connector::{Connector, Link};
use crate::nodes::{clock_offset, wall_milliseconds};
use crate::statements::in_schema;
use crate::{Address, OpenError};

/// How long a look takes: two signs of life come meanwhile.
const LOOK: Duration = Duration::from_millis(1_250);

/// For how long a database is waited for.
const CONNECT_MAX: Duration = Duration::from_secs(10);

const NODES: &str = "SELECT n.node, n.address, n.release, n.beat, n.open,
  (SELECT count(*) FROM stairwell.homes h WHERE h.node = n.node) AS homes
FROM stairwell.nodes n ORDER BY n.node";

const FREE: &str = "SELECT count(*) FROM stairwell.homes h
WHERE NOT EXISTS (SELECT FROM stairwell.nodes n WHERE n.node = h.node)";

const CLOCK: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8";

/// The servers of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// All that have not left, by their numbers.
    pub servers: Vec<WatchedServer>,
    /// Homes that none of them holds.
    pub homes_free: u64,
    /// By how many milliseconds the database's clock is ahead of this machine's.
    pub clock_offset_milliseconds: i64,
}

/// A server of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedServer {
    /// The number of its node.
    pub number: u64,
    /// Where others reach it.
    pub address: String,
    /// Its release.
    pub release: String,
    /// Whether it gave a sign of life within a second and a quarter.
    pub lives: bool,
    /// How many homes it holds.
    pub homes: u64,
    /// How many executions are open in them, as it told last.
    pub open_executions: u64,
}

/// Looks at the servers of a database for a second and a quarter. Writes nothing.
///
/// # Errors
/// Where it cannot be read.
pub async fn watch(address: Address) -> Result<Watched, OpenError> {
    let (place, schema) = (address.place(), address.schema.clone());
    let connector = Connector::new(address)?;
    let unreachable =
        || OpenError::Unreachable { place: place.clone(), reason: "it does not answer".to_owned() };
    let looked = async {
        let link = connector.connect().await?;
        look(&link, &schema).await
    };
    match tokio::time::timeout(CONNECT_MAX, looked).await {
        Ok(Ok(watched)) => Ok(watched),
        Ok(Err(error)) => Err(OpenError::of(&place, &schema, &error)),
        Err(_) => Err(unreachable()),
    }
}

async fn look(link: &Link, schema: &str) -> Result<Watched, Error> {
    let nodes = in_schema(NODES, schema);
    let before = link.query(&nodes, &[]).await?;
    tokio::time::sleep(LOOK).await;
    let after = link.query(&nodes, &[]).await?;
    let homes_free: i64 = link.query_one(&in_schema(FREE, schema), &[]).await?.get(0);
    let (began, wall) = (Instant::now(), wall_milliseconds());
    let database = link.query_one(CLOCK, &[]).await?.get(0);
    Ok(Watched {
        servers: after.iter().map(|row| server(row, &before)).collect(),
        homes_free: homes_free.cast_unsigned(),
        clock_offset_milliseconds: clock_offset(database, wall, began.elapsed()),
    })
}

fn server(row: &Row, before: &[Row]) -> WatchedServer {
    let beat = |row: &Row| row.get::<_, i64>("beat");
    let number: i64 = row.get("node");
    let earlier = before.iter().find(|row| row.get::<_, i64>("node") == number);
    WatchedServer {
        number: number.cast_unsigned(),
        address: row.get("address"),
        release: row.get("release"),
        // One that has come meanwhile has just given one.
        lives: earlier.is_none_or(|earlier| beat(earlier) != beat(row)),
        homes: row.get::<_, i64>("homes").cast_unsigned(),
        open_executions: decode_open(row.get("open")).iter().map(|(_, count)| count).sum(),
    }
}
