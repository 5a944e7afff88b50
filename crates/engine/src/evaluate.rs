//! Input and output processing, in both query languages behind one set of methods: paths,
//! templates, expressions, and their failures in AWS's words.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-input-output-filtering.html>
//! and <https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html>.

use std::cell::Cell;
use std::fmt::Display;
use std::sync::Arc;

use asl::{Catcher, ChoiceRule, DataFlow, Payload, ResultPath, Select, State, StateKind};
use json::{Document, Object, Value};
use jsonpath::{EvaluationError, Expression, Needs, Path, Scope, Template};

use crate::context::{Moment, context};
use crate::fault::{expression_fault, template_fault, type_name};
use crate::limits::{BYTES_PER_WORK, VISITS_PER_WORK};
use crate::retry::{DATA_LIMIT_EXCEEDED, QUERY_EVALUATION, RUNTIME};
use crate::step::{Ended, Stepper};
use crate::{EventId, EventKind, Failure, FrameId, Position, Record};

/// Why an evaluation failed, before the state's prefix is put to it.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) error: &'static str,
    pub(crate) text: String,
    /// The field that failed, such as `Output/a[0]`, where AWS names one.
    pub(crate) location: Option<String>,
}

impl Fault {
    /// An error of the interpreter, which nothing catches.
    pub(crate) fn runtime(text: impl Into<String>) -> Fault {
        Fault { error: RUNTIME, text: text.into(), location: None }
    }

    /// An error of a state in JSONata.
    pub(crate) fn query(location: Option<String>, text: impl Into<String>) -> Fault {
        Fault { error: QUERY_EVALUATION, text: text.into(), location }
    }

    fn data_limit(text: String) -> Fault {
        Fault { error: DATA_LIMIT_EXCEEDED, text, location: None }
    }
}

/// What a state leaves behind.
pub(crate) struct Exit {
    pub(crate) output: Document,
    /// `assignedVariables`
    pub(crate) assigned: Vec<(Arc<str>, Document)>,
}

/// What the expressions of a state can see besides the context object and the variables.
#[derive(Clone, Copy)]
pub(crate) struct View<'v> {
    /// `$states.input`
    pub(crate) input: &'v Document,
    /// `$states.result`
    pub(crate) result: Option<&'v Document>,
    /// `$states.errorOutput`
    pub(crate) error_output: Option<&'v Document>,
    /// What the context object shows of this moment.
    pub(crate) moment: Moment<'v>,
}

impl<'v> View<'v> {
    /// Nothing but the input.
    pub(crate) fn of(input: &'v Document) -> View<'v> {
        View { input, result: None, error_output: None, moment: Moment::default() }
    }

    /// `$`, of `Assign` in JSONPath.
    fn latest(&self) -> &'v Document {
        self.error_output.or(self.result).unwrap_or(self.input)
    }
}

impl Stepper<'_, '_> {
    /// The failure that a fault in the state of this frame is.
    pub(crate) fn failure(&self, frame: FrameId, fault: Fault) -> Failure {
        let Position::In { state, entered_event, .. } = &self.execution.frame(frame).position
        else {
            unreachable!("only a state can fail");
        };
        let name = &self.program.state(*state).name;
        let Fault { error, text, location: _ } = fault;
        if error == DATA_LIMIT_EXCEEDED || self.trial.is_some() {
            // AWS's text for this one names what was too large, and not where. A state that is
            // tried has no history to point into.
            return Failure::new(error, text);
        }
        Failure::new(
            error,
            format!(
                "An error occurred while executing the state '{name}' \
                 (entered at the event id #{}). {text}",
                entered_event.0
            ),
        )
    }

    /// The failure that a fault is, after the event that AWS writes of it, where it writes one;
    /// gives also the event that what follows points to.
    pub(crate) fn report(
        &mut self,
        frame: FrameId,
        fault: Fault,
        previous: EventId,
    ) -> Result<(Failure, EventId), Ended> {
        let location = fault.location.as_deref().map(Arc::from);
        let is_query = fault.error == QUERY_EVALUATION;
        let failure = self.failure(frame, fault);
        if !is_query {
            return Ok((failure, previous));
        }
        let previous = self.led_to_evaluation(frame, previous);
        let state = self.state_of(frame).name.clone();
        let event = EventKind::EvaluationFailed { failure: failure.clone(), location, state };
        let reported = self.emit(frame, previous, event)?;
        Ok((failure, reported))
    }

