//! Text to program.

use crate::{Diagnostic, Program, WorkflowType};

/// What the analysis of a definition gives.
#[derive(Debug)]
pub struct Analysis {
    /// Where no error was found.
    pub program: Option<Program>,
    /// Errors and warnings, in document order.
    pub diagnostics: Vec<Diagnostic>,
}

/// Analyses a definition. The one analysis of the project: creating, updating, validating and
/// running all call it.
pub fn compile(_definition: &str, _workflow_type: WorkflowType) -> Analysis {
    todo!()
}
