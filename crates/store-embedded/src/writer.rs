//! The one thread that writes: takes all that waits, checks it, writes it as one batch with one
//! sync, answers. The longer a sync takes, the more waits for the next, so that the load decides
//! how many commits share one.

mod mending;

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{ExecutionId, Timestamp};
use store::{ExecutionHeader, Expected, ResourceKey, Revision, StoreError};

use crate::agendas::Change;
use crate::changes::{ExecutionChange, Write};
use crate::database::Database;
use crate::error::store_error;
use crate::queue::{Reply, Request, Wait};
use crate::removals::{Cleanup, Removal};
use crate::store::Shared;
use crate::writer::mending::Mending;
use crate::{database, removals, resources};

/// A group may be as large as this, so that its sync does not take too long.
const GROUP_BYTES_MAX: usize = 8 << 20;

/// How long to wait before the next attempt to write again.
const RECOVERY_PAUSE: Duration = Duration::from_millis(200);

/// So many executions are remembered, and as many before them.
const RECENT_MAX: usize = 16_384;

/// The thread's own state.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    recent: Recent,
    /// Requests that have to wait for the next group.
    carried: Vec<Request>,
    /// The first number that no answered batch has.
    answered: u64,
    /// Set while nothing can be written.
    broken: Option<Broken>,
    /// What is left of executions that are removed.
    cleanup: Cleanup,
    mending: Mending,
}

struct Broken {
    reason: String,
    since: Instant,
}

