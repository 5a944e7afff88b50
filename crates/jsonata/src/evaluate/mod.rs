//! Walks the tree of an expression and computes its value.

mod call;
mod compare;
mod convert;
mod group;
mod meter;
mod operators;
mod path;
mod print;
mod sort;
mod transform;

use std::rc::Rc;
use std::sync::Arc;

use crate::environment::{Bindings, Environment};
use crate::error::{Failure, FailureFacts};
use crate::expression::Program;
use crate::frame::{self, Frame, Frames};
use crate::function::Function;
use crate::functions::Builtin;
use crate::node::{Block, Condition, Kind, Node, Test, Variable};
use crate::scope::Names;
use crate::value::{Marks, Value};

pub(crate) use compare::compare_texts;
pub(crate) use meter::Meter;

/// What the parts of an evaluation give.
pub(crate) type Evaluated = Result<Value, Failure>;

/// How many frames functions may hold before those that nobody needs any more are looked for.
const CAPTURED_FRAMES_MIN: usize = 64;

/// One evaluation.
pub(crate) struct Evaluator<'e> {
    program: &'e Program,
    bindings: &'e Bindings<'e>,
    /// Milliseconds since 1970.
    pub(crate) now: i64,
    pub(crate) random: &'e mut dyn rand_core::Rng,
    pub(crate) meter: Meter<'e>,
    root: Value,
    /// What was found outside so far, by the numbers of the names.
    externals: Vec<Option<Value>>,
    /// Names that `$eval` added.
    added_names: Option<Names>,
    /// Frames that functions hold. They may be parts of cycles, which are broken in the end.
    captured: Vec<Rc<Frame>>,
    captured_max: usize,
}

impl Drop for Evaluator<'_> {
    fn drop(&mut self) {
        let cleared: Vec<Vec<Value>> = self.captured.iter().map(|frame| frame.clear()).collect();
        drop(cleared);
    }
}

impl<'e> Evaluator<'e> {
    /// Nothing evaluated yet.
    pub(crate) fn new(
        program: &'e Program,
        bindings: &'e Bindings<'e>,
        environment: &'e mut Environment<'_>,
    ) -> Self {
        let root = bindings.input.map_or(Value::Undefined, Value::from);
        Evaluator {
            program,
            bindings,
            now: environment.now_milliseconds,
            random: &mut *environment.random,
            meter: Meter::new(environment.limits),
            root,
            externals: Vec::new(),
            added_names: None,
            captured: Vec::new(),
            captured_max: CAPTURED_FRAMES_MIN,
        }
    }

    /// Evaluates the expression.
    pub(crate) fn run(&mut self) -> Result<Option<json::Value>, Failure> {
        let program = self.program;
        let input = self.as_context(self.root.clone());
        let frames = match program.slots {
            0 => None,
            slots => Frame::with_slots(slots, &None),
        };
        let value = self.evaluate(&program.node, &input, &frames)?;
        // Values of the outermost frame may be parts of cycles.
        if let Some(frame) = frames {
            frame.clear();
        }
        self.result(value)
    }

    /// An array as the input of a whole expression is one item.
    pub(crate) fn as_context(&self, input: Value) -> Value {
        if !input.is_array() || input.marks().sequence {
            return input;
        }
        Value::marked(vec![input], Marks { sequence: true, wrapper: true, ..Marks::default() })
    }

    /// Which language it is.
    pub(crate) fn options(&self) -> &crate::expression::Options {
        &self.program.options
    }

    /// Parses and evaluates a text, on that input.
    pub(crate) fn evaluate_text(&mut self, text: &str, input: &Value) -> Evaluated {
        let known = self.added_names.clone().unwrap_or_else(|| self.program.externals.clone());
        let mut program = Program::parse(text, self.options(), known).map_err(|error| {
            let error = quoted(error.to_string());
            FailureFacts::new("D3120").with("value", error)
        })?;
        self.added_names = Some(std::mem::take(&mut program.externals));
        let frames = match program.slots {
            0 => None,
            slots => Frame::with_slots(slots, &None),
        };
        if let Some(frame) = &frames {
            self.remember(frame);
        }
        self.evaluate(&program.node, input, &frames).map_err(|failure| {
            let failure = quoted(failure.message());
            FailureFacts::new("D3121").with("value", failure)
        })
    }

