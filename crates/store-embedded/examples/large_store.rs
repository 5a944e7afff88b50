//! What a store with many executions costs: `cargo run --release -p stairwell-store-embedded
//! --example large_store -- [folder] [parked] [closed]`.
//!
//! Parks executions until next year, then starts and ends as many as asked for, in two commits
//! each, and looks at memory, at the latencies of reads, and at opening.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use engine::{Status, Timestamp};
use stairwell_store_embedded::{EmbeddedStore, Options};
use store::contract::sample::{Life, scope};
use store::{ExecutionQuery, MachineId, Store};

const CALLERS: u64 = 64;
const READS: u64 = 1_000;
const PARKED: MachineId = MachineId([8; 16]);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("a folder");
    let mut count = || arguments.next().map_or(100_000, |it| it.parse().expect("a number"));
    let (parked, closed): (u64, u64) = (count(), count());
    let data = Path::new(&folder).join("large-store");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build();
    runtime.expect("threads").block_on(async {
        let store = open(&data);
        let begin = resident_bytes();
        println!("resident, empty: {} MiB", begin >> 20);
        let rate = commit_all(&store, parked, park).await;
        println!("parked {parked} at {rate:.0}/s");
        let rate = commit_all(&store, closed, async |store, number| {
            live(store, parked + number).await;
        })
        .await;
        println!("started and ended {closed} at {rate:.0}/s, resident: {} MiB", resident_mib());
        read_all(&store, parked, closed).await;
        store.close().await.expect("an open store");
        drop(store);

        let store = open(&data);
        println!("resident after opening: {} MiB", resident_mib());
        let begin = Instant::now();
        while store.open_count(&scope()).await != Ok(parked) {
            tokio::task::yield_now().await;
        }
        println!("scanned in {:.1?}, resident: {} MiB", begin.elapsed(), resident_mib());
        read_all(&store, parked, closed).await;
        let begin = Instant::now();
        let mut given = 0;
        while given < parked {
            given +=
                store.claim_due(Timestamp(i64::MAX), 1_000).await.expect("open").executions.len()
                    as u64;
        }
        println!("all claimed in {:.1?}", begin.elapsed());
        // As after the end of the process: nothing is written out.
        std::process::exit(0);
    });
}

fn open(data: &Path) -> Arc<EmbeddedStore> {
    let begin = Instant::now();
    let store = EmbeddedStore::open(data, Options::default()).expect("a folder of ours");
    println!("open: {:.1?}", begin.elapsed());
    Arc::new(store)
}

async fn commit_all(
    store: &Arc<EmbeddedStore>,
    count: u64,
    commit: impl AsyncFn(&EmbeddedStore, u64),
) -> f64 {
    let next = AtomicU64::new(0);
    let begin = Instant::now();
    let caller = || async {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                break;
            }
            commit(store, number).await;
        }
    };
    let callers: Vec<_> = (0..CALLERS).map(|_| caller()).collect();
    join_all(callers).await;
    count as f64 / begin.elapsed().as_secs_f64()
}

/// Polls them all together, on this task.
async fn join_all<F: Future<Output = ()>>(futures: Vec<F>) {
    let mut futures: Vec<_> = futures.into_iter().map(|it| Some(Box::pin(it))).collect();
    std::future::poll_fn(move |context| {
        for slot in &mut futures {
            if slot.as_mut().is_some_and(|future| future.as_mut().poll(context).is_ready()) {
                *slot = None;
            }
        }
        match futures.iter().all(Option::is_none) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
}

async fn park(store: &EmbeddedStore, number: u64) {
    let mut life = Life::new(number);
    life.header.machine = PARKED;
    let due = Timestamp(2_000_000_000_000 + (number as i64).wrapping_mul(7_919) % 31_536_000_000);
    store.commit(life.due(Some(due), false).start()).await.expect("a new name");
}

async fn live(store: &EmbeddedStore, number: u64) {
    let mut life = Life::new(number);
    store.commit(life.start()).await.expect("a new name");
    let _ = life.pass(1);
    life.header.revision.0 -= 1;
    store.commit(life.end(Status::Succeeded)).await.expect("nobody else commits");
}

async fn read_all(store: &EmbeddedStore, parked: u64, closed: u64) {
    let number = |read: u64| parked + read.wrapping_mul(0x9E37_79B9_7F4A_7C15) % closed;
    let lives = MachineId([1; 16]);
    measure("find", async |read| {
        let arn = Life::new(number(read)).header.arn;
        assert!(store.find_execution(&arn).await.expect("readable").is_some());
    })
    .await;
    measure("find what is not there", async |read| {
        let arn = Life::new(parked + closed + read).header.arn;
        assert!(store.find_execution(&arn).await.expect("readable").is_none());
    })
    .await;
    measure("load", async |read| {
        let id = Life::new(number(read)).id();
        assert!(store.load(id).await.expect("readable").is_some());
    })
    .await;
    for (name, machine, status, count) in [
        ("list 100, any status", lives, None, 100),
        ("list 1000, any status", lives, None, 1_000),
        ("list 100 succeeded", lives, Some(Status::Succeeded), 100),
        ("list the running, of which there are none", lives, Some(Status::Running), 0),
        ("list 100 parked", PARKED, Some(Status::Running), 100),
    ] {
        measure(name, async |_| {
            let limit = if count == 0 { 100 } else { count };
            let query = ExecutionQuery::Machine(machine);
            let page = store.list_executions(&query, status, None, limit).await.expect("readable");
            assert_eq!(page.len(), count);
        })
        .await;
    }
}

async fn measure(what: &str, mut read: impl AsyncFnMut(u64)) {
    let mut latencies: Vec<Duration> = Vec::new();
    for number in 0..READS {
        let begin = Instant::now();
        read(number).await;
        latencies.push(begin.elapsed());
    }
    latencies.sort();
    let at = |part: f64| latencies[(latencies.len() as f64 * part) as usize];
    println!("  {what}: p50 {:.1?}, p99 {:.1?}", at(0.5), at(0.99));
}

fn resident_mib() -> u64 {
    resident_bytes() >> 20
}

/// Of this process, on Linux; nothing elsewhere.
fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let resident = pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    resident.unwrap_or_default() * 4096
}