/// A batch in the making. No row is in it twice, since the engine could not tell which came last:
/// at most one request for each execution, for each name, and for each resource.
#[derive(Default)]
struct Group {
    writes: Vec<Write>,
    executions: Vec<(Change, Known, Reply<()>)>,
    resources: Vec<(u64, Reply<u64>)>,
    resource_keys: HashSet<ResourceKey>,
    ids: HashSet<ExecutionId>,
    names: HashSet<[u8; 17]>,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>) -> Writer {
        let answered = shared.read(|database| Ok(database.next_number())).unwrap_or_default();
        let (recent, cleanup) = (Recent::default(), Cleanup::default());
        let (carried, broken, mending) = (Vec::new(), None, Mending::default());
        Writer { shared, recent, carried, answered, broken, cleanup, mending }
    }

    /// Until a [`Request::Close`].
    pub(crate) fn run(mut self) {
        loop {
            let mut requests = std::mem::take(&mut self.carried);
            let wait = match requests.is_empty() {
                true => self.wait(),
                false => Wait::Not,
            };
            requests.extend(self.shared.queue.take(GROUP_BYTES_MAX, wait));
            if self.broken.is_some() {
                self.recover();
            }
            // A panic of the engine must not take the store with it. Whoever waits for an answer
            // is told that there is none.
            let served = catch_unwind(AssertUnwindSafe(|| {
                let close = self.serve(requests);
                if close.is_none() && self.broken.is_none() {
                    self.do_other_work();
                }
                close
            }));
            match served {
                Ok(None) => {}
                Ok(Some(reply)) => {
                    let result = self.close();
                    // The caller may have gone.
                    return drop(reply.send(result));
                }
                Err(_) => drop(self.breaks("the writer panicked")),
            }
        }
    }

    fn wait(&self) -> Wait {
        match &self.broken {
            Some(_) => Wait::AtMost(RECOVERY_PAUSE),
            None if self.is_busy() => Wait::Not,
            None => Wait::ForEver,
        }
    }

    /// Writes or refuses them. Returns where the answer to a close goes.
    fn serve(&mut self, requests: Vec<Request>) -> Option<Reply<()>> {
        let mut close = None;
        let mut group = Group::default();
        let mut copies = Vec::new();
        for request in requests {
            match (request, &self.broken) {
                (Request::Close(reply), _) => close = Some(reply),
                (Request::Examine, _) => self.examine(),
                (Request::Mend(found), _) => copies.push(found),
                (request, Some(broken)) => {
                    request.refuse(StoreError::Refused(broken.reason.clone()));
                }
                (request, None) => self.stage(&mut group, request),
            }
        }
        self.write(group);
        for found in copies {
            match self.broken.is_none() && close.is_none() {
                true => self.mend(found),
                // It is met again.
                false => self.calm(),
            }
        }
        while close.is_some() && !self.carried.is_empty() {
            // Came before the close.
            let carried = std::mem::take(&mut self.carried);
            self.serve(carried);
        }
        close
    }

    /// Adds a request to the group, answers it, or leaves it for the next group.
    fn stage(&mut self, group: &mut Group, request: Request) {
        match request {
            Request::Execution(mut change, reply) => {
                let names = change.names();
                if group.ids.contains(&change.id) || names && group.names.contains(&change.name) {
                    return self.carried.push(Request::Execution(change, reply));
                }
                let checked = self.shared.read(|database| {
                    if change.id <= database.horizon() {
                        change.keep();
                    }
                    self.recent.check(database, &change)
                });
                match checked {
                    Ok(previous_due) => group.add(*change, previous_due, reply),
                    Err(error) => self.refuse(Request::Execution(change, reply), error),
                }
            }
            Request::Removal(headers, reply) => {
                // It must see what came before it.
                self.write(std::mem::take(group));
                match self.remove(&headers) {
                    Ok(()) => drop(reply.send(Ok(()))),
                    Err(error) => self.refuse(Request::Removal(headers, reply), error),
                }
            }
            Request::Resource(change, reply) => {
                if group.resource_keys.contains(&change.key) {
                    return self.carried.push(Request::Resource(change, reply));
                }
                let last = group.resources.last().map(|(version, _)| *version);
                match self.shared.read(|database| resources::write(database, &change, last)) {
                    Ok((write, version)) => {
                        group.writes.push(write);
                        group.resources.push((version, reply));
                        group.resource_keys.insert(change.key);
                    }
                    Err(error) => self.refuse(Request::Resource(change, reply), error),
                }
            }
            Request::Examine | Request::Mend(_) | Request::Close(_) => {
                unreachable!("they are taken out before")
            }
        }
    }

    fn write(&mut self, mut group: Group) {
        if group.writes.is_empty() {
            return;
        }
        let mut writes = std::mem::take(&mut group.writes);
        let last = group.resources.last();
        writes.extend(last.map(|(version, _)| resources::counter(*version)));
        let written = self.shared.read(|database| {
            let written = database.write(writes, None);
            written.map_err(|error| store_error("cannot write", &error))?;
            Ok(database.next_number())
        });
        match written {
            Ok(next_number) => {
                self.answered = next_number;
                self.finish(group);
            }
            Err(error) => {
                let error = self.breaks(&reason_of(error));
                for (_, _, reply) in group.executions {
                    drop(reply.send(Err(error.clone())));
                }
                for (_, reply) in group.resources {
                    drop(reply.send(Err(error.clone())));
                }
            }
        }
    }

    fn remove(&mut self, headers: &[ExecutionHeader]) -> Result<(), StoreError> {
        if let Some(broken) = &self.broken {
            return Err(StoreError::Refused(broken.reason.clone()));
        }
        let Removal { writes, horizon, cleanup } =
            self.shared.read(|database| removals::plan(database, headers))?;
        let written = self.shared.read(|database| {
            let written = database.write(writes, horizon);
            written.map_err(|error| store_error("cannot write", &error))?;
            Ok(database.next_number())
        });
        self.answered = written.map_err(|error| self.breaks(&reason_of(error)))?;
        headers.iter().for_each(|header| self.recent.forget(header.id));
        self.cleanup.append(cleanup);
        Ok(())
    }

    /// Writes a batch that nobody waits for.
    fn write_alone(&mut self, writes: Vec<Write>) {
        self.write(Group { writes, ..Group::default() });
    }

    /// Takes up what was written, and answers.
    fn finish(&mut self, group: Group) {
        let mut replies = Vec::with_capacity(group.executions.len());
        let mut agendas = self.shared.agendas.lock();
        for (change, known, reply) in group.executions {
            self.recent.remember(change.id, known);
            agendas.change(change);
            replies.push(reply);
        }
        drop(agendas);
        // Whoever does not wait for the answer any more does not need it.
        for reply in replies {
            drop(reply.send(Ok(())));
        }
        for (version, reply) in group.resources {
            drop(reply.send(Ok(version)));
        }
    }

    /// Refuses everything from now on, until [`Writer::recover`] succeeds.
    fn breaks(&mut self, error: &str) -> StoreError {
        // The engine does not tell what failed in its workers; a write of our own does.
        let reason = match self.shared.folder.probe() {
            Ok(()) => error.to_owned(),
            Err(probed) => format!("{error}: {probed}"),
        };
        tracing::error!(reason, "the store refuses commits");
        self.broken = Some(Broken { reason: reason.clone(), since: Instant::now() });
        self.shared.agendas.lock().set_broken(Some(StoreError::Refused(reason.clone())));
        // What was being written may be there, although it failed.
        StoreError::Unknown(reason)
    }

    /// Opens the database anew where there is room to write, as after a crash, but without the
    /// batches that were refused.
    fn recover(&mut self) {
        let Some(broken) = &mut self.broken else { return };
        if broken.since.elapsed() < RECOVERY_PAUSE {
            return;
        }
        broken.since = Instant::now();
        let shared = self.shared.clone();
        let result = match shared.folder.probe() {
            Ok(()) => shared.reopen(|path: &Path| database::repair_log(path, self.answered)),
            Err(error) => Err(error.to_string()),
        };
        match result {
            Ok(()) => {
                tracing::info!("the store accepts commits again");
                self.broken = None;
                self.shared.agendas.lock().set_broken(None);
            }
            Err(reason) => broken.reason = reason,
        }
    }

    fn close(&mut self) -> Result<(), StoreError> {
        self.end_examination();
        self.finish_other_work();
        let broken = self.broken.take().map(|broken| StoreError::Refused(broken.reason));
        self.shared.close(broken.is_none()).and(broken.map_or(Ok(()), Err))
    }
}

