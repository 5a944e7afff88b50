//! Nothing that was answered is lost when the process is killed, and nothing is there by half.
//!
//! This program starts itself again as a child that commits and prints what was answered, kills it
//! after so many lines, opens the folder, and compares. Twenty times in the same folder, so that
//! what one round recovered is there for the next.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use engine::{ExecutionId, Status};
use stairwell_store_embedded::{EmbeddedStore, OpenError, Options};
use store::contract::sample::{Life, scope};
use store::{ExecutionQuery, MachineId, Revision, Store};
use tokio::task::JoinSet;

const ROUNDS: u64 = 20;
const CALLERS: u64 = 8;
/// More than a child commits in its life.
const EXECUTIONS_PER_ROUND: u64 = 1 << 20;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    match arguments.as_slice() {
        [_, child, folder, round] if child == "child" => {
            runtime.block_on(commit_for_ever(Path::new(folder), round.parse().unwrap()));
        }
        // Asked by the test runner for its tests.
        [_, .., list] if list == "--list" => println!("kill: test"),
        _ => runtime.block_on(kill_and_compare()),
    }
}

async fn kill_and_compare() {
    let folder = tempfile::tempdir().unwrap();
    let mut answered = BTreeMap::new();
    for round in 0..ROUNDS {
        // From the first answer to some hundreds, a different moment each time.
        let lines = round * round * 3 + 1;
        kill_after(folder.path(), round, lines as usize, &mut answered);
        let store = EmbeddedStore::open(folder.path(), Options::default()).unwrap();
        compare(&store, &answered).await;
        // Every second time without a clean end on this side either.
        if round % 2 == 0 {
            store.close().await.unwrap();
        }
    }
    println!(
        "kill: {} executions answered in {ROUNDS} rounds, all there, all whole",
        answered.len()
    );
}

/// Runs a child, and kills it after so many lines.
fn kill_after(
    folder: &Path,
    round: u64,
    lines: usize,
    answered: &mut BTreeMap<ExecutionId, Revision>,
) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child", folder.to_str().unwrap(), &round.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut take = |line: String| {
        let (id, revision) = line.split_once(' ').unwrap();
        let id = ExecutionId(u128::from_str_radix(id, 16).unwrap().to_be_bytes());
        answered.insert(id, Revision(revision.parse().unwrap()));
    };
    output.by_ref().take(lines).for_each(&mut take);
    match EmbeddedStore::open(folder, Options::default()) {
        Err(error @ OpenError::Locked { .. }) => {
            assert!(error.to_string().contains(&child.id().to_string()), "{error}");
        }
        other => panic!("the child has it: {other:?}"),
    }
    // SIGKILL.
    child.kill().unwrap();
    // What it had printed by then. Lines are written whole.
    output.for_each(take);
    child.wait().unwrap();
}

async fn commit_for_ever(folder: &Path, round: u64) {
    let store = Arc::new(EmbeddedStore::open(folder, Options::default()).unwrap());
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let store = store.clone();
        callers.spawn(async move {
            let first = round * EXECUTIONS_PER_ROUND;
            for number in (first..first + EXECUTIONS_PER_ROUND).skip(caller as usize) {
                if number % CALLERS == caller {
                    live(&store, number).await;
                }
            }
        });
    }
    callers.join_all().await;
}

/// A life in four commits; every fourth is left open.
async fn live(store: &EmbeddedStore, number: u64) {
    let mut life = Life::new(number);
    let say = |life: &Life| {
        let line = format!("{} {}\n", life.id(), life.header.revision.0);
        std::io::stdout().write_all(line.as_bytes()).unwrap();
    };
    let due = life.now();
    store.commit(life.due(Some(due), false).start()).await.unwrap();
    say(&life);
    for states in 1..3 {
        store.commit(life.pass(states)).await.unwrap();
        say(&life);
    }
    if !number.is_multiple_of(4) {
        life.agenda = None;
        store.commit(life.end(Status::Succeeded)).await.unwrap();
        say(&life);
    }
}

async fn compare(store: &EmbeddedStore, answered: &BTreeMap<ExecutionId, Revision>) {
    let query = ExecutionQuery::Machine(MachineId([1; 16]));
    let listed = store.list_executions(&query, None, None, usize::MAX).await.unwrap();
    let listed: BTreeMap<_, _> = listed.into_iter().map(|header| (header.id, header)).collect();
    for (id, revision) in answered {
        let header = listed.get(id).unwrap_or_else(|| panic!("{id} was answered, and is gone"));
        assert!(header.revision >= *revision, "{id}: {revision:?} was answered");
    }
    let mut open = 0;
    for (id, header) in &listed {
        let loaded = store.load(*id).await.unwrap().unwrap();
        assert_eq!(&loaded.header, header);
        assert_eq!(loaded.execution.last_event, header.last_event, "{id} is there by half");
        assert_eq!(loaded.execution.status, header.status);
        let history = store.history(*id, None, usize::MAX, false).await.unwrap();
        assert_eq!(history.events.len() as u64, header.last_event.0);
        assert_eq!(store.find_execution(&header.arn).await.unwrap(), Some(*id));
        open += u64::from(header.status == Status::Running);
    }
    // The agendas, which are found in the background.
    let mut due = 0;
    while let Some(next) = {
        let claim = store.claim_due(engine::Timestamp(i64::MAX), 1_000).await.unwrap();
        due += claim.executions.len() as u64;
        claim.next_due
    } {
        assert!(next > engine::Timestamp(0));
        tokio::task::yield_now().await;
    }
    assert_eq!(due, open, "what is open is due, and nothing else");
    assert_eq!(store.open_count(&scope()).await, Ok(open));
}
