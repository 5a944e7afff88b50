//! Succeed: ends its region well.

use asl::{State, Transition};
use json::Document;

use crate::FrameId;
use crate::step::{Ended, Stepper};

impl Stepper<'_, '_> {
    pub(crate) fn succeed(
        &mut self,
        id: FrameId,
        state: &State,
        input: &Document,
    ) -> Result<(), Ended> {
        let effective = self.effective_input(id, state, input);
        let output = effective.and_then(|input| self.passed_output(id, state, &input));
        let entered = self.execution.frame(id).last_event;
        self.leave(id, output, Transition::End, entered)
    }
}
