//! Runs the fuzz targets with the seeded mutator, on the stable toolchain.

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use stairwell_fuzz::{Mutator, TARGETS, Target};

/// Runs the fuzz targets.
#[derive(Parser)]
struct Arguments {
    /// How long, all targets together.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Chooses the inputs; drawn and printed where it is not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Runs this target alone.
    #[arg(long)]
    target: Option<String>,
    /// Runs this iteration alone.
    #[arg(long)]
    iteration: Option<u64>,
    /// Writes what the mutator begins with into this folder, a folder a target, for libFuzzer to
    /// begin with, and runs nothing.
    #[arg(long)]
    write_seeds: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seed = arguments.seed.unwrap_or(now.as_millis() as u64);
    let wanted = |target: &&Target| arguments.target.as_deref().is_none_or(|it| it == target.name);
    let targets: Vec<&Target> = TARGETS.iter().filter(wanted).collect();
    if let Some(folder) = arguments.write_seeds {
        return match write_seeds(&targets, &folder) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("fuzz: {}: {error}", folder.display());
                ExitCode::FAILURE
            }
        };
    }
    println!("fuzz: --seed {seed}");
    let share = Duration::from_secs(arguments.seconds) / targets.len().max(1) as u32;
    let mut sound = !targets.is_empty();
    for target in targets {
        sound &= match arguments.iteration {
            Some(iteration) => run(target, seed, iteration..=iteration, Duration::MAX),
            None => run(target, seed, 0..=u64::MAX, share),
        };
    }
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Writes every seed of these targets into a file of its own.
fn write_seeds(targets: &[&Target], folder: &Path) -> std::io::Result<()> {
    for target in targets {
        let folder = folder.join(target.name);
        std::fs::create_dir_all(&folder)?;
        for (index, seed) in (target.seeds)().iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{index}")), seed)?;
        }
    }
    Ok(())
}

/// Runs iterations until time is up, or one panics.
fn run(target: &Target, seed: u64, iterations: impl Iterator<Item = u64>, limit: Duration) -> bool {
    let mutator = Mutator::new((target.seeds)());
    let began = Instant::now();
    let mut count = 0_u64;
    for iteration in iterations {
        let input = mutator.input(seed, iteration);
        let before = Instant::now();
        if catch_unwind(|| (target.run)(&input)).is_err() {
            let name = target.name;
            println!("fuzz: {name} broke with {:?}", String::from_utf8_lossy(&input));
            println!(
                "rerun: cargo xtask fuzz --target {name} --seed {seed} --iteration {iteration}"
            );
            return false;
        }
        if before.elapsed() > Duration::from_secs(5) {
            println!("fuzz: {} took {:?} for iteration {iteration}", target.name, before.elapsed());
            println!(
                "rerun: cargo xtask fuzz --target {} --seed {seed} --iteration {iteration}",
                target.name
            );
            return false;
        }
        count += 1;
        if began.elapsed() >= limit {
            break;
        }
    }
    println!("fuzz: {}: {count} inputs", target.name);
    true
}
