//! Pass: hands on its input, or a literal, or a template.

use asl::{Pass, State};
use json::Document;

use crate::FrameId;
use crate::context::Moment;
use crate::evaluate::{Exit, Fault};
use crate::step::{Ended, Stepper};

impl Stepper<'_, '_> {
    pub(crate) fn pass(
        &mut self,
        id: FrameId,
        state: &State,
        pass: &Pass,
        input: &Document,
    ) -> Result<(), Ended> {
        let output = self.pass_output(id, state, pass, input);
        let entered = self.execution.frame(id).last_event;
        self.leave(id, output, pass.transition, entered)
    }

    fn pass_output(
        &mut self,
        id: FrameId,
        state: &State,
        pass: &Pass,
        input: &Document,
    ) -> Result<Exit, Fault> {
        let effective = self.effective_input(id, state, input)?;
        let result = match &pass.result {
            Some(result) => Document::from(result.clone()),
            None => self.arguments(id, state, &effective, Moment::default())?,
        };
        self.output(id, state, input, result)
    }
}
