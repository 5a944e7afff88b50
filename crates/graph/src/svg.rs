//! A layout as a picture: one file of SVG that needs no other.

use std::collections::BTreeMap;

use crate::graph::{EdgeKind, Graph, Icon, Node};
use crate::layout::{Layout, PlacedEdge, PlacedNode, Rectangle};
use crate::text::{escape_xml, put, shorten_end, shorten_middle, tenths as pixels};

/// How a state stands in an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeStatus {
    /// It was entered and left.
    Succeeded,
    /// It failed, and a catcher went on.
    Caught,
    /// It was entered, and is not left yet.
    Running,
    /// It was cut off by the end of something else.
    Aborted,
    /// It ran out of time.
    TimedOut,
    /// It failed.
    Failed,
}

impl NodeStatus {
    /// Its name in the layout's JSON form.
    pub fn name(self) -> &'static str {
        match self {
            NodeStatus::Running => "running",
            NodeStatus::Succeeded => "succeeded",
            NodeStatus::Failed => "failed",
            NodeStatus::TimedOut => "timedOut",
            NodeStatus::Caught => "caught",
            NodeStatus::Aborted => "aborted",
        }
    }

    fn class(self) -> &'static str {
        match self {
            NodeStatus::Running => "run",
            NodeStatus::Succeeded => "ok",
            NodeStatus::Failed => "fail",
            NodeStatus::TimedOut => "time",
            NodeStatus::Caught => "caught",
            NodeStatus::Aborted => "gone",
        }
    }

    /// What is said of it, and the mark in the corner, in a circle of 16 pixels.
    fn mark(self) -> (&'static str, &'static str) {
        match self {
            NodeStatus::Running => ("running", "M6.5 5l5 3-5 3z"),
            NodeStatus::Succeeded => ("succeeded", "M5 8.2l2.2 2.2L11.2 6"),
            NodeStatus::Failed => ("failed", "M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8"),
            NodeStatus::TimedOut => ("timed out", "M8 4.6V8l2.4 1.6"),
            NodeStatus::Caught => {
                ("error caught", "M5 10.5c0-3 1.6-4.6 5.4-4.6M8.6 4.2l2 1.7-2 1.8")
            }
            NodeStatus::Aborted => ("aborted", "M5.4 10.6l5.2-5.2"),
        }
    }
}

/// How the states of an execution stand, by the ids of their nodes. What is not in it was not
/// reached.
pub type Statuses = BTreeMap<String, NodeStatus>;

/// The colours of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the viewer prefers.
    #[default]
    Automatic,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

const LIGHT: &str = "--bg:#f7f8fa;--panel:#fff;--ink:#171a21;--mute:#5a6272;--line:#c3c9d4;\
--tile:#eef0f4;--accent:#3556d8;--ok:#0e7a59;--fail:#c0311a;--time:#8f3a84;--caught:#9a5f00;\
--gone:#667085;--run:#0a66c2";
const DARK: &str = "--bg:#0f1116;--panel:#191c23;--ink:#e8eaf0;--mute:#9aa3b5;--line:#424a5a;\
--tile:#252a34;--accent:#8aa2ff;--ok:#4cc79a;--fail:#ff8a70;--time:#d798cf;--caught:#e8b04b;\
--gone:#98a1b0;--run:#6bb2ff";
const STYLE: &str = "\
text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}\
.page{fill:var(--bg)}.name{font-size:13px;font-weight:600;fill:var(--ink)}\
.sub,.label text,.catches{font-size:11.5px;fill:var(--mute)}\
.card,.frame{fill:var(--panel);stroke:var(--line)}.frame{fill-opacity:.55}\
.second{fill:none;stroke:var(--line)}\
.tile{fill:var(--tile)}.icon{fill:none;stroke:var(--mute);stroke-width:1.5;stroke-linecap:round;\
stroke-linejoin:round}.nested .icon,.choice .icon{stroke:var(--accent)}.fail-state .icon{stroke:\
var(--fail)}.missing .card{stroke:var(--fail);stroke-dasharray:4 3}.missing .sub{fill:var(--fail)}\
.apart .card,.apart .frame{stroke-dasharray:2 4}.start{fill:var(--ink)}\
.edge{fill:none;stroke:var(--mute);stroke-width:1.4}.edge.catch{stroke-dasharray:4 3}\
.label rect{fill:var(--panel);stroke:var(--line)}.head{fill:var(--mute)}\
.idle{opacity:.5}.mark circle{stroke:var(--panel);stroke-width:2}.mark path{fill:none;\
stroke:var(--panel);stroke-width:1.8;stroke-linecap:round;stroke-linejoin:round}\
.catches{fill:var(--caught)}.retry{font-size:11.5px;fill:var(--caught)}";

