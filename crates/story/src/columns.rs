//! Steps as columns: what travels to the console.

use std::collections::HashMap;

use graph::{EdgeKind, Graph, Node};
use json::{Object, Value};

use crate::fold::Story;
use crate::step::{Attempt, FrameKind, Status, Step, StepIndex};

/// Texts, each once, by their places; place -1 is none.
#[derive(Default)]
struct Texts<'a> {
    places: HashMap<&'a str, i64>,
    list: Vec<Value>,
}

impl<'a> Texts<'a> {
    fn place(&mut self, text: Option<&'a str>) -> Value {
        let Some(text) = text else { return Value::from(-1_i64) };
        let place = *self.places.entry(text).or_insert_with(|| {
            self.list.push(text.into());
            self.list.len() as i64 - 1
        });
        Value::from(place)
    }
}

impl Story {
    /// `steps`, `tries`, `frames` and `errors`, one list for each column. Times are milliseconds
    /// since the start; `ended` is the id of an event, 0 while there is none. With the graph of the
    /// definition, names have pointers, and steps have the edge that led to them.
    pub fn to_json(&self, graph: Option<&Graph>) -> Value {
        let mut errors = Texts::default();
        let mut json = Object::new();
        json.insert("steps", self.steps_json(graph, &mut errors));
        json.insert("tries", self.tries_json(&mut errors));
        json.insert("frames", self.frames_json());
        json.insert("errors", errors.list);
        json.into()
    }

    fn since_start(&self, at: i64) -> Value {
        Value::from(at - self.started_at)
    }

