//! Any list of inputs against any definition.

use std::str::from_utf8;

use asl::{Program, WorkflowType};
use engine::{
    EventId, EventKind, Execution, ExecutionId, Failure, FrameId, Input, Limits, Record,
    StartParameters, Status, Step, StepEnv, TaskId, Timestamp,
};
use json::Document;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

/// How many inputs an execution gets.
const INPUTS_MAX: usize = 60;

/// Whatever arrives, in whatever order: the records alone rebuild the execution, the ids are dense,
/// one event at most ends it, and what is stored can be read again.
///
/// The data is a definition, a zero byte, and one byte per input.
pub fn step(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let Ok(definition) = from_utf8(&data[..end]) else { return };
    let Some(program) = asl::compile(definition, WorkflowType::Standard).program else { return };
    let inputs = data.get(end + 1..).unwrap_or_default();
    let limits = if inputs.len() % 2 == 0 { &Limits::TINY } else { &Limits::AWS };
    let mut world = World::start(&program, limits);
    for byte in inputs.iter().take(INPUTS_MAX) {
        world.take(*byte);
    }
}

/// An execution, and the same execution as its records tell it.
struct World<'a> {
    program: &'a Program,
    limits: &'a Limits,
    execution: Execution,
    rebuilt: Execution,
    events: u64,
    now: Timestamp,
    random: ChaCha8Rng,
}

impl<'a> World<'a> {
    fn start(program: &'a Program, limits: &'a Limits) -> World<'a> {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let now = Timestamp(1_700_000_000_000);
        let parameters = StartParameters {
            id: ExecutionId([7; 16]),
            arn: "arn:aws:states:us-east-1:123456789012:execution:fuzz:one".into(),
            name: "one".into(),
            state_machine_arn: "arn:aws:states:us-east-1:123456789012:stateMachine:fuzz".into(),
            state_machine_name: "fuzz".into(),
            role_arn: "arn:aws:iam::123456789012:role/fuzz".into(),
            state_machine_version_arn: None,
            state_machine_alias_arn: None,
            input: Document::from_text(r#"{"n": 2, "list": [1, 2, 3]}"#).expect("it is JSON"),
        };
        let rebuilt = Execution::new(parameters.clone());
        let mut env =
            StepEnv { now, timer_now: now, random: &mut random, limits, absent_activities: &[] };
        let (execution, step) = engine::start(program, parameters, &mut env);
        let mut world = World { program, limits, execution, rebuilt, events: 0, now, random };
        world.check(&step);
        world
    }

    fn take(&mut self, byte: u8) {
        let seconds = [0, 1, 5, 100][usize::from(byte >> 6)];
        self.now = self.now.plus_seconds(seconds);
        let task = self.task(usize::from(byte >> 4) & 3);
        let answer = Document::from_text(r#"{"Output": {"n": 1}}"#).expect("it is JSON");
        let input = match byte & 15 {
            0 | 1 | 8..=11 => Input::Tick,
            2 => {
                let child_arn = Some("arn:aws:states:us-east-1:123456789012:execution:c:1".into());
                Input::TaskSubmitted { task, output: answer, child_arn }
            }
            3 | 12 => Input::TaskFinished { task, outcome: Ok(answer) },
            4 | 13 => {
                let outcome = Err(Failure::new("States.TaskFailed", "{}"));
                Input::TaskFinished { task, outcome }
            }
            5 => Input::Heartbeat { task },
            6 | 14 => Input::ActivityStarted { task, worker_name: None },
            7 => Input::Stopped(Failure::default()),
            _ => Input::TaskFinished { task, outcome: Err(Failure::default()) },
        };
        let (now, limits) = (self.now, self.limits);
        let mut env = StepEnv {
            now,
            timer_now: now,
            random: &mut self.random,
            limits,
            absent_activities: &[],
        };
        let step = engine::step(self.program, &mut self.execution, input, &mut env);
        self.check(&step);
    }

    /// One of the attempts under way, or one that never was.
    fn task(&self, choice: usize) -> TaskId {
        let frames = self.execution.frames.iter();
        let tasks = frames.filter_map(|(id, frame)| {
            frame.task().map(|task| TaskId { frame: *id, scheduled: task.scheduled })
        });
        let stale = TaskId { frame: FrameId(1), scheduled: EventId(2) };
        tasks.chain([stale]).cycle().nth(choice).unwrap_or(stale)
    }

    fn check(&mut self, step: &Step) {
        let was_over = self.rebuilt.status != Status::Running;
        for record in &step.records {
            if let Record::Event(event) = record {
                self.events += 1;
                assert_eq!(event.id.0, self.events, "ids are dense");
                assert!(event.previous < event.id, "what led to it came before it");
                assert!(event.timestamp <= self.now, "nothing is written from the future");
                assert_eq!(self.rebuilt.status, Status::Running, "nothing follows the end");
            }
            self.rebuilt.apply(record);
            let is_end = matches!(record, Record::Event(event) if is_end(&event.kind));
            assert_eq!(self.rebuilt.status != Status::Running, is_end || was_over);
        }
        assert_eq!(self.events, self.execution.last_event.0);
        assert!(self.events <= self.limits.history_events_max, "the history has a limit");
        // Heartbeats write no record.
        for (task, deadline) in self.execution.heartbeat_deadlines() {
            self.rebuilt.set_heartbeat_deadline(task, deadline);
        }
        assert_eq!(self.rebuilt, self.execution, "the records tell the execution");
        let stored = store::encoding::encode_execution(&self.execution);
        let read = store::encoding::decode_execution(&stored);
        assert_eq!(read.as_ref(), Ok(&self.execution));
        let stored = store::encoding::encode_records(&step.records);
        assert_eq!(store::encoding::decode_records(&stored).as_ref(), Ok(&step.records));
    }
}

fn is_end(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::ExecutionSucceeded { .. }
            | EventKind::ExecutionFailed(_)
            | EventKind::ExecutionAborted(_)
            | EventKind::ExecutionTimedOut(_)
    )
}
