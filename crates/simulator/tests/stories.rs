//! Stories of random worlds, read from what AWS's API shows, are held against what the engine knows
//! beside: which frame each event is of.

use std::collections::HashMap;

use engine::{EventKind, FrameId, HistoryEvent};
use json::{Object, Value};
use runtime::LoggedEvent;
use stairwell_simulator::{Ended, Plan, run};
use story::{Event, FrameIndex, Status, Story};

const WORLDS: u64 = 40;

/// An event, as AWS's API shows it, read from its line in a log.
fn shown(event: &HistoryEvent) -> Event {
    let logged =
        LoggedEvent { execution_arn: "", event, redrive_count: 0, include_execution_data: true };
    let line = json::parse(&api::log_line(&logged)).expect("lines are JSON");
    let mut shown = Object::new();
    shown.insert("id", event.id.0 as i64);
    shown.insert("previousEventId", event.previous.0 as i64);
    shown.insert("timestamp", event.timestamp.0 as f64 / 1_000.0);
    shown.insert("type", line.get("type").cloned().expect("it has a type"));
    shown.insert("anyEventDetails", line.get("details").cloned().unwrap_or(Value::Null));
    Event::read(&Value::from(shown)).expect("it is an event")
}

fn check(ended: &Ended) -> Result<(), String> {
    let events: Vec<Event> = ended.events.iter().map(shown).collect();
    let story = Story::of(&events);
    let status = ended.loaded.header.status;
    if story.status().word()
        != format!("{status:?}").to_uppercase().replace("TIMEDOUT", "TIMED_OUT")
    {
        return Err(format!("{:?} for {status:?}", story.status()));
    }
    let mut frames = HashMap::<FrameIndex, FrameId>::new();
    let mut exits = 0;
    for (event, read) in ended.events.iter().zip(&events) {
        let step = story.step_of(read.id).map(|step| story.step(step));
        if matches!(event.kind, EventKind::StateExited { .. }) {
            exits += 1;
        }
        let is_own = matches!(
            event.kind,
            EventKind::StateEntered { .. }
                | EventKind::StateExited { .. }
                | EventKind::TaskScheduled { .. }
                | EventKind::TaskStarted { .. }
                | EventKind::TaskSucceeded { .. }
                | EventKind::TaskFailed { .. }
                | EventKind::TaskTimedOut { .. }
                | EventKind::ActivityScheduled { .. }
                | EventKind::ActivitySucceeded { .. }
                | EventKind::ActivityFailed(_)
                | EventKind::LambdaFunctionScheduled { .. }
                | EventKind::ParallelStateStarted { .. }
                | EventKind::MapStateStarted { .. }
                | EventKind::ParallelStateSucceeded
                | EventKind::ParallelStateFailed
                | EventKind::MapStateSucceeded
                | EventKind::MapStateFailed
                | EventKind::EvaluationFailed { .. }
        );
        if !is_own {
            continue;
        }
        let step = step.ok_or_else(|| format!("event {} has no step", read.id))?;
        let known = *frames.entry(step.frame).or_insert(event.frame);
        if known != event.frame {
            let (id, name) = (read.id, &step.name);
            return Err(format!("event {id} is of {:?}, not of {known:?}: {name}", event.frame));
        }
    }
    let well = |status| matches!(status, Status::Succeeded | Status::Caught);
    let left = story.steps().iter().filter(|step| well(step.status)).count();
    if left != exits {
        return Err(format!("{left} steps were left, by {exits} events"));
    }
    let is_running = story.steps().iter().any(|step| step.status == Status::Running);
    if is_running && story.status() != Status::Running {
        return Err("a step runs on".to_owned());
    }
    growing(&story, &events)
}

/// A story that grows is that of the events so far, and what has ended stays so until a redrive.
fn growing(whole: &Story, events: &[Event]) -> Result<(), String> {
    let is_redriven = events.iter().any(|event| event.what == story::Happening::Redriven);
    let mut growing = Story::default();
    for event in events {
        growing.take(event);
        for (now, then) in growing.steps().iter().zip(whole.steps()) {
            let is_same =
                (now.entered, &now.name, now.frame) == (then.entered, &then.name, then.frame);
            let has_ended = then.ended != 0 && then.ended <= event.id && !is_redriven;
            let ends = (now.ended, now.status) == (then.ended, then.status);
            if !is_same || (has_ended && !ends) {
                return Err(format!("after event {}: {now:?}\n{then:?}", event.id));
            }
        }
    }
    match growing == *whole {
        true => Ok(()),
        false => Err("a story that grew is another one".to_owned()),
    }
}

#[test]
fn stories_of_random_worlds_put_each_event_into_its_frame() {
    let (mut histories, mut events, mut redriven) = (0, 0, 0);
    for seed in 0..WORLDS {
        let outcome = run(&Plan::draw(seed)).unwrap_or_else(|error| panic!("{seed}: {error}"));
        for ended in &outcome.executions {
            let header = &ended.loaded.header;
            if let Err(error) = check(ended) {
                let told: Vec<String> =
                    ended.events.iter().map(|event| format!("{event:?}")).collect();
                panic!("world {seed}, {}: {error}\n{}", header.arn, told.join("\n"));
            }
            histories += 1;
            events += ended.events.len();
            redriven += u64::from(header.redrive_count > 0);
        }
    }
    println!("{histories} histories, {events} events, {redriven} redriven");
    assert!(histories > 200 && redriven > 5, "{histories} histories, {redriven} redriven");
}
