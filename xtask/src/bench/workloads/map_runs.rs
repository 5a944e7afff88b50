//! Map Runs over a file of JSON lines, with their results in files.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::bench::drive::create;
use crate::bench::figure::{Bar, Figure, Limit};
use crate::client::Client;
use crate::server::Server;

/// Standard children are durable, and a tenth as many.
const STANDARD_SHARE: usize = 10;
/// Between two questions whether the run has ended.
const PAUSE: Duration = Duration::from_millis(100);

/// W10: a child of one Pass state for each line, Express and Standard.
pub(super) async fn map_runs(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let count = bench.count;
    let (express, memory) = run(bench, "EXPRESS", count).await?;
    let standard_count = count / STANDARD_SHARE;
    let (standard, standard_memory) = run(bench, "STANDARD", standard_count).await?;
    Ok(vec![
        Figure::new(
            format!("W10: Map Run of {count} lines, Express children of one Pass"),
            "items/s",
            express,
        )
        .bar(Bar::at_least(20_000.0)),
        Figure::new("W10: most memory during it", "MB", memory).bar(Bar::at_most(300.0)),
        Figure::new(
            format!("W10: Map Run of {standard_count} lines, Standard children of one Pass"),
            "items/s",
            standard,
        )
        .against(&[Limit::Log])
        .bar(Bar::at_least(4_000.0)),
        Figure::new("W10: most memory during it, Standard", "MB", standard_memory),
    ])
}

/// Items a second, from the start of the execution to its end, and the most memory in megabytes.
async fn run(bench: &Bench, execution_type: &str, count: usize) -> anyhow::Result<(f64, f64)> {
    let folder = bench.fresh_folder()?;
    write_lines(&folder.join("objects/bucket"), count)?;
    let objects = format!("file://{}", folder.join("objects").display());
    let mut command = Command::new(&bench.binary);
    command.args(["serve", "--port", "0", "--log", "warn", "--s3-endpoint", &objects, "--data"]);
    let server = Server::spawn(command.arg(folder.join("data")))?;
    let machine = create(&server, "bench-map-run", false, &definition(execution_type)).await?;
    let mut client = Client::new(server.address);
    let began = Instant::now();
    let started = client.expect("StartExecution", &json!({"stateMachineArn": machine})).await?;
    let execution = json!({"executionArn": started["executionArn"]});
    let mut most = 0;
    loop {
        tokio::time::sleep(PAUSE).await;
        most = most.max(server.resident_bytes()?);
        let described = client.expect("DescribeExecution", &execution).await?;
        match described["status"].as_str().context("no status")? {
            "RUNNING" => {}
            "SUCCEEDED" => break,
            _ => bail!("the Map Run failed: {described}"),
        }
    }
    Ok((count as f64 / began.elapsed().as_secs_f64(), most as f64 / 1e6))
}

fn write_lines(bucket: &Path, count: usize) -> anyhow::Result<()> {
    fs::create_dir_all(bucket)?;
    let mut file = BufWriter::new(fs::File::create(bucket.join("items.jsonl"))?);
    for number in 0..count {
        writeln!(file, r#"{{"number":{number},"name":"item {number}"}}"#)?;
    }
    Ok(file.flush()?)
}

fn definition(execution_type: &str) -> Value {
    json!({"StartAt": "Each", "States": {"Each": {
        "Type": "Map",
        "End": true,
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSONL"},
            "Parameters": {"Bucket": "bucket", "Key": "items.jsonl"},
        },
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": execution_type},
            "StartAt": "One",
            "States": {"One": {"Type": "Pass", "End": true}},
        },
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject",
            "Parameters": {"Bucket": "bucket", "Prefix": "results"},
            "WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSONL"},
        },
    }}})
}
