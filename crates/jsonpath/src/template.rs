//! Payload templates: `Parameters`, `ResultSelector`, `ItemSelector`, `Assign` and their like.

use std::sync::Arc;

use json::{Object, Value};
use rand_core::Rng;

use crate::{EvaluationError, Intrinsic, Needs, Path, Scope, SyntaxError};

/// The value of a member whose name ends in `.$`: a path or an intrinsic function call.
#[derive(Clone, Debug)]
pub enum Expression {
    /// `$.x`, `$$.x`, `$name`
    Path(Path),
    /// `States.…(…)`
    Intrinsic(Intrinsic),
}

impl Expression {
    /// Compiles a path or a call.
    ///
    /// # Errors
    /// Where the text is neither.
    pub fn parse(text: &str) -> Result<Expression, SyntaxError> {
        if text.trim_start().starts_with('$') {
            Path::parse(text).map(Expression::Path)
        } else {
            Intrinsic::parse(text).map(Expression::Intrinsic)
        }
    }

    /// As it is written in the definition.
    pub fn text(&self) -> &str {
        match self {
            Expression::Path(path) => path.text(),
            Expression::Intrinsic(intrinsic) => intrinsic.text(),
        }
    }

    /// What it looks at.
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        self.add_needs(&mut needs);
        needs
    }

    fn add_needs(&self, needs: &mut Needs) {
        match self {
            Expression::Path(path) => path.add_needs(needs),
            Expression::Intrinsic(intrinsic) => intrinsic.add_needs(needs),
        }
    }

    /// Its value.
    ///
    /// # Errors
    /// As the path or call that it is.
    pub fn evaluate(
        &self,
        scope: &Scope<'_>,
        random: &mut dyn Rng,
    ) -> Result<Value, EvaluationError> {
        match self {
            Expression::Path(path) => path.select(scope),
            Expression::Intrinsic(intrinsic) => intrinsic.evaluate(scope, random),
        }
    }
}

/// A compiled payload template.
#[derive(Clone, Debug)]
pub struct Template {
    // The value in the order in which it is put together, so that rendering needs no recursion.
    parts: Arc<[Part]>,
    needs: Needs,
}

/// One thing to do with the stack of values that are finished so far.
#[derive(Clone, Debug)]
enum Part {
    /// Push a value that holds no expression.
    Literal(Value),
    /// Push what an expression yields.
    Expression(Field),
    /// Replace so many values by an array of them.
    Array(usize),
    /// Replace as many values as there are names by an object of them.
    Object(Arc<[Arc<str>]>),
}

/// A member `name.$`.
#[derive(Clone, Debug)]
struct Field {
    name: Arc<str>,
    expression: Expression,
}

/// A mistake within a template.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateError {
    /// The place within the template, such as `/a/b[0]/c.$`; empty for the template itself.
    pub pointer: String,
    /// The name of the member, such as `c.$`.
    pub field: String,
    /// What is wrong with its value.
    pub error: SyntaxError,
}

/// Which member of a template failed, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderError {
    /// The member's name as it is written, such as `c.$`.
    pub field: String,
    /// The expression as it is written.
    pub expression: String,
    /// Why.
    pub error: EvaluationError,
}

impl Template {
    /// Compiles a template, and reports every mistake in it.
    ///
    /// # Errors
    /// One entry for each member `name.$` whose value is neither path nor call, for `a` beside
    /// `a.$`, and so on.
    pub fn compile(template: &Value) -> Result<Template, Vec<TemplateError>> {
        let compiler = Compiler::default().compile(template);
        if !compiler.errors.is_empty() {
            return Err(compiler.errors);
        }
        Ok(Template { parts: compiler.parts.into(), needs: compiler.needs })
    }

    /// What its expressions look at.
    pub fn needs(&self) -> &Needs {
        &self.needs
    }

    /// The literal value, where the template holds no expression.
    pub fn literal(&self) -> Option<&Value> {
        match &*self.parts {
            [Part::Literal(value)] => Some(value),
            _ => None,
        }
    }

