//! What is done from time to time: new eras, and dropping what is left of old ones.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use engine::Timestamp;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_postgres::Error;
use uuid::Uuid;

use crate::connector::Link;
use crate::eras::{Era, Eras};
use crate::reads::{execution_id, uuid};
use crate::statements::{self, in_schema};
use crate::store::Shared;
use crate::{failure, migrations};

/// Between two looks at whether a new era is due.
const ERA_INTERVAL: Duration = Duration::from_secs(60);
/// Between two looks at what is left of old eras.
const DROP_INTERVAL: Duration = Duration::from_secs(3_600);

/// Rows of an old era that are looked at together.
const SWEPT: i64 = 5_000;
/// Deletes those among some rows whose execution is not there any more. Gives the last execution
/// that was looked at, and how many rows were deleted.
const SWEEP: &str = "WITH looked_at AS (
  SELECT DISTINCT id FROM (SELECT id FROM stairwell.history WHERE era = $1 AND id > $2
    ORDER BY id LIMIT $3) AS r),
gone AS (
  DELETE FROM stairwell.history h USING looked_at s WHERE h.era = $1 AND h.id = s.id
    AND NOT EXISTS (SELECT FROM stairwell.executions e WHERE e.id = s.id) RETURNING h.id)
SELECT (SELECT id FROM looked_at ORDER BY id DESC LIMIT 1), (SELECT count(*) FROM gone)";

/// Looks after the tables until the store is closed, on a connection that is made when it is due.
/// Of several servers, the one with the least number does it; should two for a moment, no harm is
/// done.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut end = shared.end.subscribe();
    let mut rounds = tokio::time::interval(ERA_INTERVAL);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut drop_due = Instant::now();
    loop {
        tokio::select! {
            biased;
            // A store that is dropped ends as one that is closed.
            _ = end.wait_for(|ended| *ended) => return,
            _ = rounds.tick() => {}
        }
        if !shared.cluster.is_first() {
            continue;
        }
        let has_new = shared.eras.read().next(now(), shared.era_milliseconds).is_some();
        let is_drop_due = Instant::now() >= drop_due;
        if !has_new && !is_drop_due {
            continue;
        }
        let Ok(link) = shared.connector.connect_soon().await else { continue };
        let round = async {
            make_era(&shared, &link).await?;
            if is_drop_due {
                drop_due = Instant::now() + DROP_INTERVAL;
                forget(&shared, &link).await?;
                drop_eras(&shared, &link).await?;
            }
            Ok::<(), Error>(())
        };
        if let Err(error) = round.await {
            let reason = failure::describe(&error);
            tracing::warn!(reason, "the partitions of history could not be looked after");
        }
    }
}

/// What was removed is told to the others for an hour.
async fn forget(shared: &Shared, link: &Link) -> Result<(), Error> {
    let text = "DELETE FROM stairwell.forgotten WHERE since < now() - interval '1 hour'";
    link.execute(&in_schema(text, &shared.connector.address.schema), &[]).await?;
    Ok(())
}

/// Announces a new era, where the newest is old enough. It begins later than any execution that is
/// there, whatever the clock was when that started.
async fn make_era(shared: &Shared, link: &Link) -> Result<(), Error> {
    let next = |now| shared.eras.read().next(now, shared.era_milliseconds);
    if next(now()).is_none() {
        return Ok(());
    }
    let text = "SELECT id FROM stairwell.executions ORDER BY id DESC LIMIT 1";
    let text = in_schema(text, &shared.connector.address.schema);
    let newest = link.query_opt(&text, &[]).await?;
    let newest = newest.map_or(Timestamp(0), |row| execution_id(row.get(0)).start());
    let Some(Era { since, number }) = next(now().max(newest)) else { return Ok(()) };
    make_partition(link, shared, number).await;
    let text = "INSERT INTO stairwell.eras (era, since) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    let text = in_schema(text, &shared.connector.address.schema);
    link.execute(&text, &[&number, &since]).await?;
    let eras = read_eras(link, shared).await?;
    tracing::info!(number, since, "a new partition of history begins");
    *shared.eras.write() = eras;
    Ok(())
}

