//! `stairwell graph`: a definition as a picture, and how the states of an execution stand in it.

use std::path::Path;
use std::process::ExitCode;

use ::graph::{Direction, Graph, Layout, Theme};
use anyhow::{Context, bail};
use json::{Object, Value};
use story::{Event, Story};

use crate::arguments::{GraphArguments, GraphDirection, GraphForm, GraphTheme};
use crate::sfn_client::SfnClient;
use crate::{input, print, threads};

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
        true => threads::block_on(ask(&arguments.source, arguments.endpoint.as_deref()))??,
    };
    let graph = Graph::read(&definition).map_err(|error| {
        let (line, column) = (error.position.line, error.position.column);
        let what = input::plainly(&error.message);
        anyhow::anyhow!("the definition is not JSON: {what} (line {line}, column {column})")
    })?;
    let events = events.map(|events| events.iter().filter_map(Event::read).collect::<Vec<_>>());
    let statuses = events.map(|events| Story::of(&events).statuses(&graph));
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
        GraphForm::Json => {
            Layout::of(&graph, direction).to_json(&graph, statuses.as_ref()).to_pretty_string()
        }
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
