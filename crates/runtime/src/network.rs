//! How nodes that share a store reach each other: the seam to the connections between them.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use store::cluster::Node;

/// Carries questions to other nodes, and their answers back.
#[async_trait]
pub trait Network: Send + Sync {
    /// Sends a frame to a node, which gives it to [`Runtime::answer_node`], and returns what that
    /// gave. The caller waits for two seconds at most, and drops the future then.
    ///
    /// [`Runtime::answer_node`]: crate::Runtime::answer_node
    ///
    /// # Errors
    /// See [`NetworkError`].
    async fn ask(&self, node: &Node, frame: Vec<u8>) -> Result<Vec<u8>, NetworkError>;
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// The frame certainly did not arrive: there is no connection.
    #[error("the node cannot be reached")]
    NotSent,
    /// The frame may have arrived.
    #[error("the node did not answer")]
    Lost,
}

/// A shared [`Network`].
#[derive(Clone)]
pub struct NetworkHandle(pub Arc<dyn Network>);

impl fmt::Debug for NetworkHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Network")
    }
}
