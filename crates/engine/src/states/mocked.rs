//! Parallel and Map states that are tried on their own: all that they evaluate, with a mock in
//! place of the frames below them.

use asl::{Map, Percentage, State, StateKind};
use json::{Document, Value};

use crate::context::Moment;
use crate::evaluate::{Fault, View};
use crate::step::{Ended, Stepper};
use crate::{EventId, Failure, FrameId, MapItem, TrialMock};

impl Stepper<'_, '_> {
    pub(crate) fn mocked(
        &mut self,
        id: FrameId,
        state: &State,
        input: &Document,
        mock: TrialMock,
        previous: EventId,
    ) -> Result<(), Ended> {
        let outcome = match &state.kind {
            StateKind::Map(map) => self.mocked_map(id, state, map, input, mock),
            _ => self.branch_input(id, state, input).map(|_| mock.outcome),
        };
        match outcome {
            Ok(Ok(result)) => self.join_left(id, result, previous),
            Ok(Err(failure)) => self.fail_state(id, failure.into(), previous),
            Err(fault) => self.fail_with(id, fault, previous),
        }
    }

    fn mocked_map(
        &mut self,
        id: FrameId,
        state: &State,
        map: &Map,
        input: &Document,
        mock: TrialMock,
    ) -> Result<Result<Document, Failure>, Fault> {
        let reader = map.distributed.as_ref().and_then(|it| it.item_reader.as_ref());
        let (items, effective) = match reader {
            Some(reader) => {
                let effective = self.effective_input(id, state, input)?;
                if let Some(parameters) = &reader.parameters {
                    self.payload(id, parameters, "ItemReader/Arguments", View::of(&effective))?;
                }
                let none = || Document::from_trusted_text("[]");
                (mock.reader_items.unwrap_or_else(none), effective)
            }
            None => {
                let items = self.items(id, state, map, input)?;
                (items.items, items.effective)
            }
        };
        if let (None, asl::Items::Path(_)) = (reader, &map.items) {
            // AWS prints this one with spaces.
            let text = items.value().to_spaced_string();
            self.observe(|seen| seen.after_items_path = Some(Document::from_trusted_text(&text)));
        }
        let max_concurrency =
            self.amount(id, &map.max_concurrency, "MaxConcurrency", &effective)?;
        self.observe(|seen| seen.max_concurrency = Some(max_concurrency));
        let values = items.value().as_array().unwrap_or_default();
        self.select_items(id, map, values, &effective)?;
        let failed = mock.iteration_failures.unwrap_or(0);
        if self.exceeds_tolerance(id, map, &effective, failed, values.len())? {
            return Ok(Err(Failure::new(
                "States.ExceedToleratedFailureThreshold",
                "The specified tolerated failure threshold was exceeded",
            )));
        }
        Ok(mock.outcome)
    }

    fn select_items(
        &mut self,
        id: FrameId,
        map: &Map,
        values: &[Value],
        effective: &Document,
    ) -> Result<(), Fault> {
        let Some(selector) = &map.item_selector else { return Ok(()) };
        let mut selected = Vec::with_capacity(values.len());
        for (index, value) in (0..).zip(values) {
            let item = MapItem { index, value: Document::from(value.clone()) };
            let moment = Moment { token: None, item: Some((&item).into()) };
            let view = View { moment, ..View::of(effective) };
            selected.push(self.payload(id, selector, "ItemSelector", view)?.value().clone());
        }
        let selected = Document::from(Value::from(selected));
        self.observe(|seen| seen.after_item_selector = Some(selected));
        Ok(())
    }

    /// Whether that many failed iterations of so many are more than the state tolerates. Without a
    /// limit AWS tolerates any number here.
    fn exceeds_tolerance(
        &mut self,
        id: FrameId,
        map: &Map,
        effective: &Document,
        failed: u64,
        of: usize,
    ) -> Result<bool, Fault> {
        let mut exceeds = false;
        if let Some(amount) = &map.tolerated_failure_count {
            let count = self.amount(id, amount, "ToleratedFailureCount", effective)?;
            self.observe(|seen| seen.tolerated_failure_count = Some(count));
            exceeds |= failed > count;
        }
        if let Some(percentage) = &map.tolerated_failure_percentage {
            let percentage = self.percentage(id, percentage, effective)?;
            self.observe(|seen| seen.tolerated_failure_percentage = Some(percentage));
            exceeds |= of > 0 && failed as f64 * 100.0 / of as f64 > percentage;
        }
        Ok(exceeds)
    }

    fn percentage(
        &mut self,
        id: FrameId,
        percentage: &Percentage,
        input: &Document,
    ) -> Result<f64, Fault> {
        const FIELD: &str = "ToleratedFailurePercentage";
        match percentage {
            Percentage::Literal(percentage) => Ok(*percentage),
            Percentage::Path(path) => {
                let value = self.at(id, path, input)?;
                value.as_f64().ok_or_else(|| {
                    Fault::runtime(format!(
                        "The {FIELD}Path field refers to value \"{value}\" which is not a valid \
                         number: {}",
                        path.text()
                    ))
                })
            }
            Percentage::Jsonata(template) => {
                let of_number = ("number", Value::as_f64);
                self.jsonata_of(id, template, FIELD, View::of(input), of_number)
            }
        }
    }
}
