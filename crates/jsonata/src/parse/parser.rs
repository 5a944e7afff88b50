//! Tokens to tree: operator precedence parsing.
//!
//! Deep nesting is refused, so that neither this parser nor anything that walks the tree later
//! can overflow the stack.

use std::sync::Arc;

use super::lexer::{Lexer, Token, TokenKind};
use super::shape::Ancestors;
use crate::error::SyntaxError;
use crate::expression::Options;
use crate::node::{
    Block, Call, Condition, Kind, Lambda, Node, Operator, Partial, Path, Term, Test, Transform,
    TupleKey, Variable,
};
use crate::pattern::Pattern;
use crate::signature::Signature;
use crate::stack::StackMark;

/// How deep brackets and right operands may be nested in each other.
const NESTING_MAX: usize = 200;
/// How much of the stack the parser may use. Optimised code stays below it at any depth; without
/// optimisation, some things can be nested half as deep.
const STACK_BYTES_MAX: usize = 1 << 20;
/// How high the tree may be; chains of left operands count as well.
const HEIGHT_MAX: u16 = 600;
/// As long as a definition of a state machine may be.
const TEXT_BYTES_MAX: usize = 1 << 20;
/// How many uses of `%` a text may have: each looks through the steps before it.
const ANCESTORS_MAX: usize = 500;
/// How many arguments a call may have, and how many parameters a function.
const ARGUMENTS_MAX: usize = 255;

/// Parses a text. The second part says, for each `%` by its number, what key it has in tuples.
pub(crate) fn parse(text: &str, options: &Options) -> Result<(Node, Vec<u32>), SyntaxError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(SyntaxError::new("S0500", 0).with("message", "The expression is too long"));
    }
    let parsed = Parser::new(text, options).and_then(Parser::whole);
    parsed.map_err(|error| error.count_characters(text))
}

pub(crate) struct Parser<'a> {
    lexer: Lexer<'a>,
    token: Token,
    depth: usize,
    stack: StackMark,
    ancestors: Ancestors,
    /// What is wrong with the shape of the tree. Told only where the grammar is kept.
    misshapen: Option<SyntaxError>,
}

type Parsed = Result<Node, SyntaxError>;

/// How tightly an operator binds its left operand; 0 where it has none.
fn binding_power(token: &Token) -> u8 {
    let TokenKind::Operator(operator) = token.kind else { return 0 };
    match operator {
        "[" | "(" | "@" | "#" => 80,
        "." => 75,
        "{" => 70,
        "*" | "/" | "%" => 60,
        "+" | "-" | "&" => 50,
        "=" | "<" | ">" | "^" | "!=" | "<=" | ">=" | "~>" | "in" | "?:" | "??" => 40,
        "and" => 30,
        "or" => 25,
        "?" => 20,
        ":=" => 10,
        _ => 0,
    }
}

/// The operand of a unary minus.
const UNARY_POWER: u8 = 70;

impl<'a> Parser<'a> {
    fn new(text: &'a str, options: &Options) -> Result<Self, SyntaxError> {
        let start = Token { kind: TokenKind::End, position: 0 };
        let mut parser = Parser {
            lexer: Lexer::new(text, options.default_operators),
            token: start,
            depth: 0,
            stack: StackMark::here(),
            ancestors: Ancestors::default(),
            misshapen: None,
        };
        parser.advance(false)?;
        Ok(parser)
    }

    fn whole(mut self) -> Result<(Node, Vec<u32>), SyntaxError> {
        let node = self.expression(0)?;
        if self.token.kind != TokenKind::End {
            return Err(self.unexpected("S0201"));
        }
        if let Some(error) = self.misshapen {
            return Err(error);
        }
        if matches!(node.kind, Kind::Parent(..)) || !node.seeking().is_empty() {
            return Err(SyntaxError::new("S0217", node.position as usize));
        }
        Ok((node, self.ancestors.into_labels()))
    }

