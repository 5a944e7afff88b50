//! What Parallel and Map share: frames below a state that waits for them.

use asl::{StateKind, Transition};
use json::Document;

use crate::retry::{QUERY_EVALUATION, Raised};
use crate::step::{Ended, Stepper};
use crate::{EventId, EventKind, Frame, FrameId, Join, Position, Record, WaitingOn};

impl Stepper<'_, '_> {
    pub(crate) fn join_of(&self, id: FrameId) -> &Join {
        self.execution.frame(id).join().expect("a Parallel or Map state under way has a join")
    }

    /// A branch or an iteration came to its end.
    pub(crate) fn child_done(&mut self, parent: FrameId, child: FrameId) -> Result<(), Ended> {
        let last = self.execution.frame(child).last_event;
        let is_map = self.join_of(parent).map.is_some();
        let previous = if is_map { self.iteration_done(parent, child, last)? } else { last };
        // Starting the next iteration may have failed the whole state.
        let Some(join) = self.execution.frames.get(&parent).and_then(Frame::join) else {
            return Ok(());
        };
        if join.finished < join.length {
            return Ok(());
        }
        self.join_done(parent, previous)
    }

    /// The last branch or iteration came to its end.
    fn join_done(&mut self, id: FrameId, previous: EventId) -> Result<(), Ended> {
        let is_map = self.join_of(id).map.is_some();
        let result = self.join_result(id);
        let succeeded =
            if is_map { EventKind::MapStateSucceeded } else { EventKind::ParallelStateSucceeded };
        self.emit(id, previous, succeeded)?;
        self.join_left(id, result, previous)
    }

    /// Goes on with a Parallel or Map state after a redrive. Its branches and iterations that did
    /// not come to their end go on by themselves.
    pub(crate) fn resume_join(&mut self, id: FrameId) -> Result<(), Ended> {
        let previous = self.execution.frame(id).last_event;
        let join = self.join_of(id);
        let is_done = join.finished == join.length;
        match (&join.map, &self.state_of(id).kind) {
            (Some(_), StateKind::Map(map)) if is_done && join.length == 0 => {
                self.join_empty(id, previous, map.transition)
            }
            _ if is_done => self.join_done(id, previous),
            (Some(_), _) => self.start_iterations(id, previous),
            (None, _) => Ok(()),
        }
    }

    /// Leaves a Parallel or Map state with its result.
    pub(crate) fn join_left(
        &mut self,
        id: FrameId,
        result: Document,
        previous: EventId,
    ) -> Result<(), Ended> {
        let state = self.state_of(id);
        let Position::In { input, .. } = &self.execution.frame(id).position else {
            unreachable!("a join belongs to a state");
        };
        let input = input.clone();
        let transition = match &state.kind {
            StateKind::Parallel(branches) => branches.transition,
            StateKind::Map(map) => map.transition,
            _ => unreachable!("only Parallel and Map states have a join"),
        };
        let output = self.output(id, state, &input, result);
        self.leave(id, output, transition, previous)
    }

    /// The outputs in order. Their texts are put together as they are, as AWS does.
    fn join_result(&self, id: FrameId) -> Document {
        let mut children: Vec<_> = self
            .join_of(id)
            .children
            .iter()
            .map(|child| self.execution.frame(*child))
            .map(|child| match &child.position {
                Position::Done { output } => (child.index, output.text()),
                _ => unreachable!("every child of a complete join is done"),
            })
            .collect();
        children.sort_by_key(|(index, _)| *index);
        let length = children.iter().map(|(_, text)| text.len() + 1).sum::<usize>() + 1;
        let mut text = String::with_capacity(length);
        text.push('[');
        for (position, (_, output)) in children.iter().enumerate() {
            if position > 0 {
                text.push(',');
            }
            text.push_str(output);
        }
        text.push(']');
        Document::from_trusted_text(&text)
    }

    /// A branch or an iteration failed, and nobody in it took the failure.
    pub(crate) fn child_failed(
        &mut self,
        parent: FrameId,
        child: FrameId,
        raised: Raised,
        previous: EventId,
    ) -> Result<(), Ended> {
        self.abort_below(parent, Some(child), Some(previous))?;
        if self.join_of(parent).map.is_some() {
            let name = self.state_of(parent).name.clone();
            let index = self.execution.frame(child).index;
            self.emit(child, previous, EventKind::MapIterationFailed { name, index })?;
        } else if self.work_failed(child, previous) {
            self.emit(child, previous, EventKind::TaskStateAborted)?;
        }
        self.fail_state(parent, raised, previous)
    }

