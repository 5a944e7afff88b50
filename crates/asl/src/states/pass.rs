//! The Pass state.

use crate::state::StateReader;
use crate::template::holds_dynamic;
use crate::{Code, Pass};

/// The fields of a Pass state.
pub(crate) fn compile(state: &mut StateReader<'_, '_>) -> Pass {
    let result = state.fields.located("Result");
    if let Some((value, place)) = &result
        && holds_dynamic(value)
    {
        let message = "The Result of a Pass state is static: what looks like a JSONPath or an \
                       intrinsic function call in it is passed as it is. To have it evaluated, \
                       use the field 'Parameters'";
        state.findings.warning(Code::PassResultIsStatic, place, message);
    }
    Pass { result: result.map(|(value, _)| value.clone()), transition: state.transition() }
}
