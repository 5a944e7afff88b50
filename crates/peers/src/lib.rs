//! The connections between the nodes that share a store: questions, and their answers.
//!
//! Promises: a node asks over one connection to each other node, which is kept. A frame that is
//! told to be *not sent* certainly did not arrive. Nobody who lacks the secret of the shared store
//! learns or says anything: a connection is encrypted by TLS 1.3, and both ends prove over it that
//! they know the secret before the first frame. Connections, frames, and what is under way on
//! them have bounds.
//!
//! Does not: look into a frame, find out who lives, or try again.

mod asking;
mod frame;
mod proof;
mod secured;
mod serving;
mod strangers;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use store::cluster::NodeNumber;

pub use asking::Peers;
pub use frame::BODY_MAX;
pub use serving::serve;

/// How long a connection and its proofs may take, until it is one or is given up.
const PROOF_MAX: Duration = Duration::from_secs(2);

/// How often the end that asks shows that it is there.
const PING_INTERVAL: Duration = Duration::from_secs(1);

/// A connection on which nothing came for so long is broken: the other end answers each ping.
const SILENT_MAX: Duration = Duration::from_secs(4);

/// A connection that takes nothing more for so long is broken.
const WRITE_MAX: Duration = Duration::from_secs(4);

/// What a node proves itself with.
#[derive(Clone)]
pub struct Identity {
    secret: [u8; 32],
    number: Arc<dyn Fn() -> Option<NodeNumber> + Send + Sync>,
}

impl Identity {
    /// Of a node of the store with that secret. `number` gives the node's number; none while it is
    /// fenced.
    pub fn new(
        secret: [u8; 32],
        number: impl Fn() -> Option<NodeNumber> + Send + Sync + 'static,
    ) -> Identity {
        Identity { secret, number: Arc::new(number) }
    }

    fn number(&self) -> Option<NodeNumber> {
        (self.number)()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Identity").field("number", &self.number()).finish_non_exhaustive()
    }
}
