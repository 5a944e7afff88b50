//! The look back: whether everything is there, ended, and happened once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::load::{Answered, Load};
use super::shapes::{Shape, arn, children};
use crate::client::Client;

/// Connections that read.
const READERS: usize = 4;

/// What a run found.
#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) rounds: u64,
    started: usize,
    acknowledged: usize,
    lost: usize,
    duplicated: usize,
    ended: usize,
    children: usize,
    effects: Effects,
    pub(crate) in_flight_median: usize,
    pub(crate) restart: Duration,
    pub(crate) elapsed: Duration,
    /// Everything that is not as it must be.
    pub(crate) complaints: Vec<String>,
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { rounds, started, acknowledged, lost, duplicated, ended, children, .. } = self;
        let Effects { done, found, lost: effects_lost, doubled, .. } = &self.effects;
        write!(
            formatter,
            "crash: rounds {rounds}, started {started}, acknowledged {acknowledged}, lost {lost}, \
             duplicated {duplicated}, ended {ended}, children {children}, effects {done}, \
             tokens of them in outputs {found}, lost {effects_lost}, doubled {doubled}, in flight \
             at a kill {} (median), restart {:.0} ms (median), {:.0} s, complaints {}",
            self.in_flight_median,
            self.restart.as_secs_f64() * 1e3,
            self.elapsed.as_secs_f64(),
            self.complaints.len(),
        )
    }
}

/// An execution in a listing.
struct Listed {
    arn: String,
    name: String,
    start: f64,
    stop: f64,
}

/// What one history holds.
struct Audited {
    complaints: Vec<String>,
    children: Vec<String>,
    token: Option<String>,
}

/// What the executions of a shape hold that others must know of.
#[derive(Default)]
struct Told {
    /// The ARNs of the children that they started.
    children: Vec<String>,
    /// The tokens in their outputs.
    tokens: Vec<String>,
}

/// Reads everything back.
pub(crate) async fn audit(
    load: &Load,
    address: SocketAddr,
    kills: &[f64],
) -> anyhow::Result<Figures> {
    let mut client = Client::new(address);
    let mut figures = Figures { started: load.started(), ..Figures::default() };
    figures.complaints.extend(load.refused());
    figures.acknowledged = figures.started - figures.complaints.len();
    let mut spans = Vec::new();
    let mut submitted = BTreeSet::new();
    let mut tokens: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for shape in &load.shapes {
        let listed = list(&mut client, shape.name).await?;
        let names: BTreeSet<&str> = listed.iter().map(|one| one.name.as_str()).collect();
        figures.duplicated += listed.len() - names.len();
        for number in 0..load.started() {
            let name = Load::execution_name(number);
            if load.shape(number).name == shape.name && !names.contains(name.as_str()) {
                figures.lost += 1;
                figures.complaints.push(format!("{} {name} is lost", shape.name));
            }
        }
        spans.extend(listed.iter().map(|one| (one.start, one.stop)));
        figures.ended += listed.iter().filter(|one| one.stop.is_finite()).count();
        let told = audit_all(shape, &listed, address, &mut figures).await?;
        if let Some(member) = shape.token {
            tokens.entry(member).or_default().extend(told.tokens);
        }
        for child in told.children {
            if !submitted.insert(child.clone()) {
                figures.duplicated += 1;
                figures.complaints.push(format!("two attempts have the child {child}"));
            }
        }
    }
    let done = audit_children(&mut client, &submitted, address, &mut figures).await?;
    let taken = |answered: Answered| answered != Answered::Refused;
    let work = load.work().into_iter().filter(|(_, answered)| taken(*answered));
    let work = work.map(|(token, answered)| (token, answered == Answered::Taken)).collect();
    for (member, done) in [("child", done), ("worked", work)] {
        figures.effects.audit(&done, tokens.get(member).map_or(&[], Vec::as_slice));
    }
    figures.complaints.append(&mut figures.effects.complaints);
    figures.in_flight_median = in_flight_median(&spans, kills);
    Ok(figures)
}

/// The effects of a run, each of which gave a token that one output must hold.
#[derive(Default)]
struct Effects {
    done: usize,
    found: usize,
    lost: usize,
    doubled: usize,
    complaints: Vec<String>,
}

