//! kill -9 under load: what was acknowledged must be there, and must have happened once.
//!
//! Each round starts the server on the same data folder, keeps a number of executions of several
//! shapes in flight, and kills it at a random moment. In the end everything must have ended, as
//! its definition says.

mod audit;
mod load;
mod shapes;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use clap::Args;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use tokio::sync::Notify;

use self::audit::Figures;
use self::load::Load;
use crate::process::{self, target};
use crate::server::Server;

/// What `cargo xtask crash` takes.
#[derive(Args)]
pub(crate) struct CrashArguments {
    /// How often the server is killed.
    #[arg(long, default_value_t = 10)]
    rounds: u64,
    /// How many executions are in flight when it is.
    #[arg(long, default_value_t = 200)]
    in_flight: usize,
    /// Chooses the moments.
    #[arg(long)]
    seed: Option<u64>,
    /// The server, where it is not to be built first.
    #[arg(long)]
    binary: Option<PathBuf>,
}

impl CrashArguments {
    /// A few rounds, for every change.
    pub(crate) fn smoke() -> CrashArguments {
        CrashArguments { rounds: 8, in_flight: 200, seed: None, binary: None }
    }
}

/// Runs the rounds, and prints the figures.
///
/// # Errors
/// Where anything was lost, done twice, or did not end.
pub(crate) fn run(arguments: &CrashArguments) -> anyhow::Result<()> {
    let binary = match &arguments.binary {
        Some(binary) => binary.clone(),
        None => process::binary("stairwell")?,
    };
    let clock = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let seed = arguments.seed.unwrap_or(u64::from(clock.subsec_nanos()));
    println!("crash: {} rounds, --seed {seed}", arguments.rounds);
    let data = target().join("crash-data");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let figures = runtime.block_on(rounds(arguments, &binary, &data, seed))?;
    println!("{figures}");
    figures.complaints.iter().take(20).for_each(|complaint| println!("crash: {complaint}"));
    if !figures.complaints.is_empty() {
        bail!(
            "crash: {} complaints; the data is kept in {}",
            figures.complaints.len(),
            data.display(),
        );
    }
    fs::remove_dir_all(&data)?;
    Ok(())
}

/// All rounds, and the audit.
async fn rounds(
    arguments: &CrashArguments,
    binary: &Path,
    data: &Path,
    seed: u64,
) -> anyhow::Result<Figures> {
    let began = Instant::now();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let load = Load::new(arguments.in_flight);
    let mut kills = Vec::new();
    let mut start_ups = Vec::new();
    for round in 0..arguments.rounds {
        let mut server = Server::start(binary, data).context("after a kill")?;
        start_ups.push(server.start_up);
        // Some kills come while the server takes up what the last one left, most under full load.
        let is_early = random.next_u32() % 8 == 0;
        let moment = Duration::from_micros(u64::from(random.next_u32() % 400_000));
        let ready = Notify::new();
        let until_kill = async {
            if !is_early {
                ready.notified().await;
            }
            tokio::time::sleep(moment).await;
        };
        // The load goes on while the server dies: only that loses answers.
        let mut running = std::pin::pin!(load.run(server.address, &ready));
        tokio::select! {
            Err(error) = &mut running => {
                return Err(error.context(format!("in round {round}, before the kill")));
            }
            () = until_kill => {}
        }
        kills.push(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64());
        server.kill()?;
        if round % 50 == 49 {
            println!("crash: {} rounds, {} started", round + 1, load.started());
        }
    }
    let server = Server::start(binary, data).context("after the last kill")?;
    start_ups.push(server.start_up);
    load.finish(server.address).await?;
    let mut figures = audit::audit(&load, server.address, &kills).await?;
    figures.rounds = arguments.rounds;
    figures.restart = median(&mut start_ups);
    figures.elapsed = began.elapsed();
    if arguments.rounds > 0 && figures.in_flight_median < arguments.in_flight {
        let in_flight = figures.in_flight_median;
        figures.complaints.push(format!("only {in_flight} executions were in flight at a kill"));
    }
    Ok(figures)
}

/// The middle one.
fn median(durations: &mut [Duration]) -> Duration {
    durations.sort();
    durations.get(durations.len() / 2).copied().unwrap_or_default()
}
