//! Express executions that can be described, listed, stopped and their history read, for a while:
//! an option, since AWS refuses that.
//!
//! Promises: what is kept has bounds, of time, of number and of bytes; the oldest goes first. Where
//! the option is off, an Express execution costs what it cost before.
//!
//! Does not: survive the process, ask other nodes (see [`crate::express_elsewhere`]), or hold
//! children of Map Runs, which their run lists.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use engine::{
    EventId, Execution, ExecutionId, Failure, HistoryEvent, Input, Record, Status, Timestamp,
};
use json::Document;
use parking_lot::Mutex;
use store::{
    ExecutionHeader, HistoryCursor, HistoryPage, ListCursor, MachineId, Revision, Scope, encoding,
};
use tokio::sync::{mpsc, oneshot};

use crate::arn::{Arn, ResourceName};
use crate::shell::Shell;
use crate::start::StartTarget;
use crate::{ExecutionDescription, ExecutionList, OperationalError, RedriveStatus};

/// How much of Express executions is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpressHistory {
    /// For how long, from their start.
    pub age_max: Duration,
    /// How many, in all accounts and regions together.
    pub executions_max: usize,
    /// How many bytes of events, inputs and outputs.
    pub bytes_max: usize,
}

/// What an execution takes besides its events, about.
const EXECUTION_BYTES: usize = 1_000;

/// Why an Express execution is not redriven.
pub(crate) const NOT_REDRIVABLE: &str = "Express executions cannot be redriven";

/// What is kept.
pub(crate) struct KeptExpress {
    limits: ExpressHistory,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    by_arn: HashMap<Arc<str>, ExecutionId>,
    /// Ids begin with the time: the first is the oldest.
    executions: BTreeMap<ExecutionId, KeptExecution>,
    bytes: usize,
}

pub(crate) struct KeptExecution {
    header: ExecutionHeader,
    input: Document,
    output: Option<Document>,
    failure: Option<Failure>,
    /// The records of each step, in their stored form.
    steps: Vec<Vec<u8>>,
    bytes: usize,
    /// What it listens to, as long as it runs.
    inputs: Option<mpsc::UnboundedSender<Input>>,
    /// Who wants to know when it has ended.
    waiting: Vec<oneshot::Sender<Timestamp>>,
}

/// What became of a stop.
enum Stopping {
    Ended(Timestamp),
    Asked(oneshot::Receiver<Timestamp>),
}

impl KeptExpress {
    pub(crate) fn new(limits: ExpressHistory) -> KeptExpress {
        KeptExpress { limits, kept: Mutex::default() }
    }

    /// Keeps an execution that has just been started.
    pub(crate) fn begin(
        &self,
        scope: &Scope,
        target: &StartTarget,
        trace_header: Option<Arc<str>>,
        execution: &Execution,
        records: &[Record],
    ) {
        let parameters = &execution.parameters;
        let header = ExecutionHeader {
            id: parameters.id,
            scope: scope.clone(),
            arn: parameters.arn.clone(),
            name: parameters.name.clone(),
            machine: target.machine.id,
            state_machine_arn: parameters.state_machine_arn.clone(),
            state_machine_version_arn: target.version_arn.clone(),
            state_machine_alias_arn: target.alias_arn.clone(),
            definition: target.machine.definition,
            role_arn: parameters.role_arn.clone(),
            status: Status::Running,
            start: execution.start,
            stop: None,
            trace_header,
            started_by: None,
            parent: None,
            last_event: EventId::NONE,
            redrive_count: 0,
            redrive_date: None,
            revision: Revision(0),
        };
        let kept_execution = KeptExecution {
            header,
            input: parameters.input.clone(),
            output: None,
            failure: None,
            steps: Vec::new(),
            bytes: EXECUTION_BYTES + parameters.input.len_bytes(),
            inputs: None,
            waiting: Vec::new(),
        };
        let mut kept = self.kept.lock();
        kept.bytes += kept_execution.bytes;
        kept.by_arn.insert(parameters.arn.clone(), parameters.id);
        kept.executions.insert(parameters.id, kept_execution);
        kept.add(execution, records);
        kept.drop_oldest(&self.limits, execution.start);
    }

    /// What a running execution listens to.
    pub(crate) fn listens(&self, id: ExecutionId, inputs: &mpsc::UnboundedSender<Input>) {
        if let Some(kept) = self.kept.lock().executions.get_mut(&id) {
            kept.inputs = Some(inputs.clone());
        }
    }

    /// Keeps what a step gave.
    pub(crate) fn add(&self, execution: &Execution, records: &[Record], now: Timestamp) {
        let mut kept = self.kept.lock();
        kept.add(execution, records);
        kept.drop_oldest(&self.limits, now);
    }

    pub(crate) fn with<T>(
        &self,
        scope: &Scope,
        arn: &str,
        now: Timestamp,
        look: impl FnOnce(&mut KeptExecution) -> T,
    ) -> Option<T> {
        let mut kept = self.kept.lock();
        kept.drop_oldest(&self.limits, now);
        let id = *kept.by_arn.get(arn)?;
        let found = kept.executions.get_mut(&id)?;
        (found.header.scope == *scope).then(|| look(found))
    }
}

