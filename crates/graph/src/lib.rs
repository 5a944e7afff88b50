//! The graph of a definition in the Amazon States Language: read from its text, laid out, drawn.
//!
//! Promises: the same text gives the same bytes; what can be read of a definition that is not valid
//! is drawn, with states that are named but missing shown as such; boxes do not overlap, no edge
//! goes through a state that it does not belong to, and every label has its place.
//!
//! Does not: judge a definition (that is `asl`), know an execution (statuses come by the id of a
//! node), or touch files and sockets.
//!
//! How: [`Graph::read`] makes nodes and edges, region by region; [`Layout::of`] lays out each
//! region alone, from the inside out, since no transition leaves its region; `svg`, `mermaid`,
//! `dot` and `layout_json` write.

mod condition;
mod dot;
mod graph;
mod layout;
mod layout_json;
mod mermaid;
mod read;
mod svg;
mod text;

pub use graph::{Edge, EdgeKind, Graph, Icon, Label, Node, NodeIndex, Region, RegionIndex};
pub use layout::{Direction, Layout, PlacedEdge, PlacedLabel, PlacedNode, Rectangle};
pub use svg::{NodeStatus, Statuses, Theme};
