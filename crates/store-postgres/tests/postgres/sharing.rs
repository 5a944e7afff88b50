//! What servers of one database know of each other, and beside whom a server serves.

use std::time::{Duration, Instant};

use engine::{Status, Timestamp};
use stairwell_store_postgres::{OpenError, Options, PostgresStore, limit};
use store::contract::sample::{Life, scope};
use store::{Store, StoreError};

use crate::server;

/// Asks until it is so many.
async fn until_open(store: &PostgresStore, expected: u64) {
    let begin = Instant::now();
    loop {
        let count = store.open_count(&scope()).await.expect("readable");
        if count == expected {
            return;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "{count} are open");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn started(store: &PostgresStore, number: u64) -> Life {
    let mut life = Life::new(number);
    let home = store.home(None).expect("it holds some");
    life.header.id.0[6..8].copy_from_slice(&home.0.to_be_bytes());
    life.execution.parameters.id = life.header.id;
    store.commit(life.start()).await.expect("a new name");
    life
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_executions_are_counted_over_all_servers() {
    let Some(server) = server::server(&["fsync=off"]) else { return };
    let one = server::join(server.address("counts"), "one").await;
    let other = server::join(server.address("counts"), "other").await;
    let mut lives = Vec::new();
    for number in 0..6 {
        lives.push(started(if number < 4 { &one } else { &other }, number).await);
    }
    until_open(&one, 6).await;
    until_open(&other, 6).await;
    one.commit(lives[0].end(Status::Succeeded)).await.expect("nobody else commits");
    until_open(&other, 5).await;
    // Who takes over what another one leaves counts it then.
    one.close().await.expect("an open store can be closed");
    until_open(&other, 5).await;
    assert_eq!(one.peer_secret(), other.peer_secret());
    assert_ne!(one.peer_secret(), [0; 32]);
    let another = server::join(server.address("other_counts"), "one").await;
    assert_ne!(another.peer_secret(), other.peer_secret());
    assert!(other.clock_offset_milliseconds().abs() < 1_000, "it is the same clock");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_serves_alone_has_nobody_beside_it() {
    let Some(server) = server::server(&["fsync=off"]) else { return };
    let alone = server::open(server.address("alone")).await;
    let together = Options { is_alone: false, ..server::options("together") };
    let refused = PostgresStore::open(server.address("alone"), together.clone()).await;
    let error = refused.expect_err("it cannot ask the other anything");
    assert!(matches!(&error, OpenError::InUse { holder, .. } if holder == "here"), "{error:?}");
    alone.close().await.expect("an open store can be closed");
    let together = PostgresStore::open(server.address("alone"), together).await;
    let together = together.expect("nobody is there");
    let refused = PostgresStore::open(server.address("alone"), server::options("here")).await;
    let error = refused.expect_err("others are there");
    assert!(matches!(&error, OpenError::InUse { holder, .. } if holder == "together"));
    together.close().await.expect("an open store can be closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_address_another_one_has_ends() {
    let Some(server) = server::server(&["fsync=off"]) else { return };
    let first = server::join(server.address("addresses"), "same").await;
    let failure = first.failure();
    let second = server::join(server.address("addresses"), "same").await;
    let failure = tokio::time::timeout(Duration::from_secs(10), failure).await;
    assert!(failure.expect("it is told").contains("at same"));
    started(&second, 1).await;
}

/// What the program before made of the tables: no homes, in which its executions were anywhere.
const BEFORE: &str = "DELETE FROM before.homes; UPDATE before.meta SET version = 1; \
    DROP INDEX before.homes_version; ALTER TABLE before.forgotten DROP COLUMN since; \
    ALTER TABLE before.nodes DROP COLUMN process";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_program_before_left_is_driven_on() {
    let Some(server) = server::server(&["fsync=off"]) else { return };
    let store = server::open(server.address("before")).await;
    let due = Timestamp(2_000_000_000_000);
    let mut lives: Vec<Life> = (0..200).map(limit::life).collect();
    for life in &mut lives {
        store.commit(life.due(Some(due), false).start()).await.expect("a new name");
    }
    store.close().await.expect("an open store can be closed");
    server.sql(BEFORE);
    // A server of the program before lives: it knows nothing of homes, and nobody serves beside it.
    server.sql(
        "INSERT INTO before.nodes (address, beat, release, form, peer, open) \
         VALUES ('old', 0, '0', 1, 1, '')",
    );
    let database = server.address("before");
    let opened = tokio::spawn(async move { server::join(database, "new").await });
    let begin = Instant::now();
    let store = opened.await.expect("the old one gives no sign of life");
    assert!(begin.elapsed() >= Duration::from_millis(2_500), "it might have lived");
    assert_eq!(store.open_count(&scope()).await, Ok(200));
    let claimed = store.claim_due(due, 1_000).await.expect("readable");
    let mut expected: Vec<_> = lives.iter().map(Life::id).collect();
    let mut found = claimed.executions;
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
    for life in &mut lives {
        assert!(store.is_here(life.id()));
        store.commit(life.pass(1)).await.expect("nobody else commits");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_commits_end_the_server_that_was_told_of_them_alone() {
    let Some(server) = server::server(&["fsync=off"]) else { return };
    let one = server::join(server.address("back"), "one").await;
    let other = server::join(server.address("back"), "other").await;
    let mut life = started(&one, 1).await;
    let failure = one.failure();
    // As if a standby had been promoted that was behind, and as if the server had slept meanwhile.
    one.hold_beats(true);
    server.sql("DELETE FROM back.executions; DELETE FROM back.names; DELETE FROM back.history");
    server.sql("DELETE FROM back.lanes WHERE node = 1; DELETE FROM back.nodes WHERE node = 1");
    assert_eq!(one.commit(life.pass(1)).await, Err(StoreError::Elsewhere));
    one.hold_beats(false);
    let next = async {
        // It joins anew, and finds out when it writes again.
        while one.failure_is_unknown().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), next).await.expect("it finds out");
    assert!(failure.await.contains("lost commits"));
    started(&other, 2).await;
}

/// What the test above asks for.
trait Told {
    async fn failure_is_unknown(&self) -> bool;
}

impl Told for PostgresStore {
    /// Writes something, and tells whether that was not refused for good.
    async fn failure_is_unknown(&self) -> bool {
        let Some(home) = self.home(None) else { return true };
        let mut life = limit::life(9);
        life.header.id.0[6..8].copy_from_slice(&home.0.to_be_bytes());
        life.execution.parameters.id = life.header.id;
        let refused = self.commit(life.start()).await;
        !matches!(refused, Err(StoreError::Refused(reason)) if reason.contains("lost commits"))
    }
}
