//! How fast commits are: `cargo run --release -p stairwell-store-embedded --example commit_rate --
//! [folder] [commits]`.
//!
//! A commit here is a whole execution of ten states, as the runtime makes it: a new name, 22
//! records with documents of about 50 bytes, the header of an execution that has ended, no agenda.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use asl::{StateIndex, StateType};
use engine::{EventId, EventKind, ExecutionId, FrameId, HistoryEvent, Record, Status, Timestamp};
use json::Document;
use stairwell_store_embedded::{EmbeddedStore, Options};
use store::{Commit, DefinitionId, ExecutionHeader, Expected, MachineId, Revision, Scope, Store};

const CALLERS: u64 = 32;
const STATES: u32 = 10;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().map(std::path::PathBuf::from);
    let commits = arguments.next().map_or(100_000, |it| it.parse().expect("a number of commits"));
    let temporary = tempfile::tempdir().expect("a folder for temporary files");
    let folder = folder.unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder).expect("a folder that can be made");

    let latency = sync_latency(&folder);
    println!("fdatasync after 4 KiB: p50 {:.2?}, p99 {:.2?}", latency[50], latency[99]);

    let data = folder.join("commit-rate");
    let begin = Instant::now();
    let store = EmbeddedStore::open(&data, Options::default()).expect("a folder of ours");
    println!("open (new): {:.1?}", begin.elapsed());
    let store = Arc::new(store);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build();
    let runtime = runtime.expect("threads");
    runtime.block_on(async {
        one_caller(&*store).await;
        many_callers(&store, commits).await;
        let begin = Instant::now();
        store.close().await.expect("an open store");
        println!("close: {:.1?}", begin.elapsed());
    });
    drop(store);
    let begin = Instant::now();
    let store = EmbeddedStore::open(&data, Options::default()).expect("a folder of ours");
    println!("open (after close): {:.1?}", begin.elapsed());
    runtime.block_on(async {
        one_caller(&store).await;
        let begin = Instant::now();
        let mut found = 0;
        for number in 0..1_000 {
            let id = sample(number * (commits / 1_000).max(1), 0).header.id;
            found += usize::from(store.load(id).await.expect("readable").is_some());
        }
        println!("load: {:.1?} each, {found} of 1000 found", begin.elapsed() / 1_000);
    });
    drop(store);
    println!("bytes on disk: {} MiB", folder_bytes(&data) >> 20);
    std::fs::remove_dir_all(&data).expect("ours to remove");
}

/// A hundred latencies, shortest first.
fn sync_latency(folder: &Path) -> Vec<Duration> {
    let path = folder.join("sync-latency");
    let mut file = File::create(&path).expect("a folder that can be written");
    let mut latencies: Vec<_> = (0..100)
        .map(|_| {
            file.write_all(&[0x5A; 4096]).expect("room on the disk");
            let begin = Instant::now();
            file.sync_data().expect("a disk that can sync");
            begin.elapsed()
        })
        .collect();
    std::fs::remove_file(&path).expect("ours to remove");
    latencies.sort();
    latencies
}

async fn one_caller(store: &dyn Store) {
    let salt = rand_salt();
    let mut latencies = Vec::new();
    for number in 0..300 {
        let commit = sample(number, salt);
        let begin = Instant::now();
        store.commit(commit).await.expect("a new name");
        latencies.push(begin.elapsed());
    }
    latencies.sort();
    println!("one caller: p50 {:.2?}, p99 {:.2?}", latencies[150], latencies[297]);
}

async fn many_callers(store: &Arc<EmbeddedStore>, commits: u64) {
    let next = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..CALLERS {
        let (store, next) = (store.clone(), next.clone());
        callers.spawn(async move {
            let mut latencies = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= commits {
                    return latencies;
                }
                let commit = sample(number, 0);
                let begin = Instant::now();
                store.commit(commit).await.expect("a new name");
                latencies.push(begin.elapsed());
            }
        });
    }
    let mut latencies = callers.join_all().await.concat();
    let elapsed = begin.elapsed();
    latencies.sort();
    let rate = commits as f64 / elapsed.as_secs_f64();
    let at = |part: f64| latencies[(latencies.len() as f64 * part) as usize];
    println!(
        "{CALLERS} callers: {rate:.0} commits/s, p50 {:.2?}, p99 {:.2?}, p99.9 {:.2?}, most {:.2?}",
        at(0.5),
        at(0.99),
        at(0.999),
        latencies[latencies.len() - 1],
    );
}