    /// What AWS lets an evaluation point to that failed while its state was entered: not the
    /// `…StateEntered` event, but the one before; except for a Wait state.
    fn led_to_evaluation(&self, frame: FrameId, previous: EventId) -> EventId {
        let Position::In { entered_event, .. } = &self.execution.frame(frame).position else {
            unreachable!("only a state can fail");
        };
        if previous != *entered_event || matches!(self.state_of(frame).kind, StateKind::Wait(_)) {
            return previous;
        }
        let entered = self.records().iter().rev().find_map(|record| match record {
            Record::Event(event) if event.id == previous => Some(event.previous),
            _ => None,
        });
        entered.unwrap_or(previous)
    }

    /// The input of a state after `InputPath`.
    pub(crate) fn effective_input(
        &mut self,
        frame: FrameId,
        state: &State,
        raw: &Document,
    ) -> Result<Document, Fault> {
        let effective = match &state.data {
            DataFlow::JsonPath(flow) => self.select(frame, &flow.input_path, raw)?,
            DataFlow::Jsonata(_) => raw.clone(),
        };
        self.observe(|seen| seen.after_input_path = Some(effective.clone()));
        Ok(effective)
    }

    /// What a state works on: its effective input after `Parameters`, or `Arguments`.
    pub(crate) fn arguments(
        &mut self,
        frame: FrameId,
        state: &State,
        effective: &Document,
        moment: Moment<'_>,
    ) -> Result<Document, Fault> {
        let arguments = match &state.data {
            DataFlow::JsonPath(flow) => match &flow.parameters {
                None => effective.clone(),
                Some(template) => self.render(frame, template, effective, moment)?,
            },
            DataFlow::Jsonata(flow) => {
                let view = View { moment, ..View::of(effective) };
                self.jsonata_or(frame, flow.arguments.as_ref(), "Arguments", view, effective)?
            }
        };
        self.observe(|seen| seen.arguments = Some(arguments.clone()));
        Ok(arguments)
    }

    /// What a state leaves behind when it has a result: `ResultSelector`, `ResultPath` and
    /// `OutputPath`, or `Output`; the limit on its size; `Assign`.
    pub(crate) fn output(
        &mut self,
        frame: FrameId,
        state: &State,
        raw: &Document,
        result: Document,
    ) -> Result<Exit, Fault> {
        self.observe(|seen| seen.result = Some(result.clone()));
        let view = View { result: Some(&result), ..View::of(raw) };
        let output = match &state.data {
            DataFlow::JsonPath(flow) => {
                let selected = match &flow.result_selector {
                    None => result.clone(),
                    Some(template) => self.render(frame, template, &result, Moment::default())?,
                };
                self.observe(|seen| seen.after_result_selector = Some(selected.clone()));
                let merged = merge(&flow.result_path, raw, selected)?;
                self.observe(|seen| seen.after_result_path = Some(merged.clone()));
                self.select(frame, &flow.output_path, &merged)?
            }
            DataFlow::Jsonata(flow) => {
                self.jsonata_or(frame, flow.output.as_ref(), "Output", view, &result)?
            }
        };
        self.check_size(&state.name, &output)?;
        let assigned = self.assigned(frame, state.assign.as_ref(), "Assign", view)?;
        Ok(Exit { output, assigned })
    }

    /// What a state leaves behind when it has no result of its own.
    pub(crate) fn passed_output(
        &mut self,
        frame: FrameId,
        state: &State,
        effective: &Document,
    ) -> Result<Exit, Fault> {
        let view = View::of(effective);
        let output = match &state.data {
            DataFlow::JsonPath(flow) => self.select(frame, &flow.output_path, effective)?,
            DataFlow::Jsonata(flow) => {
                self.jsonata_or(frame, flow.output.as_ref(), "Output", view, effective)?
            }
        };
        self.check_size(&state.name, &output)?;
        let assigned = self.assigned(frame, state.assign.as_ref(), "Assign", view)?;
        Ok(Exit { output, assigned })
    }

