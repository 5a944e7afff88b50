//! A parent that waits for a child.

use std::time::Duration;

use serde_json::json;

use crate::bench::Bench;
use crate::bench::drive::{CLIENTS, create, drive, median_milliseconds, run_to_its_end};
use crate::bench::figure::{Bar, Figure, Limit};
use crate::server::Server;

/// W2: `startExecution.sync:2` of a child of one Pass state.
pub(super) async fn nested(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let server = Server::start(&bench.binary, &bench.fresh_folder()?)?;
    let pass = json!({"Type": "Pass", "End": true});
    let child = json!({"StartAt": "Only", "States": {"Only": pass}});
    let child = create(&server, "bench-child", false, &child).await?;
    let task = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": {"StateMachineArn": child, "Input": {"from": "parent"}},
        "End": true,
    });
    let parent = json!({"StartAt": "Ask", "States": {"Ask": task}});
    let parent = create(&server, "bench-parent", false, &parent).await?;
    // Asking without a pause would cost more than what is asked for, where syncs are slow.
    let run = run_to_its_end(&parent, Duration::from_millis(1));
    let many = drive(&server, CLIENTS, bench.seconds, run).await?;
    let run = run_to_its_end(&parent, Duration::ZERO);
    let mut one = drive(&server, 1, bench.seconds / 2.0, run).await?;
    Ok(vec![
        Figure::new("W2: parent and child (`.sync:2`), 32 clients", "parents/s", many.rate)
            .against(&[Limit::Log, Limit::BareRate])
            .bar(Bar::at_least(5_000.0)),
        Figure::new("W2: processor time of the server", "ms/parent", many.cpu_milliseconds)
            .against(&[Limit::BareCpu])
            .guarded("nested"),
        Figure::new("W2: 1 client, median", "ms", median_milliseconds(&mut one.times))
            .against(&[Limit::Sync, Limit::BareLatency])
            .bar(Bar::at_most(1.0).or(6.0, Limit::Sync)),
    ])
}