/// Makes the names of two runs on the same store differ.
fn rand_salt() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(1, |now| now.as_nanos() as u64)
}

fn sample(number: u64, salt: u64) -> Commit {
    let start = Timestamp(1_700_000_000_000 + number as i64 / 10);
    let mut id = [0; 16];
    id[..6].copy_from_slice(&start.0.to_be_bytes()[2..]);
    // Spread like random bits, and the same again for the same number.
    let spread = (u128::from(number) << 64 | u128::from(salt))
        .wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    id[6..].copy_from_slice(&spread.to_be_bytes()[..10]);
    let name = format!("{spread:032x}-{:03}", number % 1000);
    let records = records(start, number);
    let header = ExecutionHeader {
        id: ExecutionId(id),
        scope: Scope { account: "123456789012".into(), region: "us-east-1".into() },
        arn: format!("arn:aws:states:us-east-1:123456789012:execution:HelloWorld:{name}").into(),
        name: name.into(),
        machine: MachineId([1; 16]),
        state_machine_arn: "arn:aws:states:us-east-1:123456789012:stateMachine:HelloWorld".into(),
        state_machine_version_arn: None,
        state_machine_alias_arn: None,
        definition: DefinitionId([2; 16]),
        role_arn: "arn:aws:iam::123456789012:role/StepFunctionsRole".into(),
        status: Status::Succeeded,
        start,
        stop: Some(start.plus_milliseconds(3)),
        trace_header: None,
        started_by: None,
        parent: None,
        last_event: EventId(records.len() as u64),
        redrive_count: 0,
        redrive_date: None,
        revision: Revision(1),
    };
    let expected = Expected::New { free_after: Timestamp(0) };
    Commit {
        expected,
        header,
        previous_status: None,
        records,
        agenda: None,
        checkpoint: None,
        resource: None,
    }
}

fn records(start: Timestamp, number: u64) -> Vec<Record> {
    let document = |step: u32| {
        let text =
            format!(r#"{{"order":{number},"step":{step},"customer":"somebody","total":12.5}}"#);
        Document::from_trusted_text(&text)
    };
    let mut input = document(0);
    let mut kinds = vec![EventKind::ExecutionStarted {
        input: input.clone(),
        role_arn: "arn:aws:iam::123456789012:role/StepFunctionsRole".into(),
        state_machine_version_arn: None,
        state_machine_alias_arn: None,
        deadline: None,
    }];
    for step in 0..STATES {
        let name: Arc<str> = format!("State{step}").into();
        let (state_type, state) = (StateType::Pass, StateIndex(step));
        let entered = name.clone();
        kinds.push(EventKind::StateEntered {
            state_type,
            name: entered,
            input,
            state,
            until: None,
        });
        let output = document(step + 1);
        let next = (step + 1 < STATES).then_some(StateIndex(step + 1));
        input = output.clone();
        kinds.push(EventKind::StateExited { state_type, name, output, assigned: Vec::new(), next });
    }
    kinds.push(EventKind::ExecutionSucceeded { output: input });
    let event = |(id, kind)| {
        let (id, previous) = (EventId(id), EventId(id - 1));
        let timestamp = start.plus_milliseconds(id.0 / 8);
        Record::Event(HistoryEvent { id, previous, timestamp, frame: FrameId::ROOT, kind })
    };
    (1..).zip(kinds).map(event).collect()
}

fn folder_bytes(path: &Path) -> u64 {
    let entries = std::fs::read_dir(path).expect("a folder of ours");
    entries
        .map(|entry| {
            let entry = entry.expect("a folder of ours");
            let metadata = entry.metadata().expect("a file of ours");
            if metadata.is_dir() { folder_bytes(&entry.path()) } else { metadata.len() }
        })
        .sum()
}
