//! Others who run workflows, on the same machine and under the same load generator. Those that are
//! not there, and cannot be installed, are skipped with the reason.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::Bench;
use super::drive::{CLIENTS, create, drive, median_milliseconds, post, run_named_to_its_end};
use super::figure::Figure;
use super::workloads::chain;
use crate::client::Client;
use crate::process::{check, npm_packages, root, target};
use crate::server::Server;

/// For a peer.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is installed from the package registry of Node.
const NODE_PACKAGES: [&str; 3] =
    ["aws-local-stepfunctions", "@restatedev/restate-server", "@restatedev/restate-sdk"];

/// The figures of every peer that can be had.
pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (name, measured) in [
        ("moto", in_time(moto(bench)).await),
        ("aws-local-stepfunctions", local_step_functions(bench)),
        ("Restate", in_time(restate(bench)).await),
    ] {
        match measured {
            Ok(some) => figures.extend(some),
            Err(error) => println!("skipped: {name}: {error:#}"),
        }
    }
    Ok(figures)
}

/// A peer that does not come to an end is skipped like one that is not there.
async fn in_time(
    measuring: impl Future<Output = anyhow::Result<Vec<Figure>>>,
) -> anyhow::Result<Vec<Figure>> {
    match tokio::time::timeout(PATIENCE, measuring).await {
        Ok(measured) => measured,
        Err(_) => bail!("it did not come to an end within {} s", PATIENCE.as_secs()),
    }
}

/// moto's server with its executor, in memory.
async fn moto(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let folder = target().join("peers-venv");
    let program = folder.join("bin/moto_server");
    if !program.exists() {
        check(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        let install = ["-m", "pip", "install", "--quiet", "moto[server,stepfunctions]"];
        check(Command::new(folder.join("bin/python")).args(install))?;
    }
    // It says where it listens on its standard error.
    let command = format!("exec {} -p 0 2>&1", program.display());
    let server = Server::spawn(Command::new("sh").args(["-c", &command]))?;
    let mut client = Client::new(server.address);
    let settings = json!({"stepfunctions": {"execute_state_machine": true}});
    client.post("/moto-api/config", &settings.to_string()).await?;
    let machine = create(&server, "bench-chain", false, &chain(10)).await?;
    let run = run_named_to_its_end(&machine, Duration::from_millis(1));
    let many = drive(&server, CLIENTS, bench.seconds, run.clone()).await?;
    let mut one = drive(&server, 1, bench.seconds / 2.0, run).await?;
    Ok(vec![
        Figure::new("moto (in memory): 10 Pass states, 32 clients", "executions/s", many.rate),
        Figure::new("moto: processor time", "ms/execution", many.cpu_milliseconds),
        Figure::new("moto: 1 client, median", "ms", median_milliseconds(&mut one.times)),
    ])
}

/// An engine for tests, in memory and without histories.
fn local_step_functions(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let folder = npm_packages("peers-node", &NODE_PACKAGES)?;
    let output = Command::new("node")
        .arg(root().join("xtask/peers/local-stepfunctions.mjs"))
        .arg(&folder)
        .arg((bench.seconds / 2.0).to_string())
        .output()?;
    let figures: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    let figure = |name: &str| figures[name].as_f64().context("a figure is missing");
    let named = |words: &str| format!("aws-local-stepfunctions (in memory): {words}");
    Ok(vec![
        Figure::new(named("counting loop"), "transitions/s", figure("counting")?),
        Figure::new(named("chain of 2,000 Pass states"), "transitions/s", figure("chain")?),
        Figure::new(named("Map of 1,000"), "ms", figure("map")?),
    ])
}

/// Restate's server with a service of its Node SDK, durable.
async fn restate(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let folder = npm_packages("peers-node", &NODE_PACKAGES)?;
    let script = root().join("xtask/peers/restate.mjs");
    let mut command = Command::new("node");
    let server = Server::spawn_until_closed(command.arg(script).arg(&folder))?;
    let named = |words: &str| format!("Restate: {words}");
    let seconds = bench.seconds;
    let chain = drive(&server, CLIENTS, seconds, post("/bench/chain")).await?;
    let mut one = drive(&server, 1, seconds / 2.0, post("/bench/chain")).await?;
    let nested = drive(&server, CLIENTS, seconds, post("/bench/parent")).await?;
    let mut one_nested = drive(&server, 1, seconds / 2.0, post("/bench/parent")).await?;
    let mut map = drive(&server, 1, seconds / 2.0, post("/bench/map")).await?;
    Ok(vec![
        Figure::new(named("10 steps, 32 clients"), "executions/s", chain.rate),
        Figure::new(named("1 client, median"), "ms", median_milliseconds(&mut one.times)),
        Figure::new(named("parent and child, 32 clients"), "parents/s", nested.rate),
        Figure::new(
            named("parent and child, 1 client, median"),
            "ms",
            median_milliseconds(&mut one_nested.times),
        ),
        Figure::new(named("1,000 steps, median"), "ms", median_milliseconds(&mut map.times)),
    ])
}
