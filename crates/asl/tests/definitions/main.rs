//! Definitions, and what the compiler says of them.

extern crate stairwell_asl as asl;

mod choice;
mod conformance;
mod data;
mod errors;
mod json;
mod languages;
mod map_and_parallel;
mod map_data;
mod numbering;
mod program;
mod properties;
mod region;
mod task;
mod variables;
mod wait_and_fail;

use asl::{Analysis, Diagnostic, Severity, WorkflowType, compile};
use expect_test::Expect;

/// What the compiler says of a Standard definition; `ok` where it says nothing.
fn check(definition: &str, expect: Expect) {
    expect.assert_eq(&findings(&compile(definition, WorkflowType::Standard)));
}

/// The same for an Express definition.
fn check_express(definition: &str, expect: Expect) {
    expect.assert_eq(&findings(&compile(definition, WorkflowType::Express)));
}

/// The same for a definition of one state, `S`, that has these fields.
fn check_state(fields: &str, expect: Expect) {
    check(&machine(fields), expect);
}

/// A definition of one state, `S`.
fn machine(fields: &str) -> String {
    format!(r#"{{"StartAt":"S","States":{{"S":{{{fields}}}}}}}"#)
}

fn findings(analysis: &Analysis) -> String {
    let is_refused = analysis.diagnostics.iter().any(|found| found.severity == Severity::Error);
    assert_eq!(analysis.program.is_none(), is_refused, "a program where there is no error");
    let findings = analysis.diagnostics.iter().map(|found| {
        let Diagnostic { severity, code, message, pointer, help: _ } = found;
        let pointer = if pointer.is_empty() { "no place" } else { pointer };
        format!("{severity:?} {} at {pointer}\n    {message}", code.as_str())
    });
    let findings: Vec<String> = findings.collect();
    if findings.is_empty() { "ok".to_owned() } else { findings.join("\n") }
}
