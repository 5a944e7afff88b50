//! Executions made by hand: records such as a step gives, without a program.

use std::sync::Arc;

use asl::{StateIndex, StateType};
use engine::{
    EventId, EventKind, Execution, ExecutionId, Failure, FrameId, HistoryEvent, Note, Record,
    RetryAt, StartParameters, Status, TaskId, TaskToken, Timestamp,
};
use json::Document;

use crate::encoding::encode_execution;
use crate::{
    Agenda, Commit, DefinitionId, ExecutionHeader, Expected, MachineId, Revision, Scope, Store,
};

/// One execution, as the runtime would hold it: every commit it gives is also applied here.
#[derive(Clone, Debug)]
pub struct Life {
    /// As the last commit leaves it.
    pub header: ExecutionHeader,
    /// As the last commit leaves it.
    pub execution: Execution,
    /// Of all commits.
    pub events: Vec<HistoryEvent>,
    /// Of the commits from now on.
    pub agenda: Option<Agenda>,
    document: Document,
}

/// Whose they all are.
pub fn scope() -> Scope {
    Scope { account: "123456789012".into(), region: "us-east-1".into() }
}

impl Life {
    /// An execution that starts so many milliseconds after a certain instant.
    pub fn new(number: u64) -> Life {
        Life::named(number, &format!("number-{number}"))
    }