    /// The value of an expression on that input.
    pub(crate) fn evaluate(&mut self, node: &Node, input: &Value, frames: &Frames) -> Evaluated {
        self.meter.enter()?;
        let value = match &node.kind {
            Kind::Number(number) => Value::Number(*number),
            Kind::Literal(literal) => Value::from(literal),
            Kind::Variable(variable) => self.variable(variable, frames),
            Kind::Context => input.unwrapped(),
            Kind::Path(path) => self.path(node, path, input, frames)?,
            Kind::Call(call) => self.call_node(node, call, None, input, frames)?,
            Kind::Binary(..) => self.binary(node, input, frames)?,
            _ => self.other(node, input, frames)?,
        };
        self.meter.leave();
        if node.extras.is_none() && !matches!(value, Value::List(_)) {
            return Ok(value);
        }
        self.finish(node, value, frames)
    }

    /// The kinds that come less often.
    fn other(&mut self, node: &Node, input: &Value, frames: &Frames) -> Evaluated {
        match &node.kind {
            Kind::Name(name) => self.field(input, name),
            Kind::Root => Ok(self.root.clone()),
            Kind::Wildcard => self.wildcard(input),
            Kind::Descendants => self.descendants(input),
            Kind::Parent(_, key) => Ok(frame::ancestor(frames, *key).unwrap_or(Value::Undefined)),
            Kind::Array(items) => self.array(node, items, input, frames),
            Kind::Object(pairs) => self.object(pairs, node.position, input.clone(), false, frames),
            Kind::Negate(operand) => self.negate(node, operand, input, frames),
            Kind::Condition(condition) => self.condition(condition, input, frames),
            Kind::Block(block) => self.block(block, input, frames),
            Kind::Bind(variable, value) => {
                let value = self.evaluate(value, input, frames)?;
                if let Some(&place) = variable.places.first() {
                    frame::assign(frames, place, value.clone());
                }
                Ok(value)
            }
            Kind::Apply(operands) => self.apply_operator(node, operands, input, frames),
            Kind::Partial(partial) => self.partial(node, partial, input, frames),
            Kind::Regex(pattern) => Ok(Function::Pattern(pattern.clone()).into()),
            Kind::Lambda(lambda) => {
                self.capture(frames)?;
                let (lambda, frames) = (lambda.clone(), frames.clone());
                Ok(Function::Closure { lambda, frames, input: input.clone() }.into())
            }
            Kind::Transform(transform) => {
                self.capture(frames)?;
                let (transform, frames) = (transform.clone(), frames.clone());
                Ok(Function::Transform { transform, frames }.into())
            }
            Kind::Sort(_) => unreachable!("an order is a step, and steps are evaluated by paths"),
            Kind::Number(_)
            | Kind::Literal(_)
            | Kind::Variable(_)
            | Kind::Context
            | Kind::Path(_)
            | Kind::Call(_)
            | Kind::Binary(..) => unreachable!("these kinds come first"),
        }
    }

    /// Applies what hangs on a node, and makes a sequence of one item that item.
    fn finish(&mut self, node: &Node, mut value: Value, frames: &Frames) -> Evaluated {
        if !matches!(node.kind, Kind::Path(_)) {
            for stage in node.predicates() {
                value = self.filter_stage(stage, value, node.yields_tuples(), frames)?;
            }
            if let Some(group) = node.group() {
                let tuples = node.yields_tuples();
                value = self.object(&group.pairs, group.position, value, tuples, frames)?;
            }
        }
        Ok(normalised(value, node.keep_array))
    }

    fn block(&mut self, block: &Block, input: &Value, frames: &Frames) -> Evaluated {
        let own;
        let frames = match block.slots {
            0 => frames,
            slots => {
                own = self.frame(slots, frames)?;
                &own
            }
        };
        let mut value = Value::Undefined;
        for expression in &block.expressions {
            value = self.evaluate(expression, input, frames)?;
        }
        Ok(value)
    }

    fn condition(&mut self, condition: &Condition, input: &Value, frames: &Frames) -> Evaluated {
        let tested = self.evaluate(&condition.condition, input, frames)?;
        match self.branch(condition, &tested)? {
            Branch::Taken(node) => self.evaluate(node, input, frames),
            Branch::Tested => Ok(tested),
            Branch::None => Ok(Value::Undefined),
        }
    }

