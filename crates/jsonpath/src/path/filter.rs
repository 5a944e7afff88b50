//! Filters: what `[?(…)]` asks of a value.

mod exists;
mod parse;
mod pattern;

use std::borrow::Cow;
use std::cmp::Ordering;

use json::{Number, Value};

use super::step::{Step, is_definite};
use super::walk::{Stop, Walk, item};
use pattern::Pattern;

pub(crate) use parse::{parse_condition, parse_literal, parse_operand_path};

/// A condition on a value.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    /// `a && b`
    All(Vec<Condition>),
    /// `a || b`
    Any(Vec<Condition>),
    /// `!(a)`
    Not(Box<Condition>),
    /// `@.a`
    Exists(OperandPath),
    /// `@.a < 1`
    Compare { left: Operand, operator: Operator, right: Operand },
}

/// A side of a comparison.
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    Literal(Value),
    Path(OperandPath),
    /// `/…/i`; the whole text must match.
    Pattern(Pattern),
}

/// A path from the value that is tested (`@`) or from the document (`$`).
#[derive(Clone, Debug)]
pub(crate) struct OperandPath {
    pub(crate) from_document: bool,
    pub(crate) steps: Vec<Step>,
}

/// How two operands are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    /// `===`: as `==`, but a text is never a number.
    SameTypeEqual,
    SameTypeNotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Matches,
    In,
    NotIn,
    SubsetOf,
    AnyOf,
    NoneOf,
    All,
    Contains,
    Size,
    Empty,
}

impl Condition {
    /// Whether it holds for the value.
    pub(crate) fn holds(&self, value: &Value, walk: &Walk<'_>) -> Result<bool, Stop> {
        match self {
            Condition::All(conditions) => {
                for condition in conditions {
                    if !condition.holds(value, walk)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Condition::Any(conditions) => {
                for condition in conditions {
                    if condition.holds(value, walk)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Condition::Not(condition) => Ok(!condition.holds(value, walk)?),
            Condition::Exists(path) => exists::exists(path, value, walk),
            Condition::Compare { left, operator, right } => {
                if let Operand::Pattern(pattern) = right {
                    let text = left.select(value, walk)?;
                    return matches_pattern(pattern, text.as_deref());
                }
                if let Operand::Pattern(pattern) = left {
                    let text = right.select(value, walk)?;
                    return matches_pattern(pattern, text.as_deref());
                }
                let (left, right) = (left.select(value, walk)?, right.select(value, walk)?);
                walk.visit(operator.cost(left.as_deref(), right.as_deref()))?;
                Ok(operator.compare(left.as_deref(), right.as_deref()))
            }
        }
    }
}

impl Operand {
    fn select<'v>(
        &'v self,
        value: &'v Value,
        walk: &Walk<'v>,
    ) -> Result<Option<Cow<'v, Value>>, Stop> {
        match self {
            Operand::Literal(literal) => Ok(Some(Cow::Borrowed(literal))),
            Operand::Path(path) => path.select(value, walk),
            Operand::Pattern(_) => Ok(None),
        }
    }
}

impl OperandPath {
    /// The value it leads to, the list of matches where it may lead to several, nothing where it
    /// leads nowhere.
    pub(crate) fn select<'v>(
        &self,
        value: &'v Value,
        walk: &Walk<'v>,
    ) -> Result<Option<Cow<'v, Value>>, Stop> {
        let start = if self.from_document { walk.document } else { value };
        if self.steps.iter().all(Step::is_plain) {
            let place = self.steps.iter().try_fold(start, |place, step| match step {
                Step::Name(name) => place.get(&name.text),
                Step::Index(index) => item(place, *index),
                _ => None,
            });
            return Ok(place.map(Cow::Borrowed));
        }
        let mut matches = match walk.select(&self.steps, start) {
            Ok(matches) => matches,
            // A function that has no answer is as a member that is not there.
            Err(Stop::Function(_)) => return Ok(None),
            Err(stop) => return Err(stop),
        };
        Ok(if is_definite(&self.steps) { matches.pop() } else { Some(matches.into()) }
            .map(Cow::Owned))
    }
}

impl Operator {
    /// How many items it compares at most, beyond the first.
    fn cost(self, left: Option<&Value>, right: Option<&Value>) -> usize {
        let length = |value: Option<&Value>| value.and_then(Value::as_array).map_or(0, <[_]>::len);
        match self {
            Operator::In | Operator::NotIn => length(right),
            Operator::Contains => length(left),
            Operator::SubsetOf | Operator::AnyOf | Operator::NoneOf | Operator::All => {
                length(left).saturating_mul(length(right))
            }
            _ => 0,
        }
    }

