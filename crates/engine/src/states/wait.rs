//! Wait: goes on at an instant.

use asl::{State, StateKind, Wait, WaitFor, parse_timestamp};
use json::{Document, Number, Value};
use jsonpath::Path;

use crate::evaluate::{Fault, View};
use crate::step::{Ended, Stepper};
use crate::{FrameId, Position, Timestamp};

const NANOSECONDS_PER_MILLISECOND: i128 = 1_000_000;

impl Stepper<'_, '_> {
    /// When a Wait state that is about to be entered will end.
    pub(crate) fn wait_until(
        &mut self,
        id: FrameId,
        state: &State,
        wait: &Wait,
        input: &Document,
    ) -> Result<Timestamp, Fault> {
        match &wait.until {
            WaitFor::Seconds(seconds) => Ok(self.env.timer_now.plus_seconds(*seconds)),
            WaitFor::Timestamp(nanoseconds) => Ok(self.on_timers(instant(*nanoseconds))),
            WaitFor::SecondsJsonata(template) => {
                let field = ("Seconds", Some(asl::SECONDS_MAX));
                let seconds = self.jsonata_integer(id, template, field, View::of(input))?;
                Ok(self.env.timer_now.plus_seconds(seconds))
            }
            WaitFor::TimestampJsonata(template) => {
                let of_text = ("string", |value: &Value| value.as_str().map(str::to_owned));
                let view = View::of(input);
                let text = self.jsonata_of(id, template, "Timestamp", view, of_text)?;
                let until = parse_timestamp(&text).map(instant);
                until.map(|until| self.on_timers(until)).ok_or_else(|| {
                    let text = format!(
                        "The Timestamp field cannot be parsed as an ISO-8601 extended offset \
                         date-time format string: {text}"
                    );
                    Fault::query(Some("Timestamp".to_owned()), text)
                })
            }
            WaitFor::SecondsPath(path) => {
                let input = self.effective_input(id, state, input)?;
                let seconds = self.seconds_at(id, path, &input)?;
                Ok(self.env.timer_now.plus_seconds(seconds))
            }
            WaitFor::TimestampPath(path) => {
                let input = self.effective_input(id, state, input)?;
                self.timestamp_at(id, path, &input)
            }
        }
    }

    fn seconds_at(&mut self, id: FrameId, path: &Path, input: &Document) -> Result<u64, Fault> {
        let text = path.text();
        let value = self.lookup(id, path, input).unwrap_or(Value::Null);
        if value.is_null() {
            return Err(Fault::runtime(format!(
                "The SecondsPath parameter does not reference an input value: {text}"
            )));
        }
        match value.as_number().and_then(Number::as_i64) {
            None => Err(Fault::runtime(format!(
                "The SecondsPath parameter cannot be parsed as a long value: {text} == {}",
                plain(&value)
            ))),
            Some(seconds) => u64::try_from(seconds).map_err(|_| {
                Fault::runtime(format!(
                    "The SecondsPath parameter references a negative value: {text} == {seconds}"
                ))
            }),
        }
    }

    fn timestamp_at(
        &mut self,
        id: FrameId,
        path: &Path,
        input: &Document,
    ) -> Result<Timestamp, Fault> {
        let text = path.text();
        let value = self.lookup(id, path, input).unwrap_or(Value::Null);
        if value.is_null() {
            return Err(Fault::runtime(format!(
                "The TimestampPath parameter does not reference an input value: {text}"
            )));
        }
        let until = value.as_str().and_then(parse_timestamp).map(instant);
        until.map(|until| self.on_timers(until)).ok_or_else(|| {
            Fault::runtime(format!(
                "The TimestampPath parameter does not reference a valid ISO-8601 extended offset \
                 date-time format string: {text} == {}",
                plain(&value)
            ))
        })
    }

    /// A time of day on the scale of timers: as far from now as it is by today's clock.
    fn on_timers(&self, instant: Timestamp) -> Timestamp {
        let missing = instant.0.saturating_sub(self.env.now.0);
        Timestamp(self.env.timer_now.0.saturating_add(missing))
    }

    /// The time of a Wait state has come.
    pub(crate) fn wait_ended(&mut self, id: FrameId) -> Result<(), Ended> {
        let state = self.state_of(id);
        let Position::In { input, .. } = &self.execution.frame(id).position else {
            unreachable!("a wait ends in a state");
        };
        let input = input.clone();
        let StateKind::Wait(wait) = &state.kind else {
            unreachable!("only a Wait state waits for an instant");
        };
        let effective = self.effective_input(id, state, &input);
        let output = effective.and_then(|input| self.passed_output(id, state, &input));
        let entered = self.execution.frame(id).last_event;
        self.leave(id, output, wait.transition, entered)
    }
}

/// The first instant of an event's precision that is not before it.
fn instant(nanoseconds: i128) -> Timestamp {
    let rounded_up = nanoseconds.div_euclid(NANOSECONDS_PER_MILLISECOND)
        + i128::from(nanoseconds.rem_euclid(NANOSECONDS_PER_MILLISECOND) > 0);
    Timestamp(i64::try_from(rounded_up).unwrap_or(i64::MAX))
}

/// A value as AWS puts it into a text: strings without quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
