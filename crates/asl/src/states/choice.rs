//! The Choice state.

use std::sync::Arc;

use json::{Object, Value};

use crate::expressions::{Offers, assign, jsonata};
use crate::fields::{CHOICE_RULE, CHOICE_RULE_NESTED, Fields, OPERATORS, expect_object};
use crate::language::QueryLanguage;
use crate::paths;
use crate::place::Place;
use crate::state::StateReader;
use crate::template::warn_of_path;
use crate::{Choice, ChoiceRule, Code, Comparison, Condition, Operand, Order, parse_timestamp};

/// The kinds of a rule, in the order in which AWS lists them.
const KINDS: [&str; 5] = ["And", "Or", "Not", "Variable", "Condition"];

/// The operators in the order in which AWS lists them.
const OPERATORS_LISTED: [&str; 39] = [
    "StringEquals",
    "IsBoolean",
    "StringLessThan",
    "IsNumeric",
    "BooleanEquals",
    "StringLessThanEqualsPath",
    "NumericLessThan",
    "NumericGreaterThan",
    "NumericLessThanPath",
    "StringMatches",
    "TimestampLessThanEqualsPath",
    "NumericEquals",
    "TimestampGreaterThan",
    "StringGreaterThanEqualsPath",
    "TimestampGreaterThanEqualsPath",
    "TimestampLessThanEquals",
    "NumericLessThanEqualsPath",
    "TimestampEquals",
    "BooleanEqualsPath",
    "IsTimestamp",
    "StringLessThanEquals",
    "NumericLessThanEquals",
    "StringLessThanPath",
    "TimestampGreaterThanPath",
    "StringGreaterThan",
    "StringGreaterThanPath",
    "IsString",
    "StringEqualsPath",
    "TimestampEqualsPath",
    "TimestampLessThan",
    "StringGreaterThanEquals",
    "NumericGreaterThanPath",
    "NumericGreaterThanEquals",
    "NumericEqualsPath",
    "TimestampLessThanPath",
    "IsNull",
    "IsPresent",
    "TimestampGreaterThanEquals",
    "NumericGreaterThanEqualsPath",
];

/// How deep rules may be nested: enough for any author, and few enough for any stack.
const RULE_DEPTH_MAX: usize = 100;

/// What stands for a condition that was refused.
const REFUSED: Condition = Condition::And(Vec::new());

/// The fields of a Choice state.
pub(crate) fn compile(state: &mut StateReader<'_, '_>) -> Choice {
    let mut rules = Vec::new();
    for (item, place) in state.fields.items("Choices") {
        let Some(object) = expect_object(item, &place, state.findings) else {
            state.leads_somewhere();
            continue;
        };
        let fields = Fields::check(object, CHOICE_RULE, state.language, place, state.findings);
        let condition = condition(state, object, &fields, 0);
        let next = state.target_in(&fields, "Next");
        let output = jsonata(fields.located("Output"), Offers::Nothing, state.findings);
        let assign = assign(state, fields.located("Assign"), Offers::Nothing);
        rules.push(ChoiceRule { condition, next, assign, output });
    }
    if state.fields.get("Choices").is_none() {
        state.leads_somewhere();
    }
    let default = state.fields.has("Default").then(|| {
        let (value, place) = state.fields.located("Default")?;
        Some(state.target(value.as_str()?, &place))
    });
    if default == Some(None) {
        state.leads_somewhere();
    }
    Choice { rules, default: default.flatten() }
}

/// A rule within a rule.
fn nested<'a>(
    state: &mut StateReader<'_, 'a>,
    value: &'a Value,
    place: Place<'a>,
    depth: usize,
) -> Condition {
    let Some(object) = expect_object(value, &place, state.findings) else { return REFUSED };
    if depth == RULE_DEPTH_MAX {
        let message = format_args!(
            "The rules are too deeply nested: at most {RULE_DEPTH_MAX} can be within each other"
        );
        state.findings.error_with(Code::TooDeeplyNested, &place, message);
        return REFUSED;
    }
    let fields = Fields::check(object, CHOICE_RULE_NESTED, state.language, place, state.findings);
    condition(state, object, &fields, depth + 1)
}

fn condition<'a>(
    state: &mut StateReader<'_, 'a>,
    object: &'a Object,
    fields: &Fields<'a>,
    depth: usize,
) -> Condition {
    let kinds: Vec<&str> = KINDS.into_iter().filter(|kind| fields.has(kind)).collect();
    let &[kind] = kinds.as_slice() else {
        let message = format_args!(
            "The object must have only one of the following fields, [{}]",
            KINDS.join(", ")
        );
        state.findings.error(fields.place(), message);
        return REFUSED;
    };
    if state.language == QueryLanguage::Jsonata {
        let condition = jsonata(fields.located("Condition"), Offers::Nothing, state.findings);
        return condition.map_or(REFUSED, Condition::Jsonata);
    }
    if kind == "Variable" {
        return test(state, object, fields);
    }
    for operator in operators(object) {
        let message = format_args!("The field '{operator}' is only supported beside 'Variable'");
        state.findings.error(fields.place(), message);
    }
    match kind {
        "And" => Condition::And(all(state, fields, "And", depth)),
        "Or" => Condition::Or(all(state, fields, "Or", depth)),
        "Not" => match fields.located("Not") {
            Some((value, place)) => Condition::Not(Box::new(nested(state, value, place, depth))),
            None => REFUSED,
        },
        // `Condition`, refused as a field of the other language.
        _ => REFUSED,
    }
}

