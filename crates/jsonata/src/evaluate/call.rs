//! Calls: functions of the language, lambdas, partial applications, compositions.

use std::sync::Arc;

use super::{Branch, Evaluated, Evaluator};
use crate::error::{Failure, FailureFacts};
use crate::frame::Frames;
use crate::function::{Function, arity};
use crate::functions::Builtin;
use crate::node::{Call, Kind, Lambda, Node, Partial};
use crate::value::Value;

/// What the body of a lambda gives.
enum Flow {
    /// Its value.
    Value(Value),
    /// A call in tail position, which replaces the one that is going on.
    Tail { function: Value, arguments: Vec<Value>, name: Option<Arc<str>>, position: u32 },
}

/// The name under which a function is called, for messages.
fn name_of(procedure: &Node) -> Option<&Arc<str>> {
    match &procedure.kind {
        Kind::Variable(variable) => Some(&variable.name),
        Kind::Path(path) => match &path.steps[0].kind {
            Kind::Name(name) => Some(name),
            _ => None,
        },
        _ => None,
    }
}

/// Says where a call failed, unless something further inside has.
fn located(failure: Failure, name: Option<&Arc<str>>, position: u32) -> Failure {
    let failure = failure.at(position);
    match name {
        Some(name) => failure.of(name),
        None => failure,
    }
}

