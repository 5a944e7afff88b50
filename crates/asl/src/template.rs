//! Payload templates, and what looks like a mistake in them.

use json::Value;
use jsonpath::{Expression, Template};

use crate::Code;
use crate::findings::Findings;
use crate::place::Place;

/// The template that a field holds.
pub(crate) fn template<'a>(
    field: Option<(&'a Value, Place<'a>)>,
    findings: &mut Findings<'a>,
) -> Option<Template> {
    let (value, place) = field?;
    warn_of_literals(value, &place, findings);
    match Template::compile(value) {
        Ok(template) => Some(template),
        Err(errors) => {
            if !report_mistakes(value, &place, findings) {
                // The compiler of templates knows of a mistake that has no words here.
                for error in errors {
                    findings.error(&place, error.error);
                }
            }
            None
        }
    }
}

/// Whether there were any.
fn report_mistakes<'a>(value: &'a Value, place: &Place<'a>, findings: &mut Findings<'a>) -> bool {
    let mut found = false;
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                found |= report_mistakes(item, &place.item(index), findings);
            }
        }
        Value::Object(members) => {
            for (name, member) in members.iter() {
                let Some(literal) = name.strip_suffix(".$") else {
                    found |= report_mistakes(member, &place.member(name), findings);
                    continue;
                };
                if members.contains(literal) {
                    let message = format_args!(
                        "There should only be one of the following fields: [{literal}, {name}]"
                    );
                    findings.error(place, message);
                    found = true;
                }
                if member.as_str().is_none_or(|text| Expression::parse(text).is_err()) {
                    let message = format_args!(
                        "The value for the field '{name}' must be a valid JSONPath or a valid \
                         intrinsic function call"
                    );
                    findings.error(place, message).help(
                        "write a path such as $.name or a call such as States.Format('{}', \
                         $.name), or take '.$' off the name to pass the value as it is",
                    );
                    found = true;
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    found
}

/// Whether a text would be a path or a call where one is evaluated.
pub(crate) fn looks_dynamic(text: &str) -> bool {
    let begins_so = ["$.", "$[", "$$.", "$$[", "States."];
    begins_so.iter().any(|beginning| text.starts_with(beginning)) && Expression::parse(text).is_ok()
}

/// Whether a value holds, at any depth, something that would be evaluated in a template.
pub(crate) fn holds_dynamic(value: &Value) -> bool {
    match value {
        Value::String(text) => looks_dynamic(text),
        Value::Array(items) => items.iter().any(holds_dynamic),
        Value::Object(members) => {
            members.iter().any(|(name, value)| name.ends_with(".$") || holds_dynamic(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn warn_of_literals<'a>(value: &'a Value, place: &Place<'a>, findings: &mut Findings<'a>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                warn_of_literals(item, &place.item(index), findings);
            }
        }
        Value::Object(members) => {
            for (name, member) in members.iter() {
                match member {
                    Value::String(text) if !name.ends_with(".$") && looks_dynamic(text) => {
                        let message = format_args!(
                            "The value of the field '{name}' looks like a JSONPath or an \
                             intrinsic function call, and is passed as text. To have it \
                             evaluated, name the field '{name}.$'"
                        );
                        findings.warning(Code::NoDollar, &place.member(name), message);
                    }
                    Value::Array(_) | Value::Object(_) => {
                        warn_of_literals(member, &place.member(name), findings);
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// Warns where a text looks like a path, and the field of that name with `Path` after it would
/// read it as one.
pub(crate) fn warn_of_path<'a>(
    field: &str,
    value: &Value,
    place: &Place<'a>,
    findings: &mut Findings<'a>,
) {
    if value.as_str().is_some_and(looks_dynamic) {
        let message = format_args!(
            "The value of the field '{field}' looks like a JSONPath or an intrinsic function \
             call, and is taken as text. To have it evaluated, use the field '{field}Path'"
        );
        findings.warning(Code::NoPath, place, message);
    }
}
