//! What the machine can do at most.

use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::process::Command;
use std::time::Instant;

use super::Bench;
use super::drive::{CLIENTS, drive, median_milliseconds};
use super::figure::Limit;
use crate::client::Client;
use crate::server::Server;

/// Bytes that an execution of ten states adds to a log, about.
const LOG_RECORD_BYTES: usize = 3_000;

/// Everything there is to measure of the machine.
pub(super) async fn limits(bench: &Bench) -> anyhow::Result<Vec<(Limit, f64)>> {
    let mut limits = disk(bench)?;
    limits.extend(bare_http(bench).await?);
    limits.push((Limit::Parse, parse(bench)));
    Ok(limits)
}

/// How long a small write takes to be durable, and how many records a log takes when as many as
/// there are clients share a sync.
fn disk(bench: &Bench) -> anyhow::Result<Vec<(Limit, f64)>> {
    let mut file = File::create(bench.fresh_folder()?.join("log"))?;
    let block = vec![7; 4_096];
    let mut times = Vec::new();
    let began = Instant::now();
    while began.elapsed().as_secs_f64() < bench.seconds / 5.0 {
        let began = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    let record = vec![7; LOG_RECORD_BYTES];
    let mut records = 0;
    let began = Instant::now();
    while began.elapsed().as_secs_f64() < bench.seconds / 5.0 {
        for _ in 0..CLIENTS {
            file.write_all(&record)?;
        }
        file.sync_data()?;
        records += CLIENTS;
    }
    let rate = records as f64 / began.elapsed().as_secs_f64();
    Ok(vec![(Limit::Sync, median_milliseconds(&mut times)), (Limit::Log, rate)])
}

/// How many requests the load generator gets answered by a server that does nothing.
async fn bare_http(bench: &Bench) -> anyhow::Result<Vec<(Limit, f64)>> {
    let server = Server::spawn(Command::new(std::env::current_exe()?).arg("bare-server"))?;
    let body = r#"{"stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:chain",
"input":"{\"from\":\"bench\"}"}"#;
    let request = async |client: &mut Client| client.call("StartExecution", body).await.map(drop);
    let many = drive(&server, CLIENTS, bench.seconds / 2.0, request).await?;
    let mut one = drive(&server, 1, bench.seconds / 2.0, request).await?;
    Ok(vec![
        (Limit::BareRate, many.rate),
        (Limit::BareCpu, many.cpu_milliseconds),
        (Limit::BareLatency, median_milliseconds(&mut one.times)),
    ])
}

/// How long a well-known parser takes for a document of 1 KiB.
fn parse(bench: &Bench) -> f64 {
    let members: Vec<String> = (0..20)
        .map(|index| format!(r#""member-{index:02}":{{"number":{index}.5,"text":"some words"}}"#))
        .collect();
    let text = format!("{{{}}}", members.join(","));
    let mut count = 0_u32;
    let began = Instant::now();
    while began.elapsed().as_secs_f64() < bench.seconds / 20.0 {
        for _ in 0..100 {
            black_box(serde_json::from_str::<serde_json::Value>(black_box(&text)).ok());
        }
        count += 100;
    }
    let per_document = began.elapsed().as_secs_f64() * 1e3 / f64::from(count);
    per_document * 1_024.0 / text.len() as f64
}
