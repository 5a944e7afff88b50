//! How it stands when there is much: parked executions, closed ones, and hours.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Value, json};

use super::chain;
use crate::bench::Bench;
use crate::bench::drive::{
    CLIENTS, create, drive, drive_count, paced, percentile_milliseconds, run_to_its_end,
};
use crate::bench::figure::{Bar, Figure};
use crate::client::Client;
use crate::server::Server;

/// W7: executions that wait for a day.
pub(super) async fn parked(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let folder = bench.fresh_folder()?;
    let server = Server::start(&bench.binary, &folder)?;
    let definition = json!({"StartAt": "Park", "States": {
        "Park": {"Type": "Wait", "Seconds": 86_400, "End": true},
    }});
    let machine = create(&server, "bench-parked", false, &definition).await?;
    let before = server.resident_bytes()?;
    let start = json!({"stateMachineArn": machine}).to_string();
    let started = drive_count(&server, CLIENTS, bench.count, async move |client: &mut Client| {
        client.call("StartExecution", &start).await.map(drop)
    })
    .await?;
    let bytes = server.resident_bytes()?.saturating_sub(before) as f64 / bench.count as f64;
    drop(server);
    let began = Instant::now();
    let server = Server::start(&bench.binary, &folder)?;
    let list = json!({"stateMachineArn": machine, "maxResults": 10});
    Client::new(server.address).expect("ListExecutions", &list).await?;
    let restart = began.elapsed().as_secs_f64();
    let count = bench.count;
    Ok(vec![
        Figure::new(format!("W7: {count} executions parked in a Wait, started"), "1/s", started),
        Figure::new("W7: memory that each holds", "bytes", bytes).bar(Bar::at_most(300.0)),
        Figure::new("W7: restart until the first answer", "s", restart).bar(Bar::at_most(3.0)),
        Figure::new(
            "W7: memory after the restart, for each",
            "bytes",
            server.resident_bytes()? as f64 / bench.count as f64,
        ),
    ])
}

/// W8: executions that have ended: what reading and starting cost beside them.
pub(super) async fn closed(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let folder = bench.fresh_folder()?;
    let server = Server::start(&bench.binary, &folder)?;
    let machine = create(&server, "bench-closed", false, &chain(1)).await?;
    let start = json!({"stateMachineArn": machine}).to_string();
    let started = drive_count(&server, CLIENTS, bench.count, async move |client: &mut Client| {
        client.call("StartExecution", &start).await.map(drop)
    })
    .await?;
    let (lists, describes, histories) = read_about(&server, &machine).await?;
    drop(server);
    let (mut server, after_kill) = restarted(bench, &folder).await?;
    server.stop()?;
    let (_, after_stop) = restarted(bench, &folder).await?;
    let count = bench.count;
    let read = |words: &str, times: f64| {
        Figure::new(format!("W8: {words}, 99th percentile"), "ms", times).bar(Bar::at_most(10.0))
    };
    Ok(vec![
        Figure::new(format!("W8: {count} executions started and ended"), "1/s", started),
        read("a page of ListExecutions", lists),
        read("DescribeExecution", describes),
        read("a page of history", histories),
        Figure::new("W8: restart after a stop until the first answer", "ms", after_stop)
            .bar(Bar::at_most(130.0)),
        // Bounded by the log, 16 MiB at most, however much is in the tables.
        Figure::new("W8: restart after a kill until the first answer", "ms", after_kill)
            .bar(Bar::at_most(130.0)),
    ])
}

/// The server on a folder that is there, and how many milliseconds it took to its first answer.
async fn restarted(bench: &Bench, folder: &Path) -> anyhow::Result<(Server, f64)> {
    let began = Instant::now();
    let server = Server::start(&bench.binary, folder)?;
    Client::new(server.address).expect("ListStateMachines", &json!({})).await?;
    Ok((server, began.elapsed().as_secs_f64() * 1e3))
}