    /// Which branch a condition takes.
    fn branch<'n>(
        &mut self,
        condition: &'n Condition,
        tested: &Value,
    ) -> Result<Branch<'n>, Failure> {
        let holds = match condition.test {
            Test::IsTrue => self.truth(tested)?,
            Test::Exists => !tested.is_undefined(),
        };
        Ok(match (holds, &condition.then, &condition.otherwise) {
            (true, Some(then), _) => Branch::Taken(then),
            (true, None, _) => Branch::Tested,
            (false, _, Some(otherwise)) => Branch::Taken(otherwise),
            (false, _, None) => Branch::None,
        })
    }

    fn array(&mut self, node: &Node, items: &[Node], input: &Value, frames: &Frames) -> Evaluated {
        let mut values: Vec<Value> = Vec::with_capacity(items.len());
        for item in items {
            let value = self.evaluate(item, input, frames)?;
            let nested = matches!(item.kind, Kind::Array(_));
            if value.is_array() && !nested {
                self.meter.more_items(value.length(), values.len() + value.length())?;
                if values.is_empty() && items.len() == 1 {
                    values = value.into_items();
                } else {
                    values.extend(value.into_items());
                }
            } else if !value.is_undefined() {
                values.push(value);
            }
        }
        self.meter.items(items.len())?;
        let constructed = node.array_constructor;
        Ok(Value::marked(values, Marks { constructed, ..Marks::default() }))
    }

    /// The value of a variable, where it is first found.
    pub(super) fn variable(&mut self, variable: &Variable, frames: &Frames) -> Value {
        if !variable.places.is_empty()
            && let Some(value) = frame::look_up(frames, &variable.places)
        {
            return value;
        }
        self.external(variable)
    }

    /// The value from outside: a binding, else a function of the language.
    fn external(&mut self, variable: &Variable) -> Value {
        let number = variable.external as usize;
        if let Some(Some(value)) = self.externals.get(number) {
            return value.clone();
        }
        let value = self.find_external(&variable.name);
        if self.externals.len() <= number {
            self.externals.resize(number + 1, None);
        }
        self.externals[number] = Some(value.clone());
        value
    }

    fn find_external(&self, name: &Arc<str>) -> Value {
        if &**name == "states" && !self.bindings.states.is_empty() {
            let mut members = json::Object::with_capacity(self.bindings.states.len());
            for (name, value) in self.bindings.states {
                members.insert(*name, (*value).clone());
            }
            return Value::JsonObject(Arc::new(members));
        }
        if let Some(value) = (self.bindings.variables)(name) {
            return Value::from(&value);
        }
        Builtin::find(name, self.options()).map_or(Value::Undefined, Value::Builtin)
    }

    /// A member of `$states`, without building the whole; nothing where `$states` is an ordinary
    /// variable.
    fn states_member(&self, variable: &Variable, name: &str) -> Option<Value> {
        if &*variable.name != "states"
            || !variable.places.is_empty()
            || self.bindings.states.is_empty()
        {
            return None;
        }
        let member = self.bindings.states.iter().find(|(key, _)| *key == name);
        Some(member.map_or(Value::Undefined, |(_, value)| Value::from(*value)))
    }

    /// A new frame.
    fn frame(&mut self, slots: u32, parent: &Frames) -> Result<Frames, Failure> {
        self.meter.allocate(size_of::<Frame>() + slots as usize * size_of::<Option<Value>>())?;
        Ok(Frame::with_slots(slots, parent))
    }

    /// A function is about to hold the frame.
    fn capture(&mut self, frames: &Frames) -> Result<(), Failure> {
        self.meter.allocate(size_of::<Function>())?;
        if let Some(frame) = frames {
            self.remember(frame);
        }
        Ok(())
    }

    fn remember(&mut self, frame: &Rc<Frame>) {
        if !frame.capture() {
            return;
        }
        if self.captured.len() >= self.captured_max {
            self.captured.retain(|frame| Rc::strong_count(frame) > 1);
            self.captured_max = (self.captured.len() * 2).max(CAPTURED_FRAMES_MIN);
        }
        self.captured.push(frame.clone());
    }
}

/// A message inside a message. Quotes of quotes double in length each time, so that there is a
/// length from which the rest is left out.
fn quoted(mut message: String) -> String {
    const BYTES_MAX: usize = 2_000;
    message.truncate(message.floor_char_boundary(BYTES_MAX));
    json::Value::from(message).to_text()
}

/// Where a condition goes on.
enum Branch<'n> {
    /// To that expression.
    Taken(&'n Node),
    /// The tested value is the result.
    Tested,
    /// There is no result.
    None,
}

/// A sequence without items is nothing, and one of a single item is that item, unless it is to
/// stay an array.
pub(crate) fn normalised(value: Value, keep_array: bool) -> Value {
    let marks = value.marks();
    if !marks.sequence {
        return value;
    }
    let keep = marks.keep_singleton || keep_array;
    match value.length() {
        0 => Value::Undefined,
        1 if !keep => value.item(0),
        _ if keep => value.kept_singleton(),
        _ => value,
    }
}