    /// What a Choice state leaves behind when a rule matches: what the rule says, and not the
    /// state.
    pub(crate) fn chosen_output(
        &mut self,
        frame: FrameId,
        state: &State,
        (index, rule): (usize, &ChoiceRule),
        effective: &Document,
    ) -> Result<Exit, Fault> {
        let view = View::of(effective);
        let output = match &state.data {
            DataFlow::JsonPath(flow) => self.select(frame, &flow.output_path, effective)?,
            DataFlow::Jsonata(_) => {
                let field = format_args!("Choices[{index}]/Output");
                self.jsonata_or(frame, rule.output.as_ref(), field, view, effective)?
            }
        };
        self.check_size(&state.name, &output)?;
        let field = format_args!("Choices[{index}]/Assign");
        let assigned = self.assigned(frame, rule.assign.as_ref(), field, view)?;
        Ok(Exit { output, assigned })
    }

    /// What a state leaves behind when a catcher takes its failure.
    pub(crate) fn caught_output(
        &mut self,
        frame: FrameId,
        state: &State,
        (index, catcher): (usize, &Catcher),
        raw: &Document,
        error_output: &Document,
    ) -> Result<Exit, Fault> {
        let view = View { error_output: Some(error_output), ..View::of(raw) };
        let output = match &state.data {
            DataFlow::JsonPath(_) => merge(&catcher.result_path, raw, error_output.clone())?,
            DataFlow::Jsonata(_) => {
                let field = format_args!("Catch[{index}]/Output");
                self.jsonata_or(frame, catcher.output.as_ref(), field, view, error_output)?
            }
        };
        self.check_size(&state.name, &output)?;
        let field = format_args!("Catch[{index}]/Assign");
        let assigned = self.assigned(frame, catcher.assign.as_ref(), field, view)?;
        Ok(Exit { output, assigned })
    }

    /// The variables that an `Assign` gives, which see the old values; their sizes are checked.
    fn assigned(
        &mut self,
        frame: FrameId,
        assign: Option<&Payload>,
        field: impl Display,
        view: View<'_>,
    ) -> Result<Vec<(Arc<str>, Document)>, Fault> {
        let values = match assign {
            None => return Ok(Vec::new()),
            Some(Payload::JsonPath(template)) => {
                self.render(frame, template, view.latest(), view.moment)?
            }
            Some(Payload::Jsonata(template)) => {
                Document::from(self.jsonata(frame, template, field, view)?)
            }
        };
        let members = values.value().as_object().into_iter().flat_map(Object::iter);
        let assigned: Vec<(Arc<str>, Document)> =
            members.map(|(name, value)| (name.clone(), Document::from(value.clone()))).collect();
        self.check_variables(frame, &assigned)?;
        Ok(assigned)
    }

