//! The conditions of a statement.
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html>.

use json::Value;

use crate::operator::{Operand, Operator};
use crate::{Context, ContextValue, PolicyError};

/// One key under one operator. All conditions of a statement must hold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    /// In lower case.
    key: Box<str>,
    test: Test,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    /// `Null`: whether the key must be absent; any of these.
    Null(Vec<bool>),
    Compare {
        operator: Operator,
        operands: Vec<Operand>,
        over: Over,
        if_exists: bool,
    },
}

/// Which values of the request must match.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Over {
    /// Of a key with one value.
    Single,
    /// `ForAllValues`
    All,
    /// `ForAnyValue`
    Any,
}

/// Reads the element `Condition`.
pub(crate) fn parse(value: &Value, has_variables: bool) -> Result<Vec<Condition>, PolicyError> {
    let operators = value.as_object().ok_or(PolicyError::Syntax)?;
    let mut conditions = Vec::new();
    for (name, keys) in operators.iter() {
        for (key, values) in keys.as_object().ok_or(PolicyError::Syntax)?.iter() {
            let texts = texts(values)?;
            let test = test(name, key, &texts, has_variables)?;
            conditions.push(Condition { key: key.to_ascii_lowercase().into(), test });
        }
    }
    Ok(conditions)
}

fn test(name: &str, key: &str, texts: &[String], has_variables: bool) -> Result<Test, PolicyError> {
    let unknown = || PolicyError::Operator(name.to_owned());
    let refused = |value: &str| PolicyError::Value {
        operator: name.to_owned(),
        key: key.to_owned(),
        value: value.to_owned(),
    };
    if key.is_empty() || !key.contains(':') {
        return Err(PolicyError::NoVendor);
    }
    let (over, rest) = match name.split_once(':') {
        None => (Over::Single, name),
        Some(("ForAllValues", rest)) => (Over::All, rest),
        Some(("ForAnyValue", rest)) => (Over::Any, rest),
        Some(_) => return Err(unknown()),
    };
    if rest == "Null" {
        let absent = |text: &String| match &**text {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(refused(other)),
        };
        return Ok(Test::Null(texts.iter().map(absent).collect::<Result<_, _>>()?));
    }
    let (rest, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |it| (it, true));
    let operator = Operator::by_name(rest).ok_or_else(unknown)?;
    let mut operands = Vec::with_capacity(texts.len());
    for text in texts {
        operands.push(operator.operand(text, has_variables)?.ok_or_else(|| refused(text))?);
    }
    Ok(Test::Compare { operator, operands, over, if_exists })
}

/// One text or several; numbers and truth values may stand without quotes.
fn texts(value: &Value) -> Result<Vec<String>, PolicyError> {
    match value {
        Value::String(text) => Ok(vec![text.to_string()]),
        Value::Number(_) | Value::Bool(_) => Ok(vec![value.to_text()]),
        Value::Array(items) => {
            let one = |item: &Value| match item {
                Value::String(text) => Ok(text.to_string()),
                Value::Number(_) | Value::Bool(_) => Ok(item.to_text()),
                Value::Null | Value::Array(_) | Value::Object(_) => Err(PolicyError::Syntax),
            };
            items.iter().map(one).collect()
        }
        Value::Null | Value::Object(_) => Err(PolicyError::Syntax),
    }
}

impl Condition {
    /// The key, in lower case.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn holds(&self, context: &Context<'_>) -> bool {
        let value = context.get(&self.key);
        match &self.test {
            Test::Null(absent) => absent.contains(&value.is_none()),
            Test::Compare { operator, operands, over, if_exists } => {
                let is_absent = value.is_none_or(|value| value.values().len() == 0);
                if is_absent && *if_exists {
                    return true;
                }
                holds(*operator, operands, *over, value, context)
            }
        }
    }
}

fn holds(
    operator: Operator,
    operands: &[Operand],
    over: Over,
    value: Option<&ContextValue<'_>>,
    context: &Context<'_>,
) -> bool {
    let matches =
        |value: &str| operands.iter().any(|operand| operator.matches(value, operand, context));
    let mut values = value.into_iter().flat_map(ContextValue::values);
    match over {
        // What is absent matches nothing: a condition that asks for that holds.
        Over::Single => values.any(matches) != operator.is_negated,
        Over::All => values.all(|value| matches(value) != operator.is_negated),
        Over::Any => values.any(|value| matches(value) != operator.is_negated),
    }
}
