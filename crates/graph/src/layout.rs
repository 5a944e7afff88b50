//! Places for the nodes, edges and labels of a graph: each region alone, from the inside out.

mod layered;
mod order;
mod places;
mod ranks;
mod route;

use crate::graph::{EdgeKind, Graph, Icon, Node, NodeIndex, RegionIndex};
use crate::text;
use layered::{Item, Link, layered};

/// Pixels between a container and what is in it.
const PADDING: f64 = 16.0;
/// The height of a container's head, in pixels.
const HEADER: f64 = 34.0;
/// Pixels between the branches of a Parallel state.
const BRANCH_GAP: f64 = 24.0;
/// Pixels around the whole.
const MARGIN: f64 = 24.0;
/// The height of a node, in pixels.
const NODE_HEIGHT: f64 = 42.0;
/// The height of a line for the catchers that are drawn without an edge.
const CATCHES_HEIGHT: f64 = 18.0;
const NODE_WIDTH_MIN: f64 = 116.0;
/// Before the text of a node, for its picture, and behind it.
const NODE_TEXT_INSET: f64 = 52.0;
/// How wide plain text is, where bold text is 1.
const PLAIN_TO_BOLD: f64 = 0.9;
const START_SIZE: f64 = 14.0;
const LABEL_HEIGHT: f64 = 20.0;
/// The sizes of the fonts, in pixels.
pub(crate) const NAME_SIZE: f64 = 13.0;
pub(crate) const SUBTITLE_SIZE: f64 = 11.5;
/// A state that so many catchers lead to is drawn with one line, and by its name at the others.
const HUB_CATCHERS: usize = 6;

/// Which way a graph runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// From the top to the bottom.
    #[default]
    Down,
    /// From the left to the right.
    Right,
}

/// A place, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rectangle {
    /// Of the left side.
    pub x: f64,
    /// Of the upper side.
    pub y: f64,
    /// To the right side.
    pub width: f64,
    /// To the lower side.
    pub height: f64,
}

/// A node with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedNode {
    /// Which node.
    pub node: NodeIndex,
    /// Where.
    pub place: Rectangle,
    /// Whether its regions are drawn in it.
    pub is_container: bool,
    /// The states that its catchers lead to without a line.
    pub catches: Vec<NodeIndex>,
}

/// An edge with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedEdge {
    /// Its region.
    pub region: RegionIndex,
    /// Its place among the edges of the region.
    pub edge: usize,
    /// Its corners, from the source to the target.
    pub points: Vec<(f64, f64)>,
    /// Where its label is; none without one.
    pub label: Option<PlacedLabel>,
    /// Whether it leads back to where an execution may have been before.
    pub is_back: bool,
}

/// Where a label is.
pub type PlacedLabel = Rectangle;

/// A graph with places.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Which way it runs.
    pub direction: Direction,
    /// Of the whole, in pixels.
    pub width: f64,
    /// Of the whole, in pixels.
    pub height: f64,
    /// Containers before what is in them.
    pub nodes: Vec<PlacedNode>,
    /// All that are drawn as lines.
    pub edges: Vec<PlacedEdge>,
}

impl Layout {
    /// Lays out a graph.
    pub fn of(graph: &Graph, direction: Direction) -> Layout {
        let mut block = match graph.regions.first() {
            Some(_) => Block::of_region(graph, RegionIndex(0), direction),
            None => Block::default(),
        };
        block.shift(MARGIN, MARGIN);
        Layout {
            direction,
            width: block.width + 2.0 * MARGIN,
            height: block.height + 2.0 * MARGIN,
            nodes: block.nodes,
            edges: block.edges,
        }
    }
}

/// A part of the layout, from its own upper left corner.
#[derive(Default)]
struct Block {
    width: f64,
    height: f64,
    nodes: Vec<PlacedNode>,
    edges: Vec<PlacedEdge>,
}

impl Block {
    fn shift(&mut self, x: f64, y: f64) {
        for node in &mut self.nodes {
            (node.place.x, node.place.y) = (node.place.x + x, node.place.y + y);
        }
        for edge in &mut self.edges {
            for point in &mut edge.points {
                *point = (point.0 + x, point.1 + y);
            }
            if let Some(label) = &mut edge.label {
                (label.x, label.y) = (label.x + x, label.y + y);
            }
        }
    }

    fn append(&mut self, mut other: Block, x: f64, y: f64) {
        other.shift(x, y);
        self.nodes.append(&mut other.nodes);
        self.edges.append(&mut other.edges);
    }

