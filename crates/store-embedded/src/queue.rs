//! What waits for the writer.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use store::{ExecutionHeader, ResourceKey, StoreError};
use tokio::sync::oneshot;

use crate::changes::ExecutionChange;
use crate::mend::Copy;

/// Where an answer goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// Something to write.
pub(crate) enum Request {
    /// A commit.
    Execution(Box<ExecutionChange>, Reply<()>),
    /// The removal of executions that have ended.
    Removal(Vec<ExecutionHeader>, Reply<()>),
    /// A definition, an activity or another named thing.
    Resource(ResourceChange, Reply<u64>),
    /// A look at all tables, since one of them is damaged.
    Examine,
    /// What that look found to be put in place.
    Mend(Vec<Copy>),
    /// The removal of replaced values from the files.
    Forget(Reply<()>),
    /// The end: whatever is asked for after it is refused.
    Close(Reply<()>),
}

/// A resource to write.
pub(crate) struct ResourceChange {
    pub(crate) key: ResourceKey,
    pub(crate) expected: Option<u64>,
    pub(crate) value: Option<Vec<u8>>,
}

impl Request {
    fn bytes(&self) -> usize {
        match self {
            Request::Execution(change, _) => change.bytes(),
            Request::Resource(change, _) => change.value.as_ref().map_or(0, Vec::len),
            Request::Removal(..)
            | Request::Examine
            | Request::Mend(_)
            | Request::Forget(_)
            | Request::Close(_) => 0,
        }
    }

    /// Answers that it was not done.
    pub(crate) fn refuse(self, error: StoreError) {
        // Whoever does not wait for the answer any more does not need it.
        match self {
            Request::Execution(_, reply) => drop(reply.send(Err(error))),
            Request::Removal(_, reply) => drop(reply.send(Err(error))),
            Request::Resource(_, reply) => drop(reply.send(Err(error))),
            Request::Forget(reply) | Request::Close(reply) => drop(reply.send(Err(error))),
            // Nobody waits for these.
            Request::Examine | Request::Mend(_) => {}
        }
    }
}

/// Requests in order. As long as there are callers, each of which waits for its answer.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    requests: VecDeque<Request>,
    is_closed: bool,
}

impl Queue {
    /// Puts it at the end, or refuses it after a [`Request::Close`].
    pub(crate) fn push(&self, request: Request) {
        let mut state = self.state.lock();
        if state.is_closed {
            drop(state);
            return request.refuse(closed());
        }
        state.is_closed = matches!(request, Request::Close(_));
        state.requests.push_back(request);
        drop(state);
        self.arrived.notify_one();
    }

    /// Takes what is there, up to so many bytes, but at least one request. Waits for the first one,
    /// where it is asked to, for so long at most.
    pub(crate) fn take(&self, bytes_max: usize, wait: Wait) -> Vec<Request> {
        let mut state = self.state.lock();
        match wait {
            Wait::ForEver => {
                self.arrived.wait_while(&mut state, |state| state.requests.is_empty());
            }
            Wait::AtMost(time) => {
                let is_empty = |state: &mut State| state.requests.is_empty();
                self.arrived.wait_while_for(&mut state, is_empty, time);
            }
            Wait::Not => {}
        }
        let mut bytes = 0;
        let fits = |request: &Request| {
            let fits = bytes == 0 || bytes + request.bytes() <= bytes_max;
            bytes += request.bytes().max(1);
            fits
        };
        let count = state.requests.iter().map(fits).take_while(|fits| *fits).count();
        state.requests.drain(..count).collect()
    }
}

/// Whether to wait for requests.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wait {
    ForEver,
    AtMost(Duration),
    Not,
}

/// The answer to whatever comes after the end.
pub(crate) fn closed() -> StoreError {
    StoreError::Refused("the store is closed".to_owned())
}
