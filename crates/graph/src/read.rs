//! From the text of a definition to its graph. What is not as it should be is left out, or shown as
//! missing; diagnostics tell of it.

use std::collections::HashMap;

use json::{Object, ParseError, Value};

use crate::condition::{condition, expression};
use crate::graph::{Edge, EdgeKind, Graph, Icon, Label, Node, NodeIndex, Region, RegionIndex};
use crate::text::shorten_end;

/// Regions deeper than this are not looked into.
const DEPTH_MAX: usize = 60;

impl Graph {
    /// The graph of a definition.
    ///
    /// # Errors
    /// Where the text is not JSON.
    pub fn read(definition: &str) -> Result<Graph, ParseError> {
        let value = json::parse(definition)?;
        let mut graph = Graph::default();
        let none = Object::new();
        let machine = value.as_object().unwrap_or(&none);
        let region = graph.add_region(machine, None, "", 0);
        graph.add_start(region);
        graph.mark_reachable();
        Ok(graph)
    }

    fn add_region(
        &mut self,
        text: &Object,
        container: Option<NodeIndex>,
        pointer: &str,
        depth: usize,
    ) -> RegionIndex {
        let index = RegionIndex(self.regions.len());
        self.regions.push(Region { container, ..Region::default() });
        let none = Object::new();
        let states = text.get("States").and_then(Value::as_object).unwrap_or(&none);
        let mut names = HashMap::new();
        for (name, state) in states.iter() {
            let state = state.as_object().unwrap_or(&none);
            let id = format!("{pointer}/States/{name}");
            let node = self.add_node(index, state_node(name, id.clone(), state));
            names.insert(&**name, node);
            if depth < DEPTH_MAX {
                self.add_inner_regions(node, state, &id, depth + 1);
            }
        }
        for (name, state) in states.iter() {
            let state = state.as_object().unwrap_or(&none);
            self.add_edges(index, names[&**name], state, &mut names, pointer);
        }
        if let Some(start) = text.get("StartAt").and_then(Value::as_str) {
            self.regions[index.0].start = Some(self.target(index, start, &mut names, pointer));
        }
        index
    }

    fn add_node(&mut self, region: RegionIndex, node: Node) -> NodeIndex {
        let index = NodeIndex(self.nodes.len());
        self.nodes.push(node);
        self.regions[region.0].nodes.push(index);
        index
    }

    fn add_inner_regions(&mut self, node: NodeIndex, state: &Object, id: &str, depth: usize) {
        let mut inner = Vec::new();
        match state.get("Type").and_then(Value::as_str) {
            Some("Parallel") => {
                let branches = state.get("Branches").and_then(Value::as_array).unwrap_or_default();
                for (place, branch) in branches.iter().enumerate() {
                    inner.push((branch, format!("{id}/Branches[{place}]")));
                }
            }
            Some("Map") => {
                let names = ["ItemProcessor", "Iterator"];
                let found = names.into_iter().find_map(|name| Some((name, state.get(name)?)));
                inner.extend(found.map(|(name, region)| (region, format!("{id}/{name}"))));
            }
            _ => {}
        }
        for (region, pointer) in inner {
            if let Some(region) = region.as_object() {
                let region = self.add_region(region, Some(node), &pointer, depth);
                self.nodes[node.0].regions.push(region);
            }
        }
    }

