//! A world of one execution: time jumps to whatever is due, and tasks are answered by a script.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Arc;

use asl::{StateType, WorkflowType};
use json::Document;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use stairwell_engine::{
    Effect, EventKind, Execution, ExecutionId, Failure, HistoryEvent, Input, Limits, Record,
    StartParameters, Status, Step, StepEnv, TaskId, Timestamp, start, step,
};

/// How a task is answered, in the order in which tasks ask.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// With this result.
    Succeed(&'static str),
    /// With this error.
    Fail(&'static str, &'static str),
    /// Not at all.
    Never,
}

/// A run to its end, or to where nothing is due any more.
pub(crate) struct World {
    /// The execution as it was left.
    pub(crate) execution: Execution,
    /// All that it wrote.
    pub(crate) records: Vec<Record>,
    /// The effects that no script answers, such as stops.
    pub(crate) stops: Vec<String>,
    /// The services that were called.
    pub(crate) calls: Vec<String>,
    program: asl::Program,
    random: ChaCha8Rng,
    limits: Limits,
    now: Timestamp,
    absent_activities: Vec<Arc<str>>,
    answers: VecDeque<Answer>,
    due: VecDeque<Effect>,
}

impl World {
    /// Starts an execution of the definition.
    pub(crate) fn start(
        definition: &str,
        input: &str,
        limits: Limits,
        answers: &[Answer],
    ) -> World {
        let analysis = asl::compile(definition, WorkflowType::Standard);
        let Some(program) = analysis.program else {
            panic!("the definition is refused: {:#?}", analysis.diagnostics);
        };
        let arn = "arn:aws:states:us-east-1:123456789012:execution:machine:name";
        let parameters = StartParameters {
            id: ExecutionId([7; 16]),
            arn: arn.into(),
            name: "name".into(),
            state_machine_arn: "arn:aws:states:us-east-1:123456789012:stateMachine:machine".into(),
            state_machine_name: "machine".into(),
            role_arn: "arn:aws:iam::123456789012:role/role".into(),
            state_machine_version_arn: None,
            state_machine_alias_arn: None,
            input: Document::from_text(input).expect("the test says JSON"),
        };
        let mut random = ChaCha8Rng::seed_from_u64(1);
        // Those with that name are not there.
        let absent = program.activities().filter(|arn| arn.ends_with(":deleted"));
        let absent_activities: Vec<Arc<str>> = absent.cloned().collect();
        // 2024-01-02T03:04:05Z
        let now = Timestamp(1_704_164_645_000);
        let mut env = StepEnv {
            now,
            timer_now: now,
            random: &mut random,
            limits: &limits,
            absent_activities: &absent_activities,
        };
        let (execution, first) = start(&program, parameters, &mut env);
        let mut world = World {
            execution,
            records: Vec::new(),
            stops: Vec::new(),
            calls: Vec::new(),
            program,
            random,
            limits,
            now,
            absent_activities,
            answers: answers.iter().cloned().collect(),
            due: VecDeque::new(),
        };
        world.keep(first);
        world
    }

    fn keep(&mut self, step: Step) {
        self.records.extend(step.records);
        self.due.extend(step.effects);
        self.check_rebuild();
    }

    /// Applying every record to nothing gives the execution: recovery cannot differ.
    fn check_rebuild(&self) {
        let mut rebuilt = Execution::new(self.execution.parameters.clone());
        self.records.iter().for_each(|record| rebuilt.apply(record));
        assert_eq!(rebuilt, self.execution);
    }

    /// Gives one input.
    pub(crate) fn send(&mut self, input: Input) {
        let (now, limits) = (self.now, &self.limits);
        let absent_activities = &*self.absent_activities;
        let mut env =
            StepEnv { now, timer_now: now, random: &mut self.random, limits, absent_activities };
        let step = step(&self.program, &mut self.execution, input, &mut env);
        self.keep(step);
    }

    /// Performs what was asked for, and lets no time pass.
    #[allow(dead_code, reason = "not every group of tests needs it")]
    pub(crate) fn run_effects(&mut self) {
        while let Some(effect) = self.due.pop_front() {
            self.perform(effect);
        }
    }

    /// Lets time pass, and nothing else happen.
    #[allow(dead_code, reason = "not every group of tests needs it")]
    pub(crate) fn pass(&mut self, seconds: u64) {
        self.now = self.now.plus_seconds(seconds);
    }

