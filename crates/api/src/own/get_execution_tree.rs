//! GetExecutionTree: an execution, those that started it, and those that it started.

use std::collections::{HashSet, VecDeque};

use json::{Object, Value};
use story::{Gap, StepIndex, Story};

use super::{Asker, read};
use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;

/// How many generations above are looked at.
const ABOVE_MAX: usize = 20;
/// How many executions an answer has.
const NODES_MAX: usize = 200;

pub(super) const MEMBERS: &[Member] = &[
    Member::arn("executionArn").required(),
    Member::boolean("up"),
    Member::integer("depth", 0, 10),
    Member::integer("children", 1, 50),
];

/// An execution that is to be read.
struct Next {
    arn: String,
    depth: usize,
    via: Option<Object>,
}

pub(super) async fn call(
    api: &Api,
    request: &Request,
    asker: &Asker<'_>,
) -> Result<Object, ApiError> {
    let arn = request.required_text("executionArn");
    let bound =
        |name, usual| request.integer(name).and_then(|it| it.try_into().ok()).unwrap_or(usual);
    let (depth, children_max): (usize, usize) = (bound("depth", 3), bound("children", 50));
    let first = read::story(api, request, arn).await?;
    let (root, above) = match request.boolean("up") {
        Some(true) => root(api, request, asker, arn, &first).await?,
        _ => (arn.to_string(), 0),
    };
    let mut known = HashSet::from([root.clone()]);
    let mut missing = VecDeque::from([Next { arn: root.clone(), depth: 0, via: None }]);
    let (mut nodes, mut is_complete) = (Vec::new(), true);
    while let Some(next) = missing.pop_front() {
        if nodes.len() == NODES_MAX {
            is_complete = false;
            break;
        }
        let read = match next.arn == **arn {
            true => Ok(first.clone()),
            false => read::nested(api, request, asker, &next.arn).await?,
        };
        let mut node = node(&next, &read);
        if let Ok(story) = &read {
            let children = children(story, &next.arn);
            node.insert("children", children.len() as i64);
            // The generations above the one that was asked for come on top.
            let is_deeper = next.depth < depth + above;
            is_complete &= is_deeper || children.is_empty();
            is_complete &= children.len() <= children_max;
            for (child, via) in children.into_iter().filter(|_| is_deeper).take(children_max) {
                if known.insert(child.clone()) {
                    missing.push_back(Next { arn: child, depth: next.depth + 1, via: Some(via) });
                }
            }
        }
        nodes.push(Value::from(node));
    }
    let mut out = Object::new();
    out.insert("root", root);
    out.insert("nodes", nodes);
    out.insert("complete", is_complete);
    Ok(out)
}

/// The topmost execution that may be read, and how many generations it is above.
async fn root(
    api: &Api,
    request: &Request,
    asker: &Asker<'_>,
    arn: &str,
    story: &Story,
) -> Result<(String, usize), ApiError> {
    let mut root = arn.to_owned();
    let mut above = story.started_by().map(str::to_owned);
    for generation in 0..ABOVE_MAX {
        let Some(parent) = above.take() else { return Ok((root, generation)) };
        match read::nested(api, request, asker, &parent).await? {
            // What an input says is only believed where the parent knows of it.
            Ok(story) if children(&story, &parent).iter().any(|(child, _)| *child == root) => {
                above = story.started_by().map(str::to_owned);
                root = parent;
            }
            _ => return Ok((root, generation)),
        }
    }
    Ok((root, ABOVE_MAX))
}

/// The executions that the tasks of an execution started, each with what did.
fn children(story: &Story, arn: &str) -> Vec<(String, Object)> {
    let via = |(index, number, child): (StepIndex, usize, &str)| {
        let step = story.step(index);
        let mut via = Object::new();
        via.insert("parent", arn);
        via.insert("state", &*step.name);
        via.insert("step", index.0 as i64);
        via.insert("attempt", number as i64 + 1);
        via.insert("event", step.attempts[number].scheduled as i64);
        (child.to_owned(), via)
    };
    story.children().map(via).collect()
}

fn node(next: &Next, read: &Result<Story, Gap>) -> Object {
    let mut node = Object::new();
    node.insert("depth", next.depth as i64);
    if let Some(via) = &next.via {
        node.insert("via", via.clone());
    }
    match read {
        Ok(story) => {
            node.insert("executionArn", &*next.arn);
            story.summarise(&mut node);
        }
        // What is denied has no name.
        Err(Gap::Denied) => node.insert("notRead", Gap::Denied.text()),
        Err(gap) => {
            node.insert("executionArn", &*next.arn);
            node.insert("notRead", gap.text());
        }
    }
    node
}
