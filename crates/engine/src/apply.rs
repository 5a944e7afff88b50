//! Applying records: the only thing that changes an execution, live and at recovery alike.
//!
//! Nothing here looks at the program, evaluates an expression or can fail.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::{RegionIndex, StateIndex};
use json::Document;

use crate::{
    ActiveFrames, Activity, ChildTask, EventId, EventKind, Execution, Failure, Frame, FrameId,
    HistoryEvent, Join, MapItem, MapJoin, MapRunState, MockedExecution, Note, Position, Record,
    RetryAt, ServiceRequest, ServiceTarget, ServiceTask, Status, TaskState, Timestamp, WaitingOn,
};

impl Execution {
    /// Changes the execution as the record says. Never looks at the program, evaluates nothing,
    /// cannot fail on records that a step gave.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::Event(event) => self.apply_event(event),
            Record::Note(Note::RetryScheduled { frame, retry }) => {
                self.schedule_retry(*frame, *retry);
            }
            Record::Note(Note::TimersShifted { shift }) => self.timer_shift = *shift,
            Record::Note(Note::StopsDone { children, jobs }) => self.forget_stopped(children, jobs),
            Record::Note(Note::MapRunChild { processor }) => {
                self.frame_mut(FrameId::ROOT).region = *processor;
            }
            Record::Note(Note::Mocked { mocks }) => {
                self.mocked = Some(Box::new(MockedExecution::new(mocks.clone())));
            }
            Record::Note(Note::MockUsed { state }) => {
                if let Some(mocked) = &mut self.mocked {
                    *mocked.attempts.entry(state.clone()).or_default() += 1;
                }
            }
        }
    }

    fn apply_event(&mut self, event: &HistoryEvent) {
        debug_assert_eq!(event.id, self.last_event.next(), "event ids are dense");
        self.last_event = event.id;
        self.last_timestamp = event.timestamp;
        match &event.kind {
            EventKind::ExecutionStarted { input, deadline, .. } => {
                self.start = event.timestamp;
                self.deadline = *deadline;
                let root = Frame::new(None, RegionIndex::ROOT, 0, EventId::NONE, input.clone());
                self.add_frame(FrameId::ROOT, root);
            }
            EventKind::ExecutionSucceeded { output } => {
                self.output = Some(output.clone());
                self.frames = BTreeMap::new();
                self.active = ActiveFrames::default();
                self.end(Status::Succeeded, None, event.timestamp);
            }
            EventKind::ExecutionFailed(failure) => {
                self.end(Status::Failed, Some(failure), event.timestamp);
            }
            EventKind::ExecutionAborted(failure) => {
                self.end(Status::Aborted, Some(failure), event.timestamp);
            }
            EventKind::ExecutionTimedOut(failure) => {
                self.end(Status::TimedOut, Some(failure), event.timestamp);
            }
            EventKind::ExecutionRedriven { redrive_count, deadline, client_token, anew } => {
                self.reopen(*deadline, anew);
                self.redrives.count_one(*redrive_count, event.timestamp, client_token.as_ref());
            }
            kind => self.apply_to_frame(event, kind),
        }
    }

    fn apply_to_frame(&mut self, event: &HistoryEvent, kind: &EventKind) {
        match kind {
            EventKind::StateEntered { input, state, until, .. } => {
                self.enter(event, *state, input, *until);
            }
            EventKind::StateExited { output, assigned, next, .. } => {
                self.exit(event, output, assigned, *next);
            }
            EventKind::TaskScheduled { .. }
            | EventKind::ActivityScheduled { .. }
            | EventKind::LambdaFunctionScheduled { .. } => {
                self.wait_on(event, WaitingOn::Task(Box::new(self.scheduled_task(event))));
            }
            EventKind::TaskSubmitted { output, child_arn, .. } => {
                self.submitted(event, output, child_arn);
            }
            EventKind::ActivityStarted { .. } => self.activity_started(event),
            EventKind::TaskTimedOut { .. }
            | EventKind::ActivityTimedOut(_)
            | EventKind::LambdaFunctionTimedOut(_) => {
                self.abandon(event.frame);
                self.wait_on(event, WaitingOn::Nothing);
            }
            EventKind::TaskSucceeded { .. }
            | EventKind::TaskFailed { .. }
            | EventKind::TaskSubmitFailed { .. }
            | EventKind::ActivitySucceeded { .. }
            | EventKind::ActivityFailed(_)
            | EventKind::LambdaFunctionSucceeded { .. }
            | EventKind::LambdaFunctionFailed(_) => self.wait_on(event, WaitingOn::Nothing),
            EventKind::ParallelStateStarted { branches, input } => {
                self.start_branches(event, branches, input);
            }
            EventKind::MapStateStarted { length, items, input, max_concurrency, processor } => {
                let map = MapJoin {
                    items: items.clone(),
                    input: input.clone(),
                    max_concurrency: *max_concurrency,
                    processor: *processor,
                };
                self.start_join(event, *length, Some(map));
            }
            EventKind::MapRunStarted { request } => {
                let run = MapRunState {
                    started: event.id,
                    request: (**request).clone(),
                    ended: false,
                    redrive_count: 0,
                };
                self.wait_on(event, WaitingOn::MapRun(Box::new(run)));
            }
            EventKind::MapRunRedriven { redrive_count, .. } => {
                if let Some(run) = self.map_run_mut(event.frame) {
                    (run.ended, run.redrive_count) = (false, *redrive_count);
                }
            }
            EventKind::MapRunSucceeded | EventKind::MapRunFailed(_) => {
                if let Some(run) = self.map_run_mut(event.frame) {
                    run.ended = true;
                }
            }
            EventKind::MapIterationStarted { index, iteration, input, .. } => {
                self.start_iteration(event, *index, *iteration, input);
                return;
            }
            EventKind::MapIterationSucceeded { .. } => self.count_finished(event.frame),
            EventKind::ExecutionStarted { .. }
            | EventKind::ExecutionSucceeded { .. }
            | EventKind::ExecutionFailed(_)
            | EventKind::ExecutionAborted(_)
            | EventKind::ExecutionTimedOut(_)
            | EventKind::ExecutionRedriven { .. }
            | EventKind::TaskStarted { .. }
            | EventKind::LambdaFunctionStarted
            | EventKind::ParallelStateSucceeded
            | EventKind::ParallelStateFailed
            | EventKind::ParallelStateAborted
            | EventKind::DistributedMapStateStarted { .. }
            // It is still to be stopped.
            | EventKind::MapRunAborted
            | EventKind::MapStateSucceeded
            | EventKind::MapStateFailed
            | EventKind::MapStateAborted
            | EventKind::MapIterationFailed { .. }
            | EventKind::MapIterationAborted { .. }
            | EventKind::TaskStateAborted
            | EventKind::WaitStateAborted
            | EventKind::EvaluationFailed { .. } => {}
        }
        if advances_frame(kind) {
            self.frame_mut(event.frame).last_event = event.id;
        }
    }

    fn end(&mut self, status: Status, failure: Option<&Failure>, now: Timestamp) {
        self.status = status;
        self.failure = failure.cloned();
        self.stop = Some(now);
        self.deadline = None;
    }

    /// Makes the execution run again: every state that was entered and not left is as if it had
    /// just been entered, except that a wait keeps its instant, and a Parallel or Map state its
    /// branches or iterations.
    fn reopen(&mut self, deadline: Option<Timestamp>, anew: &[FrameId]) {
        self.status = Status::Running;
        self.failure = None;
        self.stop = None;
        self.deadline = deadline;
        for id in self.frames.keys().copied().collect::<Vec<_>>() {
            if anew.contains(&id) {
                self.drop_below(id);
            }
            if self.frames.contains_key(&id) {
                // A Map Run goes on as the same one.
                if self.frame(id).map_run().is_none() {
                    self.abandon(id);
                }
                self.frame_mut(id).reopen(anew.contains(&id));
            }
        }
    }

    fn add_frame(&mut self, id: FrameId, frame: Frame) {
        self.next_frame = self.next_frame.max(id.0 + 1);
        self.frames.insert(id, frame);
        self.active.insert(id);
    }

    pub(crate) fn frame(&self, id: FrameId) -> &Frame {
        self.frames.get(&id).expect("an event is about a frame that is there")
    }

    fn frame_mut(&mut self, id: FrameId) -> &mut Frame {
        self.frames.get_mut(&id).expect("an event is about a frame that is there")
    }

    fn enter(
        &mut self,
        event: &HistoryEvent,
        state: StateIndex,
        input: &Document,
        until: Option<Timestamp>,
    ) {
        self.frame_mut(event.frame).position = Position::In {
            state,
            input: input.clone(),
            entered: event.timestamp,
            entered_event: event.id,
            retries: Vec::new(),
            waiting_on: until.map_or(WaitingOn::Nothing, WaitingOn::Until),
        };
    }

    fn exit(
        &mut self,
        event: &HistoryEvent,
        output: &Document,
        assigned: &[(Arc<str>, Document)],
        next: Option<StateIndex>,
    ) {
        self.drop_below(event.frame);
        let frame = self.frame_mut(event.frame);
        match next {
            Some(_) => frame.variables.extend(assigned.iter().cloned()),
            // Nobody can read them any more.
            None => frame.variables.clear(),
        }
        let parent = frame.parent;
        frame.position = match next {
            Some(state) => Position::Before { state, input: output.clone() },
            None => Position::Done { output: output.clone() },
        };
        if next.is_some() {
            return;
        }
        let is_iteration = frame.item.is_some();
        self.active.remove(event.frame);
        // A branch that ends has no event of its own; an iteration has.
        if let Some(parent) = parent.filter(|_| !is_iteration) {
            self.count_in(parent);
        }
    }

    fn wait_on(&mut self, event: &HistoryEvent, what: WaitingOn) {
        if let Position::In { waiting_on, .. } = &mut self.frame_mut(event.frame).position {
            *waiting_on = what;
        }
    }

    fn submitted(&mut self, event: &HistoryEvent, output: &Document, child_arn: &Option<Arc<str>>) {
        let task = self.frame_mut(event.frame).task_mut();
        match task.map(|task| &mut task.activity) {
            Some(Activity::Child(child)) => {
                child.submitted = true;
                child.child_arn = child_arn.clone();
            }
            Some(Activity::Service(service)) => {
                service.submitted = true;
                service.job = service.request.awaits_job().then(|| output.clone());
            }
            Some(Activity::Worker { .. }) | None => {}
        }
    }

    /// The attempt that a `…Scheduled` event begins.
    fn scheduled_task(&self, event: &HistoryEvent) -> TaskState {
        let after = |seconds: &Option<u64>| seconds.map(|it| self.due_after(event.timestamp, it));
        match &event.kind {
            EventKind::TaskScheduled { timeout_seconds, heartbeat_seconds, token, .. } => {
                TaskState {
                    scheduled: event.id,
                    deadline: after(timeout_seconds),
                    heartbeat_seconds: *heartbeat_seconds,
                    // Only who has a token can send a heartbeat.
                    heartbeat_deadline: token.as_ref().and_then(|_| after(heartbeat_seconds)),
                    token: token.clone(),
                    activity: called(&event.kind),
                }
            }
            EventKind::LambdaFunctionScheduled { timeout_seconds, .. } => TaskState {
                scheduled: event.id,
                deadline: after(timeout_seconds),
                heartbeat_seconds: None,
                heartbeat_deadline: None,
                token: None,
                activity: called(&event.kind),
            },
            EventKind::ActivityScheduled { timeout_seconds, heartbeat_seconds, token, .. } => {
                TaskState {
                    scheduled: event.id,
                    deadline: after(timeout_seconds),
                    heartbeat_seconds: *heartbeat_seconds,
                    heartbeat_deadline: None,
                    token: Some(token.clone()),
                    activity: called(&event.kind),
                }
            }
            _ => unreachable!("only a Scheduled event begins an attempt"),
        }
    }

    fn activity_started(&mut self, event: &HistoryEvent) {
        let seconds = self.frame(event.frame).task().and_then(|task| task.heartbeat_seconds);
        let heartbeat_deadline = seconds.map(|seconds| self.due_after(event.timestamp, seconds));
        let Some(task) = self.frame_mut(event.frame).task_mut() else {
            return;
        };
        // The heartbeat clock starts when a worker takes the task.
        task.heartbeat_deadline = heartbeat_deadline;
        if let Activity::Worker { started, .. } = &mut task.activity {
            *started = true;
        }
    }

    fn map_run_mut(&mut self, id: FrameId) -> Option<&mut MapRunState> {
        match &mut self.frame_mut(id).position {
            Position::In { waiting_on: WaitingOn::MapRun(run), .. } => Some(run),
            _ => None,
        }
    }

    fn start_join(&mut self, event: &HistoryEvent, length: u64, map: Option<MapJoin>) {
        let join = Join { children: Vec::new(), finished: 0, length, map };
        self.wait_on(event, WaitingOn::Join(Box::new(join)));
    }

    fn start_branches(
        &mut self,
        event: &HistoryEvent,
        branches: &[(FrameId, RegionIndex)],
        input: &Document,
    ) {
        self.start_join(event, branches.len() as u64, None);
        for (index, (id, region)) in branches.iter().enumerate() {
            let parent = Some(event.frame);
            let frame = Frame::new(parent, *region, index as u64, event.id, input.clone());
            self.add_frame(*id, frame);
            self.join_mut(event.frame).children.push(*id);
        }
    }

    fn start_iteration(
        &mut self,
        event: &HistoryEvent,
        index: u64,
        iteration: FrameId,
        input: &Document,
    ) {
        let join = self.join_mut(event.frame);
        join.children.push(iteration);
        let map = join.map.as_ref().expect("an iteration belongs to a Map state");
        let items = map.items.value().as_array().expect("the items are an array");
        let value = Document::from(items[index as usize].clone());
        let region = map.processor;
        let mut frame = Frame::new(Some(event.frame), region, index, event.id, input.clone());
        frame.item = Some(MapItem { index, value });
        self.add_frame(iteration, frame);
    }

    fn join_mut(&mut self, id: FrameId) -> &mut Join {
        match &mut self.frame_mut(id).position {
            Position::In { waiting_on: WaitingOn::Join(join), .. } => join,
            _ => panic!("a branch or an iteration ends below a state that waits for it"),
        }
    }

    fn count_finished(&mut self, iteration: FrameId) {
        let parent = self.frame(iteration).parent.expect("an iteration has a parent");
        self.count_in(parent);
    }

    fn count_in(&mut self, parent: FrameId) {
        self.join_mut(parent).finished += 1;
    }

    fn schedule_retry(&mut self, id: FrameId, retry: RetryAt) {
        self.drop_below(id);
        if let Position::In { retries, waiting_on, .. } = &mut self.frame_mut(id).position {
            let retrier = retry.retrier as usize;
            retries.resize(retries.len().max(retrier + 1), 0);
            retries[retrier] += 1;
            *waiting_on = WaitingOn::Retry(retry);
        }
    }

    /// Remembers the nested execution, the Map Run or the job that the frame awaited.
    fn abandon(&mut self, id: FrameId) {
        let frame = self.frame(id);
        let job = frame.task().and_then(TaskState::awaited_job);
        let child: Option<Arc<str>> = frame.task().and_then(TaskState::awaited_child).cloned();
        let run = frame.map_run().filter(|run| !run.ended).map(|run| run.request.arn.clone());
        self.abandoned_jobs.extend(job);
        self.abandoned.extend(child.or(run));
    }

    /// Removes the frames below that one.
    fn drop_below(&mut self, id: FrameId) {
        let Some(join) = self.frame(id).join() else {
            return;
        };
        for child in join.children.clone() {
            self.abandon(child);
            self.drop_below(child);
            self.frames.remove(&child);
            self.active.remove(child);
        }
    }
}

