//! Reading what is due and open in homes that were taken.
//!
//! A home is held as soon as its executions are known, and not before: nobody commits to them
//! meanwhile, so what is read is what is there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use engine::{Home, Status, Timestamp};
use store::cluster::{HomeRow, NodeNumber};
use store::encoding::status_number;
use store::{Agenda, StoreError};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::agendas::Live;
use crate::reads::execution_id;
use crate::statements;
use crate::store::Shared;

/// So many executions are read at once.
const CHUNK: i64 = 5_000;
/// Where more homes than that are taken at once, the executions of all homes are read, which costs
/// less.
const SINGLE_MAX: usize = 64;
/// Between two attempts while the database is away.
const PAUSE: Duration = Duration::from_millis(200);

/// Reads the executions of homes that were taken under that number, and holds them then.
pub(crate) fn start(shared: &Arc<Shared>, number: NodeNumber, homes: Vec<HomeRow>) {
    if homes.is_empty() {
        return;
    }
    let shared = shared.clone();
    tokio::spawn(async move {
        let mut left: BTreeMap<Home, HomeRow> =
            homes.into_iter().map(|row| (row.home, row)).collect();
        let mut end = shared.end.subscribe();
        loop {
            let restored = tokio::select! {
                biased;
                // A store that is dropped ends as one that is closed.
                _ = end.wait_for(|ended| *ended) => return,
                restored = shared.restore(number, &mut left) => restored,
            };
            let Err(error) = restored else { return };
            if shared.cluster.number() != Some(number) {
                return;
            }
            tracing::warn!(%error, "the executions of homes that were taken could not be read");
            tokio::time::sleep(PAUSE).await;
        }
    });
}

impl Shared {
    /// Holds each home as soon as its executions are known. What is left is not held yet.
    async fn restore(
        &self,
        number: NodeNumber,
        left: &mut BTreeMap<Home, HomeRow>,
    ) -> Result<(), StoreError> {
        if left.len() > SINGLE_MAX {
            return self.restore_many(number, left).await;
        }
        while let Some(row) = left.values().next().copied() {
            let (home, mut after) = (i32::from(row.home.0), Uuid::nil());
            let mut live = Vec::new();
            loop {
                let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
                    [&home, &after, &CHUNK];
                let rows = self.readers.query(statements::LIVE_AT, &parameters).await?;
                live.extend(self.live(&rows.iter().collect::<Vec<_>>()).await?);
                match rows.last() {
                    Some(last) if rows.len() as i64 == CHUNK => after = last.get("id"),
                    _ => break,
                }
            }
            self.cluster.change(|state| state.restored(number, &[row], &live));
            left.remove(&row.home);
        }
        Ok(())
    }

    async fn restore_many(
        &self,
        number: NodeNumber,
        left: &mut BTreeMap<Home, HomeRow>,
    ) -> Result<(), StoreError> {
        let (mut home, mut id) = (-1_i32, Uuid::nil());
        let mut live = Vec::new();
        loop {
            let rows = self.readers.query(statements::LIVE, &[&home, &id, &CHUNK]).await?;
            let wanted = |row: &&Row| home_of(row).is_some_and(|home| left.contains_key(&home));
            live.extend(self.live(&rows.iter().filter(wanted).collect::<Vec<_>>()).await?);
            let last = rows.last().map(|row| (row.get::<_, i32>("home"), row.get("id")));
            // The homes before the last one are complete.
            let known = match last {
                Some((last, _)) => {
                    let last = Home(u16::try_from(last).unwrap_or(u16::MAX));
                    let rest = left.split_off(&last);
                    std::mem::replace(left, rest)
                }
                None => std::mem::take(left),
            };
            let known_rows: Vec<HomeRow> = known.values().copied().collect();
            let (now, later): (Vec<Live>, Vec<Live>) =
                live.into_iter().partition(|one| known.contains_key(&one.id.home()));
            live = later;
            self.cluster.change(|state| state.restored(number, &known_rows, &now));
            let Some(next) = last else { return Ok(()) };
            (home, id) = next;
        }
    }

    /// The executions of rows, with the agendas that hold. What cannot be read is left out: it is
    /// told when somebody asks for it, and everything else goes on.
    async fn live(&self, rows: &[&Row]) -> Result<Vec<Live>, StoreError> {
        let ids = rows.iter().map(|row| execution_id(row.get("id"))).collect();
        let newest = self.newest(ids).await?;
        let mut live = Vec::with_capacity(rows.len());
        for row in rows {
            let id = execution_id(row.get("id"));
            let scope = self.known_scope(row.get("scope")).await?;
            let (Some(scope), Some(newest)) = (scope, newest.get(&id)) else {
                tracing::error!(%id, "an open execution has no history, or no scope");
                continue;
            };
            // An agenda that is later than the newest records is in the execution's own row.
            let is_own = row.get::<_, i32>("agenda_of") == newest.get::<_, i32>("revision");
            let holder = if is_own { row } else { newest };
            let agenda = Agenda {
                due: holder.get::<_, Option<i64>>("due").map(Timestamp),
                has_effects: holder.get("effects"),
                heartbeats: Vec::new(),
            };
            let running = i16::from(status_number(Status::Running));
            let is_open = row.get::<_, i16>("status") == running;
            live.push(Live { id, scope, is_open, agenda });
        }
        Ok(live)
    }
}

fn home_of(row: &Row) -> Option<Home> {
    u16::try_from(row.get::<_, i32>("home")).ok().map(Home)
}