    /// Goes on with a tree that is misshapen, for the grammar's sake.
    fn shaped(&mut self, shaped: Parsed, at: usize) -> Parsed {
        Ok(shaped.unwrap_or_else(|error| {
            self.misshapen.get_or_insert(error);
            Node::new(Kind::Block(Block::default()), at, 0)
        }))
    }

    /// Takes the token; the next one is read. `after_operand`: a slash there divides.
    fn advance(&mut self, after_operand: bool) -> Result<Token, SyntaxError> {
        let next = self.lexer.next(after_operand)?;
        let token = std::mem::replace(&mut self.token, next);
        if self.token.is("!") || self.token.is("~") {
            return Err(self.unexpected("S0204"));
        }
        Ok(token)
    }

    fn unexpected(&self, code: &'static str) -> SyntaxError {
        SyntaxError::new(code, self.token.position).with_token(self.token.text())
    }

    /// Takes that operator or fails.
    fn expect(&mut self, operator: &str) -> Result<(), SyntaxError> {
        if self.token.is(operator) {
            self.advance(true)?;
            return Ok(());
        }
        let code = if self.token.kind == TokenKind::End { "S0203" } else { "S0202" };
        Err(self.unexpected(code).with("value", operator))
    }

    /// Takes that operator if it is there.
    fn take(&mut self, operator: &str) -> Result<bool, SyntaxError> {
        let there = self.token.is(operator);
        if there {
            self.advance(false)?;
        }
        Ok(there)
    }

    /// An expression that something must follow: where the text ends, that is what is missing.
    fn inner(&mut self, follower: &str) -> Parsed {
        self.expression(0).map_err(|error| match error.code {
            "S0207" => self.unexpected("S0203").with("value", follower),
            _ => error,
        })
    }

    fn expression(&mut self, power: u8) -> Parsed {
        if self.depth == NESTING_MAX || self.stack.bytes_since() > STACK_BYTES_MAX {
            return Err(self.too_deep());
        }
        self.depth += 1;
        let token = self.advance(true)?;
        let mut left = self.prefix(token)?;
        while power < binding_power(&self.token) {
            let token = self.advance(false)?;
            left = self.infix(&token, left)?;
            if left.height > HEIGHT_MAX {
                return Err(self.too_deep());
            }
        }
        self.depth -= 1;
        Ok(left)
    }

    fn too_much(&self) -> SyntaxError {
        SyntaxError::new("S0500", self.token.position)
            .with("message", "The expression has too many parts of one kind")
    }

    fn too_deep(&self) -> SyntaxError {
        SyntaxError::new("S0500", self.token.position)
            .with("message", "The expression is nested too deeply")
    }

    /// What starts with that token.
    fn prefix(&mut self, token: Token) -> Parsed {
        let at = token.position;
        let leaf = |kind| Ok(Node::new(kind, at, 0));
        match token.kind {
            TokenKind::Name(name) => leaf(field(name, at)),
            TokenKind::Variable(name) => leaf(variable(name)),
            TokenKind::String(text) => leaf(Kind::Literal(json::Value::String(text))),
            TokenKind::Number(number) => leaf(Kind::Number(number)),
            TokenKind::Value(None) => leaf(Kind::Literal(json::Value::Null)),
            TokenKind::Value(Some(truth)) => leaf(Kind::Literal(json::Value::Bool(truth))),
            TokenKind::Regex { pattern, flags } => {
                let pattern = Pattern::parse(&pattern, &flags).map_err(|reason| {
                    SyntaxError::new("S0303", at)
                        .with_token(format!("/{pattern}/{flags}"))
                        .with("message", &reason)
                })?;
                leaf(Kind::Regex(Arc::new(pattern)))
            }
            TokenKind::End => Err(SyntaxError::new("S0207", at)),
            TokenKind::Operator(operator) => match operator {
                "(" => self.block(at),
                "[" => self.array(at),
                "{" => self.object(at),
                "|" => self.transform(at),
                "-" => self.negation(at),
                "*" => leaf(Kind::Wildcard),
                "**" => leaf(Kind::Descendants),
                "%" => {
                    if self.ancestors.count() == ANCESTORS_MAX {
                        return Err(self.too_much());
                    }
                    let id = self.ancestors.add();
                    leaf(Kind::Parent(id, TupleKey::Ancestor(0)))
                }
                "and" | "or" | "in" => leaf(field(operator.into(), at)),
                _ => Err(SyntaxError::new("S0211", at).with_token(operator.to_owned())),
            },
        }
    }

