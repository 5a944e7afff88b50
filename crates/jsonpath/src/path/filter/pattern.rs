//! Regular expressions of filters: Java's syntax, which Jayway hands them to.
//!
//! An engine that never backtracks runs them. What needs to go back (look-around, references to
//! groups, possessive quantifiers) is run by another, which gives up after [`BACKTRACKS_MAX`]
//! steps back. See <https://docs.oracle.com/javase/8/docs/api/java/util/regex/Pattern.html>.

use std::iter::Peekable;
use std::str::Chars;

use regex::{Regex, RegexBuilder};

use crate::path::walk::Stop;

/// How large a compiled pattern may be, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// How often one search may go back: about ten milliseconds.
const BACKTRACKS_MAX: usize = 100_000;

/// A pattern that a whole text must match.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    Linear(Regex),
    Backtracking(Box<fancy_regex::Regex>),
}

impl Pattern {
    /// Compiles a pattern of Java with those flags; an error says what is wrong with it.
    pub(super) fn parse(pattern: &str, flags: &str) -> Result<Pattern, String> {
        let has = |flag: char| flags.contains(flag);
        // `U` makes classes those of Unicode, and with them the cases of letters.
        let (unicode_classes, unicode_cases) = (has('U'), has('u') || has('U'));
        let translated = match unicode_classes {
            true => pattern.to_owned(),
            false => Translator::new(pattern, has('i') && !unicode_cases).translate(),
        };
        // The line end closes a comment, which patterns may have where blanks mean nothing.
        let end = if has('x') { "\n" } else { "" };
        let whole = format!("\\A(?:{translated}{end})\\z");
        let ignores_case = has('i') && unicode_cases;
        let linear = RegexBuilder::new(&whole)
            .case_insensitive(ignores_case)
            .multi_line(has('m'))
            .dot_matches_new_line(has('s'))
            .ignore_whitespace(has('x'))
            .size_limit(PATTERN_BYTES_MAX)
            .build();
        let error = match linear {
            Ok(regex) => return Ok(Pattern::Linear(regex)),
            Err(error @ regex::Error::CompiledTooBig(_)) => return Err(error.to_string()),
            Err(error) => error,
        };
        fancy_regex::RegexBuilder::new(&whole)
            .case_insensitive(ignores_case)
            .multi_line(has('m'))
            .dot_matches_new_line(has('s'))
            .ignore_whitespace(has('x'))
            .backtrack_limit(BACKTRACKS_MAX)
            .delegate_size_limit(PATTERN_BYTES_MAX)
            .build()
            .map(|regex| Pattern::Backtracking(Box::new(regex)))
            .map_err(|_| error.to_string())
    }

    /// Whether the text matches.
    pub(super) fn matches(&self, text: &str) -> Result<bool, Stop> {
        match self {
            Pattern::Linear(regex) => Ok(regex.is_match(text)),
            Pattern::Backtracking(regex) => regex.is_match(text).map_err(|_| Stop::TooMuch),
        }
    }
}

/// Writes a pattern of Java so that its classes, and its letters where case does not count, mean
/// those of ASCII, as they do in Java.
struct Translator<'a> {
    characters: Peekable<Chars<'a>>,
    ignores_case: bool,
    out: String,
}

impl<'a> Translator<'a> {
    fn new(pattern: &'a str, ignores_case: bool) -> Self {
        Translator { characters: pattern.chars().peekable(), ignores_case, out: String::new() }
    }

    fn translate(mut self) -> String {
        let mut classes = 0_usize;
        while let Some(character) = self.characters.next() {
            match character {
                '\\' => self.escape(classes > 0),
                '[' => {
                    classes += 1;
                    self.out.push('[');
                }
                ']' => {
                    classes = classes.saturating_sub(1);
                    self.out.push(']');
                }
                '(' if classes == 0 && self.characters.peek() == Some(&'?') => self.group(),
                letter if letter.is_ascii_alphabetic() && self.ignores_case => {
                    self.letter(letter, classes > 0);
                }
                _ => self.out.push(character),
            }
        }
        self.out
    }

    /// `\d` and its like; anything else as it is.
    fn escape(&mut self, in_class: bool) {
        const SPACE: &str = " \\t\\n\\x0B\\f\\r";
        let Some(character) = self.characters.next() else { return self.out.push('\\') };
        let (members, negated) = match character {
            'd' => ("0-9", false),
            'D' => ("0-9", true),
            'w' => ("a-zA-Z_0-9", false),
            'W' => ("a-zA-Z_0-9", true),
            's' => (SPACE, false),
            'S' => (SPACE, true),
            'Q' => return self.quotation(),
            _ => {
                self.out.extend(['\\', character]);
                // What follows belongs to it: `\p{L}`, `\x41`, `\k<name>`.
                return self.rest_of_escape(character);
            }
        };
        match (in_class, negated) {
            (true, false) => self.out.push_str(members),
            (_, true) => self.out.push_str(&format!("[^{members}]")),
            (false, false) => self.out.push_str(&format!("[{members}]")),
        }
    }

    /// `\Q…\E`: what stands between is meant literally.
    fn quotation(&mut self) {
        let rest: String = self.characters.by_ref().collect();
        let (quoted, after) = rest.split_once("\\E").unwrap_or((&rest, ""));
        for character in quoted.chars() {
            if character.is_ascii_alphabetic() && self.ignores_case {
                self.letter(character, false);
            } else {
                self.out.push_str(&regex::escape(character.encode_utf8(&mut [0; 4])));
            }
        }
        self.out.push_str(&Translator::new(after, self.ignores_case).translate());
    }

    fn rest_of_escape(&mut self, character: char) {
        let closing = match (character, self.characters.peek()) {
            ('p' | 'P' | 'x', Some('{')) => '}',
            ('k', Some('<')) => '>',
            ('x', _) => return self.copy(2),
            ('u', _) => return self.copy(4),
            ('p' | 'P', _) => return self.copy(1),
            _ => return,
        };
        for character in self.characters.by_ref() {
            self.out.push(character);
            if character == closing {
                break;
            }
        }
    }

    fn copy(&mut self, count: usize) {
        self.out.extend(self.characters.by_ref().take(count));
    }

    /// What stands behind `(?`, up to the `:`, `)`, `>`, `=` or `!` that ends it.
    fn group(&mut self) {
        self.out.push('(');
        while let Some(character) = self.characters.next() {
            self.out.push(character);
            let is_look_behind =
                character == '<' && matches!(self.characters.peek(), Some('=' | '!'));
            if matches!(character, ':' | ')' | '>' | '=' | '!') && !is_look_behind {
                break;
            }
        }
    }

    /// A letter in both cases. In a class, a range from one letter to another of the same case is
    /// there in both.
    fn letter(&mut self, letter: char, in_class: bool) {
        let other = |letter: char| match letter.is_ascii_uppercase() {
            true => letter.to_ascii_lowercase(),
            false => letter.to_ascii_uppercase(),
        };
        if !in_class {
            return self.out.extend(['[', letter, other(letter), ']']);
        }
        let mut ahead = self.characters.clone();
        let end = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(end)) if end.is_ascii_alphabetic() => end,
            _ => return self.out.extend([letter, other(letter)]),
        };
        self.characters = ahead;
        self.out.extend([letter, '-', end]);
        if letter.is_ascii_uppercase() == end.is_ascii_uppercase() {
            self.out.extend([other(letter), '-', other(end)]);
        }
    }
}
