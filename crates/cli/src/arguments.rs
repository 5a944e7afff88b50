//! What the command line takes.

mod executions;
mod graph;
mod offline;
mod peers;
mod values;

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

pub(crate) use self::executions::{
    Asked, TailArguments, TreeArguments, WaitArguments, WhyArguments,
};
pub(crate) use self::graph::{GraphArguments, GraphDirection, GraphForm, GraphTheme};
pub(crate) use self::offline::{DoctorArguments, PurgeArguments};
pub(crate) use self::peers::{NodesArguments, PeerArguments};
pub(crate) use self::values::{Days, ExpressHistoryBound};

const EXAMPLES: &str = "\
Examples:
  stairwell demo                                  see nested executions at work
  stairwell serve                                 serve the API on http://127.0.0.1:8083
  stairwell run machine.asl.json --input '{}'     run a definition once, without a server
  stairwell validate machine.asl.json             find the mistakes in a definition

With a server running, any client of AWS Step Functions works:
  aws stepfunctions list-state-machines --endpoint-url http://127.0.0.1:8083";

/// Runs AWS Step Functions state machines on your own machine: the same API, the same language, the
/// same histories, kept durably in a folder.
#[derive(Debug, Parser)]
#[command(name = "stairwell", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The command line. No help shows what is in the environment, since some of it is secret.
pub(crate) fn command() -> clap::Command {
    without_values(Arguments::command())
}

fn without_values(command: clap::Command) -> clap::Command {
    command.mut_args(|argument| argument.hide_env_values(true)).mut_subcommands(without_values)
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the API of Step Functions until SIGINT or SIGTERM
    Serve(Box<ServeArguments>),
    /// Run a definition once, in memory and without a server
    Run(RunArguments),
    /// Remove executions that ended long ago from a data folder that no server is using
    Purge(PurgeArguments),
    /// Find what is damaged in a data folder that no server is using
    Doctor(DoctorArguments),
    /// Tell which servers of a database live, and what they hold
    Nodes(NodesArguments),
    /// Find the mistakes in definitions
    Validate(ValidateArguments),
    /// Draw the graph of a definition, or how the states of an execution stand
    Graph(GraphArguments),
    /// Tell why an execution failed, down to the deepest nested one, or what it waits for
    Why(WhyArguments),
    /// Print an execution and the executions that it started, over all generations
    Tree(TreeArguments),
    /// Wait until an execution has ended
    Wait(WaitArguments),
    /// Print the events of an execution as they come, until it has ended
    Tail(TailArguments),
    /// Print the least policy that the role of a definition needs
    Policy(PolicyArguments),
    /// Start a server, run a parent with a nested execution on it, and tell what happens
    Demo(DemoArguments),
    /// Write a mock configuration file out of what the tasks of an execution got
    Record(RecordArguments),
    /// Print what Task states can call, one resource to a line
    Integrations,
    /// Print the version
    Version,
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
}

const SERVE_EXAMPLES: &str = "\
Examples:
  stairwell serve                         on http://127.0.0.1:8083, data in ./stairwell-data
  stairwell serve --in-memory --port 0    keep nothing, on any free port (printed when ready)
  STAIRWELL_PORT=9000 stairwell serve     every option has a variable

What is not given is taken from stairwell.toml in the working folder, where it is there:
  port = 9000
  data = \"/var/lib/stairwell\"
  [access-keys]
  AKIATEAMBLUE = \"111111111111\"";

