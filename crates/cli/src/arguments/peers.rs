//! Where servers that share a database reach each other.

use clap::Args;

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