fn all<'a>(
    state: &mut StateReader<'_, 'a>,
    fields: &Fields<'a>,
    name: &'static str,
    depth: usize,
) -> Vec<Condition> {
    let items = fields.items(name);
    items.into_iter().map(|(item, place)| nested(state, item, place, depth)).collect()
}

/// The operators that a rule has, in the order they came.
fn operators(object: &Object) -> Vec<&str> {
    let is_operator = |name: &&str| OPERATORS.iter().any(|operator| operator.name == *name);
    object.iter().map(|(name, _)| &**name).filter(is_operator).collect()
}

fn test<'a>(state: &mut StateReader<'_, 'a>, object: &'a Object, fields: &Fields<'a>) -> Condition {
    let variable = fields
        .located("Variable")
        .and_then(|(value, place)| paths::in_rule(value, &place, state.findings));
    let operators = operators(object);
    let comparison = match operators.as_slice() {
        &[operator] => fields
            .get(operator)
            .and_then(|value| comparison(state, operator, value, &fields.place().member(operator))),
        _ => {
            fields.one_of(&OPERATORS_LISTED, true, state.findings);
            None
        }
    };
    match (variable, comparison) {
        (Some(variable), Some(comparison)) => Condition::Test { variable, comparison },
        _ => REFUSED,
    }
}

/// None where the operand was refused.
fn comparison<'a>(
    state: &mut StateReader<'_, 'a>,
    operator: &'a str,
    value: &'a Value,
    place: &Place<'a>,
) -> Option<Comparison> {
    if let Some(comparison) = type_test(operator, value) {
        return Some(comparison);
    }
    if operator == "StringMatches" {
        let pattern = pattern(value.as_str()?);
        if pattern.is_none() {
            let message = "A backslash in the pattern must be followed by the character that it \
                           escapes: '*' or a backslash";
            state.findings.error(place, message);
        }
        return pattern.map(Comparison::Matches);
    }
    let (name, path) = match operator.strip_suffix("Path") {
        Some(name) => (name, Some(paths::in_rule(value, place, state.findings)?)),
        None => (operator, None),
    };
    if let Some(order) = name.strip_prefix("String") {
        if path.is_none() {
            warn_of_path(operator, value, place, state.findings);
        }
        let operand = operand(path, || value.as_str().map(Arc::from))?;
        return Some(Comparison::String(order_of(order)?, operand));
    }
    if let Some(order) = name.strip_prefix("Numeric") {
        let operand = operand(path, || value.as_number().cloned())?;
        return Some(Comparison::Numeric(order_of(order)?, operand));
    }
    if let Some(order) = name.strip_prefix("Timestamp") {
        let operand = operand(path, || parse_timestamp(value.as_str()?))?;
        return Some(Comparison::Timestamp(order_of(order)?, operand));
    }
    Some(Comparison::Boolean(operand(path, || value.as_bool())?))
}

fn operand<T>(
    path: Option<jsonpath::Path>,
    literal: impl FnOnce() -> Option<T>,
) -> Option<Operand<T>> {
    match path {
        Some(path) => Some(Operand::Path(path)),
        None => literal().map(Operand::Literal),
    }
}

fn type_test(operator: &str, value: &Value) -> Option<Comparison> {
    let test = match operator {
        "IsNull" => Comparison::IsNull,
        "IsPresent" => Comparison::IsPresent,
        "IsNumeric" => Comparison::IsNumeric,
        "IsString" => Comparison::IsString,
        "IsBoolean" => Comparison::IsBoolean,
        "IsTimestamp" => Comparison::IsTimestamp,
        _ => return None,
    };
    value.as_bool().map(test)
}

fn order_of(name: &str) -> Option<Order> {
    match name {
        "Equals" => Some(Order::Equals),
        "LessThan" => Some(Order::LessThan),
        "GreaterThan" => Some(Order::GreaterThan),
        "LessThanEquals" => Some(Order::LessThanEquals),
        "GreaterThanEquals" => Some(Order::GreaterThanEquals),
        _ => None,
    }
}

/// The literal parts between the asterisks of a `StringMatches` pattern, in which a backslash
/// takes its meaning from an asterisk or a backslash. None where one stands before anything else.
fn pattern(text: &str) -> Option<Vec<Arc<str>>> {
    let mut parts = vec![String::new()];
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let literal = match character {
            '*' => {
                parts.push(String::new());
                continue;
            }
            '\\' => characters.next().filter(|escaped| matches!(escaped, '*' | '\\'))?,
            other => other,
        };
        parts.last_mut().expect("there is always a part").push(literal);
    }
    Some(parts.into_iter().map(Arc::from).collect())
}