impl Kept {
    fn add(&mut self, execution: &Execution, records: &[Record]) {
        let Some(kept) = self.executions.get_mut(&execution.parameters.id) else { return };
        let step = encoding::encode_records(records);
        let output_bytes = execution.output.as_ref().map_or(0, Document::len_bytes);
        kept.bytes += step.len() + output_bytes;
        self.bytes += step.len() + output_bytes;
        kept.steps.push(step);
        kept.header.last_event = execution.last_event;
        if execution.status != Status::Running {
            kept.header.status = execution.status;
            kept.header.stop = execution.stop;
            kept.output.clone_from(&execution.output);
            kept.failure.clone_from(&execution.failure);
            kept.inputs = None;
            for waiting in kept.waiting.drain(..) {
                // Who does not wait any more does not want to know.
                let _ = waiting.send(execution.stop.unwrap_or(execution.start));
            }
        }
    }

    fn drop_oldest(&mut self, limits: &ExpressHistory, now: Timestamp) {
        let age_max = i64::try_from(limits.age_max.as_millis()).unwrap_or(i64::MAX);
        while let Some(oldest) = self.executions.first_entry() {
            let is_old = now.0.saturating_sub(oldest.get().header.start.0) > age_max;
            let is_room =
                self.bytes <= limits.bytes_max && self.by_arn.len() <= limits.executions_max;
            if is_room && !is_old {
                return;
            }
            let dropped = oldest.remove();
            self.bytes -= dropped.bytes;
            self.by_arn.remove(&dropped.header.arn);
        }
    }
}

impl KeptExecution {
    pub(crate) fn description(&self) -> ExecutionDescription {
        ExecutionDescription {
            header: self.header.clone(),
            input: self.input.clone(),
            output: self.output.clone(),
            failure: self.failure.clone().filter(|_| self.header.status != Status::TimedOut),
            redrive: RedriveStatus::NotRedrivable(NOT_REDRIVABLE),
        }
    }

    pub(crate) fn page(
        &self,
        from: Option<HistoryCursor>,
        limit: usize,
        reverse: bool,
    ) -> HistoryPage {
        let records = self.steps.iter().flat_map(|step| {
            encoding::decode_records(step).expect("it was encoded by this process")
        });
        let mut events: Vec<HistoryEvent> = records
            .filter_map(|record| match record {
                Record::Event(event) => Some(event),
                Record::Note(_) => None,
            })
            .collect();
        if reverse {
            events.reverse();
        }
        let offset = from.map_or(0, |from| from.offset as usize);
        let end = offset.saturating_add(limit);
        let cursor = |offset| HistoryCursor { revision: Revision(0), offset };
        let next = (end < events.len()).then(|| u32::try_from(end).ok().map(cursor)).flatten();
        let events = events.into_iter().skip(offset).take(limit).collect();
        HistoryPage { events, next }
    }

    fn stop(&mut self, failure: Failure) -> Stopping {
        if let Some(stop) = self.header.stop {
            return Stopping::Ended(stop);
        }
        let (sender, receiver) = oneshot::channel();
        self.waiting.push(sender);
        if let Some(inputs) = &self.inputs {
            // One that has ended meanwhile says so.
            let _ = inputs.send(Input::Stopped(failure));
        }
        Stopping::Asked(receiver)
    }
}

impl Shell {
    /// What is kept of Express executions, where the ARN is one of them and they are kept.
    pub(crate) fn kept_express(&self, arn: &str) -> Option<&KeptExpress> {
        let kept = self.express_history.as_ref()?;
        let parsed = Arn::parse(arn).ok()?;
        matches!(parsed.resource, ResourceName::Express { .. }).then_some(kept)
    }

    /// Stops one that is kept here; none where there is none of that ARN.
    pub(crate) async fn stop_express_here(
        &self,
        kept: &KeptExpress,
        (scope, arn): (&Scope, &str),
        failure: &Failure,
    ) -> Option<Result<Timestamp, OperationalError>> {
        match kept.with(scope, arn, self.now(), |it| it.stop(failure.clone()))? {
            Stopping::Ended(stop) => Some(Ok(stop)),
            Stopping::Asked(stopped) => match stopped.await {
                Ok(stop) => Some(Ok(stop)),
                Err(_) if self.is_closing() => Some(Err(OperationalError::ShuttingDown)),
                // There was no more room for it.
                Err(_) => None,
            },
        }
    }

    /// A page of the executions of an Express machine that are kept here, through a version or an
    /// alias where these are named; none where nothing is kept.
    pub(crate) fn list_express_here(
        &self,
        machine: MachineId,
        is_of: impl Fn(&ExecutionHeader) -> bool,
        (status, after, limit): (Option<Status>, Option<ListCursor>, usize),
    ) -> Option<ExecutionList> {
        let kept = self.express_history.as_ref()?;
        let mut kept_now = kept.kept.lock();
        kept_now.drop_oldest(&kept.limits, self.now());
        let newest_first = kept_now.executions.values().rev().map(|it| &it.header);
        let mut found = newest_first
            .filter(|it| it.machine == machine && is_of(it))
            .filter(|it| status.is_none_or(|status| it.status == status))
            .filter(|it| after.is_none_or(|ListCursor(id)| it.id < id));
        let executions: Vec<ExecutionHeader> = found.by_ref().take(limit).cloned().collect();
        let is_last = found.next().is_none();
        let next = executions.last().filter(|_| !is_last).map(|last| ListCursor(last.id));
        Some(ExecutionList { executions, item_counts: Vec::new(), next })
    }
}
