//! Every test program of the workspace, as many at a time as there are cores: most of the long ones
//! use a single core, or wait for a disk.

use std::collections::VecDeque;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::process::{cargo, root};
use crate::suites::Count;

/// A test program.
struct Program {
    path: PathBuf,
    /// The folder of its package, in which it runs.
    folder: PathBuf,
}

/// Builds and runs them, with Python at that path, and prints what each says when it has ended.
///
/// # Errors
/// Where they cannot be built.
pub(crate) fn run(python: &Path) -> anyhow::Result<Count> {
    let programs = Mutex::new(programs()?);
    let total = Mutex::new(Count::default());
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(program) = take(&programs) {
                    let count = program.run(python);
                    *total.lock().expect("nobody panics with it") += count;
                }
            });
        }
    });
    Ok(total.into_inner()?)
}

fn take(programs: &Mutex<VecDeque<Program>>) -> Option<Program> {
    programs.lock().expect("nobody panics with it").pop_front()
}

/// Builds the programs, and returns them in the order in which cargo names them.
fn programs() -> anyhow::Result<VecDeque<Program>> {
    let arguments = [
        "test",
        "--quiet",
        "--workspace",
        "--no-run",
        "--message-format",
        "json-render-diagnostics",
    ];
    let output = cargo(&arguments).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("the tests cannot be built");
    }
    let mut programs = VecDeque::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let message: Value = serde_json::from_str(line).context("cargo says JSON")?;
        let is_test = message["profile"]["test"] == Value::Bool(true);
        let Some(path) = message["executable"].as_str().filter(|_| is_test) else { continue };
        let manifest = message["manifest_path"].as_str().context("it has a manifest")?;
        let folder = Path::new(manifest).parent().context("it lies in a folder")?.to_owned();
        programs.push_back(Program { path: path.into(), folder });
    }
    Ok(programs)
}

impl Program {
    /// Runs it, and counts what it says. One that dies before it can count has failed once.
    fn run(&self, python: &Path) -> Count {
        let name = self.path.strip_prefix(root()).unwrap_or(&self.path).display();
        let mut command = Command::new(&self.path);
        // Where botocore is, with which endpoints are compared.
        command.env("STAIRWELL_PYTHON", python).current_dir(&self.folder).stdin(Stdio::null());
        let began = Instant::now();
        let output = match command.output() {
            Ok(output) => output,
            Err(error) => {
                println!("{name}: {error}");
                return Count::FAILED;
            }
        };
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        let mut total = Count::default();
        said.lines().for_each(|line| total += count(line));
        let is_counted = output.status.success() || total.failed > 0;
        let seconds = began.elapsed().as_secs_f64();
        println!("{name} ({seconds:.1} s)\n{}{errors}", said.trim_start());
        if is_counted { total } else { Count::FAILED }
    }
}

/// The figures in `test result: ok. 3 passed; 0 failed; 1 ignored; …`; none in any other line.
fn count(line: &str) -> Count {
    let Some(figures) = line.strip_prefix("test result: ") else {
        return Count::default();
    };
    let figure = |word: &str| {
        let before = figures.split(word).next().filter(|before| before.len() < figures.len());
        let number = before.and_then(|before| before.trim_end().rsplit(' ').next());
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    Count { passed: figure("passed"), failed: figure("failed;"), skipped: figure("ignored") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_the_closing_line() {
        let line = "test result: FAILED. 30 passed; 2 failed; 1 ignored; 0 measured; 0 filtered";
        assert_eq!(count(line), Count { passed: 30, failed: 2, skipped: 1 });
        assert_eq!(count("test a::b ... ok"), Count::default());
    }
}
