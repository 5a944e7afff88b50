//! How fast the release binary is, beside what the machine could do at most, measured in the same
//! run and with the same load generator.

mod bare;
mod limits;
mod report;
mod workloads;

use std::fs;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

pub(crate) use self::bare::bare_server;
use self::report::{Measure, table};
use crate::process::{cargo_run, release_binary, root, target};

/// Where the table stands in `docs/performance.md`.
const TABLE_BEGIN: &str = "<!-- bench: begin -->";
const TABLE_END: &str = "<!-- bench: end -->";

/// The guard's floor: executions of ten states per request that a bare server answers. Far below
/// what is measured on any machine; only a loss of an order of magnitude falls under it.
const GUARD_RATIO_MIN: f64 = 0.01;

/// What `cargo xtask bench` takes.
#[derive(Args)]
pub(crate) struct BenchArguments {
    /// How often everything is measured; the middle value and the spread are shown.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// A second per workload instead of ten, and the guard: fails where speed was lost by an
    /// order of magnitude.
    #[arg(long)]
    short: bool,
    /// Writes the table into docs/performance.md.
    #[arg(long)]
    write: bool,
}

impl BenchArguments {
    /// For every change.
    pub(crate) fn guard() -> BenchArguments {
        BenchArguments { runs: 1, short: true, write: false }
    }
}

/// Where a run of the bench works.
struct Bench {
    binary: PathBuf,
    folder: PathBuf,
    seconds: f64,
}

/// Measures, and prints the table.
///
/// # Errors
/// Where a workload fails, or the guard's floor is not reached.
pub(crate) fn run(arguments: &BenchArguments) -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        // The load generator must not be what is slow.
        let mut passed_on = vec!["bench".to_owned(), format!("--runs={}", arguments.runs)];
        let flags = [("--short", arguments.short), ("--write", arguments.write)];
        passed_on.extend(flags.iter().filter(|(_, set)| *set).map(|(flag, _)| (*flag).to_owned()));
        release_binary()?;
        return cargo_run("xtask", "xtask", &passed_on);
    }
    let bench = Bench {
        binary: release_binary()?,
        folder: target().join("bench-data"),
        seconds: if arguments.short { 1.0 } else { 10.0 },
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut runs = Vec::new();
    for run in 1..=arguments.runs.max(1) {
        println!("bench: run {run} of {}", arguments.runs);
        runs.push(runtime.block_on(measure(&bench))?);
    }
    let table = table(&runs);
    print!("{table}");
    if arguments.write {
        write_table(&table)?;
    }
    let ratio = runs.iter().map(report::guard_ratio).fold(f64::INFINITY, f64::min);
    if arguments.short && ratio < GUARD_RATIO_MIN {
        bail!("bench: {ratio:.4} executions per bare request, under {GUARD_RATIO_MIN}");
    }
    Ok(())
}

/// Everything, once.
async fn measure(bench: &Bench) -> anyhow::Result<Vec<Measure>> {
    let mut measures = limits::disk(bench)?;
    measures.extend(limits::bare_http(bench).await?);
    measures.extend(workloads::start_up(bench).await?);
    measures.extend(workloads::chain(bench).await?);
    measures.extend(workloads::nested(bench).await?);
    Ok(measures)
}

impl Bench {
    /// An empty folder.
    fn fresh_folder(&self) -> anyhow::Result<PathBuf> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)?;
        }
        fs::create_dir_all(&self.folder)?;
        Ok(self.folder.clone())
    }
}

/// Puts the table where the old one was.
fn write_table(table: &str) -> anyhow::Result<()> {
    let path = root().join("docs/performance.md");
    let text = fs::read_to_string(&path)?;
    let (Some((before, _)), Some((_, after))) =
        (text.split_once(TABLE_BEGIN), text.split_once(TABLE_END))
    else {
        bail!("{} has no place for the table", path.display());
    };
    fs::write(&path, format!("{before}{TABLE_BEGIN}\n\n{table}\n{TABLE_END}{after}"))?;
    Ok(())
}
