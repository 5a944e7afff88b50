//! The values of a request's members.
//!
//! A path names members from the outside in: `Delete.Objects[].Key`. After the name of a list, `[]`
//! stands for each item, `[Member]` for each that has that member, `[!Member]` for each that has
//! not; after that of a map, `[*]` for its keys.

use std::borrow::Cow;

use json::Value;

/// How the members of a request are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// As on the wire: `roleArn`.
    Wire,
    /// As the parameters of tasks: `RoleArn`.
    Parameters,
}

impl Names {
    fn member<'a>(self, value: &'a Value, wire_name: &str) -> Option<&'a Value> {
        let name = match self {
            Names::Wire => Cow::Borrowed(wire_name),
            Names::Parameters => Cow::Owned(service_model::parameter_name(wire_name)),
        };
        value.get(&name).filter(|value| !matches!(value, Value::Null))
    }

    /// What the path leads to, for each item on its way; none where an item has no such member.
    pub(crate) fn find<'a>(self, request: &'a Value, path: &str) -> Vec<Option<Found<'a>>> {
        let mut found = vec![Some(Found::Value(request))];
        for part in path.split('.') {
            found = found.into_iter().flat_map(|found| self.step(found, part)).collect();
        }
        found
    }

    fn step<'a>(self, found: Option<Found<'a>>, part: &str) -> Vec<Option<Found<'a>>> {
        let Some(Found::Value(value)) = found else { return vec![None] };
        let (name, items) = part.split_once('[').unwrap_or((part, ""));
        let Some(member) = self.member(value, name) else { return vec![None] };
        match items.strip_suffix(']') {
            None => vec![Some(Found::Value(member))],
            Some("*") => match member.as_object() {
                Some(object) => object.iter().map(|(key, _)| Some(Found::Key(key))).collect(),
                None => vec![None],
            },
            Some(filter) => {
                let (filter, wanted) =
                    filter.strip_prefix('!').map_or((filter, true), |filter| (filter, false));
                let has = |item: &Value| self.member(item, filter).is_some();
                let all = member.as_array().unwrap_or_default().iter();
                let some = all.filter(|item| filter.is_empty() || has(item) == wanted);
                some.map(|item| Some(Found::Value(item))).collect()
            }
        }
    }
}

/// What a path leads to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'a> {
    Value(&'a Value),
    /// The key of a map.
    Key(&'a str),
}

impl<'a> Found<'a> {
    pub(crate) fn text(self) -> Option<&'a str> {
        match self {
            Found::Value(value) => value.as_str(),
            Found::Key(key) => Some(key),
        }
    }

    /// Whether it is something: no empty list or text, and not false.
    fn is_something(self) -> bool {
        match self {
            Found::Key(_) => true,
            Found::Value(Value::Array(items)) => !items.is_empty(),
            Found::Value(Value::String(text)) => !text.is_empty(),
            Found::Value(Value::Bool(truth)) => *truth,
            Found::Value(Value::Null) => false,
            Found::Value(Value::Number(_) | Value::Object(_)) => true,
        }
    }
}

/// Whether a condition of the table holds of a request, for any item on the way.
///
/// `Member` where there is such a member, `!Member` where there is none, `Member=text`,
/// `Member~text` where it contains the text, `Member!~text` where it does not, `Member^word` where
/// the first word of a statement is that one.
pub(crate) fn holds(condition: &str, request: &Value, names: Names) -> bool {
    let any = |path: &str, test: &dyn Fn(Found<'_>) -> bool| {
        names.find(request, path).into_iter().flatten().any(test)
    };
    if condition.is_empty() {
        return true;
    }
    if let Some(path) = condition.strip_prefix('!') {
        return !any(path, &|found| found.is_something());
    }
    let text = |found: Found<'_>| found.text().unwrap_or_default().to_owned();
    if let Some((path, part)) = condition.split_once("!~") {
        return any(path, &|found| !text(found).contains(part));
    }
    if let Some((path, part)) = condition.split_once('~') {
        return any(path, &|found| text(found).contains(part));
    }
    if let Some((path, word)) = condition.split_once('^') {
        return any(path, &|found| first_word(&text(found)).eq_ignore_ascii_case(word));
    }
    match condition.split_once('=') {
        Some((path, "true")) => any(path, &|found| found.is_something()),
        Some((path, wanted)) => any(path, &|found| text(found) == wanted),
        None => any(condition, &|found| found.is_something()),
    }
}

/// The first word of a statement of PartiQL: after white space, brackets and comments.
fn first_word(statement: &str) -> &str {
    let mut rest = statement;
    loop {
        rest = rest.trim_start_matches(|sign: char| sign.is_whitespace() || sign == '(');
        let after = match (rest.strip_prefix("--"), rest.strip_prefix("/*")) {
            (Some(comment), _) => comment.split_once('\n').map(|(_, after)| after),
            (None, Some(comment)) => comment.split_once("*/").map(|(_, after)| after),
            (None, None) => break,
        };
        let Some(after) = after else { return "" };
        rest = after;
    }
    let end = rest.find(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_');
    &rest[..end.unwrap_or(rest.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_members_items_and_keys() {
        let request = r#"{"A":"1","L":[{"K":"x","V":"1"},{"K":"y"}],"M":{"t":{},"u":{}}}"#;
        let request = json::parse(request).expect("JSON");
        for (path, expected) in [
            ("A", vec![Some("1")]),
            ("B", vec![None]),
            ("L[].K", vec![Some("x"), Some("y")]),
            ("L[].V", vec![Some("1"), None]),
            ("L[V].K", vec![Some("x")]),
            ("L[!V].K", vec![Some("y")]),
            ("M[*]", vec![Some("t"), Some("u")]),
            ("N[].K", vec![None]),
            ("A.B", vec![None]),
        ] {
            let found = Names::Wire.find(&request, path);
            let texts: Vec<_> = found.into_iter().map(|found| found?.text()).collect();
            assert_eq!(texts, expected, "{path}");
        }
        let sdk = json::parse(r#"{"RoleArn":"r"}"#).expect("JSON");
        let found = Names::Parameters.find(&sdk, "roleArn");
        assert_eq!(found[0].and_then(Found::text), Some("r"));
        assert!(Names::Wire.find(&sdk, "roleArn")[0].is_none());
    }

    #[test]
    fn conditions_hold_of_any_item() {
        let request = r#"{"a":"x?versionId=1","t":true,"f":false,"l":[],
            "s":"/* DELETE */ ( select * from t","q":[{"s":"INSERT"},{"s":"--a\nUpdate x"}]}"#;
        let request = json::parse(request).expect("JSON");
        for (condition, expected) in [
            ("", true),
            ("a", true),
            ("!a", false),
            ("b", false),
            ("!b", true),
            ("l", false),
            ("t=true", true),
            ("f=true", false),
            ("b=true", false),
            ("a~?versionId=", true),
            ("a!~?versionId=", false),
            ("s^select", true),
            ("s^delete", false),
            ("q[].s^insert", true),
            ("q[].s^update", true),
            ("q[].s^delete", false),
        ] {
            assert_eq!(holds(condition, &request, Names::Wire), expected, "{condition}");
        }
    }
}
