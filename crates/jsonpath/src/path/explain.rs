//! Why a definite path leads nowhere, in Jayway's words.

use std::borrow::Cow;

use json::Value;

use super::step::{Name, Step};
use super::walk::{Walk, item};
use crate::java;

/// The provider that AWS has Jayway keep its JSON in, named in messages.
const PROVIDER: &str = "com.jayway.jsonpath.spi.json.JacksonJsonProvider";

/// Walks the steps once more, and says where they end.
pub(super) fn explain(steps: &[Step], document: &Value) -> String {
    let no_results = || format!("No results for path: ${}", fragments(steps));
    let walk = Walk::new(document);
    let mut value = Cow::Borrowed(document);
    let mut at = "$".to_owned();
    for (index, step) in steps.iter().enumerate() {
        let is_last = index + 1 == steps.len();
        let next = match (step, &*value) {
            (Step::Name(name), Value::Object(members)) => match members.get(&name.text) {
                Some(member) => Some(member.clone()),
                None if is_last => None,
                None => return format!("Missing property in path {at}['{}']", name.text),
            },
            (Step::Name(_) | Step::Names(_), other) if other.as_object().is_none() => {
                return no_object(step, &at, other);
            }
            (Step::Index(_), Value::Array(_)) => match step {
                Step::Index(index) => item(&value, *index).cloned(),
                _ => None,
            },
            (Step::Index(_), Value::Null) => return format!("The path {at} is null"),
            (Step::Index(_), other) => {
                return format!(
                    "Filter: {} can only be applied to arrays. Current context is: {}",
                    fragments(&steps[index..]),
                    java::to_string(other)
                );
            }
            (Step::Function(call), other) => match call.apply(other, &walk) {
                Ok(value) => Some(value),
                Err(stop) => return stop.reason(),
            },
            _ => None,
        };
        let Some(next) = next else { return no_results() };
        match step {
            Step::Name(Name { text, .. }) => at.push_str(&format!("['{text}']")),
            _ => at.push_str(&step.to_string()),
        }
        value = Cow::Owned(next);
    }
    no_results()
}

fn no_object(step: &Step, at: &str, found: &Value) -> String {
    format!(
        "Expected to find an object with property {step} in path {at} but found '{}'. This is \
         not a json object according to the JsonProvider: '{PROVIDER}'.",
        java::class_name(found)
    )
}

fn fragments(steps: &[Step]) -> String {
    steps.iter().map(Step::to_string).collect()
}
