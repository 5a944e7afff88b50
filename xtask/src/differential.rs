//! Random JSONata expressions, held against the reference implementation.

use std::path::PathBuf;
use std::process::Command;

use anyhow::bail;

use crate::process::{npm_packages, run_binary};
use crate::suites::Count;

/// The reference implementation, as npm names it.
const PACKAGE: &str = "jsonata@2.0.6";

/// The same expressions on each machine: what a fresh seed finds is no fault of a change.
const SUITE: [&str; 4] = ["--seed", "1", "--count", "100000"];

/// Compares, where Node.js is there.
pub(crate) fn suite() -> anyhow::Result<Count> {
    match packages() {
        Ok(packages) => compare(packages, &SUITE.map(str::to_owned)).map(|()| Count::PASSED),
        Err(reason) => {
            println!("differential: skipped: {reason:#}");
            Ok(Count::SKIPPED)
        }
    }
}

/// Compares with these arguments.
///
/// # Errors
/// Where Node.js or the package cannot be had, or something differs.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    compare(packages()?, arguments)
}

fn compare(packages: PathBuf, arguments: &[String]) -> anyhow::Result<()> {
    let mut all = vec!["--packages".to_owned(), packages.display().to_string()];
    all.extend_from_slice(arguments);
    run_binary("stairwell-differential", &all)
}

/// The folder that has the package.
fn packages() -> anyhow::Result<PathBuf> {
    if Command::new("node").arg("--version").output().is_err() {
        bail!("the node command is not installed");
    }
    npm_packages("oracle", &[PACKAGE])
}
