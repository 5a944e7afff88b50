//! What an execution waits for.

use json::{Object, Value};

use crate::chain::texts;
use crate::event::WorkKind;
use crate::fold::Story;
use crate::step::{Attempt, FrameIndex, Status, Step, StepIndex};
use crate::words::duration;

/// One thing that an execution waits for: an innermost step that runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// The step.
    pub step: StepIndex,
    /// Its state and those around it, from the outside in; see [`Story::path`].
    pub path: Vec<String>,
    /// What it waits for.
    pub kind: WaitingKind,
    /// Since when, in milliseconds since 1970.
    pub since: i64,
    /// When its time is over, as far as the history tells.
    pub until: Option<i64>,
}

/// What a step waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitingKind {
    /// The time of a Wait state.
    Timer,
    /// Another attempt, or that the failure goes further up.
    Retry {
        /// How many attempts have failed.
        failed: usize,
        /// The last error.
        error: Option<String>,
    },
    /// That its token is brought back.
    Callback {
        /// What it was given to: `sqs:sendMessage`.
        to: String,
    },
    /// A worker of an activity.
    Activity {
        /// The activity.
        arn: String,
        /// Whether somebody has taken it.
        is_taken: bool,
        /// Who, where that was said.
        worker: Option<String>,
        /// Seconds that may pass between heartbeats.
        heartbeat: Option<i64>,
    },
    /// A nested execution.
    Child {
        /// Its ARN; none while it is being started.
        arn: Option<String>,
    },
    /// A Map Run.
    MapRun {
        /// Its ARN.
        arn: String,
    },
    /// A job of a service, which is looked at from time to time.
    Job {
        /// `glue:startJobRun.sync`
        of: String,
    },
    /// The answer of a call.
    Call {
        /// `dynamodb:putItem`, or the ARN of a function.
        of: String,
    },
    /// Nothing: it is being worked on.
    Nothing,
}

impl WaitingKind {
    /// Its name in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            WaitingKind::Timer => "timer",
            WaitingKind::Retry { .. } => "retry",
            WaitingKind::Callback { .. } => "callback",
            WaitingKind::Activity { .. } => "activity",
            WaitingKind::Child { .. } => "child",
            WaitingKind::MapRun { .. } => "mapRun",
            WaitingKind::Job { .. } => "job",
            WaitingKind::Call { .. } => "call",
            WaitingKind::Nothing => "work",
        }
    }
}

impl Story {
    /// What the execution waits for, longest first; nothing where it has ended.
    pub fn waiting(&self) -> Vec<Waiting> {
        let mut found = Vec::new();
        if self.status == Status::Running {
            let mut frames = vec![FrameIndex(0)];
            while let Some(frame) = frames.pop() {
                let Some(last) = self.frame(frame).last else { continue };
                if self.step(last).status == Status::Running {
                    let within: Vec<FrameIndex> = self.open_below(last).collect();
                    match within.is_empty() || self.is_between_starts(&within) {
                        true => found.push(self.waits(last)),
                        false => frames.extend(within),
                    }
                }
            }
            found.sort_by_key(|it| (it.since, it.step));
        }
        found
    }

    /// Whether one of these frames ended in a failure that did not end the state around them: what
    /// ran in it is gone, and it begins anew.
    fn is_between_starts(&self, within: &[FrameIndex]) -> bool {
        let last = within.iter().filter_map(|it| self.frame(*it).last);
        last.into_iter().any(|last| self.step(last).status.is_bad())
    }

    fn waits(&self, index: StepIndex) -> Waiting {
        let step = self.step(index);
        let (kind, since, until) = match step.attempts.last() {
            _ if step.state_type == "Wait" => (WaitingKind::Timer, step.entered_at, None),
            _ if self.open_below(index).next().is_some() => (
                WaitingKind::Retry { failed: step.attempts.len(), error: None },
                self.failed_at(index),
                None,
            ),
            Some(attempt) if attempt.status.is_bad() => {
                let (failed, error) = (step.attempts.len(), attempt.error.clone());
                (WaitingKind::Retry { failed, error }, attempt.ended_at, None)
            }
            Some(attempt) if attempt.kind.is_some() && attempt.status == Status::Running => {
                (task(attempt), attempt.scheduled_at, attempt.due)
            }
            attempt => (map_run(step), attempt.map_or(step.entered_at, |it| it.scheduled_at), None),
        };
        Waiting { step: index, path: self.path(index), kind, since, until }
    }

