//! Values drawn from a tape of bytes, so that proptest can make the tape shorter when something
//! fails. A tape that has ended gives zeros.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::{IntegrationPattern, RegionIndex, StateIndex, StateType};
use engine::{
    ActiveFrames, Activity, ChildRequest, ChildTask, EventId, EventKind, Execution, ExecutionId,
    Failure, Frame, FrameId, HistoryEvent, Job, Join, MapItem, MapJoin, MapRunRequest, MapRunState,
    MockedExecution, MockedOutcome, MockedResponse, Mocks, Note, Position, Record, Redrives,
    RetryAt, ServiceRequest, ServiceTarget, ServiceTask, StartParameters, Status, TaskId,
    TaskResource, TaskState, TaskToken, TimerShift, Timestamp, WaitingOn,
};
use json::Document;
use stairwell_store::encoding::{AgendaRow, STATUSES};
use stairwell_store::{
    Agenda, DefinitionId, ExecutionHeader, MachineId, ParentTask, Revision, Scope,
};

/// How many types of event there are.
const EVENT_KINDS: u8 = 46;

pub(crate) struct Tape<'a> {
    bytes: std::slice::Iter<'a, u8>,
    /// For use in several places.
    documents: Vec<Document>,
}

impl<'a> Tape<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Tape<'a> {
        Tape { bytes: bytes.iter(), documents: Vec::new() }
    }

    fn byte(&mut self) -> u8 {
        self.bytes.next().copied().unwrap_or_default()
    }

    fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Small ones, large ones, and the greatest.
    fn number(&mut self) -> u64 {
        match self.byte() {
            kind @ 0..=150 => u64::from(kind),
            151..=220 => u64::from(u16::from_be_bytes([self.byte(), self.byte()])),
            221..=250 => u64::from_be_bytes(std::array::from_fn(|_| self.byte())),
            _ => u64::MAX,
        }
    }

    fn small_number(&mut self) -> u32 {
        u32::try_from(self.number()).unwrap_or(u32::MAX)
    }

    fn sixteen(&mut self) -> [u8; 16] {
        std::array::from_fn(|_| self.byte())
    }

    fn instant(&mut self) -> Timestamp {
        match self.byte() {
            0..=200 => Timestamp(1_700_000_000_000 + i64::from(self.byte())),
            201..=230 => Timestamp(self.number() as i64),
            231..=240 => Timestamp(i64::MIN),
            _ => Timestamp(i64::MAX),
        }
    }

    fn text(&mut self) -> Arc<str> {
        let text = ["", "a", "Name", "States.Timeout", "é😀\u{0}", "startExecution.sync:2"];
        match self.byte() as usize {
            kind if kind < 180 => text[kind % text.len()].into(),
            kind => "long ".repeat(kind).into(),
        }
    }

    fn document(&mut self) -> Document {
        let known = self.byte() as usize;
        if known > 100 && !self.documents.is_empty() {
            return self.documents[known % self.documents.len()].clone();
        }
        let number = self.number();
        let document = match self.byte() % 4 {
            0 => Document::from_trusted_text(&number.to_string()),
            1 => Document::from_trusted_text(r#" { "a" : [1.0, 1e400] } "#),
            2 => Document::from_trusted_text(&format!("\"{}\"", "x".repeat(100 + known))),
            _ => Document::from(json::Value::from(number as i64)),
        };
        self.documents.push(document.clone());
        document
    }

    fn option<T>(&mut self, draw: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| draw(self))
    }

    fn several<T>(&mut self, mut draw: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.byte() % 4).map(|_| draw(self)).collect()
    }

    fn event_id(&mut self) -> EventId {
        EventId(self.number())
    }

    fn frame_id(&mut self) -> FrameId {
        FrameId(self.small_number())
    }

    fn state(&mut self) -> StateIndex {
        StateIndex(self.small_number())
    }

    fn region(&mut self) -> RegionIndex {
        RegionIndex(self.small_number())
    }

    fn task_id(&mut self) -> TaskId {
        TaskId { frame: self.frame_id(), scheduled: self.event_id() }
    }

    fn token(&mut self) -> TaskToken {
        TaskToken(self.text())
    }

    fn failure(&mut self) -> Failure {
        Failure { error: self.option(Self::text), cause: self.option(Self::text) }
    }

    fn resource(&mut self) -> TaskResource {
        TaskResource { resource_type: self.text(), resource: self.text() }
    }

    fn status(&mut self) -> Status {
        STATUSES[self.byte() as usize % STATUSES.len()]
    }

    fn state_type(&mut self) -> StateType {
        let types = [
            StateType::Pass,
            StateType::Task,
            StateType::Choice,
            StateType::Wait,
            StateType::Succeed,
            StateType::Fail,
            StateType::Parallel,
            StateType::Map,
        ];
        types[self.byte() as usize % types.len()]
    }

    fn child(&mut self) -> ChildRequest {
        let patterns = [
            IntegrationPattern::RequestResponse,
            IntegrationPattern::Sync,
            IntegrationPattern::Sync2,
            IntegrationPattern::WaitForTaskToken,
        ];
        let pattern = patterns[self.byte() as usize % patterns.len()];
        ChildRequest {
            pattern,
            parameters: self.document(),
            generated_name: self.text(),
            role_arn: self.option(Self::text),
        }
    }

    fn retry(&mut self) -> RetryAt {
        let (retrier, at, previous) = (self.small_number(), self.instant(), self.event_id());
        RetryAt { retrier, at, previous }
    }

    pub(crate) fn records(&mut self) -> Vec<Record> {
        let count = self.byte() % 40;
        (0..count).map(|_| self.record()).collect()
    }

    fn record(&mut self) -> Record {
        let kind = self.byte() % (EVENT_KINDS + 1);
        match kind {
            0 => self.note(),
            kind => self.event(kind),
        }
    }

    fn note(&mut self) -> Record {
        Record::Note(match self.byte() % 6 {
            0 => Note::RetryScheduled { frame: self.frame_id(), retry: self.retry() },
            1 => Note::Mocked { mocks: self.mocks() },
            2 => Note::MapRunChild { processor: RegionIndex(self.small_number()) },
            3 => Note::StopsDone {
                children: self.several(Self::text),
                jobs: self.several(Self::job),
            },
            4 => Note::TimersShifted { shift: TimerShift(self.instant().0) },
            _ => Note::MockUsed { state: self.text() },
        })
    }

    fn map_run_request(&mut self) -> MapRunRequest {
        MapRunRequest {
            arn: self.text(),
            processor: RegionIndex(self.small_number()),
            input: self.document(),
            items: self.option(Self::document),
            reader_parameters: self.option(Self::document),
            items_max: self.number(),
            writer_parameters: self.option(Self::document),
            batch_items_max: self.number(),
            batch_bytes_max: self.number(),
            batch_input: self.option(Self::document),
            max_concurrency: self.number(),
            tolerated_failure_count: self.number(),
            tolerated_failure_percentage: f64::from(self.small_number()),
        }
    }

    fn mocks(&mut self) -> Mocks {
        let states = self.several(|tape| (tape.text(), tape.several(Self::mocked_response)));
        Mocks { test_case: self.text(), states: states.into_iter().collect() }
    }

    fn mocked_response(&mut self) -> MockedResponse {
        let outcome = match self.flag() {
            true => MockedOutcome::Return(self.document()),
            false => MockedOutcome::Throw(self.failure()),
        };
        MockedResponse { first: self.number(), last: self.number(), outcome }
    }

    fn event(&mut self, kind: u8) -> Record {
        Record::Event(HistoryEvent {
            id: self.event_id(),
            previous: self.event_id(),
            timestamp: self.instant(),
            frame: self.frame_id(),
            kind: self.event_kind(kind),
        })
    }

    pub(crate) fn exited(&mut self, output: Document) -> Record {
        let (state_type, name) = (StateType::Pass, Arc::from("Name of a state"));
        let (assigned, next) = (Vec::new(), None);
        let kind = EventKind::StateExited { state_type, name, output, assigned, next };
        let (id, previous) = (EventId(2), EventId(1));
        let timestamp = Timestamp(1_700_000_000_000);
        Record::Event(HistoryEvent { id, previous, timestamp, frame: FrameId::ROOT, kind })
    }

    pub(crate) fn entered(&mut self, input: Document) -> Record {
        let (state_type, name) = (StateType::Pass, Arc::from("Name of a state"));
        let (state, until) = (StateIndex(0), None);
        let kind = EventKind::StateEntered { state_type, name, input, state, until };
        let (id, previous) = (EventId(3), EventId(2));
        let timestamp = Timestamp(1_700_000_000_000);
        Record::Event(HistoryEvent { id, previous, timestamp, frame: FrameId::ROOT, kind })
    }

    fn event_kind(&mut self, kind: u8) -> EventKind {
        match kind {
            1 => EventKind::ExecutionStarted {
                input: self.document(),
                role_arn: self.text(),
                state_machine_version_arn: self.option(Self::text),
                state_machine_alias_arn: self.option(Self::text),
                deadline: self.option(Self::instant),
            },
            2 => EventKind::ExecutionSucceeded { output: self.document() },
            3 => EventKind::ExecutionFailed(self.failure()),
            4 => EventKind::ExecutionAborted(self.failure()),
            5 => EventKind::ExecutionTimedOut(self.failure()),
            6 => EventKind::StateEntered {
                state_type: self.state_type(),
                name: self.text(),
                input: self.document(),
                state: self.state(),
                until: self.option(Self::instant),
            },
            7 => EventKind::StateExited {
                state_type: self.state_type(),
                name: self.text(),
                output: self.document(),
                assigned: self.several(|tape| (tape.text(), tape.document())),
                next: self.option(Self::state),
            },
            8 => EventKind::TaskScheduled {
                resource: self.resource(),
                region: self.text(),
                parameters: self.document(),
                timeout_seconds: self.option(Self::number),
                heartbeat_seconds: self.option(Self::number),
                token: self.option(Self::token),
                child: self.option(Self::child).map(Box::new),
                role_arn: self.option(Self::text),
            },
            9 => EventKind::TaskStarted { resource: self.resource() },
            10 => EventKind::TaskSubmitted {
                resource: self.resource(),
                output: self.document(),
                child_arn: self.option(Self::text),
            },
            11 => EventKind::TaskSucceeded { resource: self.resource(), output: self.document() },
            12 => EventKind::TaskFailed { resource: self.resource(), failure: self.failure() },
            13 => EventKind::TaskTimedOut { resource: self.resource(), failure: self.failure() },
            14 => {
                EventKind::TaskSubmitFailed { resource: self.resource(), failure: self.failure() }
            }
            15 => EventKind::ActivityScheduled {
                resource: self.text(),
                input: self.document(),
                timeout_seconds: self.option(Self::number),
                heartbeat_seconds: self.option(Self::number),
                token: self.token(),
            },
            16 => EventKind::ActivityStarted { worker_name: self.option(Self::text) },
            17 => EventKind::ActivitySucceeded { output: self.document() },
            18 => EventKind::ActivityFailed(self.failure()),
            19 => EventKind::ActivityTimedOut(self.failure()),
            kind => self.join_kind(kind),
        }
    }

    fn join_kind(&mut self, kind: u8) -> EventKind {
        match kind {
            20 => EventKind::ParallelStateStarted {
                branches: self.several(|tape| (tape.frame_id(), tape.region())),
                input: self.document(),
            },
            21 => EventKind::ParallelStateSucceeded,
            22 => EventKind::ParallelStateFailed,
            23 => EventKind::ParallelStateAborted,
            24 => EventKind::MapStateStarted {
                length: self.number(),
                items: self.document(),
                input: self.document(),
                max_concurrency: self.number(),
                processor: self.region(),
            },
            25 => EventKind::MapStateSucceeded,
            26 => EventKind::MapStateFailed,
            27 => EventKind::MapStateAborted,
            28 => EventKind::MapIterationStarted {
                name: self.text(),
                index: self.number(),
                iteration: self.frame_id(),
                input: self.document(),
            },
            29 => EventKind::MapIterationSucceeded { name: self.text(), index: self.number() },
            30 => EventKind::MapIterationFailed { name: self.text(), index: self.number() },
            31 => EventKind::MapIterationAborted { name: self.text(), index: self.number() },
            32 => EventKind::TaskStateAborted,
            33 => EventKind::WaitStateAborted,
            34 => EventKind::EvaluationFailed {
                failure: self.failure(),
                location: self.option(Self::text),
                state: self.text(),
            },
            35 => EventKind::LambdaFunctionScheduled {
                resource: self.text(),
                input: self.document(),
                timeout_seconds: self.option(Self::number),
                role_arn: self.option(Self::text),
            },
            36 => EventKind::LambdaFunctionStarted,
            37 => EventKind::LambdaFunctionSucceeded { output: self.document() },
            38 => EventKind::LambdaFunctionFailed(self.failure()),
            39 => EventKind::LambdaFunctionTimedOut(self.failure()),
            40 => EventKind::DistributedMapStateStarted { length: self.number() },
            41 => EventKind::MapRunStarted { request: Box::new(self.map_run_request()) },
            42 => EventKind::MapRunSucceeded,
            43 => EventKind::MapRunFailed(self.failure()),
            44 => EventKind::MapRunAborted,
            EVENT_KINDS => {
                EventKind::MapRunRedriven { map_run_arn: self.text(), redrive_count: self.number() }
            }
            45 => EventKind::ExecutionRedriven {
                redrive_count: self.number(),
                deadline: self.option(Self::instant),
                client_token: self.option(Self::text),
                anew: self.several(Self::frame_id),
            },
            kind => unreachable!("there is no type of event {kind}"),
        }
    }

    pub(crate) fn header(&mut self) -> ExecutionHeader {
        let name = self.text();
        let (arn, state_machine_arn) = match self.flag() {
            true => ("arn:execution:".into(), self.text()),
            false => (format!("a:execution:M:{name}").into(), "a:stateMachine:M".into()),
        };
        ExecutionHeader {
            id: ExecutionId(self.sixteen()),
            scope: Scope { account: self.text(), region: self.text() },
            arn,
            name,
            machine: MachineId(self.sixteen()),
            state_machine_arn,
            state_machine_version_arn: self.option(Self::text),
            state_machine_alias_arn: self.option(Self::text),
            definition: DefinitionId(self.sixteen()),
            role_arn: self.text(),
            status: self.status(),
            start: self.instant(),
            stop: self.option(Self::instant),
            trace_header: self.option(Self::text),
            started_by: self.option(|tape| ExecutionId(tape.sixteen())),
            parent: self.option(|tape| ParentTask {
                execution: ExecutionId(tape.sixteen()),
                task: tape.task_id(),
            }),
            last_event: self.event_id(),
            redrive_count: self.number(),
            redrive_date: self.option(Self::instant),
            revision: Revision(self.small_number()),
        }
    }

    pub(crate) fn agenda_row(&mut self) -> AgendaRow {
        let agenda = Agenda {
            due: self.option(Self::instant),
            has_effects: self.flag(),
            heartbeats: self.several(|tape| (tape.task_id(), tape.instant())),
        };
        AgendaRow {
            scope: Scope { account: self.text(), region: self.text() },
            status: self.status(),
            revision: Revision(self.small_number()),
            agenda,
        }
    }

    pub(crate) fn execution(&mut self) -> Execution {
        let parameters = StartParameters {
            id: ExecutionId(self.sixteen()),
            arn: self.text(),
            name: self.text(),
            state_machine_arn: self.text(),
            state_machine_name: self.text(),
            role_arn: self.text(),
            state_machine_version_arn: self.option(Self::text),
            state_machine_alias_arn: self.option(Self::text),
            input: self.document(),
        };
        let frames: BTreeMap<_, _> =
            self.several(|tape| (tape.frame_id(), tape.frame())).into_iter().collect();
        Execution {
            parameters,
            status: self.status(),
            start: self.instant(),
            stop: self.option(Self::instant),
            deadline: self.option(Self::instant),
            output: self.option(Self::document),
            failure: self.option(Self::failure),
            last_event: self.event_id(),
            last_timestamp: self.instant(),
            timer_shift: TimerShift(self.instant().0),
            active: ActiveFrames::of(&frames),
            frames,
            next_frame: self.small_number(),
            abandoned: self.several(Self::text),
            abandoned_jobs: self.several(Self::job),
            mocked: self.option(|tape| {
                let attempts = tape.several(|tape| (tape.text(), tape.number()));
                let attempts = attempts.into_iter().collect();
                Box::new(MockedExecution { mocks: tape.mocks(), attempts })
            }),
            redrives: Redrives {
                count: self.number(),
                date: self.option(Self::instant),
                client_tokens: self.several(|tape| (tape.text(), tape.instant())),
            },
        }
    }

    fn job(&mut self) -> Job {
        let parameters = self.document();
        let target = ServiceTarget::Action(self.resource());
        let role_arn = self.option(Self::text);
        let request = ServiceRequest { target, parameters, role_arn };
        Job { request, submitted: self.document() }
    }

    fn frame(&mut self) -> Frame {
        Frame {
            parent: self.option(Self::frame_id),
            region: self.region(),
            index: self.number(),
            item: self.option(|tape| MapItem { index: tape.number(), value: tape.document() }),
            last_event: self.event_id(),
            variables: self.several(|tape| (tape.text(), tape.document())).into_iter().collect(),
            position: self.position(),
        }
    }

    fn position(&mut self) -> Position {
        match self.byte() % 4 {
            0 => Position::Start { input: self.document() },
            1 => Position::Before { state: self.state(), input: self.document() },
            2 => Position::Done { output: self.document() },
            _ => Position::In {
                state: self.state(),
                input: self.document(),
                entered: self.instant(),
                entered_event: self.event_id(),
                retries: self.several(Self::small_number),
                waiting_on: self.waiting_on(),
            },
        }
    }

    fn waiting_on(&mut self) -> WaitingOn {
        match self.byte() % 6 {
            0 => WaitingOn::Nothing,
            1 => WaitingOn::Until(self.instant()),
            2 => WaitingOn::Retry(self.retry()),
            3 => WaitingOn::Task(Box::new(TaskState {
                scheduled: self.event_id(),
                deadline: self.option(Self::instant),
                heartbeat_seconds: self.option(Self::number),
                heartbeat_deadline: self.option(Self::instant),
                token: self.option(Self::token),
                activity: self.activity(),
            })),
            4 => WaitingOn::MapRun(Box::new(MapRunState {
                started: self.event_id(),
                request: self.map_run_request(),
                ended: self.flag(),
                redrive_count: self.number(),
            })),
            _ => WaitingOn::Join(Box::new(Join {
                children: self.several(Self::frame_id),
                finished: self.number(),
                length: self.number(),
                map: self.option(|tape| MapJoin {
                    items: tape.document(),
                    input: tape.document(),
                    max_concurrency: tape.number(),
                    processor: tape.region(),
                }),
            })),
        }
    }

    fn activity(&mut self) -> Activity {
        if self.flag() {
            let target = match self.flag() {
                true => ServiceTarget::Function(self.text()),
                false => ServiceTarget::Action(self.resource()),
            };
            let (parameters, role_arn) = (self.document(), self.option(Self::text));
            let request = ServiceRequest { target, parameters, role_arn };
            return Activity::Service(Box::new(ServiceTask {
                request,
                submitted: self.flag(),
                job: self.option(Self::document),
            }));
        }
        if self.flag() {
            let (activity_arn, input) = (self.text(), self.document());
            return Activity::Worker { activity_arn, input, started: self.flag() };
        }
        Activity::Child(Box::new(ChildTask {
            resource: self.resource(),
            request: self.child(),
            submitted: self.flag(),
            child_arn: self.option(Self::text),
        }))
    }
}

/// The document of a record that [`Tape::entered`] or [`Tape::exited`] gave.
pub(crate) fn document(record: &Record) -> &Document {
    match record {
        Record::Event(HistoryEvent {
            kind:
                EventKind::StateExited { output: document, .. }
                | EventKind::StateEntered { input: document, .. },
            ..
        }) => document,
        other => panic!("{other:?}"),
    }
}
