//! Several nodes on one store: which node drives which executions.
//!
//! A *node* is one process with the store open, from its start to its end. Its number is never
//! used again. Each execution has a *home*, two bytes of its id, and a home is held by one node or
//! by none. The node that holds the home drives the execution: it alone commits to it.

mod frames;
mod membership;

use std::sync::Arc;

pub use engine::Home;
pub use frames::{Answer, Question};
pub use membership::{
    BEAT, DEAD_AFTER, DEAD_POLLS, Fence, HOMES_OF_A_NODE, HomeRow, Membership, NodeRow, Polled,
    Turn,
};

use crate::ResourceKey;

/// The number of a node: it is never used again, so it tells a node from those before it at the
/// same address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeNumber(pub u64);

/// A node, as others reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its number.
    pub number: NodeNumber,
    /// Where it listens to other nodes, as it announced it.
    pub address: Arc<str>,
}

/// The time from a node's coming to hold a home until it loses it. What was read of an execution
/// under one tenure of its home is not the truth under another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenure(pub u64);

/// Where an execution is driven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// By this node.
    Here,
    /// By another node, as far as this one knows: that node may answer that it is not so any more.
    At(Node),
}

/// What changed without this process having asked for it.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// These homes are held here no more. What is in memory of their executions is of the past:
    /// another node drives them, or will.
    Lost(Vec<Home>),
    /// More homes are held here than before. [`Store::claim_due`](crate::Store::claim_due) gives
    /// what is due in them.
    Taken(Vec<Home>),
    /// The nodes that live now, this one included, by their numbers.
    Nodes(Vec<Node>),
    /// Resources that other nodes wrote.
    Changed(Vec<ResourceKey>),
}
