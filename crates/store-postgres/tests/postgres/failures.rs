//! What the store does while the database fails.

use std::slice;
use std::time::Duration;

use engine::Status;
use stairwell_store_postgres::Address;
use store::contract::sample::{Life, scope};
use store::{ResourceKey, ResourceKind, Store, StoreError};

use crate::proxy::Proxy;
use crate::server;

/// Has inserts of history fail for some executions.
const BREAK: &str = "CREATE FUNCTION SCHEMA.fail() RETURNS trigger LANGUAGE plpgsql AS $$ \
    BEGIN IF CONDITION THEN RAISE EXCEPTION 'no' USING ERRCODE = 'STATE'; END IF; RETURN NEW; END \
    $$; CREATE TRIGGER fail BEFORE INSERT ON SCHEMA.history FOR EACH ROW EXECUTE FUNCTION \
    SCHEMA.fail()";

fn breaking(schema: &str, condition: &str, state: &str) -> String {
    let text = BREAK.replace("SCHEMA", schema).replace("CONDITION", condition);
    text.replace("STATE", state)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_commits_until_there_is_room() {
    let Some(server) = server::server(&["fsync=off"]) else { return };
    let store = server::open(server.address("filled")).await;
    let mut life = Life::new(1);
    store.commit(life.start()).await.expect("a new name");
    server.sql(&breaking("filled", "true", "53100"));
    let mut other = life.clone();
    let refused = store.commit(other.pass(1)).await;
    assert!(matches!(&refused, Err(StoreError::Refused(why)) if why.contains("53100")));
    life.check(&store).await;
    server.sql("DROP TRIGGER fail ON filled.history");
    store.commit(life.pass(1)).await.expect("there is room");
    life.check(&store).await;

    // One row that the database does not take is nobody else's fault.
    server.sql("DROP FUNCTION filled.fail()");
    let mut lives: Vec<Life> = (10..40).map(Life::new).collect();
    let bad = lives[7].id();
    let condition = format!("NEW.id = '{bad}'");
    server.sql(&breaking("filled", &condition, "22023"));
    let starts: Vec<_> = lives.iter_mut().map(|life| (life.id(), life.start())).collect();
    let store = std::sync::Arc::new(store);
    let mut commits = tokio::task::JoinSet::new();
    for (id, start) in starts {
        let store = store.clone();
        commits.spawn(async move { (id, store.commit(start).await) });
    }
    for (id, result) in commits.join_all().await {
        match id == bad {
            true => assert!(matches!(result, Err(StoreError::Corrupt(_))), "{result:?}"),
            false => assert_eq!(result, Ok(()), "{id}"),
        }
    }
    assert_eq!(store.header(bad).await, Ok(None));
    assert_eq!(store.find_execution(&lives[7].header.arn).await, Ok(None), "the name is free");
    assert_eq!(store.open_count(&scope()).await, Ok(30));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_killed_loses_nothing_that_was_answered() {
    let Some(mut server) = server::server(&[]) else { return };
    let store = std::sync::Arc::new(server::open(server.address("killed")).await);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut lives = tokio::task::JoinSet::new();
    for number in 0..8 {
        let (store, stopped) = (store.clone(), stopped.clone());
        lives.spawn(async move {
            let mut life = Life::new(number);
            let start = life.start();
            store.commit(start).await.expect("a new name");
            while !*stopped.borrow() {
                let step = life.pass(1);
                let done = store.commit(step).await;
                assert_eq!(done, Ok(()), "the database was back within ten seconds");
            }
            life
        });
    }
    for _ in 0..2 {
        let begin: u32 =
            server.sql("SELECT count(*) FROM killed.history").parse().expect("a number");
        while server.sql("SELECT count(*) FROM killed.history").parse::<u32>().expect("a number")
            < begin + 40
        {
            tokio::task::yield_now().await;
        }
        server.kill();
        server.run();
    }
    stop.send(true).expect("they listen");
    let lives = lives.join_all().await;
    for life in &lives {
        life.check(&*store).await;
    }
    store.close().await.expect("an open store can be closed");
    let store = server::open(server.address("killed")).await;
    for life in &lives {
        life.check(&store).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_lost_what_was_answered_is_not_served_from() {
    let Some(server) = server::server(&["fsync=off"]) else { return };
    let store = server::open(server.address("lost")).await;
    let mut life = Life::new(1);
    store.commit(life.start()).await.expect("a new name");
    store.commit(life.pass(1)).await.expect("nobody else commits");
    let failure = store.failure();
    // As if a standby had been promoted that was behind.
    server.sql("DELETE FROM lost.history WHERE revision = 2");
    // The lane notices where it lost its connection with a commit under way.
    server.sql(&breaking("lost", "true", "57P01"));
    let refused = store.commit(Life::new(2).start()).await;
    assert!(refused.is_err(), "{refused:?}");
    assert!(failure.await.contains("lost commits"));
    assert!(matches!(store.commit(life.pass(1)).await, Err(StoreError::Refused(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_rows_are_gone_writes_nothing_until_it_has_joined_anew() {
    let Some(server) = server::server(&["fsync=off"]) else { return };
    let store = server::open(server.address("fenced")).await;
    let (mut life, mut gone) = (Life::new(1), Life::new(2));
    store.commit(life.start()).await.expect("a new name");
    store.commit(gone.start()).await.expect("a new name");
    store.commit(gone.end(Status::Failed)).await.expect("nobody else commits");
    store.hold_beats(true);
    server.sql("DELETE FROM fenced.lanes; DELETE FROM fenced.nodes");
    let before = server.sql("SELECT count(*) FROM fenced.history");
    let mut late = life.clone();
    assert_eq!(store.commit(late.pass(1)).await, Err(StoreError::Elsewhere));
    assert_eq!(server.sql("SELECT count(*) FROM fenced.history"), before);
    // The next that asks finds that nobody holds the home, once it has joined anew.
    store.commit(life.pass(1)).await.expect("nobody holds the home");
    life.check(&store).await;
    let key = ResourceKey { kind: ResourceKind::Activity, scope: scope(), name: "a".into() };
    store.write_resource(&key, None, Some(vec![1])).await.expect("it is not there");
    store.remove(slice::from_ref(&gone.header)).await.expect("it is there");
    assert_eq!(server.sql("SELECT node FROM fenced.nodes"), "2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_served_alone_and_was_replaced_ends() {
    let Some(server) = server::server(&["fsync=off"]) else { return };
    let first = server::open(server.address("replaced")).await;
    let (mut life, failure) = (Life::new(1), first.failure());
    first.commit(life.start()).await.expect("a new name");
    first.hold_beats(true);
    let options = server::options("elsewhere");
    let second = stairwell_store_postgres::PostgresStore::open(server.address("replaced"), options);
    let second = second.await.expect("the first gives no sign of life");
    first.hold_beats(false);
    let failure = tokio::time::timeout(Duration::from_secs(10), failure).await;
    assert!(failure.expect("it is told").contains("took over"));
    assert!(first.commit(life.clone().pass(1)).await.is_err());
    second.commit(life.pass(1)).await.expect("nobody else commits");
    life.check(&second).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_falls_silent_is_told_and_waited_for() {
    let Some(server) = server::server(&["fsync=off"]) else { return };
    let proxy = Proxy::start(server.port, 1).await;
    let address = Address::parse(&server.url_at(proxy.port, "silent")).expect("it is a URL");
    let store = std::sync::Arc::new(server::open(address).await);
    let mut life = Life::new(1);
    store.commit(life.start()).await.expect("a new name");
    proxy.hold(true);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..60 {
        let (store, id) = (store.clone(), life.id());
        calls.spawn(async move { store.header(id).await.map(drop) });
    }
    let (store_of_commit, step) = (store.clone(), life.pass(1));
    calls.spawn(async move { store_of_commit.commit(step).await });
    let answered = tokio::time::timeout(Duration::from_secs(60), calls.join_all()).await;
    for answer in answered.expect("nobody waits for ever") {
        assert!(answer.expect_err("the database says nothing").is_passing());
    }
    proxy.hold(false);
    // The commit was told to be unknown: it was written, or not.
    let loaded = store.load(life.id()).await.expect("readable").expect("committed");
    let mut left = Life::new(1);
    let _ = left.start();
    if loaded.header.revision == life.header.revision {
        left = life;
    }
    left.check(&*store).await;
    store.commit(left.pass(2)).await.expect("nobody else commits");
    left.check(&*store).await;
}
