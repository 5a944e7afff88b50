//! Whatever happens to executions, and however often the store is opened anew, writes out its log
//! and merges its tables in between: it answers as the store in memory does.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use engine::{ExecutionId, Status, Timestamp};
use stairwell_store_embedded::{EmbeddedStore, Options};
use store::contract::sample::Life;
use store::{ExecutionQuery, ListCursor, MachineId, MemoryStore, Store, StoreError};

const STEPS: usize = 1_500;

/// An easy source of numbers that are the same for the same seed (xorshift, after Marsaglia).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// Both stores, and what is committed in both.
struct Both {
    memory: MemoryStore,
    embedded: Option<EmbeddedStore>,
    lives: Vec<Life>,
    /// Also of what is gone.
    ids: Vec<(ExecutionId, String)>,
    removed: usize,
}

/// So little that the log is written out all the time.
fn open(folder: &Path) -> EmbeddedStore {
    EmbeddedStore::open(folder, Options { log_bytes: 20_000, ..Options::default() }).unwrap()
}

impl Both {
    fn embedded(&self) -> &EmbeddedStore {
        self.embedded.as_ref().unwrap()
    }

    /// Closes the embedded store, and opens it again.
    async fn reopen(&mut self, folder: &Path) {
        self.embedded().close().await.unwrap();
        drop(self.embedded.take());
        self.embedded = Some(open(folder));
    }

    async fn commit(&mut self, commit: store::Commit) -> Result<(), StoreError> {
        let answer = self.memory.commit(commit.clone()).await;
        assert_eq!(self.embedded().commit(commit).await, answer);
        answer
    }

    async fn start(&mut self, number: u64) {
        let mut life = Life::new(number);
        life.header.started_by = Some(ExecutionId([9; 16]));
        let commit = life.start();
        if self.ids.iter().any(|(id, _)| *id == life.id()) {
            return;
        }
        self.ids.push((life.id(), life.header.arn.to_string()));
        if self.commit(commit).await.is_ok() {
            self.lives.push(life);
        }
    }

    /// A page of what ended before the instant is removed, or a part of it.
    async fn remove(&mut self, numbers: &mut Numbers) {
        let instant = Timestamp(1_700_000_000_000 + numbers.below(3_000) as i64);
        let limit = 1 + numbers.below(60) as usize;
        let after = (numbers.below(4) == 0).then(|| {
            let start = Timestamp(1_700_000_000_000 + numbers.below(1_500) as i64);
            ExecutionId::first(start)
        });
        let instant = instant.plus_seconds(numbers.below(6));
        let page = self.memory.ended_before(instant, after, limit).await.unwrap();
        let mut headers = page.headers;
        let share = numbers.below(5);
        headers.retain(|_| numbers.below(4) < share);
        if numbers.below(8) == 0
            && let Some(header) = headers.first_mut()
        {
            header.revision.0 -= 1;
        }
        let answer = self.memory.remove(&headers).await;
        assert_eq!(self.embedded().remove(&headers).await, answer);
        if answer.is_ok() {
            self.removed += headers.len();
            self.lives.retain(|life| headers.iter().all(|header| header.id != life.id()));
        }
    }

    async fn check(&self) {
        for life in &self.lives {
            life.check(self.embedded()).await;
        }
        for (id, arn) in &self.ids {
            let header = self.memory.header(*id).await;
            assert_eq!(self.embedded().header(*id).await, header);
            let found = self.memory.find_execution(arn).await;
            assert_eq!(self.embedded().find_execution(arn).await, found);
            let history = self.memory.history(*id, None, 100, false).await;
            assert_eq!(self.embedded().history(*id, None, 100, false).await, history);
            assert_eq!(
                self.embedded().load(*id).await.unwrap().is_some(),
                self.memory.load(*id).await.unwrap().is_some()
            );
        }
        let machine = ExecutionQuery::Machine(MachineId([1; 16]));
        for query in [machine, ExecutionQuery::StartedBy(ExecutionId([9; 16]))] {
            for status in [None, Some(Status::Running), Some(Status::Failed)] {
                let mut after = None;
                loop {
                    let page = self.memory.list_executions(&query, status, after, 7).await.unwrap();
                    let other = self.embedded().list_executions(&query, status, after, 7).await;
                    assert_eq!(other.unwrap(), page);
                    let Some(last) = page.last() else { break };
                    after = Some(ListCursor(last.id));
                }
            }
        }
        for limit in [3, 1_000] {
            let mut ended = [Vec::new(), Vec::new()];
            for (store, ended) in
                [&self.memory as &dyn Store, self.embedded()].into_iter().zip(&mut ended)
            {
                let mut after = None;
                loop {
                    let page = store.ended_before(Timestamp(i64::MAX), after, limit).await.unwrap();
                    ended.extend(page.headers);
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
            }
            assert_eq!(ended[0], ended[1]);
        }
    }
}

async fn run(seed: u64) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let mut numbers = Numbers(seed);
    let mut both = Both {
        memory: MemoryStore::default(),
        embedded: Some(open(folder.path())),
        lives: Vec::new(),
        ids: Vec::new(),
        removed: 0,
    };
    let mut clock = 0;
    for step in 0..STEPS {
        match numbers.below(20) {
            0..8 => {
                clock += numbers.below(3);
                both.start(clock).await;
            }
            // The clock went back.
            8 => both.start(numbers.below(clock + 1)).await,
            9..16 if !both.lives.is_empty() => {
                let at = numbers.below(both.lives.len() as u64) as usize;
                let life = &mut both.lives[at];
                let commit = match (life.header.status, numbers.below(4)) {
                    (Status::Running, 0) => life.pass(1),
                    (Status::Running, 1) => life.end(Status::Failed),
                    (Status::Running, _) => life.end(Status::Succeeded),
                    (Status::Failed, _) => life.redrive(),
                    _ => continue,
                };
                let life = life.clone();
                let commit = match numbers.below(3) {
                    0 => life.with_checkpoint(commit),
                    _ => commit,
                };
                both.commit(commit).await.unwrap();
            }
            16 | 17 => both.remove(&mut numbers).await,
            18 if numbers.below(10) == 0 => {
                both.reopen(folder.path()).await;
            }
            _ => {}
        }
        if step % 100 == 99 {
            both.check().await;
        }
    }
    both.reopen(folder.path()).await;
    both.check().await;
    both.removed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_store_answers_as_the_one_in_memory() {
    let mut removed = 0;
    for seed in 1..=12 {
        println!("model: seed {seed}");
        removed += run(0x9E37_79B9_7F4A_7C15 ^ seed).await;
    }
    assert!(removed > 1_000, "only {removed} were removed");
}
