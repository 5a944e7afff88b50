//! What a rule of a Choice state asks, in a few characters.
//!
//! <https://states-language.net/#choice-state>

use json::{Object, Value};

/// The condition of a rule, as a person would say it: `amount > 100`.
pub(crate) fn condition(rule: &Object) -> String {
    if let Some(text) = rule.get("Condition").and_then(Value::as_str) {
        return expression(text).to_owned();
    }
    comparison(rule, false)
}

/// An expression in JSONata without its marks; any other text as it is.
pub(crate) fn expression(text: &str) -> &str {
    let inner = text.strip_prefix("{%").and_then(|text| text.strip_suffix("%}"));
    inner.unwrap_or(text).trim()
}

/// `is_inner`: whether it is an operand, and needs brackets where it has operands itself.
fn comparison(rule: &Object, is_inner: bool) -> String {
    for (name, word) in [("And", " and "), ("Or", " or ")] {
        if let Some(rules) = rule.get(name).and_then(Value::as_array) {
            let rules = rules.iter().filter_map(Value::as_object);
            let text = rules.map(|rule| comparison(rule, true)).collect::<Vec<_>>().join(word);
            return if is_inner { format!("({text})") } else { text };
        }
    }
    if let Some(rule) = rule.get("Not").and_then(Value::as_object) {
        return format!("not {}", comparison(rule, true));
    }
    let variable = rule.get("Variable").and_then(Value::as_str).map_or("?", path);
    let mut members = rule.iter();
    match members.find_map(|(name, value)| operator(name).map(|operator| (operator, value))) {
        Some((Operator::Compares(sign), value)) => format!("{variable} {sign} {}", operand(value)),
        Some((Operator::Is(what), Value::Bool(false))) => format!("{variable} is not {what}"),
        Some((Operator::Is(what), _)) => format!("{variable} is {what}"),
        None => variable.to_owned(),
    }
}

enum Operator {
    Compares(&'static str),
    Is(&'static str),
}

fn operator(name: &str) -> Option<Operator> {
    let is = match name {
        "IsNull" => Some("null"),
        "IsPresent" => Some("present"),
        "IsNumeric" => Some("a number"),
        "IsString" => Some("a string"),
        "IsBoolean" => Some("a boolean"),
        "IsTimestamp" => Some("a timestamp"),
        _ => None,
    };
    if let Some(what) = is {
        return Some(Operator::Is(what));
    }
    let name = name.strip_suffix("Path").unwrap_or(name);
    let name = ["String", "Numeric", "Boolean", "Timestamp"]
        .into_iter()
        .find_map(|kind| name.strip_prefix(kind))?;
    Some(Operator::Compares(match name {
        "Equals" => "=",
        "LessThan" => "<",
        "LessThanEquals" => "≤",
        "GreaterThan" => ">",
        "GreaterThanEquals" => "≥",
        "Matches" => "matches",
        _ => return None,
    }))
}

/// A path without its beginning.
fn path(text: &str) -> &str {
    text.strip_prefix("$.").unwrap_or(text)
}

fn operand(value: &Value) -> String {
    match value.as_str() {
        Some(text) => path(text).to_owned(),
        None => value.to_text(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rule: &str, expected: &str) {
        let rule = json::parse(rule).expect("the test says JSON");
        assert_eq!(condition(rule.as_object().expect("an object")), expected);
    }

    #[test]
    fn conditions_are_said_shortly() {
        check(r#"{"Variable":"$.amount","NumericGreaterThan":100,"Next":"A"}"#, "amount > 100");
        check(r#"{"Variable":"$.a","StringEqualsPath":"$.b","Next":"A"}"#, "a = b");
        check(r#"{"Variable":"$.a","IsPresent":false,"Next":"A"}"#, "a is not present");
        check(r#"{"Variable":"$.a","StringMatches":"log-*.txt"}"#, "a matches log-*.txt");
        check(r#"{"Condition":"{% $states.input.n > 1 %}"}"#, "$states.input.n > 1");
        check(
            r#"{"And":[{"Variable":"$.a","BooleanEquals":true},
                {"Or":[{"Variable":"$.b","IsNull":true},{"Not":{"Variable":"$.c","NumericLessThan":1}}]}]}"#,
            "a = true and (b is null or not c < 1)",
        );
    }

    #[test]
    fn what_is_no_condition_is_said_as_far_as_it_goes() {
        check("{}", "?");
        check(r#"{"Variable":"$.a","Strange":1}"#, "a");
        check(r#"{"And":7,"Variable":"$.a"}"#, "a");
    }
}
