//! Nothing that was answered is lost when the process is killed, nothing is there by half, and what
//! was removed does not come back.
//!
//! This program starts itself again as a child that commits, removes what ended in earlier rounds,
//! and prints what was answered, kills it after so many lines, opens the folder, and compares.
//! Twenty times in the same folder, so that what one round recovered is there for the next.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use engine::{ExecutionId, Status, Timestamp};
use stairwell_store_embedded::{EmbeddedStore, OpenError, Options};
use store::contract::sample::{Life, scope};
use store::{ExecutionQuery, MachineId, Revision, Store};
use tokio::task::JoinSet;

const ROUNDS: u64 = 20;
const CALLERS: u64 = 8;
/// More than a child commits in its life.
const EXECUTIONS_PER_ROUND: u64 = 1 << 20;

/// So little that the log is written out, and tables are merged and dropped, in every round.
fn open(folder: &Path) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open(folder, Options { log_bytes: 100_000, ..Options::default() })
}

/// What a child has said.
#[derive(Default)]
struct Said {
    /// The revision that was answered.
    answered: BTreeMap<ExecutionId, Revision>,
    /// What it wanted to remove, and whether that was answered.
    doomed: BTreeMap<ExecutionId, bool>,
}

impl Said {
    /// Lines such as `at <id> <revision>`, `going <id>`, `gone <id>`.
    fn take(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap();
        let (id, revision) = rest.split_once(' ').unwrap_or((rest, ""));
        let id = ExecutionId(u128::from_str_radix(id, 16).unwrap().to_be_bytes());
        match word {
            "at" => drop(self.answered.insert(id, Revision(revision.parse().unwrap()))),
            "going" => drop(self.doomed.insert(id, false)),
            "gone" => drop(self.doomed.insert(id, true)),
            _ => panic!("{line}"),
        }
    }
}

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
    let mut said = Said::default();
    for round in 0..ROUNDS {
        // From the first answer to some hundreds, a different moment each time.
        let lines = round * round * 3 + 1;
        kill_after(folder.path(), round, lines as usize, &mut said);
        let store = open(folder.path()).unwrap();
        compare(&store, &said).await;
        // Every second time without a clean end on this side either.
        if round % 2 == 0 {
            store.close().await.unwrap();
        }
    }
    let (answered, doomed) = (said.answered.len(), said.doomed.len());
    assert!(doomed > 100, "only {doomed} were removed");
    println!(
        "kill: {answered} executions answered in {ROUNDS} rounds, {doomed} of them removed, all \
         others there, all whole"
    );
}

/// Runs a child, and kills it after so many lines.
fn kill_after(folder: &Path, round: u64, lines: usize, said: &mut Said) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child", folder.to_str().unwrap(), &round.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    output.by_ref().take(lines).for_each(|line| said.take(&line));
    match open(folder) {
        Err(error @ OpenError::Locked { .. }) => {
            assert!(error.to_string().contains(&child.id().to_string()), "{error}");
        }
        other => panic!("the child has it: {other:?}"),
    }
    // SIGKILL.
    child.kill().unwrap();
    // What it had printed by then. Lines are written whole.
    output.for_each(|line| said.take(&line));
    child.wait().unwrap();
}

async fn commit_for_ever(folder: &Path, round: u64) {
    let store = Arc::new(open(folder).unwrap());
    let mut callers = JoinSet::new();
    callers.spawn(remove_old(store.clone(), round));
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

fn say(lines: &str) {
    std::io::stdout().write_all(lines.as_bytes()).unwrap();
}

/// Removes what ended in earlier rounds, a few at a time. A quarter of it is open, and stays.
async fn remove_old(store: Arc<EmbeddedStore>, round: u64) {
    let instant = Life::new(round * EXECUTIONS_PER_ROUND).header.start;
    let mut after = None;
    loop {
        let page = store.ended_before(instant, after, 40).await.unwrap();
        after = page.next;
        let lines = |word: &str| -> String {
            page.headers.iter().map(|header| format!("{word} {}\n", header.id)).collect()
        };
        if !page.headers.is_empty() {
            say(&lines("going"));
            store.remove(&page.headers).await.unwrap();
            say(&lines("gone"));
        }
        tokio::task::yield_now().await;
    }
}

/// A life in four commits; every fourth is left open.
async fn live(store: &EmbeddedStore, number: u64) {
    let mut life = Life::new(number);
    let say = |life: &Life| say(&format!("at {} {}\n", life.id(), life.header.revision.0));
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

async fn compare(store: &EmbeddedStore, said: &Said) {
    let query = ExecutionQuery::Machine(MachineId([1; 16]));
    let listed = store.list_executions(&query, None, None, usize::MAX).await.unwrap();
    let listed: BTreeMap<_, _> = listed.into_iter().map(|header| (header.id, header)).collect();
    for (id, is_gone) in &said.doomed {
        assert!(!is_gone || !listed.contains_key(id), "{id} was removed, and is listed");
        assert_eq!(store.header(*id).await.unwrap().as_ref(), listed.get(id));
    }
    for (id, revision) in &said.answered {
        if said.doomed.contains_key(id) {
            continue;
        }
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
        let claim = store.claim_due(Timestamp(i64::MAX), 1_000).await.unwrap();
        due += claim.executions.len() as u64;
        claim.next_due
    } {
        assert!(next > Timestamp(0));
        tokio::task::yield_now().await;
    }
    assert_eq!(due, open, "what is open is due, and nothing else");
    assert_eq!(store.open_count(&scope()).await, Ok(open));
}