    /// What that operator makes of its left operand and of what follows.
    fn infix(&mut self, token: &Token, left: Node) -> Parsed {
        let at = token.position;
        let TokenKind::Operator(operator) = token.kind else {
            unreachable!("only operators bind a left operand")
        };
        let power = binding_power(token);
        match operator {
            "." => {
                let right = self.expression(power)?;
                let path = self.ancestors.dot(left, right, at);
                self.shaped(path, at)
            }
            "[" => self.predicate(left, at),
            "(" => self.call(left, at),
            "{" => self.group(left, at),
            "^" => self.order(left, at),
            ":=" => self.bind(left, at),
            "@" | "#" => {
                let right = self.expression(power)?;
                let Kind::Variable(variable) = right.kind else {
                    return Err(SyntaxError::new("S0214", at).with_token(operator.to_owned()));
                };
                match operator {
                    "@" => {
                        let focus = self.ancestors.focus(left, variable.name, at);
                        self.shaped(focus, at)
                    }
                    _ => Ok(self.ancestors.index(left, variable.name, at)),
                }
            }
            "?" => self.condition(left, at),
            "?:" => self.default(Test::IsTrue, left, at),
            "??" => self.default(Test::Exists, left, at),
            "~>" => {
                let right = self.expression(power)?;
                let keep_array = left.keep_array || right.keep_array;
                let height = left.height.max(right.height);
                // Unlike other operators it hands no `%` on; those inside mean nothing.
                let mut node = Node::new(Kind::Apply(Box::new((left, right))), at, height);
                node.keep_array = keep_array;
                Ok(node)
            }
            _ => {
                let right = self.expression(power)?;
                let operator = Operator::of(operator).expect("the other operators take two values");
                let kind = |operands| Kind::Binary(operator, operands);
                Ok(self.ancestors.binary(left, right, at, kind))
            }
        }
    }

    fn negation(&mut self, at: usize) -> Parsed {
        let operand = self.expression(UNARY_POWER)?;
        if let Kind::Number(number) = operand.kind
            && operand.is_bare()
        {
            return Ok(Node::new(Kind::Number(-number), at, 0));
        }
        let height = operand.height;
        let mut node = Node::new(Kind::Negate(Box::new(operand)), at, height);
        if let Kind::Negate(operand) = &node.kind {
            let seeking = self.ancestors.sought_by(operand);
            self.ancestors.seek(&mut node, seeking);
        }
        Ok(node)
    }

    fn block(&mut self, at: usize) -> Parsed {
        let mut expressions = Vec::new();
        while !self.token.is(")") {
            expressions.push(self.inner(")")?);
            if !self.take(";")? {
                break;
            }
        }
        self.expect(")")?;
        Ok(self.ancestors.block(expressions, at))
    }

    fn array(&mut self, at: usize) -> Parsed {
        let mut items = Vec::new();
        if !self.token.is("]") {
            loop {
                let mut item = self.inner("]")?;
                if self.token.is("..") {
                    let at = self.advance(false)?.position;
                    let end = self.inner("]")?;
                    let range = |operands| Kind::Binary(Operator::Range, operands);
                    item = self.ancestors.binary(item, end, at, range);
                }
                items.push(item);
                if !self.take(",")? {
                    break;
                }
            }
        }
        self.expect("]")?;
        Ok(self.ancestors.array(items, at))
    }

    fn pairs(&mut self) -> Result<Vec<(Node, Node)>, SyntaxError> {
        let mut pairs = Vec::new();
        if !self.token.is("}") {
            loop {
                let name = self.inner(":")?;
                self.expect_operand(":")?;
                pairs.push((name, self.inner("}")?));
                if !self.take(",")? {
                    break;
                }
            }
        }
        self.expect("}")?;
        Ok(pairs)
    }