    /// Compares; an operand that is not there is `None`.
    fn compare(self, left: Option<&Value>, right: Option<&Value>) -> bool {
        let order = || order(left?, right?);
        match self {
            Operator::Equal => equals(left, right),
            Operator::NotEqual => !equals(left, right),
            Operator::SameTypeEqual => same_type(left, right) && equals(left, right),
            Operator::SameTypeNotEqual => !(same_type(left, right) && equals(left, right)),
            Operator::Less => order().is_some_and(Ordering::is_lt),
            Operator::LessOrEqual => order().is_some_and(Ordering::is_le),
            Operator::Greater => order().is_some_and(Ordering::is_gt),
            Operator::GreaterOrEqual => order().is_some_and(Ordering::is_ge),
            Operator::Matches => false,
            Operator::In => contains(right, left),
            Operator::NotIn => !contains(right, left),
            Operator::SubsetOf => lists(left, right, |left, right| {
                left.iter().all(|item| contains_item(right, Some(item)))
            }),
            Operator::AnyOf => lists(left, right, |left, right| {
                left.iter().any(|item| contains_item(right, Some(item)))
            }),
            Operator::NoneOf => lists(left, right, |left, right| {
                !left.iter().any(|item| contains_item(right, Some(item)))
            }),
            Operator::All => lists(left, right, |left, right| {
                right.iter().all(|item| contains_item(left, Some(item)))
            }),
            Operator::Contains => match (left, right) {
                (Some(Value::String(text)), Some(Value::String(part))) => text.contains(&**part),
                _ => contains(left, right),
            },
            Operator::Size => size(left).is_some_and(|size| {
                right.and_then(Value::as_f64).is_some_and(|expected| size == expected as i64)
            }),
            Operator::Empty => is_empty(left).is_some_and(|is_empty| {
                right.and_then(Value::as_bool).is_some_and(|expected| is_empty == expected)
            }),
        }
    }
}

/// Jayway's equality: a number and a text are equal where the one can be read as the other; what
/// is not there equals nothing, not even itself.
fn equals(left: Option<&Value>, right: Option<&Value>) -> bool {
    match (left, right) {
        (Some(Value::Number(number)), Some(Value::String(text))) => {
            Number::parse(text).is_some_and(|other| *number == other)
        }
        (Some(Value::String(text)), Some(Value::Number(number))) => **text == number.to_string(),
        (Some(left), Some(right)) => left == right,
        _ => false,
    }
}

fn same_type(left: Option<&Value>, right: Option<&Value>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => std::mem::discriminant(left) == std::mem::discriminant(right),
        _ => false,
    }
}

/// Numbers and texts have an order, each among themselves.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => Some(left.compare(right)),
        // Java compares UTF-16 units.
        (Value::String(left), Value::String(right)) => {
            Some(left.encode_utf16().cmp(right.encode_utf16()))
        }
        _ => None,
    }
}

fn contains(list: Option<&Value>, item: Option<&Value>) -> bool {
    list.and_then(Value::as_array).is_some_and(|items| contains_item(items, item))
}

fn contains_item(items: &[Value], wanted: Option<&Value>) -> bool {
    items.iter().any(|item| equals(wanted, Some(item)))
}

fn lists(
    left: Option<&Value>,
    right: Option<&Value>,
    test: impl Fn(&[Value], &[Value]) -> bool,
) -> bool {
    match (left.and_then(Value::as_array), right.and_then(Value::as_array)) {
        (Some(left), Some(right)) => test(left, right),
        _ => false,
    }
}

/// The length that `size` compares: of a text in UTF-16 units, of an array in items.
fn size(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::String(text) => Some(text.encode_utf16().count() as i64),
        Value::Array(items) => Some(items.len() as i64),
        _ => None,
    }
}

fn is_empty(value: Option<&Value>) -> Option<bool> {
    match value? {
        Value::String(text) => Some(text.is_empty()),
        Value::Array(items) => Some(items.is_empty()),
        Value::Object(members) => Some(members.is_empty()),
        _ => None,
    }
}

fn matches_pattern(pattern: &Pattern, value: Option<&Value>) -> Result<bool, Stop> {
    match value {
        Some(Value::String(text)) => pattern.matches(text),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => pattern.matches(&value.to_text()),
        Some(Value::Array(items)) => {
            for text in items.iter().filter_map(Value::as_str) {
                if pattern.matches(text)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Ok(false),
    }
}