    fn failed_at(&self, index: StepIndex) -> i64 {
        let last = self.open_below(index).filter_map(|it| self.frame(it).last);
        last.map(|it| self.step(it).ended_at).max().unwrap_or(0)
    }
}

fn map_run(step: &Step) -> WaitingKind {
    match &step.map_run {
        Some(arn) => WaitingKind::MapRun { arn: arn.clone() },
        None => WaitingKind::Nothing,
    }
}

fn task(attempt: &Attempt) -> WaitingKind {
    let of = match &*attempt.service {
        "" => attempt.resource.clone(),
        service => format!("{service}:{}", attempt.resource),
    };
    let is_job = attempt.resource.ends_with(".sync") || attempt.resource.ends_with(".sync:2");
    match attempt.kind {
        Some(WorkKind::Activity) => WaitingKind::Activity {
            arn: attempt.resource.clone(),
            is_taken: attempt.started_at.is_some(),
            worker: attempt.worker.clone(),
            heartbeat: attempt.heartbeat,
        },
        _ if attempt.is_callback() => {
            WaitingKind::Callback { to: of.trim_end_matches(".waitForTaskToken").to_owned() }
        }
        _ if is_job && attempt.service == "states" => {
            WaitingKind::Child { arn: attempt.child.clone() }
        }
        _ if is_job => WaitingKind::Job { of },
        _ => WaitingKind::Call { of },
    }
}

impl Waiting {
    /// A sentence. `now` is in milliseconds since 1970.
    pub fn text(&self, now: i64) -> String {
        let path = self.path.join(" > ");
        let since = duration(now - self.since);
        let mut text = match &self.kind {
            WaitingKind::Timer => format!("{path} waits for its time, for {since}"),
            WaitingKind::Retry { failed, error } => {
                let error = error.as_ref().map_or(String::new(), |error| format!(" with {error}"));
                let times = if *failed == 1 { "once" } else { &*format!("{failed} times") };
                format!("{path} failed {times}{error}, {since} ago, and is to be tried again")
            }
            WaitingKind::Callback { to } => {
                format!("{path} waits for a callback; its token was given to {to} {since} ago")
            }
            WaitingKind::Activity { arn, is_taken: false, .. } => {
                format!("{path} is queued for {since}: no worker has taken it from {arn}")
            }
            WaitingKind::Activity { arn, worker, .. } => {
                let worker = worker.as_deref().unwrap_or("a worker");
                format!("{path} is with {worker} of {arn} since {since}")
            }
            WaitingKind::Child { arn: Some(arn) } => {
                format!("{path} waits for the execution {arn}, for {since}")
            }
            WaitingKind::Child { arn: None } => {
                format!("{path} is about to start an execution, for {since}")
            }
            WaitingKind::MapRun { arn } => {
                format!("{path} waits for the Map Run {arn}, for {since}")
            }
            WaitingKind::Job { of } => format!("{path} waits for a job of {of}, for {since}"),
            WaitingKind::Call { of } => format!("{path} waits for the answer of {of}, for {since}"),
            WaitingKind::Nothing => format!("{path} is being worked on, for {since}"),
        };
        if let Some(until) = self.until {
            text.push_str(&format!("; it times out in {}", duration(until - now)));
        }
        text
    }

    /// As JSON, with the sentence.
    pub fn to_json(&self, now: i64) -> Value {
        let mut json = Object::new();
        json.insert("step", self.step.0 as i64);
        json.insert("path", texts(&self.path));
        json.insert("kind", self.kind.name());
        json.insert("since", self.since);
        if let Some(until) = self.until {
            json.insert("until", until);
        }
        match &self.kind {
            WaitingKind::Retry { failed, error } => {
                json.insert("failed", *failed as i64);
                if let Some(error) = error {
                    json.insert("error", &**error);
                }
            }
            WaitingKind::Callback { to: of }
            | WaitingKind::Job { of }
            | WaitingKind::Call { of } => json.insert("resource", &**of),
            WaitingKind::Activity { arn, is_taken, worker, heartbeat } => {
                json.insert("activityArn", &**arn);
                json.insert("taken", *is_taken);
                if let Some(worker) = worker {
                    json.insert("worker", &**worker);
                }
                if let Some(seconds) = heartbeat {
                    json.insert("heartbeatSeconds", *seconds);
                }
            }
            WaitingKind::Child { arn: Some(arn) } => json.insert("childArn", &**arn),
            WaitingKind::MapRun { arn } => json.insert("mapRunArn", &**arn),
            WaitingKind::Child { arn: None } | WaitingKind::Timer | WaitingKind::Nothing => {}
        }
        json.insert("text", self.text(now));
        json.into()
    }
}