#[derive(Args, Debug, Default)]
#[command(after_help = SERVE_EXAMPLES)]
pub(crate) struct ServeArguments {
    /// The address to listen on [default: 127.0.0.1]
    #[arg(long, env = "STAIRWELL_HOST", value_name = "ADDRESS")]
    pub(crate) host: Option<String>,
    /// The port to listen on; 0 for any that is free [default: 8083]
    #[arg(long, env = "STAIRWELL_PORT", value_name = "NUMBER", allow_negative_numbers = true)]
    pub(crate) port: Option<u16>,
    /// The folder that keeps everything [default: ./stairwell-data]
    #[arg(long, env = "STAIRWELL_DATA", value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) data: Option<PathBuf>,
    /// Keep everything in memory, until the server stops
    #[arg(
        long,
        env = "STAIRWELL_IN_MEMORY",
        value_name = "BOOLEAN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new(),
    )]
    pub(crate) in_memory: Option<bool>,
    /// The PostgreSQL database that keeps everything, such as
    /// postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full; @FILE reads that from a file, so
    /// that no password stands in the list of processes. Needs --key-file
    #[arg(long, env = "STAIRWELL_STORE", value_name = "URL|@FILE", value_hint = ValueHint::Url)]
    pub(crate) store: Option<String>,
    /// Serve from a database that may lose what was answered, since its synchronous_commit is off
    #[arg(
        long,
        env = "STAIRWELL_ALLOW_LOST_COMMITS",
        value_name = "BOOLEAN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new(),
    )]
    pub(crate) allow_lost_commits: Option<bool>,
    #[command(flatten)]
    pub(crate) peers: PeerArguments,
    /// What to log on standard error: error, warn, info, debug, trace, or a list such as
    /// warn,stairwell_runtime=debug [default: info]
    #[arg(long, env = "STAIRWELL_LOG", value_name = "LEVEL")]
    pub(crate) log: Option<String>,
    /// The account of access keys that say nothing else [default: 123456789012]
    #[arg(long, env = "STAIRWELL_ACCOUNT", value_name = "TWELVE DIGITS")]
    pub(crate) account: Option<String>,
    /// The region of requests that are not signed [default: us-east-1]
    #[arg(long, env = "STAIRWELL_REGION", value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// The account of an access key, as KEY=ACCOUNT; may be repeated, or a list with commas. An
    /// access key of twelve digits is an account itself. With KEY=ACCOUNT:SECRET, signatures of the
    /// key are verified, and it is the root user of the account. @FILE reads them from a file, one
    /// in a line, so that no secret stands in the list of processes
    #[arg(
        long = "access-key",
        env = "STAIRWELL_ACCESS_KEYS",
        value_name = "KEY=ACCOUNT[:SECRET]|@FILE",
        value_delimiter = ','
    )]
    pub(crate) access_keys: Vec<String>,
    /// The file with the key that seals the secrets of users' access keys in the store; made at
    /// the first start. Keep it apart from the data folder or the database, and from their backups
    /// [default: KEY in the data folder]
    #[arg(long, env = "STAIRWELL_KEY_FILE", value_name = "FILE",
        value_hint = ValueHint::FilePath)]
    pub(crate) key_file: Option<PathBuf>,
    /// Refuse whoever is not known by a signature, as always on an address that others can reach
    #[arg(
        long,
        env = "STAIRWELL_REQUIRE_AUTH",
        value_name = "BOOLEAN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new(),
    )]
    pub(crate) require_auth: Option<bool>,
    /// Trust whoever reaches the port, even where others can reach it
    #[arg(
        long,
        env = "STAIRWELL_INSECURE_NO_AUTH",
        value_name = "BOOLEAN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new(),
    )]
    pub(crate) insecure_no_auth: Option<bool>,
    /// How roles of state machines are enforced: those that this server knows, all of them, or only
    /// told in the log [default: enforce where callers must be known, else permissive]
    #[arg(long, env = "STAIRWELL_ROLES", value_name = "MODE", value_enum)]
    pub(crate) roles: Option<RoleMode>,
    /// How long a parent whose role lacks the permissions for events waits before it asks again
    /// whether a nested execution has ended [default: 60]
    #[arg(
        long,
        env = "STAIRWELL_CHILD_POLL_SECONDS",
        value_name = "NUMBER",
        allow_negative_numbers = true
    )]
    pub(crate) child_poll_seconds: Option<u64>,
    /// Lines of JSON for each call that changes something, before it does and after, at the end of
    /// that file; - for standard output. While it cannot be written, nothing is changed. SIGHUP
    /// opens the file anew
    #[arg(long, env = "STAIRWELL_AUDIT", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) audit: Option<PathBuf>,
    /// A line of the audit for each call that only reads, too
    #[arg(
        long,
        env = "STAIRWELL_AUDIT_READS",
        value_name = "BOOLEAN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new(),
    )]
    pub(crate) audit_reads: Option<bool>,
    /// The certificates to show for TLS, in PEM; needs --tls-key. They are read anew when a file
    /// changes, and on SIGHUP
    #[arg(long, env = "STAIRWELL_TLS_CERT", value_name = "FILE", requires = "tls_key",
        value_hint = ValueHint::FilePath)]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The key of the first certificate, in PEM
    #[arg(long, env = "STAIRWELL_TLS_KEY", value_name = "FILE", requires = "tls_cert",
        value_hint = ValueHint::FilePath)]
    pub(crate) tls_key: Option<PathBuf>,
    /// Those who sign the certificates of clients, in PEM: every client must show one
    #[arg(long, env = "STAIRWELL_TLS_CLIENT_CA", value_name = "FILE",
        value_hint = ValueHint::FilePath)]
    pub(crate) tls_client_ca: Option<PathBuf>,
    /// Whom a client is that shows a certificate with that subject and does not sign, such as
    /// CN=ci,O=Example=arn:aws:iam::123456789012:user/ci; may be repeated, or a list with
    /// semicolons. The subject is as openssl x509 -subject -nameopt RFC2253 prints it
    #[arg(
        long = "tls-client-principal",
        env = "STAIRWELL_TLS_CLIENT_PRINCIPALS",
        value_name = "SUBJECT=ARN",
        value_delimiter = ';'
    )]
    pub(crate) tls_client_principals: Vec<String>,
    /// Let HTTP tasks, API Gateway tasks and EKS tasks reach private addresses by TLS, such as
    /// 10.0.0.1, and this machine under other names than localhost and its addresses. Link-local
    /// addresses, such as those of the metadata of instances, are never reached
    #[arg(
        long,
        env = "STAIRWELL_ALLOW_PRIVATE_ADDRESSES",
        value_name = "BOOLEAN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new(),
    )]
    pub(crate) allow_private_addresses: Option<bool>,
    /// Where Lambda is, such as http://127.0.0.1:9001; also taken from AWS_ENDPOINT_URL_LAMBDA,
    /// LAMBDA_ENDPOINT and AWS_ENDPOINT_URL
    #[arg(long, env = "STAIRWELL_LAMBDA_ENDPOINT", value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) lambda_endpoint: Option<String>,
    /// Where the objects are that Map states read their items from and write their results to:
    /// http://127.0.0.1:9000 of what speaks as S3 does, or file:///srv/objects, a folder with a
    /// folder for each bucket; also taken from AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL
    #[arg(long, env = "STAIRWELL_S3_ENDPOINT", value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) s3_endpoint: Option<String>,
    /// Where EventBridge is: the changes of the status of Standard executions are put there as
    /// events. Also taken from AWS_ENDPOINT_URL_EVENTBRIDGE, AWS_ENDPOINT_URL_EVENTS and
    /// AWS_ENDPOINT_URL; off puts none, whatever they say [default: off where none says it]
    #[arg(long, env = "STAIRWELL_EVENTS_ENDPOINT", value_name = "URL|off",
        value_hint = ValueHint::Url)]
    pub(crate) events_endpoint: Option<String>,
    /// The mock configuration file, whose test cases executions run under that are started with
    /// #TESTCASE behind the state machine's ARN; also taken from SFN_MOCK_CONFIG
    #[arg(
        long,
        env = "STAIRWELL_MOCK_CONFIG",
        value_name = "FILE",
        value_hint = ValueHint::FilePath
    )]
    pub(crate) mock_config: Option<PathBuf>,
    /// Where the events of executions go whose state machines log: stdout, file:PATH, cloudwatch
    /// (the log groups that they name), or off [default: cloudwatch where AWS_ENDPOINT_URL or
    /// AWS_ENDPOINT_URL_CLOUDWATCH_LOGS says where that is, else stdout]
    #[arg(long, env = "STAIRWELL_LOG_EXECUTIONS", value_name = "PLACE")]
    pub(crate) log_executions: Option<String>,
    /// How many days executions are kept after they have ended, such as 7 or 0.5, or forever
    /// [default: 90]
    #[arg(
        long,
        env = "STAIRWELL_RETENTION_DAYS",
        value_name = "DAYS",
        allow_negative_numbers = true
    )]
    pub(crate) retention_days: Option<Days>,
    /// Keep Express executions in memory, so that they can be described, listed, stopped and their
    /// histories read, which AWS refuses: for how long (90s, 15m, 2h), how many (1000), or off
    /// [default: off]
    #[arg(long, env = "STAIRWELL_EXPRESS_HISTORY", value_name = "TIME|NUMBER")]
    pub(crate) express_history: Option<ExpressHistoryBound>,
    /// Which requests to throttle: off, aws (AWS's own buckets), or OPERATION=BUCKET/PER-SECOND; a
    /// list with commas, such as aws,StartExecution=10/5 [default: off]
    #[arg(long, env = "STAIRWELL_THROTTLE", value_name = "LIST")]
    pub(crate) throttle: Option<String>,
    /// A quota other than AWS's, as NAME=NUMBER; may be repeated, or a list with commas. Names:
    /// open-executions, state-machines, activities, activity-pollers
    #[arg(
        long = "quota",
        env = "STAIRWELL_QUOTAS",
        value_name = "NAME=NUMBER",
        value_delimiter = ','
    )]
    pub(crate) quotas: Vec<String>,
    #[command(flatten)]
    pub(crate) configuration: ConfigurationFile,
}

