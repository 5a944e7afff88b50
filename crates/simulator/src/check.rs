//! What must be true when everything has ended.

use std::collections::{BTreeMap, BTreeSet};

use engine::{EventKind, Execution, FrameId, HistoryEvent, Position, Status, WaitingOn};

use crate::effects::check_effects;
use crate::world::Ended;
use crate::{Outcome, Plan};

/// Looks at everything that is in the store.
///
/// # Errors
/// The first thing that is wrong, in words.
pub fn check(plan: &Plan, outcome: &Outcome) -> Result<(), String> {
    if let Some(complaint) = outcome.complaints.first() {
        return Err(complaint.clone());
    }
    let arns: BTreeSet<&str> =
        outcome.executions.iter().map(|ended| &*ended.loaded.header.arn).collect();
    if arns.len() != outcome.executions.len() {
        return Err("two executions have one ARN".to_owned());
    }
    for (number, started) in outcome.started.iter().enumerate() {
        if plan.machines[plan.starts[number].machine].is_express || outcome.refused[number] {
            continue;
        }
        let expected = plan.execution_arn(number);
        let is_removed = plan.retention_seconds.is_some() && started.is_some();
        if is_removed && !arns.contains(&*expected) {
            continue;
        }
        if started.as_deref() != Some(&*expected) || !arns.contains(&*expected) {
            return Err(format!("{expected} was acknowledged as {started:?}, and is not there"));
        }
    }
    let mut children = BTreeSet::new();
    for ended in &outcome.executions {
        let header = &ended.loaded.header;
        check_one(ended).map_err(|error| format!("{}: {error}\n{}", header.arn, told(ended)))?;
        if let Some(parent) = header.parent
            && !children.insert((parent.execution, parent.task))
        {
            return Err(format!("{} is the second child of one attempt", header.arn));
        }
        if let Some(parent) = header.parent.map(|parent| parent.execution)
            && parent.home() != header.id.home()
        {
            return Err(format!("{} is not in the home of its parent {parent}", header.arn));
        }
        if header.last_event.0 > plan.limits.history_events_max {
            return Err(format!("{} has {:?} events", header.arn, header.last_event));
        }
    }
    check_effects(plan, outcome)?;
    check_told(plan, outcome)
}

/// That EventBridge was told of each change of a status, at least once, in the order of the changes
/// of an execution, and of nothing else.
fn check_told(plan: &Plan, outcome: &Outcome) -> Result<(), String> {
    let mut first = BTreeMap::new();
    let told = outcome.journal.told.lock().expect("nobody panics with it");
    for (position, told) in told.iter().enumerate() {
        first.entry(told.as_str()).or_insert(position);
    }
    for ended in &outcome.executions {
        let arn = &ended.loaded.header.arn;
        let (mut redrives, mut last) = (0, None);
        for event in &ended.events {
            let status = match &event.kind {
                EventKind::ExecutionStarted { .. } => Status::Running,
                EventKind::ExecutionRedriven { .. } => {
                    redrives += 1;
                    Status::Running
                }
                EventKind::ExecutionSucceeded { .. } => Status::Succeeded,
                EventKind::ExecutionFailed(_) => Status::Failed,
                EventKind::ExecutionAborted(_) => Status::Aborted,
                EventKind::ExecutionTimedOut(_) => Status::TimedOut,
                _ => continue,
            };
            let change = format!("{arn} {status:?} {redrives}");
            let position = first.remove(change.as_str());
            if position.is_none() || position < last {
                return Err(format!("EventBridge was told of '{change}' at {position:?}"));
            }
            last = position;
        }
    }
    match first.into_keys().next() {
        None => Ok(()),
        Some(_) if plan.retention_seconds.is_some() => Ok(()),
        Some(told) => Err(format!("EventBridge was told of '{told}', which never was")),
    }
}