    fn of_region(graph: &Graph, region: RegionIndex, direction: Direction) -> Block {
        let nodes = &graph.region(region).nodes;
        let hidden = hidden_edges(graph, region);
        let blocks: Vec<Block> = nodes
            .iter()
            .map(|node| {
                Block::of_node(graph, *node, caught(graph, region, *node, &hidden), direction)
            })
            .collect();
        let turned = |(width, height): (f64, f64)| match direction {
            Direction::Down => (width, height),
            Direction::Right => (height, width),
        };
        let items: Vec<Item> = blocks
            .iter()
            .map(|block| {
                let (width, height) = turned((block.width, block.height));
                Item { width, height }
            })
            .collect();
        let place = |node: NodeIndex| {
            nodes.iter().position(|it| *it == node).expect("an edge stays in its region")
        };
        let edges = &graph.region(region).edges;
        let drawn: Vec<usize> = (0..edges.len()).filter(|edge| !hidden.contains(edge)).collect();
        let links: Vec<Link> = drawn
            .iter()
            .map(|edge| {
                let edge = &edges[*edge];
                let width = |text: &str| text::width(text, SUBTITLE_SIZE) * PLAIN_TO_BOLD;
                let size = |text: &str| ((width(text) + 16.0).ceil(), LABEL_HEIGHT);
                let label = edge.label.as_ref().map(|label| turned(size(&label.text)));
                let is_catch = edge.kind == EdgeKind::Catch;
                Link { from: place(edge.from), to: place(edge.to), is_catch, label }
            })
            .collect();
        let placed = layered(&items, &links);
        let (width, height) = turned((placed.width, placed.height));
        let mut whole = Block { width, height, ..Block::default() };
        for (block, place) in blocks.into_iter().zip(placed.items) {
            let (x, y) = turned(place);
            whole.append(block, x, y);
        }
        for (edge, route) in drawn.into_iter().zip(placed.routes) {
            let points = route.points.into_iter().map(turned).collect();
            let label = route.label.map(|label| {
                let ((x, y), (width, height)) =
                    (turned((label.x, label.y)), turned((label.width, label.height)));
                Rectangle { x, y, width, height }
            });
            whole.edges.push(PlacedEdge { region, edge, points, label, is_back: route.is_back });
        }
        whole
    }

    fn of_node(
        graph: &Graph,
        index: NodeIndex,
        catches: Vec<NodeIndex>,
        direction: Direction,
    ) -> Block {
        let node = graph.node(index);
        let mut inner = Block::default();
        for region in &node.regions {
            let block = Block::of_region(graph, *region, direction);
            let gap = if inner.nodes.is_empty() { 0.0 } else { BRANCH_GAP };
            let (width, height) = (block.width, block.height);
            match direction {
                Direction::Down => {
                    inner.append(block, inner.width + gap, 0.0);
                    inner.width += gap + width;
                    inner.height = inner.height.max(height);
                }
                Direction::Right => {
                    inner.append(block, 0.0, inner.height + gap);
                    inner.height += gap + height;
                    inner.width = inner.width.max(width);
                }
            }
        }
        let is_container = !inner.nodes.is_empty();
        let (mut width, mut height) = size(node, !catches.is_empty());
        if is_container {
            width = width.max(inner.width + 2.0 * PADDING);
            let left = (width - inner.width) / 2.0;
            inner.shift(left, HEADER + PADDING / 2.0);
            height = HEADER + inner.height + 1.5 * PADDING;
            height += if catches.is_empty() { 0.0 } else { CATCHES_HEIGHT };
        }
        let place = Rectangle { x: 0.0, y: 0.0, width, height };
        let placed = PlacedNode { node: index, place, is_container, catches };
        let mut block = Block { width, height, nodes: vec![placed], edges: Vec::new() };
        block.append(inner, 0.0, 0.0);
        block
    }
}

/// The size of a node that has nothing in it.
fn size(node: &Node, has_catches: bool) -> (f64, f64) {
    if node.icon == Icon::Start {
        return (START_SIZE, START_SIZE);
    }
    let name = text::width(&text::shorten_middle(&node.name), NAME_SIZE);
    let attempts = if node.retries.is_some() { 26.0 } else { 0.0 };
    let subtitle = text::width(&node.subtitle, SUBTITLE_SIZE) * PLAIN_TO_BOLD + attempts;
    let height = NODE_HEIGHT + if has_catches { CATCHES_HEIGHT } else { 0.0 };
    ((name.max(subtitle) + NODE_TEXT_INSET).max(NODE_WIDTH_MIN).ceil(), height)
}

/// The catchers of a region that are told at their state instead of by a line, since very many lead
/// to the same state: all but the one of the last state.
fn hidden_edges(graph: &Graph, region: RegionIndex) -> Vec<usize> {
    let edges = &graph.region(region).edges;
    let mut hidden = Vec::new();
    for node in &graph.region(region).nodes {
        let is_catcher =
            |edge: &usize| edges[*edge].to == *node && edges[*edge].kind == EdgeKind::Catch;
        let catchers: Vec<usize> = (0..edges.len()).filter(is_catcher).collect();
        if catchers.len() >= HUB_CATCHERS {
            hidden.extend(&catchers[..catchers.len() - 1]);
        }
    }
    hidden
}

/// Where the hidden catchers of a node lead.
fn caught(graph: &Graph, region: RegionIndex, node: NodeIndex, hidden: &[usize]) -> Vec<NodeIndex> {
    let edges = hidden.iter().map(|edge| &graph.region(region).edges[*edge]);
    edges.filter(|edge| edge.from == node).map(|edge| edge.to).collect()
}
