//! Every script of the project: `cargo xtask <command>`.
//!
//! `test` is all of CI and the one command that a change must pass. The others are its parts, and
//! the longer runs that a machine does at night.

mod bench;
mod client;
mod crash;
mod differential;
mod disk;
mod process;
mod rust_tests;
mod server;
mod suites;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The scripts of Stairwell.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// All of CI: installs or builds what the tests need, runs every suite, and ends with a line
    /// `N passed, N failed`.
    #[command(visible_alias = "ci")]
    Test(suites::TestArguments),
    /// Checks the rules of the house that no lint knows.
    Tidy,
    /// Kills a server under load with SIGKILL, again and again, and looks for what was lost or
    /// done twice.
    Crash(crash::CrashArguments),
    /// Runs the embedded store on a simulated disk that fails, from seeds.
    Disk(disk::DiskArguments),
    /// Runs seeded worlds in simulated time: `cargo xtask simulate -- --help` lists its options.
    Simulate {
        /// Passed on to the simulator.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Runs the fuzz targets with the seeded mutator, which needs no nightly toolchain.
    Fuzz {
        /// Passed on to the mutator.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Holds random JSONata expressions against the reference implementation, which needs Node.js.
    Differential {
        /// Passed on to the comparison.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measures the binary as it is packed, and the machine that it runs on.
    Bench(bench::BenchArguments),
    /// Answers every request with the same few bytes: the limit that `bench` compares with.
    #[command(hide = true)]
    BareServer,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Test(arguments) => suites::run(&arguments),
        Command::Tidy => tidy::run(),
        Command::Crash(arguments) => crash::run(&arguments),
        Command::Disk(arguments) => disk::run(&arguments),
        Command::Simulate { arguments } => process::run_binary("stairwell-simulate", &arguments),
        Command::Fuzz { arguments } => process::run_binary("fuzz-smoke", &arguments),
        Command::Differential { arguments } => differential::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::BareServer => bench::bare_server(),
    }
}
