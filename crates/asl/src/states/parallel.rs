//! The Parallel state.

use crate::Branches;
use crate::state::StateReader;

/// The fields of a Parallel state; what is in its branches is compiled with all other states.
pub(crate) fn compile(state: &mut StateReader<'_, '_>) -> Branches {
    Branches { regions: state.outline.regions.clone(), transition: state.transition() }
}
