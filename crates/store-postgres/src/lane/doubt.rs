//! What a lane does after its connection was lost with a group under way.

use std::collections::HashSet;

use store::StoreError;
use tokio_postgres::Error;
use uuid::Uuid;

use super::{CONNECT_PAUSE, Lane, Witness, expire};
use crate::commit_row::{CommitKind, CommitRow};
use crate::connector::Link;
use crate::statements::{self, in_schema};
use crate::work::{Removed, Task, Work};

impl Lane {
    /// Finds out what was written, answers those, and gives back what is to be done again.
    pub(super) async fn resolve(&mut self, mut group: Vec<Work>) -> Vec<Work> {
        let shared = self.shared.clone();
        // Until it is known, nobody reads what may change a moment later.
        let _doubt = shared.gate.close();
        let unknown = || StoreError::Unknown("the connection to the database was lost".to_owned());
        loop {
            for work in group.iter_mut().filter(|work| work.is_late()) {
                work.fail(unknown());
            }
            self.expire_waiting();
            if self.shared.failure_reason().is_some() || self.inbox.is_closed() {
                group.iter_mut().for_each(|work| work.fail(unknown()));
                return Vec::new();
            }
            if let Err(reason) = self.look(&mut group).await {
                tracing::debug!(reason, "no connection to the database");
                self.connection = None;
                tokio::time::sleep(CONNECT_PAUSE).await;
                continue;
            }
            return group;
        }
    }

    /// What waits behind a group in doubt was not sent.
    fn expire_waiting(&mut self) {
        while let Ok(work) = self.inbox.try_recv() {
            self.queue.push_back(work);
        }
        let mut waiting: Vec<Work> = self.queue.drain(..).collect();
        expire(&mut waiting);
        self.queue.extend(waiting);
    }

    /// Connects and looks: the group is what is to be done again, then. Where the lane's row is
    /// gone, the server that took it away waited for what was under way: nothing is written late
    /// either.
    async fn look(&mut self, group: &mut Vec<Work>) -> Result<(), String> {
        let fenced = self.connect().await?;
        let schema = self.shared.connector.address.schema.clone();
        let link = match (&fenced, &self.connection) {
            (Some(link), _) => link,
            (None, Some(connection)) => &connection.link,
            (None, None) => return Err("no connection".to_owned()),
        };
        let failed = |error: Error| crate::failure::describe(&error);
        let rows = group.iter().filter_map(|work| match &work.task {
            Task::Commit(row, _) if row.kind != CommitKind::Agenda => Some(witness(row)),
            _ => None,
        });
        let found = find(link, &schema, &rows.collect::<Vec<_>>()).await.map_err(failed)?;
        let mut removed = Vec::new();
        for work in &*group {
            removed.push(match &work.task {
                Task::Removal(removed, _) => {
                    is_removed(link, &schema, removed).await.map_err(failed)?
                }
                Task::Commit(..) | Task::Resource(..) => false,
            });
        }
        let mut left = Vec::new();
        for (mut work, is_removed) in std::mem::take(group).into_iter().zip(removed) {
            match &mut work.task {
                Task::Commit(row, _) if row.kind == CommitKind::Agenda => {
                    work.is_due = true;
                    left.push(work);
                }
                Task::Commit(row, _) if found.contains(&row.token) => self.written(work),
                Task::Removal(..) if is_removed => self.written(work),
                Task::Resource(..) => {
                    let reason = "the connection was lost while a resource was written";
                    work.fail(StoreError::Unknown(reason.to_owned()));
                }
                Task::Commit(..) | Task::Removal(..) => left.push(work),
            }
        }
        *group = left;
        Ok(())
    }

    /// Looks for a commit that was answered: where it is missing, the database has lost it.
    pub(super) async fn check_witness(&self, link: &Link) -> Result<(), String> {
        let Some(witness) = self.witness else { return Ok(()) };
        let schema = &self.shared.connector.address.schema;
        let found = find(link, schema, &[witness]).await;
        let found = found.map_err(|error| crate::failure::describe(&error))?;
        if found.is_empty() && self.shared.eras.read().keeps(witness.era, crate::upkeep::now()) {
            self.shared.lost_commits();
        }
        Ok(())
    }
}

/// The tokens of those that are there.
async fn find(link: &Link, schema: &str, rows: &[Witness]) -> Result<HashSet<i64>, Error> {
    if rows.is_empty() {
        return Ok(HashSet::new());
    }
    let eras: Vec<i32> = rows.iter().map(|row| row.era).collect();
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let revisions: Vec<i32> = rows.iter().map(|row| row.revision).collect();
    let tokens: Vec<i64> = rows.iter().map(|row| row.token).collect();
    let text = in_schema(statements::TOKENS, schema);
    let found = link.query(&text, &[&eras, &ids, &revisions, &tokens]).await?;
    Ok(found.iter().map(|row| row.get(0)).collect())
}

async fn is_removed(link: &Link, schema: &str, removed: &[Removed]) -> Result<bool, Error> {
    let ids: Vec<Uuid> = removed.iter().map(|one| Uuid::from_bytes(one.id.0)).collect();
    let text = in_schema(statements::THERE, schema);
    let there: i64 = link.query_one(&text, &[&ids]).await?.get(0);
    Ok(there == 0)
}

fn witness(row: &CommitRow) -> Witness {
    let CommitRow { era, id, revision, token, .. } = *row;
    Witness { era, id, revision, token }
}
