//! Map, distributed: asks for a Map Run, and goes on with its result.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html>.

use std::sync::Arc;

use asl::{Amount, Distributed, Map, Payload, Percentage, State, StateKind};
use json::{Document, Number, Object, Value};

use crate::evaluate::{Fault, View};
use crate::map_run::count_items;
use crate::retry::Raised;
use crate::states::map::not_an_array;
use crate::states::task::random_uuid;
use crate::step::{Ended, Stepper};
use crate::{Effect, EventId, EventKind, Failure, FrameId, MapRunRequest, Position, TaskId};

/// AWS's limit on the items of a Map Run, to which greater values of `MaxItems` are lowered.
const ITEMS_MAX: u64 = 100_000_000;
/// AWS's limit on `MaxInputBytesPerBatch`.
const BATCH_BYTES_MAX: u64 = 262_144;

/// What a Map Run runs over, as far as the input of the state says.
struct Begun {
    effective: Document,
    items: Option<Document>,
    length: u64,
    max_concurrency: u64,
}

impl Stepper<'_, '_> {
    pub(crate) fn distributed_map(
        &mut self,
        id: FrameId,
        state: &State,
        (map, distributed): (&Map, &Distributed),
        input: &Document,
        previous: EventId,
    ) -> Result<(), Ended> {
        let begun = match self.begin_map_run(id, state, (map, distributed), input) {
            Ok(begun) => begun,
            Err(fault) => return self.fail_with(id, fault, previous),
        };
        let length = begun.length;
        let started = self.emit(id, previous, EventKind::DistributedMapStateStarted { length })?;
        let request = match self.map_run_request(id, (map, distributed), begun) {
            Ok(request) => Box::new(request),
            Err(fault) => return self.fail_with(id, fault, started),
        };
        let kind = EventKind::MapRunStarted { request: request.clone() };
        let scheduled = self.emit(id, started, kind)?;
        let task = TaskId { frame: id, scheduled };
        self.ask(Effect::StartMapRun { task, request });
        Ok(())
    }

    fn begin_map_run(
        &mut self,
        id: FrameId,
        state: &State,
        (map, distributed): (&Map, &Distributed),
        input: &Document,
    ) -> Result<Begun, Fault> {
        if distributed.result_writer.as_ref().is_some_and(|writer| writer.is_empty) {
            return Err(Fault::runtime("The field 'ResultWriter' cannot be empty."));
        }
        let effective = self.effective_input(id, state, input)?;
        let max_concurrency =
            self.amount(id, &map.max_concurrency, "MaxConcurrency", &effective)?;
        if distributed.item_reader.is_some() {
            return Ok(Begun { effective, items: None, length: 0, max_concurrency });
        }
        let items = match &map.items {
            asl::Items::Input => effective.clone(),
            asl::Items::Path(path) => Document::from(self.at(id, path, &effective)?),
            asl::Items::Jsonata(template) => {
                let convert = |value: &Value| count_items(value).map(|_| value.clone());
                let view = View::of(&effective);
                let items = self.jsonata_of(id, template, "Items", view, ("array", convert))?;
                Document::from(items)
            }
        };
        let Some(length) = count_items(items.value()) else {
            return Err(not_an_array(state, map, &items));
        };
        Ok(Begun { effective, items: Some(items), length, max_concurrency })
    }

