//! Signs of life, by which a server that takes the database knows whether another one is there.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_postgres::Error;

use crate::connector::Link;
use crate::failure;
use crate::statements::{self, in_schema};
use crate::store::Shared;

const BEAT_INTERVAL: Duration = Duration::from_millis(500);
const ANSWER_MAX: Duration = Duration::from_secs(15);

/// Beats until the store is closed.
pub(crate) async fn run(shared: Arc<Shared>, mut end: watch::Receiver<bool>) {
    let mut beats = tokio::time::interval(BEAT_INTERVAL);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut link: Option<Link> = None;
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
        if let Err(error) = beat(&shared, open).await {
            let reason = failure::describe(&error);
            tracing::warn!(reason, "no sign of life could be given");
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
