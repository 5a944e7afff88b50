//! What a lane is asked to do.

use std::time::Duration;

use engine::ExecutionId;
use store::{ResourceKey, StoreError};
use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use crate::commit_row::{CommitKind, CommitRow};
use crate::group::Member;

/// For how long somebody waits while the database is away.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Where the answer goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// Work, and since when it waits.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) task: Task,
    /// Whether it is done even where nobody waits any more: it may have been written once, and what
    /// is in memory follows what is written last.
    pub(crate) is_due: bool,
    since: Instant,
}

#[derive(Debug)]
pub(crate) enum Task {
    Commit(Box<CommitRow>, Option<Reply<()>>),
    Resource(ResourceWrite, Option<Reply<u64>>),
    Removal(Vec<Removed>, Option<Reply<()>>),
}

/// A write of a resource.
#[derive(Clone, Debug)]
pub(crate) struct ResourceWrite {
    pub(crate) key: ResourceKey,
    pub(crate) expected: Option<u64>,
    pub(crate) value: Option<Vec<u8>>,
}

/// An execution to remove.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Removed {
    pub(crate) id: ExecutionId,
    pub(crate) revision: i32,
}

impl Work {
    pub(crate) fn new(task: Task) -> Work {
        Work { task, is_due: false, since: Instant::now() }
    }

    /// Whether nobody should wait for it any longer.
    pub(crate) fn is_late(&self) -> bool {
        self.since.elapsed() >= WAIT_MAX
    }

    /// Whether somebody waits for it.
    pub(crate) fn is_awaited(&self) -> bool {
        match &self.task {
            Task::Commit(_, reply) | Task::Removal(_, reply) => reply.is_some(),
            Task::Resource(_, reply) => reply.is_some(),
        }
    }

    /// Answers that it was not done, or that this is not known. It stays here.
    pub(crate) fn fail(&mut self, error: StoreError) {
        // Whoever is gone needs no answer.
        match &mut self.task {
            Task::Commit(_, reply) | Task::Removal(_, reply) => {
                reply.take().map(|reply| reply.send(Err(error)));
            }
            Task::Resource(_, reply) => {
                reply.take().map(|reply| reply.send(Err(error)));
            }
        }
    }
}

impl Member for Work {
    fn kind(&self) -> Option<u8> {
        match &self.task {
            Task::Commit(row, _) => Some(match row.kind {
                CommitKind::Start { .. } => 0,
                CommitKind::Step { .. } => 1,
                CommitKind::Agenda => 2,
            }),
            Task::Resource(..) => Some(3),
            Task::Removal(..) => None,
        }
    }

    fn keys(&self) -> impl Iterator<Item = [u8; 17]> {
        let mut keys = Vec::new();
        let mut key = |kind: u8, bytes: &Uuid| {
            let mut key = [kind; 17];
            key[1..].copy_from_slice(bytes.as_bytes());
            keys.push(key);
        };
        match &self.task {
            Task::Commit(row, _) => {
                key(0, &row.id);
                if matches!(row.kind, CommitKind::Start { .. }) {
                    key(1, &row.name);
                }
            }
            Task::Resource(write, _) => key(2, &resource_key(&write.key)),
            Task::Removal(removed, _) => {
                removed.iter().for_each(|one| key(0, &Uuid::from_bytes(one.id.0)));
            }
        }
        keys.into_iter()
    }

    fn bytes(&self) -> usize {
        match &self.task {
            Task::Commit(row, _) => row.bytes(),
            Task::Resource(write, _) => 100 + write.value.as_ref().map_or(0, Vec::len),
            Task::Removal(removed, _) => removed.len() * 20,
        }
    }
}

/// What stands for a resource: two of the same are the same.
fn resource_key(key: &ResourceKey) -> Uuid {
    let ResourceKey { kind, scope, name } = key;
    let text = format!("{}/{}/{}/{name}", *kind as u8, scope.account, scope.region);
    crate::commit_row::name(&text)
}

/// Which of so many lanes does it: always the same for an execution, and for a resource.
pub(crate) fn lane_of(task: &Task, lanes: usize) -> usize {
    let byte = match task {
        Task::Commit(row, _) => row.id.as_bytes()[15],
        Task::Resource(write, _) => resource_key(&write.key).as_bytes()[15],
        Task::Removal(removed, _) => removed.first().map_or(0, |one| one.id.0[15]),
    };
    usize::from(byte) % lanes
}
