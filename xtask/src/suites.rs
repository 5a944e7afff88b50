//! All of CI, as a list of suites, each of which runs even where one before it failed.

use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{BufRead, BufReader};
use std::ops::AddAssign;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use crate::process::{binary, cargo, check, root, run_binary, target};
use crate::{bench, crash, differential, rust_tests, tidy};

/// What `cargo xtask test` takes.
#[derive(Args)]
pub(crate) struct TestArguments {
    /// Runs these suites alone.
    #[arg(long, value_enum)]
    only: Vec<Suite>,
}

/// A suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// rustfmt
    Format,
    /// The rules that no lint knows
    Tidy,
    /// clippy, with every warning an error
    Lints,
    /// rustdoc, with every warning an error
    Documentation,
    /// Every test of the workspace
    Rust,
    /// Seeded worlds: two fixed seeds, and a fresh one that is printed
    Simulation,
    /// The fuzz targets, with the seeded mutator
    Fuzz,
    /// 100,000 random JSONata expressions, held against the reference implementation
    Differential,
    /// The aws command, an AWS SDK and signals against the release binary
    EndToEnd,
    /// kill -9 under load
    Crash,
    /// A guard against losing half of the speed
    Bench,
}

/// How a suite went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Count {
    pub(crate) const PASSED: Count = Count { passed: 1, failed: 0, skipped: 0 };
    pub(crate) const SKIPPED: Count = Count { passed: 0, failed: 0, skipped: 1 };
    pub(crate) const FAILED: Count = Count { passed: 0, failed: 1, skipped: 0 };
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Count) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Count {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Count { passed, failed, skipped } = self;
        write!(formatter, "{passed} passed, {failed} failed")?;
        if *skipped > 0 {
            write!(formatter, ", {skipped} skipped")?;
        }
        Ok(())
    }
}

/// Runs the suites, and prints a summary.
///
/// # Errors
/// Where anything failed.
pub(crate) fn run(arguments: &TestArguments) -> anyhow::Result<()> {
    let mut total = Count::default();
    let mut lines = Vec::new();
    for suite in Suite::value_variants() {
        if !arguments.only.is_empty() && !arguments.only.contains(suite) {
            continue;
        }
        println!("── {suite:?}");
        let began = Instant::now();
        let count = suite.run().unwrap_or_else(|error| {
            println!("{suite:?}: {error:#}");
            Count::FAILED
        });
        lines.push(format!("{suite:?}: {count} ({:.0} s)", began.elapsed().as_secs_f64()));
        total += count;
    }
    println!("── Summary");
    lines.iter().for_each(|line| println!("{line}"));
    println!("{total}");
    if total.failed > 0 || total.passed == 0 {
        std::process::exit(1);
    }
    Ok(())
}

impl Suite {
    fn run(self) -> anyhow::Result<Count> {
        match self {
            Suite::Format => check(&mut cargo(&["fmt", "--all", "--check"]))?,
            Suite::Tidy => tidy::run()?,
            Suite::Lints => {
                let arguments = ["clippy", "--quiet", "--workspace", "--all-targets", "--"];
                check(cargo(&arguments).args(["-D", "warnings"]))?;
            }
            Suite::Documentation => {
                let mut command = cargo(&["doc", "--quiet", "--workspace", "--no-deps"]);
                check(command.env("RUSTDOCFLAGS", "-D warnings"))?;
            }
            Suite::Rust => return rust_tests::run(&python_environment()?),
            Suite::Simulation => simulation()?,
            Suite::Fuzz => {
                let arguments = ["--seconds", "20"].map(str::to_owned);
                run_binary("fuzz-smoke", &arguments)?;
            }
            Suite::Differential => return differential::suite(),
            Suite::EndToEnd => return end_to_end(),
            Suite::Crash => crash::run(&crash::CrashArguments::smoke())?,
            Suite::Bench => bench::run(&bench::BenchArguments::guard())?,
        }
        Ok(Count::PASSED)
    }
}