impl Effects {
    /// Compares the tokens of effects, and whether their answers are known to be taken, with those
    /// that outputs hold. One that nobody knows of may be there or not, but not twice.
    fn audit(&mut self, done: &BTreeMap<String, bool>, outputs: &[String]) {
        self.done += done.values().filter(|is_taken| **is_taken).count();
        self.found += outputs.len();
        let mut found = BTreeSet::new();
        for token in outputs {
            if !found.insert(token) {
                self.doubled += 1;
                self.complaints.push(format!("two outputs hold the token {token}"));
            }
            if !done.contains_key(token) {
                self.complaints.push(format!("nothing was done with the token {token}"));
            }
        }
        for (token, _) in done.iter().filter(|(token, taken)| **taken && !found.contains(token)) {
            self.lost += 1;
            self.complaints.push(format!("no output holds the token {token}"));
        }
    }
}

/// The children that are there must be those that the parents know of. Returns the tokens that they
/// gave.
async fn audit_children(
    client: &mut Client,
    submitted: &BTreeSet<String>,
    address: SocketAddr,
    figures: &mut Figures,
) -> anyhow::Result<BTreeMap<String, bool>> {
    let mut present = BTreeSet::new();
    let mut tokens = BTreeMap::new();
    for shape in &children() {
        let listed = list(client, shape.name).await?;
        let told = audit_all(shape, &listed, address, figures).await?;
        tokens.extend(told.tokens.into_iter().map(|token| (token, true)));
        present.extend(listed.into_iter().map(|one| one.arn));
    }
    figures.children = present.len();
    figures.duplicated += present.difference(submitted).count();
    let orphans = present.difference(submitted).map(|arn| format!("nobody knows the child {arn}"));
    figures.complaints.extend(orphans);
    let missing = submitted.difference(&present).map(|arn| format!("the child {arn} is lost"));
    figures.complaints.extend(missing);
    Ok(tokens)
}

/// How many executions were open at a kill: the middle figure.
fn in_flight_median(spans: &[(f64, f64)], kills: &[f64]) -> usize {
    let open =
        |kill: f64| spans.iter().filter(|(start, stop)| *start <= kill && kill < *stop).count();
    let mut counts: Vec<usize> = kills.iter().map(|kill| open(*kill)).collect();
    counts.sort_unstable();
    counts.get(counts.len() / 2).copied().unwrap_or(0)
}

/// All executions of a machine.
async fn list(client: &mut Client, machine: &str) -> anyhow::Result<Vec<Listed>> {
    let mut listed = Vec::new();
    let mut body = json!({"stateMachineArn": arn("stateMachine", machine), "maxResults": 1000});
    loop {
        let page = client.expect("ListExecutions", &body).await?;
        for one in page["executions"].as_array().context("no executions")? {
            listed.push(Listed {
                arn: one["executionArn"].as_str().context("no ARN")?.to_owned(),
                name: one["name"].as_str().context("no name")?.to_owned(),
                start: one["startDate"].as_f64().context("no start")?,
                stop: one["stopDate"].as_f64().unwrap_or(f64::INFINITY),
            });
        }
        match page.get("nextToken") {
            Some(token) => body["nextToken"] = token.clone(),
            None => return Ok(listed),
        }
    }
}

/// Audits executions of one shape, and returns what they hold.
async fn audit_all(
    shape: &Shape,
    listed: &[Listed],
    address: SocketAddr,
    figures: &mut Figures,
) -> anyhow::Result<Told> {
    let mut tasks = JoinSet::new();
    let share = listed.len().div_ceil(READERS).max(1);
    for chunk in listed.chunks(share) {
        let arns: Vec<String> = chunk.iter().map(|one| one.arn.clone()).collect();
        tasks.spawn(async move {
            let mut client = Client::new(address);
            let mut answers = Vec::new();
            for arn in arns {
                let execution = json!({"executionArn": arn});
                let described = client.expect("DescribeExecution", &execution).await?;
                let events = history(&mut client, &arn).await?;
                answers.push((arn, described, events));
            }
            anyhow::Ok(answers)
        });
    }
    let mut told = Told::default();
    while let Some(answers) = tasks.join_next().await {
        for (arn, described, events) in answers.context("a reader died")?? {
            let audited = audit_one(shape, &arn, &described, &events);
            figures.complaints.extend(audited.complaints);
            told.children.extend(audited.children);
            told.tokens.extend(audited.token);
        }
    }
    Ok(told)
}