    /// The state of that name, or the mark of one that is missing.
    fn target<'a>(
        &mut self,
        region: RegionIndex,
        name: &'a str,
        names: &mut HashMap<&'a str, NodeIndex>,
        pointer: &str,
    ) -> NodeIndex {
        *names.entry(name).or_insert_with(|| {
            let id = format!("{pointer}/States/{name}");
            let subtitle = "no such state".to_owned();
            self.add_node(region, Node { subtitle, ..blank(name, id, Icon::Missing) })
        })
    }

    fn add_edges<'a>(
        &mut self,
        region: RegionIndex,
        from: NodeIndex,
        state: &'a Object,
        names: &mut HashMap<&'a str, NodeIndex>,
        pointer: &str,
    ) {
        let text = |object: &'a Object, name: &str| object.get(name).and_then(Value::as_str);
        let list = |name: &str| {
            let items = state.get(name).and_then(Value::as_array).unwrap_or_default();
            items.iter().enumerate().filter_map(|(place, item)| Some((place, item.as_object()?)))
        };
        let mut found = Vec::new();
        if let Some(next) = text(state, "Next") {
            found.push((next, EdgeKind::Next, None, None));
        }
        for (place, rule) in list("Choices") {
            let next = text(rule, "Next").map(|next| (next, EdgeKind::Choice));
            found.extend(next.map(|(next, kind)| (next, kind, Some(condition(rule)), Some(place))));
        }
        if let Some(next) = text(state, "Default") {
            found.push((next, EdgeKind::Default, Some("otherwise".to_owned()), None));
        }
        for (place, catcher) in list("Catch") {
            let next = text(catcher, "Next").map(|next| (next, EdgeKind::Catch));
            found.extend(next.map(|(next, kind)| (next, kind, Some(errors(catcher)), Some(place))));
        }
        for (next, kind, label, rule) in found {
            let to = self.target(region, next, names, pointer);
            self.add_edge(region, from, to, kind, label, rule);
        }
    }

    /// Adds a transition to that of its kind between the same nodes, where there is one.
    fn add_edge(
        &mut self,
        region: RegionIndex,
        from: NodeIndex,
        to: NodeIndex,
        kind: EdgeKind,
        title: Option<String>,
        rule: Option<usize>,
    ) {
        let edges = &mut self.regions[region.0].edges;
        let is_same = |edge: &&mut Edge| (edge.from, edge.to, edge.kind) == (from, to, kind);
        if let Some(edge) = edges.iter_mut().find(is_same) {
            edge.rules.extend(rule);
            if let (Some(label), Some(title)) = (&mut edge.label, title) {
                let word = if kind == EdgeKind::Catch { ", " } else { " or " };
                label.title = [&*label.title, &*title].join(word);
                label.text = shorten_end(&label.title);
            }
            return;
        }
        let label = title.filter(|title| !title.is_empty());
        let label = label.map(|title| Label { text: shorten_end(&title), title });
        edges.push(Edge { from, to, kind, label, rules: rule.into_iter().collect() });
    }

    /// The mark that the state machine begins with.
    fn add_start(&mut self, region: RegionIndex) {
        if let Some(start) = self.regions[region.0].start {
            let mark = self.add_node(region, blank("", "/StartAt".to_owned(), Icon::Start));
            self.add_edge(region, mark, start, EdgeKind::Start, None, None);
            // First, so that it is laid out first.
            self.regions[region.0].nodes.rotate_right(1);
        }
    }

    fn mark_reachable(&mut self) {
        for region in 0..self.regions.len() {
            let region = &self.regions[region];
            let mut left: Vec<NodeIndex> = region.start.into_iter().collect();
            left.extend(region.nodes.iter().filter(|it| self.nodes[it.0].icon == Icon::Start));
            let mut reached = Vec::new();
            while let Some(node) = left.pop() {
                if !std::mem::replace(&mut self.nodes[node.0].is_reachable, true) {
                    reached.push(node);
                    let edges = region.edges.iter().filter(|edge| edge.from == node);
                    left.extend(edges.map(|edge| edge.to));
                }
            }
        }
    }
}

fn blank(name: &str, id: String, icon: Icon) -> Node {
    Node {
        id,
        name: name.to_owned(),
        state_type: String::new(),
        icon,
        subtitle: String::new(),
        retries: None,
        regions: Vec::new(),
        is_reachable: false,
    }
}

fn state_node(name: &str, id: String, state: &Object) -> Node {
    let state_type = state.get("Type").and_then(Value::as_str).unwrap_or_default();
    let count = |name: &str| state.get(name).and_then(Value::as_array).map_or(0, <[Value]>::len);
    let some = |count: usize, one: &str, more: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {more}"),
    };
    let (icon, subtitle) = match state_type {
        "Pass" => (Icon::Pass, String::new()),
        "Choice" => (Icon::Choice, some(count("Choices"), "rule", "rules")),
        "Wait" => (Icon::Wait, wait(state)),
        "Succeed" => (Icon::Succeed, String::new()),
        "Fail" => (Icon::Fail, text_of(state, &["Error", "ErrorPath"]).to_owned()),
        "Parallel" => (Icon::Parallel, some(count("Branches"), "branch", "branches")),
        "Map" => (map_icon(state), text_of(state, &["ItemsPath", "Items"]).to_owned()),
        "Task" => task(state),
        _ => (Icon::Other, state_type.to_owned()),
    };
    let subtitle = shorten_end(expression(&subtitle));
    let node = blank(name, id, icon);
    Node { state_type: state_type.to_owned(), subtitle, retries: retries(state), ..node }
}

