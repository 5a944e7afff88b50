//! Signatures of functions: which arguments they take, and where the context stands in.
//!
//! `<s-nn?:s>`: a string, else the context; a number; a number or nothing. The type of the result
//! is not checked.

use std::borrow::Cow;

use crate::error::{Failure, FailureFacts};
use crate::evaluate::Meter;
use crate::value::Value;

/// What a function takes.
#[derive(Clone, Debug)]
pub(crate) struct Signature {
    parameters: Cow<'static, [Parameter]>,
}

/// How many parameters a signature may have.
const PARAMETERS_MAX: usize = 64;

/// Kinds of values, as bits.
pub(crate) type Kinds = u8;

pub(crate) const STRING: Kinds = 1;
pub(crate) const NUMBER: Kinds = 1 << 1;
pub(crate) const BOOLEAN: Kinds = 1 << 2;
pub(crate) const NULL: Kinds = 1 << 3;
pub(crate) const ARRAY: Kinds = 1 << 4;
pub(crate) const OBJECT: Kinds = 1 << 5;
pub(crate) const FUNCTION: Kinds = 1 << 6;
pub(crate) const MISSING: Kinds = 1 << 7;
const JSON: Kinds = STRING | NUMBER | BOOLEAN | NULL | ARRAY | OBJECT;

/// One parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter {
    /// What it takes.
    kinds: Kinds,
    /// An array; other values become arrays of one item.
    array: bool,
    /// What the items of an array must be, if that is said.
    items: Option<Kinds>,
    /// May be left out.
    optional: bool,
    /// Is the context where it is left out.
    or_context: bool,
    /// One or more.
    repeated: bool,
}

impl Parameter {
    /// Takes those kinds, and a missing value unless it is a function that is wanted.
    pub(crate) const fn of(kinds: Kinds) -> Parameter {
        let kinds = if kinds == FUNCTION { kinds } else { kinds | MISSING };
        Parameter {
            kinds,
            array: false,
            items: None,
            optional: false,
            or_context: false,
            repeated: false,
        }
    }

    /// `(…)`: one of several kinds.
    pub(crate) const fn either(kinds: Kinds) -> Parameter {
        Parameter { kinds: kinds | MISSING, ..Parameter::of(kinds) }
    }

    /// `x`
    pub(crate) const ANY: Parameter = Parameter::of(JSON | FUNCTION);
    /// `j`
    pub(crate) const ANY_JSON: Parameter = Parameter::of(JSON);
    /// `a`: an array, or a value that becomes one.
    pub(crate) const LIST: Parameter = Parameter { array: true, ..Parameter::ANY };

    /// `a<…>`
    pub(crate) const fn list_of(items: Kinds) -> Parameter {
        Parameter { items: Some(items), ..Parameter::LIST }
    }

    /// `?`
    pub(crate) const fn optional(self) -> Parameter {
        Parameter { optional: true, ..self }
    }

    /// `-`
    pub(crate) const fn or_context(self) -> Parameter {
        Parameter { optional: true, or_context: true, ..self }
    }

    /// `+`
    pub(crate) const fn repeated(self) -> Parameter {
        Parameter { repeated: true, ..self }
    }
}

/// The kind of a value.
pub(crate) fn kind_of(value: &Value) -> Kinds {
    match value {
        Value::Undefined => MISSING,
        Value::Null => NULL,
        Value::Bool(_) => BOOLEAN,
        Value::Number(_) | Value::Exact(_) => NUMBER,
        Value::String(_) => STRING,
        Value::JsonArray(_) | Value::List(_) | Value::Tuples(_) => ARRAY,
        Value::JsonObject(_) | Value::Record(_) => OBJECT,
        Value::Builtin(_) | Value::Function(_) => FUNCTION,
    }
}

/// How error messages call arrays of that kind.
fn plural(kinds: Kinds) -> &'static str {
    match kinds {
        ARRAY => "arrays",
        BOOLEAN => "booleans",
        FUNCTION => "functions",
        NUMBER => "numbers",
        OBJECT => "objects",
        _ => "strings",
    }
}

