//! What the service model says of the members of a request, and the check of it.
//!
//! Promises AWS's order: types of all members first (`SerializationException`), then all
//! constraints, counted in one `ValidationException` in AWS's words. Members that the model does
//! not have are passed over, as AWS does.

use std::sync::Arc;

use json::{Object, Value};

use crate::error::{ApiError, ErrorCode};

/// A member of a request or of a structure within it.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: &'static str,
    rule: Rule,
    required: bool,
    /// The value is not shown in messages.
    sensitive: bool,
}

/// What a value may be.
#[derive(Debug)]
pub(crate) enum Rule {
    Text { length: Length, pattern: Option<Pattern> },
    Integer { min: i64, max: i64 },
    Float { min: i32, max: i32 },
    Boolean,
    Enum(&'static [&'static str]),
    List { item: &'static Member, length: Length },
    Structure(&'static [Member]),
}

/// How long a text or a list may be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Length {
    Characters {
        min: usize,
        max: usize,
    },
    /// Of UTF-8.
    Bytes {
        max: usize,
    },
    /// Of a list.
    Items {
        min: usize,
        max: usize,
    },
}

/// What a text must look like.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// As the service model writes it.
    text: &'static str,
    matches: fn(&str) -> bool,
}

/// `CharacterRestrictedName`: there is no number among the names, since versions are numbers.
const RESTRICTED: Pattern = Pattern {
    text: r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$",
    matches: |text| {
        let is_sign = |byte: u8| matches!(byte, b'_' | b'-' | b'.');
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || is_sign(byte))
            && text.bytes().any(|byte| byte.is_ascii_alphabetic() || is_sign(byte))
    },
};

const ASCII: Pattern = Pattern { text: r"\p{ASCII}*", matches: str::is_ascii };

const VISIBLE_ASCII: Pattern = Pattern {
    text: "[!-~]+",
    matches: |text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()),
};

impl Member {
    const fn new(name: &'static str, rule: Rule) -> Member {
        Member { name, rule, required: false, sensitive: false }
    }

    pub(crate) const fn text(name: &'static str, min: usize, max: usize) -> Member {
        let length = Length::Characters { min, max };
        Member::new(name, Rule::Text { length, pattern: None })
    }

    /// `Name`, whose characters are checked by the operation (`InvalidName`).
    pub(crate) const fn name(name: &'static str) -> Member {
        Member::text(name, 1, 80)
    }

    /// `CharacterRestrictedName`: of an alias.
    pub(crate) const fn restricted_name(name: &'static str) -> Member {
        let length = Length::Characters { min: 1, max: 80 };
        Member::new(name, Rule::Text { length, pattern: Some(RESTRICTED) })
    }

    /// `ClientToken`
    pub(crate) const fn client_token(name: &'static str) -> Member {
        let length = Length::Characters { min: 1, max: 64 };
        Member::new(name, Rule::Text { length, pattern: Some(VISIBLE_ASCII) })
    }

    /// `Arn`
    pub(crate) const fn arn(name: &'static str) -> Member {
        Member::text(name, 1, 256)
    }

    /// `LongArn`
    pub(crate) const fn long_arn(name: &'static str) -> Member {
        Member::text(name, 1, 2_000)
    }

    /// `SensitiveData`: an input or output.
    pub(crate) const fn payload(name: &'static str) -> Member {
        let length = Length::Bytes { max: 262_144 };
        Member::new(name, Rule::Text { length, pattern: None }).sensitive()
    }

    /// `Definition`
    pub(crate) const fn definition(name: &'static str) -> Member {
        Member::text(name, 1, 1_048_576).sensitive()
    }

    /// `SensitiveError`
    pub(crate) const fn error(name: &'static str) -> Member {
        Member::text(name, 0, 256).sensitive()
    }

    /// `SensitiveCause`
    pub(crate) const fn cause(name: &'static str) -> Member {
        Member::text(name, 0, 32_768).sensitive()
    }

