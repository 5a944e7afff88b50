//! What is asked of a store, one thing after another, and what must be there then.

use std::collections::BTreeMap;

use engine::Status;
use store::contract::sample::Life;
use store::{Commit, ExecutionHeader, Store, StoreError};

/// Numbers that are the same for the same seed (xorshift, after Marsaglia).
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Numbers {
        Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// What was answered: nothing for an execution that is gone.
#[derive(Clone, Default)]
pub(crate) struct Model {
    lives: BTreeMap<u64, Option<Life>>,
    next: u64,
}

/// Something to ask for, and what it leaves of those that it touches.
pub(crate) struct Step {
    request: Request,
    after: BTreeMap<u64, Option<Life>>,
}

enum Request {
    Commit(Box<Commit>),
    Remove(Vec<ExecutionHeader>),
}

impl Step {
    pub(crate) async fn run(&self, store: &dyn Store) -> Result<(), StoreError> {
        match &self.request {
            Request::Commit(commit) => store.commit((**commit).clone()).await,
            Request::Remove(headers) => store.remove(headers).await,
        }
    }
}

impl Model {
    /// A start.
    pub(crate) fn start(&self, number: u64) -> Step {
        let mut life = Life::new(number);
        let request = Request::Commit(Box::new(life.start()));
        Step { request, after: BTreeMap::from([(number, Some(life))]) }
    }

    /// What the numbers choose: starts, states, ends, redrives, removals.
    pub(crate) fn next(&mut self, numbers: &mut Numbers) -> Step {
        let chosen = numbers.below(10);
        let there: Vec<_> =
            self.lives.iter().filter_map(|(number, it)| Some((*number, it.as_ref()?))).collect();
        if chosen < 3 || there.is_empty() {
            self.next += 1 + numbers.below(2);
            return self.start(self.next);
        }
        if chosen == 3 {
            let ended = there.iter().filter(|(_, life)| life.header.stop.is_some());
            let gone: Vec<_> = ended.take(1 + numbers.below(5) as usize).collect();
            if !gone.is_empty() {
                let headers = gone.iter().map(|(_, life)| life.header.clone()).collect();
                let after = gone.iter().map(|(number, _)| (*number, None)).collect();
                return Step { request: Request::Remove(headers), after };
            }
        }
        let (number, life) = there[numbers.below(there.len() as u64) as usize];
        let mut life = life.clone();
        let commit = match (life.header.status, numbers.below(4)) {
            (Status::Running, 0 | 1) => life.pass(1),
            (Status::Running, 2) => life.end(Status::Failed),
            (Status::Running, _) => life.end(Status::Succeeded),
            (Status::Failed, _) => life.redrive(),
            _ => {
                self.next += 1;
                return self.start(self.next);
            }
        };
        let commit = match numbers.below(3) {
            0 => life.with_checkpoint(commit),
            _ => commit,
        };
        let after = BTreeMap::from([(number, Some(life))]);
        Step { request: Request::Commit(Box::new(commit)), after }
    }

    /// It was answered.
    pub(crate) fn take(&mut self, step: &Step) {
        self.lives.extend(step.after.iter().map(|(number, life)| (*number, life.clone())));
    }

    /// Whether the store has what was answered, and of the step under way all or nothing. Returns
    /// which.
    pub(crate) async fn verify(
        &self,
        store: &dyn Store,
        step: Option<&Step>,
    ) -> Result<bool, String> {
        let touched = step.map(|step| &step.after);
        for (number, life) in &self.lives {
            if touched.is_none_or(|touched| !touched.contains_key(number)) {
                differs(store, *number, life.as_ref()).await?;
            }
        }
        let Some(touched) = touched else { return Ok(false) };
        let (mut before, mut after) = (Ok(()), Ok(()));
        for (number, life) in touched {
            let old = self.lives.get(number).and_then(Option::as_ref);
            before = before.and(differs(store, *number, old).await);
            after = after.and(differs(store, *number, life.as_ref()).await);
        }
        match (before, after) {
            (Ok(()), _) => Ok(false),
            (Err(_), Ok(())) => Ok(true),
            (Err(before), Err(after)) => Err(format!("neither: {before}; {after}")),
        }
    }
}

/// Says how what the store has of an execution differs from that.
async fn differs(store: &dyn Store, number: u64, life: Option<&Life>) -> Result<(), String> {
    let failed = |error: StoreError| format!("number {number}: {error}");
    let expected = Life::new(number).header;
    let header = store.header(expected.id).await.map_err(failed)?;
    if header.as_ref() != life.map(|life| &life.header) {
        let revision = |header: Option<&ExecutionHeader>| header.map(|it| (it.revision, it.status));
        let (found, wanted) = (revision(header.as_ref()), revision(life.map(|it| &it.header)));
        return Err(format!("number {number} is {found:?}, not {wanted:?}"));
    }
    let found = store.find_execution(&expected.arn).await.map_err(failed)?;
    if found != life.map(|life| life.id()) {
        return Err(format!("the name of number {number} names {found:?}"));
    }
    let Some(life) = life else { return Ok(()) };
    match store.load(life.id()).await.map_err(failed)? {
        Some(loaded) if loaded.execution == life.execution => Ok(()),
        _ => Err(format!("number {number} is not what was committed")),
    }
}
