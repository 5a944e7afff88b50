//! Random JSONata expressions, held against the reference implementation.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::bail;

use crate::process::{check, run_binary, target};
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
    run_binary("fuzz-differential", &all)
}

/// The folder that has the package, which is installed once.
fn packages() -> anyhow::Result<PathBuf> {
    let folder = target().join("oracle");
    let is_there = Command::new("node").arg("--version").output().is_ok();
    if !is_there {
        bail!("the node command is not installed");
    }
    let installed = folder.join("node_modules/jsonata/package.json");
    let version = PACKAGE.split('@').next_back().unwrap_or_default();
    let wanted = format!("\"version\": \"{version}\"");
    if !fs::read_to_string(&installed).is_ok_and(|package| package.contains(&wanted)) {
        fs::create_dir_all(&folder)?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-package-lock", "--no-audit", "--no-fund", PACKAGE]);
        check(npm.current_dir(&folder))?;
    }
    Ok(folder)
}