impl Layout {
    /// The picture. Without statuses it is of the definition; with them, of an execution.
    pub fn to_svg(&self, graph: &Graph, statuses: Option<&Statuses>, theme: Theme) -> String {
        let mut out = String::new();
        let (width, height) = (self.width.ceil(), self.height.ceil());
        put(
            &mut out,
            format_args!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\">\n<style>{}{STYLE}{}</style>\n\
             <defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" \
             markerWidth=\"8\" markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">\
             <path class=\"head\" d=\"M0 .5L8 4 0 7.5z\"/></marker></defs>\n\
             <rect class=\"page\" width=\"{width}\" height=\"{height}\"/>\n",
                colours(theme),
                status_colours(),
            ),
        );
        for node in self.nodes.iter().filter(|node| node.is_container) {
            write_node(graph, node, statuses, &mut out);
        }
        for edge in &self.edges {
            write_edge(graph, edge, statuses, &mut out);
        }
        for node in self.nodes.iter().filter(|node| !node.is_container) {
            write_node(graph, node, statuses, &mut out);
        }
        for edge in &self.edges {
            write_label(graph, edge, &mut out);
        }
        out.push_str("</svg>\n");
        out
    }
}

fn colours(theme: Theme) -> String {
    match theme {
        Theme::Light => format!("svg{{{LIGHT}}}"),
        Theme::Dark => format!("svg{{{DARK}}}"),
        Theme::Automatic => {
            format!("svg{{{LIGHT}}}@media(prefers-color-scheme:dark){{svg{{{DARK}}}}}")
        }
    }
}

fn status_colours() -> String {
    let rule = |class: &str| {
        format!(
            ".{class}>.card,.{class}>.frame{{stroke:var(--{class});stroke-width:1.6}}\
             .{class} .mark.{class} circle,.mark.{class} circle{{fill:var(--{class})}}"
        )
    };
    ["ok", "fail", "time", "caught", "gone", "run"].map(rule).concat()
}

