//! The effects that are still to be performed: they follow from what the frames wait for.

use std::sync::Arc;

use crate::step::Stepper;
use crate::{
    Activity, Effect, Execution, Frame, FrameId, Job, MapRunState, Note, Record, Status, TaskId,
    TaskState,
};

impl Execution {
    /// The effects that were asked for and not answered yet: what is to be performed (again) after
    /// a crash. Of an ended execution: the nested executions to stop.
    pub fn pending_effects(&self) -> Vec<Effect> {
        let children = self.abandoned.iter().cloned();
        let children = children.map(|child_arn| Effect::StopChild { child_arn });
        let jobs = self.abandoned_jobs.iter().cloned().map(|job| Effect::StopJob { job });
        let running = self.status == Status::Running;
        let tasks =
            self.active_frames().filter_map(|(id, frame)| frame.pending_effect(id, running));
        children.chain(jobs).chain(tasks).collect()
    }

    /// Whether there are [pending effects](Execution::pending_effects).
    pub fn has_pending_effects(&self) -> bool {
        let running = self.status == Status::Running;
        !self.abandoned.is_empty()
            || !self.abandoned_jobs.is_empty()
            || self.active_frames().any(|(_, frame)| frame.has_pending_effect(running))
    }

    /// Forgets what was stopped, once for each time that it is named.
    pub(crate) fn forget_stopped(&mut self, children: &[Arc<str>], jobs: &[Job]) {
        for child in children {
            take_out(&mut self.abandoned, child);
        }
        for job in jobs {
            take_out(&mut self.abandoned_jobs, job);
        }
    }
}

impl Stepper<'_, '_> {
    /// Forgets what was stopped, where it is still known.
    pub(crate) fn stops_done(&mut self, mut children: Vec<Arc<str>>, mut jobs: Vec<Job>) {
        let mut known_children = self.execution.abandoned.clone();
        children.retain(|child| take_out(&mut known_children, child));
        let mut known_jobs = self.execution.abandoned_jobs.clone();
        jobs.retain(|job| take_out(&mut known_jobs, job));
        if !children.is_empty() || !jobs.is_empty() {
            self.abandoned_before.0 -= children.len();
            self.abandoned_before.1 -= jobs.len();
            self.write(Record::Note(Note::StopsDone { children, jobs }));
        }
    }
}

impl Frame {
    /// What is to be done about what it waits for; in an execution that has ended, it is stopped.
    fn pending_effect(&self, id: FrameId, is_running: bool) -> Option<Effect> {
        if let Some(run) = self.map_run() {
            return run.pending_effect(id, is_running);
        }
        let task = self.task()?;
        if is_running { task.pending_effect(id) } else { task.stop_effect() }
    }

    /// Whether there is a [`Frame::pending_effect`], without making it.
    fn has_pending_effect(&self, is_running: bool) -> bool {
        if let Some(run) = self.map_run() {
            return !run.ended;
        }
        self.task().is_some_and(|task| task.has_pending_effect(is_running))
    }
}

impl MapRunState {
    /// What is to be done about it: in an execution that has ended, it is stopped.
    fn pending_effect(&self, frame: FrameId, is_running: bool) -> Option<Effect> {
        if self.ended {
            return None;
        }
        if !is_running {
            return Some(Effect::StopChild { child_arn: self.request.arn.clone() });
        }
        let task = TaskId { frame, scheduled: self.started };
        Some(Effect::StartMapRun { task, request: Box::new(self.request.clone()) })
    }
}

impl TaskState {
    fn pending_effect(&self, frame: FrameId) -> Option<Effect> {
        let task = TaskId { frame, scheduled: self.scheduled };
        match &self.activity {
            Activity::Service(service) => match self.awaited_job() {
                Some(job) => Some(Effect::AwaitJob { task, job }),
                None if service.submitted => None,
                None => Some(Effect::CallService { task, request: service.request.clone() }),
            },
            Activity::Worker { started: true, .. } => None,
            Activity::Worker { activity_arn, input, started: false } => {
                Some(Effect::OfferActivity {
                    task,
                    activity_arn: activity_arn.clone(),
                    input: input.clone(),
                    token: self.token.clone().expect("an activity's task has a token"),
                })
            }
            Activity::Child(child) => match (&child.child_arn, child.submitted) {
                (None, false) => Some(Effect::StartChild { task, child: child.request.clone() }),
                (None, true) => None,
                (Some(child_arn), _) => Some(Effect::AwaitChild {
                    task,
                    child_arn: child_arn.clone(),
                    pattern: child.request.pattern,
                }),
            },
        }
    }

    /// Whether there is a [`TaskState::pending_effect`], or in an execution that has ended a
    /// [`TaskState::stop_effect`].
    fn has_pending_effect(&self, is_running: bool) -> bool {
        match &self.activity {
            Activity::Service(service) if is_running => !service.submitted || service.job.is_some(),
            Activity::Service(service) => service.job.is_some(),
            Activity::Worker { started, .. } => is_running && !started,
            Activity::Child(child) if is_running => !child.submitted || child.child_arn.is_some(),
            Activity::Child(child) => child.child_arn.is_some(),
        }
    }

    fn stop_effect(&self) -> Option<Effect> {
        let job = || self.awaited_job().map(|job| Effect::StopJob { job });
        let child = self.awaited_child().cloned();
        child.map(|child_arn| Effect::StopChild { child_arn }).or_else(job)
    }
}

/// Takes an item out of a list, where it is there.
fn take_out<T: PartialEq>(items: &mut Vec<T>, item: &T) -> bool {
    match items.iter().position(|each| each == item) {
        Some(at) => {
            items.remove(at);
            true
        }
        None => false,
    }
}