/// The first of these members that is a text.
fn text_of<'a>(object: &'a Object, names: &[&str]) -> &'a str {
    names.iter().find_map(|name| object.get(name)?.as_str()).unwrap_or_default()
}

fn wait(state: &Object) -> String {
    match state.get("Seconds") {
        Some(Value::Number(seconds)) => duration(seconds.as_f64()),
        Some(Value::String(text)) => text.to_string(),
        _ => match text_of(state, &["Timestamp", "TimestampPath"]) {
            "" => text_of(state, &["SecondsPath"]).to_owned(),
            instant => format!("until {}", expression(instant)),
        },
    }
}

/// Seconds in the largest unit that divides them.
fn duration(seconds: f64) -> String {
    const UNITS: [(f64, &str); 3] = [(86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute")];
    let unit = UNITS.into_iter().find(|(length, _)| seconds >= *length && seconds % length == 0.0);
    let (count, unit) = unit.map_or((seconds, "second"), |(length, unit)| (seconds / length, unit));
    format!("{count} {unit}{}", if count == 1.0 { "" } else { "s" })
}

fn map_icon(state: &Object) -> Icon {
    let config = state.get("ItemProcessor").and_then(|region| region.get("ProcessorConfig"));
    match config.and_then(|config| config.get("Mode")?.as_str()) {
        Some("DISTRIBUTED") => Icon::DistributedMap,
        _ => Icon::Map,
    }
}

/// `MaxAttempts` of all retriers together; 3 where a retrier has none, as the language says.
fn retries(state: &Object) -> Option<u64> {
    let retriers = state.get("Retry").and_then(Value::as_array).filter(|it| !it.is_empty())?;
    let attempts = |retrier: &Value| match retrier.get("MaxAttempts") {
        None => 3,
        Some(attempts) => attempts.as_i64().and_then(|it| u64::try_from(it).ok()).unwrap_or(0),
    };
    Some(retriers.iter().map(attempts).fold(0, u64::saturating_add))
}

/// The error names of a catcher; nothing to say where it catches all of them.
fn errors(catcher: &Object) -> String {
    let names = catcher.get("ErrorEquals").and_then(Value::as_array).unwrap_or_default();
    names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

/// What a Task state calls.
fn task(state: &Object) -> (Icon, String) {
    let resource = text_of(state, &["Resource"]);
    let none = Object::new();
    let parameters = ["Parameters", "Arguments"].into_iter().find_map(|name| state.get(name));
    let parameters = parameters.and_then(Value::as_object).unwrap_or(&none);
    let parts: Vec<&str> = resource.splitn(7, ':').collect();
    let (Some(service), Some(kind)) = (parts.get(2), parts.get(5)) else {
        return (Icon::Other, expression(resource).to_owned());
    };
    let rest = parts.get(6).copied().unwrap_or_default();
    match (*service, *kind) {
        ("lambda", "function") => (Icon::Function, rest.to_owned()),
        ("states", "activity") => (Icon::Activity, rest.to_owned()),
        ("states", service) => integration(service, rest, parameters),
        (service, _) => (Icon::Other, service.to_owned()),
    }
}

fn integration(service: &str, action: &str, parameters: &Object) -> (Icon, String) {
    let (action, is_callback) = match action.strip_suffix(".waitForTaskToken") {
        Some(action) => (action, true),
        None => (action, false),
    };
    let named = |name: &str| {
        let text = parameters.get(name).and_then(Value::as_str).map(expression);
        text.map(|text| text.rsplit([':', '/']).next().unwrap_or(text).to_owned())
    };
    let plain = format!("{}:{action}", service.strip_prefix("aws-sdk").unwrap_or(service));
    let plain = plain.trim_start_matches(':').to_owned();
    let (icon, subtitle) = match service {
        "lambda" => (Icon::Function, named("FunctionName").unwrap_or(plain)),
        "states" => (Icon::Nested, named("StateMachineArn").unwrap_or(plain)),
        "dynamodb" => (Icon::Table, plain),
        "sqs" | "sns" | "events" => (Icon::Message, plain),
        "http" => (Icon::Http, named("ApiEndpoint").unwrap_or(plain)),
        "apigateway" => (Icon::Http, plain),
        _ => (Icon::Other, plain),
    };
    (if is_callback { Icon::Callback } else { icon }, subtitle)
}