/// Makes the partition of an era, where it is not there. What fails is met by whoever writes to it.
pub(crate) async fn make_partition(link: &Link, shared: &Shared, era: i32) {
    for text in migrations::partition(&shared.connector.address.schema, era) {
        if let Err(error) = link.batch_execute(&text).await {
            let reason = failure::describe(&error);
            tracing::debug!(reason, era, "the partition is not made here");
        }
    }
}

async fn read_eras(link: &Link, shared: &Shared) -> Result<Eras, Error> {
    let text = in_schema(statements::ERAS, &shared.connector.address.schema);
    let rows = link.query(&text, &[]).await?;
    let eras = rows.iter().map(|row| Era { number: row.get(0), since: row.get(1) });
    Ok(Eras::new(eras.collect()))
}

/// Drops the partitions of eras of which no execution is left, and sweeps the others.
async fn drop_eras(shared: &Shared, link: &Link) -> Result<(), Error> {
    let schema = &shared.connector.address.schema;
    let settled = shared.eras.read().settled(now());
    for (era, first, end) in settled {
        let text = "SELECT EXISTS (SELECT FROM stairwell.executions WHERE id >= $1 AND id < $2)";
        let row = link.query_one(&in_schema(text, schema), &[&uuid(first), &uuid(end)]).await?;
        let Era { number, .. } = era;
        if row.get::<_, bool>(0) {
            sweep(shared, link, number).await?;
            continue;
        }
        // It waits for whoever still reads of it, for as long as that takes.
        link.batch_execute("SET statement_timeout = 0; SET lock_timeout = 0").await?;
        let table = format!("stairwell.history_{number}");
        let detached = detach(link, schema, &table).await;
        link.batch_execute("SET statement_timeout = '5s'; SET lock_timeout = '2s'").await?;
        detached?;
        link.batch_execute(&in_schema(&format!("DROP TABLE IF EXISTS {table}"), schema)).await?;
        let text = in_schema("DELETE FROM stairwell.eras WHERE era = $1", schema);
        link.execute(&text, &[&number]).await?;
        let eras = read_eras(link, shared).await?;
        *shared.eras.write() = eras;
        tracing::info!(number, "a partition of history was dropped: nothing of it is left");
    }
    Ok(())
}

/// Deletes the rows of executions that were removed, where others of their era are kept for longer.
async fn sweep(shared: &Shared, link: &Link, era: i32) -> Result<(), Error> {
    let text = in_schema(SWEEP, &shared.connector.address.schema);
    let statement = link.prepare(&text).await?;
    let (mut after, mut all) = (Uuid::nil(), 0_i64);
    loop {
        let began = Instant::now();
        let row = link.query_one(&statement, &[&era, &after, &SWEPT]).await?;
        all += row.get::<_, i64>(1);
        let Some(last) = row.get(0) else { break };
        after = last;
        // Half of the time is left to others.
        tokio::time::sleep(began.elapsed()).await;
    }
    if all > 0 {
        tracing::info!(rows = all, era, "deleted what removed executions left in a partition");
    }
    Ok(())
}

/// Takes a partition out, without stopping those who write to the others.
async fn detach(link: &Link, schema: &str, table: &str) -> Result<(), Error> {
    let detach = |how: &str| {
        in_schema(&format!("ALTER TABLE stairwell.history DETACH PARTITION {table} {how}"), schema)
    };
    let Err(error) = link.batch_execute(&detach("CONCURRENTLY")).await else { return Ok(()) };
    match error.code().map(|code| code.code()) {
        // One that was begun and broken off is finished.
        Some("55000") => link.batch_execute(&detach("FINALIZE")).await,
        // It is not attached any more, or not there.
        Some("42P01") => Ok(()),
        _ => Err(error),
    }
}

pub(crate) fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
}