fn write_node(graph: &Graph, placed: &PlacedNode, statuses: Option<&Statuses>, out: &mut String) {
    let node = graph.node(placed.node);
    let Rectangle { x, y, width, height } = placed.place;
    let (x, y, width, height) = (pixels(x), pixels(y), pixels(width), pixels(height));
    if node.icon == Icon::Start {
        let radius = pixels(width / 2.0);
        let (x, y) = (pixels(x + radius), pixels(y + radius));
        put(out, format_args!("<circle class=\"start\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"/>\n"));
        return;
    }
    let status = statuses.map(|statuses| statuses.get(&node.id).copied());
    put(out, format_args!("<g class=\"{}\" data-id=\"", classes(node, status)));
    escape_xml(&node.id, out);
    out.push_str("\"><title>");
    escape_xml(&node.name, out);
    if let Some(Some(status)) = status {
        put(out, format_args!(": {}", status.mark().0));
    }
    let class = if placed.is_container { "frame" } else { "card" };
    out.push_str("</title>");
    if matches!(node.icon, Icon::Map | Icon::DistributedMap) {
        // The edge of a second card behind it: there are many.
        put(
            out,
            format_args!(
                "<path class=\"second\" d=\"M{} {}h{}a10 10 0 0 1 10 10v{}\"/>",
                pixels(x + 12.0),
                pixels(y - 4.0),
                pixels(width - 18.0),
                pixels(height - 18.0),
            ),
        );
    }
    put(
        out,
        format_args!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" \
         rx=\"10\"/>"
        ),
    );
    write_texts(graph, placed, out);
    if let Some(Some(status)) = status {
        put(
            out,
            format_args!(
                "<g class=\"mark {}\" transform=\"translate({} {})\"><circle cx=\"8\" cy=\"8\" \
             r=\"8\"/><path d=\"{}\"/></g>",
                status.class(),
                pixels(x + width - 9.0),
                pixels(y - 8.0),
                status.mark().1,
            ),
        );
    }
    out.push_str("</g>\n");
}

fn classes(node: &Node, status: Option<Option<NodeStatus>>) -> String {
    let mut classes = vec!["node"];
    match node.icon {
        Icon::Missing => classes.push("missing"),
        Icon::Fail => classes.push("fail-state"),
        Icon::Nested => classes.push("nested"),
        Icon::Choice => classes.push("choice"),
        _ => {}
    }
    if !node.is_reachable {
        classes.push("apart");
    }
    match status {
        Some(Some(status)) => classes.push(status.class()),
        Some(None) => classes.push("idle"),
        None => {}
    }
    classes.join(" ")
}

fn write_texts(graph: &Graph, placed: &PlacedNode, out: &mut String) {
    let node = graph.node(placed.node);
    let Rectangle { x, y, height, .. } = placed.place;
    put(
        out,
        format_args!(
            "<rect class=\"tile\" x=\"{}\" y=\"{}\" width=\"24\" height=\"24\" rx=\"7\"/>\
         <path class=\"icon\" transform=\"translate({} {})\" d=\"{}\"/>",
            pixels(x + 9.0),
            pixels(y + 9.0),
            pixels(x + 13.0),
            pixels(y + 13.0),
            picture(node.icon),
        ),
    );
    let has_second = !node.subtitle.is_empty() || node.retries.is_some();
    let name_y = if has_second { y + 18.0 } else { y + 25.5 };
    text(out, "name", x + 42.0, name_y, &shorten_middle(&node.name));
    if has_second {
        let subtitle = match node.retries {
            Some(retries) => format!("{} ↻{retries}", node.subtitle),
            None => node.subtitle.clone(),
        };
        text(out, "sub", x + 42.0, y + 33.0, subtitle.trim_start());
    }
    if !placed.catches.is_empty() {
        let names = placed.catches.iter().map(|it| &*graph.node(*it).name);
        let names = format!("⤳ {}", names.collect::<Vec<_>>().join(", "));
        text(out, "catches", x + 12.0, y + height - 8.0, &shorten_end(&names));
    }
}

fn text(out: &mut String, class: &str, x: f64, y: f64, content: &str) {
    let (x, y) = (pixels(x), pixels(y));
    put(out, format_args!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">"));
    escape_xml(content, out);
    out.push_str("</text>");
}