impl Evaluator<'_> {
    /// `f(a)`; `applied` comes before the arguments.
    pub(super) fn call_node(
        &mut self,
        node: &Node,
        call: &Call,
        applied: Option<Value>,
        input: &Value,
        frames: &Frames,
    ) -> Evaluated {
        let function = self.evaluate(&call.procedure, input, frames)?;
        self.check_meant(node, call, &function, frames)?;
        let mut arguments = Vec::with_capacity(call.arguments.len() + 1);
        arguments.extend(applied);
        for argument in &call.arguments {
            arguments.push(self.evaluate(argument, input, frames)?);
        }
        let result = match &function {
            Value::Builtin(builtin) => self.call_builtin(builtin, arguments, input),
            _ => self.apply(&function, arguments, input),
        };
        result.map_err(|failure| located(failure, name_of(&call.procedure), node.position))
    }

    /// Helps who forgot the `$` of a function.
    fn check_meant(
        &mut self,
        node: &Node,
        call: &Call,
        function: &Value,
        frames: &Frames,
    ) -> Result<(), Failure> {
        if let Some(meant) = &call.meant
            && function.is_undefined()
            && !self.variable(meant, frames).is_undefined()
        {
            return Err(FailureFacts::new("T1005").at(node.position).of(&meant.name));
        }
        Ok(())
    }

    /// Calls a function from a function: without context.
    pub(crate) fn call(&mut self, function: &Value, arguments: Vec<Value>) -> Evaluated {
        self.apply(function, arguments, &Value::Null)
    }

    /// Calls a function with as many of those arguments as it looks at, the first at least.
    pub(crate) fn call_with(
        &mut self,
        function: &Value,
        first: Value,
        rest: impl IntoIterator<Item = Value>,
    ) -> Evaluated {
        let mut arguments = vec![first];
        arguments.extend(rest.into_iter().take(arity(function).saturating_sub(1)));
        self.call(function, arguments)
    }

    fn call_builtin(
        &mut self,
        builtin: &'static Builtin,
        arguments: Vec<Value>,
        context: &Value,
    ) -> Evaluated {
        let arguments = builtin.signature.validate(arguments, context, &mut self.meter)?;
        (builtin.body)(self, &mut crate::functions::Arguments::new(arguments, context))
    }

    /// Calls a function. Calls in tail position do not nest.
    pub(crate) fn apply(
        &mut self,
        function: &Value,
        arguments: Vec<Value>,
        context: &Value,
    ) -> Evaluated {
        // The level is counted where the function was called; what calls functions in turn, such
        // as a composition, can only be nested as deep as the stack allows.
        self.meter.work(1)?;
        self.meter.nested(0)?;
        match function {
            Value::Function(closure) => match &**closure {
                Function::Closure { lambda, frames, input } => {
                    self.run_lambda(lambda, frames, input, arguments, context)
                }
                other => self.apply_other(other, arguments, context),
            },
            Value::Builtin(builtin) => self.call_builtin(builtin, arguments, context),
            _ => Err(FailureFacts::new("T1006")),
        }
    }

    fn apply_other(
        &mut self,
        function: &Function,
        mut arguments: Vec<Value>,
        context: &Value,
    ) -> Evaluated {
        match function {
            Function::Partial { function, arguments: given } => {
                let mut rest = arguments.into_iter();
                let fill = |value: &Option<Value>| match value {
                    Some(value) => value.clone(),
                    None => rest.next().unwrap_or(Value::Undefined),
                };
                let arguments = given.iter().map(fill).collect();
                self.apply(function, arguments, context)
            }
            Function::Composed { first, second } => {
                arguments.truncate(1);
                let value = self.apply(first, arguments, context)?;
                self.apply(second, vec![value], context)
            }
            Function::Pattern(pattern) => match arguments.first() {
                Some(Value::String(text)) => self.next_match(pattern, text, 0, false),
                _ => Ok(Value::Undefined),
            },
            Function::NextMatch { pattern, text, from } => {
                self.next_match(pattern, text, *from, true)
            }
            Function::Transform { transform, frames } => {
                let value = arguments.into_iter().next().unwrap_or(Value::Undefined);
                self.transform(transform, frames, value)
            }
            Function::Closure { .. } => unreachable!("closures are applied by `apply`"),
        }
    }

    /// Runs a lambda, and then what it calls in tail position.
    fn run_lambda(
        &mut self,
        lambda: &Arc<Lambda>,
        frames: &Frames,
        input: &Value,
        arguments: Vec<Value>,
        context: &Value,
    ) -> Evaluated {
        let own = self.lambda_frame(lambda, frames, arguments, context)?;
        let mut flow = self.tail(&lambda.body, input, &own)?;
        drop(own);
        loop {
            let (function, arguments, name, position) = match flow {
                Flow::Value(value) => return Ok(value),
                Flow::Tail { function, arguments, name, position } => {
                    (function, arguments, name, position)
                }
            };
            let located = |failure| located(failure, name.as_ref(), position);
            self.meter.work(1)?;
            if let Value::Function(closure) = &function
                && let Function::Closure { lambda, frames, input } = &**closure
            {
                let own = self.lambda_frame(lambda, frames, arguments, context).map_err(located)?;
                flow = self.tail(&lambda.body, input, &own)?;
            } else {
                return self.apply(&function, arguments, context).map_err(located);
            }
        }
    }

    /// The frame of a call: its parameters, and room for what the body assigns.
    fn lambda_frame(
        &mut self,
        lambda: &Lambda,
        frames: &Frames,
        mut arguments: Vec<Value>,
        context: &Value,
    ) -> Result<Frames, Failure> {
        if let Some(signature) = &lambda.signature {
            arguments = signature.validate(arguments, context, &mut self.meter)?;
        }
        if lambda.slots == 0 {
            return Ok(frames.clone());
        }
        let own = self.frame(lambda.slots, frames)?;
        if let Some(frame) = &own {
            let mut arguments = arguments.into_iter();
            for slot in &lambda.parameter_slots {
                frame.assign(*slot, arguments.next().unwrap_or(Value::Undefined));
            }
        }
        Ok(own)
    }

    /// Evaluates what is in tail position: a call there is not made but handed back.
    fn tail(&mut self, node: &Node, input: &Value, frames: &Frames) -> Result<Flow, Failure> {
        if !node.is_bare() {
            return self.evaluate(node, input, frames).map(Flow::Value);
        }
        match &node.kind {
            Kind::Condition(condition) => {
                self.meter.enter()?;
                let tested = self.evaluate(&condition.condition, input, frames)?;
                let flow = match self.branch(condition, &tested)? {
                    Branch::Taken(node) => self.tail(node, input, frames)?,
                    Branch::Tested => Flow::Value(tested),
                    Branch::None => Flow::Value(Value::Undefined),
                };
                self.meter.leave();
                Ok(flow)
            }
            Kind::Block(block) => {
                let Some((last, others)) = block.expressions.split_last() else {
                    return Ok(Flow::Value(Value::Undefined));
                };
                self.meter.enter()?;
                let own;
                let frames = match block.slots {
                    0 => frames,
                    slots => {
                        own = self.frame(slots, frames)?;
                        &own
                    }
                };
                for expression in others {
                    self.evaluate(expression, input, frames)?;
                }
                let flow = self.tail(last, input, frames)?;
                self.meter.leave();
                Ok(flow)
            }
            Kind::Call(call) => {
                self.meter.enter()?;
                let function = self.evaluate(&call.procedure, input, frames)?;
                self.check_meant(node, call, &function, frames)?;
                let mut arguments = Vec::with_capacity(call.arguments.len());
                for argument in &call.arguments {
                    arguments.push(self.evaluate(argument, input, frames)?);
                }
                self.meter.leave();
                let (name, position) = (name_of(&call.procedure).cloned(), node.position);
                Ok(Flow::Tail { function, arguments, name, position })
            }
            _ => self.evaluate(node, input, frames).map(Flow::Value),
        }
    }

    /// `a ~> b`
    pub(super) fn apply_operator(
        &mut self,
        node: &Node,
        operands: &(Node, Node),
        input: &Value,
        frames: &Frames,
    ) -> Evaluated {
        let (left, right) = operands;
        let value = self.evaluate(left, input, frames)?;
        if let Kind::Call(call) = &right.kind {
            return self.call_node(right, call, Some(value), input, frames);
        }
        let function = self.evaluate(right, input, frames)?;
        if !function.is_function() {
            let failure = FailureFacts::new("T2006").with("value", self.in_message(&function));
            return Err(failure.at(node.position).of("~>"));
        }
        if value.is_function() {
            self.meter.allocate(size_of::<Function>())?;
            return Ok(Function::Composed { first: value, second: function }.into());
        }
        self.apply(&function, vec![value], &Value::Null)
            .map_err(|failure| located(failure, name_of(right), node.position))
    }

    /// `f(a, ?)`
    pub(super) fn partial(
        &mut self,
        node: &Node,
        partial: &Partial,
        input: &Value,
        frames: &Frames,
    ) -> Evaluated {
        let mut arguments = Vec::with_capacity(partial.arguments.len());
        for argument in &partial.arguments {
            arguments.push(match argument {
                Some(argument) => Some(self.evaluate(argument, input, frames)?),
                None => None,
            });
        }
        let function = self.evaluate(&partial.procedure, input, frames)?;
        if let Some(meant) = &partial.meant
            && function.is_undefined()
            && !self.variable(meant, frames).is_undefined()
        {
            return Err(FailureFacts::new("T1007").at(node.position).of(&meant.name));
        }
        if !function.is_function() {
            let failure = FailureFacts::new("T1008").at(node.position);
            return Err(match name_of(&partial.procedure) {
                Some(name) => failure.of(name),
                None => failure,
            });
        }
        self.meter.allocate(size_of::<Function>() + size_of_val(&arguments[..]))?;
        Ok(Function::Partial { function, arguments }.into())
    }
}