/// The 99th percentiles of reading pages of the list, and executions and histories of them.
async fn read_about(server: &Server, machine: &str) -> anyhow::Result<(f64, f64, f64)> {
    let mut client = Client::new(server.address);
    let (mut lists, mut describes, mut histories) = (Vec::new(), Vec::new(), Vec::new());
    let mut token = Value::Null;
    for _ in 0..500 {
        let mut request = json!({"stateMachineArn": machine, "maxResults": 100});
        if token.is_string() {
            request["nextToken"] = token;
        }
        let page = timed(&mut lists, client.expect("ListExecutions", &request)).await?;
        let last = page["executions"].as_array().and_then(|page| page.last());
        let arn = json!({"executionArn": last.context("an empty page")?["executionArn"]});
        timed(&mut describes, client.expect("DescribeExecution", &arn)).await?;
        timed(&mut histories, client.expect("GetExecutionHistory", &arn)).await?;
        token = page["nextToken"].clone();
    }
    let last = |times: &mut Vec<Duration>| percentile_milliseconds(times, 0.99);
    Ok((last(&mut lists), last(&mut describes), last(&mut histories)))
}

async fn timed<Answer>(
    times: &mut Vec<Duration>,
    call: impl Future<Output = anyhow::Result<Answer>>,
) -> anyhow::Result<Answer> {
    let began = Instant::now();
    let answer = call.await?;
    times.push(began.elapsed());
    Ok(answer)
}

/// W9 keeps what has ended for this part of its time: soon as much is removed as is started.
const HOUR_RETENTION: f64 = 1.0 / 12.0;

/// W9: half of the rate that the machine can do, for a long time, while as much is removed.
pub(super) async fn hour(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let minutes = bench.minutes;
    let days = minutes as f64 * HOUR_RETENTION / (24.0 * 60.0);
    let retention = ["--retention-days", &days.to_string()];
    let folder = bench.fresh_folder()?;
    let server = Server::start_with(&bench.binary, &folder, &retention)?;
    let machine = create(&server, "bench-hour", false, &chain(10)).await?;
    let run = run_to_its_end(&machine, Duration::ZERO);
    let most = drive(&server, CLIENTS, 10.0, run).await?.rate;
    let start = json!({"stateMachineArn": machine}).to_string();
    let (mut started, mut slowest) = (0, Vec::new());
    let (mut memory, mut disk) = (Vec::new(), Vec::new());
    for minute in 1..=minutes {
        let start = start.clone();
        let starts = paced(&server, most / 2.0, 60.0, async move |client| {
            client.call("StartExecution", &start).await.map(drop)
        });
        let mut times = starts.await?;
        started += times.len();
        slowest.push(percentile_milliseconds(&mut times, 0.99));
        memory.push(server.resident_bytes()? as f64 / 1e6);
        disk.push(bytes_in(&folder)? as f64 / 1e9);
        println!(
            "bench: minute {minute}: {} started, p99 {:.2} ms, {:.0} MB of memory, {:.1} GB",
            times.len(),
            slowest[minute - 1],
            memory[minute - 1],
            disk[minute - 1]
        );
    }
    // The caches fill in the first sixth of the time.
    let growth = |values: &[f64]| match (values.get(values.len() / 6), values.last()) {
        (Some(settled), Some(last)) => last / settled,
        _ => f64::NAN,
    };
    let slowest = slowest.into_iter().fold(0.0, f64::max);
    let rate = started as f64 / (minutes as f64 * 60.0);
    Ok(vec![
        Figure::new(format!("W9: {minutes} minutes at half the rate"), "1/s", rate),
        Figure::new("W9: StartExecution, 99th percentile, slowest minute", "ms", slowest)
            .bar(Bar::at_most(20.0)),
        Figure::new("W9: memory at the end, by that after a sixth", "", growth(&memory))
            .bar(Bar::at_most(1.1)),
        Figure::new("W9: disk at the end, by that after a sixth", "", growth(&disk)),
    ])
}

/// What the files of a folder hold.
fn bytes_in(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // A file may go while it is looked at.
        let Ok(about) = entry.metadata() else { continue };
        bytes += if about.is_dir() { bytes_in(&entry.path())? } else { about.len() };
    }
    Ok(bytes)
}
