//! Payload templates: JSON values in which texts of the form `{% … %}` are expressions.

use std::sync::Arc;

use json::{Object, Value};

use crate::functions::Builtin;
use crate::{Bindings, Environment, EvaluationError, Expression, Needs, Options, SyntaxError};

/// A compiled payload template.
#[derive(Debug)]
pub struct Template {
    // Boxed, so that a field with a template is small where it has none.
    root: Box<Node>,
    needs: Box<Needs>,
}

/// A value of the template. As deep as the template is, which [`json::DEPTH_MAX`] bounds.
#[derive(Debug)]
enum Node {
    /// A value that holds no expression.
    Literal(Value),
    Expression(Leaf),
    Array(Vec<Node>),
    Object(Vec<(Arc<str>, Node)>),
}

#[derive(Debug)]
struct Leaf {
    pointer: Box<str>,
    expression: Expression,
}

/// A text `{% … %}` that holds no expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// The place within the template, such as `/a/b[0]`; empty for the template itself.
    pub pointer: String,
    /// What is wrong with the text between the marks.
    pub error: SyntaxError,
}

/// Which expression of a template has no value, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateFailure {
    /// The place within the template, such as `/a/b[0]`; empty for the template itself.
    pub pointer: String,
    /// The text between the marks.
    pub expression: String,
    /// The error; none where the expression yields nothing (undefined).
    pub error: Option<EvaluationError>,
}

/// The expression in a text: what stands between `{%` and `%}`, trimmed. None where the text does
/// not begin and end with these marks: then it is a text like any other.
pub fn expression_text(text: &str) -> Option<&str> {
    Some(text.strip_prefix("{%")?.strip_suffix("%}")?.trim())
}

/// Whether a text begins with `{%` or ends in `%}`, and yet is no expression: it is not closed, not
/// opened, or has blanks on one side. AWS refuses it. With blanks on both sides it is a plain text,
/// as recorded. See
/// <https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html>.
pub fn is_malformed(text: &str) -> bool {
    expression_text(text).is_none() && (text.starts_with("{%") || text.ends_with("%}"))
}

/// Whether the JSONata of Step Functions has a function of that name, which comes without `$`.
pub fn is_function(name: &str) -> bool {
    Builtin::find(name, &Options::STEP_FUNCTIONS).is_some()
}

impl Template {
    /// Compiles a template, and reports every mistake in it.
    ///
    /// # Errors
    /// One entry for each text between marks that is no expression, and for each text that
    /// [`is_malformed`].
    pub fn compile(template: &Value) -> Result<Template, Vec<TemplateError>> {
        let mut compiler = Compiler::default();
        let root = compiler.node(template, &mut String::new());
        if !compiler.errors.is_empty() {
            return Err(compiler.errors);
        }
        Ok(Template { root: Box::new(root), needs: Box::new(compiler.needs) })
    }

    /// What its expressions look at, all together.
    pub fn needs(&self) -> &Needs {
        &self.needs
    }

    /// The literal value, where the template holds no expression.
    pub fn literal(&self) -> Option<&Value> {
        match &*self.root {
            Node::Literal(value) => Some(value),
            Node::Expression(_) | Node::Array(_) | Node::Object(_) => None,
        }
    }

    /// The text of the expression, where the whole template is one.
    pub fn whole_expression(&self) -> Option<&str> {
        match &*self.root {
            Node::Expression(leaf) => Some(leaf.expression.text()),
            Node::Literal(_) | Node::Array(_) | Node::Object(_) => None,
        }
    }

    /// Its expressions in order, each with its place within the template.
    pub fn expressions(&self) -> Vec<(&str, &Expression)> {
        let mut found = Vec::new();
        self.root.collect(&mut found);
        found
    }

    /// The value, with every expression evaluated in order.
    ///
    /// # Errors
    /// The first expression that has no value.
    pub fn evaluate(
        &self,
        bindings: &Bindings<'_>,
        environment: &mut Environment<'_>,
    ) -> Result<Value, Box<TemplateFailure>> {
        self.root.evaluate(bindings, environment)
    }
}

impl Node {
    fn is_literal(&self) -> bool {
        matches!(self, Node::Literal(_))
    }

