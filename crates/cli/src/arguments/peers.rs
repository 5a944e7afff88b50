//! What is said of servers that share a database.

use clap::{Args, ValueHint};

use super::ConfigurationFile;

#[derive(Args, Debug, Default)]
pub(crate) struct PeerArguments {
    /// Where to listen to the other servers of the database of --store, as ADDRESS:PORT [default:
    /// the address of --host, and the port of --port plus 10,000 or, where that is not to be had,
    /// any that is free]
    #[arg(long, env = "STAIRWELL_PEER_LISTEN", value_name = "ADDRESS:PORT")]
    pub(crate) peer_listen: Option<String>,
    /// Where the other servers of the database reach this one, where that is not where it listens,
    /// as HOST or HOST:PORT. No two servers may have the same
    #[arg(long, env = "STAIRWELL_ADVERTISE", value_name = "HOST[:PORT]")]
    pub(crate) advertise: Option<String>,
}

const NODES_EXAMPLES: &str = "\
Examples:
  stairwell nodes --store @/etc/stairwell/store
  stairwell nodes --json | jq '.nodes[] | select(.lives | not)'

It reads the database for a second and a quarter, and asks no server. A server that lives has given
a sign of life meanwhile; one that is silent is replaced by the others after three seconds.";

#[derive(Args, Debug)]
#[command(after_help = NODES_EXAMPLES)]
pub(crate) struct NodesArguments {
    /// The PostgreSQL database, as for serve
    #[arg(long, env = "STAIRWELL_STORE", value_name = "URL|@FILE", value_hint = ValueHint::Url)]
    pub(crate) store: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) configuration: ConfigurationFile,
}
