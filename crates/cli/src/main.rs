//! The stairwell command: the one place that puts the other crates together.

mod arguments;
mod client;
mod configuration;
mod demo;
mod input;
mod run;
mod serve;
mod validate;
mod words;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::arguments::{Arguments, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What it is to be called with wrongly, and what `run` returns where nothing could be started.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let matches = Arguments::command().get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match arguments.command {
        Command::Serve(arguments) => {
            let matches = matches.subcommand_matches("serve").expect("this is the subcommand");
            or_failure(serve::serve(&arguments, matches), 1)
        }
        Command::Run(arguments) => or_failure(run::run(&arguments), USAGE),
        Command::Validate(arguments) => validate::validate(&arguments),
        Command::Demo(arguments) => or_failure(demo::demo(&arguments), 1),
        Command::Version => {
            println!("stairwell {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Command::Completions { shell } => {
            let mut command = Arguments::command();
            clap_complete::generate(shell, &mut command, "stairwell", &mut std::io::stdout());
            ExitCode::SUCCESS
        }
    }
}

/// One line on standard error, and the exit status, where a command could not do its work.
fn or_failure(result: anyhow::Result<ExitCode>, status: u8) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("stairwell: {error:#}");
        ExitCode::from(status)
    })
}
