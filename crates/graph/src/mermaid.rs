//! A graph as text of Mermaid, which GitHub and others draw.
//!
//! <https://mermaid.js.org/syntax/flowchart.html>

use crate::graph::{Edge, EdgeKind, Graph, Icon, Node, RegionIndex};
use crate::layout::Direction;
use crate::text::{put, put_line, shorten_middle};

impl Graph {
    /// The graph as a flowchart of Mermaid.
    pub fn to_mermaid(&self, direction: Direction) -> String {
        let direction = match direction {
            Direction::Down => "TD",
            Direction::Right => "LR",
        };
        let mut out = format!("flowchart {direction}\n");
        if !self.regions.is_empty() {
            self.write_mermaid(RegionIndex(0), 1, &mut out);
        }
        out
    }

    fn write_mermaid(&self, region: RegionIndex, depth: usize, out: &mut String) {
        let indent = "  ".repeat(depth);
        for index in &self.region(region).nodes {
            let (id, node) = (format!("n{}", index.0), self.node(*index));
            if node.regions.is_empty() {
                let (open, close) = shape(node);
                let text = quoted(&label(node));
                put_line(out, format_args!("{indent}{id}{open}{text}{close}"));
                continue;
            }
            put_line(out, format_args!("{indent}subgraph {id}[{}]", quoted(&label(node))));
            for (place, inner) in node.regions.iter().enumerate() {
                let id = format!("{id}_{place}");
                put_line(out, format_args!("{indent}  subgraph {id}[\" \"]"));
                self.write_mermaid(*inner, depth + 2, out);
                put_line(out, format_args!("{indent}  end"));
            }
            put_line(out, format_args!("{indent}end"));
        }
        for Edge { from, to, kind, label, .. } in &self.region(region).edges {
            let arrow = if *kind == EdgeKind::Catch { "-.->" } else { "-->" };
            let label = label.as_ref().map(|label| format!("|{}|", quoted(&label.text)));
            let label = label.unwrap_or_default();
            put_line(out, format_args!("{indent}n{} {arrow}{label} n{}", from.0, to.0));
        }
    }
}

fn label(node: &Node) -> String {
    match node.icon {
        Icon::Start => "Start".to_owned(),
        _ => shorten_middle(&node.name),
    }
}

fn shape(node: &Node) -> (&'static str, &'static str) {
    match node.icon {
        Icon::Start | Icon::Succeed | Icon::Fail => ("([", "])"),
        Icon::Choice => ("{", "}"),
        Icon::Missing => (">", "]"),
        _ => ("[", "]"),
    }
}

/// A text in quotation marks, with the characters that Mermaid reads as its own by their numbers.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '#' | '&' | ';' | '<' | '>' | '`' | '\\' => {
                put(&mut out, format_args!("#{};", u32::from(character)));
            }
            character if character.is_control() => out.push(' '),
            character => out.push(character),
        }
    }
    out.push('"');
    out
}
