//! Overload: what callers notice of long expressions and of many executions that are due at once.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, bail};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::task::{JoinHandle, LocalSet};

use super::chain;
use crate::bench::Bench;
use crate::bench::drive::{CLIENTS, create, drive_count, percentile_milliseconds};
use crate::bench::figure::{Bar, Figure};
use crate::client::Client;
use crate::server::Server;

/// Executions with long expressions that run at a time.
const BUSY: usize = 4;
/// States of each of them.
const BUSY_STATES: usize = 40;
/// Items that the expression of each state goes through.
const BUSY_ITEMS: usize = 200_000;
/// Map Runs whose children are due in the same second.
const MAP_RUNS: usize = 4;
/// Children of each of them: as many as may run at a time.
const CHILDREN: usize = 10_000;
/// For how long the children may be started before they are due.
const START_SECONDS: u64 = 90;
/// Between two probes of a kind.
const PROBE_PAUSE: Duration = Duration::from_millis(5);
/// Between two questions whether all has ended.
const PAUSE: Duration = Duration::from_millis(100);
/// What a probe may take.
const PROBE_BAR: f64 = 50.0;

/// W10: long expressions, and then many children due in one second, each beside callers that ask
/// for something else.
pub(super) async fn beside(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let mut figures = long_expressions(bench).await?;
    figures.extend(children_due(bench).await?);
    Ok(figures)
}

