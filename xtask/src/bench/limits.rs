//! What the machine can do at most.

use std::fs::File;
use std::io::Write;
use std::process::Command;
use std::time::Instant;

use super::Bench;
use super::report::{Key, Measure};
use super::workloads::{CLIENTS, drive, median_milliseconds};
use crate::server::Server;

/// Bytes that an execution of ten states adds to a log, about.
const LOG_RECORD_BYTES: usize = 3_000;

/// How long a small write takes to be durable, and how many records a log takes when as many as
/// there are clients share a sync.
pub(super) fn disk(bench: &Bench) -> anyhow::Result<Vec<Measure>> {
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
    Ok(vec![
        Measure::new(Key::SyncMilliseconds, median_milliseconds(&mut times)),
        Measure::new(Key::LogRate, rate),
    ])
}

/// How many requests the load generator gets answered by a server that does nothing.
pub(super) async fn bare_http(bench: &Bench) -> anyhow::Result<Vec<Measure>> {
    let server = Server::spawn(Command::new(std::env::current_exe()?).arg("bare-server"))?;
    let body = r#"{"stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:chain",
"input":"{\"from\":\"bench\"}"}"#;
    let request = async |client: &mut crate::client::Client| {
        client.call("StartExecution", body).await.map(drop)
    };
    let many = drive(&server, CLIENTS, bench.seconds / 2.0, request).await?;
    let mut one = drive(&server, 1, bench.seconds / 2.0, request).await?;
    Ok(vec![
        Measure::new(Key::BareRate, many.rate),
        Measure::new(Key::BareCpu, many.cpu_milliseconds),
        Measure::new(Key::BareLatency, median_milliseconds(&mut one.times)),
    ])
}