    /// Takes that operator or fails; an operand follows, or what the reference implementation
    /// takes for one: a slash after `[]`, `^(…)`, a transform or a function opens a pattern.
    fn expect_operand(&mut self, operator: &str) -> Result<(), SyntaxError> {
        if self.take(operator)? { Ok(()) } else { self.expect(operator) }
    }

    fn object(&mut self, at: usize) -> Parsed {
        let pairs = self.pairs()?;
        Ok(self.ancestors.object(pairs, at))
    }

    fn group(&mut self, left: Node, at: usize) -> Parsed {
        let pairs = self.pairs()?;
        let group = self.ancestors.group(left, pairs, at);
        self.shaped(group, at)
    }

    fn predicate(&mut self, mut left: Node, at: usize) -> Parsed {
        if self.token.is("]") {
            self.expect_operand("]")?;
            keep_array(&mut left);
            return Ok(left);
        }
        let predicate = self.inner("]")?;
        self.expect("]")?;
        let filtered = self.ancestors.predicate(left, predicate, at);
        self.shaped(filtered, at)
    }

    fn order(&mut self, left: Node, at: usize) -> Parsed {
        self.expect_operand("(")?;
        let mut terms = Vec::new();
        loop {
            let descending = self.token.is(">");
            if descending || self.token.is("<") {
                self.advance(false)?;
            }
            terms.push(Term { descending, expression: self.inner(")")? });
            if !self.take(",")? {
                break;
            }
        }
        self.expect_operand(")")?;
        let ordered = self.ancestors.order(left, terms, at);
        self.shaped(ordered, at)
    }

    fn bind(&mut self, left: Node, at: usize) -> Parsed {
        let variable = match left.kind {
            Kind::Variable(variable) if left.extras.is_none() => variable,
            Kind::Context => unplaced("".into()),
            Kind::Root => unplaced("$".into()),
            _ => return Err(SyntaxError::new("S0212", left.position as usize)),
        };
        let value = self.expression(binding_power_of_bind() - 1)?;
        let seeking = self.ancestors.sought_by(&value);
        let height = value.height;
        let mut node = Node::new(Kind::Bind(variable, Box::new(value)), at, height);
        self.ancestors.seek(&mut node, seeking);
        Ok(node)
    }

    fn condition(&mut self, condition: Node, at: usize) -> Parsed {
        let then = self.expression(0)?;
        let otherwise = if self.take(":")? { Some(self.expression(0)?) } else { None };
        let condition = Condition { test: Test::IsTrue, condition, then: Some(then), otherwise };
        Ok(self.ancestors.condition(condition, at))
    }

    fn default(&mut self, test: Test, condition: Node, at: usize) -> Parsed {
        let otherwise = Some(self.expression(0)?);
        Ok(self.ancestors.condition(Condition { test, condition, then: None, otherwise }, at))
    }

    fn transform(&mut self, at: usize) -> Parsed {
        let pattern = self.inner("|")?;
        self.expect_operand("|")?;
        let update = self.inner("|")?;
        let delete = if self.take(",")? { Some(self.inner("|")?) } else { None };
        self.expect_operand("|")?;
        let parts = [Some(&pattern), Some(&update), delete.as_ref()];
        let height = parts.into_iter().flatten().map(|part| part.height).max().unwrap_or(0);
        let clone = unplaced("clone".into());
        let transform = Transform { pattern, update, delete, clone, position: at as u32 };
        Ok(Node::new(Kind::Transform(Arc::new(transform)), at, height))
    }