    fn map_run_request(
        &mut self,
        id: FrameId,
        (map, distributed): (&Map, &Distributed),
        begun: Begun,
    ) -> Result<MapRunRequest, Fault> {
        let Begun { effective, items, length: _, max_concurrency } = begun;
        let tolerated_failure_count =
            self.tolerated_count(id, map.tolerated_failure_count.as_ref(), &effective)?;
        let tolerated_failure_percentage =
            self.tolerated_percentage(id, map.tolerated_failure_percentage.as_ref(), &effective)?;
        let reader = distributed.item_reader.as_ref();
        let max_items = reader.and_then(|reader| reader.max_items.as_ref());
        let items_max = match self.is_positive_at(id, max_items, &effective)? {
            Some(false) => MapRunRequest::ITEMS_MAX_NOT_POSITIVE,
            Some(true) | None => {
                self.amount_or_none(id, max_items, "MaxItems", &effective)?.min(ITEMS_MAX)
            }
        };
        let writer = distributed.result_writer.as_ref();
        let target = writer.and_then(|writer| writer.target.as_ref());
        let batcher = distributed.item_batcher.as_ref();
        let batch_items = batcher.and_then(|batcher| batcher.max_items.as_ref());
        let batch_bytes = batcher.and_then(|batcher| batcher.max_input_bytes.as_ref());
        let batch_input = batcher.and_then(|batcher| batcher.batch_input.as_ref());
        let reader_parameters = match reader {
            None => None,
            Some(reader) => {
                Some(self.parameters(id, reader.parameters.as_ref(), "ItemReader", &effective)?)
            }
        };
        let writer_parameters = match target {
            None => None,
            Some(target) => {
                Some(self.parameters(id, target.parameters.as_ref(), "ResultWriter", &effective)?)
            }
        };
        let batch_items_max = self.batch_limit(id, batch_items, "MaxItemsPerBatch", &effective)?;
        let batch_bytes_max =
            self.batch_limit(id, batch_bytes, "MaxInputBytesPerBatch", &effective)?;
        let batch_input = match batch_input {
            None => None,
            Some(payload) => {
                Some(self.payload(id, payload, "ItemBatcher/BatchInput", View::of(&effective))?)
            }
        };
        Ok(MapRunRequest {
            arn: self.map_run_arn(distributed),
            processor: map.processor,
            input: effective,
            items,
            reader_parameters,
            items_max,
            writer_parameters,
            batch_items_max,
            batch_bytes_max: batch_bytes_max.min(BATCH_BYTES_MAX),
            batch_input,
            max_concurrency,
            tolerated_failure_count,
            tolerated_failure_percentage,
        })
    }

    /// `…:mapRun:<machine>/<label>:<uuid>`. A run within a child execution bears the name of the
    /// machine itself, too.
    fn map_run_arn(&mut self, distributed: &Distributed) -> Arc<str> {
        let parameters = &self.execution.parameters;
        let machine = parameters.state_machine_name.split('/').next().unwrap_or_default();
        let head = parameters.state_machine_arn.split(":stateMachine:").next().unwrap_or_default();
        let label = match &distributed.label {
            Some(label) => label.to_string(),
            None => random_uuid(self.env.random),
        };
        let uuid = random_uuid(self.env.random);
        format!("{head}:mapRun:{machine}/{label}:{uuid}").into()
    }

    /// `Parameters` or `Arguments` of a reader or writer.
    fn parameters(
        &mut self,
        id: FrameId,
        payload: Option<&Payload>,
        field: &str,
        effective: &Document,
    ) -> Result<Document, Fault> {
        match payload {
            None => Ok(Document::from(Value::from(Object::new()))),
            Some(payload) => {
                let field = format!("{field}/Arguments");
                self.payload(id, payload, &field, View::of(effective))
            }
        }
    }

    fn amount_or_none(
        &mut self,
        id: FrameId,
        amount: Option<&Amount>,
        field: &str,
        effective: &Document,
    ) -> Result<u64, Fault> {
        match amount {
            None => Ok(0),
            Some(amount) => self.amount(id, amount, field, effective),
        }
    }

    /// Whether the whole number that a path leads to is positive; none for anything else.
    fn is_positive_at(
        &mut self,
        id: FrameId,
        amount: Option<&Amount>,
        effective: &Document,
    ) -> Result<Option<bool>, Fault> {
        let Some(Amount::Path(path)) = amount else { return Ok(None) };
        let number = number_in(&self.at(id, path, effective)?).and_then(|number| number.as_i64());
        Ok(number.map(|number| number > 0))
    }

    /// A limit of `ItemBatcher`; 0 where there is none.
    fn batch_limit(
        &mut self,
        id: FrameId,
        amount: Option<&Amount>,
        field: &str,
        effective: &Document,
    ) -> Result<u64, Fault> {
        if self.is_positive_at(id, amount, effective)? == Some(false) {
            return Err(Fault::runtime(format!("field {field} must be positive")));
        }
        match (amount, self.amount_or_none(id, amount, field, effective)?) {
            (Some(Amount::Jsonata(_)), 0) => {
                let text = format!("The {field} field must be a positive integer but was: 0");
                Err(Fault::query(Some(field.to_owned()), text))
            }
            (_, limit) => Ok(limit),
        }
    }

