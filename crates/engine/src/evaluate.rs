//! Input and output processing: paths, templates and their failures in AWS's words.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-input-output-filtering.html>.

use asl::{DataFlow, JsonPathFlow, ResultPath, Select, State};
use json::{Document, Object, Value};
use jsonpath::{EvaluationError, Expression, Needs, Path, Scope, Template};

use crate::context::{Moment, context};
use crate::retry::{DATA_LIMIT_EXCEEDED, RUNTIME};
use crate::step::Stepper;
use crate::{Failure, FrameId, Position};

/// Why an evaluation failed, before the state's prefix is put to it.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) error: &'static str,
    pub(crate) text: String,
}

impl Fault {
    /// An error of the interpreter, which nothing catches.
    pub(crate) fn runtime(text: impl Into<String>) -> Fault {
        Fault { error: RUNTIME, text: text.into() }
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
        let Fault { error, text } = fault;
        if error == DATA_LIMIT_EXCEEDED {
            // AWS's text for this one names what was too large, and not where.
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

    /// The input of a state after `InputPath`.
    pub(crate) fn effective_input(
        &mut self,
        frame: FrameId,
        state: &State,
        raw: &Document,
    ) -> Result<Document, Fault> {
        let DataFlow::JsonPath(flow) = &state.data;
        self.select(frame, &flow.input_path, raw)
    }

    /// What a state works on: its effective input after `Parameters`.
    pub(crate) fn arguments(
        &mut self,
        frame: FrameId,
        state: &State,
        effective: &Document,
        moment: Moment<'_>,
    ) -> Result<Document, Fault> {
        let DataFlow::JsonPath(flow) = &state.data;
        match &flow.parameters {
            None => Ok(effective.clone()),
            Some(template) => self.render(frame, template, effective, moment),
        }
    }

    /// The output of a state from its result: `ResultSelector`, `ResultPath`, `OutputPath`, and
    /// the limit on its size.
    pub(crate) fn output(
        &mut self,
        frame: FrameId,
        state: &State,
        raw: &Document,
        result: Document,
    ) -> Result<Document, Fault> {
        let DataFlow::JsonPath(flow) = &state.data;
        let selected = match &flow.result_selector {
            None => result,
            Some(template) => self.render(frame, template, &result, Moment::default())?,
        };
        let merged = merge(&flow.result_path, raw, selected)?;
        self.filtered_output(frame, flow, &state.name, &merged)
    }

    /// The output of a state that has no result of its own: `OutputPath` and the limit.
    pub(crate) fn passed_output(
        &mut self,
        frame: FrameId,
        state: &State,
        effective: &Document,
    ) -> Result<Document, Fault> {
        let DataFlow::JsonPath(flow) = &state.data;
        self.filtered_output(frame, flow, &state.name, effective)
    }

    fn filtered_output(
        &mut self,
        frame: FrameId,
        flow: &JsonPathFlow,
        name: &str,
        merged: &Document,
    ) -> Result<Document, Fault> {
        let output = self.select(frame, &flow.output_path, merged)?;
        self.check_size(name, &output)?;
        Ok(output)
    }

    /// Refuses a result or output that is too large.
    pub(crate) fn check_size(&self, resource: &str, document: &Document) -> Result<(), Fault> {
        if document.text().len() <= self.env.limits.payload_bytes_max {
            return Ok(());
        }
        let text = format!(
            "The state/task '{resource}' returned a result with a size exceeding the maximum \
             number of bytes service limit."
        );
        Err(Fault { error: DATA_LIMIT_EXCEEDED, text })
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
        let context = self.context_for(frame, &path.needs(), Moment::default());
        let variables = Object::new();
        let scope = Scope { input: input.value(), context: &context, variables: &variables };
        path.select(&scope)
    }

    fn context_for(&self, frame: FrameId, needs: &Needs, moment: Moment<'_>) -> Value {
        if needs.context {
            context(self.program, self.execution, frame, moment)
        } else {
            Value::Null
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
        let context = self.context_for(frame, template.needs(), moment);
        let variables = Object::new();
        let scope = Scope { input: input.value(), context: &context, variables: &variables };
        template.render(&scope, self.env.random).map(Document::from).map_err(|error| {
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
        let context = self.context_for(frame, &expression.needs(), Moment::default());
        let variables = Object::new();
        let scope = Scope { input: input.value(), context: &context, variables: &variables };
        expression
            .evaluate(&scope, self.env.random)
            .map_err(|error| expression_fault(expression.text(), field, &error, &scope))
    }
}

/// `ResultPath`: the raw input with the result in its place.
pub(crate) fn merge(
    result_path: &ResultPath,
    raw: &Document,
    result: Document,
) -> Result<Document, Fault> {
    match result_path {
        ResultPath::Whole => Ok(result),
        ResultPath::Discard => Ok(raw.clone()),
        ResultPath::At(path) => {
            path.put(raw.value(), result.value().clone()).map(Document::from).map_err(|error| {
                Fault { error: "States.ResultPathMatchFailure", text: error.to_string() }
            })
        }
    }
}

fn expression_fault(
    expression: &str,
    field: &str,
    error: &EvaluationError,
    scope: &Scope<'_>,
) -> Fault {
    match error {
        EvaluationError::NoResult { path, .. } => {
            let input = if path.starts_with("$$") { scope.context } else { scope.input };
            Fault::runtime(if path == expression {
                format!(
                    "The JSONPath '{path}' specified for the field '{field}' could not be found \
                     in the input '{input}'"
                )
            } else {
                format!(
                    "The function '{expression}' had the following error: The JsonPath argument \
                     for the field '{path}' could not be found in the input '{input}'"
                )
            })
        }
        // The service documents `States.IntrinsicFailure` and raises `States.Runtime`.
        EvaluationError::Intrinsic { message } | EvaluationError::NotWritable { message } => {
            Fault::runtime(message.clone())
        }
    }
}
