//! A chain of ten Pass states, Standard and Express.

use std::time::Duration;

use super::chain;
use crate::bench::Bench;
use crate::bench::drive::{
    CLIENTS, create, drive, median_milliseconds, run_synchronously, run_to_its_end,
};
use crate::bench::figure::{Bar, Figure, Limit};
use crate::server::Server;

/// W1: started and asked for until it is seen to have succeeded, durable.
pub(super) async fn standard(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let server = Server::start(&bench.binary, &bench.fresh_folder()?)?;
    let machine = create(&server, "bench-chain", false, &chain(10)).await?;
    let run = run_to_its_end(&machine, Duration::ZERO);
    let many = drive(&server, CLIENTS, bench.seconds, run.clone()).await?;
    let memory = server.resident_bytes()? as f64 / 1e6;
    let mut one = drive(&server, 1, bench.seconds / 2.0, run).await?;
    Ok(vec![
        Figure::new(
            "W1: 10 Pass states until seen to succeed, 32 clients",
            "executions/s",
            many.rate,
        )
        .against(&[Limit::Log, Limit::BareRate])
        .bar(Bar::at_least(10_000.0).or(0.11, Limit::BareRate)),
        Figure::new("W1: processor time of the server", "ms/execution", many.cpu_milliseconds)
            .against(&[Limit::BareCpu])
            .bar(Bar::at_most(0.12))
            .guarded("chain"),
        Figure::new("W1: 1 client, median", "ms", median_milliseconds(&mut one.times))
            .against(&[Limit::Sync, Limit::BareLatency])
            .bar(Bar::at_most(0.5).or(3.0, Limit::Sync)),
        Figure::new("W1: memory after it", "MB", memory),
    ])
}

/// W3: by StartSyncExecution, which keeps nothing.
pub(super) async fn express(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let server = Server::start(&bench.binary, &bench.fresh_folder()?)?;
    let machine = create(&server, "bench-express", true, &chain(10)).await?;
    let run = run_synchronously(&machine);
    let many = drive(&server, CLIENTS, bench.seconds, run.clone()).await?;
    let mut one = drive(&server, 1, bench.seconds / 2.0, run).await?;
    Ok(vec![
        Figure::new(
            "W3: 10 Pass states by StartSyncExecution, 32 clients",
            "requests/s",
            many.rate,
        )
        .against(&[Limit::BareRate])
        .bar(Bar::at_least(40_000.0).or(0.4, Limit::BareRate)),
        Figure::new("W3: processor time of the server", "ms/request", many.cpu_milliseconds)
            .against(&[Limit::BareCpu])
            .guarded("express"),
        Figure::new("W3: 1 client, median", "ms", median_milliseconds(&mut one.times))
            .against(&[Limit::BareLatency])
            .bar(Bar::at_most(0.15)),
    ])
}
