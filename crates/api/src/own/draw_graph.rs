//! DrawGraph: a definition laid out or drawn, with what is wrong with it.

use asl::{Severity, WorkflowType};
use graph::{Direction, Graph, Layout, Theme};
use json::{Object, Value};

use super::{DEFINITION, HISTORY, read};
use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;

/// How many problems are told.
const PROBLEMS_MAX: usize = 100;
const ONE_SOURCE: &str = "Must specify exactly one of: definition, stateMachineArn, executionArn";

pub(super) const MEMBERS: &[Member] = &[
    Member::definition("definition"),
    Member::arn("stateMachineArn"),
    Member::arn("executionArn"),
    Member::choice("as", &["layout", "svg", "mermaid", "dot"]),
    Member::choice("direction", &["down", "right"]),
    Member::choice("theme", &["automatic", "light", "dark"]),
    Member::boolean("status"),
];

/// What AWS asks for the definition, and for the history of an execution whose status is drawn.
pub(super) fn needs(request: &Request) -> &'static [&'static str] {
    let has = |name| request.text(name).is_some();
    match (has("stateMachineArn"), has("executionArn")) {
        (false, false) => &[],
        (true, false) => &["DescribeStateMachine"],
        (false, true) if request.boolean("status") == Some(true) => &[DEFINITION, HISTORY],
        (false, true) => &[DEFINITION],
        // Refused; but by the permissions first.
        (true, true) => &["DescribeStateMachine", DEFINITION, HISTORY],
    }
}

pub(super) async fn call(api: &Api, request: &Request) -> Result<Object, ApiError> {
    let sources = ["definition", "stateMachineArn", "executionArn"].map(|it| request.text(it));
    let with_status = request.boolean("status") == Some(true);
    let (definition, execution) = match sources {
        [Some(definition), None, None] => (definition.clone(), None),
        [None, Some(arn), None] => {
            (api.runtime.describe_state_machine(&request.scope, arn).await?.1, None)
        }
        [None, None, Some(arn)] => {
            let scope = &request.scope;
            let found = api.runtime.describe_state_machine_for_execution(scope, arn).await?;
            (found.definition, Some(arn).filter(|_| with_status))
        }
        _ => return Err(ApiError::validation(ONE_SOURCE)),
    };
    if with_status && execution.is_none() {
        return Err(ApiError::validation("status is only supported with an executionArn"));
    }
    let mut out = Object::new();
    if let Ok(graph) = Graph::read(&definition) {
        let statuses = match execution {
            Some(arn) => Some(read::story(api, request, arn).await?.statuses(&graph)),
            None => None,
        };
        let direction = match request.text("direction").map(|it| &**it) {
            Some("right") => Direction::Right,
            _ => Direction::Down,
        };
        let theme = match request.text("theme").map(|it| &**it) {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::Automatic,
        };
        let statuses = statuses.as_ref();
        match request.text("as").map(|it| &**it) {
            Some("mermaid") => out.insert("text", graph.to_mermaid(direction)),
            Some("dot") => out.insert("text", graph.to_dot(direction)),
            Some("svg") => {
                let layout = Layout::of(&graph, direction);
                out.insert("text", layout.to_svg(&graph, statuses, theme));
            }
            _ => {
                let layout = Layout::of(&graph, direction);
                out.insert("layout", layout.to_json(&graph, statuses));
            }
        }
    }
    out.insert("problems", problems(&definition));
    Ok(out)
}

/// What ValidateStateMachineDefinition tells, with lines and columns, from 1.
fn problems(definition: &str) -> Value {
    let analysis = asl::compile(definition, WorkflowType::Standard);
    let problems = analysis.diagnostics.iter().take(PROBLEMS_MAX).map(|diagnostic| {
        let place = json::locate(definition, &diagnostic.pointer);
        let mut problem = Object::new();
        let is_error = diagnostic.severity == Severity::Error;
        problem.insert("severity", if is_error { "ERROR" } else { "WARNING" });
        problem.insert("code", diagnostic.code.as_str());
        problem.insert("message", &*diagnostic.message);
        problem.insert("pointer", &*diagnostic.pointer);
        problem.insert("line", place.line as i64);
        problem.insert("column", place.column as i64);
        if !diagnostic.help.is_empty() {
            problem.insert("help", &*diagnostic.help);
        }
        Value::from(problem)
    });
    problems.collect::<Vec<_>>().into()
}
