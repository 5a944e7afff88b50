//! ValidateStateMachineDefinition.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html>.

use asl::Severity;

use super::create_state_machine::{TYPE, workflow_type};
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;
use crate::write::JsonWriter;

const DIAGNOSTICS_MAX: usize = 100;

pub(crate) const MEMBERS: &[Member] = &[
    Member::definition("definition").required(),
    TYPE,
    Member::choice("severity", &["ERROR", "WARNING"]),
    Member::integer("maxResults", 0, 100),
];

pub(crate) fn call(request: &Request) -> Result<Vec<u8>, ApiError> {
    let analysis = asl::compile(request.required_text("definition"), workflow_type(request));
    let with_warnings = request.text("severity").is_some_and(|severity| &**severity == "WARNING");
    let limit = match request.integer("maxResults") {
        None | Some(0) => DIAGNOSTICS_MAX,
        Some(limit) => usize::try_from(limit).expect("was checked to be 0 to 100"),
    };
    let shown = |severity| severity == Severity::Error || with_warnings;
    let shown = analysis.diagnostics.iter().filter(|it| shown(it.severity));
    let mut out = JsonWriter::object();
    out.text("result", if analysis.program.is_some() { "OK" } else { "FAIL" });
    out.array("diagnostics", |out| {
        for diagnostic in shown.clone().take(limit) {
            out.item(|out| {
                let severity = match diagnostic.severity {
                    Severity::Error => "ERROR",
                    Severity::Warning => "WARNING",
                };
                out.text("severity", severity);
                out.text("code", diagnostic.code.as_str());
                out.text("message", &diagnostic.message);
                out.text("location", &diagnostic.pointer);
            });
        }
    });
    out.boolean("truncated", shown.count() > limit);
    Ok(out.finish())
}