    /// Lets everything happen that happens by itself.
    pub(crate) fn run(&mut self) {
        loop {
            if let Some(effect) = self.due.pop_front() {
                self.perform(effect);
            } else if self.execution.is_runnable() {
                self.send(Input::Tick);
            } else if let Some(due) = self.execution.next_due() {
                self.now = self.now.max(due);
                self.send(Input::Tick);
            } else {
                break;
            }
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::StartChild { task, child } => {
                let waits = child.pattern.suffix().starts_with(".sync");
                if child.pattern.suffix().is_empty() {
                    return self.answer(task);
                }
                let child_arn = waits.then(|| "arn:child".into());
                let output = Document::from_text(r#"{"ExecutionArn":"arn:child"}"#)
                    .expect("the test says JSON");
                self.send(Input::TaskSubmitted { task, output, child_arn });
                if !waits {
                    self.answer(task);
                }
            }
            Effect::CallService { task, request } => {
                self.calls.push(format!("{:?} {:?}", request.target, request.parameters));
                if request.goes_on_waiting() {
                    let output =
                        Document::from_text(r#"{"StatusCode":202}"#).expect("the test says JSON");
                    self.send(Input::TaskSubmitted { task, output, child_arn: None });
                }
                if !request.awaits_job() {
                    self.answer(task);
                }
            }
            Effect::AwaitChild { task, .. } | Effect::AwaitJob { task, .. } => self.answer(task),
            Effect::OfferActivity { task, .. } => {
                self.send(Input::ActivityStarted { task, worker_name: Some("worker".into()) });
                self.answer(task);
            }
            Effect::StartMapRun { task, request } => {
                self.calls.push(format!("{request:?}"));
                if let Some(outcome) = self.next_outcome() {
                    self.send(Input::MapRunFinished { task, outcome });
                }
            }
            Effect::StopChild { child_arn } => self.stops.push(child_arn.to_string()),
            Effect::StopJob { job } => self.stops.push(job.submitted.text().to_owned()),
        }
    }

    fn answer(&mut self, task: TaskId) {
        if let Some(outcome) = self.next_outcome() {
            self.send(Input::TaskFinished { task, outcome });
        }
    }

    fn next_outcome(&mut self) -> Option<Result<Document, Failure>> {
        match self.answers.pop_front().unwrap_or(Answer::Never) {
            Answer::Succeed(output) => {
                Some(Ok(Document::from_text(output).expect("the test says JSON")))
            }
            Answer::Fail(error, cause) => Some(Err(Failure::new(error, cause))),
            Answer::Never => None,
        }
    }

    /// One line per event: seconds since the start, id, previous id, type, details.
    pub(crate) fn history(&self) -> String {
        let mut text = String::new();
        for record in &self.records {
            if let Record::Event(event) = record {
                let seconds = (event.timestamp.0 - self.execution.start.0) as f64 / 1_000.0;
                let HistoryEvent { id, previous, kind, .. } = event;
                writeln!(text, "{seconds}s {}<-{} {}", id.0, previous.0, describe(kind))
                    .expect("the test says JSON");
            }
        }
        text
    }

    /// How it ended, in one line.
    pub(crate) fn outcome(&self) -> String {
        let execution = &self.execution;
        match (&execution.status, &execution.output, &execution.failure) {
            (Status::Succeeded, Some(output), _) => format!("SUCCEEDED {}", output.text()),
            (status, _, Some(failure)) => {
                let part = |part: &Option<std::sync::Arc<str>>| part.as_deref().map(str::to_owned);
                format!(
                    "{} {}: {}",
                    format!("{status:?}").to_uppercase(),
                    part(&failure.error).unwrap_or_default(),
                    part(&failure.cause).unwrap_or_default()
                )
            }
            (status, ..) => format!("{status:?}").to_uppercase(),
        }
    }
}

fn failure_text(failure: &Failure) -> String {
    format!(
        "{} {}",
        failure.error.as_deref().unwrap_or("-"),
        failure.cause.as_deref().unwrap_or("-")
    )
}

fn state_type(state_type: StateType) -> String {
    format!("{state_type:?}")
}

fn describe(kind: &EventKind) -> String {
    match kind {
        EventKind::ExecutionStarted { input, .. } => format!("ExecutionStarted {input:?}"),
        EventKind::ExecutionSucceeded { output } => format!("ExecutionSucceeded {output:?}"),
        EventKind::ExecutionFailed(failure) => format!("ExecutionFailed {}", failure_text(failure)),
        EventKind::ExecutionAborted(failure) => {
            format!("ExecutionAborted {}", failure_text(failure))
        }
        EventKind::ExecutionTimedOut(failure) => {
            format!("ExecutionTimedOut {}", failure_text(failure))
        }
        EventKind::ExecutionRedriven { redrive_count, .. } => {
            format!("ExecutionRedriven {redrive_count}")
        }
        EventKind::StateEntered { state_type: kind, name, input, .. } => {
            format!("{}StateEntered {name} {input:?}", state_type(*kind))
        }
        EventKind::StateExited { state_type: kind, name, output, assigned, .. } => {
            let assigned =
                if assigned.is_empty() { String::new() } else { format!(" {assigned:?}") };
            format!("{}StateExited {name} {output:?}{assigned}", state_type(*kind))
        }
        EventKind::TaskScheduled {
            resource,
            parameters,
            timeout_seconds,
            heartbeat_seconds,
            ..
        } => format!(
            "TaskScheduled {} {parameters:?} timeout {timeout_seconds:?} heartbeat \
             {heartbeat_seconds:?}",
            resource.resource
        ),
        EventKind::TaskStarted { resource } => format!("TaskStarted {}", resource.resource),
        EventKind::TaskSubmitted { output, .. } => format!("TaskSubmitted {output:?}"),
        EventKind::TaskSucceeded { output, .. } => format!("TaskSucceeded {output:?}"),
        EventKind::TaskFailed { failure, .. } => format!("TaskFailed {}", failure_text(failure)),
        EventKind::TaskTimedOut { failure, .. } => {
            format!("TaskTimedOut {}", failure_text(failure))
        }
        EventKind::TaskSubmitFailed { failure, .. } => {
            format!("TaskSubmitFailed {}", failure_text(failure))
        }
        EventKind::ActivityScheduled { input, timeout_seconds, heartbeat_seconds, .. } => format!(
            "ActivityScheduled {input:?} timeout {timeout_seconds:?} heartbeat \
             {heartbeat_seconds:?}"
        ),
        EventKind::ActivityStarted { .. } => "ActivityStarted".into(),
        EventKind::ActivitySucceeded { output } => format!("ActivitySucceeded {output:?}"),
        EventKind::ActivityFailed(failure) => format!("ActivityFailed {}", failure_text(failure)),
        EventKind::ActivityTimedOut(failure) => {
            format!("ActivityTimedOut {}", failure_text(failure))
        }
        EventKind::LambdaFunctionScheduled { resource, input, timeout_seconds, .. } => {
            format!("LambdaFunctionScheduled {resource} {input:?} timeout {timeout_seconds:?}")
        }
        EventKind::LambdaFunctionStarted => "LambdaFunctionStarted".into(),
        EventKind::LambdaFunctionSucceeded { output } => {
            format!("LambdaFunctionSucceeded {output:?}")
        }
        EventKind::LambdaFunctionFailed(failure) => {
            format!("LambdaFunctionFailed {}", failure_text(failure))
        }
        EventKind::LambdaFunctionTimedOut(failure) => {
            format!("LambdaFunctionTimedOut {}", failure_text(failure))
        }
        EventKind::ParallelStateStarted { .. } => "ParallelStateStarted".into(),
        EventKind::ParallelStateSucceeded => "ParallelStateSucceeded".into(),
        EventKind::ParallelStateFailed => "ParallelStateFailed".into(),
        EventKind::ParallelStateAborted => "ParallelStateAborted".into(),
        EventKind::MapStateStarted { length, .. } => format!("MapStateStarted {length}"),
        EventKind::DistributedMapStateStarted { length } => {
            format!("MapStateStarted {length} distributed")
        }
        EventKind::MapRunStarted { .. } => "MapRunStarted".into(),
        EventKind::MapRunRedriven { redrive_count, .. } => {
            format!("MapRunRedriven {redrive_count}")
        }
        EventKind::MapRunSucceeded => "MapRunSucceeded".into(),
        EventKind::MapRunFailed(failure) => format!("MapRunFailed {}", failure_text(failure)),
        EventKind::MapRunAborted => "MapRunAborted".into(),
        EventKind::MapStateSucceeded => "MapStateSucceeded".into(),
        EventKind::MapStateFailed => "MapStateFailed".into(),
        EventKind::MapStateAborted => "MapStateAborted".into(),
        EventKind::MapIterationStarted { index, .. } => format!("MapIterationStarted {index}"),
        EventKind::MapIterationSucceeded { index, .. } => format!("MapIterationSucceeded {index}"),
        EventKind::MapIterationFailed { index, .. } => format!("MapIterationFailed {index}"),
        EventKind::MapIterationAborted { index, .. } => format!("MapIterationAborted {index}"),
        EventKind::TaskStateAborted => "TaskStateAborted".into(),
        EventKind::WaitStateAborted => "WaitStateAborted".into(),
        EventKind::EvaluationFailed { failure, location, state } => format!(
            "EvaluationFailed {state} at {}: {}",
            location.as_deref().unwrap_or("-"),
            failure_text(failure)
        ),
    }
}
