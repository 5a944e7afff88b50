//! What the process costs before anybody asks for anything.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::bench::Bench;
use crate::bench::figure::{Bar, Figure, Limit};
use crate::client::Client;
use crate::server::Server;

/// W6: an empty store: how long until the first answer, and how much memory is held when nothing
/// happens.
pub(super) async fn start_up(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let folder = bench.fresh_folder()?;
    let began = Instant::now();
    let server = Server::start(&bench.binary, &folder)?;
    Client::new(server.address).expect("ListStateMachines", &json!({})).await?;
    let start_up = began.elapsed();
    tokio::time::sleep(Duration::from_millis(500)).await;
    Ok(vec![
        Figure::new(
            "W6: start of the process to its first answer, empty store",
            "ms",
            start_up.as_secs_f64() * 1e3,
        )
        .against(&[Limit::Sync])
        .bar(Bar::at_most(30.0)),
        Figure::new(
            "W6: memory when idle, empty store",
            "MiB",
            server.resident_bytes()? as f64 / 1_048_576.0,
        )
        .bar(Bar::at_most(20.0)),
    ])
}
