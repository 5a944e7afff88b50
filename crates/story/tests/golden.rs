//! Stories of the golden cases: of any part of a history, and against what AWS says of the whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use json::{Object, Value};
use stairwell_story::{Event, FrameKind, Status, Story};

/// Every history in a golden case, with where it is from: that of the execution, and of children.
fn histories() -> Vec<(String, Vec<Value>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance");
    let mut histories = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<PathBuf> = fs::read_dir(&folder)
            .expect("it is a folder")
            .map(|it| it.expect("an entry").path())
            .collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name == "history.json") {
                let text = fs::read_to_string(&path).expect("it can be read");
                let value = json::parse(&text).expect("it is JSON");
                collect(&path.display().to_string(), &value, &mut histories);
            }
        }
    }
    histories
}

fn collect(path: &str, value: &Value, histories: &mut Vec<(String, Vec<Value>)>) {
    if let Some(events) = value.get("events").and_then(Value::as_array) {
        histories.push((path.to_owned(), events.to_vec()));
    }
    if let Some(object) = value.as_object() {
        object.iter().for_each(|(_, value)| collect(path, value, histories));
    }
    if let Some(array) = value.as_array() {
        array.iter().for_each(|value| collect(path, value, histories));
    }
}

fn events(values: &[Value]) -> Vec<Event> {
    let read = |value: &Value| {
        let mut object: Object = value.as_object().expect("an event is an object").clone();
        let at = object.get("at").cloned().unwrap_or(Value::from(0_i64));
        object.insert("timestamp", at);
        Event::read(&Value::from(object)).expect("it is an event")
    };
    values.iter().map(read).collect()
}

fn kind(value: &Value) -> &str {
    value.get("type").and_then(Value::as_str).unwrap_or_default()
}

#[test]
fn a_story_of_a_part_is_the_part_of_the_story() {
    let histories = histories();
    assert!(histories.len() > 70, "{}", histories.len());
    for (path, values) in &histories {
        let events = events(values);
        let whole = Story::of(&events);
        let is_redriven = values.iter().any(|it| kind(it) == "ExecutionRedriven");
        let mut growing = Story::default();
        for (count, event) in events.iter().enumerate() {
            growing.take(event);
            let part = Story::of(&events[..=count]);
            assert_eq!(growing, part, "{path} {}", event.id);
            for (step, now) in whole.steps().iter().zip(part.steps()) {
                let place = format!("{path} at {}: {}", event.id, step.name);
                assert_eq!(
                    (step.entered, &step.name, step.frame),
                    (now.entered, &now.name, now.frame)
                );
                if step.ended != 0 && step.ended <= event.id && !is_redriven {
                    assert_eq!((step.ended, step.status), (now.ended, now.status), "{place}");
                }
                if now.status == Status::Succeeded {
                    assert_eq!(step.status, Status::Succeeded, "{place}");
                }
            }
            let entered = whole.steps().iter().filter(|it| it.entered <= event.id).count();
            assert_eq!(part.steps().len(), entered, "{path} {}", event.id);
        }
    }
}

#[test]
fn every_event_of_a_state_finds_its_step() {
    for (path, values) in histories() {
        let story = Story::of(&events(&values));
        let mut left = BTreeMap::new();
        let mut entered = BTreeMap::new();
        for value in &values {
            let named = |details: &str| value.get(details)?.get("name")?.as_str();
            if let Some(name) = named("stateEnteredEventDetails") {
                *entered.entry(name).or_insert(0) += 1;
            }
            if let Some(name) = named("stateExitedEventDetails") {
                *left.entry(name).or_insert(0) += 1;
            }
        }
        let (mut steps, mut well) = (BTreeMap::new(), BTreeMap::new());
        for step in story.steps() {
            *steps.entry(&*step.name).or_insert(0) += 1;
            if matches!(step.status, Status::Succeeded | Status::Caught) {
                *well.entry(&*step.name).or_insert(0) += 1;
            }
        }
        assert_eq!(steps, entered, "{path}");
        assert_eq!(well, left, "{path}");
        let count = |suffix: &str| values.iter().filter(|it| kind(it).ends_with(suffix)).count();
        let scheduled: usize =
            story.steps().iter().flat_map(|it| &it.attempts).filter(|it| it.kind.is_some()).count();
        assert_eq!(scheduled, count("Scheduled"), "{path}");
        let frames = story.frames().iter().filter(|it| it.kind == FrameKind::Iteration);
        assert_eq!(frames.count(), count("MapIterationStarted"), "{path}");
    }
}

#[test]
fn nothing_runs_or_waits_in_what_has_ended() {
    for (path, values) in histories() {
        let story = Story::of(&events(&values));
        let last = values.last().map(kind).unwrap_or_default();
        if story.status() == Status::Running {
            assert!(!last.starts_with("ExecutionF"), "{path}");
            continue;
        }
        assert_eq!(story.waiting(), [], "{path}");
        for step in story.steps() {
            assert_ne!(step.status, Status::Running, "{path} {}", step.name);
            assert_ne!(step.ended, 0, "{path} {}", step.name);
            for attempt in &step.attempts {
                assert_ne!(attempt.status, Status::Running, "{path} {}", step.name);
            }
        }
        for frame in story.frames() {
            assert_ne!(frame.status, Status::Running, "{path} {frame:?}");
        }
        assert_eq!(story.failure().is_some(), story.status() != Status::Succeeded, "{path}");
        if last == "ExecutionFailed" {
            let failure = story.failure().expect("it failed");
            let step = story.step(failure.step.expect("a step failed it"));
            assert!(step.status.is_bad(), "{path} {step:?}");
            let details = values.last().and_then(|it| it.get("executionFailedEventDetails"));
            let error = details.and_then(|it| it.get("error")).and_then(Value::as_str);
            assert_eq!(failure.error.as_deref(), error, "{path}");
        }
    }
}
