//! The fold of events into steps.

use std::collections::{BTreeMap, HashMap};

use json::Object;

use crate::event::{Event, Happening, Outcome, Payload};
use crate::step::{Attempt, Frame, FrameIndex, FrameKind, Status, Step, StepIndex};

/// What happened in an execution so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Story {
    pub(crate) steps: Vec<Step>,
    pub(crate) frames: Vec<Frame>,
    pub(crate) status: Status,
    pub(crate) started_at: i64,
    pub(crate) ended_at: Option<i64>,
    pub(crate) input: usize,
    pub(crate) output: usize,
    pub(crate) error: Option<String>,
    pub(crate) cause: Option<String>,
    pub(crate) started_by: Option<String>,
    pub(crate) last_event: u64,
    pub(crate) redrives: u64,
    /// The step that ended it.
    pub(crate) ended_by: Option<StepIndex>,
    /// By event: where what follows it goes on.
    places: HashMap<u64, Place>,
    /// By step and start: the frames of that start, by their numbers.
    below: HashMap<(StepIndex, usize), BTreeMap<u64, FrameIndex>>,
}

/// Where an event left things.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    frame: FrameIndex,
    step: Option<StepIndex>,
    /// Whether what follows it begins a branch of that step.
    opens: bool,
}

const ROOT: FrameIndex = FrameIndex(0);

impl Default for Story {
    fn default() -> Story {
        let root = Frame {
            parent: None,
            start: 0,
            kind: FrameKind::Root,
            index: 0,
            last: None,
            status: Status::Running,
        };
        Story {
            steps: Vec::new(),
            frames: vec![root],
            status: Status::Running,
            started_at: 0,
            ended_at: None,
            input: 0,
            output: 0,
            error: None,
            cause: None,
            started_by: None,
            last_event: 0,
            redrives: 0,
            ended_by: None,
            places: HashMap::new(),
            below: HashMap::new(),
        }
    }
}

