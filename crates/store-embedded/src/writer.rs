//! The one thread that writes: takes all that waits, checks it, writes it as one batch with one
//! sync, answers. The longer a sync takes, the more waits for the next, so that the load decides
//! how many commits share one.

mod forgetting;
mod mending;

use std::collections::{HashMap, HashSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{ExecutionId, Timestamp};
use store::{ExecutionHeader, Expected, ResourceKey, Revision, StoreError};

use crate::agendas::Change;
use crate::changes::{ExecutionChange, Write};
use crate::database::{Database, WriteFailure};
use crate::disk::is_full;
use crate::error::store_error;
use crate::queue::{Reply, Request, Wait};
use crate::removals::{Cleanup, Removal};
use crate::store::Shared;
use crate::writer::mending::Mending;
use crate::{OpenError, removals, resources};

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
    /// Set while nothing can be written.
    broken: Option<Broken>,
    /// What is left of executions that are removed.
    cleanup: Cleanup,
    mending: Mending,
}

struct Broken {
    reason: String,
    since: Instant,
    /// Until a restart: the disk failed, and nobody knows what is on it.
    is_final: bool,
}

/// Whether and when writing may go on after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outlook {
    /// Once there is room, or at once where there is.
    Room,
    /// After a restart.
    Restart,
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
        let (recent, cleanup) = (Recent::default(), Cleanup::default());
        let (carried, broken, mending) = (Vec::new(), None, Mending::default());
        Writer { shared, recent, carried, broken, cleanup, mending }
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
                Err(_) => self.breaks("the writer panicked", Outlook::Room),
            }
        }
    }

    fn wait(&self) -> Wait {
        match &self.broken {
            Some(broken) if broken.is_final => Wait::ForEver,
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
                (Request::Forget(reply), _) => {
                    // It must see what came before it.
                    self.write(std::mem::take(&mut group));
                    drop(reply.send(self.forget()));
                }
                (Request::Mend(found), _) => copies.push(found),
                (request, Some(_)) => {
                    request.refuse(self.refusal());
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
            Request::Examine | Request::Mend(_) | Request::Forget(_) | Request::Close(_) => {
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
        match self.put(writes, None) {
            Ok(()) => self.finish(group),
            Err(error) => {
                for (_, _, reply) in group.executions {
                    drop(reply.send(Err(error.clone())));
                }
                for (_, reply) in group.resources {
                    drop(reply.send(Err(error.clone())));
                }
            }
        }
    }

    /// Puts rows in place, and refuses everything from now on where that fails.
    fn put(&mut self, writes: Vec<Write>, horizon: Option<ExecutionId>) -> Result<(), StoreError> {
        let resources = writes.iter().filter(|write| write.is_of_resource());
        let resources: Vec<_> = resources.map(|write| write.key.clone()).collect();
        let written = self.shared.read(|database| Ok(database.write(writes, horizon)));
        // Before anybody is told: whoever was told reads what was written.
        self.shared.resource_cache.forget(&resources);
        let written = written?;
        let (error, may_be_there) = match written {
            Ok(()) => return Ok(()),
            Err(WriteFailure::Before(error)) => (error, false),
            Err(WriteFailure::During(error)) => (lsm_tree::Error::Io(error), true),
        };
        let mut outlook = outlook(&error);
        let mut reason = reason_of(store_error("cannot write", &error));
        if !may_be_there || outlook == Outlook::Restart {
            self.breaks(&reason, outlook);
        } else {
            let cut = self.shared.read(|database| Ok(database.cut_refused()))?;
            if let Err(error) = &cut {
                reason = format!("{reason}; cannot take it back: {error}");
                outlook = if is_full(error) { Outlook::Room } else { Outlook::Restart };
            }
            self.breaks(&reason, outlook);
            if cut.is_ok() {
                return Err(self.refusal());
            }
        }
        match may_be_there {
            true => Err(StoreError::Unknown(reason)),
            false => Err(self.refusal()),
        }
    }

    fn remove(&mut self, headers: &[ExecutionHeader]) -> Result<(), StoreError> {
        if self.broken.is_some() {
            return Err(self.refusal());
        }
        let Removal { writes, horizon, cleanup } =
            self.shared.read(|database| removals::plan(database, headers))?;
        self.put(writes, horizon)?;
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

    /// Refuses everything from now on, until [`Writer::recover`] succeeds, if it ever may.
    fn breaks(&mut self, error: &str, outlook: Outlook) {
        let is_final = outlook == Outlook::Restart;
        let reason = match is_final {
            true => format!("nothing is written until a restart, since the disk failed: {error}"),
            // The engine does not tell what failed in its workers; a write of our own does.
            false => match self.shared.folder.probe() {
                Ok(()) => error.to_owned(),
                Err(probed) => format!("{error}: {probed}"),
            },
        };
        tracing::error!(reason, "the store refuses commits");
        self.broken = Some(Broken { reason: reason.clone(), since: Instant::now(), is_final });
        self.shared.agendas.lock().set_broken(Some(self.refusal()));
        if is_final {
            self.shared.fail(&reason);
        }
    }

    /// The answer to everything while nothing can be written.
    fn refusal(&self) -> StoreError {
        let reason = self.broken.as_ref().map_or("it failed", |broken| &broken.reason);
        StoreError::Refused(reason.to_owned())
    }

    /// Opens the database anew where there is room to write, as after a crash, but without what was
    /// refused.
    fn recover(&mut self) {
        let Some(broken) = &mut self.broken else { return };
        if broken.is_final || broken.since.elapsed() < RECOVERY_PAUSE {
            return;
        }
        broken.since = Instant::now();
        let result = self.try_recover();
        match result {
            Ok(()) => {
                tracing::info!("the store accepts commits again");
                self.broken = None;
                self.shared.agendas.lock().set_broken(None);
            }
            Err((reason, Outlook::Room)) => {
                if let Some(broken) = &mut self.broken {
                    broken.reason = reason;
                }
            }
            Err((reason, Outlook::Restart)) => self.breaks(&reason, Outlook::Restart),
        }
    }

    fn try_recover(&self) -> Result<(), (String, Outlook)> {
        let io = |error: io::Error| {
            let outlook = if is_full(&error) { Outlook::Room } else { Outlook::Restart };
            (error.to_string(), outlook)
        };
        // Closed, or could not be opened the last time: then there is nothing to cut off.
        let cut = self.shared.read(|database| Ok(database.cut_refused())).unwrap_or(Ok(()));
        cut.map_err(io)?;
        self.shared.folder.probe().map_err(io)?;
        self.shared.reopen(|_| Ok(())).map_err(|error| (error.to_string(), outlook_of(&error)))
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

/// What can become of an error of a write.
fn outlook(error: &lsm_tree::Error) -> Outlook {
    match error {
        lsm_tree::Error::Io(error) if is_full(error) => Outlook::Room,
        _ => Outlook::Restart,
    }
}

/// What can become of an error of opening.
fn outlook_of(error: &OpenError) -> Outlook {
    match error {
        OpenError::Io { source, .. } if is_full(source) => Outlook::Room,
        _ => Outlook::Restart,
    }
}

/// What an error says, without that the store is not available.
fn reason_of(error: StoreError) -> String {
    match error {
        StoreError::Refused(reason) | StoreError::Unknown(reason) => reason,
        error @ (StoreError::Conflict | StoreError::Corrupt(_) | StoreError::Elsewhere) => {
            error.to_string()
        }
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
