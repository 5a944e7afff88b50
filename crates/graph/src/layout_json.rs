//! A layout as JSON: what the console draws.

use json::{Object, Value};

use crate::graph::Graph;
use crate::layout::{Direction, Layout, PlacedEdge, PlacedNode, Rectangle};
use crate::svg::Statuses;
use crate::text;

impl Layout {
    /// The layout as JSON: `width`, `height` and `direction`, `nodes` with their `box` (left,
    /// upper side, width, height, in pixels), and `edges` with their `points`. With the statuses
    /// of an execution, nodes that were reached have a `status`.
    pub fn to_json(&self, graph: &Graph, statuses: Option<&Statuses>) -> Value {
        let nodes = self.nodes.iter().map(|node| node_json(graph, node, statuses));
        let nodes = nodes.collect::<Vec<_>>();
        let edges = self.edges.iter().map(|edge| edge_json(graph, edge)).collect::<Vec<_>>();
        let direction = match self.direction {
            Direction::Down => "down",
            Direction::Right => "right",
        };
        object([
            ("width", number(self.width)),
            ("height", number(self.height)),
            ("direction", direction.into()),
            ("nodes", nodes.into()),
            ("edges", edges.into()),
        ])
    }
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let mut object = Object::with_capacity(N);
    for (name, value) in members {
        object.insert(name, value);
    }
    object.into()
}

/// Pixels, to a tenth.
fn number(pixels: f64) -> Value {
    let tenths = text::tenths(pixels);
    if tenths.fract() == 0.0 { Value::from(tenths as i64) } else { Value::from(tenths) }
}

fn rectangle(place: &Rectangle) -> Value {
    let Rectangle { x, y, width, height } = *place;
    [x, y, width, height].map(number).to_vec().into()
}

fn node_json(graph: &Graph, placed: &PlacedNode, statuses: Option<&Statuses>) -> Value {
    let node = graph.node(placed.node);
    let mut json = Object::new();
    json.insert("id", &*node.id);
    json.insert("name", &*node.name);
    if node.name.chars().count() > text::SHOWN_MAX {
        json.insert("shown", text::shorten_middle(&node.name));
    }
    json.insert("type", &*node.state_type);
    json.insert("icon", node.icon.name());
    json.insert("box", rectangle(&placed.place));
    if let Some(status) = statuses.and_then(|statuses| statuses.get(&node.id)) {
        json.insert("status", status.name());
    }
    if !node.subtitle.is_empty() {
        json.insert("sub", &*node.subtitle);
    }
    if let Some(retries) = node.retries {
        json.insert("retry", i64::try_from(retries).unwrap_or(i64::MAX));
    }
    if placed.is_container {
        json.insert("container", true);
    }
    if !node.is_reachable {
        json.insert("unreachable", true);
    }
    if !placed.catches.is_empty() {
        let ids = placed.catches.iter().map(|it| Value::from(&*graph.node(*it).id));
        json.insert("catches", ids.collect::<Vec<_>>());
    }
    json.into()
}

fn edge_json(graph: &Graph, placed: &PlacedEdge) -> Value {
    let edge = &graph.region(placed.region).edges[placed.edge];
    let point = |(x, y): &(f64, f64)| Value::from(vec![number(*x), number(*y)]);
    let mut json = Object::new();
    json.insert("from", &*graph.node(edge.from).id);
    json.insert("to", &*graph.node(edge.to).id);
    json.insert("kind", edge.kind.name());
    if !edge.rules.is_empty() {
        let rules = edge.rules.iter().map(|rule| Value::from(*rule as i64));
        json.insert("rules", rules.collect::<Vec<_>>());
    }
    if let (Some(label), Some(place)) = (&edge.label, &placed.label) {
        let (text, title) = ((&*label.text).into(), (&*label.title).into());
        json.insert("label", object([("text", text), ("title", title), ("box", rectangle(place))]));
    }
    if placed.is_back {
        json.insert("back", true);
    }
    json.insert("points", placed.points.iter().map(point).collect::<Vec<_>>());
    json.into()
}
