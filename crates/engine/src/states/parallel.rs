//! Parallel: every branch gets the same input; their outputs are the result.

use asl::{Branches, State};
use json::Document;

use crate::context::Moment;
use crate::evaluate::Fault;
use crate::step::{Ended, Stepper};
use crate::{EventId, EventKind, FrameId};

impl Stepper<'_, '_> {
    pub(crate) fn parallel(
        &mut self,
        id: FrameId,
        state: &State,
        parallel: &Branches,
        input: &Document,
        previous: EventId,
    ) -> Result<(), Ended> {
        let input = match self.branch_input(id, state, input) {
            Ok(input) => input,
            Err(fault) => return self.fail_with(id, fault, previous),
        };
        let first = self.next_frame().0;
        let frames = (first..).map(FrameId);
        let branches: Vec<_> = frames.zip(parallel.regions.iter().copied()).collect();
        let started = EventKind::ParallelStateStarted { branches: branches.clone(), input };
        self.emit(id, previous, started)?;
        for (branch, _) in branches {
            self.make_ready(branch);
        }
        Ok(())
    }

    /// What each branch gets.
    pub(crate) fn branch_input(
        &mut self,
        id: FrameId,
        state: &State,
        input: &Document,
    ) -> Result<Document, Fault> {
        let effective = self.effective_input(id, state, input)?;
        self.arguments(id, state, &effective, Moment::default())
    }
}
