//! `stairwell run`: one execution of one definition, in memory.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use api::Api;
use asl::WorkflowType;
use serde_json::{Value, json};
use store::Scope;

use crate::arguments::RunArguments;
use crate::{input, print, serve, threads, validate, words};

/// How often to look whether the execution has ended: soon at first, since most are quick.
const LOOK_AFTER: Duration = Duration::from_millis(1);
const LOOK_AFTER_MAX: Duration = Duration::from_millis(50);

/// Runs the definition. The status tells whether it succeeded; an error means that nothing was
/// started.
pub(crate) fn run(arguments: &RunArguments) -> anyhow::Result<ExitCode> {
    let definition = input::read_file(&arguments.file)?;
    let input = input::read_json(&arguments.input)?;
    if !is_valid(&arguments.file, &definition) {
        return Ok(ExitCode::from(crate::USAGE));
    }
    serve::log_to_standard_error("warn")?;
    threads::block_on(async {
        let run = Run::start(arguments, &definition, &input).await?;
        run.finish(arguments).await
    })?
}

/// Tells what is wrong with the definition.
fn is_valid(file: &Path, definition: &str) -> bool {
    let analysis = asl::compile(definition, WorkflowType::Standard);
    let name = input::display_name(file);
    for diagnostic in &analysis.diagnostics {
        eprintln!("{}", validate::line(&name, definition, diagnostic));
    }
    analysis.program.is_some()
}

/// An execution that was started.
struct Run {
    api: Arc<Api>,
    execution_arn: String,
    events: Events,
}

/// The events that were seen, and where the next ones will be.
#[derive(Default)]
struct Events {
    seen: Vec<Value>,
    token: Option<String>,
    /// How many of the page at the token were seen.
    seen_of_page: usize,
}

impl Run {
    async fn start(arguments: &RunArguments, definition: &str, input: &str) -> anyhow::Result<Run> {
        let api = serve::in_memory()?;
        let machine = json!({
            "name": machine_name(&arguments.file),
            "definition": definition,
            "roleArn": "arn:aws:iam::123456789012:role/stairwell-run",
        });
        let machine = call(&api, "CreateStateMachine", &machine).await?;
        let mut start = json!({"stateMachineArn": machine["stateMachineArn"], "input": input});
        if let Some(name) = &arguments.name {
            start["name"] = name.as_str().into();
        }
        let started = call(&api, "StartExecution", &start).await?;
        let execution_arn = started["executionArn"].as_str().context("no executionArn")?.to_owned();
        Ok(Run { api, execution_arn, events: Events::default() })
    }

    /// Waits for the end, and tells what came of it.
    async fn finish(mut self, arguments: &RunArguments) -> anyhow::Result<ExitCode> {
        let mut look_after = LOOK_AFTER;
        let description = loop {
            let arn = json!({"executionArn": self.execution_arn});
            let description = call(&self.api, "DescribeExecution", &arn).await?;
            if arguments.history {
                let from = self.events.seen.len();
                self.look_for_events().await?;
                if !arguments.json {
                    self.events.seen[from..].iter().for_each(|it| eprintln!("{}", words::line(it)));
                }
            }
            if description["status"] != "RUNNING" {
                break description;
            }
            tokio::time::sleep(look_after).await;
            look_after = (look_after * 2).min(LOOK_AFTER_MAX);
        };
        tell(arguments, description, self.events.seen)
    }

    async fn look_for_events(&mut self) -> anyhow::Result<()> {
        loop {
            let mut page = json!({"executionArn": self.execution_arn, "maxResults": 1_000});
            if let Some(token) = &self.events.token {
                page["nextToken"] = token.as_str().into();
            }
            let mut page = call(&self.api, "GetExecutionHistory", &page).await?;
            let Value::Array(events) = page["events"].take() else { bail!("no events") };
            let count = events.len();
            self.events.seen.extend(events.into_iter().skip(self.events.seen_of_page));
            match page["nextToken"].as_str() {
                Some(token) => {
                    self.events.token = Some(token.to_owned());
                    self.events.seen_of_page = 0;
                }
                None => {
                    self.events.seen_of_page = count;
                    return Ok(());
                }
            }
        }
    }
}

/// The output on standard output, or the error on standard error; with `--json` all of it, on
/// standard output.
fn tell(
    arguments: &RunArguments,
    mut description: Value,
    events: Vec<Value>,
) -> anyhow::Result<ExitCode> {
    let succeeded = description["status"] == "SUCCEEDED";
    if arguments.json {
        if arguments.history {
            description["events"] = events.into();
        }
        print::line(format_args!("{description:#}"))?;
    } else if succeeded {
        print::line(description["output"].as_str().unwrap_or_default())?;
    } else {
        let text = |name: &str| description[name].as_str().map(|text| format!(": {text}"));
        let (error, cause) = (text("error"), text("cause"));
        let status = description["status"].as_str().unwrap_or_default();
        let because = [error, cause].into_iter().flatten().collect::<String>();
        eprintln!("stairwell: the execution ended as {status}{because}");
    }
    Ok(ExitCode::from(u8::from(!succeeded)))
}

/// The machine is called as the file is, as far as names may be.
fn machine_name(file: &Path) -> String {
    let stem = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stem = stem.split('.').next().unwrap_or_default();
    let allowed = |character: &char| character.is_alphanumeric() || "-_".contains(*character);
    let name: String = stem.chars().filter(allowed).take(80).collect();
    if name.is_empty() { "machine".to_owned() } else { name }
}

async fn call(api: &Api, operation: &str, body: &Value) -> anyhow::Result<Value> {
    let scope = Scope { account: "123456789012".into(), region: "us-east-1".into() };
    let answer = api.call(operation, scope, body.to_string().as_bytes()).await?;
    Ok(serde_json::from_slice(&answer)?)
}
