//! What `stairwell graph` takes.

use clap::{Args, ValueEnum, ValueHint};

const EXAMPLES: &str = "\
Examples:
  stairwell graph machine.asl.json > machine.svg
  stairwell graph machine.asl.json --as mermaid
  stairwell graph arn:aws:states:us-east-1:123456789012:execution:order:4711 > run.svg
  cat machine.asl.json | stairwell graph - --direction right --as dot | dot -Tpng > machine.png

What can be read of a definition that is not valid is drawn; `stairwell validate` tells what is
wrong with it.
Exit status: 0 if it was drawn, 2 if it could not be read.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct GraphArguments {
    /// A definition in the Amazon States Language, - for standard input; or the ARN of a state
    /// machine, a version, an alias or an execution
    #[arg(value_name = "FILE|ARN", value_hint = ValueHint::FilePath)]
    pub(crate) source: String,
    /// What to write
    #[arg(long = "as", value_enum, default_value_t = GraphForm::Svg)]
    pub(crate) form: GraphForm,
    /// Which way it runs
    #[arg(long, value_enum, default_value_t = GraphDirection::Down)]
    pub(crate) direction: GraphDirection,
    /// The colours of an SVG; automatic follows its viewer [default: automatic]
    #[arg(long, value_enum)]
    pub(crate) theme: Option<GraphTheme>,
    /// The server that the ARN is at [default: what AWS_ENDPOINT_URL_SFN or AWS_ENDPOINT_URL say,
    /// else http://127.0.0.1:8083]
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) endpoint: Option<String>,
}

/// The form of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphForm {
    /// A picture
    Svg,
    /// The places of nodes and edges
    Json,
    /// Text that Mermaid draws
    Mermaid,
    /// Text that Graphviz draws
    Dot,
}

/// Which way a graph runs.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum GraphDirection {
    Down,
    Right,
}

/// The colours of a picture.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum GraphTheme {
    Automatic,
    Light,
    Dark,
}
