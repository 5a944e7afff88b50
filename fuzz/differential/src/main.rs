//! Random JSONata expressions, held against the reference implementation.
//!
//! The same seed gives the same expressions, on every machine. What the reference implementation
//! answers comes from `oracle/jsonata.mjs`; where the two may differ, and why, is in [`rules`].

mod grammar;
mod rules;
mod run;

use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::run::{Oracle, Report, compare, evaluate};
use clap::Parser;

/// Expressions that one process of the reference implementation answers.
const CHUNK: u64 = 2_500;

/// Differences that are shown in full.
const SHOWN_MAX: usize = 20;

/// Holds random JSONata expressions against the reference implementation.
#[derive(Parser)]
struct Arguments {
    /// The folder whose `node_modules` holds the npm package `jsonata`.
    #[arg(long)]
    packages: PathBuf,
    /// How many expressions.
    #[arg(long, default_value_t = 100_000)]
    count: u64,
    /// Chooses the expressions; drawn and printed where it is not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Tries this expression alone, and shows both answers.
    #[arg(long)]
    expression: Option<String>,
    /// Tries the expression of this iteration alone.
    #[arg(long)]
    iteration: Option<u64>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let oracle = Oracle { packages: arguments.packages };
    if let Some(expression) = arguments.expression {
        return try_one(&oracle, expression);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seed = arguments.seed.unwrap_or(now.as_millis() as u64);
    println!("differential: --seed {seed}");
    let iterations = match arguments.iteration {
        Some(iteration) => iteration..iteration + 1,
        None => 0..arguments.count,
    };
    match compare_all(&oracle, seed, iterations) {
        Ok(report) => tell(&report, seed),
        Err(error) => {
            eprintln!("differential: {error}");
            ExitCode::FAILURE
        }
    }
}

fn try_one(oracle: &Oracle, expression: String) -> ExitCode {
    let actual = evaluate(&expression);
    match oracle.ask(&[expression]) {
        Ok(expected) => {
            println!("expected {:?}", expected[0]);
            println!("actual   {actual:?}");
            ExitCode::from(u8::from(expected[0] != actual))
        }
        Err(error) => {
            eprintln!("differential: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Compares chunk by chunk, on as many threads as there are processors.
fn compare_all(oracle: &Oracle, seed: u64, iterations: Range<u64>) -> std::io::Result<Report> {
    let threads = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let chunks = |thread: u64| {
        let first = iterations.start + thread * CHUNK;
        let starts = (first..iterations.end).step_by((threads * CHUNK) as usize);
        let end = iterations.end;
        starts.map(move |start| start..end.min(start + CHUNK))
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                let chunks = chunks(thread);
                scope.spawn(move || {
                    let mut report = Report::default();
                    for chunk in chunks {
                        report.add(compare(oracle, seed, chunk)?);
                    }
                    std::io::Result::Ok(report)
                })
            })
            .collect();
        let mut report = Report::default();
        for worker in workers {
            report.add(worker.join().expect("a comparison does not panic")?);
        }
        Ok(report)
    })
}

fn tell(report: &Report, seed: u64) -> ExitCode {
    let Report { same, values, by_rule, differences } = report;
    println!("differential: {same} the same, {values} of them values");
    for (reason, count) in by_rule {
        println!("differential: {count} differ: {reason}");
    }
    for found in differences.iter().take(SHOWN_MAX) {
        println!("differential: {}", found.expression);
        println!("    expected {:?}", found.expected);
        println!("    actual   {:?}", found.actual);
        let iteration = found.iteration;
        println!("rerun: cargo xtask differential --seed {seed} --iteration {iteration}");
    }
    if differences.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("differential: {} differ, and no rule says why", differences.len());
    ExitCode::FAILURE
}
