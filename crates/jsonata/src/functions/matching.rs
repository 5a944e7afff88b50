//! `$match`, `$contains`, `$replace`, `$split`: functions that search in a text, for another text
//! or with a function that matches.
//!
//! A matching function gives an object with `match`, `start`, `end`, `groups` and a function `next`
//! that gives the next one. Regular expressions are such functions; they are searched directly.

use std::sync::Arc;

use super::Arguments;
use crate::error::{Failure, FailureFacts};
use crate::evaluate::{Evaluated, Evaluator};
use crate::function::Function;
use crate::pattern::{GivenUp, Pattern};
use crate::value::Value;

/// So many states of a pattern are followed for a byte of text in one step.
const STATES_PER_STEP: usize = 8;

/// A match, its place in bytes.
struct Found {
    text: Arc<str>,
    start: usize,
    end: usize,
    groups: Vec<Value>,
}

/// The matches in a text, one after the other.
struct Matches {
    text: Arc<str>,
    source: Source,
}

enum Source {
    /// A regular expression, where to go on, and whether it has matched before.
    Pattern(Arc<Pattern>, usize, bool),
    /// A function, before its first match.
    Function(Value),
    /// What gives the next match.
    Next(Value),
    /// There are no more.
    End,
}

impl Evaluator<'_> {
    /// Searches with a regular expression; the work grows with what was looked at.
    fn search(
        &mut self,
        pattern: &Pattern,
        text: &str,
        from: usize,
    ) -> Result<Option<crate::pattern::Match>, Failure> {
        let cost = |bytes: usize| bytes.saturating_mul(pattern.weight) / STATES_PER_STEP + 4;
        self.meter.can_work(cost(text.len().saturating_sub(from)) as u64)?;
        let found = pattern.find(text, from).map_err(|GivenUp| {
            let message = "The regular expression goes back too often on this text";
            FailureFacts::with_message("U1001", message)
        })?;
        let end = found.as_ref().map_or(text.len(), |found| found.end);
        self.meter.work(cost(end.saturating_sub(from)))?;
        Ok(found)
    }

    /// The match after that place, as the object that a matching function gives.
    pub(crate) fn next_match(
        &mut self,
        pattern: &Arc<Pattern>,
        text: &Arc<str>,
        from: usize,
        again: bool,
    ) -> Evaluated {
        if again && from >= text.len() {
            return Ok(Value::Undefined);
        }
        let Some(found) = self.search(pattern, text, from)? else { return Ok(Value::Undefined) };
        if again && found.start == found.end {
            return Err(FailureFacts::new("D1004"));
        }
        let next =
            Function::NextMatch { pattern: pattern.clone(), text: text.clone(), from: found.end };
        let groups = found.groups.into_iter();
        let groups = groups.map(|group| group.map_or(Value::Undefined, Value::String)).collect();
        let found = Found {
            text: text[found.start..found.end].into(),
            start: found.start,
            end: found.end,
            groups,
        };
        self.match_object(text, found, Some(next.into()))
    }

    /// The object of a match; places are 16-bit units, as in JavaScript.
    fn match_object(&mut self, text: &str, found: Found, next: Option<Value>) -> Evaluated {
        self.meter.read(found.end)?;
        let mut members = self.members(5)?;
        let start = units(&text[..found.start]);
        let end = start + units(&text[found.start..found.end]);
        members.insert("match".into(), Value::String(found.text));
        members.insert("start".into(), Value::from(start));
        members.insert("end".into(), Value::from(end));
        members.insert("groups".into(), Value::list(found.groups));
        if let Some(next) = next {
            members.insert("next".into(), next);
        }
        Ok(members.into())
    }
}