impl Frame {
    /// See [`Execution::reopen`]; `anew` where the state's branches or iterations are gone.
    fn reopen(&mut self, anew: bool) {
        let Position::In { entered_event, retries, waiting_on, .. } = &mut self.position else {
            return;
        };
        retries.clear();
        let keeps = matches!(waiting_on, WaitingOn::Until(_) | WaitingOn::MapRun(_))
            || matches!(waiting_on, WaitingOn::Join(_)) && !anew;
        if !keeps {
            *waiting_on = WaitingOn::Nothing;
            self.last_event = *entered_event;
        }
    }

    fn new(
        parent: Option<FrameId>,
        region: RegionIndex,
        index: u64,
        last_event: EventId,
        input: Document,
    ) -> Frame {
        Frame {
            parent,
            region,
            index,
            item: None,
            last_event,
            variables: BTreeMap::new(),
            position: Position::Start { input },
        }
    }
}

/// Whether the frame's next event names this one as the one that led to it. Those that end an
/// iteration or a Parallel or Map state well do not: what follows points past them.
fn advances_frame(kind: &EventKind) -> bool {
    !matches!(
        kind,
        EventKind::MapIterationSucceeded { .. }
            | EventKind::MapIterationFailed { .. }
            | EventKind::MapIterationAborted { .. }
            | EventKind::ParallelStateSucceeded
            | EventKind::MapStateSucceeded
    )
}

/// What the attempt that a `…Scheduled` event begins does.
fn called(kind: &EventKind) -> Activity {
    let service = |target, parameters: &Document, role_arn: &Option<Arc<str>>| {
        let (parameters, role_arn) = (parameters.clone(), role_arn.clone());
        let request = ServiceRequest { target, parameters, role_arn };
        Activity::Service(Box::new(ServiceTask { request, submitted: false, job: None }))
    };
    match kind {
        EventKind::TaskScheduled { resource, child: Some(request), .. } => {
            Activity::Child(Box::new(ChildTask {
                resource: resource.clone(),
                request: (**request).clone(),
                submitted: false,
                child_arn: None,
            }))
        }
        EventKind::TaskScheduled { resource, parameters, child: None, role_arn, .. } => {
            service(ServiceTarget::Action(resource.clone()), parameters, role_arn)
        }
        EventKind::LambdaFunctionScheduled { resource, input, role_arn, .. } => {
            service(ServiceTarget::Function(resource.clone()), input, role_arn)
        }
        EventKind::ActivityScheduled { resource, input, .. } => Activity::Worker {
            activity_arn: resource.clone(),
            input: input.clone(),
            started: false,
        },
        _ => unreachable!("only a Scheduled event begins an attempt"),
    }
}
