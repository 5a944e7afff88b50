//! Regular expressions: JavaScript's syntax.
//!
//! An engine that never backtracks runs them, so that no pattern takes long. Look-around and
//! back-references cannot be had without backtracking; a pattern that uses them is run by another
//! engine, which gives up after [`BACKTRACKS_MAX`] steps back.

mod translate;

use std::sync::{Arc, OnceLock};

use regex::{Regex, RegexBuilder};

use translate::Translator;

/// A compiled pattern with the memory that it may need bounded.
const COMPILED_BYTES_MAX: usize = 1 << 20;
/// How long a pattern may be.
const PATTERN_BYTES_MAX: usize = 32 << 10;
/// How often one search may go back: about ten milliseconds.
const BACKTRACKS_MAX: usize = 100_000;

/// A regular expression.
#[derive(Debug)]
pub(crate) struct Pattern {
    translated: Box<str>,
    multi_line: bool,
    backtracks: bool,
    /// Compiled again when it is first used: what is compiled is a thousand times as large as its
    /// text, and most expressions of most definitions are not evaluated at any one time.
    engine: OnceLock<Engine>,
    /// Roughly how many states a search may have to follow at once.
    pub(crate) weight: usize,
}

/// What runs a pattern.
#[derive(Debug)]
enum Engine {
    Linear(Regex),
    Backtracking(fancy_regex::Regex),
}

/// A search was given up, since it went back too often.
#[derive(Debug)]
pub(crate) struct GivenUp;

/// A match and its groups, in bytes of the text.
pub(crate) struct Match {
    /// Where it starts.
    pub(crate) start: usize,
    /// Where it ends.
    pub(crate) end: usize,
    /// The groups; `None` for those that took no part.
    pub(crate) groups: Vec<Option<Arc<str>>>,
}

impl Pattern {
    /// Checks a pattern; an error says what is not supported.
    pub(crate) fn parse(pattern: &str, flags: &str) -> Result<Pattern, String> {
        if pattern.len() > PATTERN_BYTES_MAX {
            return Err("it is too large".to_owned());
        }
        let translated = Translator::new(pattern, flags.contains('i')).translate()?;
        let pattern = Pattern {
            translated: translated.text.into(),
            multi_line: flags.contains('m'),
            backtracks: translated.backtracks,
            engine: OnceLock::new(),
            weight: translated.weight,
        };
        pattern.compile().map(|_| pattern)
    }

    fn compile(&self) -> Result<Engine, String> {
        if self.backtracks {
            let mut builder = fancy_regex::RegexBuilder::new(&self.translated);
            return builder
                .multi_line(self.multi_line)
                .backtrack_limit(BACKTRACKS_MAX)
                .delegate_size_limit(COMPILED_BYTES_MAX)
                .delegate_dfa_size_limit(COMPILED_BYTES_MAX)
                .build()
                .map(Engine::Backtracking)
                .map_err(|_| "it is too large, or not valid".to_owned());
        }
        RegexBuilder::new(&self.translated)
            .multi_line(self.multi_line)
            .size_limit(COMPILED_BYTES_MAX)
            .dfa_size_limit(COMPILED_BYTES_MAX)
            .build()
            .map(Engine::Linear)
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
                _ => "it is not valid".to_owned(),
            })
    }

    /// The first match at or after that byte.
    pub(crate) fn find(&self, text: &str, from: usize) -> Result<Option<Match>, GivenUp> {
        if from > text.len() {
            return Ok(None);
        }
        let compile = || self.compile().expect("it was compiled when it was parsed");
        Ok(match self.engine.get_or_init(compile) {
            Engine::Linear(regex) => regex.captures_at(text, from).and_then(|captures| {
                let whole = captures.get(0)?;
                let groups = captures.iter().skip(1);
                let groups = groups.map(|group| group.map(|group| group.as_str().into()));
                Some(Match { start: whole.start(), end: whole.end(), groups: groups.collect() })
            }),
            Engine::Backtracking(regex) => {
                let captures = regex.captures_from_pos(text, from).map_err(|_| GivenUp)?;
                captures.and_then(|captures| {
                    let whole = captures.get(0)?;
                    let groups = captures.iter().skip(1);
                    let groups = groups.map(|group| group.map(|group| group.as_str().into()));
                    Some(Match { start: whole.start(), end: whole.end(), groups: groups.collect() })
                })
            }
        })
    }
}