    fn call(&mut self, procedure: Node, at: usize) -> Parsed {
        let mut arguments = Vec::new();
        if !self.token.is(")") {
            loop {
                if self.token.is("?") {
                    self.advance(true)?;
                    arguments.push(None);
                } else {
                    arguments.push(Some(self.inner(")")?));
                }
                if !self.take(",")? {
                    break;
                }
            }
        }
        self.expect(")")?;
        if arguments.len() > ARGUMENTS_MAX {
            return Err(self.too_much());
        }
        if is_function_word(&procedure) {
            return self.lambda(arguments, at);
        }
        let seeking = self.ancestors.sought_by_all(arguments.iter().flatten());
        let heights = arguments.iter().flatten().map(|argument| argument.height);
        let height = heights.fold(procedure.height, u16::max);
        let meant = meant_function(&procedure).map(unplaced);
        let kind = if arguments.iter().all(Option::is_some) {
            let arguments = arguments.into_iter().flatten().collect();
            Kind::Call(Box::new(Call { procedure, arguments, meant }))
        } else {
            Kind::Partial(Box::new(Partial { procedure, arguments, meant }))
        };
        let mut node = Node::new(kind, at, height);
        self.ancestors.seek(&mut node, seeking);
        Ok(node)
    }

    fn lambda(&mut self, arguments: Vec<Option<Node>>, at: usize) -> Parsed {
        let mut parameters: Vec<Arc<str>> = Vec::new();
        for argument in arguments {
            parameters.push(match argument.map(|node| node.kind) {
                Some(Kind::Variable(variable)) => variable.name,
                Some(Kind::Context) => "".into(),
                Some(Kind::Root) => "$".into(),
                _ => {
                    let number = json::Value::from(parameters.len() as i64 + 1).to_text();
                    return Err(SyntaxError::new("S0208", at).with_json("value", &number));
                }
            });
        }
        let signature = if self.token.is("<") { Some(self.signature()?) } else { None };
        self.expect_operand("{")?;
        let body = self.inner("}")?;
        self.expect_operand("}")?;
        let height = body.height;
        let lambda = Lambda { parameters, parameter_slots: Vec::new(), signature, body, slots: 0 };
        Ok(Node::new(Kind::Lambda(Arc::new(lambda)), at, height))
    }

    fn signature(&mut self) -> Result<Signature, SyntaxError> {
        let at = self.token.position;
        let mut text = String::from("<");
        let mut depth = 1;
        while depth > 0 && !self.token.is("{") && self.token.kind != TokenKind::End {
            self.advance(false)?;
            match self.token.kind {
                TokenKind::Operator(">") => depth -= 1,
                TokenKind::Operator("<") => depth += 1,
                _ => {}
            }
            text.push_str(&self.token.text());
        }
        self.expect(">")?;
        Signature::parse(&text).map_err(|code| match code {
            "S0500" => self.too_much(),
            _ => SyntaxError::new(code, at),
        })
    }
}

fn binding_power_of_bind() -> u8 {
    binding_power(&Token { kind: TokenKind::Operator(":="), position: 0 })
}

/// A field name by itself is a path of one step.
fn field(name: Arc<str>, at: usize) -> Kind {
    Kind::Path(Path::new(vec![Node::new(Kind::Name(name), at, 0)], false))
}

fn variable(name: Arc<str>) -> Kind {
    match &*name {
        "" => Kind::Context,
        "$" => Kind::Root,
        _ => Kind::Variable(unplaced(name)),
    }
}

/// A variable of which [`crate::scope`] has yet to say where it is.
fn unplaced(name: Arc<str>) -> Variable {
    Variable { name, places: Vec::new(), external: 0 }
}

/// Marks what `[]` was written after.
fn keep_array(node: &mut Node) {
    node.keep_array = true;
    if let Kind::Path(path) = &mut node.kind
        && let [step] = &mut path.steps[..]
        && matches!(step.kind, Kind::Name(_))
    {
        step.keep_array = true;
        path.keep_singleton = true;
    }
}

/// The name of the function that was meant where a field is called.
fn meant_function(procedure: &Node) -> Option<Arc<str>> {
    match &procedure.kind {
        Kind::Path(path) => match &path.steps[0].kind {
            Kind::Name(name) => Some(name.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// Whether what is called is one of the words that define a function.
fn is_function_word(procedure: &Node) -> bool {
    match &procedure.kind {
        Kind::Path(path) => match &path.steps[..] {
            [Node { kind: Kind::Name(name), extras: None, .. }] => {
                matches!(&**name, "function" | "λ")
            }
            _ => false,
        },
        _ => false,
    }
}