impl Signature {
    /// A signature of those parameters.
    pub(crate) const fn of(parameters: &'static [Parameter]) -> Signature {
        Signature { parameters: Cow::Borrowed(parameters) }
    }

    /// Parses a signature with its angle brackets; an error is a code.
    pub(crate) fn parse(text: &str) -> Result<Signature, &'static str> {
        let mut parameters: Vec<Parameter> = Vec::new();
        let mut last_symbol = '<';
        let mut rest = text.strip_prefix('<').unwrap_or(text);
        while let Some(symbol) = rest.chars().next() {
            rest = &rest[symbol.len_utf8()..];
            match symbol {
                ':' => break,
                '(' => {
                    let (choice, after) = enclosed(rest, '(', ')');
                    if choice.contains('<') {
                        return Err("S0402");
                    }
                    let kinds =
                        choice.chars().filter_map(kinds_of).fold(0, |all, kinds| all | kinds);
                    parameters.push(Parameter::either(kinds));
                    rest = after;
                }
                '<' => {
                    let (items, after) = enclosed(rest, '<', '>');
                    match (last_symbol, parameters.last_mut()) {
                        ('a', Some(last)) => last.items = items.chars().next().and_then(kinds_of),
                        ('f', Some(_)) => {}
                        _ => return Err("S0401"),
                    }
                    rest = after;
                }
                '-' | '?' | '+' => {
                    if let Some(last) = parameters.last_mut() {
                        *last = match symbol {
                            '-' => last.or_context(),
                            '?' => last.optional(),
                            _ => last.repeated(),
                        };
                    }
                }
                'a' => parameters.push(Parameter::LIST),
                _ => parameters.extend(kinds_of(symbol).map(Parameter::of)),
            }
            last_symbol = symbol;
        }
        if parameters.len() > PARAMETERS_MAX {
            return Err("S0500");
        }
        Ok(Signature { parameters: Cow::Owned(parameters) })
    }

    /// The arguments as the function gets them: contexts filled in, arrays made.
    #[inline]
    pub(crate) fn validate(
        &self,
        mut arguments: Vec<Value>,
        context: &Value,
        meter: &mut Meter<'_>,
    ) -> Result<Vec<Value>, Failure> {
        // The common case: one argument for each parameter.
        let pairs = self.parameters.iter().zip(&arguments);
        let plain = arguments.len() == self.parameters.len()
            && pairs.clone().all(|(parameter, argument)| {
                parameter.kinds & kind_of(argument) != 0 && !parameter.repeated
            });
        if !plain {
            return self.adapt(&arguments, context, meter);
        }
        for (index, parameter) in self.parameters.iter().enumerate() {
            if parameter.array {
                let argument = std::mem::take(&mut arguments[index]);
                arguments[index] = parameter.list(argument, index + 1, meter)?;
            }
        }
        Ok(arguments)
    }

    fn adapt(
        &self,
        arguments: &[Value],
        context: &Value,
        meter: &mut Meter<'_>,
    ) -> Result<Vec<Value>, Failure> {
        let kinds: Vec<Kinds> = arguments.iter().map(kind_of).collect();
        meter.work(kinds.len() * self.parameters.len())?;
        let Some(counts) = self.distribute(&kinds) else {
            return Err(self.mismatch(&kinds));
        };
        let given = |at: usize| arguments.get(at).cloned().unwrap_or_default();
        let mut adapted = Vec::with_capacity(self.parameters.len());
        let mut at = 0;
        for (parameter, count) in self.parameters.iter().zip(counts) {
            if count == 0 {
                if !parameter.or_context {
                    adapted.push(given(at));
                    at += 1;
                    continue;
                }
                let context = context.unwrapped();
                if parameter.kinds & kind_of(&context) == 0 {
                    return Err(FailureFacts::new("T0411").with("index", (at + 1).to_string()));
                }
                adapted.push(context);
                continue;
            }
            for _ in 0..count {
                // An argument may have been given to an absent parameter before this one.
                let argument = given(at);
                at += 1;
                adapted.push(match parameter.array {
                    true => parameter.list(argument, at, meter)?,
                    false => argument,
                });
            }
        }
        Ok(adapted)
    }

    /// How many arguments each parameter takes, as many as it can, such that all find a place.
    fn distribute(&self, kinds: &[Kinds]) -> Option<Vec<usize>> {
        // places[p][a]: whether the parameters from p on can take the arguments from a on.
        let (parameters, arguments) = (self.parameters.len(), kinds.len());
        let mut places = vec![vec![false; arguments + 1]; parameters + 1];
        places[parameters][arguments] = true;
        for p in (0..parameters).rev() {
            for a in (0..=arguments).rev() {
                places[p][a] = self.choices(p, &kinds[a..]).any(|count| places[p + 1][a + count]);
            }
        }
        let mut at = 0;
        let mut counts = Vec::with_capacity(parameters);
        for p in 0..parameters {
            let count = self.choices(p, &kinds[at..]).find(|count| places[p + 1][at + count])?;
            counts.push(count);
            at += count;
        }
        (at == arguments).then_some(counts)
    }

    /// How many of the next arguments that parameter could take, the most first.
    fn choices(&self, parameter: usize, kinds: &[Kinds]) -> impl Iterator<Item = usize> + use<> {
        let parameter = &self.parameters[parameter];
        let run = kinds.iter().take_while(|kind| parameter.kinds & **kind != 0).count();
        let most = if parameter.repeated { run } else { run.min(1) };
        let least = usize::from(!parameter.optional);
        (least..=most).rev()
    }

    /// Which argument is wrong: the first that the parameters, taken one after the other, refuse.
    fn mismatch(&self, kinds: &[Kinds]) -> Failure {
        let mut reachable = vec![0_usize];
        let mut good_to = 0;
        for parameter in 0..self.parameters.len() {
            let mut next: Vec<usize> = Vec::new();
            for &at in &reachable {
                next.extend(self.choices(parameter, &kinds[at..]).map(|count| at + count));
            }
            let Some(&most) = next.first() else { break };
            good_to = most;
            next.dedup();
            reachable = next;
        }
        FailureFacts::new("T0410").with("index", (good_to + 1).to_string())
    }
}

