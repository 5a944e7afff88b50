//! Text to program.

use json::Value;

use crate::fields::expect_object;
use crate::findings::{Findings, KEPT_MAX};
use crate::language::QueryLanguage;
use crate::outline::Outline;
use crate::place::Place;
use crate::reachability::{Graph, Links, Start};
use crate::state::{Machine, find_target};
use crate::{
    Code, Diagnostic, Program, Region, RegionIndex, Severity, StateIndex, WorkflowType, variables,
};

/// What the analysis of a definition gives.
#[derive(Debug)]
pub struct Analysis {
    /// Where no error was found.
    pub program: Option<Program>,
    /// Errors and warnings: first what is wrong with each thing alone, then how the states hang
    /// together, each in document order. Of a definition that is wrong everywhere, the first
    /// thousand that were found.
    pub diagnostics: Vec<Diagnostic>,
}

/// Analyses a definition. The one analysis of the project: creating, updating, validating and
/// running all call it.
pub fn compile(definition: &str, workflow_type: WorkflowType) -> Analysis {
    if definition.trim().is_empty() {
        return refused(Code::MissingDescription, "The definition is empty".to_owned(), "/".into());
    }
    let value = match json::parse(definition) {
        Ok(Value::Null) => {
            let message = "The definition is null".to_owned();
            return refused(Code::MissingDescription, message, "/".into());
        }
        Ok(value) => value,
        Err(error) => {
            let (line, column) = (error.position.line, error.position.column);
            // As the parser of AWS names a place in a text.
            let pointer = format!("[Source: UNKNOWN; line: {line}, column: {column}]");
            let mut analysis = refused(Code::InvalidJsonDescription, error.message, pointer);
            let before = definition.get(..error.position.offset).unwrap_or_default();
            if before.trim_end().ends_with(',') {
                let help =
                    "a comma stands only between two members or items: add one, or remove it";
                analysis.diagnostics[0].help = help.to_owned();
            }
            return analysis;
        }
    };
    let mut findings = Findings::default();
    report_duplicates(definition, &value, &mut findings);
    let program = program(&value, workflow_type, &mut findings);
    Analysis {
        program: program.filter(|_| !findings.has_error()),
        diagnostics: findings.into_diagnostics(&value),
    }
}

/// By which rules a definition was accepted. A rule that refuses what was accepted before comes
/// with the next number, and does not refuse definitions that were accepted by an earlier one:
/// their executions go on as they began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rules(pub u8);

impl Rules {
    /// The rules of this release.
    pub const CURRENT: Rules = Rules(1);
}

/// Compiles a definition that was accepted by those rules, and is stored.
///
/// # Errors
/// Why it cannot be: it was accepted by rules that this release does not know; or there is a
/// mistake in this release, which refuses what an earlier one accepted.
pub fn compile_stored(
    definition: &str,
    workflow_type: WorkflowType,
    rules: Rules,
) -> Result<Program, String> {
    if rules > Rules::CURRENT {
        return Err(format!(
            "it was accepted by the rules {} of a later release; this one knows those up to {}",
            rules.0,
            Rules::CURRENT.0
        ));
    }
    let Analysis { program, diagnostics } = compile(definition, workflow_type);
    program.ok_or_else(|| {
        let why = diagnostics.iter().find(|it| it.severity == Severity::Error);
        let why = why.map_or_else(String::new, |it| format!(": {} at {}", it.message, it.pointer));
        format!("an earlier release accepted it, and this one does not{why}")
    })
}

fn refused(code: Code, message: String, pointer: String) -> Analysis {
    let diagnostic =
        Diagnostic { severity: Severity::Error, code, message, help: String::new(), pointer };
    Analysis { program: None, diagnostics: vec![diagnostic] }
}

/// Members whose name their object has already, so that a value would be lost.
fn report_duplicates<'a>(definition: &str, value: &'a Value, findings: &mut Findings<'a>) {
    for (pointer, _) in json::duplicate_keys(definition).take(KEPT_MAX) {
        let (place, _) = Place::root().find(value, &pointer);
        let name = place.name().unwrap_or_default();
        if place.is_state() {
            let message = format_args!("Duplicate State name: {name}");
            findings
                .error_with(Code::DuplicateStateName, &place, message)
                .help("rename or remove one of the two");
        } else {
            let message = format_args!("Duplicate field '{name}'");
            findings
                .error_with(Code::InvalidJsonDescription, &place, message)
                .help("remove one of the two");
        }
    }
}

/// The program, which is of no use where `findings` has errors.
fn program<'a>(
    definition: &'a Value,
    workflow_type: WorkflowType,
    findings: &mut Findings<'a>,
) -> Option<Program> {
    let definition = expect_object(definition, &Place::root(), findings)?;
    let language = QueryLanguage::of(definition, None, &Place::root(), findings);
    let outline = Outline::of(definition, language, findings);
    let machine = Machine { workflow_type, language, outline: &outline };
    let mut states = Vec::with_capacity(outline.states.len());
    let mut links = Vec::with_capacity(outline.states.len());
    let mut assignments = Vec::new();
    for state in &outline.states {
        let compiled = machine.state(state, findings);
        states.push(compiled.state);
        links.push(compiled.links);
        assignments.extend(compiled.assignments);
    }
    variables::check(&outline, &assignments, findings);
    let (variable_references, may_be_long) = variables::references(&states, &assignments);
    variables::warn_of_unassigned(&outline, &states, &assignments, findings);
    let regions = regions(&outline, &links, findings);
    let timeout_seconds = outline.region(RegionIndex::ROOT).fields.integer("TimeoutSeconds");
    Some(Program { timeout_seconds, regions, states, variable_references, may_be_long })
}

/// Finds the state that each region starts at, and checks how its states hang together.
fn regions<'a>(outline: &Outline<'a>, links: &[Links], findings: &mut Findings<'a>) -> Vec<Region> {
    let mut graph = Graph::new(links);
    let mut regions = Vec::with_capacity(outline.regions.len());
    for region in &outline.regions {
        let start = match region.fields.located("StartAt") {
            // Without `States` there is nothing to lead to, which was reported.
            Some((Value::String(name), place)) if region.has_states => {
                find_target(region, name, &place, findings).map_or(Start::Dangling, Start::At)
            }
            _ => Start::Unknown,
        };
        graph.check(outline, region, start, findings);
        let start = match start {
            Start::At(index) => index,
            Start::Dangling | Start::Unknown => StateIndex(0),
        };
        regions.push(Region { start, owner: region.owner });
    }
    regions
}
