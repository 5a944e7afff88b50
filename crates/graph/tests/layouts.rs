//! Layouts of random definitions: what must hold for every one of them.

use std::fmt::Write;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use stairwell_graph::{Direction, Graph, Icon, Layout, NodeIndex, Rectangle, RegionIndex};

/// How many definitions are laid out, each in both directions.
const DEFINITIONS: u64 = 250;

/// Less than this, in pixels, is a touch.
const TOUCH: f64 = 0.4;

/// A definition by chance: chains, choices, loops, catchers to anywhere, containers, missing states.
struct Draw(ChaCha8Rng);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        (self.0.next_u32() as usize) % bound
    }

    fn region(&mut self, depth: usize, prefix: &str) -> String {
        let count = 1 + self.below(if depth == 0 { 14 } else { 4 });
        let mut states = Vec::new();
        for place in 0..count {
            let name = format!("{prefix}{place}{}", "x".repeat(self.below(30)));
            states.push(name);
        }
        let mut out = format!(r#""StartAt":"{}","States":{{"#, states[0]);
        for (place, name) in states.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            let state = self.state(depth, name, &states);
            write!(out, r#"{comma}"{name}":{{{state}}}"#).expect("a String takes all");
        }
        out + "}"
    }

    fn target(&mut self, states: &[String]) -> String {
        match self.below(40) {
            0 => "Missing".to_owned(),
            _ => states[self.below(states.len())].clone(),
        }
    }

    fn state(&mut self, depth: usize, name: &str, states: &[String]) -> String {
        let kind = self.below(if depth < 2 { 8 } else { 5 });
        let mut out = match kind {
            0 | 1 => r#""Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage""#.to_owned(),
            2 | 3 => {
                let rule = |draw: &mut Draw| {
                    let (value, next) = (draw.below(100_000), draw.target(states));
                    format!(r#"{{"Variable":"$.a","NumericEquals":{value},"Next":"{next}"}}"#)
                };
                let rules: Vec<String> = (0..=self.below(4)).map(|_| rule(self)).collect();
                let (rules, default) = (rules.join(","), self.target(states));
                return format!(r#""Type":"Choice","Choices":[{rules}],"Default":"{default}""#);
            }
            4 => return r#""Type":"Fail","Error":"E""#.to_owned(),
            5 => {
                let inner = self.region(depth + 1, &format!("{name}m"));
                format!(r#""Type":"Map","ItemProcessor":{{{inner}}}"#)
            }
            _ => {
                let branch = |draw: &mut Draw, place| {
                    format!("{{{}}}", draw.region(depth + 1, &format!("{name}b{place}")))
                };
                let branches: Vec<String> =
                    (0..=self.below(3)).map(|place| branch(self, place)).collect();
                format!(r#""Type":"Parallel","Branches":[{}]"#, branches.join(","))
            }
        };
        let catchers: Vec<String> = (0..self.below(3))
            .map(|_| {
                format!(r#"{{"ErrorEquals":["States.ALL"],"Next":"{}"}}"#, self.target(states))
            })
            .collect();
        if !catchers.is_empty() {
            write!(out, r#","Catch":[{}]"#, catchers.join(",")).expect("a String takes all");
        }
        let next = self.target(states);
        write!(out, r#","Next":"{next}""#).expect("a String takes all");
        out
    }
}

fn overlap(a: &Rectangle, b: &Rectangle) -> bool {
    a.x + TOUCH < b.x + b.width
        && b.x + TOUCH < a.x + a.width
        && a.y + TOUCH < b.y + b.height
        && b.y + TOUCH < a.y + a.height
}

fn is_inside(inner: &Rectangle, outer: &Rectangle) -> bool {
    inner.x >= outer.x - TOUCH
        && inner.y >= outer.y - TOUCH
        && inner.x + inner.width <= outer.x + outer.width + TOUCH
        && inner.y + inner.height <= outer.y + outer.height + TOUCH
}

/// The rectangle of a line that runs along an axis.
fn line((from, to): ((f64, f64), (f64, f64))) -> Rectangle {
    let (x, y) = (from.0.min(to.0), from.1.min(to.1));
    let (width, height) = ((from.0 - to.0).abs(), (from.1 - to.1).abs());
    assert!(width < TOUCH || height < TOUCH, "a line runs aslant: {from:?} to {to:?}");
    Rectangle {
        x: x - TOUCH,
        y: y - TOUCH,
        width: width + 2.0 * TOUCH,
        height: height + 2.0 * TOUCH,
    }
}

fn check(graph: &Graph, layout: &Layout) {
    let place = |node: NodeIndex| {
        let placed = layout.nodes.iter().find(|it| it.node == node);
        placed.expect("every node has a place").place
    };
    let whole = Rectangle { x: 0.0, y: 0.0, width: layout.width, height: layout.height };
    for (region, states) in graph.regions.iter().enumerate() {
        let nodes: Vec<(NodeIndex, Rectangle)> =
            states.nodes.iter().map(|node| (*node, place(*node))).collect();
        let container = states.container.map_or(whole, place);
        let edges = layout.edges.iter().filter(|edge| edge.region == RegionIndex(region));
        let edges: Vec<_> = edges.collect();
        let labels: Vec<Rectangle> = edges.iter().filter_map(|edge| edge.label).collect();
        for (at, (node, rectangle)) in nodes.iter().enumerate() {
            let name = &graph.node(*node).name;
            assert!(is_inside(rectangle, &container), "{name} is outside of its container");
            for (other, place) in &nodes[..at] {
                let other = &graph.node(*other).name;
                assert!(!overlap(rectangle, place), "{name} is on {other}");
            }
            for label in &labels {
                assert!(!overlap(rectangle, label), "a label is on {name}");
            }
        }
        for (at, label) in labels.iter().enumerate() {
            assert!(is_inside(label, &container), "{label:?} is outside of {container:?}");
            assert!(!labels[..at].iter().any(|other| overlap(label, other)), "labels overlap");
        }
        for (place, edge) in edges.iter().enumerate() {
            let (from, to) = (states.edges[edge.edge].from, states.edges[edge.edge].to);
            for pair in edge.points.windows(2) {
                let line = line((pair[0], pair[1]));
                for (at, other) in edges.iter().enumerate() {
                    // To the right, a label is longer than the side that a state turns to its loops.
                    let is_down = layout.direction == Direction::Down;
                    let label = other.label.filter(|_| at != place && is_down);
                    let is_on = label.is_some_and(|label| overlap(&line, &label));
                    assert!(!is_on, "a line is on the label {:?}", states.edges[other.edge].label);
                }
                for (node, rectangle) in &nodes {
                    let inner = Rectangle {
                        x: rectangle.x + 2.0 * TOUCH,
                        y: rectangle.y + 2.0 * TOUCH,
                        width: rectangle.width - 4.0 * TOUCH,
                        height: rectangle.height - 4.0 * TOUCH,
                    };
                    let (from, to) = (&graph.node(from).name, &graph.node(to).name);
                    let name = &graph.node(*node).name;
                    assert!(!overlap(&line, &inner), "{from} to {to} goes through {name}");
                }
            }
        }
    }
}

#[test]
fn nothing_overlaps_and_no_line_goes_through_a_state() {
    for seed in 0..DEFINITIONS {
        let mut draw = Draw(ChaCha8Rng::seed_from_u64(seed));
        let definition = format!("{{{}}}", draw.region(0, "S"));
        let graph = Graph::read(&definition).expect("it is JSON");
        for direction in [Direction::Down, Direction::Right] {
            let layout = Layout::of(&graph, direction);
            let described = format!("seed {seed}, {direction:?}: {definition}");
            let checked = std::panic::catch_unwind(|| check(&graph, &layout));
            assert!(checked.is_ok(), "{described}");
            let again = Layout::of(&Graph::read(&definition).expect("it is JSON"), direction);
            assert_eq!(layout, again, "{described}");
        }
    }
}

#[test]
fn a_state_that_many_catchers_lead_to_is_drawn_with_one_line() {
    let state = |place: usize| {
        format!(
            r#""S{place}":{{"Type":"Task","Resource":"r","Next":"S{}",
                "Catch":[{{"ErrorEquals":["States.ALL"],"Next":"Notify"}}]}}"#,
            place + 1
        )
    };
    let states: Vec<String> = (0..8).map(state).collect();
    let definition = format!(
        r#"{{"StartAt":"S0","States":{{{},"S8":{{"Type":"Succeed"}},"Notify":{{"Type":"Fail"}}}}}}"#,
        states.join(",")
    );
    let graph = Graph::read(&definition).expect("it is JSON");
    let layout = Layout::of(&graph, Direction::Down);
    let told: usize = layout.nodes.iter().map(|node| node.catches.len()).sum();
    assert_eq!(told, 7);
    // The start, eight steps, and one catcher.
    assert_eq!(layout.edges.len(), 10);
    check(&graph, &layout);
}

#[test]
fn a_flow_of_five_hundred_states_is_laid_out() {
    let mut draw = Draw(ChaCha8Rng::seed_from_u64(500));
    let mut out = String::from(r#"{"StartAt":"S0","States":{"#);
    for place in 0..500 {
        let (near, far) = (place + 1, (place + 1 + draw.below(12)).min(500));
        write!(
            out,
            r#""S{place}":{{"Type":"Choice","Choices":[{{"Variable":"$.a","IsNull":true,
                "Next":"S{far}"}}],"Default":"S{near}"}},"#
        )
        .expect("a String takes all");
    }
    out.push_str(r#""S500":{"Type":"Succeed"}}}"#);
    let graph = Graph::read(&out).expect("it is JSON");
    let began = std::time::Instant::now();
    let layout = Layout::of(&graph, Direction::Down);
    println!("{} nodes in {:?}", layout.nodes.len(), began.elapsed());
    assert_eq!(layout.nodes.len(), 502);
}

#[test]
fn what_is_no_definition_is_drawn_as_far_as_it_goes() {
    for (definition, nodes) in [
        ("{}", 0),
        ("[]", 0),
        ("7", 0),
        (r#"{"StartAt":"A"}"#, 2),
        (r#"{"StartAt":"A","States":{"A":7}}"#, 2),
        (r#"{"StartAt":7,"States":{"A":{"Type":"Map","Iterator":7}}}"#, 1),
        (r#"{"StartAt":"A","States":{"A":{"Type":"Parallel","Branches":[{},7]}}}"#, 2),
    ] {
        let graph = Graph::read(definition).expect("it is JSON");
        assert_eq!(graph.nodes.len(), nodes, "{definition}");
        check(&graph, &Layout::of(&graph, Direction::Down));
        let missing = graph.nodes.iter().filter(|node| node.icon == Icon::Missing).count();
        assert_eq!(missing, usize::from(!definition.contains(r#""A":"#) && nodes > 0));
    }
    assert!(Graph::read("{").is_err());
}