/// A history, one event a line, cut where documents make it long.
fn told(ended: &Ended) -> String {
    let lines = ended.events.iter().map(|event| {
        let frame = event.frame.0;
        let line = format!("  {} after {}, frame {frame}", event.id.0, event.previous.0);
        format!("{line}: {:?}", event.kind).chars().take(160).collect::<String>()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn check_one(ended: &Ended) -> Result<(), String> {
    let Ended { loaded, rebuilt, events } = ended;
    if let Some(rebuilt) = rebuilt
        && without_heartbeats(&loaded.execution) != without_heartbeats(&rebuilt.execution)
    {
        return Err("the records tell another execution than the checkpoint".to_owned());
    }
    let (execution, header) = (&loaded.execution, &loaded.header);
    let of_header = (header.status, header.start, header.stop, header.last_event);
    if of_header != (execution.status, execution.start, execution.stop, execution.last_event) {
        return Err(format!("the header says {of_header:?}"));
    }
    let redrives = (header.redrive_count, header.redrive_date);
    if redrives != (execution.redrives.count, execution.redrives.date) {
        return Err(format!("the header says of the redrives {redrives:?}"));
    }
    for (index, event) in events.iter().enumerate() {
        if event.id.0 != index as u64 + 1 || event.previous >= event.id {
            return Err(format!("event {} bears {:?}", index + 1, (event.id, event.previous)));
        }
    }
    if let Some(pair) = events.windows(2).find(|pair| pair[1].timestamp < pair[0].timestamp) {
        return Err(format!("event {} is earlier than the one before it", pair[1].id.0));
    }
    if events.len() as u64 != header.last_event.0 {
        return Err(format!("{} events, and the header says {of_header:?}", events.len()));
    }
    check_end(events, header.status)?;
    check_attempts(events)?;
    check_transitions(events)
}

/// The execution without the deadlines that heartbeats move: those write no record, and the agenda
/// that keeps them goes when the execution ends.
fn without_heartbeats(execution: &Execution) -> Execution {
    let mut execution = execution.clone();
    for frame in execution.frames.values_mut() {
        if let Position::In { waiting_on: WaitingOn::Task(task), .. } = &mut frame.position {
            task.heartbeat_deadline = None;
        }
    }
    execution
}

/// One event ends an execution; it is the last, and says what the status says. Every other end is
/// none of success, and a redrive follows it at once.
fn check_end(events: &[HistoryEvent], status: Status) -> Result<(), String> {
    let ends: Vec<Status> = events.iter().filter_map(|event| end(&event.kind)).collect();
    let last = events.last().and_then(|event| end(&event.kind));
    if ends.last() != Some(&status) || last != Some(status) {
        return Err(format!("{status:?} with the ends {ends:?}"));
    }
    let mut redrives = 0;
    for (event, next) in events.iter().zip(&events[1..]) {
        let ended = end(&event.kind);
        let redriven = matches!(next.kind, EventKind::ExecutionRedriven { .. });
        if ended.is_some() != redriven || ended == Some(Status::Succeeded) {
            return Err(format!("{:?} follows {ended:?}", next.kind));
        }
        redrives += u64::from(redriven);
        if let EventKind::ExecutionRedriven { redrive_count, .. } = next.kind
            && redrive_count != redrives
        {
            return Err(format!("redrive {redrives} bears the number {redrive_count}"));
        }
    }
    Ok(())
}

fn end(kind: &EventKind) -> Option<Status> {
    match kind {
        EventKind::ExecutionSucceeded { .. } => Some(Status::Succeeded),
        EventKind::ExecutionFailed(_) => Some(Status::Failed),
        EventKind::ExecutionAborted(_) => Some(Status::Aborted),
        EventKind::ExecutionTimedOut(_) => Some(Status::TimedOut),
        _ => None,
    }
}

/// Each attempt of a task goes through its events in order, and has one result at most.
fn check_attempts(events: &[HistoryEvent]) -> Result<(), String> {
    let mut under_way: BTreeMap<FrameId, u8> = BTreeMap::new();
    for event in events {
        let wrong = || Err(format!("{:?} at {:?} does not follow", event.kind, event.id));
        let stage = under_way.get(&event.frame).copied().unwrap_or(0);
        let next = match &event.kind {
            EventKind::TaskScheduled { .. }
            | EventKind::ActivityScheduled { .. }
            | EventKind::LambdaFunctionScheduled { .. } => 1,
            EventKind::LambdaFunctionStarted if stage == 1 => 2,
            EventKind::TaskStarted { .. } | EventKind::ActivityStarted { .. } if stage == 1 => 2,
            EventKind::TaskSubmitted { .. } if stage == 2 => 3,
            EventKind::TaskStarted { .. }
            | EventKind::ActivityStarted { .. }
            | EventKind::LambdaFunctionStarted
            | EventKind::TaskSubmitted { .. } => return wrong(),
            EventKind::TaskSucceeded { .. }
            | EventKind::TaskFailed { .. }
            | EventKind::TaskTimedOut { .. }
            | EventKind::TaskSubmitFailed { .. }
            | EventKind::ActivitySucceeded { .. }
            | EventKind::LambdaFunctionSucceeded { .. }
            | EventKind::LambdaFunctionFailed(_)
            | EventKind::LambdaFunctionTimedOut(_)
            | EventKind::ActivityFailed(_)
            | EventKind::ActivityTimedOut(_) => {
                if stage == 0 {
                    return wrong();
                }
                0
            }
            // What was under way has been given up.
            EventKind::ExecutionRedriven { .. } => {
                under_way.clear();
                continue;
            }
            _ => continue,
        };
        if next == 1 && stage != 0 {
            return wrong();
        }
        under_way.insert(event.frame, next);
    }
    Ok(())
}

/// Within a frame, a state is left before the next is entered, and left once. A state that failed
/// is the last of its frame, unless a redrive comes: then it may be entered again, and no other.
fn check_transitions(events: &[HistoryEvent]) -> Result<(), String> {
    let mut inside: BTreeMap<FrameId, &str> = BTreeMap::new();
    let mut entered_before_redrive: BTreeMap<FrameId, &str> = BTreeMap::new();
    for event in events {
        let broken = match &event.kind {
            EventKind::ExecutionRedriven { .. } => {
                entered_before_redrive = inside.clone();
                false
            }
            EventKind::StateEntered { name, .. } => {
                let again = entered_before_redrive.remove(&event.frame);
                let before = inside.insert(event.frame, name);
                before.is_some() && (before != again || before != Some(&**name))
            }
            EventKind::StateExited { name, .. } => inside.remove(&event.frame) != Some(name),
            _ => false,
        };
        if broken {
            return Err(format!("{:?} does not follow what its frame did", event.id));
        }
    }
    Ok(())
}
