//! What is removed gives its room on the disk back, also where others are kept beside it.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use engine::{Status, Timestamp};
use stairwell_store_embedded::{EmbeddedStore, Options};
use store::Store;
use store::contract::sample::Life;

const LIVES: u64 = 3_000;

fn open(folder: &Path) -> EmbeddedStore {
    EmbeddedStore::open(folder, Options { log_bytes: 500_000, ..Options::default() }).unwrap()
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let bytes = |entry: fs::DirEntry| match entry.metadata() {
        Ok(about) if about.is_dir() => bytes_in(&entry.path()),
        Ok(about) => about.len(),
        // It may go while it is looked at.
        Err(_) => 0,
    };
    entries.map(bytes).sum()
}

#[tokio::test]
async fn what_is_removed_gives_its_room_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut kept = Vec::new();
    for number in 0..LIVES {
        let mut life = Life::new(number);
        store.commit(life.start()).await.unwrap();
        store.commit(life.pass_bytes(2_000)).await.unwrap();
        if number % 500 == 7 {
            kept.push(life);
        } else {
            store.commit(life.end(Status::Succeeded)).await.unwrap();
        }
    }
    let full = bytes_in(folder.path());
    assert!(full > LIVES * 2_000, "{full} bytes");
    let mut after = None;
    loop {
        let page = store.ended_before(Timestamp(i64::MAX), after, 256).await.unwrap();
        store.remove(&page.headers).await.unwrap();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    store.close().await.unwrap();
    drop(store);
    let store = open(folder.path());
    let begin = Instant::now();
    while bytes_in(folder.path()) > full / 5 {
        let bytes = bytes_in(folder.path());
        assert!(begin.elapsed() < Duration::from_secs(30), "{bytes} of {full} bytes are left");
        tokio::task::yield_now().await;
    }
    for life in &kept {
        life.check(&store).await;
    }
    let left = store.ended_before(Timestamp(i64::MAX), None, 1_000).await.unwrap();
    assert_eq!(left.headers, []);
}
