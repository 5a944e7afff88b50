//! What the commands take that read an execution: `why`, `tree`, `wait` and `tail`.

use clap::{Args, ValueHint};

/// The execution, where it is, and how the answer is written.
#[derive(Args, Debug)]
pub(crate) struct Asked {
    /// The ARN of an execution
    #[arg(value_name = "EXECUTION_ARN")]
    pub(crate) execution_arn: String,
    /// The server that it is at [default: what AWS_ENDPOINT_URL_SFN or AWS_ENDPOINT_URL say, else
    /// http://127.0.0.1:8083]
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) endpoint: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const WHY_EXAMPLES: &str = "\
Examples:
  stairwell why arn:aws:states:us-east-1:123456789012:execution:order:4711
  stairwell why EXECUTION_ARN --json | jq -r '.failure.chain[-1].cause'

Of an execution that failed, it tells the deepest cause first, then the state that failed in each
generation. Of one that runs, it tells what it waits for, longest first.
Exit status: 0 if all was told, 3 if a nested execution could not be read (purged or denied), so
that only what its parents know of it was told, 2 if the execution itself could not be read.";

#[derive(Args, Debug)]
#[command(after_help = WHY_EXAMPLES)]
pub(crate) struct WhyArguments {
    #[command(flatten)]
    pub(crate) asked: Asked,
}

const TREE_EXAMPLES: &str = "\
Examples:
  stairwell tree arn:aws:states:us-east-1:123456789012:execution:order:4711
  stairwell tree EXECUTION_ARN --root             from the execution that started it all
  stairwell tree EXECUTION_ARN --depth 1 --json   its own children, for programs

Each line has the state that started the execution, and which attempt of it. The root is found by
AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID in the inputs.
Exit status: 0 if all was read, 3 if an execution in the tree could not be, 2 if the first could
not.";

#[derive(Args, Debug)]
#[command(after_help = TREE_EXAMPLES)]
pub(crate) struct TreeArguments {
    #[command(flatten)]
    pub(crate) asked: Asked,
    /// Begin with the execution that is not started by another one
    #[arg(long)]
    pub(crate) root: bool,
    /// How many generations below the first are printed
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    pub(crate) depth: usize,
}

const WAIT_EXAMPLES: &str = "\
Examples:
  stairwell wait arn:aws:states:us-east-1:123456789012:execution:order:4711 && echo done
  stairwell wait EXECUTION_ARN --timeout 60 || stairwell why EXECUTION_ARN

Prints the status. With --json, the description, as DescribeExecution has it.
Exit status: 0 if it succeeded, 1 if it failed, timed out or was stopped, 3 if it still runs when
the time is over, 2 if it could not be read.";

#[derive(Args, Debug)]
#[command(after_help = WAIT_EXAMPLES)]
pub(crate) struct WaitArguments {
    #[command(flatten)]
    pub(crate) asked: Asked,
    /// How many seconds to wait [default: for ever]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,
}

const TAIL_EXAMPLES: &str = "\
Examples:
  stairwell tail arn:aws:states:us-east-1:123456789012:execution:order:4711
  stairwell tail EXECUTION_ARN --json | jq -c 'select(.type == \"TaskFailed\")'

With --json, each line is an event, as GetExecutionHistory has it.
Exit status: 0 if it succeeded, 1 if it failed, timed out or was stopped, 2 if it could not be
read.";

#[derive(Args, Debug)]
#[command(after_help = TAIL_EXAMPLES)]
pub(crate) struct TailArguments {
    #[command(flatten)]
    pub(crate) asked: Asked,
}
