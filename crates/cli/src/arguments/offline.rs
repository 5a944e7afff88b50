//! What the commands take that work on a data folder which no server is using.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{ConfigurationFile, Days};

const PURGE_EXAMPLES: &str = "\
Examples:
  stairwell purge --dry-run                 tell what is older than is to be kept
  stairwell purge --retention-days 7        remove what ended more than a week ago

A server removes the same by itself while it runs. What is kept how long can also be said in
stairwell.toml, for single state machines by their names:
  retention-days = 90
  [machine-retention-days]
  nightly-import = 7
  audit = \"forever\"";

#[derive(Args, Debug)]
#[command(after_help = PURGE_EXAMPLES)]
pub(crate) struct PurgeArguments {
    /// Only tell what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The folder that keeps everything [default: ./stairwell-data]
    #[arg(long, env = "STAIRWELL_DATA", value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) data: Option<PathBuf>,
    /// How many days executions are kept after they have ended, such as 7 or 0.5, or forever
    /// [default: 90]
    #[arg(
        long,
        env = "STAIRWELL_RETENTION_DAYS",
        value_name = "DAYS",
        allow_negative_numbers = true
    )]
    pub(crate) retention_days: Option<Days>,
    #[command(flatten)]
    pub(crate) configuration: ConfigurationFile,
}

const DOCTOR_EXAMPLES: &str = "\
Examples:
  stairwell doctor /var/lib/stairwell             tell what is damaged; changes nothing
  stairwell doctor /var/lib/stairwell --json      the same for programs
  stairwell doctor /var/lib/stairwell --release arn:aws:states:us-east-1:123456789012:execution:M:e

Exit status: 0 all is sound, 1 the folder could not be examined, 3 something is damaged.
A server mends what can be mended by itself, and serves all that is not hit.";

#[derive(Args, Debug)]
#[command(after_help = DOCTOR_EXAMPLES)]
pub(crate) struct DoctorArguments {
    /// The data folder
    #[arg(value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) data: PathBuf,
    /// Print one JSON document
    #[arg(long, conflicts_with = "release")]
    pub(crate) json: bool,
    /// Let an execution whose agenda is lost go on, by its ARN; may be repeated
    #[arg(long, value_name = "ARN")]
    pub(crate) release: Vec<String>,
    /// Take their secrets from all access keys of users, and end all sessions, where the key file
    /// that sealed them is lost
    #[arg(long, conflicts_with_all = ["release", "json"])]
    pub(crate) forget_secrets: bool,
}
