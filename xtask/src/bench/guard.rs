//! The guard against losing speed: what the work costs as a multiple of what the machine's own
//! limit costs, set against what it was when the guard was last written.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail};

use super::figure::Run;
use crate::process::root;

/// A speed that drops to a half is a cost that doubles. Less cannot be told from what the machine
/// is: where waking a thread is dear, the same server costs up to twice the ratio.
const GROWTH_MAX: f64 = 2.0;

const HEADER: &str = "\
# What the work costs, as a multiple of the machine's own limit in the same run: processor time of
# the server for each execution, by that of a bare HTTP server for each request.
# Written by `cargo xtask bench --short --write`.
";

/// The least of each guarded ratio over the runs: what disturbs a run makes it dearer, never
/// cheaper.
fn ratios(runs: &[Run]) -> BTreeMap<&'static str, f64> {
    let mut least = BTreeMap::new();
    for run in runs {
        for figure in &run.figures {
            let (Some(name), Some(limit)) = (figure.guard, figure.against.first()) else {
                continue;
            };
            let ratio = figure.value / run.limit(*limit);
            let entry = least.entry(name).or_insert(f64::INFINITY);
            *entry = ratio.min(*entry);
        }
    }
    least
}

/// Fails where a cost has doubled.
///
/// # Errors
/// Names what became dearer, or what is not known yet.
pub(super) fn check(runs: &[Run]) -> anyhow::Result<()> {
    let text = fs::read_to_string(file()).context("no file of the guard")?;
    let before: BTreeMap<String, f64> = toml::from_str(&text)?;
    let mut complaints = Vec::new();
    for (name, now) in ratios(runs) {
        match before.get(name) {
            Some(before) if now <= before * GROWTH_MAX => {
                println!("guard: {name} {now:.2}, was {before:.2}");
            }
            Some(before) => complaints.push(format!("{name} costs {now:.2}, was {before:.2}")),
            None => complaints.push(format!("{name} is not known: write the guard")),
        }
    }
    if complaints.is_empty() {
        return Ok(());
    }
    bail!("guard: {}", complaints.join("; "))
}

/// Makes these runs what later ones are set against.
///
/// # Errors
/// Where the file cannot be written.
pub(super) fn write(runs: &[Run]) -> anyhow::Result<()> {
    let lines: String =
        ratios(runs).iter().map(|(name, ratio)| format!("{name} = {ratio:.2}\n")).collect();
    Ok(fs::write(file(), format!("{HEADER}{lines}"))?)
}

fn file() -> PathBuf {
    root().join("xtask/bench-guard.toml")
}