impl Parameter {
    /// The argument as an array of what it must contain.
    fn list(
        &self,
        argument: Value,
        number: usize,
        meter: &mut Meter<'_>,
    ) -> Result<Value, Failure> {
        if matches!(argument, Value::Undefined) {
            return Ok(argument);
        }
        let kind = kind_of(&argument);
        if let Some(items) = self.items {
            meter.work(argument.length() / 4)?;
            let fits = match kind {
                ARRAY => {
                    (0..argument.length()).all(|index| kind_of(&argument.item(index)) & items != 0)
                }
                _ => kind & items != 0,
            };
            if !fits {
                let plural = json::Value::from(plural(items)).to_text();
                let failure = FailureFacts::new("T0412").with("index", number.to_string());
                return Err(failure.with("type", plural));
            }
        }
        Ok(if kind == ARRAY { argument } else { Value::list(vec![argument]) })
    }
}

/// The kinds that a letter means.
fn kinds_of(symbol: char) -> Option<Kinds> {
    Some(match symbol {
        's' => STRING,
        'n' => NUMBER,
        'b' => BOOLEAN,
        'l' => NULL,
        'o' => OBJECT,
        'a' => ARRAY,
        'f' => FUNCTION,
        'j' => JSON,
        'x' => JSON | FUNCTION,
        _ => return None,
    })
}

/// What stands before the bracket that closes, and after it.
fn enclosed(text: &str, open: char, close: char) -> (&str, &str) {
    let mut depth = 1;
    for (at, character) in text.char_indices() {
        if character == close {
            depth -= 1;
        } else if character == open {
            depth += 1;
        }
        if depth == 0 {
            return (&text[..at], &text[at + close.len_utf8()..]);
        }
    }
    (text, "")
}
