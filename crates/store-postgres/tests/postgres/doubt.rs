//! Connections are cut at any byte, and each commit is judged rightly all the same.

use std::sync::Arc;
use std::time::Duration;

use engine::Status;
use stairwell_store_postgres::{Address, PostgresStore};
use store::contract::sample::Life;
use store::{Commit, Store, StoreError};
use tokio::sync::watch;

use crate::proxy::Proxy;
use crate::server;

const LIVES: u64 = 12;
const CUTS_MIN: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_cut_is_judged_rightly() {
    let Some(server) = server::server(&["fsync=off"]) else { return };
    let proxy = Proxy::start(server.port, 17).await;
    let url = server.url_at(proxy.port, "doubt");
    let address = Address::parse(&url).expect("it is a URL");
    let store = Arc::new(server::open(address.clone()).await);
    proxy.cut_one_of(40);
    let mut lives = tokio::task::JoinSet::new();
    for number in 0..LIVES {
        let (store, proxy) = (store.clone(), proxy.clone());
        lives.spawn(async move { live(&store, &proxy, number).await });
    }
    let lives = lives.join_all().await;
    proxy.cut_one_of(0);
    for life in &lives {
        life.check(&*store).await;
    }
    // And what another process reads.
    store.close().await.expect("an open store can be closed");
    let store = server::open(address).await;
    for life in &lives {
        life.check(&store).await;
    }
    let statuses = "SELECT count(*) FROM doubt.executions WHERE status = 1 AND revision = \
        (SELECT max(revision) FROM doubt.history h WHERE h.id = executions.id)";
    assert_eq!(server.sql(statuses), LIVES.to_string());
    store.close().await.expect("an open store can be closed");
}

/// Lives a life, in which each step has a rival, until there were enough cuts.
async fn live(store: &PostgresStore, proxy: &Proxy, number: u64) -> Life {
    let mut life = Life::new(number);
    let start = life.start();
    commit(store, start).await.expect("nobody else has the name");
    for step in 0.. {
        if proxy.cuts() >= CUTS_MIN {
            break;
        }
        let (mut one, mut other) = (life.clone(), life);
        let (first, second) = (one.pass(step % 3 + 1), other.pass(step % 2 + 4));
        let (first, second) = tokio::join!(commit(store, first), commit(store, second));
        life = match (first, second) {
            (Ok(()), Err(StoreError::Conflict)) => one,
            (Err(StoreError::Conflict), Ok(())) => other,
            both => panic!("not one of two: {both:?}"),
        };
    }
    let end = life.end(Status::Succeeded);
    commit(store, end).await.expect("nobody else ends it");
    life
}

/// Commits, again where nothing was written; what is unknown for too long is none here, since the
/// database is never away for long.
async fn commit(store: &PostgresStore, commit: Commit) -> Result<(), StoreError> {
    loop {
        match store.commit(commit.clone()).await {
            Err(StoreError::Refused(_)) => {}
            done => return done,
        }
    }
}

const FENCES: usize = 12;

/// Commits until nothing more is to come: each commit again where nothing was written.
async fn live_on(store: &PostgresStore, mut life: Life, ends: watch::Receiver<bool>) -> Life {
    while !*ends.borrow() {
        let mut next = life.clone();
        let step = next.pass(1);
        life = match store.commit(step).await {
            Ok(()) => next,
            Err(StoreError::Elsewhere | StoreError::Refused(_)) => life,
            // A conflict would mean that it was written though that was denied.
            Err(error) => panic!("nobody else commits, and it is not away for long: {error:?}"),
        };
    }
    life
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_cut_while_the_server_is_fenced_is_judged_rightly() {
    let Some(server) = server::server(&["fsync=off"]) else { return };
    let proxy = Proxy::start(server.port, 23).await;
    let url = server.url_at(proxy.port, "fenced_doubt");
    let store = server::join(Address::parse(&url).expect("it is a URL"), "here").await;
    let store = Arc::new(store);
    let (end, ends) = watch::channel(false);
    let mut lives = tokio::task::JoinSet::new();
    for number in 0..LIVES {
        let (store, ends, mut life) = (store.clone(), ends.clone(), Life::new(number));
        lives.spawn(async move {
            let start = life.start();
            commit(&store, start).await.expect("nobody else has the name");
            live_on(&store, life, ends).await
        });
    }
    proxy.cut_one_of(60);
    let rows = || -> usize {
        server.sql("SELECT count(*) FROM fenced_doubt.history").parse().expect("a number")
    };
    for _ in 0..FENCES {
        // Nothing is written after the fence until it has joined anew.
        let begin = rows();
        while rows() < begin + 40 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server.sql("BEGIN; DELETE FROM fenced_doubt.nodes; DELETE FROM fenced_doubt.lanes; COMMIT");
    }
    end.send(true).expect("they listen");
    let lives = lives.join_all().await;
    println!("{} connections were cut, {} commits were written", proxy.cuts(), rows());
    assert!(proxy.cuts() > FENCES, "there were few cuts: {}", proxy.cuts());
    proxy.cut_one_of(0);
    let other = server::join(server.address("fenced_doubt"), "other").await;
    for life in &lives {
        life.check(&other).await;
    }
    let numbers = server.sql("SELECT max(node) FROM fenced_doubt.nodes");
    assert!(numbers.parse::<usize>().expect("a number") > FENCES, "it joined anew each time");
}
