//! Fail: ends its region badly. Also where every failure goes: to a retrier, a catcher, or up.

use std::sync::Arc;

use asl::{Catcher, Fail, FailField, State};
use json::{Document, Object, Value};

use crate::evaluate::{Fault, View};
use crate::retry::{Raised, delay_milliseconds};
use crate::step::{Ended, Stepper};
use crate::{EventId, EventKind, Failure, FrameId, Note, Position, Record, RetryAt};

impl Stepper<'_, '_> {
    pub(crate) fn fail(&mut self, id: FrameId, fail: &Fail, input: &Document) -> Result<(), Ended> {
        let entered = self.execution.frame(id).last_event;
        match self.fail_failure(id, fail, input) {
            Ok(failure) => self.fail_state(id, failure.into(), entered),
            Err(fault) => self.fail_with(id, fault, entered),
        }
    }

    fn fail_failure(
        &mut self,
        id: FrameId,
        fail: &Fail,
        input: &Document,
    ) -> Result<Failure, Fault> {
        Ok(Failure {
            error: self.fail_field(id, fail.error.as_ref(), "Error", input)?,
            cause: self.fail_field(id, fail.cause.as_ref(), "Cause", input)?,
        })
    }

    fn fail_field(
        &mut self,
        id: FrameId,
        field: Option<&FailField>,
        name: &str,
        input: &Document,
    ) -> Result<Option<Arc<str>>, Fault> {
        let expression = match field {
            None => return Ok(None),
            Some(FailField::Literal(text)) => return Ok(Some(text.clone())),
            Some(FailField::Jsonata(template)) => {
                let of_text = ("string", |value: &Value| value.as_str().map(Arc::from));
                let text = self.jsonata_of(id, template, name, View::of(input), of_text)?;
                return Ok(Some(text));
            }
            Some(FailField::Expression(expression)) => expression,
        };
        let name = format!("{name}Path");
        match self.express(id, expression, &name, input)? {
            Value::String(text) => Ok(Some(text)),
            other => Err(Fault::runtime(format!(
                "The field '{name}' must be a string, but '{}' is: {other}",
                expression.text()
            ))),
        }
    }

    /// A fault of the interpreter in the state of a frame.
    pub(crate) fn fail_with(
        &mut self,
        id: FrameId,
        fault: Fault,
        previous: EventId,
    ) -> Result<(), Ended> {
        let (failure, previous) = self.report(id, fault, previous)?;
        self.fail_state(id, failure.into(), previous)
    }

    /// The state of a frame failed, and `previous` is the event that says so: a retrier takes it,
    /// or a catcher, or whatever the frame runs for.
    pub(crate) fn fail_state(
        &mut self,
        id: FrameId,
        raised: Raised,
        previous: EventId,
    ) -> Result<(), Ended> {
        self.observe_failure(&raised.failure);
        let state = self.state_of(id);
        if raised.can_be_handled()
            && let Some(retry) = self.retry(id, state, &raised, previous)
        {
            self.write(Record::Note(Note::RetryScheduled { frame: id, retry }));
            return Ok(());
        }
        let previous = self.join_failed(id, &raised, previous)?;
        let catchers = if raised.can_be_handled() { &*state.catch } else { &[] };
        let mut catchers = catchers.iter().enumerate();
        match catchers.find(|(_, catcher)| raised.matches(&catcher.errors)) {
            Some(catcher) => self.catch(id, state, catcher, &raised, previous),
            None => self.propagate(id, raised, previous),
        }
    }

    /// The next attempt, where the first retrier that matches has one left.
    fn retry(
        &mut self,
        id: FrameId,
        state: &State,
        raised: &Raised,
        previous: EventId,
    ) -> Option<RetryAt> {
        let index = state.retry.iter().position(|retrier| raised.matches(&retrier.errors))?;
        let Position::In { retries, .. } = &self.execution.frame(id).position else {
            unreachable!("a failing frame is in a state");
        };
        let done = retries.get(index).copied().unwrap_or(0);
        let done = self.trial.as_ref().map_or(done, |trial| trial.retries());
        self.observe(|seen| seen.retry_index = Some(index));
        let retrier = &state.retry[index];
        if u64::from(done) >= retrier.max_attempts {
            return None;
        }
        let delay = delay_milliseconds(retrier, done, self.env.random);
        let at = self.env.timer_now.plus_milliseconds(delay);
        self.observe(|seen| seen.retry_backoff_seconds = Some(delay / 1_000));
        Some(RetryAt { retrier: index as u32, at, previous })
    }

    fn catch(
        &mut self,
        id: FrameId,
        state: &State,
        catcher: (usize, &Catcher),
        raised: &Raised,
        previous: EventId,
    ) -> Result<(), Ended> {
        let Position::In { input, .. } = &self.execution.frame(id).position else {
            unreachable!("a failing frame is in a state");
        };
        let input = input.clone();
        let error_output = Document::from(Value::from(error_output(&raised.failure)));
        match self.caught_output(id, state, catcher, &input, &error_output) {
            Ok(exit) => {
                self.observe(|seen| seen.catch_index = Some(catcher.0));
                self.exit(id, previous, exit, Some(catcher.1.next))
            }
            // What a catcher cannot place has nobody left to catch it here.
            Err(fault) => {
                let (failure, previous) = self.report(id, fault, previous)?;
                self.propagate(id, failure.into(), previous)
            }
        }
    }

    /// Nobody in this frame took the failure.
    fn propagate(&mut self, id: FrameId, raised: Raised, previous: EventId) -> Result<(), Ended> {
        match self.execution.frame(id).parent {
            None => self.end(previous, EventKind::ExecutionFailed(raised.failure)),
            Some(parent) => self.child_failed(parent, id, raised, previous),
        }
    }
}

/// What a catcher sees: AWS shows two nulls for a failure without a word, and an empty cause for
/// one that has a name alone.
fn error_output(failure: &Failure) -> Object {
    let mut output = Object::new();
    let cause = match (&failure.error, &failure.cause) {
        (_, Some(cause)) => Value::from(cause.clone()),
        (Some(_), None) => Value::from(""),
        (None, None) => Value::Null,
    };
    output.insert("Error", failure.error.clone().map_or(Value::Null, Value::from));
    output.insert("Cause", cause);
    output
}
