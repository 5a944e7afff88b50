//! `stairwell graph`: a definition as a picture, and how the states of an execution stand in it.

use std::collections::HashMap;
use std::path::Path;
use std::process::ExitCode;

use ::graph::{Direction, Graph, Layout, NodeStatus, Statuses, Theme};
use anyhow::{Context, bail};
use json::{Object, Value};

use crate::arguments::{GraphArguments, GraphDirection, GraphForm, GraphTheme};
use crate::sfn_client::SfnClient;
use crate::{input, print};

/// Writes the graph to standard output.
pub(crate) fn graph(arguments: &GraphArguments) -> anyhow::Result<ExitCode> {
    let is_arn = arguments.source.starts_with("arn:");
    if arguments.theme.is_some() && arguments.form != GraphForm::Svg {
        bail!("--theme is of --as svg alone");
    }
    if arguments.endpoint.is_some() && !is_arn {
        bail!("--endpoint is of ARNs alone: a file is asked of no server");
    }
    let (definition, events) = match is_arn {
        false => (input::read_file(Path::new(&arguments.source))?, None),
        true => {
            let threads = tokio::runtime::Runtime::new().context("no threads")?;
            threads.block_on(ask(&arguments.source, arguments.endpoint.as_deref()))?
        }
    };
    let graph = Graph::read(&definition).map_err(|error| {
        let (line, column) = (error.position.line, error.position.column);
        let what = input::plainly(&error.message);
        anyhow::anyhow!("the definition is not JSON: {what} (line {line}, column {column})")
    })?;
    let statuses = events.map(|events| statuses(&graph, &events));
    let direction = match arguments.direction {
        GraphDirection::Down => Direction::Down,
        GraphDirection::Right => Direction::Right,
    };
    let theme = match arguments.theme {
        None | Some(GraphTheme::Automatic) => Theme::Automatic,
        Some(GraphTheme::Light) => Theme::Light,
        Some(GraphTheme::Dark) => Theme::Dark,
    };
    let text = match arguments.form {
        GraphForm::Mermaid => graph.to_mermaid(direction),
        GraphForm::Dot => graph.to_dot(direction),
        GraphForm::Json => Layout::of(&graph, direction).to_json(&graph).to_pretty_string(),
        GraphForm::Svg => Layout::of(&graph, direction).to_svg(&graph, statuses.as_ref(), theme),
    };
    print::line(text.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

/// The definition of a state machine, or of an execution with its events.
async fn ask(arn: &str, endpoint: Option<&str>) -> anyhow::Result<(String, Option<Vec<Value>>)> {
    let parts: Vec<&str> = arn.split(':').collect();
    let (Some(region), Some(kind)) = (parts.get(3), parts.get(5)) else {
        bail!("'{arn}' is not an ARN of Step Functions");
    };
    let api = SfnClient::new(endpoint, region)?;
    let (operation, name) = match *kind {
        "stateMachine" => ("describeStateMachine", "StateMachineArn"),
        "execution" => ("describeStateMachineForExecution", "ExecutionArn"),
        _ => bail!("'{arn}' is the ARN of neither a state machine nor an execution"),
    };
    let mut parameters = Object::new();
    parameters.insert(name, arn);
    let described = api.call(operation, parameters).await?;
    let definition = described.get("Definition").and_then(Value::as_str);
    let definition = definition.context("the answer has no definition")?.to_owned();
    let events = match *kind {
        "execution" => Some(api.history(arn).await?),
        _ => None,
    };
    Ok((definition, events))
}

/// How the states stand after these events. Names of states are unique in a definition; a state
/// that was visited several times stands as its last visit does.
fn statuses(graph: &Graph, events: &[Value]) -> Statuses {
    let containers = Containers::of(graph);
    let by_name = by_name(&containers, events);
    let mut statuses = Statuses::new();
    for node in &graph.nodes {
        if let Some(status) = by_name.get(&*node.name).filter(|_| !node.state_type.is_empty()) {
            statuses.insert(node.id.clone(), *status);
        }
    }
    statuses
}

/// By the name of a state: that of the Parallel or Map state that it is in, and its `Type`.
struct Containers<'a>(HashMap<&'a str, (Option<&'a str>, &'a str)>);

impl<'a> Containers<'a> {
    fn of(graph: &'a Graph) -> Containers<'a> {
        let states = graph.regions.iter().flat_map(|region| {
            let container = region.container.map(|it| &*graph.node(it).name);
            region.nodes.iter().map(move |node| {
                let node = graph.node(*node);
                (&*node.name, (container, &*node.state_type))
            })
        });
        Containers(states.collect())
    }

    /// A state of that type which runs.
    fn running(&self, state_type: &str, statuses: &HashMap<&str, NodeStatus>) -> Option<&'a str> {
        let runs = |name: &&str| statuses.get(name) == Some(&NodeStatus::Running);
        let of_type = self.0.iter().filter(|(_, (_, found))| *found == state_type);
        of_type.map(|(name, _)| *name).filter(runs).min()
    }

    /// The state that an event of this kind is about, which follows an event of that state: events
    /// of a Parallel or Map state follow those of the states in it.
    fn concerned<'b>(&'b self, kind: &str, state: &'b str) -> &'b str {
        let wanted =
            ["Parallel", "Map"].into_iter().find(|it| kind.starts_with(&format!("{it}State")));
        let Some(wanted) = wanted else { return state };
        let mut concerned = state;
        while let Some((container, state_type)) = self.0.get(concerned) {
            match container {
                Some(container) if *state_type != wanted => concerned = container,
                _ => break,
            }
        }
        concerned
    }
}

fn by_name<'a>(
    containers: &'a Containers<'a>,
    events: &'a [Value],
) -> HashMap<&'a str, NodeStatus> {
    let number = |event: &Value, name: &str| event.get(name).and_then(Value::as_i64);
    let mut state_of = HashMap::<i64, &str>::new();
    let mut statuses = HashMap::<&str, NodeStatus>::new();
    for event in events {
        let (Some(id), Some(kind)) =
            (number(event, "Id"), event.get("Type").and_then(Value::as_str))
        else {
            continue;
        };
        let named = |details: &str| event.get(details)?.get("Name")?.as_str();
        let entered = named("StateEnteredEventDetails");
        let before = number(event, "PreviousEventId").and_then(|it| state_of.get(&it).copied());
        let before = match kind.strip_suffix("StateAborted") {
            // It follows what cut the state off.
            Some(state_type) => containers.running(state_type, &statuses).or(before),
            None => before.map(|state| containers.concerned(kind, state)),
        };
        if let Some(state) = entered {
            // A Fail state has no event but that of its entry.
            let fails = kind == "FailStateEntered";
            let status = if fails { NodeStatus::Failed } else { NodeStatus::Running };
            statuses.insert(state, status);
        } else if let Some(state) = named("StateExitedEventDetails") {
            let has_failed = statuses.get(state).is_some_and(|it| *it >= NodeStatus::Aborted);
            let status = if has_failed { NodeStatus::Caught } else { NodeStatus::Succeeded };
            statuses.insert(state, status);
        } else if kind.starts_with("Execution") && kind != "ExecutionStarted" {
            end(kind, before, &mut statuses);
        } else if let Some((state, status)) = before.zip(failure(kind)) {
            statuses.insert(state, status);
        } else if let Some(state) = before.filter(|_| is_attempt(kind)) {
            // Another attempt after one that failed.
            statuses.insert(state, NodeStatus::Running);
        }
        if let Some(state) = entered.or(before) {
            state_of.insert(id, state);
        }
    }
    statuses
}

fn is_attempt(kind: &str) -> bool {
    kind.ends_with("Scheduled") || kind.ends_with("Started")
}

/// What an event says that ends an attempt or a state, and not well.
fn failure(kind: &str) -> Option<NodeStatus> {
    if kind.ends_with("TimedOut") {
        return Some(NodeStatus::TimedOut);
    }
    if kind.ends_with("Aborted") {
        return Some(NodeStatus::Aborted);
    }
    (kind.ends_with("Failed") && !kind.starts_with("MapIteration")).then_some(NodeStatus::Failed)
}

/// What is still running when the execution ends was cut off; the state that ended it was not.
fn end<'a>(kind: &str, last: Option<&'a str>, statuses: &mut HashMap<&'a str, NodeStatus>) {
    for status in statuses.values_mut().filter(|status| **status == NodeStatus::Running) {
        *status = NodeStatus::Aborted;
    }
    let status = match kind {
        "ExecutionFailed" => NodeStatus::Failed,
        "ExecutionTimedOut" => NodeStatus::TimedOut,
        _ => return,
    };
    if let Some(state) = last {
        let now = statuses.entry(state).or_insert(status);
        if *now == NodeStatus::Aborted {
            *now = status;
        }
    }
}