/// A whole history.
async fn history(client: &mut Client, arn: &str) -> anyhow::Result<Vec<Value>> {
    let mut events = Vec::new();
    let mut body = json!({"executionArn": arn, "maxResults": 1000});
    loop {
        let mut page = client.expect("GetExecutionHistory", &body).await?;
        match page["events"].take() {
            Value::Array(page) => events.extend(page),
            other => anyhow::bail!("events are {other}"),
        }
        match page.get("nextToken") {
            Some(token) => body["nextToken"] = token.clone(),
            None => return Ok(events),
        }
    }
}

/// Compares one execution with what its shape says.
fn audit_one(shape: &Shape, arn: &str, described: &Value, events: &[Value]) -> Audited {
    let mut complaints = Vec::new();
    let mut complain = |what: String| complaints.push(format!("{arn}: {what}"));
    let mut token = None;
    if let Some(expected) = &shape.output {
        let output = described["output"].as_str();
        let mut output: Option<Value> = output.and_then(|text| serde_json::from_str(text).ok());
        if let Some(member) = shape.token {
            token = output.as_mut().and_then(|output| take_token(output, member));
            if token.is_none() {
                complain(format!("its output {output:?} holds no token"));
            }
        }
        if described["status"] != "SUCCEEDED" || output.as_ref() != Some(expected) {
            complain(format!("{} with {output:?}", described["status"]));
        }
    }
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut entered: BTreeMap<&str, u64> = BTreeMap::new();
    let mut children = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let kind = event["type"].as_str().unwrap_or_default();
        let (id, previous) = (event["id"].as_u64(), event["previousEventId"].as_u64());
        if id != Some(index as u64 + 1) || previous.is_none_or(|previous| previous > index as u64) {
            complain(format!("event {} has the numbers {id:?}, {previous:?}", index + 1));
        }
        *counts.entry(kind).or_default() += 1;
        if kind.ends_with("StateEntered") {
            let name = event["stateEnteredEventDetails"]["name"].as_str().unwrap_or_default();
            *entered.entry(name).or_default() += 1;
        }
        if kind == "TaskSubmitted" {
            let output = event["taskSubmittedEventDetails"]["output"].as_str().unwrap_or_default();
            let output: Value = serde_json::from_str(output).unwrap_or_default();
            children.push(output["ExecutionArn"].as_str().unwrap_or_default().to_owned());
        }
    }
    let count = |kind: &str| counts.get(kind).copied().unwrap_or(0);
    let terminal =
        ["Succeeded", "Failed", "Aborted", "TimedOut"].map(|end| format!("Execution{end}"));
    let is_terminal = |event: &Value| terminal.iter().any(|kind| event["type"] == kind.as_str());
    let ends = events.iter().filter(|event| is_terminal(event)).count();
    if ends != 1 || !events.last().is_some_and(is_terminal) || count("ExecutionStarted") != 1 {
        complain(format!("{ends} terminal events"));
    }
    for (name, expected) in &shape.entered {
        let found = entered.get(name).copied().unwrap_or(0);
        if found != *expected {
            complain(format!("{name} was entered {found} times"));
        }
    }
    for (kind, expected) in &shape.events {
        if count(kind) != *expected {
            complain(format!("{kind} is there {} times", count(kind)));
        }
    }
    let scheduled = count("ActivityScheduled");
    if scheduled != count("ActivitySucceeded") + count("ActivityTimedOut") {
        complain(format!("{scheduled} attempts of the activity do not add up"));
    }
    Audited { complaints, children, token }
}

/// Takes the token out of an output.
fn take_token(output: &mut Value, member: &str) -> Option<String> {
    match output.as_object_mut()?.remove(member)? {
        Value::String(token) => Some(token),
        _ => None,
    }
}
