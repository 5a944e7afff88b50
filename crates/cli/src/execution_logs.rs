//! Where execution logs go: what `--log-executions` says.

use std::env;
use std::fs::OpenOptions;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, bail};
use runtime::{ExecutionLogs, Integrations, LogDestination};

/// The integration that calls CloudWatch Logs.
const CLOUDWATCH_LOGS: &str = "aws-sdk:cloudwatchlogs";

/// A place for execution logs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LogExecutions {
    /// Nowhere.
    Off,
    /// Lines on standard output.
    StandardOutput,
    /// Lines at the end of a file.
    File(PathBuf),
    /// The log groups that state machines name.
    CloudWatchLogs,
}

impl FromStr for LogExecutions {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<LogExecutions> {
        Ok(match text {
            "off" => LogExecutions::Off,
            "stdout" => LogExecutions::StandardOutput,
            "cloudwatch" => LogExecutions::CloudWatchLogs,
            other => match other.strip_prefix("file:") {
                Some(path) if !path.is_empty() => LogExecutions::File(path.into()),
                _ => bail!(
                    "execution logs go to 'stdout', 'file:PATH', 'cloudwatch' or 'off', and not \
                     to '{other}'"
                ),
            },
        })
    }
}

/// Opens the place that was named, or the one that goes without saying.
///
/// # Errors
/// Where a file cannot be opened, or nothing calls CloudWatch Logs.
pub(crate) fn open(
    place: Option<&LogExecutions>,
    integrations: &Integrations,
) -> anyhow::Result<Option<ExecutionLogs>> {
    match place {
        Some(place) => place.open(integrations),
        None => LogExecutions::unsaid(integrations).open(integrations),
    }
}

impl LogExecutions {
    /// Where they go when nothing is said: to CloudWatch Logs where an endpoint of it is known, so
    /// that what reads them there finds them; else to standard output.
    fn unsaid(integrations: &Integrations) -> LogExecutions {
        let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_known = is_set("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS") || is_set("AWS_ENDPOINT_URL");
        if is_known && integrations.calls(CLOUDWATCH_LOGS) {
            LogExecutions::CloudWatchLogs
        } else {
            LogExecutions::StandardOutput
        }
    }

    fn open(&self, integrations: &Integrations) -> anyhow::Result<Option<ExecutionLogs>> {
        let destination = match self {
            LogExecutions::Off => return Ok(None),
            LogExecutions::StandardOutput => LogDestination::Writer(Box::new(io::stdout())),
            LogExecutions::File(path) => {
                let file = OpenOptions::new().create(true).append(true).open(path);
                let file = file.with_context(|| {
                    format!("the file of execution logs {} cannot be opened", path.display())
                })?;
                LogDestination::Writer(Box::new(file))
            }
            LogExecutions::CloudWatchLogs if integrations.calls(CLOUDWATCH_LOGS) => {
                LogDestination::CloudWatchLogs
            }
            LogExecutions::CloudWatchLogs => bail!("nothing in this process calls CloudWatch Logs"),
        };
        Ok(Some(ExecutionLogs { destination, line: api::log_line }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named() {
        for (text, expected) in [
            ("off", LogExecutions::Off),
            ("stdout", LogExecutions::StandardOutput),
            (
                "file:/var/log/executions.jsonl",
                LogExecutions::File("/var/log/executions.jsonl".into()),
            ),
            ("cloudwatch", LogExecutions::CloudWatchLogs),
        ] {
            assert_eq!(text.parse::<LogExecutions>().expect("it is one"), expected);
        }
        for text in ["", "file:", "syslog", "STDOUT"] {
            assert!(text.parse::<LogExecutions>().is_err(), "{text}");
        }
    }
}
