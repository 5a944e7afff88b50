//! Worlds on a simulated disk, each from a seed.

use clap::Args;

use crate::process::{cargo, check};

/// What `cargo xtask disk` takes.
#[derive(Args)]
pub(crate) struct DiskArguments {
    /// Which seeds, such as 7..8: the first, and the one after the last.
    #[arg(long, default_value = "0..1000")]
    seeds: String,
    /// Ends after so many minutes, where seeds are left.
    #[arg(long)]
    minutes: Option<u64>,
}

/// Runs them with optimisation. A world that fails names its seed.
///
/// # Errors
/// Where one fails.
pub(crate) fn run(arguments: &DiskArguments) -> anyhow::Result<()> {
    let mut command = cargo(&["test", "--quiet", "--release", "--package"]);
    command.args(["stairwell-store-embedded", "--test", "disk", "--"]);
    command.args(["--exact", "worlds_from_seeds", "--nocapture"]);
    command.env("STAIRWELL_DISK_SEEDS", &arguments.seeds);
    if let Some(minutes) = arguments.minutes {
        command.env("STAIRWELL_DISK_MINUTES", minutes.to_string());
    }
    check(&mut command)
}