    /// `TaskToken`
    pub(crate) const fn task_token(name: &'static str) -> Member {
        Member::text(name, 1, 2_048)
    }

    /// `TraceHeader`
    pub(crate) const fn trace_header(name: &'static str) -> Member {
        let length = Length::Characters { min: 0, max: 256 };
        Member::new(name, Rule::Text { length, pattern: Some(ASCII) })
    }

    pub(crate) const fn integer(name: &'static str, min: i64, max: i64) -> Member {
        Member::new(name, Rule::Integer { min, max })
    }

    pub(crate) const fn float(name: &'static str, min: i32, max: i32) -> Member {
        Member::new(name, Rule::Float { min, max })
    }

    /// `PageSize`
    pub(crate) const fn page_size(name: &'static str) -> Member {
        Member::integer(name, 0, 1_000)
    }

    /// `PageToken`
    pub(crate) const fn page_token(name: &'static str) -> Member {
        Member::text(name, 1, 1_024)
    }

    pub(crate) const fn boolean(name: &'static str) -> Member {
        Member::new(name, Rule::Boolean)
    }

    pub(crate) const fn choice(name: &'static str, values: &'static [&'static str]) -> Member {
        Member::new(name, Rule::Enum(values))
    }

    /// A list of any length.
    pub(crate) const fn list(name: &'static str, item: &'static Member) -> Member {
        Member::short_list(name, item, 0, usize::MAX)
    }

    /// A list with so many items. The name of `item` is that of its shape, for messages.
    pub(crate) const fn short_list(
        name: &'static str,
        item: &'static Member,
        min: usize,
        max: usize,
    ) -> Member {
        let length = Length::Items { min, max };
        Member::new(name, Rule::List { item, length })
    }

    pub(crate) const fn structure(name: &'static str, members: &'static [Member]) -> Member {
        Member::new(name, Rule::Structure(members))
    }

    pub(crate) const fn required(mut self) -> Member {
        self.required = true;
        self
    }

    pub(crate) const fn sensitive(mut self) -> Member {
        self.sensitive = true;
        self
    }
}

/// Checks a request's members.
///
/// # Errors
/// `SerializationException` where a type is wrong, `ValidationException` where a constraint is not
/// met.
pub(crate) fn check(members: &[Member], request: &Object) -> Result<(), ApiError> {
    check_types(members, request)?;
    let mut violations = Vec::new();
    check_members(members, request, "", &mut violations);
    if violations.is_empty() {
        return Ok(());
    }
    let noun = if violations.len() == 1 { "error" } else { "errors" };
    let count = violations.len();
    let violations = violations.join("; ");
    Err(ApiError::validation(format!("{count} validation {noun} detected: {violations}")))
}

/// What of a request the operation takes: on the outside, as deeper members cannot be mistaken for
/// others.
pub(crate) fn without_unknown(members: &[Member], request: Arc<Object>) -> Arc<Object> {
    let is_known = |name: &str| members.iter().any(|member| member.name == name);
    if request.iter().all(|(name, _)| is_known(name)) {
        return request;
    }
    let mut known = Object::with_capacity(members.len());
    for (name, value) in request.iter().filter(|(name, _)| is_known(name)) {
        known.insert(name.clone(), value.clone());
    }
    Arc::new(known)
}

fn check_types(members: &[Member], object: &Object) -> Result<(), ApiError> {
    let present = members.iter().filter_map(|member| Some((member, object.get(member.name)?)));
    present.into_iter().try_for_each(|(member, value)| check_type(&member.rule, value))
}

fn check_type(rule: &Rule, value: &Value) -> Result<(), ApiError> {
    let wanted = match (rule, value) {
        (_, Value::Null)
        | (Rule::Text { .. } | Rule::Enum(_), Value::String(_))
        | (Rule::Float { .. }, Value::Number(_))
        | (Rule::Boolean, Value::Bool(_)) => return Ok(()),
        (Rule::Integer { .. }, Value::Number(number)) if number.as_i64().is_some() => return Ok(()),
        (Rule::List { item, .. }, Value::Array(values)) => {
            return values.iter().try_for_each(|value| check_type(&item.rule, value));
        }
        (Rule::Structure(members), Value::Object(object)) => return check_types(members, object),
        (Rule::Text { .. } | Rule::Enum(_), _) => "a String",
        (Rule::Boolean, _) => "a Boolean",
        (Rule::Integer { .. }, _) => "an Integer",
        (Rule::Float { .. }, _) => "a Float",
        (Rule::List { .. }, _) => "a List",
        (Rule::Structure(_), _) => "a Structure",
    };
    let message = match value {
        Value::Array(_) => "Start of list found where not expected".to_owned(),
        Value::Object(_) => "Start of structure or map found where not expected.".to_owned(),
        Value::String(_) => format!("STRING_VALUE can not be converted to {wanted}"),
        Value::Number(_) => format!("NUMBER_VALUE can not be converted to {wanted}"),
        Value::Bool(true) => format!("TRUE_VALUE can not be converted to {wanted}"),
        Value::Bool(false) => format!("FALSE_VALUE can not be converted to {wanted}"),
        Value::Null => format!("NULL_VALUE can not be converted to {wanted}"),
    };
    Err(ApiError::new(ErrorCode::SerializationException, message))
}

fn check_members(members: &[Member], object: &Object, path: &str, violations: &mut Vec<String>) {
    for member in members {
        let name = member.name;
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        match object.get(name) {
            Some(value) if !value.is_null() => check_value(member, value, &path, violations),
            _ if member.required => violations.push(violation("Value null", &path, "not be null")),
            _ => {}
        }
    }
}

fn check_value(member: &Member, value: &Value, path: &str, violations: &mut Vec<String>) {
    let mut broken = |rule: &str| {
        let shown = match value {
            _ if member.sensitive => "Value".to_owned(),
            value => format!("Value '{}'", shown(&member.rule, value)),
        };
        violations.push(violation(&shown, path, rule));
    };
    match (&member.rule, value) {
        (Rule::Text { length, pattern }, Value::String(text)) => {
            let count = match length {
                Length::Bytes { .. } => text.len(),
                Length::Characters { .. } | Length::Items { .. } => text.chars().count(),
            };
            length.check(count, &mut broken);
            if let Some(pattern) = pattern
                && !(pattern.matches)(text)
            {
                broken(&format!("satisfy regular expression pattern: {}", pattern.text));
            }
        }
        (Rule::Integer { min, max }, Value::Number(number)) => match number.as_i64() {
            Some(integer) if integer < *min => {
                broken(&format!("have value greater than or equal to {min}"));
            }
            Some(integer) if integer > *max => {
                broken(&format!("have value less than or equal to {max}"));
            }
            _ => {}
        },
        (Rule::Float { min, max }, Value::Number(number)) => {
            if number.as_f64() < f64::from(*min) {
                broken(&format!("have value greater than or equal to {min}"));
            } else if number.as_f64() > f64::from(*max) {
                broken(&format!("have value less than or equal to {max}"));
            }
        }
        (Rule::Enum(values), Value::String(text)) if !values.contains(&&**text) => {
            broken(&format!("satisfy enum value set: [{}]", values.join(", ")));
        }
        (Rule::List { item, length }, Value::Array(values)) => {
            length.check(values.len(), &mut broken);
            for (index, value) in values.iter().enumerate() {
                let path = format!("{path}.{}.member", index + 1);
                check_value(item, value, &path, violations);
            }
        }
        (Rule::Structure(members), Value::Object(object)) => {
            check_members(members, object, path, violations);
        }
        // Right by its type alone.
        _ => {}
    }
}

impl Length {
    fn check(self, count: usize, broken: &mut impl FnMut(&str)) {
        let (min, max) = match self {
            Length::Characters { min, max } | Length::Items { min, max } => (min, max),
            Length::Bytes { max } => (0, max),
        };
        if count < min {
            broken(&format!("have length greater than or equal to {min}"));
        }
        if count > max {
            broken(&format!("have length less than or equal to {max}"));
        }
    }
}

/// A value as AWS's messages show it: structures by the name of their shape.
fn shown(rule: &Rule, value: &Value) -> String {
    match (rule, value) {
        (_, Value::String(text)) => text.to_string(),
        (Rule::List { item, .. }, Value::Array(values)) => {
            let items: Vec<_> = values.iter().map(|value| shown_item(item, value)).collect();
            format!("[{}]", items.join(", "))
        }
        (_, other) => other.to_string(),
    }
}

fn shown_item(item: &Member, value: &Value) -> String {
    let (Rule::Structure(members), Value::Object(object)) = (&item.rule, value) else {
        return shown(&item.rule, value);
    };
    let given = members.iter().filter_map(|member| {
        let value = object.get(member.name)?;
        Some(format!("{}={}", member.name, shown(&member.rule, value)))
    });
    format!("{}({})", item.name, given.collect::<Vec<_>>().join(", "))
}

fn violation(value: &str, path: &str, rule: &str) -> String {
    format!("{value} at '{path}' failed to satisfy constraint: Member must {rule}")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const TAG: Member =
        Member::structure("", &[Member::text("key", 1, 4), Member::text("value", 0, 4)]);
    const ROUTE: Member =
        Member::structure("Route", &[Member::text("to", 1, 9), Member::integer("weight", 0, 100)]);
    const MEMBERS: &[Member] = &[
        Member::name("name").required(),
        Member::payload("input"),
        Member::page_size("maxResults"),
        Member::boolean("publish"),
        Member::choice("type", &["STANDARD", "EXPRESS"]),
        Member::trace_header("traceHeader"),
        Member::list("tags", &TAG),
        Member::restricted_name("alias"),
        Member::short_list("routes", &ROUTE, 1, 2),
        Member::structure(
            "encryption",
            &[Member::text("kmsKeyId", 1, 9), Member::choice("type", &["A"]).required()],
        ),
    ];

    fn answer(request: &str) -> String {
        let request = json::parse(request).expect("the test's request is JSON");
        let object = request.as_object().expect("the test's request is an object");
        check(MEMBERS, object).map_or_else(|error| error.to_string(), |()| "accepted".to_owned())
    }

    fn check_answer(request: &str, expected: Expect) {
        expected.assert_eq(&answer(request));
    }

    #[test]
    fn what_keeps_to_the_model_is_accepted() {
        for request in [
            r#"{"name":"n"}"#,
            r#"{"name":"n","input":null,"other":[1]}"#,
            r#"{"name":"n","maxResults":1000,"publish":false,"type":"EXPRESS"}"#,
            r#"{"name":"n","tags":[{"key":"k","value":""},{}],"encryption":{"type":"A"}}"#,
            r#"{"name":"n","input":"","traceHeader":"Root=1"}"#,
        ] {
            assert_eq!(answer(request), "accepted", "{request}");
        }
    }

    #[test]
    fn wrong_types_come_before_constraints() {
        check_answer(
            r#"{"maxResults":"5"}"#,
            expect!["SerializationException: STRING_VALUE can not be converted to an Integer"],
        );
        check_answer(
            r#"{"name":5}"#,
            expect!["SerializationException: NUMBER_VALUE can not be converted to a String"],
        );
        check_answer(
            r#"{"name":"n","maxResults":1.5}"#,
            expect!["SerializationException: NUMBER_VALUE can not be converted to an Integer"],
        );
        check_answer(
            r#"{"name":"n","publish":"true"}"#,
            expect!["SerializationException: STRING_VALUE can not be converted to a Boolean"],
        );
        check_answer(
            r#"{"name":true}"#,
            expect!["SerializationException: TRUE_VALUE can not be converted to a String"],
        );
        check_answer(
            r#"{"name":{}}"#,
            expect!["SerializationException: Start of structure or map found where not expected."],
        );
        check_answer(
            r#"{"name":"n","tags":[{"key":["k"]}]}"#,
            expect!["SerializationException: Start of list found where not expected"],
        );
    }

    #[test]
    fn constraints_are_told_in_the_words_of_aws() {
        check_answer(
            "{}",
            expect![
                "ValidationException: 1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"
            ],
        );
        check_answer(
            r#"{"name":"","maxResults":1001}"#,
            expect![
                "ValidationException: 2 validation errors detected: Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1; Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000"
            ],
        );
        check_answer(
            r#"{"name":"n","maxResults":-1}"#,
            expect![
                "ValidationException: 1 validation error detected: Value '-1' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 0"
            ],
        );
        check_answer(
            r#"{"name":"n","type":"FAST"}"#,
            expect![
                "ValidationException: 1 validation error detected: Value 'FAST' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [STANDARD, EXPRESS]"
            ],
        );
        check_answer(
            r#"{"name":"n","traceHeader":"ü"}"#,
            expect![[
                r"ValidationException: 1 validation error detected: Value 'ü' at 'traceHeader' failed to satisfy constraint: Member must satisfy regular expression pattern: \p{ASCII}*"
            ]],
        );
        check_answer(
            r#"{"name":"n","tags":[{"key":"k"},{"key":"long key"}],"encryption":{}}"#,
            expect![
                "ValidationException: 2 validation errors detected: Value 'long key' at 'tags.2.member.key' failed to satisfy constraint: Member must have length less than or equal to 4; Value null at 'encryption.type' failed to satisfy constraint: Member must not be null"
            ],
        );
    }

    #[test]
    fn lists_are_shown_by_the_shapes_of_their_items() {
        check_answer(
            r#"{"name":"n","routes":[{"to":"a","weight":50},{"weight":30},{"to":"c","weight":101}]}"#,
            expect![
                "ValidationException: 2 validation errors detected: Value '[Route(to=a, weight=50), Route(weight=30), Route(to=c, weight=101)]' at 'routes' failed to satisfy constraint: Member must have length less than or equal to 2; Value '101' at 'routes.3.member.weight' failed to satisfy constraint: Member must have value less than or equal to 100"
            ],
        );
        check_answer(
            r#"{"name":"n","routes":[]}"#,
            expect![
                "ValidationException: 1 validation error detected: Value '[]' at 'routes' failed to satisfy constraint: Member must have length greater than or equal to 1"
            ],
        );
    }

    #[test]
    fn aliases_are_no_numbers() {
        for alias in ["live", "1a", "_", "-1", "v1.2"] {
            assert_eq!(answer(&format!(r#"{{"name":"n","alias":"{alias}"}}"#)), "accepted");
        }
        let pattern = r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$";
        for alias in ["123", "a b", "!a", "a@", "ä"] {
            assert_eq!(
                answer(&format!(r#"{{"name":"n","alias":"{alias}"}}"#)),
                format!(
                    "ValidationException: 1 validation error detected: Value '{alias}' at 'alias' \
                     failed to satisfy constraint: Member must satisfy regular expression \
                     pattern: {pattern}"
                )
            );
        }
    }

    #[test]
    fn lengths_are_characters_of_names_and_bytes_of_payloads() {
        let name = "ü".repeat(80);
        assert_eq!(answer(&format!(r#"{{"name":"{name}"}}"#)), "accepted");
        let input = "ü".repeat(131_072);
        assert_eq!(answer(&format!(r#"{{"name":"n","input":"{input}"}}"#)), "accepted");
        check_answer(
            &format!(r#"{{"name":"n","input":"{input}x"}}"#),
            expect![
                "ValidationException: 1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have length less than or equal to 262144"
            ],
        );
    }
}
