//! The Fail state.

use jsonpath::Expression;

use crate::expressions::expression;
use crate::paths::{self, Sees};
use crate::state::StateReader;
use crate::template::warn_of_path;
use crate::{Fail, FailField};

/// The functions that AWS allows here.
const GIVE_TEXT: [&str; 7] = [
    "States.Format",
    "States.JsonToString",
    "States.ArrayGetItem",
    "States.Base64Encode",
    "States.Base64Decode",
    "States.Hash",
    "States.UUID",
];

/// The fields of a Fail state.
pub(crate) fn compile(state: &mut StateReader<'_, '_>) -> Fail {
    Fail {
        error: field(state, "Error", "ErrorPath", &["Error", "ErrorPath"]),
        cause: field(state, "Cause", "CausePath", &["Cause", "CausePath"]),
    }
}

fn field(
    state: &mut StateReader<'_, '_>,
    literal: &'static str,
    path: &'static str,
    both: &'static [&'static str],
) -> Option<FailField> {
    state.fields.one_of(both, false, state.findings);
    if let Some(text) = expression(&state.fields, literal, state.language, state.findings) {
        return Some(FailField::Jsonata(text));
    }
    if let Some((value, place)) = state.fields.located(literal) {
        warn_of_path(literal, value, &place, state.findings);
        return value.as_str().map(|text| FailField::Literal(text.into()));
    }
    let (value, place) = state.fields.located(path)?;
    match Expression::parse(value.as_str()?) {
        Err(_) => {
            let message = format_args!(
                "The value for the field '{path}' must be a valid JSONPath or a valid intrinsic \
                 function call"
            );
            state.findings.error(&place, message);
            None
        }
        Ok(Expression::Intrinsic(call)) if !gives_text(call.text()) => {
            let message = format_args!(
                "The intrinsic function in the field '{path}' must be one that gives a text: {}",
                GIVE_TEXT.join(", ")
            );
            state.findings.error(&place, message);
            None
        }
        Ok(Expression::Path(path)) => {
            let one = paths::selects_one(path, Sees::Everything, &place, state.findings);
            one.map(|path| FailField::Expression(Expression::Path(path)))
        }
        Ok(expression) => Some(FailField::Expression(expression)),
    }
}

fn gives_text(call: &str) -> bool {
    let name = call.split('(').next().unwrap_or_default().trim_end();
    GIVE_TEXT.contains(&name)
}
