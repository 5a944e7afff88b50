//! Executions of thousands of transitions.

use std::time::Duration;

use serde_json::{Value, json};

use super::chain;
use crate::bench::Bench;
use crate::bench::drive::{create, drive, median_milliseconds, run_synchronously, run_to_its_end};
use crate::bench::figure::{Bar, Figure, Limit};
use crate::server::Server;

/// Connections for work of which one execution keeps a core busy.
const FEW_CLIENTS: usize = 4;
/// Between two questions whether a long execution has ended, so that asking costs little.
const PAUSE: Duration = Duration::from_millis(1);
/// Rounds of the counting loop.
pub(super) const ROUNDS: usize = 1_000;
/// States of the long chain.
pub(super) const CHAIN_LENGTH: usize = 2_000;
/// Items of the Map.
const ITEMS: usize = 1_000;

/// W4: an inline Map with one Pass state for each item, durable.
pub(super) async fn map(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let server = Server::start(&bench.binary, &bench.fresh_folder()?)?;
    let items: Vec<usize> = (0..ITEMS).collect();
    let processor = json!({"StartAt": "Each", "States": {"Each": {"Type": "Pass", "End": true}}});
    let definition = json!({"StartAt": "Items", "States": {
        "Items": {"Type": "Pass", "Result": {"items": items}, "Next": "All"},
        "All": {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": processor, "End": true},
    }});
    let machine = create(&server, "bench-map", false, &definition).await?;
    let run = run_to_its_end(&machine, PAUSE);
    let mut one = drive(&server, 1, bench.seconds / 2.0, run).await?;
    Ok(vec![
        Figure::new(
            "W4: inline Map of 1,000 items, 1 client, median",
            "ms",
            median_milliseconds(&mut one.times),
        )
        .against(&[Limit::Sync])
        .bar(Bar::at_most(12.0)),
        Figure::new("W4: processor time of the server", "ms/execution", one.cpu_milliseconds),
    ])
}

/// W5: transitions a second of a counting loop and of a long chain.
pub(super) async fn loops(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let in_memory = Server::start_in_memory(&bench.binary)?;
    let counting = transitions_in_memory(bench, &in_memory, "counting", &counting()).await?;
    let chain =
        transitions_in_memory(bench, &in_memory, "long-chain", &chain(CHAIN_LENGTH)).await?;
    drop(in_memory);
    let server = Server::start(&bench.binary, &bench.fresh_folder()?)?;
    let machine = create(&server, "bench-counting", false, &self::counting()).await?;
    let run = run_to_its_end(&machine, PAUSE);
    let durable = drive(&server, FEW_CLIENTS, bench.seconds / 2.0, run).await?;
    Ok(vec![
        Figure::new("W5: counting loop in memory (Express)", "transitions/s", counting.0)
            .bar(Bar::at_least(500_000.0)),
        Figure::new("W5: processor time of the server", "ms/1,000 transitions", counting.1)
            .against(&[Limit::Parse]),
        Figure::new("W5: chain of 2,000 Pass states in memory (Express)", "transitions/s", chain.0)
            .bar(Bar::at_least(2_000_000.0)),
        Figure::new("W5: processor time of the server, chain", "ms/1,000 transitions", chain.1)
            .against(&[Limit::Parse]),
        Figure::new(
            "W5: counting loop, durable",
            "transitions/s",
            durable.rate * (2 * ROUNDS) as f64,
        )
        .bar(Bar::at_least(150_000.0)),
    ])
}

/// Transitions a second, and milliseconds of processor time for a thousand of them.
async fn transitions_in_memory(
    bench: &Bench,
    server: &Server,
    name: &str,
    definition: &Value,
) -> anyhow::Result<(f64, f64)> {
    let machine = create(server, name, true, definition).await?;
    let run = run_synchronously(&machine);
    let drive = drive(server, FEW_CLIENTS, bench.seconds / 2.0, run).await?;
    // Both make as many.
    let transitions = (2 * ROUNDS) as f64;
    Ok((drive.rate * transitions, drive.cpu_milliseconds * 1e3 / transitions))
}

/// A Choice and a Pass that adds one, again and again.
pub(super) fn counting() -> Value {
    json!({"StartAt": "Begin", "States": {
        "Begin": {"Type": "Pass", "Result": {"count": 0}, "Next": "Enough"},
        "Enough": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.count", "NumericGreaterThanEquals": ROUNDS, "Next": "Done"},
            ],
            "Default": "Add",
        },
        "Add": {
            "Type": "Pass",
            "Parameters": {"count.$": "States.MathAdd($.count, 1)"},
            "Next": "Enough",
        },
        "Done": {"Type": "Succeed"},
    }})
}
