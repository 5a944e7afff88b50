//! Pages of history.

use std::sync::Arc;

use engine::{HistoryEvent, Status};

use super::sample::Life;
use crate::Store;

pub(super) async fn pages_join_to_the_whole(store: &Arc<dyn Store>) {
    let mut life = Life::new(1);
    // Neighbours, whose rows must not be seen.
    for number in [0, 2] {
        let mut neighbour = Life::new(number);
        store.commit(neighbour.start()).await.expect("a new name");
        store.commit(neighbour.pass(2)).await.expect("nobody else commits");
    }
    store.commit(life.start()).await.expect("a new name");
    for states in [1, 4, 1] {
        store.commit(life.pass(states)).await.expect("nobody else commits");
    }
    // A row with no event at the end, and one in between.
    store.commit(life.remark()).await.expect("nobody else commits");
    check_pages(&**store, &life).await;
    store.commit(life.pass(2)).await.expect("nobody else commits");
    store.commit(life.end(Status::Succeeded)).await.expect("nobody else commits");
    check_pages(&**store, &life).await;
}

async fn check_pages(store: &dyn Store, life: &Life) {
    for limit in 1..=life.events.len() + 1 {
        for reverse in [false, true] {
            let pages = pages(store, life, limit, reverse).await;
            let full = pages.iter().rev().skip(1).all(|page| page.len() == limit);
            assert!(full, "all pages but the last are full: limit {limit}");
            assert!(pages.iter().all(|page| !page.is_empty()), "none is empty: limit {limit}");
            let mut events = pages.concat();
            if reverse {
                events.reverse();
            }
            assert_eq!(events, life.events, "limit {limit}, reverse {reverse}");
        }
    }
    let least = store.history(life.id(), None, 0, false).await.expect("readable");
    assert_eq!(least.events, life.events[..1], "there is always one");
}

async fn pages(
    store: &dyn Store,
    life: &Life,
    limit: usize,
    reverse: bool,
) -> Vec<Vec<HistoryEvent>> {
    let mut pages = Vec::new();
    let mut from = None;
    loop {
        let page = store.history(life.id(), from, limit, reverse).await.expect("readable");
        pages.push(page.events);
        from = page.next;
        if from.is_none() {
            return pages;
        }
    }
}

pub(super) async fn large_payloads_make_short_pages(store: &Arc<dyn Store>) {
    let mut life = Life::new(1);
    store.commit(life.start()).await.expect("a new name");
    for _ in 0..40 {
        store.commit(life.pass_bytes(250_000)).await.expect("nobody else commits");
    }
    let pages = pages(&**store, &life, 1000, false).await;
    assert!(pages.len() > 1, "ten megabytes are more than a page");
    assert_eq!(pages.concat(), life.events);
}
