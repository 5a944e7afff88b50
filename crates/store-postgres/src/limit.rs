//! What a database takes at most: the store's own statements with rows that are prepared, on as
//! many connections as the store writes on, which do nothing else. What the store reaches is told
//! beside it; see `examples/limit.rs`.

use std::time::{Duration, Instant};

use store::contract::sample::{self, Life};

use crate::columns::{self, Columns};
use crate::commit_row::{CommitRow, Surroundings};
use crate::connector::Connector;
use crate::joining::{LANES, Server};
use crate::lane::{Connection, Opened};
use crate::statements::{SCOPE, in_schema};
use crate::{Address, OpenError, Options, joining, nodes};

/// Commits in a statement.
const GROUP: usize = 64;

/// Commits a second.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// First commits.
    pub starts: f64,
    /// Commits of one state that are not the first.
    pub steps: f64,
}

/// Measures with so many executions on each connection, each of which gets so many steps. The
/// database must be served by nobody.
///
/// # Errors
/// As [`crate::PostgresStore::open`].
pub async fn measure(
    address: Address,
    options: Options,
    executions: usize,
    steps: usize,
) -> Result<Limit, OpenError> {
    let place = address.place();
    let schema = address.schema.clone();
    let connector = Connector::new(address)?;
    let (mut link, _) = joining::prepare(&connector, &options).await?;
    let server = Server::new(&options);
    let joined = joining::join(&mut link, &connector, &server).await?;
    let failed = |error| OpenError::of(&place, &schema, &error);
    let (scope, text) = (sample::scope(), in_schema(SCOPE, &schema));
    let row = link.query_one(&text, &[&&*scope.account, &&*scope.region]).await.map_err(failed)?;
    let scope_number = row.get(0);
    let mut connections = Vec::new();
    for lane in 0..LANES {
        let opened = Connection::open(&connector, joined.number, server.process, lane).await;
        let Opened::Lane(connection) = opened.map_err(failed)? else { continue };
        connections.push(*connection);
    }
    let mut spent = [Duration::ZERO; 2];
    let mut lives: Vec<Vec<Life>> = (0..connections.len())
        .map(|lane| (0..executions).map(|number| life(lane * executions + number)).collect())
        .collect();
    for round in 0..=steps {
        let prepared: Vec<Vec<Columns>> =
            lives.iter_mut().map(|it| groups(it, round, scope_number)).collect();
        let began = Instant::now();
        let mut written = tokio::task::JoinSet::new();
        for (connection, groups) in connections.drain(..).zip(prepared) {
            written.spawn(write(connection, groups, round == 0));
        }
        for connection in written.join_all().await {
            connections.push(connection.map_err(failed)?);
        }
        spent[round.min(1)] += began.elapsed();
    }
    nodes::leave(&mut link, &schema, joined.number).await.map_err(failed)?;
    let commits = (executions * usize::from(LANES.unsigned_abs())) as f64;
    let [starts, all_steps] = spent.map(|it| it.as_secs_f64());
    Ok(Limit { starts: commits / starts, steps: commits * steps as f64 / all_steps })
}

/// An execution that starts now, with an id as they are drawn.
pub fn life(number: usize) -> Life {
    let mut life = Life::new(number as u64);
    let id = uuid::Uuid::now_v7();
    life.header.id.0[6..].copy_from_slice(&id.as_bytes()[6..]);
    life.header.id.0[..6].copy_from_slice(&id.as_bytes()[..6]);
    life.execution.parameters.id = life.header.id;
    life
}

/// The next commits of these executions, in groups.
fn groups(lives: &mut [Life], round: usize, scope_number: i32) -> Vec<Columns> {
    let mut token = 0;
    let groups = lives.chunks_mut(GROUP).map(|group| {
        let rows = group.iter_mut().map(|life| {
            token += 1;
            let commit = if round == 0 { life.start() } else { life.pass(1) };
            CommitRow::new(commit, &Surroundings { era: 1, scope_number, token })
        });
        let mut rows: Vec<CommitRow> = rows.collect();
        rows.sort_by(columns::order);
        let rows: Vec<&CommitRow> = rows.iter().collect();
        if round == 0 { columns::starts(&rows) } else { columns::steps(&rows) }
    });
    groups.collect()
}

async fn write(
    connection: Connection,
    groups: Vec<Columns>,
    are_starts: bool,
) -> Result<Connection, tokio_postgres::Error> {
    let statement = if are_starts { &connection.starts } else { &connection.steps };
    for columns in &groups {
        let rows = connection.query(statement, columns).await?;
        assert!(rows.len() > 1, "nobody else has these names or executions");
    }
    Ok(connection)
}