    fn steps_json<'a>(&'a self, graph: Option<&Graph>, errors: &mut Texts<'a>) -> Value {
        let steps = self.steps();
        let column = |value: &dyn Fn(&Step) -> Value| -> Value {
            steps.iter().map(value).collect::<Vec<_>>().into()
        };
        let mut names = Texts::default();
        let state: Vec<Value> = steps.iter().map(|it| names.place(Some(&it.name))).collect();
        let mut json = Object::new();
        json.insert("names", self.names_json(graph));
        json.insert("state", state);
        json.insert("frame", column(&|it| Value::from(it.frame.0 as i64)));
        json.insert("entered", column(&|it| Value::from(it.entered as i64)));
        json.insert("enteredAt", column(&|it| self.since_start(it.entered_at)));
        json.insert("ended", column(&|it| Value::from(it.ended as i64)));
        json.insert("took", column(&|it| took(it.ended, it.ended_at - it.entered_at)));
        json.insert("status", steps.iter().map(|it| it.status.letter()).collect::<String>());
        json.insert("from", column(&|it| place(it.before)));
        json.insert("via", column(&|it| self.edge(graph, it).into()));
        json.insert("attempts", column(&|it| Value::from(it.attempts.len() as i64)));
        json.insert("waited", column(&|it| Value::from(waited(it))));
        json.insert("in", column(&|it| Value::from(it.input as i64)));
        json.insert("out", column(&|it| Value::from(it.output as i64)));
        let mut error = Vec::with_capacity(steps.len());
        for step in steps {
            let attempt = step.attempts.last().and_then(|it| it.error.as_deref());
            error.push(errors.place(step.error.as_deref().or(attempt)));
        }
        json.insert("error", error);
        json.into()
    }

    fn names_json(&self, graph: Option<&Graph>) -> Value {
        let mut seen = HashMap::new();
        let mut names: Vec<Value> = Vec::new();
        let nodes = graph.map(by_name).unwrap_or_default();
        for step in self.steps() {
            if seen.insert(&*step.name, ()).is_none() {
                let mut json = Object::new();
                json.insert("name", &*step.name);
                json.insert("type", &*step.state_type);
                if let Some(node) = nodes.get(&*step.name) {
                    json.insert("pointer", &*node.id);
                }
                names.push(json.into());
            }
        }
        names.into()
    }

    /// How a step was come to: `n` by `Next`, `c2` by the choice rule 2, `d` by `Default`, `k0` by
    /// the catcher 0; empty at the start of a region, and where that is not known.
    fn edge(&self, graph: Option<&Graph>, step: &Step) -> String {
        let (Some(graph), Some(before)) = (graph, step.before) else { return String::new() };
        let from = self.step(before);
        let is_between = |edge: &&graph::Edge| {
            *graph.node(edge.from).name == from.name && *graph.node(edge.to).name == step.name
        };
        let edges = graph.regions.iter().flat_map(|region| &region.edges).filter(is_between);
        let is_caught = from.status == Status::Caught;
        let edge = edges.into_iter().find(|edge| (edge.kind == EdgeKind::Catch) == is_caught);
        let Some(edge) = edge else { return String::new() };
        let rule = edge.rules.first().copied().unwrap_or(0);
        match edge.kind {
            EdgeKind::Next => "n".to_owned(),
            EdgeKind::Choice => format!("c{rule}"),
            EdgeKind::Default => "d".to_owned(),
            EdgeKind::Catch => format!("k{rule}"),
            EdgeKind::Start => String::new(),
        }
    }

    fn tries_json<'a>(&'a self, errors: &mut Texts<'a>) -> Value {
        let tries: Vec<(usize, usize, &Attempt)> = self
            .steps()
            .iter()
            .enumerate()
            .flat_map(|(step, it)| {
                it.attempts.iter().enumerate().map(move |(number, it)| (step, number, it))
            })
            .collect();
        let column = |value: &dyn Fn(&(usize, usize, &Attempt)) -> Value| -> Value {
            tries.iter().map(value).collect::<Vec<_>>().into()
        };
        let backoff = |(step, number, it): &(usize, usize, &Attempt)| {
            let before = number.checked_sub(1).map(|before| &self.steps[*step].attempts[before]);
            Value::from(before.map_or(0, |before| (it.scheduled_at - before.ended_at).max(0)))
        };
        let mut json = Object::new();
        json.insert("step", column(&|it| Value::from(it.0 as i64)));
        json.insert("number", column(&|it| Value::from(it.1 as i64 + 1)));
        json.insert("scheduled", column(&|it| Value::from(it.2.scheduled as i64)));
        json.insert("at", column(&|it| self.since_start(it.2.scheduled_at)));
        json.insert(
            "started",
            column(&|it| it.2.started_at.map_or(Value::from(-1_i64), |at| self.since_start(at))),
        );
        json.insert("ended", column(&|it| Value::from(it.2.ended as i64)));
        json.insert("took", column(&|it| took(it.2.ended, it.2.ended_at - it.2.scheduled_at)));
        json.insert("status", tries.iter().map(|it| it.2.status.letter()).collect::<String>());
        json.insert("backoff", column(&backoff));
        json.insert("child", column(&|it| it.2.child.as_deref().unwrap_or_default().into()));
        json.insert("worker", column(&|it| it.2.worker.as_deref().unwrap_or_default().into()));
        let error = tries.iter().map(|it| errors.place(it.2.error.as_deref()));
        json.insert("error", error.collect::<Vec<_>>());
        json.into()
    }

    fn frames_json(&self) -> Value {
        let frames = self.frames();
        let mut json = Object::new();
        let parents = frames.iter().map(|it| place(it.parent)).collect::<Vec<_>>();
        let indexes = frames.iter().map(|it| Value::from(it.index as i64)).collect::<Vec<_>>();
        let starts = frames.iter().map(|it| Value::from(it.start as i64)).collect::<Vec<_>>();
        let kind = |kind: FrameKind| match kind {
            FrameKind::Root => 'x',
            FrameKind::Branch => 'b',
            FrameKind::Iteration => 'i',
        };
        json.insert("parentStep", parents);
        json.insert("kind", frames.iter().map(|it| kind(it.kind)).collect::<String>());
        json.insert("index", indexes);
        json.insert("start", starts);
        json.insert("status", frames.iter().map(|it| it.status.letter()).collect::<String>());
        json.into()
    }
}

fn by_name(graph: &Graph) -> HashMap<&str, &Node> {
    graph.nodes.iter().filter(|it| !it.state_type.is_empty()).map(|it| (&*it.name, it)).collect()
}

fn place(step: Option<StepIndex>) -> Value {
    Value::from(step.map_or(-1, |it| it.0 as i64))
}

/// What is not over has not taken any time yet: -1.
fn took(ended: u64, milliseconds: i64) -> Value {
    Value::from(if ended == 0 { -1 } else { milliseconds })
}

/// How long a step waited between its attempts.
fn waited(step: &Step) -> i64 {
    let pairs = step.attempts.windows(2);
    pairs.map(|pair| (pair[1].scheduled_at - pair[0].ended_at).max(0)).sum()
}
