//! `stairwell tree`: an execution and all that it started.

use std::collections::HashSet;
use std::process::ExitCode;

use anyhow::bail;
use json::{Object, Value};
use story::{Gap, Story, duration};

use super::reader::{Reader, now};
use super::{INCOMPLETE, short};
use crate::arguments::TreeArguments;
use crate::{print, threads};

/// How many generations above the one that is asked for are looked at for the root.
const GENERATIONS_ABOVE: usize = 100;

/// What started an execution.
struct Via {
    path: String,
    attempt: usize,
}

/// An execution of the tree, in the order in which it is printed.
struct Node {
    depth: usize,
    arn: String,
    via: Option<Via>,
    read: Result<Story, Gap>,
    map_runs: Vec<String>,
}

/// Prints it.
pub(crate) fn tree(arguments: &TreeArguments) -> anyhow::Result<ExitCode> {
    let asked = &arguments.asked;
    threads::block_on(async {
        let reader = Reader::new(asked)?;
        let first = match arguments.root {
            true => root(&reader, &asked.execution_arn).await?,
            false => asked.execution_arn.clone(),
        };
        let nodes = nodes(&reader, first, arguments.depth).await?;
        match asked.json {
            true => {
                let nodes = nodes.iter().map(json).collect::<Vec<_>>();
                let mut json = Object::new();
                json.insert("nodes", nodes);
                print::line(Value::from(json).to_pretty_string())?;
            }
            false => {
                let lines = nodes.iter().flat_map(lines);
                lines.into_iter().try_for_each(|line| print::line(print::shown(&line)))?;
            }
        }
        let is_complete = nodes.iter().all(|node| node.read.is_ok());
        Ok(if is_complete { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) })
    })?
}

/// The execution that no other one started, as far up as can be read.
async fn root(reader: &Reader<'_>, arn: &str) -> anyhow::Result<String> {
    let mut root = arn.to_owned();
    for _ in 0..GENERATIONS_ABOVE {
        let read = reader.nested(&root).await?;
        let above = read.ok().and_then(|story| story.started_by().map(str::to_owned));
        match above {
            Some(above) => root = above,
            None => return Ok(root),
        }
    }
    bail!("more than {GENERATIONS_ABOVE} generations are above '{arn}'")
}

async fn nodes(reader: &Reader<'_>, first: String, depth: usize) -> anyhow::Result<Vec<Node>> {
    let mut nodes = Vec::new();
    let mut known = HashSet::from([first.clone()]);
    let mut missing = vec![(0, first, None)];
    while let Some((at, arn, via)) = missing.pop() {
        let read = match at {
            0 => Ok(reader.story(&arn).await?),
            _ => reader.nested(&arn).await?,
        };
        let mut map_runs = Vec::new();
        if let Ok(story) = &read {
            map_runs.extend(story.steps().iter().filter_map(|step| step.map_run.clone()));
            let mut children = Vec::new();
            for (step, attempt, child) in story.children() {
                if known.insert(child.to_owned()) {
                    let via = Via { path: story.path(step).join(" > "), attempt: attempt + 1 };
                    children.push((at + 1, child.to_owned(), Some(via)));
                }
            }
            if at < depth {
                missing.extend(children.into_iter().rev());
            }
        }
        nodes.push(Node { depth: at, arn, via, read, map_runs });
    }
    Ok(nodes)
}

fn lines(node: &Node) -> Vec<String> {
    let mut text = "  ".repeat(node.depth);
    if let Some(via) = &node.via {
        let attempt =
            if via.attempt > 1 { format!(", attempt {}", via.attempt) } else { String::new() };
        text.push_str(&format!("{}{attempt} => ", via.path));
    }
    text.push_str(short(&node.arn));
    match &node.read {
        Ok(story) => {
            let took = story.ended_at().unwrap_or_else(now) - story.started_at();
            text.push_str(&format!("  {}  {}", story.status().word(), duration(took)));
            let failure = story.failure();
            if let Some(error) = failure.as_ref().and_then(|it| it.error.as_deref()) {
                text.push_str(&format!("  {error}"));
            }
        }
        Err(gap) => text.push_str(&format!("  not read: {}", gap.text())),
    }
    let map_run = |arn: &String| format!("{}  Map Run {arn}", "  ".repeat(node.depth));
    std::iter::once(text).chain(node.map_runs.iter().map(map_run)).collect()
}

fn json(node: &Node) -> Value {
    let mut json = Object::new();
    json.insert("executionArn", &*node.arn);
    json.insert("depth", node.depth as i64);
    if let Some(via) = &node.via {
        json.insert("state", &*via.path);
        json.insert("attempt", via.attempt as i64);
    }
    match &node.read {
        Ok(story) => story.summarise(&mut json),
        Err(gap) => json.insert("notRead", gap.text()),
    }
    let map_runs = node.map_runs.iter().map(|arn| Value::from(&**arn)).collect::<Vec<_>>();
    json.insert("mapRuns", map_runs);
    json.into()
}
