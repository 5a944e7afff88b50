//! Connections that have not proved themselves: there are few of them at a time, and a new one
//! takes the place of an old one of the address that has the most.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// How many there may be.
const STRANGERS_MAX: usize = 64;

/// Those that there are.
#[derive(Default)]
pub(crate) struct Strangers {
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    last: u64,
    /// In the order in which they came.
    strangers: BTreeMap<u64, (IpAddr, Arc<Notify>)>,
}

/// A connection's place among them, until it is dropped.
pub(crate) struct Place {
    strangers: Arc<Strangers>,
    number: u64,
    lost: Arc<Notify>,
}

impl Strangers {
    /// A place for a connection from that address.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Place {
        let mut open = self.open.lock();
        if open.strangers.len() >= STRANGERS_MAX {
            open.drop_one();
        }
        open.last += 1;
        let (number, lost) = (open.last, Arc::<Notify>::default());
        open.strangers.insert(number, (address, lost.clone()));
        Place { strangers: self.clone(), number, lost }
    }
}

impl Open {
    /// Takes the place of the one that has been there for longest, of the address with the most.
    fn drop_one(&mut self) {
        let mut counts = HashMap::<IpAddr, usize>::new();
        self.strangers.values().for_each(|(address, _)| *counts.entry(*address).or_default() += 1);
        let most = counts.values().copied().max().unwrap_or_default();
        let oldest = self.strangers.iter().find(|(_, (address, _))| counts[address] == most);
        if let Some(number) = oldest.map(|(number, _)| *number)
            && let Some((_, lost)) = self.strangers.remove(&number)
        {
            lost.notify_one();
        }
    }
}

impl Place {
    /// Returns when somebody else has got it.
    pub(crate) async fn lost(&self) {
        self.lost.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.strangers.open.lock().strangers.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn is_lost(place: &Place) -> bool {
        tokio::time::timeout(Duration::ZERO, place.lost()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_from_one_address_costs_the_others_nothing() {
        let strangers = Arc::<Strangers>::default();
        let node = strangers.admit([10, 0, 0, 1].into());
        let flood = Vec::from_iter((0..200).map(|_| strangers.admit([10, 0, 0, 2].into())));
        assert!(!is_lost(&node).await);
        assert_eq!(strangers.open.lock().strangers.len(), STRANGERS_MAX);
        assert!(is_lost(&flood[0]).await, "the oldest goes");
        assert!(!is_lost(&flood[199]).await, "the newest has come");
        drop(flood);
        assert_eq!(strangers.open.lock().strangers.len(), 1);
    }
}
