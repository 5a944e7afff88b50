//! The stairwell command: the one place that puts the other crates together.

mod arguments;
mod client;
mod configuration;
mod connections;
mod demo;
mod doctor;
mod execution_logs;
mod executions;
mod graph;
mod input;
mod integrations_list;
mod key_file;
mod nodes;
mod objects;
mod peer_listener;
mod policy;
mod policy_check;
mod print;
mod purge;
mod quotas;
mod record;
mod reload;
mod run;
mod security;
mod serve;
mod services;
mod sfn_client;
mod spelling;
mod storage;
mod threads;
mod validate;
mod words;

use std::io::Write;
use std::process::ExitCode;

use clap::FromArgMatches;
use clap_complete::Shell;

use crate::arguments::{Arguments, Command};

/// What it is to be called with wrongly, and what `run` returns where nothing could be started.
const USAGE: u8 = 2;

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let matches = arguments::command().get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if matches!(arguments.command, Command::Serve(_) | Command::Purge(_))
        && let Err(error) =
            spelling::check_variables(&arguments::command(), std::env::vars_os().map(|it| it.0))
    {
        eprintln!("stairwell: {error:#}");
        return ExitCode::from(1);
    }
    let (result, failure) = match arguments.command {
        Command::Serve(arguments) => {
            let matches = matches.subcommand_matches("serve").expect("this is the subcommand");
            (serve::serve(&arguments, matches), 1)
        }
        Command::Run(arguments) => (run::run(&arguments), USAGE),
        Command::Purge(arguments) => (purge::purge(&arguments), 1),
        Command::Doctor(arguments) => (doctor::doctor(&arguments), 1),
        Command::Nodes(arguments) => (nodes::nodes(&arguments), 1),
        Command::Validate(arguments) => (validate::validate(&arguments), USAGE),
        Command::Graph(arguments) => (graph::graph(&arguments), USAGE),
        Command::Why(arguments) => (executions::why(&arguments), USAGE),
        Command::Tree(arguments) => (executions::tree(&arguments), USAGE),
        Command::Wait(arguments) => (executions::wait(&arguments), USAGE),
        Command::Tail(arguments) => (executions::tail(&arguments), USAGE),
        Command::Policy(arguments) => (policy::policy(&arguments), USAGE),
        Command::Demo(arguments) => (demo::demo(&arguments), 1),
        Command::Record(arguments) => (record::record(&arguments), USAGE),
        Command::Integrations => (integrations_list::print(), 1),
        Command::Version => (version(), 1),
        Command::Completions { shell } => (completions(shell), 1),
    };
    match result {
        Ok(status) => status,
        Err(error) if print::nobody_reads(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stairwell: {error:#}");
            ExitCode::from(failure)
        }
    }
}

/// Whether that is the text of a configuration file of a server.
///
/// # Errors
/// Where it is not, with what is wrong.
pub fn check_configuration(text: &str) -> anyhow::Result<()> {
    configuration::check(text)
}

fn version() -> anyhow::Result<ExitCode> {
    print::line(format_args!("stairwell {}", env!("CARGO_PKG_VERSION")))?;
    Ok(ExitCode::SUCCESS)
}

fn completions(shell: Shell) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut arguments::command(), "stairwell", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
