//! The numbers of states and regions, which stored executions hold: what is stored is understood by
//! every later release.

use asl::{Rules, WorkflowType, compile_stored};

/// Definitions that the rules 1 accepted, each after the checksum of its numbering. Never changed:
/// executions of definitions like these are on somebody's disk.
const RULES_1: &str = include_str!("../samples/numbering-1.txt");

#[test]
fn stored_definitions_are_accepted_and_numbered_as_ever() {
    for (line, sample) in RULES_1.lines().enumerate() {
        let (checksum, definition) = sample.split_once(' ').expect("a checksum and a definition");
        for workflow_type in [WorkflowType::Standard, WorkflowType::Express] {
            match compile_stored(definition, workflow_type, Rules(1)) {
                Ok(program) => {
                    let numbering = format!("{:016x}", program.numbering());
                    assert_eq!(numbering, checksum, "line {}: {definition}", line + 1);
                }
                // What only a Standard machine may have.
                Err(why) => {
                    assert_eq!(workflow_type, WorkflowType::Express, "line {}: {why}", line + 1);
                }
            }
        }
    }
}

#[test]
fn a_numbering_is_told_from_another() {
    let definition = r#"{"StartAt":"A","States":{
        "A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","End":true}}}"#;
    let moved = r#"{"StartAt":"A","States":{
        "B":{"Type":"Pass","End":true},"A":{"Type":"Pass","Next":"B"}}}"#;
    let numbering = |text| {
        compile_stored(text, WorkflowType::Standard, Rules(1)).map(|program| program.numbering())
    };
    assert_ne!(numbering(definition), numbering(moved));
    assert_eq!(numbering(definition), numbering(&definition.replace('\n', " ")));
}

#[test]
fn what_later_rules_accepted_is_refused_by_name() {
    let definition = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#;
    let later = Rules(Rules::CURRENT.0 + 1);
    let refused = compile_stored(definition, WorkflowType::Standard, later).map(drop);
    assert_eq!(
        refused,
        Err("it was accepted by the rules 2 of a later release; this one knows those up to 1"
            .into())
    );
    let refused = compile_stored("{}", WorkflowType::Standard, Rules(1)).map(drop);
    let why = refused.expect_err("it was never accepted");
    assert!(why.starts_with("an earlier release accepted it, and this one does not: "), "{why}");
}
