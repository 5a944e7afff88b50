//! What a store does by itself: signs of life, new eras, and dropping those of which nothing is
//! left.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use engine::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_postgres::Error;

use crate::connector::Link;
use crate::eras::{Era, Eras};
use crate::reads::uuid;
use crate::statements::{self, in_schema};
use crate::store::Shared;
use crate::{failure, migrations};

const BEAT_INTERVAL: Duration = Duration::from_millis(500);
/// Between two looks at whether a new era is due.
const ERA_INTERVAL: Duration = Duration::from_secs(60);
/// Between two looks at whether an old era is empty.
const DROP_INTERVAL: Duration = Duration::from_secs(3_600);
const ANSWER_MAX: Duration = Duration::from_secs(15);

/// Keeps the store until it is closed.
pub(crate) async fn run(shared: Arc<Shared>, mut end: watch::Receiver<bool>) {
    let mut beats = tokio::time::interval(BEAT_INTERVAL);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut link: Option<Link> = None;
    let (mut era_due, mut drop_due) = (Instant::now(), Instant::now());
    loop {
        tokio::select! {
            biased;
            // A store that is dropped ends as one that is closed.
            _ = end.wait_for(|ended| *ended) => return,
            _ = beats.tick() => {}
        }
        if link.as_ref().is_none_or(|link| link.is_closed()) {
            link = connect(&shared).await;
        }
        let Some(open) = &link else { continue };
        let round = async {
            beat(&shared, open).await?;
            if Instant::now() >= era_due {
                era_due = Instant::now() + ERA_INTERVAL;
                make_era(&shared, open).await?;
            }
            if Instant::now() >= drop_due {
                drop_due = Instant::now() + DROP_INTERVAL;
                drop_eras(&shared, open).await?;
            }
            Ok::<(), Error>(())
        };
        if let Err(error) = round.await {
            let reason = failure::describe(&error);
            tracing::warn!(reason, "the database could not be looked after");
            link = None;
        }
    }
}

/// Beats need no flush: a beat that is lost with the database's machine is beaten again.
async fn connect(shared: &Shared) -> Option<Link> {
    let link = shared.connector.connect_soon().await.ok()?;
    link.batch_execute("SET synchronous_commit = off").await.ok()?;
    Some(link)
}

async fn beat(shared: &Shared, link: &Link) -> Result<(), Error> {
    let text = in_schema(statements::BEAT, &shared.connector.address.schema);
    let beat = async { link.execute(&text, &[&shared.node]).await };
    let beat = tokio::time::timeout(ANSWER_MAX, beat);
    // One that does not answer is found closed, or answers later.
    if let Ok(beaten) = beat.await
        && beaten? == 0
    {
        shared.fenced();
    }
    Ok(())
}

/// Announces a new era, where the newest is old enough.
async fn make_era(shared: &Shared, link: &Link) -> Result<(), Error> {
    let next = shared.eras.read().next(now(), shared.era_milliseconds);
    let Some(Era { since, number }) = next else { return Ok(()) };
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

pub(crate) async fn read_eras(link: &Link, shared: &Shared) -> Result<Eras, Error> {
    let text = in_schema(statements::ERAS, &shared.connector.address.schema);
    let rows = link.query(&text, &[]).await?;
    let eras = rows.iter().map(|row| Era { number: row.get(0), since: row.get(1) });
    Ok(Eras::new(eras.collect()))
}

/// Drops the partitions of eras of which no execution is left.
async fn drop_eras(shared: &Shared, link: &Link) -> Result<(), Error> {
    let schema = &shared.connector.address.schema;
    let settled = shared.eras.read().settled(now());
    for (era, first, end) in settled {
        let text = "SELECT EXISTS (SELECT FROM stairwell.executions WHERE id >= $1 AND id < $2)";
        let row = link.query_one(&in_schema(text, schema), &[&uuid(first), &uuid(end)]).await?;
        if row.get::<_, bool>(0) {
            continue;
        }
        let Era { number, .. } = era;
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

fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
}
