//! Partitions of history come and go.

use std::slice;
use std::time::{Duration, Instant};

use engine::Status;
use store::Store;
use store::contract::sample::Life;

use crate::server::{self, Server};

/// Between the starts of the sample's executions and now.
const BETWEEN: &str = "1750000000000";

/// Asks until the database answers that.
fn eventually(server: &Server, text: &str, expected: &str) {
    let begin = Instant::now();
    loop {
        let answer = server.sql(text);
        if answer == expected {
            return;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "{text}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_retention_removed_goes_with_its_partition() {
    let Some(server) = server::server(&["fsync=off"]) else { return };
    let store = server::open(server.address("eras")).await;
    let mut lives = [Life::new(1), Life::new(2)];
    for life in &mut lives {
        store.commit(life.start()).await.expect("a new name");
        store.commit(life.pass(2)).await.expect("nobody else commits");
        store.commit(life.end(Status::Succeeded)).await.expect("nobody else commits");
    }
    // The first era is as old as all time, and a new one is announced.
    eventually(&server, "SELECT count(*) FROM eras.eras", "2");
    store.remove(slice::from_ref(&lives[0].header)).await.expect("it is there");
    store.close().await.expect("an open store can be closed");
    assert_eq!(server.sql("SELECT count(*) FROM eras.history WHERE era = 1"), "6");

    // The second era began long ago.
    server.sql(&format!("UPDATE eras.eras SET since = {BETWEEN} WHERE era = 2"));
    let store = server::open(server.address("eras")).await;
    eventually(&server, "SELECT count(*) FROM eras.history WHERE era = 1", "3");
    lives[1].check(&store).await;
    store.remove(slice::from_ref(&lives[1].header)).await.expect("it is there");
    store.close().await.expect("an open store can be closed");

    let store = server::open(server.address("eras")).await;
    eventually(&server, "SELECT to_regclass('eras.history_1') IS NULL", "t");
    eventually(&server, "SELECT string_agg(era::text, ' ' ORDER BY era) FROM eras.eras", "2 3");
    let mut late = Life::new(3);
    store.commit(late.start()).await.expect("a new name");
    store.commit(late.pass(1)).await.expect("nobody else commits");
    late.check(&store).await;
    store.close().await.expect("an open store can be closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_execution_of_a_wrong_clock_stays_in_its_era() {
    let Some(server) = server::server(&["fsync=off"]) else { return };
    let store = server::open(server.address("eras")).await;
    eventually(&server, "SELECT count(*) FROM eras.eras", "2");
    // It starts in the year 2081, when the second era has begun; a third is due by then.
    let mut life = Life::new(1_800_000_000_000);
    store.commit(life.start()).await.expect("a new name");
    store.close().await.expect("an open store can be closed");
    server.sql(&format!("UPDATE eras.eras SET since = {BETWEEN} WHERE era = 2"));
    let store = server::open(server.address("eras")).await;
    eventually(&server, "SELECT count(*) FROM eras.eras WHERE era = 3", "1");
    store.commit(life.pass(1)).await.expect("nobody else commits");
    life.check(&store).await;
    store.close().await.expect("an open store can be closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_is_missing_is_made() {
    let Some(server) = server::server(&["fsync=off"]) else { return };
    let store = server::open(server.address("eras")).await;
    server.sql("DROP TABLE eras.history_1");
    let mut life = Life::new(1);
    store.commit(life.start()).await.expect("a new name");
    life.check(&store).await;
    store.close().await.expect("an open store can be closed");
}
