//! `stairwell why`: the failure chain of an execution, or what it waits for.

use std::process::ExitCode;

use json::{Object, Value};
use story::{Chain, Link, Status, Story, WaitingKind, duration};

use super::reader::{Reader, now};
use super::{INCOMPLETE, short};
use crate::arguments::WhyArguments;
use crate::{print, threads};

/// How many things that are waited for are told.
const WAITING_SHOWN: usize = 10;
/// How many generations of nested executions are asked what they wait for.
const GENERATIONS_ASKED: usize = 8;

/// Tells it.
pub(crate) fn why(arguments: &WhyArguments) -> anyhow::Result<ExitCode> {
    let asked = &arguments.asked;
    threads::block_on(async {
        let reader = Reader::new(asked)?;
        let arn = &*asked.execution_arn;
        let story = reader.story(arn).await?;
        let chain = chain(&reader, arn, &story).await?;
        let waiting = waiting(&reader, &story).await?;
        let is_complete = chain.as_ref().is_none_or(|chain| chain.gap.is_none());
        match asked.json {
            true => print::line(json(arn, &story, chain.as_ref(), &waiting).to_pretty_string())?,
            false => tell(arn, &story, chain.as_ref(), &waiting)?,
        }
        Ok(if is_complete { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) })
    })?
}

/// The failure chain, followed through nested executions.
async fn chain(reader: &Reader<'_>, arn: &str, story: &Story) -> anyhow::Result<Option<Chain>> {
    let Some(mut chain) = Chain::new(arn, story) else { return Ok(None) };
    loop {
        if let Some(next) = chain.next() {
            let read = reader.nested(next).await?;
            chain.take(read.as_ref().map_err(Clone::clone));
        } else if let Some(map_run) = chain.map_run().map(str::to_owned) {
            match reader.failed_child(&map_run).await? {
                Some(child) => chain.follow(child),
                None => return Ok(Some(chain)),
            }
        } else {
            return Ok(Some(chain));
        }
    }
}

/// A sentence for each thing that is waited for, with what the executions below wait for: how deep,
/// and which words.
async fn waiting(reader: &Reader<'_>, story: &Story) -> anyhow::Result<Vec<Told>> {
    let now = now();
    let mut told = Vec::new();
    let mut missing = vec![(0, story.clone())];
    while let Some((depth, story)) = missing.pop() {
        let waiting = story.waiting();
        for one in waiting.iter().take(WAITING_SHOWN) {
            told.push(Told { depth, text: one.text(now), json: one.to_json(now) });
            let WaitingKind::Child { arn: Some(arn) } = &one.kind else { continue };
            if depth + 1 < GENERATIONS_ASKED
                && let Ok(child) = reader.nested(arn).await?
            {
                missing.push((depth + 1, child));
            }
        }
        if waiting.len() > WAITING_SHOWN {
            let text = format!("and {} more", waiting.len() - WAITING_SHOWN);
            told.push(Told { depth, json: (&*text).into(), text });
        }
    }
    Ok(told)
}

/// Something that is waited for.
struct Told {
    /// In which generation.
    depth: usize,
    text: String,
    json: Value,
}

fn json(arn: &str, story: &Story, chain: Option<&Chain>, waiting: &[Told]) -> Value {
    let mut json = Object::new();
    json.insert("executionArn", arn);
    json.insert("status", story.status().word());
    json.insert("startDate", story.started_at());
    if let Some(ended_at) = story.ended_at() {
        json.insert("stopDate", ended_at);
    }
    if let Some(chain) = chain {
        json.insert("failure", chain.to_json());
    }
    if let Some(redrive) = story.redrive() {
        json.insert("redrive", redrive.to_json());
    }
    let waiting = waiting.iter().map(|told| {
        let mut json = Object::new();
        json.insert("depth", told.depth as i64);
        json.insert("waits", told.json.clone());
        Value::from(json)
    });
    json.insert("waiting", waiting.collect::<Vec<_>>());
    json.into()
}

fn tell(arn: &str, story: &Story, chain: Option<&Chain>, waiting: &[Told]) -> anyhow::Result<()> {
    let until = story.ended_at().unwrap_or_else(now);
    let took = duration(until - story.started_at());
    let after = if story.status() == Status::Running { "for" } else { "after" };
    print::line(print::shown(&format!(
        "{} {after} {took}: {}",
        story.status().word(),
        short(arn)
    )))?;
    if let Some(chain) = chain {
        tell_chain(chain)?;
    }
    if let Some(redrive) = story.redrive().filter(|it| it.steps > 0) {
        let steps =
            if redrive.steps == 1 { "1 step" } else { &*format!("{} steps", redrive.steps) };
        let states = redrive.states.join(", ");
        print::line(print::shown(&format!("  a redrive runs {steps} again: {states}")))?;
        if !redrive.fail_states.is_empty() {
            let states = redrive.fail_states.join(", ");
            print::line(print::shown(&format!("  it fails again there: {states} (a Fail state)")))?;
        }
    }
    for Told { depth, text, .. } in waiting {
        print::line(print::shown(&format!("{:1$}{text}", "", 2 + 2 * depth)))?;
    }
    Ok(())
}

/// The cause first, then where it was, generation by generation.
fn tell_chain(chain: &Chain) -> anyhow::Result<()> {
    let deepest = &chain.deepest().failing;
    let error = deepest.error.as_deref().unwrap_or("no error was named");
    let cause = deepest.cause.as_deref().map_or(String::new(), |cause| format!(": {cause}"));
    print::line(print::shown(&format!("  {error}{cause}")))?;
    for (number, link) in chain.links.iter().enumerate() {
        let arrow = if number == 0 { "in" } else { "=>" };
        print::line(print::shown(&format!("  {arrow} {}", place(link))))?;
    }
    for path in deepest.cut.iter().take(WAITING_SHOWN) {
        print::line(print::shown(&format!("  what ran then: {}", path.join(" > "))))?;
    }
    if let Some((arn, gap)) = &chain.gap {
        let told = format!("  incomplete: {} was not read: {}", short(arn), gap.text());
        print::line(print::shown(&told))?;
    }
    Ok(())
}

fn place(link: &Link) -> String {
    let failing = &link.failing;
    let mut text = short(&link.execution_arn).to_owned();
    if !link.is_read {
        text.push_str(", as its parent was told");
    }
    if !failing.path.is_empty() {
        text.push_str(&format!(", {}", failing.path.join(" > ")));
    }
    if failing.attempt > 1 {
        text.push_str(&format!(", attempt {}", failing.attempt));
        if failing.repeated > 0 {
            text.push_str(&format!(" ({} before it failed by the same)", failing.repeated));
        }
    }
    text
}