impl Story {
    /// A story of all these events.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Story {
        let mut story = Story::default();
        events.into_iter().for_each(|event| story.take(event));
        story
    }

    /// The steps, as they were entered.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The frames, as they began; the execution itself is the first.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// The step.
    pub fn step(&self, index: StepIndex) -> &Step {
        &self.steps[index.0]
    }

    /// The frame.
    pub fn frame(&self, index: FrameIndex) -> &Frame {
        &self.frames[index.0]
    }

    /// How the execution stands.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The execution that the input says has started this one.
    pub fn started_by(&self) -> Option<&str> {
        self.started_by.as_deref()
    }

    /// When it started, in milliseconds since 1970.
    pub fn started_at(&self) -> i64 {
        self.started_at
    }

    /// When it ended.
    pub fn ended_at(&self) -> Option<i64> {
        self.ended_at
    }

    /// The id of the last event.
    pub fn last_event(&self) -> u64 {
        self.last_event
    }

    /// Takes the next event of the history.
    pub fn take(&mut self, event: &Event) {
        let before = self.place(event.previous);
        let place = match &event.what {
            Happening::Started { by, input } => {
                self.started_at = event.at;
                (self.started_by, self.input) = (by.clone(), *input);
                None
            }
            Happening::Redriven => {
                self.reopen();
                None
            }
            Happening::Ended(outcome, payload) => {
                self.end(event, *outcome, payload, before.and_then(|it| it.step));
                None
            }
            Happening::Entered { name, state_type, input } => {
                Some(self.enter(event, before, name, state_type, *input))
            }
            Happening::IterationStarted { name, index } => {
                self.start_iteration(name, *index, before)
            }
            Happening::IterationEnded { name, index, outcome } => {
                self.end_iteration(event, name, *index, *outcome, before);
                before
            }
            Happening::Closed { state_type, outcome } => {
                self.close(event, state_type, *outcome, before)
            }
            Happening::EvaluationFailed(name, payload) => {
                self.evaluation_failed(name, payload, before)
            }
            Happening::Cut { state_type } => self.cut(event, state_type, before),
            Happening::Opened { state_type, length } => {
                self.open(event, state_type, *length, before)
            }
            _ => self.take_own(event, before),
        };
        self.last_event = event.id;
        if let Some(place) = place {
            self.places.insert(event.id, place);
        }
    }

    fn place(&self, event: u64) -> Option<Place> {
        self.places.get(&event).copied()
    }

    /// The step that an event is about.
    pub fn step_of(&self, event: u64) -> Option<StepIndex> {
        self.place(event)?.step
    }

    /// Where a step is left.
    fn at(&self, step: StepIndex) -> Place {
        Place { frame: self.step(step).frame, step: Some(step), opens: false }
    }

    fn enter(
        &mut self,
        event: &Event,
        before: Option<Place>,
        name: &str,
        state_type: &str,
        input: usize,
    ) -> Place {
        let frame = match before {
            Some(Place { step: Some(step), opens: true, .. }) => {
                let start = self.step(step).attempts.len().saturating_sub(1);
                self.begin_frame(step, start, FrameKind::Branch, None)
            }
            Some(place) => place.frame,
            None => ROOT,
        };
        let last = self.frames[frame.0].last;
        if let Some(last) = last.filter(|last| self.step(*last).status == Status::Running) {
            // A Wait state that is entered again after a redrive.
            self.finish(last, Status::Aborted, event);
        }
        let fails = state_type == "Fail";
        let index = StepIndex(self.steps.len());
        self.steps.push(Step {
            name: name.to_owned(),
            state_type: state_type.to_owned(),
            frame,
            entered: event.id,
            entered_at: event.at,
            ended: if fails { event.id } else { 0 },
            ended_at: if fails { event.at } else { 0 },
            status: if fails { Status::Failed } else { Status::Running },
            before: last,
            attempts: Vec::new(),
            input,
            output: 0,
            error: None,
            cause: None,
            failed_by: None,
            length: 0,
            map_run: None,
        });
        self.frames[frame.0].last = Some(index);
        self.at(index)
    }

    fn begin_frame(
        &mut self,
        parent: StepIndex,
        start: usize,
        kind: FrameKind,
        index: Option<u64>,
    ) -> FrameIndex {
        let frame = FrameIndex(self.frames.len());
        let siblings = self.below.entry((parent, start)).or_default();
        let index = index.unwrap_or(siblings.len() as u64);
        siblings.insert(index, frame);
        let (parent, status) = (Some(parent), Status::Running);
        self.frames.push(Frame { parent, start, kind, index, last: None, status });
        frame
    }

    /// Events that go on in the step that the one before was in.
    fn take_own(&mut self, event: &Event, before: Option<Place>) -> Option<Place> {
        let mut index = before?.step?;
        match &event.what {
            Happening::Exited { name, output } => {
                // A Parallel or Map state is left by an event that points into it.
                index = self.and_around(index).find(|it| self.step(*it).name == *name)?;
                self.steps[index.0].output = *output;
                let has_failed = self.has_failed(index);
                let status = if has_failed { Status::Caught } else { Status::Succeeded };
                self.finish(index, status, event);
            }
            Happening::Scheduled { .. } => {
                self.revive(index);
                self.steps[index.0].attempts.push(attempt(event));
            }
            Happening::WorkStarted { worker } => {
                if let Some(attempt) = self.steps[index.0].attempts.last_mut() {
                    attempt.started_at = Some(event.at);
                    attempt.worker.clone_from(worker);
                }
            }
            Happening::Submitted(payload) => {
                if let Some(attempt) = self.steps[index.0].attempts.last_mut() {
                    attempt.child.clone_from(&payload.child);
                }
            }
            Happening::WorkEnded(outcome, payload) => {
                self.end_attempt(event, index, *outcome, payload);
            }
            Happening::MapRunStarted { arn } => {
                index = self.around(index, "Map")?;
                self.revive(index);
                self.steps[index.0].map_run = Some(arn.clone());
            }
            Happening::MapRunEnded(outcome, payload) => {
                index = self.around(index, "Map")?;
                self.end_attempt(event, index, *outcome, payload);
            }
            _ => {}
        }
        Some(self.at(index))
    }

    /// The event may follow the one before its state was entered, which is therefore found by its
    /// name.
    fn evaluation_failed(
        &mut self,
        name: &str,
        payload: &Payload,
        before: Option<Place>,
    ) -> Option<Place> {
        let is_meant = |it: &StepIndex| self.step(*it).name == name && self.step(*it).ended == 0;
        let near = before.and_then(|place| {
            let around = place.step.into_iter().flat_map(|step| self.and_around(step));
            self.frame(place.frame).last.into_iter().chain(around).find(is_meant)
        });
        let anywhere = || (0..self.steps.len()).rev().map(StepIndex).find(is_meant);
        let index = near.or_else(anywhere)?;
        let step = &mut self.steps[index.0];
        (step.error, step.cause) = (payload.error.clone(), payload.cause.clone());
        Some(self.at(index))
    }

    fn end_attempt(&mut self, event: &Event, step: StepIndex, outcome: Outcome, payload: &Payload) {
        let Some(attempt) = self.steps[step.0].attempts.last_mut() else { return };
        attempt.status = status(outcome);
        (attempt.ended, attempt.ended_at) = (event.id, event.at);
        (attempt.error, attempt.cause) = (payload.error.clone(), payload.cause.clone());
        attempt.result = payload.output;
        attempt.started_at = attempt.started_at.or(Some(attempt.scheduled_at));
        if payload.child.is_some() {
            attempt.child.clone_from(&payload.child);
        }
    }

    /// The Parallel or Map step that a step is in.
    pub fn parent(&self, step: StepIndex) -> Option<StepIndex> {
        self.frame(self.step(step).frame).parent
    }

    /// Whether a state that is left now has failed before.
    fn has_failed(&self, index: StepIndex) -> bool {
        let step = self.step(index);
        step.error.is_some()
            || step.status.is_bad()
            || step.attempts.last().is_some_and(|it| it.status.is_bad())
    }

    /// The step, or the innermost one around it, of that type and not ended.
    fn around(&self, step: StepIndex, state_type: &str) -> Option<StepIndex> {
        let mut steps = self.and_around(step);
        steps.find(|it| {
            let step = self.step(*it);
            step.state_type == state_type && step.ended == 0
        })
    }

    /// The step and those around it, from the inside out.
    pub(crate) fn and_around(&self, step: StepIndex) -> impl Iterator<Item = StepIndex> + '_ {
        std::iter::successors(Some(step), |step| self.parent(*step))
    }

    fn open(
        &mut self,
        event: &Event,
        state_type: &str,
        length: u64,
        before: Option<Place>,
    ) -> Option<Place> {
        let inner = before?.step?;
        let index = self.around(inner, state_type)?;
        if !self.step(index).attempts.is_empty() {
            // It is tried again: what was below is gone.
            self.end_below(index, event, Some(inner).filter(|inner| *inner != index));
            if let Some(attempt) = self.steps[index.0].attempts.last_mut() {
                attempt.status = Status::Failed;
                (attempt.ended, attempt.ended_at) = (event.id, event.at);
            }
        }
        self.revive(index);
        let mut start = attempt(event);
        start.started_at = Some(event.at);
        let step = &mut self.steps[index.0];
        step.length = length;
        step.attempts.push(start);
        Some(Place { opens: state_type == "Parallel", ..self.at(index) })
    }

    fn start_iteration(&mut self, name: &str, index: u64, before: Option<Place>) -> Option<Place> {
        let inner = before?.step?;
        let map = self.and_around(inner).find(|it| self.step(*it).name == name)?;
        let start = self.step(map).attempts.len().saturating_sub(1);
        let frame = self.begin_frame(map, start, FrameKind::Iteration, Some(index));
        // What is entered next is in the frame; the state itself is what other events go on with.
        Some(Place { frame, step: Some(map), opens: false })
    }

    fn end_iteration(
        &mut self,
        event: &Event,
        name: &str,
        index: u64,
        outcome: Outcome,
        before: Option<Place>,
    ) {
        let around = before.and_then(|place| place.step).and_then(|inner| {
            let mut around = self.and_around(inner);
            around.find(|it| self.step(*it).name == name)
        });
        let by_name = || {
            let open = |it: &StepIndex| self.step(*it).name == name && self.step(*it).ended == 0;
            (0..self.steps.len()).map(StepIndex).find(open)
        };
        let Some(map) = around.or_else(by_name) else { return };
        let frame = self.below_now(map).and_then(|frames| frames.get(&index)).copied();
        let Some(frame) = frame else { return };
        let reason = before.and_then(|place| place.step);
        self.end_frame(frame, status(outcome), event, reason);
    }

    fn close(
        &mut self,
        event: &Event,
        state_type: &str,
        outcome: Outcome,
        before: Option<Place>,
    ) -> Option<Place> {
        let inner = before.and_then(|place| place.step);
        let index = match outcome {
            Outcome::Aborted => inner.and_then(|inner| self.beside(state_type, inner, usize::MAX)),
            _ => None,
        };
        let index = index.or_else(|| self.around(inner?, state_type))?;
        let status = status(outcome);
        self.end_below(index, event, inner);
        if let Some(attempt) = self.steps[index.0].attempts.last_mut()
            && attempt.status == Status::Running
        {
            attempt.status = status;
            (attempt.ended, attempt.ended_at) = (event.id, event.at);
        }
        match outcome {
            // Its exit ends it.
            Outcome::Succeeded => {}
            _ => {
                // What cut it off is not in it.
                let is_within = |inner: &StepIndex| {
                    *inner != index && self.and_around(*inner).any(|it| it == index)
                };
                self.steps[index.0].failed_by = inner.filter(is_within);
                self.finish(index, status, event);
            }
        }
        Some(self.at(index))
    }

    /// A running step of that type beside what failed, in the innermost Parallel or Map state
    /// around it that has one, of that number of these: the oldest.
    fn beside(&self, state_type: &str, reason: StepIndex, levels: usize) -> Option<StepIndex> {
        let around: Vec<StepIndex> = self.and_around(reason).collect();
        around.iter().skip(1).take(levels).find_map(|container| {
            let is_meant = |it: StepIndex| {
                let step = self.step(it);
                step.state_type == state_type && step.ended == 0 && !around.contains(&it)
            };
            self.find_below(*container, &is_meant)
        })
    }

    fn find_below(
        &self,
        container: StepIndex,
        is_meant: &impl Fn(StepIndex) -> bool,
    ) -> Option<StepIndex> {
        let frames = self.below_now(container)?;
        let running = frames.values().filter_map(|it| {
            let last = self.frame(*it).last?;
            (self.step(last).ended == 0).then_some(last)
        });
        running
            .into_iter()
            .find_map(|it| is_meant(it).then_some(it).or_else(|| self.find_below(it, is_meant)))
    }

    /// A Task or Wait state was cut off: a sibling of what failed, or, where none is left, the Task
    /// state itself whose work failed.
    fn cut(&mut self, event: &Event, state_type: &str, before: Option<Place>) -> Option<Place> {
        let reason = before?.step?;
        // The Task state whose work failed is told of last among those of its Parallel state.
        let is_own = |story: &Story| {
            let step = story.step(reason);
            step.state_type == state_type && step.ended == 0
        };
        let own = self.own_failure(reason).filter(|_| is_own(self));
        let levels = if own.is_some() { 1 } else { usize::MAX };
        match (self.beside(state_type, reason, levels), own) {
            (Some(index), _) => self.finish(index, Status::Aborted, event),
            (None, Some(status)) => self.finish(reason, status, event),
            // The end of its iteration has told already.
            (None, None) => {}
        }
        before
    }

    /// How a step stands by what failed it itself.
    fn own_failure(&self, index: StepIndex) -> Option<Status> {
        let step = self.step(index);
        let attempt = step.attempts.last().map(|it| it.status).filter(|it| it.is_bad());
        attempt.or_else(|| step.error.as_ref().map(|_| Status::Failed))
    }

    fn finish(&mut self, index: StepIndex, status: Status, event: &Event) {
        let step = &mut self.steps[index.0];
        step.status = status;
        (step.ended, step.ended_at) = (event.id, event.at);
        if let Some(attempt) = step.attempts.last_mut()
            && attempt.status == Status::Running
        {
            attempt.status = status;
            (attempt.ended, attempt.ended_at) = (event.id, event.at);
        }
    }

    /// Ends what runs in the present start of a Parallel or Map state. `reason` failed it.
    fn end_below(&mut self, index: StepIndex, event: &Event, reason: Option<StepIndex>) {
        let frames = self.below_now(index).into_iter().flatten();
        let running = frames.filter(|(_, frame)| self.frame(**frame).status == Status::Running);
        for frame in running.map(|(_, frame)| *frame).collect::<Vec<_>>() {
            self.end_frame(frame, Status::Aborted, event, reason);
        }
    }

    /// Ends what still runs in a frame; a frame that has come to its end has succeeded.
    fn end_frame(
        &mut self,
        frame: FrameIndex,
        status: Status,
        event: &Event,
        reason: Option<StepIndex>,
    ) {
        let last = self.frames[frame.0].last;
        if let Some(last) = last.filter(|last| self.step(*last).ended == 0) {
            self.end_below(last, event, reason);
            let is_reason = reason.is_some_and(|it| self.and_around(it).any(|it| it == last));
            let own = self.own_failure(last).filter(|_| is_reason);
            let fallback = if is_reason { Status::Failed } else { Status::Aborted };
            self.finish(last, own.unwrap_or(fallback), event);
        }
        let frame = &mut self.frames[frame.0];
        if frame.status == Status::Running {
            let ended = last.map(|last| self.steps[last.0].status);
            frame.status = match ended {
                Some(Status::Succeeded | Status::Caught) => Status::Succeeded,
                Some(bad) if status == Status::Aborted => bad,
                _ => status,
            };
        }
    }

    fn end(
        &mut self,
        event: &Event,
        outcome: Outcome,
        payload: &Payload,
        reason: Option<StepIndex>,
    ) {
        self.status = status(outcome);
        self.ended_at = Some(event.at);
        self.output = payload.output;
        (self.error, self.cause) = (payload.error.clone(), payload.cause.clone());
        self.ended_by = reason.filter(|_| outcome != Outcome::Succeeded);
        let is_own = matches!(outcome, Outcome::Failed | Outcome::TimedOut);
        self.end_frame(ROOT, self.status, event, reason.filter(|_| is_own));
        self.frames[ROOT.0].status = self.status;
    }

    /// A step goes on that had ended, as do those around it: another attempt, or a redrive.
    fn revive(&mut self, index: StepIndex) {
        let step = &mut self.steps[index.0];
        step.error = None;
        step.cause = None;
        step.failed_by = None;
        if step.ended != 0 {
            (step.status, step.ended, step.ended_at) = (Status::Running, 0, 0);
        }
    }

    /// What a redrive does again goes on.
    fn reopen(&mut self) {
        for index in self.resumed() {
            for step in self.and_around(index).collect::<Vec<_>>() {
                if step != index || self.step(step).state_type != "Fail" {
                    self.revive(step);
                }
                let frame = self.step(step).frame;
                self.frames[frame.0].status = Status::Running;
            }
        }
        self.redrives += 1;
        self.frames[ROOT.0].status = Status::Running;
        (self.status, self.ended_at, self.ended_by) = (Status::Running, None, None);
        (self.error, self.cause) = (None, None);
    }

    /// The innermost steps that a redrive runs again: those that were entered and not left.
    pub(crate) fn resumed(&self) -> Vec<StepIndex> {
        let mut found = Vec::new();
        let mut frames = vec![ROOT];
        while let Some(frame) = frames.pop() {
            let Some(last) = self.frame(frame).last else { continue };
            if !self.step(last).status.is_bad() && self.step(last).status != Status::Running {
                continue;
            }
            let below: Vec<FrameIndex> = self.open_below(last).collect();
            match below.is_empty() {
                true => found.push(last),
                false => frames.extend(below.iter().rev()),
            }
        }
        found
    }

    /// The frames in a Parallel or Map state that have not come to their end.
    pub(crate) fn open_below(&self, step: StepIndex) -> impl Iterator<Item = FrameIndex> + '_ {
        let frames = self.below_now(step).into_iter().flatten().map(|(_, frame)| *frame);
        frames.filter(|frame| {
            let last = self.frame(*frame).last.map(|last| self.step(last).status);
            !matches!(last, None | Some(Status::Succeeded | Status::Caught))
        })
    }

    /// The frames of the present start of a Parallel or Map state, by their numbers.
    pub(crate) fn below_now(&self, step: StepIndex) -> Option<&BTreeMap<u64, FrameIndex>> {
        let start = self.step(step).attempts.len().saturating_sub(1);
        self.below.get(&(step, start))
    }

    /// The executions that attempts started, in the order of the steps: which step, which attempt
    /// of it, and the ARN.
    pub fn children(&self) -> impl Iterator<Item = (StepIndex, usize, &str)> {
        self.steps.iter().enumerate().flat_map(|(index, step)| {
            let started = step.attempts.iter().enumerate();
            started.filter_map(move |(attempt, it)| {
                Some((StepIndex(index), attempt, it.child.as_deref()?))
            })
        })
    }

    /// Adds how the execution stands to what is told of it: `status`, `start`, `stop` and `error`,
    /// the latter two where there are any.
    pub fn summarise(&self, json: &mut Object) {
        json.insert("status", self.status.word());
        json.insert("start", self.started_at);
        if let Some(ended_at) = self.ended_at {
            json.insert("stop", ended_at);
        }
        if let Some(error) = self.failure().and_then(|it| it.error) {
            json.insert("error", error);
        }
    }

    /// The names of the states around a step, from the outside in, with the numbers of iterations:
    /// `Pack[7]`, `Weigh`.
    pub fn path(&self, step: StepIndex) -> Vec<String> {
        let mut path = Vec::new();
        let mut inner: Option<&Frame> = None;
        for index in self.and_around(step) {
            let step = self.step(index);
            path.push(match inner.filter(|frame| frame.kind == FrameKind::Iteration) {
                Some(frame) => format!("{}[{}]", step.name, frame.index),
                None => step.name.clone(),
            });
            inner = Some(self.frame(step.frame));
        }
        path.reverse();
        path
    }
}

pub(crate) fn status(outcome: Outcome) -> Status {
    match outcome {
        Outcome::Succeeded => Status::Succeeded,
        Outcome::Failed => Status::Failed,
        Outcome::TimedOut => Status::TimedOut,
        Outcome::Aborted => Status::Aborted,
    }
}

/// A new attempt.
fn attempt(event: &Event) -> Attempt {
    let mut attempt = Attempt {
        scheduled: event.id,
        scheduled_at: event.at,
        started_at: None,
        ended: 0,
        ended_at: 0,
        status: Status::Running,
        kind: None,
        service: String::new(),
        resource: String::new(),
        parameters: 0,
        result: 0,
        due: None,
        heartbeat: None,
        worker: None,
        error: None,
        cause: None,
        child: None,
    };
    if let Happening::Scheduled { kind, service, resource, parameters, timeout, heartbeat } =
        &event.what
    {
        attempt.kind = Some(*kind);
        attempt.service.clone_from(service);
        attempt.resource.clone_from(resource);
        attempt.parameters = *parameters;
        attempt.due = timeout.and_then(|it| event.at.checked_add(it.checked_mul(1_000)?));
        attempt.heartbeat = *heartbeat;
    }
    attempt
}