fn units(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

/// The byte at which so many 16-bit units have passed.
fn byte_of(text: &str, units: f64) -> usize {
    let mut passed = 0.0;
    for (at, character) in text.char_indices() {
        if passed >= units {
            return at;
        }
        passed += character.len_utf16() as f64;
    }
    text.len()
}

impl Matches {
    fn new(text: Arc<str>, matcher: Value) -> Matches {
        let source = match &matcher {
            Value::Function(function) => match &**function {
                Function::Pattern(pattern) => Source::Pattern(pattern.clone(), 0, false),
                _ => Source::Function(matcher),
            },
            _ => Source::Function(matcher),
        };
        Matches { text, source }
    }

    fn next(&mut self, evaluator: &mut Evaluator<'_>) -> Result<Option<Found>, Failure> {
        let result = match std::mem::replace(&mut self.source, Source::End) {
            Source::End => return Ok(None),
            Source::Pattern(pattern, from, again) => {
                return self.search(evaluator, pattern, from, again);
            }
            Source::Function(function) => {
                evaluator.call(&function, vec![Value::String(self.text.clone())])?
            }
            Source::Next(function) => evaluator.call(&function, Vec::new())?,
        };
        self.found(evaluator, &result)
    }

    fn search(
        &mut self,
        evaluator: &mut Evaluator<'_>,
        pattern: Arc<Pattern>,
        from: usize,
        again: bool,
    ) -> Result<Option<Found>, Failure> {
        let Some(found) = evaluator.search(&pattern, &self.text, from)? else { return Ok(None) };
        if again && found.start == found.end {
            return Err(FailureFacts::new("D1004"));
        }
        if found.end < self.text.len() {
            self.source = Source::Pattern(pattern, found.end, true);
        }
        let groups = found.groups.into_iter();
        Ok(Some(Found {
            text: self.text[found.start..found.end].into(),
            start: found.start,
            end: found.end,
            groups: groups.map(|group| group.map_or(Value::Undefined, Value::String)).collect(),
        }))
    }

    /// What a matching function has given.
    fn found(
        &mut self,
        evaluator: &mut Evaluator<'_>,
        result: &Value,
    ) -> Result<Option<Found>, Failure> {
        if !evaluator.truth(result)? {
            return Ok(None);
        }
        let (start, end) = (result.member("start"), result.member("end"));
        let (groups, next) = (result.member("groups"), result.member("next"));
        let described = start.as_number().is_some()
            || end.as_number().is_some()
            || groups.is_array()
            || next.is_function();
        if !described {
            return Err(FailureFacts::new("T1010"));
        }
        evaluator.meter.read(self.text.len())?;
        let text = result.member("match").as_text().cloned().unwrap_or_default();
        let start = byte_of(&self.text, start.as_number().unwrap_or(0.0));
        let end = byte_of(&self.text, end.as_number().unwrap_or(0.0)).max(start);
        if next.is_function() {
            self.source = Source::Next(next);
        }
        let groups = if groups.is_array() { groups.into_items() } else { Vec::new() };
        Ok(Some(Found { text, start, end, groups }))
    }
}

/// Whether so many are enough.
fn reached(limit: Option<f64>, count: usize) -> bool {
    limit.is_some_and(|limit| count as f64 >= limit)
}

fn limit_of(
    arguments: &Arguments<'_>,
    index: usize,
    code: &'static str,
) -> Result<Option<f64>, Failure> {
    match arguments.number(index) {
        Some(limit) if limit < 0.0 => Err(FailureFacts::new(code)),
        limit => Ok(limit),
    }
}

pub(super) fn contains(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    evaluator.meter.read(text.len())?;
    let found = match arguments.take(1) {
        Value::String(part) => text.contains(&*part),
        Value::Undefined => return Ok(Value::Undefined),
        matcher => Matches::new(text, matcher).next(evaluator)?.is_some(),
    };
    Ok(Value::Bool(found))
}

pub(super) fn find_matches(
    evaluator: &mut Evaluator<'_>,
    arguments: &mut Arguments<'_>,
) -> Evaluated {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    let limit = limit_of(arguments, 2, "D3040")?;
    let mut matches = Matches::new(text.clone(), arguments.take(1));
    let mut results = Vec::new();
    let (mut at, mut index) = (0, 0);
    while !reached(limit, results.len()) {
        let Some(found) = matches.next(evaluator)? else { break };
        if found.start >= at {
            index += units(&text[at..found.start]);
            at = found.start;
        } else {
            index = units(&text[..found.start]);
        }
        evaluator.meter.more_items(1, results.len())?;
        let mut members = evaluator.members(3)?;
        members.insert("match".into(), Value::String(found.text));
        members.insert("index".into(), Value::from(index));
        members.insert("groups".into(), Value::list(found.groups));
        results.push(members.into());
    }
    evaluator.meter.items(results.len())?;
    Ok(Value::sequence(results))
}

pub(super) fn split(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    let limit = limit_of(arguments, 2, "D3020")?;
    evaluator.meter.text(text.len())?;
    let mut results: Vec<Value> = Vec::new();
    match arguments.take(1) {
        Value::String(separator) => {
            let limit = limit.map_or(usize::MAX, |limit| limit as usize);
            if separator.is_empty() {
                evaluator.meter.items(text.len().min(limit))?;
                let characters = text.chars().map(|character| Value::from(character.to_string()));
                results.extend(characters.take(limit));
            } else {
                let parts = text.matches(&*separator).take(limit).count() + 1;
                evaluator.meter.items(parts)?;
                results.extend(text.split(&*separator).map(Value::from).take(limit));
            }
        }
        Value::Undefined => results.push(Value::String(text)),
        matcher => {
            let mut matches = Matches::new(text.clone(), matcher);
            let mut start = 0;
            while !reached(limit, results.len()) {
                let Some(found) = matches.next(evaluator)? else { break };
                evaluator.meter.more_items(1, results.len())?;
                results.push(Value::from(text.get(start..found.start).unwrap_or_default()));
                start = found.end;
            }
            if !reached(limit, results.len()) {
                results.push(Value::from(&text[start..]));
            }
        }
    }
    evaluator.meter.items(results.len())?;
    Ok(Value::list(results))
}

pub(super) fn replace(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    let (pattern, replacement) = (arguments.take(1), arguments.take(2));
    if matches!(&pattern, Value::String(part) if part.is_empty()) {
        return Err(FailureFacts::new("D3010"));
    }
    let limit = limit_of(arguments, 3, "D3011")?;
    evaluator.meter.text(text.len())?;
    let replaced = match &pattern {
        Value::String(part) => replace_text(evaluator, &text, part, &replacement, limit)?,
        Value::Undefined => return Ok(Value::String(text)),
        _ => replace_matches(evaluator, &text, pattern, &replacement, limit)?,
    };
    evaluator.meter.text(replaced.len())?;
    Ok(replaced.into())
}

fn replace_text(
    evaluator: &mut Evaluator<'_>,
    text: &str,
    part: &str,
    replacement: &Value,
    limit: Option<f64>,
) -> Result<String, Failure> {
    let mut result = String::new();
    let (mut position, mut count) = (0, 0);
    while !reached(limit, count)
        && let Some(at) = text[position..].find(part)
    {
        let Some(replacement) = replacement.as_text() else {
            return Err(not_a_text(evaluator, replacement));
        };
        result.push_str(&text[position..position + at]);
        result.push_str(replacement);
        evaluator.meter.work(1)?;
        evaluator.meter.can_make_text(result.len())?;
        position += at + part.len();
        count += 1;
    }
    result.push_str(&text[position..]);
    Ok(result)
}

fn not_a_text(evaluator: &mut Evaluator<'_>, value: &Value) -> Failure {
    FailureFacts::new("D3012").with("value", evaluator.in_message(value))
}

fn replace_matches(
    evaluator: &mut Evaluator<'_>,
    text: &Arc<str>,
    matcher: Value,
    replacement: &Value,
    limit: Option<f64>,
) -> Result<String, Failure> {
    let mut matches = Matches::new(text.clone(), matcher);
    let mut result = String::new();
    let (mut position, mut count) = (0, 0);
    while !reached(limit, count) {
        let Some(found) = matches.next(evaluator)? else { break };
        result.push_str(text.get(position..found.start).unwrap_or_default());
        position = (found.start + found.text.len()).min(text.len());
        if !text.is_char_boundary(position) {
            position = found.end;
        }
        match replacement {
            Value::String(template) => substitute(evaluator, template, &found, &mut result)?,
            function => {
                let object = evaluator.match_object(text, found, None)?;
                let substitute = evaluator.call(function, vec![object])?;
                let Some(substitute) = substitute.as_text() else {
                    return Err(not_a_text(evaluator, &substitute));
                };
                result.push_str(substitute);
            }
        }
        evaluator.meter.work(1)?;
        evaluator.meter.can_make_text(result.len())?;
        count += 1;
    }
    result.push_str(&text[position..]);
    Ok(result)
}

/// Writes a template: `$0` is the match, `$1` its first group, `$$` a dollar.
fn substitute(
    evaluator: &mut Evaluator<'_>,
    template: &str,
    found: &Found,
    result: &mut String,
) -> Result<(), Failure> {
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        evaluator.meter.work(1)?;
        evaluator.meter.can_make_text(result.len())?;
        result.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            result.push('$');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('0') {
            result.push_str(&found.text);
            rest = after;
        } else if let Some((number, length)) = group_number(rest, found.groups.len()) {
            let group = number.checked_sub(1).and_then(|index| found.groups.get(index));
            if let Some(text) = group.and_then(Value::as_text) {
                result.push_str(text);
            }
            rest = &rest[length..];
        } else {
            result.push('$');
        }
    }
    result.push_str(rest);
    Ok(())
}

/// The number of a group and its length in the text: as many digits as the count of groups has,
/// and one less where that is no group.
fn group_number(text: &str, groups: usize) -> Option<(usize, usize)> {
    let digits_max = groups.max(1).ilog10() as usize + 1;
    let digits = text.bytes().take(digits_max).take_while(u8::is_ascii_digit).count();
    let number: usize = text[..digits].parse().ok()?;
    if digits > 1 && number > groups {
        return Some((text[..digits - 1].parse().ok()?, digits - 1));
    }
    Some((number, digits))
}