    fn tolerated_count(
        &mut self,
        id: FrameId,
        amount: Option<&Amount>,
        effective: &Document,
    ) -> Result<u64, Fault> {
        if let Some(Amount::Path(path)) = amount
            && let Some(number) = number_in(&self.at(id, path, effective)?)
            && number.as_f64() < 0.0
        {
            return Err(Fault::runtime("ToleratedFailureCount cannot be negative."));
        }
        self.amount_or_none(id, amount, "ToleratedFailureCount", effective)
    }

    fn tolerated_percentage(
        &mut self,
        id: FrameId,
        percentage: Option<&Percentage>,
        effective: &Document,
    ) -> Result<f64, Fault> {
        const FIELD: &str = "ToleratedFailurePercentage";
        let number = match percentage {
            None => return Ok(0.0),
            Some(Percentage::Literal(number)) => *number,
            Some(Percentage::Path(path)) => {
                let value = self.at(id, path, effective)?;
                let number = number_in(&value).ok_or_else(|| {
                    Fault::runtime(format!(
                        "The {FIELD}Path field refers to value \"{}\" which is not a valid float: \
                         {}",
                        value.as_str().map_or_else(|| value.to_string(), str::to_owned),
                        path.text()
                    ))
                })?;
                number.as_f64()
            }
            Some(Percentage::Jsonata(template)) => {
                let convert = |value: &Value| value.as_number().map(Number::as_f64);
                let view = View::of(effective);
                self.jsonata_of(id, template, FIELD, view, ("number", convert))?
            }
        };
        if !(0.0..=100.0).contains(&number) {
            return Err(Fault::runtime(format!("{FIELD} must be between 0 and 100.")));
        }
        Ok(number)
    }

    /// Lets the Map Run of a frame go on with what did not succeed.
    pub(crate) fn redrive_map_run(&mut self, id: FrameId) -> Result<(), Ended> {
        let run = self.execution.frame(id).map_run().expect("the frame waited for a Map Run");
        let (started, request) = (run.started, Box::new(run.request.clone()));
        let map_run_arn = request.arn.clone();
        let redrive_count = run.redrive_count + 1;
        let redriven = EventKind::MapRunRedriven { map_run_arn, redrive_count };
        self.emit(id, started, redriven)?;
        self.ask(Effect::StartMapRun { task: TaskId { frame: id, scheduled: started }, request });
        Ok(())
    }

    /// The Map Run of a frame has ended.
    pub(crate) fn map_run_finished(
        &mut self,
        task: TaskId,
        outcome: Result<Document, Failure>,
    ) -> Result<(), Ended> {
        if self.execution.map_run(task).is_none() {
            return Ok(());
        }
        let id = task.frame;
        let previous = self.execution.frame(id).last_event;
        let state = self.state_of(id);
        let outcome = outcome.and_then(|result| match self.check_size(&state.name, &result) {
            Ok(()) => Ok(result),
            Err(fault) => Err(self.failure(id, fault)),
        });
        match outcome {
            Ok(result) => {
                let ended = self.emit(id, previous, EventKind::MapRunSucceeded)?;
                self.emit(id, ended, EventKind::MapStateSucceeded)?;
                let led_to_exit = if is_batched(state) { task.scheduled } else { ended };
                self.map_run_left(id, state, result, led_to_exit)
            }
            Err(failure) => {
                let kind = EventKind::MapRunFailed(failure.clone());
                let failed = self.emit(id, previous, kind)?;
                self.fail_state(id, Raised::from(failure), failed)
            }
        }
    }

    fn map_run_left(
        &mut self,
        id: FrameId,
        state: &State,
        result: Document,
        previous: EventId,
    ) -> Result<(), Ended> {
        let StateKind::Map(map) = &state.kind else {
            unreachable!("only a Map state waits for a Map Run");
        };
        let Position::In { input, .. } = &self.execution.frame(id).position else {
            unreachable!("a Map Run belongs to a state");
        };
        let input = input.clone();
        let output = self.output(id, state, &input, result);
        self.leave(id, output, map.transition, previous)
    }
}

/// Whether the items of a Map state go to its children in batches. What such a state exits by
/// points to `MapRunStarted`: see the table in `conformance/README.md`.
fn is_batched(state: &State) -> bool {
    match &state.kind {
        StateKind::Map(map) => {
            map.distributed.as_ref().is_some_and(|distributed| distributed.item_batcher.is_some())
        }
        _ => false,
    }
}

/// A number, or a text that reads as one: AWS takes both.
fn number_in(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => Number::parse(text),
        _ => None,
    }
}
