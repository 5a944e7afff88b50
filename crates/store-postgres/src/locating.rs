//! Where executions are driven.

use std::time::Duration;

use engine::Home;
use store::StoreError;
use store::cluster::{Node, NodeNumber, Place};
use tokio::sync::oneshot;

use crate::beats::Ask;
use crate::nodes::home_row;
use crate::statements;
use crate::store::Shared;

/// For how long it is waited for a home whose executions are being read.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// How often it is looked, where homes change hands meanwhile.
const LOOKS_MAX: usize = 8;

impl Shared {
    /// Where the executions of a home are driven. Takes it where nobody holds it. Here, where this
    /// node holds it; for sure, if that is asked for.
    ///
    /// # Errors
    /// `Refused` where it cannot be found out now.
    pub(crate) async fn locate(&self, home: Home, for_sure: bool) -> Result<Place, StoreError> {
        for _ in 0..LOOKS_MAX {
            if self.is_here(home, for_sure) {
                return Ok(Place::Here);
            }
            // One that may have been fenced finds that out first.
            let Some(me) = self.cluster.sure_number() else {
                self.turn().await?;
                continue;
            };
            let rows = self.readers.query(statements::HOLDER, &[&i32::from(home.0)]).await?;
            let row = rows.first();
            let known = row.and_then(home_row);
            let address = row.and_then(|row| row.get::<_, Option<&str>>("address"));
            match (known, known.and_then(|row| row.holder), address) {
                (Some(_), Some(holder), Some(_)) if holder == me => self.own(home, me).await?,
                (Some(row), Some(number), Some(address)) => {
                    self.cluster.change(|state| state.learned(row));
                    return Ok(Place::At(Node { number, address: address.into() }));
                }
                _ => {
                    let (reply, answer) = oneshot::channel();
                    self.ask(Ask::Take(home, known, reply))?;
                    answer.await.map_err(|_| away())??;
                    self.settled(home, me).await?;
                }
            }
        }
        Err(StoreError::Refused("the home of the execution changes hands".to_owned()))
    }

    fn is_here(&self, home: Home, for_sure: bool) -> bool {
        match for_sure {
            true => self.cluster.tenure(home).is_some(),
            false => self.cluster.is_held(home),
        }
    }

    /// The home's row names this node: either it was not sure that it lives, or the executions of
    /// the home are not known yet.
    async fn own(&self, home: Home, me: NodeNumber) -> Result<(), StoreError> {
        self.turn().await?;
        self.settled(home, me).await
    }

    /// Waits until a home that was taken is held, or lost again.
    async fn settled(&self, home: Home, me: NodeNumber) -> Result<(), StoreError> {
        let mut changes = self.cluster.changes();
        let is_settled = async {
            while self.cluster.number() == Some(me)
                && self.cluster.look(|state| state.is_restoring(home))
            {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        let late = "the executions of its home are being read";
        let is_settled = tokio::time::timeout(WAIT_MAX, is_settled).await;
        is_settled.map_err(|_| StoreError::Refused(late.to_owned()))
    }

    /// Raises the beat, reads all rows, and does what is to be done then.
    async fn turn(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Ask::Turn(reply))?;
        match answer.await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(away()),
        }
    }

    fn ask(&self, ask: Ask) -> Result<(), StoreError> {
        self.asks.send(ask).map_err(|_| StoreError::Refused("the store is closed".to_owned()))
    }
}

fn away() -> StoreError {
    StoreError::Refused("the database cannot be asked which node drives the execution".to_owned())
}