/// The simulator on seeds that are always the same, and on one that never was. Worlds of three
/// nodes have the former alone, while several nodes are not served yet.
fn simulation() -> anyhow::Result<()> {
    let fresh = RandomSeed::draw();
    for seed in ["1", "2", &fresh.0] {
        println!("simulation with --seed {seed}");
        let arguments = ["--executions", "10000", "--seed", seed].map(str::to_owned);
        run_binary("stairwell-simulate", &arguments)?;
    }
    for seed in ["1", "2"] {
        println!("simulation of three nodes with --seed {seed}");
        let arguments = ["--nodes", "--executions", "5000", "--seed", seed].map(str::to_owned);
        run_binary("stairwell-simulate", &arguments)?;
    }
    Ok(())
}

/// A seed that nobody chose.
struct RandomSeed(String);

impl RandomSeed {
    fn draw() -> RandomSeed {
        let mut hasher = DefaultHasher::new();
        std::time::SystemTime::now().hash(&mut hasher);
        std::process::id().hash(&mut hasher);
        RandomSeed((hasher.finish() >> 16).to_string())
    }
}

/// The Python tests against the release binary. They end with the same kind of line as this does.
fn end_to_end() -> anyhow::Result<Count> {
    let binary = binary("stairwell")?;
    let python = python_environment()?;
    let mut command = Command::new(&python);
    command.arg("e2e/run.py").current_dir(root());
    command.env("STAIRWELL_BINARY", binary);
    // Where the aws command is.
    let path = std::env::var("PATH").unwrap_or_default();
    let folder = python.parent().context("python lies in a folder")?;
    command.env("PATH", format!("{}:{path}", folder.display()));
    let (lines, succeeded) = watch(&mut command)?;
    let mut count = lines.last().and_then(|line| plain_count(line)).unwrap_or_default();
    if !succeeded && count.failed == 0 {
        count += Count::FAILED;
    }
    Ok(count)
}

/// The figures in `3 passed, 0 failed, 1 skipped`.
fn plain_count(line: &str) -> Option<Count> {
    let mut count = Count::default();
    for part in line.split(", ") {
        let (figure, word) = part.split_once(' ')?;
        let figure = figure.parse().ok()?;
        match word {
            "passed" => count.passed = figure,
            "failed" => count.failed = figure,
            "skipped" => count.skipped = figure,
            _ => return None,
        }
    }
    Some(count)
}

/// The Python of an environment of our own below `target`, with what `e2e/requirements.txt` names;
/// made where it is not there, or where that file has changed since.
fn python_environment() -> anyhow::Result<PathBuf> {
    let folder = target().join("venv");
    let python = folder.join("bin/python");
    let requirements = root().join("e2e/requirements.txt");
    let wanted = fs::read_to_string(&requirements)?;
    let stamp = folder.join("requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let make = || {
        let mut command = Command::new("python3");
        check(command.args(["-m", "venv", "--clear"]).arg(&folder))
    };
    if make().is_err() {
        // Debian keeps the part of Python that makes environments in a package of its own.
        check(Command::new("apt-get").args(["update", "--quiet"]))?;
        let packages = ["install", "--quiet", "--yes", "python3", "python3-venv", "python3-pip"];
        check(Command::new("apt-get").args(packages))?;
        make()?;
    }
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
    check(Command::new(&python).args(install).arg(&requirements))?;
    fs::write(&stamp, wanted)?;
    Ok(python)
}

/// Runs a command and shows its output, which it also returns by lines.
fn watch(command: &mut Command) -> anyhow::Result<(Vec<String>, bool)> {
    let mut process = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{command:?} did not start"))?;
    let Some(output) = process.stdout.take() else { bail!("the output is no pipe") };
    let mut lines = Vec::new();
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        lines.push(line);
    }
    Ok((lines, process.wait()?.success()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_the_closing_lines() {
        let expected = Count { passed: 30, failed: 2, skipped: 1 };
        assert_eq!(plain_count("30 passed, 2 failed, 1 skipped"), Some(expected));
        assert_eq!(plain_count("30 passed, 2 failed"), Some(Count { skipped: 0, ..expected }));
        assert_eq!(plain_count("done"), None);
        assert_eq!(expected.to_string(), "30 passed, 2 failed, 1 skipped");
    }
}
