//! Why an execution failed, over all generations of nested executions.

use json::{Object, Value};

use crate::failure::Failing;
use crate::fold::Story;

/// How many generations are followed.
const GENERATIONS_MAX: usize = 50;

/// One generation.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The execution.
    pub execution_arn: String,
    /// What failed in it. Where its history is not known, the error and the cause alone, as its
    /// parent was told them.
    pub failing: Failing,
    /// Whether its history was read.
    pub is_read: bool,
}

/// Why a generation could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gap {
    /// It is not there, or not any more.
    Gone,
    /// The caller may not read it.
    Denied,
    /// It has not failed, or not any more: it was redriven.
    Changed,
    /// Another reason, in words.
    Other(String),
}

impl Gap {
    /// In words.
    pub fn text(&self) -> &str {
        match self {
            Gap::Gone => "it is not there any more",
            Gap::Denied => "it may not be read",
            Gap::Changed => "it has not failed, or was redriven since",
            Gap::Other(words) => words,
        }
    }
}

/// The failure chain: [`Chain::next`] tells which execution is to be read for it to go on, and
/// [`Chain::take`] takes that.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// The generations, the outermost first.
    pub links: Vec<Link>,
    /// Which execution could not be read, and why.
    pub gap: Option<(String, Gap)>,
    next: Option<String>,
}

impl Chain {
    /// The chain of an execution that has failed; none for another.
    pub fn new(execution_arn: &str, story: &Story) -> Option<Chain> {
        let mut chain = Chain { links: Vec::new(), gap: None, next: None };
        chain.push(execution_arn.to_owned(), story.failure()?);
        Some(chain)
    }

    fn push(&mut self, execution_arn: String, failing: Failing) {
        let is_known = |arn: &String| self.links.iter().any(|link| link.execution_arn == *arn);
        let child = failing.child.clone();
        // None is its own descendant, but texts may say so.
        self.next = child.filter(|it| *it != execution_arn && !is_known(it));
        self.links.push(Link { execution_arn, failing, is_read: true });
        if self.next.is_some() && self.links.len() >= GENERATIONS_MAX {
            self.take(Err(Gap::Other(format!("only {GENERATIONS_MAX} generations are read"))));
        }
    }

    /// The execution that is to be read next.
    pub fn next(&self) -> Option<&str> {
        self.next.as_deref()
    }

    /// The Map Run that failed last, where no execution is to be read: one of its children tells
    /// more.
    pub fn map_run(&self) -> Option<&str> {
        let last = self.links.last().filter(|_| self.next.is_none() && self.gap.is_none())?;
        last.failing.map_run.as_deref()
    }

    /// Goes on with a child of the Map Run that failed.
    pub fn follow(&mut self, execution_arn: String) {
        match self.links.iter().any(|link| link.execution_arn == execution_arn) {
            true => {
                let gap = Gap::Other("the chain leads back to it".to_owned());
                self.gap = Some((execution_arn, gap));
            }
            false => self.next = Some(execution_arn),
        }
    }

    /// Takes the execution that was to be read. One that could not be is told by what its parents
    /// know of it.
    pub fn take(&mut self, read: Result<&Story, Gap>) {
        let Some(arn) = self.next.take() else { return };
        let gap = match read.map(Story::failure) {
            Ok(Some(failing)) => return self.push(arn, failing),
            Ok(None) => Gap::Changed,
            Err(gap) => gap,
        };
        let told = self.links.last().and_then(|link| link.failing.cause.clone());
        self.links.extend(told.as_deref().map(|cause| nested(cause, &arn)).unwrap_or_default());
        self.gap = Some((arn, gap));
    }

    /// The deepest generation: what all others failed by.
    pub fn deepest(&self) -> &Link {
        self.links.last().expect("a chain begins with an execution")
    }

    /// As JSON, with whether it is complete.
    pub fn to_json(&self) -> Value {
        let mut json = Object::new();
        json.insert("deepest", (self.links.len() - 1) as i64);
        json.insert("complete", self.gap.is_none());
        json.insert("chain", self.links.iter().map(link_json).collect::<Vec<_>>());
        if let Some((arn, gap)) = &self.gap {
            let mut object = Object::new();
            object.insert("executionArn", &**arn);
            object.insert("reason", gap.text());
            json.insert("gap", object);
        }
        json.into()
    }
}

/// What the cause of a nested start's failure tells of the executions below: the description of the
/// child, whose cause may hold that of another one.
fn nested(cause: &str, child: &str) -> Vec<Link> {
    let mut links = Vec::new();
    let (mut text, mut arn) = (cause.to_owned(), child.to_owned());
    while links.len() < GENERATIONS_MAX {
        let Ok(value) = json::parse(&text) else { break };
        let member = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let Some(found) = member("ExecutionArn") else { break };
        if links.is_empty() && found != arn {
            break;
        }
        arn = found;
        let (error, cause) = (member("Error"), member("Cause"));
        let failing = Failing { error, cause: cause.clone(), ..Failing::default() };
        links.push(Link { execution_arn: arn.clone(), failing, is_read: false });
        match cause {
            Some(cause) => text = cause,
            None => break,
        }
    }
    links
}

fn link_json(link: &Link) -> Value {
    let failing = &link.failing;
    let mut json = Object::new();
    json.insert("executionArn", &*link.execution_arn);
    json.insert("read", link.is_read);
    json.insert("path", texts(&failing.path));
    if let Some(state) = failing.path.last() {
        json.insert("state", &**state);
    }
    if failing.attempt > 0 {
        json.insert("attempt", failing.attempt as i64);
        json.insert("repeated", failing.repeated as i64);
    }
    for (name, text) in [("error", &failing.error), ("cause", &failing.cause)] {
        if let Some(text) = text {
            json.insert(name, &**text);
        }
    }
    if failing.event > 0 {
        json.insert("event", failing.event as i64);
    }
    if let Some(arn) = &failing.map_run {
        json.insert("mapRunArn", &**arn);
    }
    if !failing.cut.is_empty() {
        json.insert("cut", failing.cut.iter().map(|path| texts(path)).collect::<Vec<_>>());
    }
    json.into()
}

pub(crate) fn texts(texts: &[String]) -> Value {
    texts.iter().map(|text| Value::from(&**text)).collect::<Vec<_>>().into()
}