/// Where the configuration file is, for all commands that read it.
#[derive(Args, Debug, Default)]
pub(crate) struct ConfigurationFile {
    /// The configuration file [default: stairwell.toml, where it is there]
    #[arg(long, env = "STAIRWELL_CONFIG", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
}

/// What is done about what a role does not allow.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum RoleMode {
    /// A role that this server knows is enforced; another may do anything.
    Permissive,
    /// A role that this server does not know may do nothing.
    Enforce,
    /// Everything is allowed; the log says what would not be.
    DryRun,
}

const RUN_EXAMPLES: &str = "\
Examples:
  stairwell run machine.asl.json
  stairwell run machine.asl.json --input '{\"name\": \"Ann\"}' --history
  stairwell run machine.asl.json --input @input.json --json
  jq .definition export.json | stairwell run - --input @input.json

Exit status: 0 if the execution succeeded, 1 if it did not, 2 if it could not be started.";

#[derive(Args, Debug)]
#[command(after_help = RUN_EXAMPLES)]
pub(crate) struct RunArguments {
    /// The definition, a file in the Amazon States Language; - for standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// The input, JSON text; @FILE reads it from a file
    #[arg(long, default_value = "{}", value_name = "JSON|@FILE")]
    pub(crate) input: String,
    /// The name of the execution; a UUID where it is not given
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Tell every event on standard error
    #[arg(long)]
    pub(crate) history: bool,
    /// Print the outcome as one JSON object, as DescribeExecution shows it; with --history, the
    /// events as well
    #[arg(long)]
    pub(crate) json: bool,
}