/// What a node shows, in a square of 16 pixels.
fn picture(icon: Icon) -> &'static str {
    match icon {
        Icon::Start => "",
        Icon::Missing => "M6 6a2 2 0 1 1 3 1.7c-.7.4-1 .8-1 1.6M8 12h.01",
        Icon::Pass => "M3 8h10M9.5 4.5L13 8l-3.5 3.5",
        Icon::Choice => "M8 2.5L13.5 8 8 13.5 2.5 8z",
        Icon::Wait => "M8 2.5a5.5 5.5 0 1 0 .01 0M8 5v3l2 1.5",
        Icon::Succeed => "M3.5 8.5l3 3 6-7",
        Icon::Fail => "M4 4l8 8M12 4l-8 8",
        Icon::Parallel => "M4 3v10M8 3v10M12 3v10",
        Icon::Map => "M3 5h8v8H3zM5 3h8v8",
        Icon::DistributedMap => "M2.5 6h7v7h-7zM4.5 4h7v7M6.5 2h7v7",
        Icon::Function => "M4 3h2l6 10M8.4 7.2L4.5 13",
        Icon::Nested => "M3 3h7v7H3zM6 10v3h7V6h-3",
        Icon::Activity => "M8 3.2a2.3 2.3 0 1 0 .01 0M3.5 13c.5-3 2.2-4 4.5-4s4 1 4.5 4",
        Icon::Callback => "M7 4L3 8l4 4M3 8h6.5c2.2 0 3.5 1.4 3.5 4",
        Icon::Table => "M3 3.5h10v9H3zM3 6.5h10M3 9.5h10M6.5 3.5v9",
        Icon::Message => "M2.5 4h11v8h-11zM2.5 4.5L8 9l5.5-4.5",
        Icon::Http => {
            "M8 2.5a5.5 5.5 0 1 0 .01 0M2.7 8h10.6M8 2.5c-4 4-4 7 0 11M8 2.5c4 4 4 7 0 11"
        }
        Icon::Other => "M8 5.5a2.5 2.5 0 1 0 .01 0M8 2.5v1.5M8 12v1.5M2.5 8H4M12 8h1.5",
    }
}

fn write_edge(graph: &Graph, placed: &PlacedEdge, statuses: Option<&Statuses>, out: &mut String) {
    let edge = &graph.region(placed.region).edges[placed.edge];
    let catch = if edge.kind == EdgeKind::Catch { " catch" } else { "" };
    let is_reached = |node| {
        graph.node(node).icon == Icon::Start
            || statuses.is_none_or(|statuses| statuses.contains_key(&graph.node(node).id))
    };
    let idle = if is_reached(edge.from) && is_reached(edge.to) { "" } else { " idle" };
    put(
        out,
        format_args!(
            "<path class=\"edge{catch}{idle}\" marker-end=\"url(#head)\" d=\"{}\"/>\n",
            rounded(&placed.points),
        ),
    );
}

/// A line with round corners.
fn rounded(points: &[(f64, f64)]) -> String {
    const RADIUS: f64 = 8.0;
    let towards = |from: (f64, f64), to: (f64, f64), length: f64| {
        let distance = (to.0 - from.0).hypot(to.1 - from.1);
        let part = if distance > 0.0 { length / distance } else { 0.0 };
        (from.0 + (to.0 - from.0) * part, from.1 + (to.1 - from.1) * part)
    };
    let half = |from: (f64, f64), to: (f64, f64)| (to.0 - from.0).hypot(to.1 - from.1) / 2.0;
    let mut path = String::new();
    let mut point = |letter: &str, (x, y): (f64, f64)| {
        put(&mut path, format_args!("{letter}{} {}", pixels(x), pixels(y)));
    };
    point("M", points[0]);
    for corner in points.windows(3) {
        let radius = RADIUS.min(half(corner[1], corner[0])).min(half(corner[1], corner[2]));
        point("L", towards(corner[1], corner[0], radius));
        point("Q", corner[1]);
        point(" ", towards(corner[1], corner[2], radius));
    }
    point("L", points[points.len() - 1]);
    path
}

fn write_label(graph: &Graph, placed: &PlacedEdge, out: &mut String) {
    let edge = &graph.region(placed.region).edges[placed.edge];
    let (Some(label), Some(place)) = (&edge.label, &placed.label) else { return };
    let Rectangle { x, y, width, height } = *place;
    out.push_str("<g class=\"label\"><title>");
    escape_xml(&label.title, out);
    // In a graph that runs to the right, the place of a label may be higher than it.
    let top = y + (height - 20.0) / 2.0;
    put(
        out,
        format_args!(
            "</title><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"20\" rx=\"10\"/>",
            pixels(x),
            pixels(top),
            pixels(width),
        ),
    );
    let (x, y) = (pixels(x + width / 2.0), pixels(top + 14.0));
    put(out, format_args!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">"));
    escape_xml(&label.text, out);
    out.push_str("</text></g>\n");
}