    /// The value, with every expression evaluated.
    ///
    /// # Errors
    /// The first member that has no value.
    pub fn render(&self, scope: &Scope<'_>, random: &mut dyn Rng) -> Result<Value, RenderError> {
        let mut finished: Vec<Value> = Vec::new();
        for part in self.parts.iter() {
            let value = match part {
                Part::Literal(value) => value.clone(),
                Part::Expression(Field { name, expression }) => {
                    expression.evaluate(scope, random).map_err(|error| RenderError {
                        field: name.as_ref().into(),
                        expression: expression.text().into(),
                        error,
                    })?
                }
                Part::Array(length) => finished.split_off(finished.len() - length).into(),
                Part::Object(names) => {
                    let values = finished.split_off(finished.len() - names.len());
                    names.iter().cloned().zip(values).collect::<Object>().into()
                }
            };
            finished.push(value);
        }
        Ok(finished.pop().expect("a template has at least one part"))
    }
}

/// A container that is being compiled.
struct Open<'a> {
    container: &'a Value,
    pointer: String,
    children: Vec<Child<'a>>,
    names: Vec<Arc<str>>,
    // Where its own parts begin, and whether an expression is among them.
    parts_from: usize,
    has_expressions: bool,
}

/// What is still to do within a container, last first.
struct Child<'a> {
    name: Option<&'a Arc<str>>,
    index: usize,
    value: &'a Value,
}

#[derive(Default)]
struct Compiler {
    parts: Vec<Part>,
    needs: Needs,
    errors: Vec<TemplateError>,
}

impl Compiler {
    /// Goes through the template from inside out, without recursion.
    fn compile(mut self, template: &Value) -> Self {
        let mut stack = Vec::new();
        self.enter(template, String::new(), &mut stack);
        while let Some(open) = stack.last_mut() {
            let Some(child) = open.children.pop() else {
                let closed = stack.pop().expect("it was just looked at");
                if let Some(parent) = stack.last_mut() {
                    parent.has_expressions |= closed.has_expressions;
                }
                self.close(closed);
                continue;
            };
            let pointer = match child.name {
                Some(name) => format!("{}/{name}", open.pointer),
                None => format!("{}[{}]", open.pointer, child.index),
            };
            let Some(name) = child.name else {
                self.enter(child.value, pointer, &mut stack);
                continue;
            };
            match name.strip_suffix(".$") {
                Some(target) => {
                    open.has_expressions = true;
                    open.names.push(target.into());
                    let is_twice = open.container.get(target).is_some();
                    self.field(name, child.value, pointer, is_twice);
                }
                None => {
                    open.names.push(name.clone());
                    self.enter(child.value, pointer, &mut stack);
                }
            }
        }
        self
    }

    fn enter<'a>(&mut self, value: &'a Value, pointer: String, stack: &mut Vec<Open<'a>>) {
        let mut children: Vec<Child<'a>> = match value {
            Value::Array(items) => items
                .iter()
                .enumerate()
                .map(|(index, value)| Child { name: None, index, value })
                .collect(),
            Value::Object(members) => members
                .iter()
                .enumerate()
                .map(|(index, (name, value))| Child { name: Some(name), index, value })
                .collect(),
            scalar => return self.parts.push(Part::Literal(scalar.clone())),
        };
        children.reverse();
        stack.push(Open {
            container: value,
            pointer,
            children,
            names: Vec::new(),
            parts_from: self.parts.len(),
            has_expressions: false,
        });
    }

    fn close(&mut self, closed: Open<'_>) {
        if !closed.has_expressions {
            self.parts.truncate(closed.parts_from);
            return self.parts.push(Part::Literal(closed.container.clone()));
        }
        self.parts.push(match closed.container {
            Value::Array(items) => Part::Array(items.len()),
            _ => Part::Object(closed.names.into()),
        });
    }

    fn field(&mut self, name: &Arc<str>, value: &Value, pointer: String, is_twice: bool) {
        let wrong = |message: &str| SyntaxError { message: message.into(), offset: 0 };
        let expression = match value.as_str() {
            _ if is_twice => Err(wrong("The object has the same name without '.$' too")),
            Some(text) => Expression::parse(text),
            None => Err(wrong("The value is not a text")),
        };
        match expression {
            Ok(expression) => {
                expression.add_needs(&mut self.needs);
                self.parts.push(Part::Expression(Field { name: name.clone(), expression }));
            }
            Err(error) => {
                self.errors.push(TemplateError { pointer, field: name.as_ref().into(), error });
            }
        }
    }
}