async fn long_expressions(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let server = Server::start(&bench.binary, &bench.fresh_folder()?)?;
    let other = create(&server, "bench-other", false, &chain(1)).await?;
    let mut busy = chain(BUSY_STATES);
    busy["QueryLanguage"] = json!("JSONata");
    for state in busy["States"].as_object_mut().context("no states")?.values_mut() {
        let doubled = format!("$map([1..{BUSY_ITEMS}], function($item) {{ $item * 2 }})");
        state.as_object_mut().context("no state")?.remove("Result");
        state["Output"] = json!(format!("{{% $count({doubled}) %}}"));
    }
    let busy = create(&server, "bench-busy", false, &busy).await?;
    let began = Instant::now();
    let (mut health, mut starts) = probed(&server, &other, async || {
        // A start is answered when its first states are through, so each has its own connection.
        let tasks = (0..BUSY).map(|_| {
            let (mut client, machine) = (Client::new(server.address), busy.clone());
            tokio::task::spawn_local(async move {
                client.expect("StartExecution", &json!({"stateMachineArn": machine})).await
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await??;
        }
        until_none_runs(&server, &busy).await
    })
    .await?;
    let seconds = began.elapsed().as_secs_f64();
    check_ended(&server, &busy, BUSY).await?;
    let words = format!("W10: {BUSY} executions of {BUSY_STATES} `$map` over {BUSY_ITEMS}");
    Ok(vec![
        Figure::new(format!("{words}, until all have ended"), "s", seconds),
        probe_figure("/health beside them", &mut health),
        probe_figure("StartExecution of another machine beside them", &mut starts),
        memory_figure("W10: most memory with them", &server, 300.0)?,
    ])
}

async fn children_due(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let server = Server::start(&bench.binary, &bench.fresh_folder()?)?;
    let other = create(&server, "bench-other", false, &chain(1)).await?;
    let due = SystemTime::now() + Duration::from_secs(START_SECONDS);
    let parent = create(&server, "bench-parent", false, &parent(due)?).await?;
    let mut client = Client::new(server.address);
    for _ in 0..MAP_RUNS {
        client.expect("StartExecution", &json!({"stateMachineArn": parent})).await?;
    }
    until_children_wait(&server, &parent, due).await?;
    let waiting = server.resident_bytes()? as f64 / 1e6;
    tokio::time::sleep(due.duration_since(SystemTime::now()).unwrap_or_default()).await;
    let began = Instant::now();
    let (mut health, mut starts) =
        probed(&server, &other, async || until_none_runs(&server, &parent).await).await?;
    let seconds = began.elapsed().as_secs_f64();
    check_ended(&server, &parent, MAP_RUNS).await?;
    let count = MAP_RUNS * CHILDREN;
    Ok(vec![
        Figure::new(
            format!("W10: {count} children due at once, until all have ended"),
            "s",
            seconds,
        ),
        probe_figure("/health beside the children", &mut health),
        probe_figure("StartExecution of another machine beside the children", &mut starts),
        Figure::new("W10: memory while the children wait", "MB", waiting),
        memory_figure("W10: most memory with the children", &server, 300.0)?,
    ])
}

/// A Map Run whose children wait until that instant, each with two kilobytes.
fn parent(due: SystemTime) -> anyhow::Result<Value> {
    let items: Vec<usize> = (0..CHILDREN).collect();
    Ok(json!({"StartAt": "Items", "States": {
        "Items": {"Type": "Pass", "Result": items, "Next": "All"},
        "All": {
            "Type": "Map",
            "MaxConcurrency": CHILDREN,
            "ItemSelector": {"text": "x".repeat(2_000)},
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "Park",
                "States": {
                    "Park": {"Type": "Wait", "Timestamp": instant(due)?, "Next": "Done"},
                    "Done": {"Type": "Pass", "Result": 1, "End": true},
                },
            },
            "ResultPath": null,
            "OutputPath": null,
            "End": true,
        },
    }}))
}

fn instant(time: SystemTime) -> anyhow::Result<String> {
    Ok(Timestamp::try_from(time)?.to_string())
}

/// Waits until all children have been started, which must be before they are due.
async fn until_children_wait(server: &Server, parent: &str, due: SystemTime) -> anyhow::Result<()> {
    let mut client = Client::new(server.address);
    let list = json!({"stateMachineArn": parent});
    let parents = client.expect("ListExecutions", &list).await?;
    for parent in parents["executions"].as_array().context("no list")? {
        let runs = json!({"executionArn": parent["executionArn"]});
        loop {
            if SystemTime::now() >= due {
                bail!("the children were not started within {START_SECONDS} s");
            }
            let listed = client.expect("ListMapRuns", &runs).await?;
            if let Some(run) = listed["mapRuns"].get(0) {
                let run = json!({"mapRunArn": run["mapRunArn"]});
                let run = client.expect("DescribeMapRun", &run).await?;
                if run["executionCounts"]["running"] == json!(CHILDREN) {
                    break;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

/// W11: a restart when all that waits is due.
pub(super) async fn due_at_once(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let (folder, count) = (bench.fresh_folder()?, bench.count);
    let mut server = Server::start(&bench.binary, &folder)?;
    // Ten thousand a second can be started on any machine that this is measured on.
    let due = SystemTime::now() + Duration::from_secs(10 + count as u64 / 10_000);
    let definition = json!({"StartAt": "Park", "States": {
        "Park": {"Type": "Wait", "Timestamp": instant(due)?, "Next": "Done"},
        "Done": {"Type": "Pass", "End": true},
    }});
    let machine = create(&server, "bench-due", false, &definition).await?;
    let start = json!({"stateMachineArn": machine, "input": r#"{"from":"bench"}"#}).to_string();
    let started = drive_count(&server, CLIENTS, count, async move |client: &mut Client| {
        client.call("StartExecution", &start).await.map(drop)
    })
    .await?;
    if SystemTime::now() >= due {
        bail!("the executions were not started before they were due: {started:.0} a second");
    }
    server.kill()?;
    tokio::time::sleep(due.duration_since(SystemTime::now()).unwrap_or_default()).await;
    let began = Instant::now();
    let server = Server::start(&bench.binary, &folder)?;
    let list = json!({"stateMachineArn": machine, "maxResults": 10});
    Client::new(server.address).expect("ListExecutions", &list).await?;
    let first = began.elapsed().as_secs_f64();
    until_none_runs(&server, &machine).await?;
    let all = began.elapsed().as_secs_f64();
    Ok(vec![
        Figure::new(format!("W11: {count} executions due at a restart, first answer"), "s", first)
            .bar(Bar::at_most(3.0)),
        Figure::new("W11: until all of them have ended", "s", all),
        Figure::new("W11: executions ended", "1/s", count as f64 / all),
        memory_figure("W11: most memory", &server, 500.0)?,
    ])
}

/// Waits until no execution of the machine runs.
async fn until_none_runs(server: &Server, machine: &str) -> anyhow::Result<()> {
    let mut client = Client::new(server.address);
    let list = json!({"stateMachineArn": machine, "statusFilter": "RUNNING", "maxResults": 1});
    loop {
        let running = client.expect("ListExecutions", &list).await?;
        if running["executions"].as_array().is_some_and(Vec::is_empty) {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// That so many executions of the machine have succeeded.
async fn check_ended(server: &Server, machine: &str, count: usize) -> anyhow::Result<()> {
    let list = json!({"stateMachineArn": machine, "statusFilter": "SUCCEEDED"});
    let ended = Client::new(server.address).expect("ListExecutions", &list).await?;
    let ended = ended["executions"].as_array().map_or(0, Vec::len);
    if ended != count {
        bail!("{ended} of {count} executions have succeeded");
    }
    Ok(())
}

/// Does something while others ask for `/health` and start executions of a machine; returns how
/// long each of these took.
async fn probed(
    server: &Server,
    machine: &str,
    work: impl AsyncFnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<(Vec<Duration>, Vec<Duration>)> {
    let start = json!({"stateMachineArn": machine}).to_string();
    let tasks = LocalSet::new();
    let probes = tasks.run_until(async {
        let (health, health_task) = probe(server, async |client| client.get("/health").await);
        let (starts, starts_task) =
            probe(server, async move |client| client.call("StartExecution", &start).await);
        let done = work().await;
        let failed = [&health_task, &starts_task].iter().any(|task| task.is_finished());
        health_task.abort();
        starts_task.abort();
        done?;
        if failed {
            bail!("a probe was not answered");
        }
        Ok((health.take(), starts.take()))
    });
    probes.await
}

type Times = Rc<RefCell<Vec<Duration>>>;

/// Asks the same again and again, on a connection of its own, until it is aborted or an answer is
/// no success.
fn probe(
    server: &Server,
    ask: impl AsyncFn(&mut Client) -> anyhow::Result<crate::client::Answer> + 'static,
) -> (Times, JoinHandle<()>) {
    let times = Times::default();
    let (mut client, taken) = (Client::new(server.address), times.clone());
    let task = tokio::task::spawn_local(async move {
        loop {
            let began = Instant::now();
            match ask(&mut client).await {
                Ok(answer) if answer.status == 200 => taken.borrow_mut().push(began.elapsed()),
                _ => return,
            }
            tokio::time::sleep(PROBE_PAUSE).await;
        }
    });
    (times, task)
}

fn probe_figure(words: &str, times: &mut [Duration]) -> Figure {
    let time = percentile_milliseconds(times, 0.99);
    Figure::new(format!("W10: {words}, 99th percentile"), "ms", time).bar(Bar::at_most(PROBE_BAR))
}

fn memory_figure(words: &str, server: &Server, bar: f64) -> anyhow::Result<Figure> {
    Ok(Figure::new(words, "MB", server.peak_bytes()? as f64 / 1e6).bar(Bar::at_most(bar)))
}
