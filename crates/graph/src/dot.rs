//! A graph as text of DOT, which Graphviz draws.
//!
//! <https://graphviz.org/doc/info/lang.html>

use crate::graph::{Edge, EdgeKind, Graph, Icon, Node, RegionIndex};
use crate::layout::Direction;
use crate::text::put_line;

impl Graph {
    /// The graph as a digraph of DOT.
    pub fn to_dot(&self, direction: Direction) -> String {
        let direction = match direction {
            Direction::Down => "TB",
            Direction::Right => "LR",
        };
        let mut out = format!(
            "digraph {{\n  rankdir={direction};\n  compound=true;\n  \
             node [shape=box, style=rounded, fontname=\"sans-serif\"];\n"
        );
        if !self.regions.is_empty() {
            self.write_dot(RegionIndex(0), 1, &mut out);
        }
        out.push_str("}\n");
        out
    }

    fn write_dot(&self, region: RegionIndex, depth: usize, out: &mut String) {
        let indent = "  ".repeat(depth);
        for index in &self.region(region).nodes {
            let node = self.node(*index);
            if node.regions.is_empty() {
                put_line(out, format_args!("{indent}n{} [{}];", index.0, attributes(node)));
                continue;
            }
            put_line(out, format_args!("{indent}subgraph cluster_{} {{", index.0));
            put_line(out, format_args!("{indent}  label={};", quoted(&node.name)));
            // Where the edges of the container begin and end.
            put_line(out, format_args!("{indent}  n{} [shape=point, style=invis];", index.0));
            for inner in &node.regions {
                self.write_dot(*inner, depth + 1, out);
            }
            put_line(out, format_args!("{indent}}}"));
        }
        for Edge { from, to, kind, label, .. } in &self.region(region).edges {
            let mut attributes = Vec::new();
            attributes.extend(label.as_ref().map(|it| format!("label={}", quoted(&it.text))));
            attributes.extend((*kind == EdgeKind::Catch).then(|| "style=dashed".to_owned()));
            for (end, node) in [("ltail", from), ("lhead", to)] {
                let is_container = !self.node(*node).regions.is_empty();
                attributes.extend(is_container.then(|| format!("{end}=cluster_{}", node.0)));
            }
            let attributes = attributes.join(", ");
            put_line(out, format_args!("{indent}n{} -> n{} [{attributes}];", from.0, to.0));
        }
    }
}

fn attributes(node: &Node) -> String {
    let name = quoted(&node.name);
    match node.icon {
        Icon::Start => "label=\"\", shape=circle, style=filled, fillcolor=black, width=0.15".into(),
        Icon::Choice => format!("label={name}, shape=diamond"),
        Icon::Missing => format!("label={name}, style=dashed"),
        _ if node.subtitle.is_empty() => format!("label={name}"),
        _ => format!("label={}", quoted(&format!("{}\n{}", node.name, node.subtitle))),
    }
}

/// A text in quotation marks.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            character if character.is_control() => out.push(' '),
            character => out.push(character),
        }
    }
    out.push('"');
    out
}