const RECORD_EXAMPLES: &str = "\
Examples:
  stairwell record arn:aws:states:us-east-1:123456789012:execution:order:e1
  stairwell record EXECUTION_ARN --test-case CardRefused --output MockConfigFile.json
  stairwell serve --mock-config MockConfigFile.json     then start order#CardRefused

Exit status: 0 if it was recorded, 2 if it could not be.";

#[derive(Args, Debug)]
#[command(after_help = RECORD_EXAMPLES)]
pub(crate) struct RecordArguments {
    /// The ARN of a Standard execution that has ended
    #[arg(value_name = "EXECUTION_ARN")]
    pub(crate) execution_arn: String,
    /// The server that it is at [default: what AWS_ENDPOINT_URL_SFN or AWS_ENDPOINT_URL say, else
    /// http://127.0.0.1:8083]
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) endpoint: Option<String>,
    /// The name of the test case
    #[arg(long, default_value = "Recorded", value_name = "NAME")]
    pub(crate) test_case: String,
    /// The file to write, which gets one more test case where it is there; else standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct PolicyArguments {
    /// The definition, a file in the Amazon States Language; - for standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// The ARN that the state machine has, or will have: a Distributed Map and calls of HTTP APIs
    /// need permissions on it; any state machine where it is not given
    #[arg(long, value_name = "ARN")]
    pub(crate) state_machine: Option<String>,
    /// With what the delivery of execution logs needs
    #[arg(long)]
    pub(crate) logs: bool,
    /// The file is a policy document: tell what is wrong with it
    #[arg(long, conflicts_with_all = ["state_machine", "logs"])]
    pub(crate) check: bool,
}

const VALIDATE_EXAMPLES: &str = "\
Examples:
  stairwell validate machine.asl.json other.asl.json
  cat machine.asl.json | stairwell validate -

Each mistake is a line: FILE:LINE:COLUMN: error[CODE]: message (at the place in the definition).
Exit status: 0 if all definitions are valid, 1 if one is not, 2 if one could not be read.";

#[derive(Args, Debug)]
#[command(after_help = VALIDATE_EXAMPLES)]
pub(crate) struct ValidateArguments {
    /// Definitions in the Amazon States Language; - for standard input
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,
    /// The type of the state machine, since some states are not for each
    #[arg(long = "type", value_enum, default_value_t = MachineType::Standard)]
    pub(crate) machine_type: MachineType,
}

/// `type` of CreateStateMachine.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum MachineType {
    Standard,
    Express,
}

const DEMO_EXAMPLES: &str = "\
Examples:
  stairwell demo
  stairwell demo --port 9000 --data ./demo-data";

#[derive(Args, Debug)]
#[command(after_help = DEMO_EXAMPLES)]
pub(crate) struct DemoArguments {
    /// The port to listen on; 0 for any that is free
    #[arg(long, default_value_t = 8083, value_name = "NUMBER")]
    pub(crate) port: u16,
    /// The folder that keeps everything; a temporary one where it is not given
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) data: Option<PathBuf>,
}
