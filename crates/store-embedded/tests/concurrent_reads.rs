//! Readers see every commit whole, whatever the engine does meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use engine::{Status, Timestamp};
use stairwell_store_embedded::{EmbeddedStore, Options};
use store::contract::sample::Life;
use store::{ExecutionQuery, MachineId, Store};
use tokio::task::JoinSet;

const WRITERS: u64 = 4;
const LIVES: u64 = 150;
/// Large enough for the engine to write out its memory several times.
const PAYLOAD_BYTES: usize = 60_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn readers_see_every_commit_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = EmbeddedStore::open(folder.path(), Options::default()).expect("a new store");
    let store = Arc::new(store);
    let (is_done, newest) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));

    let mut readers = JoinSet::new();
    for _ in 0..2 {
        let (store, is_done, newest) = (store.clone(), is_done.clone(), newest.clone());
        readers.spawn(async move {
            let mut reads = 0;
            while !is_done.load(Ordering::Relaxed) {
                let newest = newest.load(Ordering::Relaxed);
                for number in newest.saturating_sub(WRITERS * 2)..=newest {
                    read(&store, number).await;
                    reads += 1;
                }
                tokio::task::yield_now().await;
            }
            reads
        });
    }
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (store, newest) = (store.clone(), newest.clone());
        writers.spawn(async move {
            for number in (0..LIVES).map(|it| it * WRITERS + writer) {
                newest.fetch_max(number, Ordering::Relaxed);
                let mut life = Life::new(number);
                store.commit(life.start()).await.expect("a new name");
                let commit = life.pass_bytes(PAYLOAD_BYTES);
                let commit = life.with_checkpoint(commit);
                store.commit(commit).await.expect("nobody else commits");
                store.commit(life.end(Status::Succeeded)).await.expect("nobody else commits");
            }
        });
    }
    writers.join_all().await;
    is_done.store(true, Ordering::Relaxed);
    let reads: u64 = readers.join_all().await.into_iter().sum();
    assert!(reads > LIVES, "{reads} reads among the commits");
}

/// A page is removed at once: nobody finds it in a list and nothing behind it.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_is_removed_is_gone_for_everybody_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options { log_bytes: 50_000, ..Options::default() };
    let store = Arc::new(EmbeddedStore::open(folder.path(), options).expect("a new store"));
    let is_done = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for _ in 0..2 {
        let (store, is_done) = (store.clone(), is_done.clone());
        readers.spawn(async move {
            let query = ExecutionQuery::Machine(MachineId([1; 16]));
            let mut reads = 0;
            while !is_done.load(Ordering::Relaxed) {
                let page = store.list_executions(&query, None, None, 500).await.expect("whole");
                assert!(page.is_sorted_by(|one, other| one.id > other.id), "each is there once");
                let all = store.ended_before(Timestamp(i64::MAX), None, 500).await;
                let all = all.expect("whole").headers;
                assert!(all.is_sorted_by(|one, other| one.id < other.id), "each is there once");
                reads += 1;
                tokio::task::yield_now().await;
            }
            reads
        });
    }
    for number in 0..3_000 {
        let mut life = Life::new(number);
        store.commit(life.start()).await.expect("a new name");
        if number % 10 != 3 {
            store.commit(life.end(Status::Failed)).await.expect("nobody else commits");
        }
        if number % 40 == 39 {
            let all = store.ended_before(Timestamp(i64::MAX), None, 1_000).await;
            store.remove(&all.expect("whole").headers).await.expect("nobody else removes");
        }
    }
    is_done.store(true, Ordering::Relaxed);
    let reads: u64 = readers.join_all().await.into_iter().sum();
    assert!(reads > 100, "{reads} reads among the removals");
}

async fn read(store: &EmbeddedStore, number: u64) {
    let life = Life::new(number);
    let found = store.find_execution(&life.header.arn).await.expect("readable");
    let loaded = store.load(life.id()).await.expect("readable");
    let Some(loaded) = loaded else {
        // It may have come since.
        return assert_eq!(found, None, "what is found can be loaded");
    };
    assert_eq!(loaded.execution.last_event, loaded.header.last_event, "whole");
    assert_eq!(loaded.execution.status, loaded.header.status, "whole");
    let query = ExecutionQuery::Machine(MachineId([1; 16]));
    let page = store.list_executions(&query, None, None, 20).await.expect("whole");
    let mut ids: Vec<_> = page.iter().map(|header| header.id).collect();
    assert!(ids.is_sorted_by(|one, other| one > other), "each is in one list");
    ids.dedup();
    assert_eq!(ids.len(), page.len());
    for status in [Status::Running, Status::Succeeded] {
        let page = store.list_executions(&query, Some(status), None, 20).await.expect("whole");
        assert!(page.iter().all(|header| header.status == status), "each is in its list");
    }
}