    /// Whether the event that a frame failed by tells that the work of its Task state failed. AWS
    /// counts such a state among those that a failing Parallel state cuts off, and none that failed
    /// before or after its work.
    fn work_failed(&self, id: FrameId, failed: EventId) -> bool {
        let kind = self.records().iter().rev().find_map(|record| match record {
            Record::Event(event) if event.id == failed && event.frame == id => Some(&event.kind),
            Record::Event(_) | Record::Note(_) => None,
        });
        match kind {
            Some(
                EventKind::TaskFailed { .. }
                | EventKind::TaskTimedOut { .. }
                | EventKind::TaskSubmitFailed { .. }
                | EventKind::ActivityFailed(_)
                | EventKind::ActivityTimedOut(_)
                | EventKind::LambdaFunctionFailed(_)
                | EventKind::LambdaFunctionTimedOut(_),
            ) => true,
            Some(_) | None => false,
        }
    }

    /// Writes that a Parallel or Map state failed for good, where the frame is in one that had
    /// started; gives the event that what follows points to.
    ///
    /// One that failed to evaluate what it starts with has failed, too, as AWS sees it.
    pub(crate) fn join_failed(
        &mut self,
        id: FrameId,
        raised: &Raised,
        previous: EventId,
    ) -> Result<EventId, Ended> {
        let frame = self.execution.frame(id);
        let has_begun = frame.join().is_some()
            || frame.map_run().is_some()
            || raised.failure.error.as_deref() == Some(QUERY_EVALUATION);
        let kind = match &self.state_of(id).kind {
            StateKind::Map(_) if has_begun => EventKind::MapStateFailed,
            StateKind::Parallel(_) if has_begun => EventKind::ParallelStateFailed,
            _ => return Ok(previous),
        };
        self.emit(id, previous, kind)
    }

    /// Writes that what runs below a frame is cut off, all but the child that is the reason.
    /// `previous` is the event that led to it; each frame's own last event where there is none.
    pub(crate) fn abort_below(
        &mut self,
        id: FrameId,
        reason: Option<FrameId>,
        previous: Option<EventId>,
    ) -> Result<(), Ended> {
        let Some(join) = self.execution.frame(id).join() else {
            return Ok(());
        };
        let is_map = join.map.is_some();
        for child in join.children.clone() {
            let frame = self.execution.frame(child);
            if Some(child) == reason || matches!(frame.position, Position::Done { .. }) {
                continue;
            }
            let led_by = previous.unwrap_or(frame.last_event);
            if is_map {
                let index = frame.index;
                let name = self.state_of(id).name.clone();
                self.emit(child, led_by, EventKind::MapIterationAborted { name, index })?;
            }
            self.abort_map_run(child)?;
            self.abort_below(child, None, previous)?;
            if let Some(kind) = self.aborted_event(child) {
                self.emit(child, led_by, kind)?;
            }
        }
        Ok(())
    }

    /// Writes that the Map Run of a frame is cut off, where it waits for one.
    pub(crate) fn abort_map_run(&mut self, id: FrameId) -> Result<(), Ended> {
        match self.execution.frame(id).map_run() {
            Some(run) if !run.ended => {
                let started = run.started;
                self.emit(id, started, EventKind::MapRunAborted).map(drop)
            }
            _ => Ok(()),
        }
    }

    fn aborted_event(&self, id: FrameId) -> Option<EventKind> {
        let Position::In { waiting_on, .. } = &self.execution.frame(id).position else {
            return None;
        };
        match (&self.state_of(id).kind, waiting_on) {
            (_, WaitingOn::Nothing) => None,
            (StateKind::Task(_), _) => Some(EventKind::TaskStateAborted),
            (StateKind::Wait(_), _) => Some(EventKind::WaitStateAborted),
            (StateKind::Parallel(_), _) => Some(EventKind::ParallelStateAborted),
            (StateKind::Map(_), _) => Some(EventKind::MapStateAborted),
            (
                StateKind::Pass(_) | StateKind::Choice(_) | StateKind::Succeed | StateKind::Fail(_),
                _,
            ) => None,
        }
    }

    /// Goes on after an empty join: there is nothing to wait for.
    pub(crate) fn join_empty(
        &mut self,
        id: FrameId,
        started: EventId,
        transition: Transition,
    ) -> Result<(), Ended> {
        self.emit(id, started, EventKind::MapStateSucceeded)?;
        let state = self.state_of(id);
        let Position::In { input, .. } = &self.execution.frame(id).position else {
            unreachable!("a join belongs to a state");
        };
        let input = input.clone();
        let output = self.output(id, state, &input, Document::from_trusted_text("[]"));
        self.leave(id, output, transition, started)
    }
}
