//! How fast the binary is, beside what the machine could do at most, measured in the same
//! run and with the same load generator.

mod bare;
mod drive;
mod figure;
mod guard;
mod limits;
mod peers;
mod report;
mod workloads;

use std::fs;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

pub(crate) use self::bare::bare_server;
use self::figure::{Figure, Run};
use self::workloads::Workload;
use crate::process::{binary, packed_binary, root, run_binary, target};

/// What `cargo xtask bench` takes.
#[derive(Args)]
pub(crate) struct BenchArguments {
    /// How often everything is measured; the middle value and the spread are shown.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// A second per workload instead of ten, and the guard: fails where work became twice
    /// as dear, measured by what the machine can do at most.
    #[arg(long)]
    short: bool,
    /// Writes the table into docs/performance.md, where that has a place for what was asked for;
    /// with --short, what the guard compares with.
    #[arg(long)]
    write: bool,
    /// Measures the peers that are installed, or can be, as well.
    #[arg(long)]
    peers: bool,
    /// Measures these alone.
    #[arg(long, value_enum)]
    only: Vec<Workload>,
    /// Executions of the workloads that need many.
    #[arg(long, default_value_t = 1_000_000)]
    count: usize,
    /// Minutes of the workload that takes long.
    #[arg(long, default_value_t = 60)]
    minutes: usize,
}

impl BenchArguments {
    /// For every change.
    pub(crate) fn guard() -> BenchArguments {
        BenchArguments {
            runs: 3,
            short: true,
            write: false,
            peers: false,
            only: Workload::GUARDED.to_vec(),
            count: 0,
            minutes: 0,
        }
    }

    /// The same, as they are typed.
    fn words(&self) -> Vec<String> {
        let mut words = vec!["bench".to_owned()];
        words.push(format!("--runs={}", self.runs));
        words.push(format!("--count={}", self.count));
        words.push(format!("--minutes={}", self.minutes));
        let flags = [("--short", self.short), ("--write", self.write), ("--peers", self.peers)];
        words.extend(flags.iter().filter(|(_, set)| *set).map(|(flag, _)| (*flag).to_owned()));
        for workload in &self.only {
            words.push(format!("--only={}", workload.name()));
        }
        words
    }

    /// The name of the place that `docs/performance.md` has for the table.
    fn place(&self) -> String {
        let mut place = "bench".to_owned();
        if self.peers {
            return place + " --peers";
        }
        for workload in &self.only {
            place += &format!(" --only {}", workload.name());
        }
        place
    }

    fn workloads(&self) -> &[Workload] {
        match (self.only.as_slice(), self.short) {
            ([], true) => &Workload::GUARDED,
            ([], false) => &Workload::PLAIN,
            (some, _) => some,
        }
    }
}

/// Where a run of the bench works.
struct Bench {
    binary: PathBuf,
    folder: PathBuf,
    /// For how long each workload is measured.
    seconds: f64,
    /// How many executions the workloads make that need many.
    count: usize,
    /// For how long the longest workload is measured.
    minutes: usize,
}

/// Measures, and prints the table.
///
/// # Errors
/// Where a workload fails, or the guard sees that something became dearer.
pub(crate) fn run(arguments: &BenchArguments) -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        // The load generator must not be what is slow.
        return run_binary("xtask", &arguments.words());
    }
    let bench = Bench {
        // The guard sees what is a half slower, and does not wait for the other build.
        binary: if arguments.short { binary("stairwell")? } else { packed_binary()? },
        folder: target().join("bench-data"),
        seconds: if arguments.short { 1.0 } else { 10.0 },
        count: arguments.count,
        minutes: arguments.minutes,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut runs = Vec::new();
    for run in 1..=arguments.runs.max(1) {
        println!("bench: run {run} of {}", arguments.runs);
        runs.push(runtime.block_on(measure(&bench, arguments))?);
    }
    let table = report::table(&runs);
    print!("{table}");
    fs::remove_dir_all(&bench.folder)?;
    match (arguments.short, arguments.write) {
        (true, true) => guard::write(&runs),
        (true, false) => guard::check(&runs),
        (false, true) => write_table(&arguments.place(), &table),
        (false, false) => Ok(()),
    }
}

/// Everything, once.
async fn measure(bench: &Bench, arguments: &BenchArguments) -> anyhow::Result<Run> {
    let limits = limits::limits(bench).await?;
    let mut figures: Vec<Figure> = Vec::new();
    for workload in arguments.workloads() {
        figures.extend(workload.measure(bench).await?);
    }
    if arguments.peers {
        figures.extend(peers::measure(bench).await?);
    }
    Ok(Run { limits, figures })
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
fn write_table(place: &str, table: &str) -> anyhow::Result<()> {
    let begin = format!("<!-- {place}: begin -->");
    let end = format!("<!-- {place}: end -->");
    let path = root().join("docs/performance.md");
    let text = fs::read_to_string(&path)?;
    let (Some((before, _)), Some((_, after))) = (text.split_once(&begin), text.split_once(&end))
    else {
        bail!("{} has no place for the table: no line {begin}", path.display());
    };
    fs::write(&path, format!("{before}{begin}\n\n{table}\n{end}{after}"))?;
    Ok(())
}
