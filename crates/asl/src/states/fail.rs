//! The Fail state.

use jsonpath::Expression;

use crate::state::StateReader;
use crate::template::warn_of_path;
use crate::{Fail, FailField};

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
    if let Some((value, place)) = state.fields.located(literal) {
        warn_of_path(literal, value, &place, state.findings);
        return value.as_str().map(|text| FailField::Literal(text.into()));
    }
    let (value, place) = state.fields.located(path)?;
    match Expression::parse(value.as_str()?) {
        Ok(expression) => Some(FailField::Expression(expression)),
        Err(_) => {
            let message = format_args!(
                "The value for the field '{path}' must be a valid JSONPath or a valid intrinsic \
                 function call"
            );
            state.findings.error(&place, message);
            None
        }
    }
}
