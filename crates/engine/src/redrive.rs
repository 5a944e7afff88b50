//! Redriving: an execution that failed goes on from where it did.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html>.
//!
//! Every state that was entered and not left runs again. What succeeded is kept: the states before
//! it, and the branches and iterations that came to their end.

use std::sync::Arc;

use asl::{RegionIndex, StateKind};

use crate::retry::DATA_LIMIT_EXCEEDED;
use crate::step::{Ended, Stepper, seconds_max};
use crate::{EventKind, Execution, Frame, FrameId, Position, Status, WaitingOn};

impl Stepper<'_, '_> {
    /// Goes on with an execution that has ended otherwise than by success.
    pub(crate) fn redrive(&mut self, client_token: Option<Arc<str>>) -> Result<(), Ended> {
        if self.execution.status == Status::Running {
            return Ok(());
        }
        let is_map_run_child = self.execution.frame(FrameId::ROOT).region != RegionIndex::ROOT;
        let seconds = match is_map_run_child {
            true => self.env.limits.execution_seconds_max,
            false => seconds_max(self.program, self.env),
        };
        let redriven = EventKind::ExecutionRedriven {
            redrive_count: self.execution.redrives.count + 1,
            deadline: Some(self.env.timer_now.plus_seconds(seconds)),
            client_token,
            anew: anew(self.execution),
        };
        let previous = self.execution.last_event;
        self.emit(FrameId::ROOT, previous, redriven)?;
        let frames: Vec<FrameId> = self.execution.frames.keys().copied().collect();
        for id in frames {
            self.resume(id)?;
        }
        Ok(())
    }

    /// Lets a frame do again what it was doing. What happened to the frames before it may have
    /// removed it.
    fn resume(&mut self, id: FrameId) -> Result<(), Ended> {
        let Some(Frame { position, .. }) = self.execution.frames.get(&id) else {
            return Ok(());
        };
        let Position::In { state, input, entered_event, waiting_on, .. } = position else {
            return Ok(());
        };
        match waiting_on {
            WaitingOn::Until(until) if *until <= self.env.timer_now => self.wait_ended(id),
            WaitingOn::Until(_) => Ok(()),
            WaitingOn::Join(_) => self.resume_join(id),
            WaitingOn::Nothing => {
                let (index, input, entered) = (*state, input.clone(), *entered_event);
                match &self.program.state(index).kind {
                    // What a Wait state without an instant waits for is worked out as it is
                    // entered; and AWS says of a Fail state that it is entered again.
                    StateKind::Wait(_) | StateKind::Fail(_) => self.enter(id, index, input),
                    _ => self.work(id, entered),
                }
            }
            WaitingOn::MapRun(_) => self.redrive_map_run(id),
            WaitingOn::Retry(_) | WaitingOn::Task(_) => {
                unreachable!("a redrive leaves no attempt under way")
            }
        }
    }
}

/// The frames whose Parallel or Map state begins anew: its branches or iterations all came to
/// their end, and their results were too large together.
fn anew(execution: &Execution) -> Vec<FrameId> {
    let failure = execution.failure.as_ref().and_then(|failure| failure.error.as_deref());
    if failure != Some(DATA_LIMIT_EXCEEDED) {
        return Vec::new();
    }
    let is_complete = |frame: &Frame| {
        frame.join().is_some_and(|join| join.length > 0 && join.finished == join.length)
    };
    let frames = execution.frames.iter();
    frames.filter(|(_, frame)| is_complete(frame)).map(|(id, _)| *id).collect()
}