    fn collect<'n>(&'n self, found: &mut Vec<(&'n str, &'n Expression)>) {
        match self {
            Node::Literal(_) => {}
            Node::Expression(leaf) => found.push((&leaf.pointer, &leaf.expression)),
            Node::Array(items) => items.iter().for_each(|item| item.collect(found)),
            Node::Object(members) => members.iter().for_each(|(_, node)| node.collect(found)),
        }
    }

    fn evaluate(
        &self,
        bindings: &Bindings<'_>,
        environment: &mut Environment<'_>,
    ) -> Result<Value, Box<TemplateFailure>> {
        Ok(match self {
            Node::Literal(value) => value.clone(),
            Node::Expression(leaf) => leaf.evaluate(bindings, environment)?,
            Node::Array(items) => {
                let mut values = Vec::with_capacity(items.len());
                for item in items {
                    values.push(item.evaluate(bindings, environment)?);
                }
                values.into()
            }
            Node::Object(members) => {
                let mut object = Object::with_capacity(members.len());
                for (name, node) in members {
                    object.insert(name.clone(), node.evaluate(bindings, environment)?);
                }
                object.into()
            }
        })
    }
}

impl Leaf {
    fn evaluate(
        &self,
        bindings: &Bindings<'_>,
        environment: &mut Environment<'_>,
    ) -> Result<Value, Box<TemplateFailure>> {
        let error = match self.expression.evaluate(bindings, environment) {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => None,
            Err(error) => Some(error),
        };
        let pointer = self.pointer.to_string();
        let expression = self.expression.text().to_owned();
        Err(Box::new(TemplateFailure { pointer, expression, error }))
    }
}

#[derive(Default)]
struct Compiler {
    needs: Needs,
    errors: Vec<TemplateError>,
}

impl Compiler {
    fn node(&mut self, value: &Value, pointer: &mut String) -> Node {
        match value {
            Value::String(text) => match expression_text(text) {
                Some(expression) => self.expression(value, expression, pointer),
                None => {
                    if is_malformed(text) {
                        self.malformed(text, pointer);
                    }
                    Node::Literal(value.clone())
                }
            },
            Value::Array(items) => {
                let nodes = items.iter().enumerate();
                let nodes: Vec<Node> = nodes
                    .map(|(index, item)| {
                        self.within(&format!("[{index}]"), pointer, |compiler, pointer| {
                            compiler.node(item, pointer)
                        })
                    })
                    .collect();
                if nodes.iter().all(Node::is_literal) {
                    return Node::Literal(value.clone());
                }
                Node::Array(nodes)
            }
            Value::Object(members) => {
                let nodes: Vec<(Arc<str>, Node)> = members
                    .iter()
                    .map(|(name, member)| {
                        let step = format!("/{name}");
                        let node = self.within(&step, pointer, |compiler, pointer| {
                            compiler.node(member, pointer)
                        });
                        (name.clone(), node)
                    })
                    .collect();
                if nodes.iter().all(|(_, node)| node.is_literal()) {
                    return Node::Literal(value.clone());
                }
                Node::Object(nodes)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Node::Literal(value.clone()),
        }
    }

    fn within(
        &mut self,
        step: &str,
        pointer: &mut String,
        compile: impl FnOnce(&mut Self, &mut String) -> Node,
    ) -> Node {
        let length = pointer.len();
        pointer.push_str(step);
        let node = compile(self, pointer);
        pointer.truncate(length);
        node
    }

    fn malformed(&mut self, text: &str, pointer: &str) {
        let message = format!(
            "The JSONata expression '{text}' must start with '{{%' and end with '%}}', without \
             spaces before or after"
        );
        let error = SyntaxError::new("S0500", 0).with("message", &message);
        self.errors.push(TemplateError { pointer: pointer.to_owned(), error });
    }

    fn expression(&mut self, value: &Value, text: &str, pointer: &str) -> Node {
        match Expression::parse(text) {
            Ok(expression) => {
                merge(&mut self.needs, expression.needs());
                Node::Expression(Leaf { pointer: pointer.into(), expression })
            }
            Err(error) => {
                self.errors.push(TemplateError { pointer: pointer.to_owned(), error });
                Node::Literal(value.clone())
            }
        }
    }
}

/// What both look at.
fn merge(needs: &mut Needs, other: &Needs) {
    needs.variables.extend(other.variables.iter().cloned());
    needs.states_members.extend(other.states_members.iter().cloned());
    needs.whole_states |= other.whole_states;
    needs.may_be_long |= other.may_be_long;
    for restriction in &other.restrictions {
        if !needs.restrictions.contains(restriction) {
            needs.restrictions.push(restriction.clone());
        }
    }
}