impl Group {
    fn add(&mut self, change: ExecutionChange, previous_due: Option<Timestamp>, reply: Reply<()>) {
        self.ids.insert(change.id);
        if change.names() {
            self.names.insert(change.name);
        }
        let known = Known { revision: change.revision, due: change.due };
        let ExecutionChange { id, scope, previous_status, status, due, writes, .. } = change;
        self.writes.extend(writes);
        let change = Change { id, scope, previous_status, status, previous_due, due };
        self.executions.push((change, known, reply));
    }
}

/// What an error says, without that the store is not available.
fn reason_of(error: StoreError) -> String {
    match error {
        StoreError::Refused(reason) | StoreError::Unknown(reason) => reason,
        error @ (StoreError::Conflict | StoreError::Corrupt(_)) => error.to_string(),
    }
}

/// What a commit must know of the one before it.
#[derive(Clone, Copy, Debug)]
struct Known {
    revision: Revision,
    due: Option<Timestamp>,
}

/// The executions that were committed lately, so that the next commit need not read. Two
/// generations: when the young one is full, the old one is forgotten.
#[derive(Default)]
struct Recent {
    young: HashMap<ExecutionId, Known>,
    old: HashMap<ExecutionId, Known>,
}

impl Recent {
    /// Whether what the commit expects holds; when the execution was due so far.
    fn check(
        &self,
        database: &Database,
        change: &ExecutionChange,
    ) -> Result<Option<Timestamp>, StoreError> {
        match change.expected {
            Expected::New { free_after } => {
                let Some(newest) = database.newest(&change.name)? else { return Ok(None) };
                match database.header(newest)? {
                    Some(header) if !header.is_name_free(free_after) => Err(StoreError::Conflict),
                    Some(_) | None => Ok(None),
                }
            }
            Expected::At(revision) => match self.known(database, change.id)? {
                Some(known) if known.revision == revision => Ok(known.due),
                Some(_) | None => Err(StoreError::Conflict),
            },
        }
    }

    fn known(&self, database: &Database, id: ExecutionId) -> Result<Option<Known>, StoreError> {
        if let Some(known) = self.young.get(&id).or_else(|| self.old.get(&id)) {
            return Ok(Some(*known));
        }
        if let Some(row) = database.agenda(id)? {
            return Ok(Some(Known { revision: row.revision, due: row.agenda.due }));
        }
        let header = database.header(id)?;
        Ok(header.map(|header| Known { revision: header.revision, due: None }))
    }

    fn forget(&mut self, id: ExecutionId) {
        self.young.remove(&id);
        self.old.remove(&id);
    }

    fn remember(&mut self, id: ExecutionId, known: Known) {
        if self.young.len() >= RECENT_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(id, known);
    }
}