    fn check_variables(
        &self,
        frame: FrameId,
        assigned: &[(Arc<str>, Document)],
    ) -> Result<(), Fault> {
        let limits = self.env.limits;
        let bytes = |documents: &mut dyn Iterator<Item = &Document>| {
            documents.map(Document::len_bytes).sum::<usize>()
        };
        for (name, value) in assigned {
            if value.len_bytes() > limits.variable_bytes_max {
                return Err(Fault::data_limit(format!(
                    "The variable '{name}' has a size exceeding the maximum number of bytes \
                     service limit."
                )));
            }
        }
        let added = bytes(&mut assigned.iter().map(|(_, value)| value));
        if added > limits.assign_bytes_max {
            return Err(Fault::data_limit(
                "The variables that the field 'Assign' assigns have a size exceeding the maximum \
                 number of bytes service limit."
                    .to_owned(),
            ));
        }
        if assigned.is_empty() {
            return Ok(());
        }
        // What has ended keeps no variables.
        let frames = self.execution.active_frames();
        let kept = bytes(&mut frames.flat_map(|(_, frame)| frame.variables.values()));
        let own = &self.execution.frame(frame).variables;
        let replaced = bytes(&mut assigned.iter().filter_map(|(name, _)| own.get(name)));
        if kept - replaced + added > limits.variables_bytes_max {
            return Err(Fault::data_limit(
                "The variables of the execution have a size exceeding the maximum number of bytes \
                 service limit."
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// Refuses a result or output that is too large.
    pub(crate) fn check_size(&mut self, resource: &str, document: &Document) -> Result<(), Fault> {
        self.charge(document.text().len() as u64 / BYTES_PER_WORK);
        if document.text().len() <= self.env.limits.payload_bytes_max {
            return Ok(());
        }
        let text = format!(
            "The state/task '{resource}' returned a result with a size exceeding the maximum \
             number of bytes service limit."
        );
        Err(Fault::data_limit(text))
    }

    fn select(
        &mut self,
        frame: FrameId,
        select: &Select,
        input: &Document,
    ) -> Result<Document, Fault> {
        match select {
            Select::Whole => Ok(input.clone()),
            Select::Nothing => Ok(Document::from(Value::from(Object::new()))),
            Select::At(path) => self.at(frame, path, input).map(Document::from),
        }
    }

    /// The value at a path; the fault is worded as for `InputPath` and its like.
    pub(crate) fn at(
        &mut self,
        frame: FrameId,
        path: &Path,
        input: &Document,
    ) -> Result<Value, Fault> {
        self.lookup(frame, path, input)
            .map_err(|error| Fault::runtime(format!("Invalid path '{}' : {error}", path.text())))
    }

    /// The value at a path, or the bare reason why there is none.
    pub(crate) fn lookup(
        &mut self,
        frame: FrameId,
        path: &Path,
        input: &Document,
    ) -> Result<Value, EvaluationError> {
        let needs = path.needs();
        let context = self.context_for(frame, needs.context, Moment::default());
        let variables = self.variables_for(frame, &needs);
        let visits = Cell::new(0);
        let (input, variables) = (input.value(), &variables);
        let scope = Scope { input, context: &context, variables, visits: &visits };
        let value = path.select(&scope);
        self.charge_visits(&visits);
        value
    }

    /// Counts the work of an evaluation of JSONPath.
    fn charge_visits(&mut self, visits: &Cell<u64>) {
        self.charge(1 + visits.get() / VISITS_PER_WORK);
    }

    fn context_for(&self, frame: FrameId, needed: bool, moment: Moment<'_>) -> Value {
        if needed {
            let entering = self.entering.map(|state| (state, self.now()));
            let own = context(self.program, self.execution, frame, moment, entering);
            match &self.trial {
                None => own,
                Some(trial) => trial.context(own),
            }
        } else {
            Value::Null
        }
    }

    fn variables_for(&self, frame: FrameId, needs: &Needs) -> Object {
        let known = needs.variables.iter().filter_map(|name| {
            let document = self.execution.variable(frame, name)?;
            Some((name.clone(), document.value().clone()))
        });
        known.collect()
    }

    /// The value of a JSONata template, or another where there is none.
    fn jsonata_or(
        &mut self,
        frame: FrameId,
        template: Option<&jsonata::Template>,
        field: impl Display,
        view: View<'_>,
        default: &Document,
    ) -> Result<Document, Fault> {
        match template {
            None => Ok(default.clone()),
            Some(template) => self.jsonata(frame, template, field, view).map(Document::from),
        }
    }

    /// The value of a JSONata template in the field of that name.
    pub(crate) fn jsonata(
        &mut self,
        frame: FrameId,
        template: &jsonata::Template,
        field: impl Display,
        view: View<'_>,
    ) -> Result<Value, Fault> {
        if let Some(literal) = template.literal() {
            return Ok(literal.clone());
        }
        let needs = template.needs();
        let reads = |member: &str| needs.whole_states || needs.states_members.contains(member);
        let context = self.context_for(frame, reads("context"), view.moment);
        // Of a Pass state it is no result.
        let result = view.result.filter(|_| self.state_has_result(frame));
        let members =
            [("input", Some(view.input)), ("result", result), ("errorOutput", view.error_output)];
        let mut states: Vec<(&str, &Value)> = members
            .into_iter()
            .filter(|(member, _)| reads(member))
            .filter_map(|(member, document)| Some((member, document?.value())))
            .collect();
        if reads("context") {
            states.push(("context", &context));
        }
        let (now, execution) = (self.now(), &*self.execution);
        let variables =
            |name: &str| execution.variable(frame, name).map(|document| document.value().clone());
        let bindings = jsonata::Bindings { input: None, states: &states, variables: &variables };
        let mut environment = jsonata::Environment {
            now_milliseconds: now.0,
            random: &mut *self.env.random,
            limits: &self.env.limits.jsonata,
            steps: 0,
        };
        let value = template.evaluate(&bindings, &mut environment);
        let steps = environment.steps;
        self.charge(steps);
        value.map_err(|failure| template_fault(&failure, &field))
    }

    fn state_has_result(&self, frame: FrameId) -> bool {
        match &self.execution.frame(frame).position {
            Position::In { state, .. } => self.program.state(*state).kind.can_retry(),
            _ => false,
        }
    }

    /// The value of a JSONata template that must be of a type, which `expected` names.
    pub(crate) fn jsonata_of<T>(
        &mut self,
        frame: FrameId,
        template: &jsonata::Template,
        field: impl Display,
        view: View<'_>,
        (expected, convert): (&str, impl FnOnce(&Value) -> Option<T>),
    ) -> Result<T, Fault> {
        let value = self.jsonata(frame, template, &field, view)?;
        convert(&value).ok_or_else(|| {
            let expression = template.whole_expression().unwrap_or_default();
            let text = format!(
                "The JSONata expression '{expression}' specified for the field '{field}' returned \
                 an unexpected result type. Expected '{expected}', but was '{}' for value: {value}",
                type_name(&value)
            );
            Fault::query(Some(field.to_string()), text)
        })
    }

    /// A number of JSONata that must be whole and from 0 to the maximum, where there is one.
    pub(crate) fn jsonata_integer(
        &mut self,
        frame: FrameId,
        template: &jsonata::Template,
        (field, maximum): (&str, Option<u64>),
        view: View<'_>,
    ) -> Result<u64, Fault> {
        let of_number = ("number", |value: &Value| value.as_number().cloned());
        let number = self.jsonata_of(frame, template, field, view, of_number)?;
        let fault = |text| Fault::query(Some(field.to_owned()), text);
        let Some(integer) = number.as_i64() else {
            return Err(fault(format!(
                "The {field} field cannot be parsed as an integer: {number}"
            )));
        };
        let within = |integer: &u64| maximum.is_none_or(|maximum| *integer <= maximum);
        u64::try_from(integer).ok().filter(within).ok_or_else(|| {
            fault(match maximum {
                Some(maximum) => {
                    format!("{field} must be between 0 and {maximum} but was: {integer}")
                }
                None => format!("{field} cannot be negative."),
            })
        })
    }

    /// The value of a payload template in either language.
    pub(crate) fn payload(
        &mut self,
        frame: FrameId,
        payload: &Payload,
        field: &str,
        view: View<'_>,
    ) -> Result<Document, Fault> {
        match payload {
            Payload::JsonPath(template) => self.render(frame, template, view.input, view.moment),
            Payload::Jsonata(template) => {
                self.jsonata(frame, template, field, view).map(Document::from)
            }
        }
    }

    /// The value of a payload template.
    pub(crate) fn render(
        &mut self,
        frame: FrameId,
        template: &Template,
        input: &Document,
        moment: Moment<'_>,
    ) -> Result<Document, Fault> {
        if let Some(literal) = template.literal() {
            return Ok(Document::from(literal.clone()));
        }
        let context = self.context_for(frame, template.needs().context, moment);
        let variables = self.variables_for(frame, template.needs());
        let visits = Cell::new(0);
        let (input, variables) = (input.value(), &variables);
        let scope = Scope { input, context: &context, variables, visits: &visits };
        let value = template.render(&scope, self.env.random);
        self.charge_visits(&visits);
        value.map(Document::from).map_err(|error| {
            expression_fault(&error.expression, &error.field, &error.error, &scope)
        })
    }

    /// The value of a path or an intrinsic function call in the field of that name.
    pub(crate) fn express(
        &mut self,
        frame: FrameId,
        expression: &Expression,
        field: &str,
        input: &Document,
    ) -> Result<Value, Fault> {
        let needs = expression.needs();
        let context = self.context_for(frame, needs.context, Moment::default());
        let variables = self.variables_for(frame, &needs);
        let visits = Cell::new(0);
        let (input, variables) = (input.value(), &variables);
        let scope = Scope { input, context: &context, variables, visits: &visits };
        let value = expression.evaluate(&scope, self.env.random);
        self.charge_visits(&visits);
        value.map_err(|error| expression_fault(expression.text(), field, &error, &scope))
    }
}

/// `ResultPath`: the raw input with the result in its place.
fn merge(result_path: &ResultPath, raw: &Document, result: Document) -> Result<Document, Fault> {
    match result_path {
        ResultPath::Whole => Ok(result),
        ResultPath::Discard => Ok(raw.clone()),
        ResultPath::At(path) => {
            path.put(raw.value(), result.value().clone()).map(Document::from).map_err(|error| {
                let text = error.to_string();
                Fault { error: "States.ResultPathMatchFailure", text, location: None }
            })
        }
    }
}