    /// The same, with a name of one's choice.
    pub fn named(number: u64, name: &str) -> Life {
        let start = Timestamp(1_700_000_000_000).plus_milliseconds(number);
        let mut id = [7; 16];
        id[..6].copy_from_slice(&start.0.to_be_bytes()[2..]);
        let state_machine_arn = "arn:aws:states:us-east-1:123456789012:stateMachine:Machine";
        let document = Document::from_trusted_text(&format!(r#"{{"number":{number}}}"#));
        let header = ExecutionHeader {
            id: ExecutionId(id),
            scope: scope(),
            arn: format!("arn:aws:states:us-east-1:123456789012:execution:Machine:{name}").into(),
            name: name.into(),
            machine: MachineId([1; 16]),
            state_machine_arn: state_machine_arn.into(),
            state_machine_version_arn: None,
            state_machine_alias_arn: None,
            definition: DefinitionId([2; 16]),
            role_arn: "arn:aws:iam::123456789012:role/role".into(),
            status: Status::Running,
            start,
            stop: None,
            trace_header: None,
            started_by: None,
            parent: None,
            last_event: EventId::NONE,
            redrive_count: 0,
            redrive_date: None,
            revision: Revision(0),
        };
        let execution = Execution::new(StartParameters {
            id: header.id,
            arn: header.arn.clone(),
            name: header.name.clone(),
            state_machine_arn: header.state_machine_arn.clone(),
            state_machine_name: "Machine".into(),
            role_arn: header.role_arn.clone(),
            state_machine_version_arn: None,
            state_machine_alias_arn: None,
            input: document.clone(),
        });
        Life { header, execution, events: Vec::new(), agenda: None, document }
    }

    /// Its number.
    pub fn id(&self) -> ExecutionId {
        self.header.id
    }

    /// A second after its last event, or after its start.
    pub fn now(&self) -> Timestamp {
        let last = self.events.last().map_or(self.header.start, |event| event.timestamp);
        last.plus_seconds(1)
    }

    /// Sets the agenda of the commits from now on.
    pub fn due(&mut self, due: Option<Timestamp>, has_effects: bool) -> &mut Life {
        self.agenda = Some(Agenda { due, has_effects, heartbeats: Vec::new() });
        self
    }

    /// The first commit; free are the names of what stopped before 1970.
    pub fn start(&mut self) -> Commit {
        self.start_after(Timestamp(0))
    }

    /// The first commit; free are the names of what stopped by then.
    pub fn start_after(&mut self, free_after: Timestamp) -> Commit {
        let started = EventKind::ExecutionStarted {
            input: self.document.clone(),
            role_arn: self.header.role_arn.clone(),
            state_machine_version_arn: None,
            state_machine_alias_arn: None,
            deadline: None,
        };
        let record = self.event(self.header.start, started);
        self.commit(Expected::New { free_after }, vec![record], None)
    }

    /// A commit that crosses so many states, with a note in each.
    pub fn pass(&mut self, states: u32) -> Commit {
        let now = self.now();
        let mut records = Vec::new();
        for _ in 0..states {
            let state = StateIndex(self.header.last_event.0 as u32);
            let name: Arc<str> = format!("State{}", state.0).into();
            records.push(self.event(now, entered(state, &name, &self.document)));
            let retry = RetryAt { retrier: 0, at: now, previous: self.header.last_event };
            records.push(self.note(Note::RetryScheduled { frame: FrameId::ROOT, retry }));
            let text = format!(r#"{{"after":{}}}"#, state.0);
            self.document = Document::from_trusted_text(&text);
            records.push(self.event(now, exited(name, &self.document, Some(state))));
        }
        self.commit(Expected::At(self.header.revision), records, None)
    }

    /// A commit that crosses a state whose output is that long.
    pub fn pass_bytes(&mut self, bytes: usize) -> Commit {
        let now = self.now();
        let state = StateIndex(0);
        let enter = self.event(now, entered(state, &"Large".into(), &self.document));
        self.document = Document::from_trusted_text(&format!("\"{}\"", "x".repeat(bytes)));
        let exit = self.event(now, exited("Large".into(), &self.document, Some(state)));
        self.commit(Expected::At(self.header.revision), vec![enter, exit], None)
    }

    /// A commit with a note alone.
    pub fn remark(&mut self) -> Commit {
        let retry = RetryAt { retrier: 1, at: self.now(), previous: self.header.last_event };
        let note = self.note(Note::RetryScheduled { frame: FrameId::ROOT, retry });
        self.commit(Expected::At(self.header.revision), vec![note], None)
    }

    /// A commit that enters a state whose task a worker has, with heartbeats.
    pub fn work(&mut self) -> (Commit, TaskId) {
        let now = self.now();
        let name: Arc<str> = "Work".into();
        let enter = self.event(now, entered(StateIndex(0), &name, &self.document));
        let scheduled = EventKind::ActivityScheduled {
            resource: "arn:aws:states:us-east-1:123456789012:activity:activity".into(),
            input: self.document.clone(),
            timeout_seconds: None,
            heartbeat_seconds: Some(60),
            token: TaskToken("token".into()),
        };
        let scheduled = self.event(now, scheduled);
        let task = TaskId { frame: FrameId::ROOT, scheduled: self.header.last_event };
        let started = self.event(now, EventKind::ActivityStarted { worker_name: None });
        let records = vec![enter, scheduled, started];
        (self.commit(Expected::At(self.header.revision), records, None), task)
    }

    /// The last commit; nothing comes next, unless the agenda says otherwise.
    pub fn end(&mut self, status: Status) -> Commit {
        let failure = || Failure::new("Error", "because");
        let kind = match status {
            Status::Running => unreachable!("no end"),
            Status::Succeeded => EventKind::ExecutionSucceeded { output: self.document.clone() },
            Status::Failed => EventKind::ExecutionFailed(failure()),
            Status::TimedOut => EventKind::ExecutionTimedOut(failure()),
            Status::Aborted => EventKind::ExecutionAborted(failure()),
        };
        let record = self.event(self.now(), kind);
        self.commit(Expected::At(self.header.revision), vec![record], None)
    }

    /// A redrive: what was closed is open again.
    pub fn redrive(&mut self) -> Commit {
        let redriven = EventKind::ExecutionRedriven {
            redrive_count: self.header.redrive_count + 1,
            deadline: None,
            client_token: Some("token".into()),
            anew: Vec::new(),
        };
        let record = self.event(self.now(), redriven);
        self.commit(Expected::At(self.header.revision), vec![record], None)
    }

    /// A commit of the agenda alone.
    pub fn reschedule(&mut self) -> Commit {
        self.commit(Expected::At(self.header.revision), Vec::new(), None)
    }

    /// The commit, with a checkpoint.
    pub fn with_checkpoint(&self, mut commit: Commit) -> Commit {
        commit.checkpoint = Some(encode_execution(&self.execution));
        commit
    }

    fn commit(
        &mut self,
        expected: Expected,
        records: Vec<Record>,
        checkpoint: Option<Vec<u8>>,
    ) -> Commit {
        let is_new = self.header.revision == Revision(0);
        let previous_status = (!is_new).then_some(self.header.status);
        self.header.status = self.execution.status;
        self.header.stop = self.execution.stop;
        self.header.redrive_count = self.execution.redrives.count;
        self.header.redrive_date = self.execution.redrives.date;
        self.header.revision.0 += u32::from(!records.is_empty());
        let (header, agenda) = (self.header.clone(), self.agenda.clone());
        let resource = None;
        Commit { expected, header, previous_status, records, agenda, checkpoint, resource }
    }

    fn event(&mut self, timestamp: Timestamp, kind: EventKind) -> Record {
        let previous = self.header.last_event;
        let id = previous.next();
        let event = HistoryEvent { id, previous, timestamp, frame: FrameId::ROOT, kind };
        self.header.last_event = id;
        self.events.push(event.clone());
        let record = Record::Event(event);
        self.execution.apply(&record);
        record
    }

    fn note(&mut self, note: Note) -> Record {
        let record = Record::Note(note);
        self.execution.apply(&record);
        record
    }

    /// Panics unless the store has exactly this.
    pub async fn check(&self, store: &dyn Store) {
        let loaded = store.load(self.id()).await.expect("readable").expect("committed");
        assert_eq!(loaded.header, self.header);
        assert_eq!(loaded.execution, self.execution);
        let header = store.header(self.id()).await.expect("readable");
        assert_eq!(header.as_ref(), Some(&self.header));
        let history = store.history(self.id(), None, usize::MAX, false).await.expect("readable");
        assert_eq!(history.events, self.events);
        assert_eq!(history.next, None);
    }
}

fn entered(state: StateIndex, name: &Arc<str>, input: &Document) -> EventKind {
    let (name, input) = (name.clone(), input.clone());
    EventKind::StateEntered { state_type: StateType::Task, name, input, state, until: None }
}

fn exited(name: Arc<str>, output: &Document, next: Option<StateIndex>) -> EventKind {
    let (output, assigned) = (output.clone(), Vec::new());
    EventKind::StateExited { state_type: StateType::Task, name, output, assigned, next }
}
