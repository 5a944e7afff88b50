//! What must be true of what was done outside: at least once what was asked for, never what was
//! not, and nothing left running that nobody waits for.

use std::collections::{BTreeMap, BTreeSet};

use engine::{EventId, EventKind, FrameId, Status};
use sha2::{Digest, Sha256};
use store::MapRunStatus;

use crate::services::job_id;
use crate::world::Ended;
use crate::{Outcome, Plan};

/// Compares what the services remember, and how the Map Runs ended, with the histories.
pub(crate) fn check_effects(plan: &Plan, outcome: &Outcome) -> Result<(), String> {
    let mut scheduled = BTreeSet::new();
    let mut jobs = BTreeSet::new();
    let calls = outcome.journal.calls.lock().expect("nobody panics with it");
    for ended in &outcome.executions {
        check_calls(ended, &calls, &mut scheduled)?;
        for event in &ended.events {
            if let EventKind::TaskSubmitted { output, .. } = &event.kind
                && let Some(id) = job_id(output)
                && !jobs.insert(id.clone())
            {
                return Err(format!("two attempts were answered with the job {id}"));
            }
        }
    }
    let is_kept = plan.retention_seconds.is_none();
    if let Some(call) = calls.iter().find(|call| is_kept && !scheduled.contains(*call)) {
        return Err(format!("nobody asked for the call {call} of the function"));
    }
    let known = outcome.journal.jobs.lock().expect("nobody panics with it");
    for id in jobs {
        match known.get(&id) {
            Some(job) if job.is_over => {}
            Some(_) => {
                return Err(format!("nobody waits for the job {id}, and it was not stopped"));
            }
            None => return Err(format!("there never was a job {id}")),
        }
    }
    check_map_runs(outcome, is_kept)
}

/// An attempt that succeeded was called.
fn check_calls(
    ended: &Ended,
    calls: &BTreeSet<String>,
    scheduled: &mut BTreeSet<String>,
) -> Result<(), String> {
    let arn = &ended.loaded.header.arn;
    let mut under_way: BTreeMap<FrameId, EventId> = BTreeMap::new();
    for event in &ended.events {
        match event.kind {
            EventKind::LambdaFunctionScheduled { .. } => {
                under_way.insert(event.frame, event.id);
                scheduled.insert(token(arn, event.frame, event.id));
            }
            EventKind::LambdaFunctionSucceeded { .. } => {
                let attempt = under_way.get(&event.frame).copied().unwrap_or(EventId::NONE);
                if !calls.contains(&token(arn, event.frame, attempt)) {
                    return Err(format!("{arn}: the function of {attempt:?} was never called"));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// What the runtime gives a service for an attempt.
fn token(arn: &str, frame: FrameId, scheduled: EventId) -> String {
    let digest = Sha256::digest(format!("{arn} {} {}", frame.0, scheduled.0).as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Each Map Run has ended, and counts its Standard children as they stand, where all are kept.
fn check_map_runs(outcome: &Outcome, is_kept: bool) -> Result<(), String> {
    let mut children: BTreeMap<String, BTreeMap<u8, u64>> = BTreeMap::new();
    for ended in &outcome.executions {
        let header = &ended.loaded.header;
        if let Some(run) = header.map_run_arn() {
            *children.entry(run).or_default().entry(header.status as u8).or_default() += 1;
        }
    }
    for run in &outcome.map_runs {
        if run.status == MapRunStatus::Running || run.stop.is_none() {
            return Err(format!("{} runs, and its execution has ended", run.arn));
        }
        if run.is_express || !is_kept {
            continue;
        }
        let counts = children.remove(&*run.arn).unwrap_or_default();
        let count = |status: Status| counts.get(&(status as u8)).copied().unwrap_or(0);
        let told = &run.execution_counts;
        let found =
            [Status::Succeeded, Status::Failed, Status::TimedOut, Status::Aborted].map(count);
        if found != [told.succeeded, told.failed, told.timed_out, told.aborted] {
            return Err(format!("{} counts {told:?}, and has {found:?}", run.arn));
        }
    }
    match children.into_keys().next() {
        Some(run) if is_kept => Err(format!("there are children of {run}, which is not there")),
        _ => Ok(()),
    }
}
